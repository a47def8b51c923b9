#include "node/tagged.h"

#include <cstddef>
#include <string>

#include "core/words.h"

namespace leat::node {

namespace {

constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kLengthBytes = 4;

// REQUIRES: so many bytes are there.
std::uint64_t take_number(std::string_view& bytes, std::size_t size) {
  std::uint64_t number = 0;
  for (const char byte : bytes.substr(0, size)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  bytes.remove_prefix(size);
  return number;
}

std::string id_bytes(std::uint64_t id) {
  std::string bytes(kIdBytes, '\0');
  for (std::size_t i = 0; i < kIdBytes; ++i) {
    bytes[i] = static_cast<char>(id >> (8 * (kIdBytes - 1 - i)) & 0xff);
  }
  return bytes;
}

tl::unexpected<Error> wrong(const std::string& what) {
  return failure(Errc::kMalformed, what);
}

}  // namespace

Records encode_frames(const Records& records, std::uint64_t first_id) {
  Records frames;
  std::string blob;
  blob.reserve(records.blob.size() + kIdBytes * records.count);
  std::vector<std::uint32_t> lengths;
  lengths.reserve(records.count);
  RecordReader reader(records);
  while (!reader.is_done()) {
    const std::string_view record = reader.next();
    blob.append(id_bytes(first_id + lengths.size())).append(record);
    lengths.push_back(static_cast<std::uint32_t>(kIdBytes + record.size()));
  }
  frames.count = records.count;
  frames.lengths = pack_lengths(lengths);
  frames.blob = Bytes::own(std::move(blob));
  return frames;
}

Result<TaggedAnswer> decode_answer_frame(std::string_view frame) {
  const std::size_t size = frame.size();
  if (size < kIdBytes + 1) {
    return wrong("has " + count_of(size, "byte") + ", too few for an id and a status");
  }
  TaggedAnswer answer;
  answer.id = take_number(frame, kIdBytes);
  const std::uint64_t status = take_number(frame, 1);
  if (status > static_cast<std::uint64_t>(TaggedStatus::kTryAgain)) {
    return wrong("has the status " + std::to_string(status) + ", not 0, 1 or 2");
  }
  answer.status = static_cast<TaggedStatus>(status);
  while (!frame.empty()) {
    const std::uint64_t length =
        frame.size() < kLengthBytes ? UINT64_MAX : take_number(frame, kLengthBytes);
    if (length > frame.size()) {
      return wrong("ends within output " + std::to_string(answer.outputs.size() + 1));
    }
    answer.outputs.push_back(frame.substr(0, length));
    frame.remove_prefix(length);
  }
  if (answer.status != TaggedStatus::kDone && answer.outputs.size() > 1) {
    return wrong("says that the record failed, and has " +
                 count_of(answer.outputs.size(), "output") + ", not one, the reason");
  }
  return answer;
}

}  // namespace leat::node
