// `leat` itself: small and quick to start. It executes the program beside it that does the work.

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>

#include <unistd.h>

namespace {

// The folder that this program lies in.
std::string own_folder() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0) return ".";
  const std::string self(path, static_cast<std::size_t>(length));
  return self.substr(0, self.rfind('/'));
}

}  // namespace

int main(int /*argc*/, char** argv) {
  const std::string folder = own_folder();
  const std::string beside = folder + "/leat-main";
  const std::string installed = folder + "/../libexec/leat/leat-main";
  ::execv(beside.c_str(), argv);
  if (errno == ENOENT) ::execv(installed.c_str(), argv);
  std::fprintf(stderr, "leat: cannot start %s: %s; install Leat again, or build it\n",
               beside.c_str(), std::strerror(errno));
  return 2;
}
