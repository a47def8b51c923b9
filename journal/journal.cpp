#include "journal/journal.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/ensure.h"

namespace leat::journal {

namespace {

using Clock = std::chrono::steady_clock;

// More than a group, so that it is not the group that finds out.
constexpr std::size_t kProbeBytes = std::size_t{1} << 20;

// Signals are for the threads of the program: those that are started meanwhile get none.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }

  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  SignalsBlocked(SignalsBlocked&&) = delete;
  SignalsBlocked& operator=(SignalsBlocked&&) = delete;

 private:
  sigset_t before_{};
};

std::size_t bytes_of(const std::vector<Entry>& group) {
  std::size_t bytes = 0;
  for (const Entry& entry : group) {
    bytes += entry.bytes();
  }
  return bytes;
}

}  // namespace

Journal::Journal(Store store, const JournalOptions& options)
    : options_(options), store_(std::move(store)) {}

Result<std::unique_ptr<Journal>> Journal::start(Store store, const JournalOptions& options) {
  auto journal = std::make_unique<Journal>(std::move(store), options);
  const SignalsBlocked blocked;
  try {
    journal->writer_ = std::thread([it = journal.get()] { it->write_groups(); });
    journal->reader_ = std::thread([it = journal.get()] { it->read_payloads(); });
  } catch (const std::system_error& error) {
    return leat::failure(Errc::kSystem,
                         "cannot start the journal: no thread: " + std::string(error.what()));
  }
  return journal;
}

Journal::~Journal() {
  (void)close();
}

std::uint64_t Journal::append(Entry entry) {
  const Lock lock(lock_);
  ENSURE(!is_closing_);
  outstanding_bytes_ += entry.bytes();
  queue_bytes_ += entry.bytes();
  queue_.push_back(std::move(entry));
  for_writer_.notify_one();
  return ++appended_;
}

std::uint64_t Journal::durable() const {
  const Lock lock(lock_);
  return durable_;
}

std::size_t Journal::outstanding_bytes() const {
  const Lock lock(lock_);
  return outstanding_bytes_;
}

std::optional<std::string> Journal::failure() const {
  const Lock lock(lock_);
  return failure_;
}

void Journal::fetch(std::uint64_t request, std::string key) {
  const Lock lock(lock_);
  ENSURE(!is_closing_);
  fetches_.push_back({request, std::move(key)});
  for_reader_.notify_one();
}

std::vector<Fetched> Journal::take_fetched() {
  const Lock lock(lock_);
  return std::exchange(fetched_, {});
}

Result<void> Journal::close() {
  {
    const Lock lock(lock_);
    is_closing_ = true;
    for_writer_.notify_one();
    for_reader_.notify_one();
  }
  if (writer_.joinable()) writer_.join();
  if (reader_.joinable()) reader_.join();
  store_.close();
  if (durable_ == appended_) return {};
  return leat::failure(Errc::kSystem, std::to_string(appended_ - durable_) +
                                          " entries of the journal are lost: " +
                                          failure_.value_or("it was never started"));
}

// ---- The thread that writes.

void Journal::write_groups() {
  Lock lock(lock_);
  while (wait_for_group(lock)) {
    const std::vector<Entry> group = take_group();
    commit(group, lock);
    // Nothing behind a lost entry may become durable.
    if (failure_) return;
  }
}

// False: there is nothing left to write, and there never will be.
bool Journal::wait_for_group(Lock& lock) {
  for_writer_.wait(lock, [this] { return !queue_.empty() || is_closing_; });
  if (options_.sync == SyncPolicy::kInterval) {
    const auto due = last_group_ + std::chrono::duration_cast<Clock::duration>(options_.interval);
    for_writer_.wait_until(
        lock, due, [this] { return queue_bytes_ >= options_.group_bytes_max || is_closing_; });
  }
  return !queue_.empty();
}

std::vector<Entry> Journal::take_group() {
  std::size_t bytes = 0;
  auto end = queue_.begin();
  while (end != queue_.end() && (bytes == 0 || bytes + end->bytes() <= options_.group_bytes_max)) {
    bytes += end->bytes();
    ++end;
  }
  std::vector<Entry> group(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  queue_bytes_ -= bytes;
  return group;
}

// Returns when the group is durable, or when all is lost and failure_ says why.
void Journal::commit(const std::vector<Entry>& group, Lock& lock) {
  const std::size_t bytes = bytes_of(group);
  Duration pause = options_.retry_min;
  bool is_last = false;
  while (true) {
    lock.unlock();
    const Result<void> written = write(group);
    lock.lock();
    if (written) break;
    tell_failure(written.error().message);
    if (is_last) return;
    for_writer_.wait_for(lock, pause, [this] { return is_closing_; });
    is_last = is_closing_;
    reopen(bytes, lock);
    pause = std::min(2 * pause, options_.retry_max);
  }
  last_group_ = Clock::now();
  failure_.reset();
  durable_ += group.size();
  outstanding_bytes_ -= bytes;
  bell_.ring();
}

Result<void> Journal::write(const std::vector<Entry>& group) {
  return store_.write(group, options_.sync == SyncPolicy::kNever ? Sync::kNo : Sync::kYes);
}

void Journal::tell_failure(const std::string& reason) {
  if (failure_ == reason) return;
  failure_ = reason;
  bell_.ring();
}

// The old files can be read as long as they are open: so they are not closed before the disk has
// shown that it takes `bytes` again.
void Journal::reopen(std::size_t bytes, Lock& lock) {
  lock.unlock();
  Result<void> done = store_.probe(bytes + kProbeBytes);
  lock.lock();
  if (done) {
    can_read_ = false;
    lock.unlock();
    {
      const std::unique_lock alone(store_use_);
      done = store_.reopen();
    }
    lock.lock();
    can_read_ = done.has_value();
    for_reader_.notify_one();
  }
  if (!done) tell_failure(done.error().message);
}

// ---- The thread that reads.

void Journal::read_payloads() {
  Lock lock(lock_);
  while (true) {
    for_reader_.wait(lock, [this] { return is_closing_ || (can_read_ && !fetches_.empty()); });
    if (is_closing_) return;
    Fetch fetch = std::move(fetches_.front());
    fetches_.pop_front();
    lock.unlock();
    Result<std::optional<Bytes>> value = [&] {
      const std::shared_lock together(store_use_);
      return store_.read(Table::kPayload, fetch.key);
    }();
    lock.lock();
    if (!value && value.error().code == Errc::kUnavailable) {
      fetches_.push_front(std::move(fetch));  // It was closed meanwhile.
      continue;
    }
    fetched_.push_back({fetch.request, std::move(value)});
    bell_.ring();
  }
}

}  // namespace leat::journal
