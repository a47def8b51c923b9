#include "io/file.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/system_error.h"

namespace leat::io {

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return system_failure(Errc::kNotFound, "cannot read " + path);
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(Errc::kSystem, "cannot read " + path);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      return failure(Errc::kLimitExceeded, path + " is larger than " + std::to_string(bytes_max) +
                                               " bytes, which is the limit");
    }
  }
}

}  // namespace leat::io
