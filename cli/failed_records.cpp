#include "cli/failed_records.h"

#include <utility>

#include "core/words.h"

namespace leat::cli {

namespace {

// So many are told one by one.
constexpr std::uint64_t kToldMax = 5;

}  // namespace

Result<void> FailedRecords::add(const wire::Delivery& delivery) {
  dropped_ += delivery.dropped;
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    if (Result<void> added = add(delivery.from, letter); !added) return added;
  }
  return {};
}

Result<void> FailedRecords::add(const std::string& producer, const wire::DeadLetter& letter) {
  count_ += letter.failure.inputs;
  wire::DeadLetter numbered = letter;
  numbered.failure.first = place_in_stream(letter.failure.first);
  tell("record " + to_string(numbered.failure.first) +
       (producer.empty() ? "" : " of producer '" + producer + "'") + " failed at stage '" +
       letter.stage + "': " + letter.failure.reason);
  return file_.is_open() ? file_.add({pipeline_, producer}, numbered) : Result<void>();
}

Position FailedRecords::place_in_stream(const Position& origin) const {
  std::vector<std::uint64_t> path = origin.above();
  path.push_back(origin.last());
  for (const std::uint64_t skipped : skipped_) {
    if (skipped <= path.front()) ++path.front();
  }
  const std::uint64_t last = path.back();
  path.pop_back();
  return {std::move(path), last};
}

Result<void> FailedRecords::add_oversize(const InputCutter::Oversize& oversize,
                                         std::size_t record_bytes_max) {
  ++count_;
  skipped_.push_back(oversize.index);
  tell("record " + std::to_string(oversize.index) + " has " + std::to_string(oversize.bytes) +
       " bytes, more than limits.record_bytes (" + std::to_string(record_bytes_max) + ")");
  return file_.is_open()
             ? file_.add_oversize({.pipeline = pipeline_}, oversize.index, oversize.bytes)
             : Result<void>();
}

void FailedRecords::tell(const std::string& what) {
  ++told_;
  if (told_ > kToldMax) return;
  tell_(what);
  if (told_ == kToldMax) tell_("further failed records are counted only");
}

void FailedRecords::tell_outcome() const {
  if (dropped_ > 0) tell_(count_of(dropped_, "record") + " dropped, as on_error asks");
  if (count_ == 0) return;
  tell_(count_of(count_, "record") + " failed; " +
        (file_.is_open() ? "see " + file_.path() : "--dead-letters FILE keeps what fails"));
}

}  // namespace leat::cli
