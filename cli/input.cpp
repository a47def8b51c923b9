#include "cli/input.h"

#include <cerrno>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "core/words.h"
#include "io/system_error.h"

namespace leat::cli {

namespace {

constexpr std::size_t kReadBytes = std::size_t{128} << 10;

std::optional<std::uint64_t> input_size() {
  struct stat status{};
  if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = ::lseek(STDIN_FILENO, 0, SEEK_CUR);
  if (status.st_size <= at) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size - at);
}

}  // namespace

Input::Input(const framing::Framing& framing, std::size_t record_bytes_max)
    : cutter_(framing, record_bytes_max), buffer_(kReadBytes), size_(input_size()) {}

Result<void> Input::read() {
  const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (got < 0) {
    return failure(Errc::kSystem, "standard input failed after " + std::to_string(count()) +
                                      " records: " + io::in_words(errno));
  }
  if (got == 0) {
    cutter_.finish();
    is_over_ = true;
  } else {
    read_bytes_ += static_cast<std::uint64_t>(got);
    cutter_.add({buffer_.data(), static_cast<std::size_t>(got)});
  }
  if (cutter_.malformed()) is_over_ = true;
  pending_ = cutter_.take();
  return {};
}

std::optional<std::string> Input::malformed() const {
  if (!cutter_.malformed()) return std::nullopt;
  return "standard input is not " + framing::to_string(cutter_.framing()) + " " +
         framing::to_string(*cutter_.malformed()) + "; it was read up to there, " +
         count_of(count(), "record");
}

std::optional<Records> Input::take(std::uint64_t credit_bytes) {
  if (!pending_) return std::nullopt;
  // As many as the credit pays for, their lengths included.
  const std::uint64_t blob_bytes = credit_bytes * pending_->blob.size() / pending_->bytes();
  const std::uint32_t n = pending_->fit(blob_bytes);
  if (n == pending_->count) return std::exchange(pending_, std::nullopt);
  Records first = pending_->slice(0, n);
  pending_ = pending_->slice(n, pending_->count - n);
  return first;
}

std::optional<double> Input::share() const {
  if (!size_) return std::nullopt;
  return static_cast<double>(read_bytes_) / static_cast<double>(*size_);
}

}  // namespace leat::cli
