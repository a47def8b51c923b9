#include "io/address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ensure.h"
#include "io/fd.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kInproc = "inproc://";
constexpr std::string_view kIpcExample = "ipc:///run/leat/broker";
constexpr std::size_t kShownMax = 120;
constexpr std::size_t kHostBytesMax = 253;
constexpr std::size_t kNameBytesMax = 200;  // ZeroMQ takes 256 bytes, with inproc://.
constexpr mode_t kOthers = 077;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What a peer or a typing error put there must not disturb a terminal.
std::string shown(std::string_view text) {
  std::string copy(text.substr(0, kShownMax));
  std::ranges::replace_if(copy, is_control, '?');
  return "'" + copy + (text.size() > kShownMax ? "...'" : "'");
}

struct Reading {
  std::string_view text;  // The whole of it.
  Purpose purpose;
};

std::string_view tcp_example(Purpose purpose) {
  return purpose == Purpose::kListen ? "tcp://*:47000" : "tcp://broker.example.org:47000";
}

tl::unexpected<Error> refused(const Reading& reading, const std::string& why,
                              std::string_view example) {
  return failure(Errc::kInvalidArgument, "address " + shown(reading.text) + ": " + why +
                                             "; for example " + std::string(example));
}

tl::unexpected<Error> refused_tcp(const Reading& reading, const std::string& why) {
  return refused(reading, why, tcp_example(reading.purpose));
}

// Decimal digits without a leading zero, which other programs would read as octal.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_number =
      parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && text.front() != '0';
  return is_number ? std::optional(port) : std::nullopt;
}

bool is_address(int family, const std::string& host) {
  in6_addr ignored{};  // The larger of the two.
  return ::inet_pton(family, host.c_str(), &ignored) == 1;
}

bool is_host_name(std::string_view host) {
  const auto fits = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  };
  return host.size() <= kHostBytesMax && std::ranges::all_of(host, fits) &&
         (is_letter(host.front()) || is_digit(host.front())) &&
         host.find("..") == std::string_view::npos;
}

// Why this is no host; nothing when it is one.
std::optional<std::string> fault_of_host(const std::string& host, Purpose purpose) {
  if (host.empty()) return "the host is missing";
  if (host == "*") {
    if (purpose == Purpose::kListen) return std::nullopt;
    return "`*` is every host of a machine, to listen at; to connect, name one";
  }
  // No host has such a name, so that it was meant as an address.
  const bool is_numeric = std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
  if (is_numeric && !is_address(AF_INET, host)) return "the host is no IPv4 address";
  if (!is_host_name(host)) return "the host is no name and no IP address";
  return std::nullopt;
}

Result<Address> with_port(const Reading& reading, std::string host, std::string_view port) {
  Address address{Transport::kTcp, std::move(host), 0, {}};
  if (reading.purpose == Purpose::kConnect && has_any_host(address)) {
    return refused_tcp(reading, "it is for listening; to connect, name one host");
  }
  if (port == "*" || port == "0") {
    if (reading.purpose == Purpose::kListen) return address;
    return refused_tcp(reading, "a port that the system chooses is for listening");
  }
  const std::optional<std::uint16_t> number = parse_port(port);
  if (!number) return refused_tcp(reading, "the port is no number from 1 to 65535");
  address.port = *number;
  return address;
}

Result<Address> parse_bracketed(const Reading& reading, std::string_view rest) {
  const std::size_t end = rest.find(']');
  if (end == std::string_view::npos) {
    return refused_tcp(reading, "the bracket of the IPv6 address is not closed");
  }
  std::string host(rest.substr(1, end - 1));
  if (!is_address(AF_INET6, host)) {
    return refused_tcp(reading, "what is in brackets is no IPv6 address");
  }
  rest.remove_prefix(end + 1);
  if (!rest.starts_with(':')) return refused_tcp(reading, "the port is missing");
  return with_port(reading, std::move(host), rest.substr(1));
}

Result<Address> parse_tcp(const Reading& reading, std::string_view rest) {
  if (rest.starts_with('[')) return parse_bracketed(reading, rest);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return refused_tcp(reading, "the port is missing");
  std::string host(rest.substr(0, colon));
  if (host.find(':') != std::string::npos) {
    return refused(reading, "an IPv6 address stands in brackets", "tcp://[fd00::1]:47000");
  }
  if (const auto fault = fault_of_host(host, reading.purpose)) return refused_tcp(reading, *fault);
  return with_port(reading, std::move(host), rest.substr(colon + 1));
}

