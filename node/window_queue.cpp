#include "node/window_queue.h"

#include <algorithm>
#include <utility>

namespace leat::node {

void WindowQueue::push_back(WindowWork work) {
  windows_.push_back(std::move(work));
}

void WindowQueue::push_front(WindowWork work) {
  windows_.push_front(std::move(work));
}

std::optional<WindowWork> WindowQueue::take(Instant now) {
  const auto found = std::find_if(windows_.begin(), windows_.end(),
                                  [now](const WindowWork& work) { return work.not_before <= now; });
  if (found == windows_.end() || (is_ordered_ && found != windows_.begin())) return std::nullopt;
  WindowWork work = std::move(*found);
  windows_.erase(found);
  return work;
}

std::optional<Instant> WindowQueue::next_deadline() const {
  std::optional<Instant> next;
  for (const WindowWork& work : windows_) {
    if (!next || work.not_before < *next) next = work.not_before;
    if (is_ordered_) break;
  }
  return next;
}

void WindowQueue::keep_epoch(std::uint64_t epoch) {
  std::erase_if(windows_, [epoch](const WindowWork& work) { return work.epoch != epoch; });
}

}  // namespace leat::node
