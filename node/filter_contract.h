// Mode `filter`: the tool prints any number of records for each that it is given. Nobody can tell
// from its output which belongs to which; but when it has come to rest, all that it printed since
// the last rest belongs to all that it was given since then.
//
// So a cycle goes from rest to rest. Invariants:
//  (1) A cycle holds siblings of one lease without gaps, and no more than 50 ms of work by measure:
//      its outputs become the children of the first, so nothing else may lie between.
//  (2) Nothing is committed unless the tool is seen at rest, at a record's end.
//  (3) Until the tool has proved that it prints nothing behind its rest, each cycle ends with
//      end-of-file, and is committed only when the process has ended. One that printed anything
//      before its rest, and nothing behind it, is the proof.

#pragma once

#include <vector>

#include "node/contract.h"
#include "node/pace.h"
#include "node/uncommitted.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

class FilterContract {
 public:
  // Both must outlive it.
  FilterContract(const spec::Stage& stage, const Limits& limits) : stage_(stage), limits_(limits) {}

  [[nodiscard]] WorkQueue::Room room(const Uncommitted& given, const Pace& pace) const;

  // `last`: the pause before, if nothing has happened since.
  [[nodiscard]] static Duration look_pause(const Uncommitted& /*given*/,
                                           std::optional<Duration> last) {
    return patient_pause(last);
  }

  [[nodiscard]] Verdict judge(const Uncommitted& given, const Sight& sight) const;

  [[nodiscard]] std::optional<wire::Failure> surplus(const Uncommitted& given,
                                                     std::uint32_t answers,
                                                     std::uint32_t owed) const;

  // `record_max`: bytes of a printed record.
  [[nodiscard]] static Suspicion suspect(const wire::Failure& why, const Uncommitted& given,
                                         std::size_t record_max);

  [[nodiscard]] Conclusion conclude(const Uncommitted& given, const Ending& ending);

  [[nodiscard]] std::vector<wire::LeaseResult> results(Uncommitted& given);

  // It printed behind its rest after all.
  void withdraw_proof() { is_proved_ = false; }

  void forget_process() {}

 private:
  const spec::Stage& stage_;
  const Limits& limits_;
  bool is_proved_ = false;
  double printed_bytes_ = 0;  // For a record, at the last commit.
};

}  // namespace leat::node
