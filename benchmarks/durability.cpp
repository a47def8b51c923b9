// What durability costs: the journal beside the bare disk, in one run.
//
//   durability_benchmark DIRECTORY [seconds=S] [kept=N] [bytes=B] [outstanding=N] [rounds=R]
//                       [never]
//
// Method: so many entries are outstanding at a time. Each puts a payload and a small value, and
// erases the payload that is `kept` entries older, as a broker does whose records have been taken;
// 256 by default, which fit into the journal's memory if they are small, and 16 MiB at most are in
// one group. A figure takes a second unless `seconds` says otherwise; `never` leaves out syncing.
// The bare disk is a file that is appended to and fdatasync'ed, with the same thread that takes all
// that has gathered, and so the same grouping. Each round does one after the other; the median of
// the rounds counts. It fails only when the disk does: figures of a busy machine are no verdict.

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/fd.h"
#include "io/wait.h"
#include "journal/journal.h"
#include "journal/key.h"

namespace leat::journal {

namespace {

constexpr std::size_t kStateBytes = 64;
constexpr std::size_t kFileBytesMax = std::size_t{256} << 20;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "durability_benchmark: %s\n", what.c_str());
  std::abort();
}

// A file, a thread, a queue: what no journal can be faster than.
class BareDisk {
 public:
  BareDisk(std::string path, Sync sync) : path_(std::move(path)), sync_(sync) {
    begin_file();
    thread_ = std::thread([this] { write_groups(); });
  }

  ~BareDisk() {
    {
      const std::lock_guard guard(lock_);
      is_closing_ = true;
      changed_.notify_one();
    }
    thread_.join();
    ::unlink(path_.c_str());
  }

  BareDisk(const BareDisk&) = delete;
  BareDisk& operator=(const BareDisk&) = delete;
  BareDisk(BareDisk&&) = delete;
  BareDisk& operator=(BareDisk&&) = delete;

  void append(std::uint64_t /*number*/, const Bytes& payload) {
    const std::lock_guard guard(lock_);
    queue_.push_back(payload);
    changed_.notify_one();
  }

  [[nodiscard]] std::uint64_t durable() const {
    const std::lock_guard guard(lock_);
    return durable_;
  }

  [[nodiscard]] int wake_fd() const { return bell_.fd(); }

  void acknowledge_wake() const { (void)bell_.was_rung(); }

