// Records in files of a real file system.

#include "io/record_files.h"

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

namespace leat::io {

namespace {

// The place of new folders, for as long as it lives.
class Place {
 public:
  explicit Place(const std::string& path) { ::setenv("TMPDIR", path.c_str(), 1); }

  ~Place() { ::unsetenv("TMPDIR"); }

  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  Place(Place&&) = delete;
  Place& operator=(Place&&) = delete;
};

}  // namespace

TEST_CASE("a record lies in a file that only we can read, in a folder that only we can enter") {
  const tests::Folder folder;
  const Place place(folder.path());
  std::string name;
  {
    RecordFiles files = RecordFiles::create().value();
    const std::string record("a\0\n", 3);
    const std::string path = files.write(record).value();
    REQUIRE(path.starts_with(files.folder() + "/"));
    name = path.substr(folder.path().size() + 1);
    CHECK(folder.read(name) == record);
    CHECK(folder.mode(name) == 0600);
    CHECK(folder.mode(name.substr(0, name.find('/'))) == 0700);
    const std::string other = files.write("").value();
    CHECK(other != path);
    RecordFiles::remove(path);
    RecordFiles::remove(path);
    CHECK_FALSE(folder.has(name));
    const RecordFiles moved = std::move(files);
    CHECK(std::filesystem::exists(other));
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a place for records that is not there is told with the remedy") {
  const Place place("/nowhere");
  const auto files = RecordFiles::create();
  REQUIRE_FALSE(files);
  CHECK(files.error().message ==
        "cannot make a folder for records in '/nowhere' (TMPDIR names another place): No such file "
        "or directory");
}

TEST_CASE("a relative place for records is not taken") {
  const Place place("nowhere");
  CHECK(RecordFiles::create().value().folder().starts_with("/tmp/"));
}

}  // namespace leat::io
