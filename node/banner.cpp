#include "node/banner.h"

#include <utility>

namespace leat::node {

void Banner::put_ahead(wire::LeaseResult& result) {
  std::vector<Run>& runs = result.outputs.runs;
  if (!is_kept_ || runs.empty() || runs.front().first != Position(0)) return;
  if (printed_.count() > 0) records_ = printed_.take(printed_.count());
  if (records_.count == 0) return;
  // The first record gets several outputs; where each has one, the others keep theirs.
  const Run all = runs.front();
  if (all.is_one_for_one() && all.inputs > 1) {
    runs.front() = {all.first, 1, 1};
    runs.insert(runs.begin() + 1, {all.first.plus(1), all.inputs - 1, all.outputs - 1});
  }
  runs.front().outputs += records_.count;
  Records& records = result.outputs.records;
  records = join({records_, records});
}

}  // namespace leat::node
