#include "node/reframe.h"

#include <string>
#include <utility>

#include "framing/splitter.h"

namespace leat::node {

namespace {

bool carries_all(const framing::Splitter& splitter, const Records& records) {
  RecordReader reader(records);
  while (!reader.is_done()) {
    if (!splitter.carries(reader.next())) return false;
  }
  return true;
}

bool lies_as_read(const Records& records, const framing::Framing& input) {
  if (records.separator != framing::terminator(input)) return false;
  framing::Splitter splitter(input);
  if (!framing::may_lack_terminator(input)) return carries_all(splitter, records);
  std::vector<std::uint32_t> lengths;
  lengths.reserve(records.count);
  splitter.scan(records.blob.view(), lengths);
  return splitter.pending_bytes() == 0 && pack_lengths(lengths) == records.lengths;
}

// The part of the records collected, which end before record `end` of the slice.
void finish(const Batch& slice, std::uint32_t end, FramedRecords& records,
            std::vector<Batch>& parts) {
  const std::uint32_t count = records.count();
  if (count == 0) return;
  Batch part{slice.producer, origins_of(slice.runs, end - count, count), records.take()};
  part.records.attributes = slice.records.slice(end - count, count).attributes;
  parts.push_back(std::move(part));
}

// Whether a tool reads it as one record when end-of-file follows it.
bool carries_unterminated(const framing::Framing& input, std::string_view record) {
  std::string stream(record);
  if (input.kind == framing::Kind::kUntil) stream += framing::terminator(input);
  framing::Splitter splitter(input);
  std::vector<std::uint32_t> lengths;
  splitter.scan(stream, lengths);
  // Of `until` the line that matches may be the last, or be missing.
  const bool may_be_whole = input.kind == framing::Kind::kUntil && lengths.size() == 1;
  return lengths.empty() || (may_be_whole && splitter.pending_bytes() == 0);
}

void reframe_each(const Batch& slice, const framing::Framing& input, Reframed& reframed) {
  FramedRecords part(input);
  const framing::Splitter splitter(input);
  RecordReader reader(slice.records);
  for (std::uint32_t i = 0; !reader.is_done(); ++i) {
    const std::string_view record = reader.next();
    const bool is_unterminated = slice.records.has(kUnterminated, i);
    const bool fits =
        is_unterminated ? carries_unterminated(input, record) : splitter.carries(record);
    if (fits && !is_unterminated) {
      part.add(record);
      continue;
    }
    finish(slice, i, part, reframed.parts);
    if (fits) {
      part.add_unterminated(record);
      continue;
    }
    reframed.refused.push_back(
        {origins_of(slice.runs, i, 1).front().first, framing::refusal(input, record)});
  }
  finish(slice, slice.records.count, part, reframed.parts);
}

}  // namespace

framing::Framing tool_input(const spec::Stage& stage) {
  if (stage.mode == spec::Mode::kTagged) return framing::kLength32Framing;
  return stage.langpack ? framing::Framing() : stage.input;
}

framing::Framing tool_output(const spec::Stage& stage) {
  if (stage.mode == spec::Mode::kTagged) return framing::kLength32Framing;
  return stage.langpack ? framing::kJsonFraming : stage.output;
}

void FramedRecords::add(std::string_view record) {
  const std::size_t before = blob_.size();
  framing::feed(framing_, record, blob_);
  lengths_.push_back(
      static_cast<std::uint32_t>(blob_.size() - before - framing::terminator(framing_).size()));
}

void FramedRecords::add_unterminated(std::string_view record) {
  blob_.append(record).append(framing::terminator(framing_));
  lengths_.push_back(static_cast<std::uint32_t>(record.size()));
}

Records FramedRecords::take() {
  Records records;
  records.count = count();
  records.lengths = pack_lengths(std::exchange(lengths_, {}));
  records.blob = Bytes::own(std::exchange(blob_, {}));
  records.separator = framing::terminator(framing_);
  return records;
}

Reframed reframe(Batch slice, const framing::Framing& input) {
  Reframed reframed;
  const Records& records = slice.records;
  if (records.count == 0) return reframed;
  if (!framing::may_lack_terminator(input)) {
    std::erase_if(slice.records.attributes,
                  [](const Attribute& attribute) { return attribute.name == kUnterminated; });
  }
  const std::uint32_t whole =
      records.has(kUnterminated, records.count - 1) ? records.count - 1 : records.count;
  Batch terminated{slice.producer, origins_of(slice.runs, 0, whole), records.slice(0, whole)};
  if (whole > 0 && lies_as_read(terminated.records, input)) {
    reframed.parts.push_back(std::move(terminated));
    if (whole == records.count) return reframed;
    reframe_each({slice.producer, origins_of(slice.runs, whole, 1), records.slice(whole, 1)}, input,
                 reframed);
    return reframed;
  }
  reframe_each(slice, input, reframed);
  return reframed;
}

}  // namespace leat::node