 private:
  void begin_file() {
    ::unlink(path_.c_str());
    file_ = io::Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file_.is_open()) give_up("cannot write " + path_);
    file_bytes_ = 0;
  }

  void write_groups() {
    std::unique_lock lock(lock_);
    while (true) {
      changed_.wait(lock, [this] { return is_closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const std::deque<Bytes> group = std::exchange(queue_, {});
      lock.unlock();
      write(group);
      lock.lock();
      durable_ += group.size();
      bell_.ring();
    }
  }

  void write(const std::deque<Bytes>& group) {
    static std::array<char, kStateBytes> state{};
    if (file_bytes_ > kFileBytesMax) begin_file();
    std::vector<iovec> pieces;
    for (const Bytes& payload : group) {
      pieces.push_back({state.data(), state.size()});
      pieces.push_back({const_cast<char*>(payload.view().data()), payload.size()});
    }
    constexpr std::size_t kPiecesMax = 1024;
    for (std::size_t i = 0; i < pieces.size(); i += kPiecesMax) {
      const auto count = static_cast<int>(std::min(kPiecesMax, pieces.size() - i));
      const ssize_t written = ::writev(file_.get(), &pieces[i], count);
      if (written < 0) give_up("cannot write " + path_);
      file_bytes_ += static_cast<std::size_t>(written);
    }
    if (sync_ == Sync::kYes && ::fdatasync(file_.get()) != 0) give_up("cannot sync " + path_);
  }

  const std::string path_;
  const Sync sync_;
  const io::Bell bell_;
  io::Fd file_;
  std::size_t file_bytes_ = 0;
  mutable std::mutex lock_;  // Guards what follows but the thread.
  std::condition_variable changed_;
  std::deque<Bytes> queue_;
  std::uint64_t durable_ = 0;
  bool is_closing_ = false;
  std::thread thread_;
};

class JournalDisk {
 public:
  JournalDisk(const std::string& directory, Sync sync, std::uint64_t kept)
      : kept_(kept), state_(Bytes::own(std::string(kStateBytes, 's'))) {
    auto store = Store::open(directory);
    if (!store) give_up(store.error().message);
    auto journal = Journal::start(
        *std::move(store), {.sync = sync == Sync::kYes ? SyncPolicy::kAlways : SyncPolicy::kNever});
    if (!journal) give_up(journal.error().message);
    journal_ = *std::move(journal);
  }

  void append(std::uint64_t number, const Bytes& payload) const {
    Entry entry;
    entry.put(Table::kPayload, KeyWriter().number(number).take(), payload);
    entry.put(Table::kState, KeyWriter().number(number % kept_).take(), state_);
    if (number > kept_) {
      entry.erase(Table::kPayload, KeyWriter().number(number - kept_).take());
    }
    journal_->append(std::move(entry));
  }

  [[nodiscard]] std::uint64_t durable() const {
    if (const auto reason = journal_->failure()) give_up(*reason);
    return journal_->durable();
  }

  [[nodiscard]] int wake_fd() const { return journal_->wake_fd(); }

  void acknowledge_wake() const { journal_->acknowledge_wake(); }

 private:
  std::uint64_t kept_;
  Bytes state_;
  std::unique_ptr<Journal> journal_;
};

struct Figures {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
};

double at_rank(std::vector<double>& values, double rank) {
  const auto place = static_cast<std::ptrdiff_t>(rank * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

// Keeps `outstanding` entries under way for so long.
template <typename Disk>
Figures drive(Disk& disk, const Bytes& payload, std::size_t outstanding, Duration length) {
  const io::MonotonicClock clock;
  const Instant begin = clock.now();
  std::deque<Instant> sent;  // Of those that are not durable.
  std::vector<double> waits;
  std::uint64_t appended = 0;
  io::WaitSet waiting;
  waiting.add(disk.wake_fd(), POLLIN);
  Instant now = begin;
  while (now - begin < length) {
    while (sent.size() < outstanding) {
      sent.push_back(clock.now());
      disk.append(++appended, payload);
    }
    waiting.wait(std::nullopt);
    disk.acknowledge_wake();
    now = clock.now();
    for (const std::uint64_t durable = disk.durable(); appended - sent.size() < durable;) {
      waits.push_back(static_cast<double>((now - sent.front()).count()) / 1e3);
      sent.pop_front();
    }
  }
  const double seconds = static_cast<double>((now - begin).count()) / 1e9;
  return {static_cast<double>(waits.size()) / seconds, at_rank(waits, 0.5), at_rank(waits, 0.99)};
}

Figures median(const std::vector<Figures>& rounds) {
  const auto of = [&rounds](double Figures::* which) {
    std::vector<double> values;
    values.reserve(rounds.size());
    for (const Figures& round : rounds) {
      values.push_back(round.*which);
    }
    return at_rank(values, 0.5);
  };
  return {of(&Figures::per_second), of(&Figures::p50_us), of(&Figures::p99_us)};
}

void print(const char* name, const Figures& figures, std::size_t bytes) {
  std::printf("  %-8s %9.0f entries/s %8.1f MB/s  p50 %8.0f us  p99 %8.0f us", name,
              figures.per_second, figures.per_second * static_cast<double>(bytes) / 1e6,
              figures.p50_us, figures.p99_us);
}

struct Settings {
  std::string directory;
  std::vector<std::size_t> bytes = {std::size_t{1} << 10, std::size_t{64} << 10,
                                    std::size_t{256} << 10};
  std::vector<std::size_t> outstanding = {1, 16, 64};
  Duration length = std::chrono::seconds(1);
  std::uint64_t kept = 256;
  int rounds = 5;
  Sync sync = Sync::kYes;
};

Bytes payload_of(std::size_t bytes) {
  std::string filling(bytes, '\0');
  std::uint64_t state = bytes;
  for (char& byte : filling) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  return Bytes::own(std::move(filling));
}

void run(const Settings& settings, std::size_t bytes, std::size_t outstanding) {
  const Bytes payload = payload_of(bytes);
  std::vector<Figures> bare;
  std::vector<Figures> journal;
  for (int round = 0; round < settings.rounds; ++round) {
    {
      BareDisk disk(settings.directory + "/bare", settings.sync);
      bare.push_back(drive(disk, payload, outstanding, settings.length));
    }
    {
      JournalDisk disk(settings.directory + "/journal", settings.sync, settings.kept);
      journal.push_back(drive(disk, payload, outstanding, settings.length));
    }
    std::filesystem::remove_all(settings.directory + "/journal");
  }
  const Figures bare_median = median(bare);
  const Figures journal_median = median(journal);
  std::printf("%zu bytes, %zu outstanding\n", bytes, outstanding);
  print("bare", bare_median, bytes);
  std::printf("\n");
  print("journal", journal_median, bytes);
  std::printf("  = %.2f of the bare disk\n", journal_median.per_second / bare_median.per_second);
  (void)std::fflush(stdout);
}

// False: there is no such setting.
bool set(Settings& settings, std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string text(equals == word.npos ? "" : word.substr(equals + 1));
  const double value = std::strtod(text.c_str(), nullptr);
  if (name == "never") {
    settings.sync = Sync::kNo;
    return true;
  }
  if (name == "seconds") settings.length = Duration(static_cast<std::int64_t>(value * 1e9));
  if (name == "kept") settings.kept = static_cast<std::uint64_t>(value);
  if (name == "bytes") settings.bytes = {static_cast<std::size_t>(value)};
  if (name == "outstanding") settings.outstanding = {static_cast<std::size_t>(value)};
  if (name == "rounds") settings.rounds = static_cast<int>(value);
  constexpr std::array<std::string_view, 5> kNames = {"seconds", "kept", "bytes", "outstanding",
                                                      "rounds"};
  return value > 0 && std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

}  // namespace leat::journal

int main(int argc, char** argv) {
  leat::journal::Settings settings;
  bool is_well = argc >= 2;
  for (int i = 2; i < argc; ++i) {
    is_well = leat::journal::set(settings, argv[i]) && is_well;
  }
  if (!is_well) {
    std::fprintf(stderr,
                 "usage: durability_benchmark DIRECTORY [seconds=S] [kept=N] [bytes=B] "
                 "[outstanding=N] [rounds=R] [never]\n");
    return 2;
  }
  settings.directory = std::string(argv[1]) + "/durability." + std::to_string(::getpid());
  std::filesystem::create_directories(settings.directory);
  for (const std::size_t bytes : settings.bytes) {
    for (const std::size_t outstanding : settings.outstanding) {
      leat::journal::run(settings, bytes, outstanding);
    }
  }
  std::filesystem::remove_all(settings.directory);
  return 0;
}
