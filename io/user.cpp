#include "io/user.h"

#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr std::size_t kEntryBytes = std::size_t{64} << 10;
constexpr int kGroupsMax = 65536;  // The kernel's own limit.

std::vector<gid_t> groups_of(const char* name, gid_t group) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(name, group, groups.data(), &count) < 0 && count <= kGroupsMax) {
    groups.resize(static_cast<std::size_t>(count));
    (void)::getgrouplist(name, group, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

bool User::is_ourselves() const {
  return id == ::getuid() && id == ::geteuid() && group == ::getegid();
}

Result<User> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(kEntryBytes);
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) {
    return User{name, entry.pw_uid, entry.pw_gid, groups_of(entry.pw_name, entry.pw_gid),
                entry.pw_dir};
  }
  const bool is_unknown = error == 0 || error == ENOENT || error == ESRCH;
  if (is_unknown) return failure(Errc::kNotFound, "there is no user '" + name + "' here");
  return system_failure(Errc::kUnavailable, "cannot look up the user '" + name + "'", error);
}

}  // namespace leat::io
