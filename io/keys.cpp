#include "io/keys.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "io/address.h"
#include "io/fd.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr std::size_t kKeyBytes = 40;                 // In Z85.
constexpr std::size_t kFileBytesMax = kKeyBytes + 1;  // The newline.
constexpr mode_t kReadableByOthers = 077;
constexpr mode_t kWritableByOthers = 022;

using KeyText = std::array<char, kKeyBytes + 1>;  // Ends with a null.

enum class Secrecy { kSecret, kPublic };

// One of the files of a key directory.
struct KeyFile {
  const char* name;
  Secrecy secrecy;
};

constexpr KeyFile kBrokerSecret{"broker.key", Secrecy::kSecret};
constexpr KeyFile kBrokerPublic{"broker.pub", Secrecy::kPublic};
constexpr KeyFile kClusterSecret{"cluster.key", Secrecy::kSecret};
constexpr KeyFile kClusterPublic{"cluster.pub", Secrecy::kPublic};
constexpr std::array kKeyFiles = {kBrokerSecret, kBrokerPublic, kClusterSecret, kClusterPublic};

tl::unexpected<Error> cannot_write(const std::string& path, int error) {
  return system_failure(Errc::kSystem, "cannot write " + path, error);
}

// Puts the file in its place unless one is there: 0, or the error.
int move_into_place(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  // A file system that cannot: the caller has looked before.
  if (errno != EINVAL) return errno;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int write_out(const Fd& fd, std::string_view text, mode_t mode) {
  if (::fchmod(fd.get(), mode) != 0) return errno;
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written < 0) return errno;
  if (static_cast<std::size_t>(written) != text.size()) return ENOSPC;
  return ::fsync(fd.get()) == 0 ? 0 : errno;
}

// Under a name of its own first: there is never a file with half a key.
Result<void> write_whole(const std::string& path, std::string_view text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.is_open()) return cannot_write(path, errno);
  int error = write_out(fd, text, mode);
  if (error == 0) error = move_into_place(temporary, path);
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return cannot_write(path, error);
}

Result<void> write_key(const std::string& directory, const KeyFile& file, const std::string& key) {
  return write_whole(directory + "/" + file.name, key + "\n",
                     file.secrecy == Secrecy::kSecret ? 0600 : 0644);
}

Result<void> write_pair(const std::string& directory, const KeyFile& secret_file,
                        const KeyFile& public_file) {
  const Result<KeyPair> pair = make_key_pair();
  if (!pair) return tl::unexpected(pair.error());
  if (Result<void> done = write_key(directory, secret_file, pair->secret_key); !done) return done;
  return write_key(directory, public_file, pair->public_key);
}

Result<void> check_nothing_is_there(const std::string& directory) {
  for (const KeyFile& file : kKeyFiles) {
    const std::string path = directory + "/" + file.name;
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) continue;
    return failure(Errc::kInvalidArgument,
                   path +
                       " is there already, and keys are never replaced: give another directory, "
                       "or remove this one if nobody uses its keys");
  }
  return {};
}

Result<void> check_directory(const std::string& directory) {
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) {
    const int error = errno;
    return failure(error == ENOENT ? Errc::kNotFound : Errc::kSystem,
                   "cannot read the key directory " + directory + ": " + in_words(error) +
                       "; `leat keys new " + directory + "` makes one");
  }
  if ((status.st_mode & kWritableByOthers) == 0) return {};
  return failure(Errc::kInvalidArgument, "others can put their keys into directory " + directory +
                                             ": see that they have not, then chmod go-w " +
                                             directory);
}

Result<void> check_mode(const std::string& path, Secrecy secrecy, mode_t mode) {
  if (secrecy == Secrecy::kSecret && (mode & kReadableByOthers) != 0) {
    return failure(Errc::kInvalidArgument, "others can read the secret key " + path +
                                               ": make new keys if they may have, else chmod 600 " +
                                               path);
  }
  if ((mode & kWritableByOthers) != 0) {
    return failure(Errc::kInvalidArgument, "others can change the key " + path +
                                               ": see that they have not, then chmod go-w " + path);
  }
  return {};
}

bool is_key(const std::string& text) {
  std::array<std::uint8_t, kKeyBytes * 4 / 5> ignored{};
  return text.size() == kKeyBytes && text.find('\0') == std::string::npos &&
         ::zmq_z85_decode(ignored.data(), text.c_str()) != nullptr;
}

