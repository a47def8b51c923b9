// Where the library lies is asked of a real file system.

#include "io/stdbuf_library.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

namespace leat::io {

TEST_CASE("the library is found where the first stdbuf of the path was installed") {
  const tests::Folder folder;
  for (const char* name : {"links", "opt", "opt/bin", "opt/libexec", "opt/libexec/coreutils"}) {
    std::filesystem::create_directory(folder.path(name));
  }
  folder.write("opt/bin/stdbuf", "");
  std::filesystem::create_symlink(folder.path("opt/bin/stdbuf"), folder.path("links/stdbuf"));
  folder.write("opt/libexec/coreutils/libstdbuf.so", "", 0644);
  const std::string found =
      find_stdbuf_library("/nowhere::" + folder.path("links") + ":/usr/bin").value();
  CHECK(found ==
        std::filesystem::canonical(folder.path("opt/libexec/coreutils/libstdbuf.so")).string());
}

TEST_CASE("the library is found without any stdbuf in the path") {
  const std::string path = find_stdbuf_library("").value();
  CHECK(path.ends_with("/libstdbuf.so"));
  CHECK(std::filesystem::exists(path));
}

}  // namespace leat::io
