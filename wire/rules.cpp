#include "wire/rules.h"

#include <algorithm>

namespace leat::wire {

namespace {

std::size_t depth(const Position& position) {
  return position.above().size() + 1;
}

// Walks runs without outputs, in order.
class OpenInputs {
 public:
  explicit OpenInputs(const std::vector<Run>& runs) : at_(runs.begin()), end_(runs.end()) {}

  // Takes `count` siblings from `first` on; false if one is not there or was passed already.
  bool take(Position first, std::uint64_t count) {
    while (count > 0) {
      while (at_ != end_ && (at_->outputs > 0 || at_->first.plus(at_->inputs) <= first)) {
        ++at_;
      }
      if (at_ == end_ || !at_->first.is_sibling(first) || at_->first > first) return false;
      const std::uint64_t run_end = at_->first.last() + at_->inputs;
      const std::uint64_t taken = std::min(count, run_end - first.last());
      first = first.plus(taken);
      count -= taken;
    }
    return true;
  }

 private:
  std::vector<Run>::const_iterator at_;
  std::vector<Run>::const_iterator end_;
};

}  // namespace

bool has_room(const Position& first, std::uint64_t count) {
  return first.last() < kNumberEnd && count <= kNumberEnd - first.last();
}

bool is_sound(const Run& run) {
  const bool has_children = !run.is_one_for_one() && run.outputs > 0;
  return has_room(run.first, run.inputs) &&
         (!has_children || depth(run.first) < Position::kDepthMax);
}

bool is_ascending(const std::vector<Run>& runs) {
  return std::adjacent_find(runs.begin(), runs.end(), [](const Run& run, const Run& next) {
           return next.first < run.first.plus(run.inputs);
         }) == runs.end();
}

bool is_ascending(const std::vector<NumberRange>& ranges) {
  std::uint64_t end = 0;
  return std::all_of(ranges.begin(), ranges.end(), [&end](const NumberRange& range) {
    const bool is_after = range.count > 0 && range.first >= end;
    end = range.first + range.count;
    return is_after;
  });
}

bool is_sound(const Histogram::Counts& counts) {
  std::size_t next = 0;
  return std::all_of(counts.begin(), counts.end(), [&next](const auto& entry) {
    const bool is_next = entry.second > 0 && entry.first >= next;
    next = std::size_t{entry.first} + 1;
    return is_next && next <= Histogram::kBuckets;
  });
}

std::uint64_t outputs_of(const std::vector<Run>& runs) {
  std::uint64_t outputs = 0;
  for (const Run& run : runs) {
    outputs += run.outputs;
  }
  return outputs;
}

bool is_one_for_one(const Batch& slice) {
  const auto is_full = [](const Run& run) { return run.is_one_for_one() && run.inputs > 0; };
  return !slice.runs.empty() && std::all_of(slice.runs.begin(), slice.runs.end(), is_full);
}

bool are_one_for_one(const std::vector<Batch>& slices) {
  return std::all_of(slices.begin(), slices.end(),
                     [](const Batch& slice) { return is_one_for_one(slice); });
}

bool is_window(const std::vector<Batch>& slices) {
  // A producer that ended without a record: its end stands for the window.
  const bool is_empty = slices.size() == 1 && slices.front().runs.size() == 1 &&
                        slices.front().runs.front().inputs == 1 &&
                        slices.front().runs.front().outputs == 0;
  if (is_empty) return true;
  return std::all_of(slices.begin(), slices.end(), [&](const Batch& slice) {
    return is_one_for_one(slice) && slice.producer == slices.front().producer;
  });
}

bool are_among(const std::vector<Failure>& failures, const std::vector<Run>& runs) {
  std::vector<const Failure*> ascending;
  ascending.reserve(failures.size());
  for (const Failure& failure : failures) {
    ascending.push_back(&failure);
  }
  std::sort(ascending.begin(), ascending.end(),
            [](const Failure* a, const Failure* b) { return a->first < b->first; });
  OpenInputs open(runs);
  const Failure* previous = nullptr;
  for (const Failure* failure : ascending) {
    if (previous && failure->first < previous->first.plus(previous->inputs)) return false;
    if (!open.take(failure->first, failure->inputs)) return false;
    previous = failure;
  }
  return true;
}

}  // namespace leat::wire
