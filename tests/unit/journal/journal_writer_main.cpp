// Appends a History to a journal until it is killed, and prints for each wake how many entries are
// durable, as 8 bytes: the victim of journal_kill_test.cpp.
//
//   journal_writer DIRECTORY SEED

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/unit/journal/history.h"

namespace leat::journal {
namespace {

constexpr std::size_t kOutstandingBytesMax = 200'000;

int run(const std::string& directory, std::uint64_t seed) {
  // Small, so that death comes while tables are written and merged, too.
  auto store = Store::open(directory, {.buffer_bytes = std::size_t{64} << 10});
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 1;
  }
  const History history(seed);
  const auto count = store->read(Table::kState, kCountKey);
  if (!count) return 1;
  const std::uint64_t before = *count ? std::stoull(std::string((*count)->view())) : 0;
  const auto journal = Journal::start(*std::move(store), {.group_bytes_max = 50'000});
  if (!journal) return 1;
  std::uint64_t number = before;
  while (true) {
    while ((*journal)->outstanding_bytes() < kOutstandingBytesMax) {
      (*journal)->append(history.entry(++number));
    }
    pollfd item{(*journal)->wake_fd(), POLLIN, 0};
    ::poll(&item, 1, -1);
    (*journal)->acknowledge_wake();
    const std::uint64_t durable = before + (*journal)->durable();
    if (::write(STDOUT_FILENO, &durable, sizeof durable) != sizeof durable) return 1;
  }
}

}  // namespace
}  // namespace leat::journal

int main(int argc, char** argv) {
  return argc == 3 ? leat::journal::run(argv[1], std::stoull(argv[2])) : 2;
}