Result<Address> parse_ipc(const Reading& reading, std::string_view path) {
  if (!path.starts_with('/')) {
    return refused(reading, "the path is not absolute: it takes three slashes", kIpcExample);
  }
  if (path.ends_with('/')) return refused(reading, "the path names no file", kIpcExample);
  if (std::ranges::any_of(path, is_control)) {
    return refused(reading, "the path has a control character", kIpcExample);
  }
  if (path.size() > kSocketPathBytesMax) {
    return refused(reading,
                   "the path has " + std::to_string(path.size()) +
                       " bytes, and that of a unix socket has at most " +
                       std::to_string(kSocketPathBytesMax),
                   kIpcExample);
  }
  return Address{Transport::kIpc, {}, 0, std::string(path)};
}

Result<Address> parse_inproc(const Reading& reading, std::string_view name) {
  if (!name.empty() && name.size() <= kNameBytesMax && std::ranges::none_of(name, is_control)) {
    return Address{Transport::kInproc, {}, 0, std::string(name)};
  }
  return refused(reading,
                 "the name has 1 to " + std::to_string(kNameBytesMax) +
                     " bytes, none of them a control character",
                 "inproc://front");
}

// An address in numbers as the system takes it.
struct SystemAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] sockaddr* get() {
    // The system's own way to tell families apart.
    return reinterpret_cast<sockaddr*>(&storage);
  }
};

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Found> ask_resolver(const std::string& host, const addrinfo& hints) {
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (error == 0) return Found(first, &::freeaddrinfo);
  const bool is_passing = error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY;
  const std::string why = error == EAI_SYSTEM ? in_words(errno) : ::gai_strerror(error);
  return failure(is_passing ? Errc::kUnavailable : Errc::kNotFound,
                 "cannot look up the host " + shown(host) + ": " + why);
}

// Asks nobody. REQUIRES: `host` is in numbers.
SystemAddress system_address(const std::string& host, std::uint16_t port) {
  SystemAddress address;
  if (host.find(':') != std::string::npos) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    ENSURE(::inet_pton(AF_INET6, host.c_str(), &in.sin6_addr) == 1);
    address.size = sizeof in;
    *reinterpret_cast<sockaddr_in6*>(&address.storage) = in;
    return address;
  }
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  ENSURE(::inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1);
  address.size = sizeof in;
  *reinterpret_cast<sockaddr_in*>(&address.storage) = in;
  return address;
}

Result<std::string> in_numbers(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  const int error =
      ::getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  if (error == 0) return std::string(host.data());
  return failure(Errc::kSystem, std::string("cannot write an address: ") + ::gai_strerror(error));
}

tl::unexpected<Error> not_private(const std::string& path, const std::string& why) {
  return failure(Errc::kInvalidArgument, "directory " + path + " " + why);
}

bool is_trusted(uid_t user) {
  return user == 0 || user == ::geteuid();
}

Result<void> check_private(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return system_failure(Errc::kSystem, "cannot look at directory " + path);
  }
  if (S_ISLNK(status.st_mode)) {
    return not_private(path,
                       "is a symbolic link, which leads who knows where: remove it, or give "
                       "another directory");
  }
  if (!S_ISDIR(status.st_mode)) {
    return not_private(path, "is a file: remove it, or give another directory");
  }
  if (status.st_uid != ::geteuid()) {
    return not_private(path, "belongs to user " + std::to_string(status.st_uid) +
                                 ": give a directory of your own");
  }
  if ((status.st_mode & kOthers) != 0) {
    return not_private(path,
                       "is open to other users: see that nothing in it is theirs, then "
                       "chmod 700 " +
                           path);
  }
  return {};
}

}  // namespace

Result<Address> parse_address(std::string_view text, Purpose purpose) {
  const Reading reading{text, purpose};
  if (text.starts_with(kTcp)) return parse_tcp(reading, text.substr(kTcp.size()));
  if (text.starts_with(kIpc)) return parse_ipc(reading, text.substr(kIpc.size()));
  if (text.starts_with(kInproc)) return parse_inproc(reading, text.substr(kInproc.size()));
  return refused_tcp(reading, "it is neither tcp://HOST:PORT nor ipc:///PATH");
}

