#include "cli/dead_letter_file.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include "cli/time_text.h"
#include "core/signals.h"
#include "core/utf8.h"

namespace leat::cli {

namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= group.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

void put_bytes(nlohmann::ordered_json& object, const char* name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = bytes;
  } else {
    object[std::string(name) == "text" ? "base64" : std::string(name) + "_base64"] = base64(bytes);
  }
}

nlohmann::ordered_json begin(const DeadLetterFile::Source& source) {
  nlohmann::ordered_json object;
  object["pipeline"] = source.pipeline;
  if (!source.producer.empty()) object["producer"] = source.producer;
  object["time"] = time_text(std::chrono::system_clock::now());
  return object;
}

}  // namespace

Result<DeadLetterFile> DeadLetterFile::open(const std::string& path, Earlier earlier) {
  DeadLetterFile file;
  file.path_ = path;
  const int mode = earlier == Earlier::kKept ? O_APPEND : O_TRUNC;
  file.fd_ = io::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666));
  if (!file.fd_.is_open()) {
    return failure(Errc::kSystem,
                   "cannot write dead letters to " + path + ": " + std::strerror(errno));
  }
  // A pipe that nobody reads is waited for where signals are heard. Nobody shares what was opened.
  (void)::fcntl(file.fd_.get(), F_SETFL, O_NONBLOCK | (mode & O_APPEND));
  return file;
}

Result<void> DeadLetterFile::add(const Source& source, const wire::DeadLetter& letter) {
  nlohmann::ordered_json object = begin(source);
  object["stage"] = letter.stage;
  object["node"] = letter.node;
  object["record"] = to_string(letter.failure.first);
  if (letter.failure.inputs != 1) object["records"] = letter.failure.inputs;
  object["attempts"] = letter.failure.attempts;
  object["kind"] = wire::name_of(letter.failure.kind);
  object["status"] = letter.failure.status;
  const bool is_signal = letter.failure.kind == wire::FailureKind::kSignal;
  const char* const signal = is_signal ? signal_name(letter.failure.status) : nullptr;
  if (signal != nullptr) object["signal"] = signal;
  const bool was_tried = letter.failure.elapsed_ns > 0;
  if (was_tried)
    object["elapsed_ms"] = static_cast<double>(letter.failure.elapsed_ns / 1000) / 1000;
  put_bytes(object, "reason", letter.failure.reason);
  put_bytes(object, "stderr", letter.failure.stderr_tail);
  std::string_view bytes = letter.records.blob.view();
  const bool is_one = letter.records.count == 1;
  if (is_one) bytes.remove_suffix(letter.records.separator.size());
  put_bytes(object, "text", bytes);
  if (!letter.failure.repeat.empty()) put_bytes(object, "repeat", letter.failure.repeat);
  return write(object.dump() + "\n");
}

Result<void> DeadLetterFile::add_oversize(const Source& source, std::uint64_t record,
                                          std::uint64_t bytes) {
  nlohmann::ordered_json object = begin(source);
  object["stage"] = "";
  object["record"] = std::to_string(record);
  object["attempts"] = 0;
  object["kind"] = "oversize";
  object["reason"] = "the record is larger than limits.record_bytes and was not read";
  object["bytes"] = bytes;
  return write(object.dump() + "\n");
}

bool DeadLetterFile::wait_for_room() const {
  std::array<pollfd, 2> items = {{{fd_.get(), POLLOUT, 0}, {end_fd_, POLLIN, 0}}};
  while (::poll(items.data(), items.size(), -1) < 0 && errno == EINTR) {
  }
  return items[1].revents == 0;
}

Result<void> DeadLetterFile::write(const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = ::write(fd_.get(), line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) {
      if (wait_for_room()) continue;
      return failure(Errc::kUnavailable, "interrupted while nobody read the dead letters from " +
                                             path_ + "; the last of them is incomplete");
    }
    if (wrote < 0) {
      return failure(Errc::kSystem,
                     "cannot write dead letters to " + path_ + ": " + std::strerror(errno));
    }
    done += static_cast<std::size_t>(wrote);
  }
  return {};
}

}  // namespace leat::cli