Result<std::string> key_of_text(const std::string& path, std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (is_key(text)) return text;
  return failure(Errc::kMalformed, path +
                                       " holds no key, which is one line of 40 characters: copy it "
                                       "again from where `leat keys new` made it");
}

Result<std::string> read_key(const std::string& directory, const KeyFile& file) {
  const std::string path = directory + "/" + file.name;
  // Without O_NONBLOCK a named pipe would let us wait.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open()) {
    const int error = errno;
    return failure(error == ENOENT ? Errc::kNotFound : Errc::kSystem,
                   "cannot read the key " + path + ": " + in_words(error) +
                       "; copy it from where `leat keys new` made it");
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return system_failure(Errc::kSystem, "cannot read " + path);
  if (!S_ISREG(status.st_mode)) {
    return failure(Errc::kMalformed, path +
                                         " is no file: copy it from where `leat keys new` made "
                                         "it");
  }
  const Result<void> guarded = check_mode(path, file.secrecy, status.st_mode);
  if (!guarded) return tl::unexpected(guarded.error());
  std::string text(kFileBytesMax + 1, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  if (got < 0) return system_failure(Errc::kSystem, "cannot read " + path);
  text.resize(static_cast<std::size_t>(got));
  return key_of_text(path, std::move(text));
}

Result<KeyPair> read_pair(const std::string& directory, const KeyFile& secret_file,
                          const KeyFile& public_file) {
  Result<std::string> secret_key = read_key(directory, secret_file);
  if (!secret_key) return tl::unexpected(secret_key.error());
  Result<std::string> public_key = read_key(directory, public_file);
  if (!public_key) return tl::unexpected(public_key.error());
  KeyText derived{};
  if (::zmq_curve_public(derived.data(), secret_key->c_str()) != 0) {
    return failure(Errc::kSystem, std::string("ZeroMQ cannot use keys: ") + ::zmq_strerror(errno));
  }
  if (*public_key == derived.data()) return KeyPair{std::move(*public_key), std::move(*secret_key)};
  return failure(Errc::kMalformed, directory + ": " + public_file.name + " does not belong to " +
                                       secret_file.name +
                                       ": copy both from one directory that `leat keys new` made");
}

}  // namespace

Result<KeyPair> make_key_pair() {
  KeyText public_key{};
  KeyText secret_key{};
  if (::zmq_curve_keypair(public_key.data(), secret_key.data()) == 0) {
    return KeyPair{public_key.data(), secret_key.data()};
  }
  return failure(Errc::kSystem, std::string("ZeroMQ cannot make keys: ") + ::zmq_strerror(errno));
}

Result<void> make_key_directory(const std::string& path) {
  if (Result<void> made = make_private_directory(path); !made) return made;
  if (Result<void> empty = check_nothing_is_there(path); !empty) return empty;
  if (Result<void> done = write_pair(path, kBrokerSecret, kBrokerPublic); !done) return done;
  if (Result<void> done = write_pair(path, kClusterSecret, kClusterPublic); !done) return done;
  const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open() && ::fsync(directory.get()) == 0) return {};
  return cannot_write(path, errno);
}

Result<BrokerKeys> read_broker_keys(const std::string& directory) {
  if (const Result<void> safe = check_directory(directory); !safe) {
    return tl::unexpected(safe.error());
  }
  Result<KeyPair> own = read_pair(directory, kBrokerSecret, kBrokerPublic);
  if (!own) return tl::unexpected(own.error());
  Result<std::string> cluster = read_key(directory, kClusterPublic);
  if (!cluster) return tl::unexpected(cluster.error());
  return BrokerKeys{std::move(*own), std::move(*cluster)};
}

Result<ClusterKeys> read_cluster_keys(const std::string& directory) {
  if (const Result<void> safe = check_directory(directory); !safe) {
    return tl::unexpected(safe.error());
  }
  Result<KeyPair> own = read_pair(directory, kClusterSecret, kClusterPublic);
  if (!own) return tl::unexpected(own.error());
  Result<std::string> broker = read_key(directory, kBrokerPublic);
  if (!broker) return tl::unexpected(broker.error());
  return ClusterKeys{std::move(*own), std::move(*broker)};
}

}  // namespace leat::io
