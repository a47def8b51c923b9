// Waiting for a Journal in tests, as its owner's loop does it.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>

#include "journal/journal.h"
#include "tests/support/deadline.h"
#include "tests/unit/journal/history.h"

namespace leat::journal {

inline std::unique_ptr<Journal> started(Store store, const JournalOptions& options = {}) {
  auto journal = Journal::start(std::move(store), options);
  REQUIRE(journal.has_value());
  return *std::move(journal);
}

// Until `holds`, woken by the journal alone.
template <typename Predicate>
void await(const Journal& journal, Predicate holds) {
  while (true) {
    journal.acknowledge_wake();
    if (holds()) return;
    REQUIRE(tests::wait_for(journal.wake_fd(), POLLIN));
  }
}

inline void await_durable(const Journal& journal, std::uint64_t number) {
  await(journal, [&] { return journal.durable() >= number; });
}

inline void await_failure(const Journal& journal) {
  await(journal, [&] { return journal.failure().has_value(); });
}

}  // namespace leat::journal
