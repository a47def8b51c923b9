// Mode `each`: the tool answers every record with one, in order.
//
// What it answered may be trusted when it has answered exactly what it was given and is at rest.
// Where rest cannot be seen, it is having answered as many as it was given.

#pragma once

#include <vector>

#include "node/contract.h"
#include "node/pace.h"
#include "node/uncommitted.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

class EachContract {
 public:
  // `stage` must outlive it.
  explicit EachContract(const spec::Stage& stage) : stage_(stage) {}

  [[nodiscard]] WorkQueue::Room room(const Uncommitted& given, const Pace& pace) const;

  // `last`: the pause before, if nothing has happened since.
  [[nodiscard]] static Duration look_pause(const Uncommitted& given, std::optional<Duration> last);

  [[nodiscard]] Verdict judge(const Uncommitted& given, const Sight& sight);

  // `answers` more came for `owed` records.
  [[nodiscard]] std::optional<wire::Failure> surplus(const Uncommitted& given,
                                                     std::uint32_t answers,
                                                     std::uint32_t owed) const;

  // `record_max`: bytes of a printed record.
  [[nodiscard]] static Suspicion suspect(const wire::Failure& why, const Uncommitted& given,
                                         std::size_t record_max);

  [[nodiscard]] Conclusion conclude(const Uncommitted& given, const Ending& ending) const;

  [[nodiscard]] static std::vector<wire::LeaseResult> results(Uncommitted& given);

  void forget_process() { is_rest_hidden_ = false; }

 private:
  const spec::Stage& stage_;
  bool is_rest_hidden_ = false;  // This process never rested, but slept so long that it must hide.
};

}  // namespace leat::node
