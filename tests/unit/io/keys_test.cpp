// The key directory: what is made, who reads what of it, and what a user is told when it is not as
// it should be.

#include "io/keys.h"

#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/support/folder.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;

const std::vector<std::string> kNames = {"broker.key", "broker.pub", "cluster.key", "cluster.pub"};

std::string broker_fault(const Folder& folder) {
  const auto keys = read_broker_keys(folder.path("keys"));
  return keys ? "none" : keys.error().message;
}

std::string cluster_fault(const Folder& folder) {
  const auto keys = read_cluster_keys(folder.path("keys"));
  return keys ? "none" : keys.error().message;
}

std::string line_of(const std::string& key) {
  return key + "\n";
}

}  // namespace

TEST_CASE("a new key directory has four files, the secret ones for the owner alone") {
  const Folder folder;
  const mode_t umask = ::umask(0);
  const auto made = make_key_directory(folder.path("keys"));
  ::umask(umask);
  REQUIRE(made.has_value());
  CHECK(folder.mode("keys") == 0700);
  CHECK(folder.mode("keys/broker.key") == 0600);
  CHECK(folder.mode("keys/cluster.key") == 0600);
  CHECK(folder.mode("keys/broker.pub") == 0644);
  CHECK(folder.mode("keys/cluster.pub") == 0644);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("keys"))) {
    INFO(entry.path());
    const std::string text = folder.read("keys/" + entry.path().filename().string());
    CHECK(text.size() == 41);
    CHECK(text.find('\n') == 40);
    ++count;
  }
  CHECK(count == kNames.size());
}

TEST_CASE("broker and cluster read their own keys and each other's public one") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  const BrokerKeys broker = read_broker_keys(folder.path("keys")).value();
  const ClusterKeys cluster = read_cluster_keys(folder.path("keys")).value();
  CHECK(line_of(broker.own.secret_key) == folder.read("keys/broker.key"));
  CHECK(line_of(broker.own.public_key) == folder.read("keys/broker.pub"));
  CHECK(line_of(broker.cluster_public_key) == folder.read("keys/cluster.pub"));
  CHECK(line_of(cluster.own.secret_key) == folder.read("keys/cluster.key"));
  CHECK(line_of(cluster.own.public_key) == folder.read("keys/cluster.pub"));
  CHECK(line_of(cluster.broker_public_key) == folder.read("keys/broker.pub"));
  CHECK(broker.own.secret_key != cluster.own.secret_key);
}

TEST_CASE("nobody needs the secret key of the other side") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  SECTION("the broker") {
    std::filesystem::remove(folder.path("keys/cluster.key"));
    CHECK(broker_fault(folder) == "none");
  }
  SECTION("nodes and clients") {
    std::filesystem::remove(folder.path("keys/broker.key"));
    CHECK(cluster_fault(folder) == "none");
  }
}

TEST_CASE("keys are never replaced") {
  for (const std::string& name : kNames) {
    const Folder folder;
    std::filesystem::create_directory(folder.path("keys"));
    folder.change_mode("keys", 0700);
    folder.write("keys/" + name, "precious", 0600);
    const auto made = make_key_directory(folder.path("keys"));
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message ==
          folder.path("keys/" + name) +
              " is there already, and keys are never replaced: give another directory, or remove "
              "this one if nobody uses its keys");
    CHECK(folder.read("keys/" + name) == "precious");
    for (const std::string& other : kNames) {
      CHECK(folder.has("keys/" + other) == (other == name));
    }
  }
}

TEST_CASE("keys go into a directory that is there if it is closed to others") {
  const Folder folder;
  std::filesystem::create_directory(folder.path("keys"));
  folder.change_mode("keys", 0755);
  const auto open = make_key_directory(folder.path("keys"));
  REQUIRE_FALSE(open.has_value());
  CHECK_THAT(open.error().message, Contains("is open to other users"));
  CHECK(std::filesystem::is_empty(folder.path("keys")));
  folder.change_mode("keys", 0700);
  CHECK(make_key_directory(folder.path("keys")).has_value());
  CHECK(broker_fault(folder) == "none");
  CHECK_FALSE(make_key_directory(folder.path("a/b")).has_value());
}

