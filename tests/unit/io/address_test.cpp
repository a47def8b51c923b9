// Every way to write an address, and every way to get one wrong, with the message in full; and what
// the system is asked about addresses.

#include "io/address.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"
#include "tests/support/folder.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;

Address tcp(std::string host, std::uint16_t port) {
  return {Transport::kTcp, std::move(host), port, {}};
}

std::string fault_of(std::string_view text, Purpose purpose = Purpose::kConnect) {
  const auto address = parse_address(text, purpose);
  return address ? "none" : address.error().message;
}

const std::string kConnectExample = "; for example tcp://broker.example.org:47000";
const std::string kListenExample = "; for example tcp://*:47000";
const std::string kIpcExample = "; for example ipc:///run/leat/broker";

void check_fault(const std::string& text, const std::string& fault, const std::string& example) {
  CHECK(fault_of(text) == "address '" + text + "': " + fault + example);
}

}  // namespace

TEST_CASE("an address is read as it is written") {
  struct Row {
    std::string text;
    Address address;
  };

  const std::vector<Row> rows = {
      {"tcp://10.1.2.3:5000", tcp("10.1.2.3", 5000)},
      {"tcp://broker:1", tcp("broker", 1)},
      {"tcp://a-b.c_d.example.org:65535", tcp("a-b.c_d.example.org", 65535)},
      {"tcp://[::1]:5000", tcp("::1", 5000)},
      {"tcp://[fd00:1::2]:5000", tcp("fd00:1::2", 5000)},
      {"ipc:///run/leat/broker", {Transport::kIpc, "", 0, "/run/leat/broker"}},
      {"ipc:///a b:c", {Transport::kIpc, "", 0, "/a b:c"}},
      {"inproc://front", {Transport::kInproc, "", 0, "front"}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    for (const Purpose purpose : {Purpose::kConnect, Purpose::kListen}) {
      const auto address = parse_address(row.text, purpose);
      REQUIRE(address.has_value());
      CHECK(*address == row.address);
      CHECK(to_string(*address) == row.text);
    }
  }
}

TEST_CASE("any host and any port are for listening only") {
  for (const std::string host : {"*", "0.0.0.0", "[::]", "[0:0::0]"}) {
    const std::string text = "tcp://" + host + ":5000";
    INFO(text);
    const auto address = parse_address(text, Purpose::kListen);
    REQUIRE(address.has_value());
    CHECK(has_any_host(*address));
    CHECK(to_string(*address) == text);
    CHECK_THAT(fault_of(text), Contains("to connect, name one"));
  }
  for (const std::string port : {"*", "0"}) {
    const std::string text = "tcp://10.0.0.1:" + port;
    INFO(text);
    const auto address = parse_address(text, Purpose::kListen);
    REQUIRE(address.has_value());
    CHECK(address->port == 0);
    CHECK_FALSE(has_any_host(*address));
    CHECK(to_string(*address) == "tcp://10.0.0.1:*");
    check_fault(text, "a port that the system chooses is for listening", kConnectExample);
  }
}

TEST_CASE("what is wrong with a tcp address is told with an example") {
  const auto check = [](const std::string& text, const std::string& fault) {
    check_fault(text, fault, kConnectExample);
  };
  for (const char* text : {"", "broker:5000", "10.0.0.1", "udp://a:1", "TCP://a:1", "tcp:/a:1",
                           "/run/leat/broker", "http://a:80", " tcp://a:1"}) {
    check(text, "it is neither tcp://HOST:PORT nor ipc:///PATH");
  }
  check("tcp://", "the port is missing");
  check("tcp://broker", "the port is missing");
  check("tcp://[::1]", "the port is missing");
  check("tcp://[::1]5000", "the port is missing");
  check("tcp://:5000", "the host is missing");
  check("tcp://*:5000", "`*` is every host of a machine, to listen at; to connect, name one");
  check("tcp://0.0.0.0:5000", "it is for listening; to connect, name one host");
  for (const char* port : {"", "65536", "-1", "+1", "01", "5000x", "x", "5 ", "99999999999"}) {
    check(std::string("tcp://broker:") + port, "the port is no number from 1 to 65535");
  }
  for (const char* host : {"10.0.0", "10.0.0.256", "1.2.3.4.5", "7"}) {
    check(std::string("tcp://") + host + ":5000", "the host is no IPv4 address");
  }
  for (const char* host : {"a b", "-a", ".a", "a..b", "a;b", "a/b", "caf\xc3\xa9", "a*", "b@h"}) {
    check(std::string("tcp://") + host + ":5000", "the host is no name and no IP address");
  }
}

TEST_CASE("what is wrong with an IPv6 address is told") {
  check_fault("tcp://::1:5000", "an IPv6 address stands in brackets",
              "; for example tcp://[fd00::1]:47000");
  check_fault("tcp://[::1:5000", "the bracket of the IPv6 address is not closed", kConnectExample);
  for (const char* host : {"", "1.2.3.4", "::g", "fe80::1%eth0", "broker"}) {
    check_fault(std::string("tcp://[") + host + "]:5000", "what is in brackets is no IPv6 address",
                kConnectExample);
  }
}

TEST_CASE("what is wrong with an ipc or inproc address is told with an example") {
  const std::string relative = "the path is not absolute: it takes three slashes";
  for (const char* text : {"ipc://", "ipc://broker", "ipc://run/leat", "ipc://*", "ipc://@a"}) {
    check_fault(text, relative, kIpcExample);
  }
  check_fault("ipc:///", "the path names no file", kIpcExample);
  check_fault("ipc:///run/", "the path names no file", kIpcExample);
  CHECK(fault_of("ipc:///a\nb") ==
        "address 'ipc:///a?b': the path has a control character" + kIpcExample);
  CHECK(fault_of(std::string_view("ipc:///a\0b", 10)) ==
        "address 'ipc:///a?b': the path has a control character" + kIpcExample);
  const std::string longest = "ipc:///" + std::string(kSocketPathBytesMax - 1, 'x');
  CHECK(fault_of(longest) == "none");
  check_fault(longest + "x", "the path has 108 bytes, and that of a unix socket has at most 107",
              kIpcExample);
  const std::string name =
      "the name has 1 to 200 bytes, none of them a control character; for example inproc://front";
  check_fault("inproc://", name, "");
  CHECK(fault_of("inproc://" + std::string(200, 'x')) == "none");
  CHECK_THAT(fault_of("inproc://" + std::string(201, 'x')), Contains(name));
  CHECK_THAT(fault_of("inproc://a\tb"), Contains(name));
}

TEST_CASE("the example is one for the purpose") {
  CHECK(fault_of("broker", Purpose::kListen) ==
        "address 'broker': it is neither tcp://HOST:PORT nor ipc:///PATH" + kListenExample);
}

TEST_CASE("an error shows the beginning of a long address") {
  const std::string begin = "tcp://" + std::string(114, 'a');
  CHECK(fault_of(begin + "a:0") == "address '" + begin +
                                       "...': a port that the system chooses is for listening" +
                                       kConnectExample);
}

TEST_CASE("ipc and inproc are local and tcp is not") {
  CHECK(is_local(parse_address("ipc:///a", Purpose::kConnect).value()));
  CHECK(is_local(parse_address("inproc://a", Purpose::kConnect).value()));
  CHECK_FALSE(is_local(parse_address("tcp://127.0.0.1:1", Purpose::kConnect).value()));
}

TEST_CASE("the host of an address is replaced where it has one") {
  const Address any = parse_address("tcp://*:5000", Purpose::kListen).value();
  CHECK(to_string(with_host(any, "broker")) == "tcp://broker:5000");
  CHECK(to_string(with_host(any, "fd00::1")) == "tcp://[fd00::1]:5000");
  CHECK_FALSE(has_any_host(with_host(any, "10.0.0.1")));
  const Address ipc = parse_address("ipc:///a", Purpose::kConnect).value();
  CHECK(with_host(ipc, "broker") == ipc);
  CHECK_FALSE(has_any_host(ipc));
}

TEST_CASE("a range of ports is read, and told what is wrong with it") {
  CHECK(parse_port_range("47100-47199").value() == PortRange{47100, 47199});
  CHECK(parse_port_range("1-65535").value() == PortRange{1, 65535});
  CHECK(parse_port_range("5000-5000").value() == PortRange{5000, 5000});
  for (const std::string text : {"", "-", "5000", "5000-", "-5000", "0-1", "2-1", "1-65536",
                                 "1-2-3", "1 - 2", "a-b", "01-02", "1:2", "1--2"}) {
    INFO(text);
    const auto range = parse_port_range(text);
    REQUIRE_FALSE(range.has_value());
    CHECK(range.error().message ==
          "ports '" + text +
              "': expected the first and the last, from 1 to 65535; for example 47100-47199");
  }
}

TEST_CASE("the default front lies in the user's runtime directory, or below /tmp") {
  const std::string own = "/tmp/leat-" + std::to_string(::geteuid());
  CHECK(default_directory("/run/user/7") == "/run/user/7/leat");
  CHECK(default_directory("/run/user/7/") == "/run/user/7/leat");
  CHECK(default_directory(nullptr) == own);
  CHECK(default_directory("") == own);
  CHECK(default_directory("run") == own);
  CHECK(to_string(default_front_address("/run/user/7").value()) == "ipc:///run/user/7/leat/broker");
  CHECK(to_string(default_front_address(nullptr).value()) == "ipc://" + own + "/broker");
  const auto long_one = default_front_address(("/" + std::string(120, 'x')).c_str());
  REQUIRE_FALSE(long_one.has_value());
  CHECK_THAT(long_one.error().message, Contains("the path has 133 bytes"));
}

TEST_CASE("a private directory is made for its owner alone, and taken again") {
  const Folder folder;
  const mode_t umask = ::umask(0);
  const auto made = make_private_directory(folder.path("d"));
  ::umask(umask);
  REQUIRE(made.has_value());
  CHECK(folder.mode("d") == 0700);
  CHECK(make_private_directory(folder.path("d")).has_value());
  CHECK(make_private_directory(folder.path("d/")).has_value());
}

TEST_CASE("a directory that is not private is refused with the remedy") {
  const Folder folder;
  const auto fault = [&folder](const std::string& name) {
    const auto made = make_private_directory(folder.path(name));
    return made ? "none" : made.error().message;
  };
  std::filesystem::create_directory(folder.path("open"));
  for (const mode_t mode : {0701U, 0710U, 0704U, 0770U, 0777U, 01777U}) {
    folder.change_mode("open", mode);
    CHECK(fault("open") == "directory " + folder.path("open") +
                               " is open to other users: see that nothing in it is theirs, then "
                               "chmod 700 " +
                               folder.path("open"));
  }
  std::filesystem::create_directory_symlink("/", folder.path("link"));
  CHECK_THAT(fault("link"), Contains("is a symbolic link"));
  CHECK_THAT(fault("link/"), Contains("is a symbolic link"));
  std::filesystem::create_symlink(folder.path("nothing"), folder.path("dangling"));
  CHECK_THAT(fault("dangling"), Contains("is a symbolic link"));
  folder.write("file", "", 0600);
  CHECK_THAT(fault("file"), Contains("is a file: remove it, or give another directory"));
  CHECK(fault("a/b") == "cannot make directory " + folder.path("a/b") +
                            ": No such file or directory (the directory above it must exist)");
  CHECK_THAT(fault("file/b"), Contains("Not a directory (give another directory)"));
}

TEST_CASE("a directory of another user is refused") {
  const Folder folder;
  if (::geteuid() == 0) {
    std::filesystem::create_directory(folder.path("d"));
    folder.change_mode("d", 0700);
    REQUIRE(::chown(folder.path("d").c_str(), 12345, 12345) == 0);
    const auto made = make_private_directory(folder.path("d"));
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message ==
          "directory " + folder.path("d") + " belongs to user 12345: give a directory of your own");
  } else {
    // Ours nowhere, and there everywhere.
    const auto made = make_private_directory("/etc");
    REQUIRE_FALSE(made.has_value());
    CHECK_THAT(made.error().message, Contains("belongs to user 0"));
  }
}

