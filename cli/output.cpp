#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <span>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framing/stream.h"
#include "io/pipe.h"
#include "io/system_error.h"

namespace leat::cli {

namespace {

constexpr std::size_t kPiecesPerWrite = 16;

bool has_room(int fd) {
  pollfd polled{fd, POLLOUT, 0};
  return ::poll(&polled, 1, 0) == 1;
}

}  // namespace

Result<Output> Output::open() {
  Output output;
  struct stat status{};
  if (::fstat(STDOUT_FILENO, &status) != 0) {
    return io::system_failure(Errc::kSystem, "standard output cannot be written to");
  }
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return output;
  // A description of our own: to make the one that was inherited non-blocking would change it for
  // everybody who has it.
  output.owned_ = io::Fd(::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (output.owned_.is_open()) {
    output.fd_ = output.owned_.get();
  } else {
    output.write_max_ = PIPE_BUF;
  }
  return output;
}

void Output::add(const wire::Delivery& delivery) {
  const Records& records = delivery.outputs.records;
  if (records.count > 0 && !owed_terminator_.empty()) {
    pieces_.push_back({.bytes = Bytes::own(std::exchange(owed_terminator_, {}))});
  }
  Bytes bytes = framing::stream_of(records, framing_);
  if (records.count > 0 && records.has(kUnterminated, records.count - 1)) {
    bytes = bytes.slice(0, bytes.size() - records.separator.size());
    owed_terminator_ = records.separator;
  }
  pieces_.push_back({std::move(bytes), delivery.number, records.count});
}

void Output::drop_unstarted() {
  const bool has_begun = written_of_first_ > 0;
  while (pieces_.size() > (has_begun ? 1U : 0U)) {
    pieces_.pop_back();
  }
}

Result<std::optional<std::uint64_t>> Output::write() {
  std::optional<std::uint64_t> done;
  while (!pieces_.empty()) {
    std::array<std::string_view, kPiecesPerWrite> views;
    std::size_t n = 0;
    std::size_t asked = 0;
    for (; n < std::min(pieces_.size(), kPiecesPerWrite); ++n) {
      views[n] = pieces_[n].bytes.view().substr(n == 0 ? written_of_first_ : 0);
      asked += views[n].size();
    }
    if (write_max_ != SIZE_MAX) {
      if (!has_room(fd_)) return done;
      n = 1;
      views[0] = views[0].substr(0, write_max_);
      asked = views[0].size();
    }
    std::size_t wrote = 0;
    if (asked > 0) {
      const Result<std::size_t> outcome = io::write_some(fd_, std::span(views.data(), n));
      if (!outcome) return tl::unexpected(outcome.error());
      wrote = *outcome;
      if (wrote == 0) return done;
    }
    while (!pieces_.empty() && wrote >= pieces_.front().bytes.size() - written_of_first_) {
      wrote -= pieces_.front().bytes.size() - written_of_first_;
      if (pieces_.front().delivery > 0) done = pieces_.front().delivery;
      written_records_ += pieces_.front().records;
      written_of_first_ = 0;
      pieces_.pop_front();
    }
    written_of_first_ += wrote;
  }
  return done;
}

}  // namespace leat::cli