TEST_CASE("a missing key directory or file is told with the remedy") {
  const Folder folder;
  CHECK(broker_fault(folder) == "cannot read the key directory " + folder.path("keys") +
                                    ": No such file or directory; `leat keys new " +
                                    folder.path("keys") + "` makes one");
  for (const std::string& name : kNames) {
    REQUIRE(make_key_directory(folder.path("keys")).has_value());
    std::filesystem::remove(folder.path("keys/" + name));
    const std::string fault = "cannot read the key " + folder.path("keys/" + name) +
                              ": No such file or directory; copy it from where `leat keys new` "
                              "made it";
    CHECK(broker_fault(folder) == (name == "cluster.key" ? "none" : fault));
    CHECK(cluster_fault(folder) == (name == "broker.key" ? "none" : fault));
    std::filesystem::remove_all(folder.path("keys"));
  }
}

TEST_CASE("a file without a key is told with the remedy, and never shown") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  const std::string key = folder.read("keys/cluster.key").substr(0, 40);
  const std::vector<std::string> bad = {"",
                                        "\n",
                                        key.substr(1) + "\n",
                                        key + "a\n",
                                        key + "\n\n",
                                        key + "\r\n",
                                        key + "\n" + key + "\n",
                                        " " + key.substr(1) + "\n",
                                        key.substr(0, 39) + "\x80\n",
                                        key.substr(0, 20) + std::string(1, '\0') + key.substr(21),
                                        std::string(40, '#'),
                                        std::string(1000, 'a')};
  for (const std::string& text : bad) {
    folder.write("keys/cluster.key", text, 0600);
    CHECK(cluster_fault(folder) == folder.path("keys/cluster.key") +
                                       " holds no key, which is one line of 40 characters: copy it "
                                       "again from where `leat keys new` made it");
  }
  folder.write("keys/cluster.key", key, 0600);
  CHECK(cluster_fault(folder) == "none");
  std::filesystem::remove(folder.path("keys/cluster.key"));
  std::filesystem::create_directory(folder.path("keys/cluster.key"));
  folder.change_mode("keys/cluster.key", 0700);
  CHECK_THAT(cluster_fault(folder), Contains("cluster.key is no file"));
  std::filesystem::remove(folder.path("keys/cluster.key"));
  REQUIRE(::mkfifo(folder.path("keys/cluster.key").c_str(), 0600) == 0);
  CHECK_THAT(cluster_fault(folder), Contains("cluster.key is no file"));
}

TEST_CASE("a secret key that others can read is refused with the remedy") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0666U}) {
    folder.change_mode("keys/broker.key", mode);
    CHECK(broker_fault(folder) ==
          "others can read the secret key " + folder.path("keys/broker.key") +
              ": make new keys if they may have, else chmod 600 " + folder.path("keys/broker.key"));
    CHECK(cluster_fault(folder) == "none");
  }
  for (const mode_t mode : {0600U, 0400U, 0700U}) {
    folder.change_mode("keys/broker.key", mode);
    CHECK(broker_fault(folder) == "none");
  }
}

TEST_CASE("a public key or a directory that others can change is refused with the remedy") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  for (const mode_t mode : {0664U, 0646U}) {
    folder.change_mode("keys/cluster.pub", mode);
    const std::string fault = "others can change the key " + folder.path("keys/cluster.pub") +
                              ": see that they have not, then chmod go-w " +
                              folder.path("keys/cluster.pub");
    CHECK(broker_fault(folder) == fault);
    CHECK(cluster_fault(folder) == fault);
  }
  folder.change_mode("keys/cluster.pub", 0644);
  for (const mode_t mode : {0770U, 0702U, 01777U}) {
    folder.change_mode("keys", mode);
    const std::string fault = "others can put their keys into directory " + folder.path("keys") +
                              ": see that they have not, then chmod go-w " + folder.path("keys");
    CHECK(broker_fault(folder) == fault);
    CHECK(cluster_fault(folder) == fault);
  }
  folder.change_mode("keys", 0755);
  CHECK(broker_fault(folder) == "none");
}

TEST_CASE("halves of two pairs are refused") {
  const Folder folder;
  REQUIRE(make_key_directory(folder.path("keys")).has_value());
  folder.write("keys/broker.pub", line_of(make_key_pair().value().public_key), 0644);
  CHECK(broker_fault(folder) == folder.path("keys") +
                                    ": broker.pub does not belong to broker.key: copy both from "
                                    "one directory that `leat keys new` made");
  folder.write("keys/cluster.pub", folder.read("keys/broker.pub"), 0644);
  CHECK_THAT(cluster_fault(folder), Contains("cluster.pub does not belong to cluster.key"));
}

TEST_CASE("two pairs of keys are never the same") {
  const KeyPair one = make_key_pair().value();
  const KeyPair other = make_key_pair().value();
  CHECK(one.secret_key.size() == 40);
  CHECK(one.public_key != other.public_key);
  CHECK(one.secret_key != other.secret_key);
}

}  // namespace leat::io
