#include "io/answer_pipe.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/pipe.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

// Each time somebody else let it go just now.
constexpr int kTriesMax = 100;

std::string naming(const std::string& path) {
  return "cannot make the named pipe '" + path + "': ";
}

tl::unexpected<Error> cannot_make(const std::string& path, int error) {
  const bool may_pass =
      error == ENOSPC || error == ENOMEM || error == EMFILE || error == ENFILE || error == EDQUOT;
  const char* const remedy =
      error == ENOENT || error == EACCES ? " (its folder must exist, and be open to us)" : "";
  return failure(may_pass ? Errc::kUnavailable : Errc::kSystem,
                 naming(path) + in_words(error) + remedy);
}

tl::unexpected<Error> in_use(const std::string& path) {
  return failure(Errc::kUnavailable,
                 naming(path) +
                     "another replica or program has it; run one replica on each node, or let each "
                     "have a path of its own");
}

tl::unexpected<Error> not_ours(const std::string& path, const char* what) {
  return failure(Errc::kSystem,
                 naming(path) + what + " lies there; remove it, or give another path");
}

bool is_given(const std::optional<User>& writer) {
  return writer && ::geteuid() == 0 && writer->id != 0;
}

Result<void> check_owner(const std::string& path, const struct stat& status,
                         const std::optional<User>& writer) {
  if (!S_ISFIFO(status.st_mode)) return not_ours(path, "something else than a named pipe");
  const bool is_ours = status.st_uid == ::geteuid();
  const bool is_writers = is_given(writer) && status.st_uid == writer->id;
  if (!is_ours && !is_writers) return not_ours(path, "another user's named pipe");
  return {};
}

// Whether what we have open is what lies there.
bool is_at(const Fd& fd, const std::string& path) {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd.get(), &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

// What lies there, locked; none when it has just gone. For reading and writing, so that it opens at
// once and never ends.
Result<Fd> open_locked(const std::string& path, const std::optional<User>& writer) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<Fd>(Fd()) : Result<Fd>(cannot_make(path, errno));
  }
  if (auto checked = check_owner(path, status, writer); !checked) {
    return tl::unexpected(checked.error());
  }
  Fd opened(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (!opened.is_open() && errno == ENOENT) return Fd();
  if (!opened.is_open()) return cannot_make(path, errno);
  Result<Fd> fd = above_standard_streams(std::move(opened));
  if (!fd) return fd;
  // Another may lie there by now.
  if (::fstat(fd->get(), &status) != 0) return cannot_make(path, errno);
  if (auto checked = check_owner(path, status, writer); !checked) {
    return tl::unexpected(checked.error());
  }
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? in_use(path) : cannot_make(path, errno);
  }
  return is_at(*fd, path) ? std::move(fd) : Result<Fd>(Fd());
}

}  // namespace

AnswerPipe::AnswerPipe(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

Result<AnswerPipe> AnswerPipe::take(const std::string& path, const std::optional<User>& writer) {
  for (int i = 0; i < kTriesMax; ++i) {
    const bool is_new = ::mkfifo(path.c_str(), S_IRUSR | S_IWUSR) == 0;
    if (!is_new && errno != EEXIST) return cannot_make(path, errno);
    Result<Fd> fd = open_locked(path, writer);
    if (!fd) return tl::unexpected(fd.error());
    if (!fd->is_open()) continue;
    if (!is_new) {
      // A dead one's, and perhaps with its words in it. The lock is ours: nobody else's goes.
      if (::unlink(path.c_str()) != 0) return cannot_make(path, errno);
      continue;
    }
    AnswerPipe pipe(path, std::move(*fd));
    if (is_given(writer) && ::fchown(pipe.fd(), writer->id, writer->group) != 0) {
      return cannot_make(path, errno);
    }
    widen(pipe.fd_);
    return pipe;
  }
  return in_use(path);
}

AnswerPipe& AnswerPipe::operator=(AnswerPipe&& other) noexcept {
  if (this == &other) return *this;
  release();
  path_ = std::move(other.path_);
  fd_ = std::move(other.fd_);
  return *this;
}

AnswerPipe::~AnswerPipe() {
  release();
}

// Removed while it is still locked. What the tool may have put in its place stays.
void AnswerPipe::release() {
  if (!fd_.is_open()) return;
  if (is_at(fd_, path_)) ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace leat::io
