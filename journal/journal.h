// Journal makes a Store (journal/store.h) serve a loop that must not wait for a disk: entries and
// requests go in at once, and a descriptor says when there is something to hear. One thread writes,
// taking all that has gathered as one group with one sync; another one reads.
//
// 1. Entries become durable in the order of their numbers, each whole.
// 2. An entry is told durable only when it is, by the policy. While nothing can be written nothing
//    is told; the reason can be read, the entries are kept, and they are tried again, ever more
//    seldom (retry_min to retry_max), until there is room again.
// 3. What a sync failed on is written anew: pages that the system dropped are not relied on.
// 4. No call waits for the disk, but start() and close().
//
// It does not bound what it holds: the owner looks at outstanding_bytes() before it appends, and
// counts its fetches. Called by one thread, the owner's; it owns two more.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "core/time.h"
#include "io/wait.h"
#include "journal/entry.h"
#include "journal/store.h"

namespace leat::journal {

enum class SyncPolicy : std::uint8_t {
  kAlways,    // Durable is what is on the disk; each group is synced at once.
  kInterval,  // The same, but entries gather for an interval, and then are one group.
  kNever,     // Durable is what the system has: it outlives the process, not a loss of power.
};

struct JournalOptions {
  SyncPolicy sync = SyncPolicy::kAlways;
  Duration interval = std::chrono::milliseconds(100);  // From one group to the next, if kInterval.
  // What goes into one group; what more there is goes into the next. One entry may be larger.
  std::size_t group_bytes_max = std::size_t{16} << 20;
  Duration retry_min = std::chrono::milliseconds(100);
  Duration retry_max = std::chrono::seconds(5);
};

// The answer to a fetch(): its request, and what Store::read() gave.
struct Fetched {
  std::uint64_t request = 0;
  Result<std::optional<Bytes>> value;
};

class Journal {
 public:
  // Starts the threads. kSystem: there are none to be had.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> start(Store store,
                                                              const JournalOptions& options = {});

  // As close(), which tells what was lost.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  Journal(Journal&&) = delete;
  Journal& operator=(Journal&&) = delete;

  // Readable when durable() has grown, failure() has changed or a fetch has been answered since
  // the last acknowledge_wake(), which comes before looking at those.
  [[nodiscard]] int wake_fd() const { return bell_.fd(); }

  void acknowledge_wake() const { (void)bell_.was_rung(); }

  // Returns the entry's number: 1, 2, 3... REQUIRES: not closed.
  std::uint64_t append(Entry entry);

  // All entries up to this number are durable; 0: none yet.
  [[nodiscard]] std::uint64_t durable() const;

  // Of the entries that are not durable yet; the sum of their bytes().
  [[nodiscard]] std::size_t outstanding_bytes() const;

  // Why nothing becomes durable at present; nothing when all is well.
  [[nodiscard]] std::optional<std::string> failure() const;

  // Reads a payload. `request` is for the caller to know the answer by. Sees every entry that is
  // durable, and perhaps later ones. While the store is closed after an error it waits.
  // REQUIRES: not closed.
  void fetch(std::uint64_t request, std::string key);

  // The answers since it was called last, in the order of the requests.
  [[nodiscard]] std::vector<Fetched> take_fetched();

  // Waits until all that was appended is durable, and lets go of the directory. When that fails,
  // tries once more and then tells why; what is not durable is lost. Fetches that have no answer
  // get none. Again: the same result.
  Result<void> close();

  // For start().
  Journal(Store store, const JournalOptions& options);

 private:
  struct Fetch {
    std::uint64_t request;
    std::string key;
  };

  using Lock = std::unique_lock<std::mutex>;

  void write_groups();
  void read_payloads();

  // Of the writing thread. Each holds the lock when called and when it returns, except where said.
  [[nodiscard]] bool wait_for_group(Lock& lock);
  [[nodiscard]] std::vector<Entry> take_group();
  void commit(const std::vector<Entry>& group, Lock& lock);
  [[nodiscard]] Result<void> write(const std::vector<Entry>& group);  // Without the lock.
  void tell_failure(const std::string& reason);
  void reopen(std::size_t bytes, Lock& lock);

  const JournalOptions options_;
  const io::Bell bell_;

  Store store_;
  std::shared_mutex store_use_;  // Reading holds it shared; reopening alone.

  mutable std::mutex lock_;  // Guards all below but the threads; not held while the disk works.
  std::condition_variable for_writer_;
  std::condition_variable for_reader_;
  std::deque<Entry> queue_;  // Appended, and not in a group yet.
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
  std::size_t outstanding_bytes_ = 0;
  std::size_t queue_bytes_ = 0;  // Of queue_.
  std::optional<std::string> failure_;
  std::deque<Fetch> fetches_;
  std::vector<Fetched> fetched_;
  bool can_read_ = true;  // The store is open.
  bool is_closing_ = false;
  std::chrono::steady_clock::time_point last_group_;  // When it was written.

  std::thread writer_;
  std::thread reader_;
};

}  // namespace leat::journal