TEST_CASE("a socket's path where another user could listen is refused") {
  const Folder folder;
  const auto fault = [&folder](const std::string& name) {
    const auto safe = check_socket_path(folder.path(name));
    return safe ? "none" : safe.error().message;
  };
  CHECK(fault("broker") == "none");
  CHECK(fault("nowhere/broker") == "none");
  std::filesystem::create_directory(folder.path("open"));
  folder.change_mode("open", 0777);
  CHECK_THAT(fault("open/broker"), Contains("open is open to other users"));
  folder.write("open/broker", "", 0600);
  CHECK_THAT(fault("open/broker"), Contains("open is open to other users"));
  // Nobody can put another one in its place.
  folder.change_mode("open", 01777);
  CHECK(fault("open/broker") == "none");
  CHECK_THAT(fault("open/other"), Contains("open is open to other users"));
  if (::geteuid() != 0) return;
  REQUIRE(::chown(folder.path("open/broker").c_str(), 12345, 12345) == 0);
  CHECK_THAT(fault("open/broker"), Contains("belongs to user 12345"));
  REQUIRE(::chown(folder.path("open").c_str(), 12345, 12345) == 0);
  folder.change_mode("open", 0700);
  CHECK_THAT(fault("open/other"), Contains("open belongs to user 12345"));
}

