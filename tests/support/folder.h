// A folder of its own for a test; gone with it, and all that lies in it.

#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

namespace leat::tests {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "leat-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for the test");
    path_ = name;
  }

  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder(Folder&&) = delete;
  Folder& operator=(Folder&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

  std::string write(const std::string& name, std::string_view text, mode_t mode = 0755) const {
    std::ofstream(path(name), std::ios::binary) << text;
    change_mode(name, mode);
    return path(name);
  }

  void change_mode(const std::string& name, mode_t mode) const {
    if (::chmod(path(name).c_str(), mode) != 0) throw std::runtime_error("cannot chmod " + name);
  }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Permission bits of what lies there, without following a link.
  [[nodiscard]] mode_t mode(const std::string& name) const {
    struct stat status{};
    if (::lstat(path(name).c_str(), &status) != 0) throw std::runtime_error("there is no " + name);
    return status.st_mode & 07777;
  }

  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(path(name)));
  }

 private:
  std::string path_;
};

}  // namespace leat::tests
