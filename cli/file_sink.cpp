#include "cli/file_sink.h"

#include <algorithm>

#include "core/ensure.h"
#include "framing/stream.h"

namespace leat::cli {

namespace {

std::string in_words(const FileSink::Purpose& purpose) {
  return "pipeline '" + purpose.pipeline + "', group '" + purpose.group + "'" +
         (purpose.producer.empty() ? "" : ", producer '" + purpose.producer + "'");
}

tl::unexpected<Error> refused(const FileSink::Found& found, const std::string& what) {
  return failure(Errc::kInvalidArgument, "--to " + found.file + ": " + what);
}

Result<SinkState> check(SinkState state, const FileSink::Purpose& purpose,
                        const FileSink::Found& found) {
  const FileSink::Purpose before{state.pipeline, state.group, state.producer};
  if (in_words(before) != in_words(purpose)) {
    return refused(found, "by " + found.state_file + " it has the results of " + in_words(before) +
                              ", not of " + in_words(purpose) + ": give another file");
  }
  if (found.length < state.length) {
    return refused(found, "it has " + std::to_string(found.length) + " bytes, but by " +
                              found.state_file + " " + std::to_string(state.length) +
                              " were written: put it back as it was, or move both away to begin "
                              "with an empty file");
  }
  return state;
}

}  // namespace

Result<FileSink> FileSink::open(Purpose purpose, const Found& found, const std::string& consumer) {
  if (found.state) {
    Result<SinkState> parsed = parse_sink_state(*found.state);
    if (!parsed) {
      return refused(found, found.state_file + " is not what this leat writes (" +
                                parsed.error().message +
                                "): put it back as it was, or move both away to begin with an "
                                "empty file");
    }
    Result<SinkState> state = check(*std::move(parsed), purpose, found);
    if (!state) return tl::unexpected(state.error());
    return FileSink(*std::move(state), found.length);
  }
  if (found.length > 0) {
    return refused(found, "it is not empty, and there is no " + found.state_file +
                              ", which tells what it has: put that back, or give a new file");
  }
  return FileSink({.pipeline = std::move(purpose.pipeline),
                   .group = std::move(purpose.group),
                   .producer = std::move(purpose.producer),
                   .consumer = consumer},
                  found.length);
}

SinkEffects FileSink::start() {
  if (found_length_ == state_.length) return {};
  return {TruncateFile{state_.length}};
}

SinkEffects FileSink::open_session(std::uint64_t epoch) {
  if (epoch == state_.epoch) return {};
  SinkEffects effects = flush();
  state_.epoch = epoch;
  if (epoch == 1) {
    state_.delivery = 0;
    for (DeliveryMark& mark : state_.unconfirmed) {
      mark.number = 0;
    }
  }
  effects.emplace_back(state_effect());
  return effects;
}

SinkEffects FileSink::add(const wire::Delivery& delivery, Instant now) {
  ENSURE(delivery.number == state_.delivery + 1);
  SinkEffects effects;
  state_.delivery = delivery.number;
  if (delivery.outputs.records.count > 0) write(delivery, effects);
  // To who follows all producers it tells only that one of them is over.
  if (delivery.is_last && !state_.producer.empty()) state_.is_complete = true;
  if (!due_) due_ = now + kBehindMax;
  if (bytes_behind_ < kBytesBehindMax) return effects;
  for (SinkEffect& effect : flush()) {
    effects.push_back(std::move(effect));
  }
  return effects;
}

bool FileSink::is_repeated(const DeliveryMark& mark) {
  const auto found =
      std::find_if(state_.unconfirmed.begin(), state_.unconfirmed.end(), [&](const auto& other) {
        return other.number == 0 && other.producer == mark.producer && other.first == mark.first;
      });
  if (found == state_.unconfirmed.end()) return false;
  found->number = mark.number;
  return true;
}

void FileSink::write(const wire::Delivery& delivery, SinkEffects& effects) {
  const Records& records = delivery.outputs.records;
  if (!delivery.outputs.runs.empty()) {
    const DeliveryMark mark{delivery.number, delivery.outputs.producer,
                            delivery.outputs.runs.front().first};
    // A broker that ended repeats nothing.
    std::erase_if(state_.unconfirmed, [&](const DeliveryMark& other) {
      return other.producer.incarnation != mark.producer.incarnation;
    });
    if (is_repeated(mark)) return;
    state_.unconfirmed.push_back(mark);
    if (state_.unconfirmed.size() > kUnconfirmedMax) {
      state_.unconfirmed.erase(state_.unconfirmed.begin());
    }
  }
  const auto put = [&](Bytes bytes) {
    if (bytes.empty()) return;
    const std::uint64_t at = state_.length;
    state_.length += bytes.size();
    bytes_behind_ += bytes.size();
    effects.emplace_back(WriteFile{at, std::move(bytes)});
  };
  put(Bytes::own(std::exchange(state_.owed_terminator, {})));
  Bytes bytes = framing::stream_of(records, framing_);
  if (records.has(kUnterminated, records.count - 1)) {
    bytes = bytes.slice(0, bytes.size() - records.separator.size());
    state_.owed_terminator = records.separator;
  }
  put(std::move(bytes));
}

void FileSink::confirm(std::uint64_t delivery) {
  std::erase_if(state_.unconfirmed, [&](const DeliveryMark& mark) {
    return mark.number > 0 && mark.number <= delivery;
  });
}

SinkEffects FileSink::tick(Instant now) {
  return due_ && now >= *due_ ? flush() : SinkEffects();
}

SinkEffects FileSink::flush() {
  if (!due_) return {};
  due_.reset();
  SinkEffects effects;
  if (std::exchange(bytes_behind_, 0) > 0) effects.emplace_back(SyncFile{});
  effects.emplace_back(state_effect());
  effects.emplace_back(Acknowledge{state_.delivery});
  return effects;
}

SinkEffects FileSink::end() {
  SinkEffects effects = flush();
  // Who has all of a producer's results is not to begin anew.
  if (state_.is_complete || state_.epoch == 0) return effects;
  state_.epoch = 0;
  state_.delivery = 0;
  for (DeliveryMark& mark : state_.unconfirmed) {
    mark.number = 0;
  }
  effects.emplace_back(state_effect());
  return effects;
}

}  // namespace leat::cli