TEST_CASE("a name is looked up, and numbers are themselves") {
  CHECK(look_up("localhost").value() == "127.0.0.1");
  CHECK(look_up("192.0.2.7").value() == "192.0.2.7");
  CHECK(look_up("fd00::1").value() == "fd00::1");
  // A label of 64 bytes is no name, so that nobody needs to be asked.
  const std::string name(64, 'a');
  const auto found = look_up(name);
  REQUIRE_FALSE(found.has_value());
  CHECK_THAT(found.error().message, Contains("cannot look up the host '" + name + "': "));
}

TEST_CASE("the local address is that of the interface towards a host") {
  CHECK(local_address_towards(tcp("127.0.0.1", 5000)).value() == "127.0.0.1");
  CHECK(local_address_towards(tcp("localhost", 5000)).value() == "127.0.0.1");
  CHECK_FALSE(local_address_towards(tcp(std::string(64, 'a'), 5000)).has_value());
  const Fd has_ipv6(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  if (::bind(has_ipv6.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0) {
    CHECK(local_address_towards(tcp("::1", 5000)).value() == "::1");
  }
}

TEST_CASE("a host to which there is no way is an error that names it") {
  // Datagrams to everybody need a permission that no socket of ours asks for.
  const auto here = local_address_towards(tcp("255.255.255.255", 5000));
  REQUIRE_FALSE(here.has_value());
  CHECK_THAT(here.error().message, Contains("cannot find the way to tcp://255.255.255.255:5000: "));
}

}  // namespace leat::io