std::string to_string(const Address& address) {
  switch (address.transport) {
    case Transport::kIpc:
      return std::string(kIpc) + address.path;
    case Transport::kInproc:
      return std::string(kInproc) + address.path;
    case Transport::kTcp:
      break;
  }
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return std::string(kTcp) + (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" +
         (address.port == 0 ? "*" : std::to_string(address.port));
}

bool is_local(const Address& address) {
  return address.transport != Transport::kTcp;
}

bool has_any_host(const Address& address) {
  if (address.transport != Transport::kTcp) return false;
  if (address.host == "*" || address.host == "0.0.0.0") return true;
  in6_addr in{};
  return ::inet_pton(AF_INET6, address.host.c_str(), &in) == 1 && IN6_IS_ADDR_UNSPECIFIED(&in);
}

Address with_host(Address address, std::string host) {
  if (address.transport == Transport::kTcp) address.host = std::move(host);
  return address;
}

Result<std::string> look_up(const std::string& host) {
  if (is_address(AF_INET, host) || is_address(AF_INET6, host)) return host;
  addrinfo hints{};
  hints.ai_family = AF_INET;  // As ZeroMQ looks names up.
  hints.ai_socktype = SOCK_STREAM;
  const Result<Found> found = ask_resolver(host, hints);
  if (!found) return tl::unexpected(found.error());
  return in_numbers((*found)->ai_addr, (*found)->ai_addrlen);
}

Result<std::string> local_address_towards(const Address& address) {
  const Result<std::string> host = look_up(address.host);
  if (!host) return tl::unexpected(host.error());
  SystemAddress there = system_address(*host, address.port);
  const std::string cannot = "cannot find the way to " + to_string(address);
  const Fd fd(::socket(there.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return system_failure(Errc::kSystem, cannot);
  // No datagram is sent: the system only chooses the route.
  if (::connect(fd.get(), there.get(), there.size) != 0) {
    return system_failure(Errc::kUnavailable, cannot);
  }
  SystemAddress here;
  here.size = sizeof here.storage;
  if (::getsockname(fd.get(), here.get(), &here.size) != 0) {
    return system_failure(Errc::kSystem, cannot);
  }
  return in_numbers(here.get(), here.size);
}

Result<PortRange> parse_port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? std::nullopt : parse_port(text.substr(dash + 1));
  if (first && last && *first <= *last) return PortRange{*first, *last};
  return failure(Errc::kInvalidArgument,
                 "ports " + shown(text) +
                     ": expected the first and the last, from 1 to 65535; for example 47100-47199");
}

std::string default_directory(const char* runtime_directory) {
  const std::string_view runtime = runtime_directory == nullptr ? "" : runtime_directory;
  if (!runtime.starts_with('/')) return "/tmp/leat-" + std::to_string(::geteuid());
  return std::string(runtime) + (runtime.ends_with('/') ? "leat" : "/leat");
}

Result<Address> default_front_address(const char* runtime_directory) {
  return parse_address(std::string(kIpc) + default_directory(runtime_directory) + "/broker",
                       Purpose::kListen);
}

Result<void> make_private_directory(const std::string& path) {
  // With a slash at its end a symbolic link would be looked through.
  const std::string directory = path.substr(0, path.find_last_not_of('/') + 1);
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return check_private(directory);
  const int error = errno;
  const std::string remedy =
      error == ENOENT ? " (the directory above it must exist)" : " (give another directory)";
  return failure(Errc::kSystem, "cannot make directory " + path + ": " + in_words(error) + remedy);
}

Result<void> check_socket_path(const std::string& path) {
  std::string directory = path;
  struct stat status{};
  // Where there is no directory yet, it could be made by who may write into that above.
  do {
    directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
  } while (::stat(directory.c_str(), &status) != 0 && directory != "/");
  if (!is_trusted(status.st_uid)) {
    return not_private(directory, "belongs to user " + std::to_string(status.st_uid) +
                                      ", who could put a socket of his own there: give an address "
                                      "in a directory of your own");
  }
  const bool is_open = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool is_sticky = (status.st_mode & S_ISVTX) != 0;
  const bool is_there = ::lstat(path.c_str(), &status) == 0;
  if (is_there && !is_trusted(status.st_uid)) {
    return failure(Errc::kInvalidArgument, path + " belongs to user " +
                                               std::to_string(status.st_uid) +
                                               ": give an address in a directory of your own");
  }
  if (!is_open || (is_sticky && is_there)) return {};
  return not_private(directory,
                     "is open to other users, who could put a socket of their own there: give an "
                     "address in a directory of your own");
}

}  // namespace leat::io
