// Addresses as users write them: tcp://HOST:PORT, ipc:///PATH, inproc://NAME. Nothing but a checked
// Address reaches ZeroMQ, whose own errors name neither the text nor the remedy.
//
// HOST is a name (looked up for IPv4), an IPv4 address or an IPv6 one in brackets; to listen also
// `*`, which is every IPv4 address of the machine. PORT is 1 to 65535; to listen also `*` or 0,
// which lets the system choose. inproc reaches no further than the process.
//
// Values and free functions; any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace leat::io {

enum class Transport { kTcp, kIpc, kInproc };

struct Address {
  Transport transport = Transport::kInproc;
  std::string host;        // tcp only; an IPv6 address is without its brackets.
  std::uint16_t port = 0;  // tcp only; 0: the system chooses.
  std::string path;        // ipc: absolute. inproc: the name. tcp: empty.

  friend bool operator==(const Address&, const Address&) = default;
};

// What an address is for: `*` and port 0 are for listening only.
enum class Purpose { kListen, kConnect };

// What the system allows for the path of a unix socket, in bytes.
inline constexpr std::size_t kSocketPathBytesMax = 107;

// An error names the text, what is wrong with it, and an example. Total: the text may come from a
// peer.
[[nodiscard]] Result<Address> parse_address(std::string_view text, Purpose purpose);

// As parse_address() reads it, and ZeroMQ.
[[nodiscard]] std::string to_string(const Address& address);

// Never leaves the machine: ipc and inproc. Everything else needs keys, or the user's word.
[[nodiscard]] bool is_local(const Address& address);

// tcp at every address of the machine: `*`, 0.0.0.0, [::]. Nobody can connect to it as it is.
[[nodiscard]] bool has_any_host(const Address& address);

// The same port of another host (an IPv6 address without brackets). For an address that a broker
// or node tells of itself and has_any_host(): whoever reached it knows its host. Other transports
// are left as they are.
[[nodiscard]] Address with_host(Address address, std::string host);

// The IPv4 address of a name, in numbers; an address in numbers is its own. Asks the system's
// resolver, which may take seconds. kNotFound: there is none; kUnavailable: it may be known later.
[[nodiscard]] Result<std::string> look_up(const std::string& host);

// Our address, in numbers, on the interface by which that host is reached: what to tell it so that
// it can connect back. Sends nothing; looks a name up. REQUIRES: tcp, as parsed for kConnect.
[[nodiscard]] Result<std::string> local_address_towards(const Address& address);

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // At least `first`; belongs to it.

  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// "47100-47199".
[[nodiscard]] Result<PortRange> parse_port_range(std::string_view text);

// Where sockets of this user's daemons lie by default: RUNTIME/leat, or /tmp/leat-UID without an
// absolute `runtime_directory` ($XDG_RUNTIME_DIR, null when it is not set).
[[nodiscard]] std::string default_directory(const char* runtime_directory);

// ipc://DIRECTORY/broker: where broker, nodes and clients of one user meet unless told otherwise.
// An error when the path is too long.
[[nodiscard]] Result<Address> default_front_address(const char* runtime_directory);

// Makes it, with mode 0700; its parent must exist. One that exists is taken if nobody else can
// enter it: refused are a symlink, one of another user, and one that is open to others.
[[nodiscard]] Result<void> make_private_directory(const std::string& path);

// Refuses the path of a socket where another user than root could have put his own, to play the
// broker: in a directory that is his or open to others, or a socket that is his.
[[nodiscard]] Result<void> check_socket_path(const std::string& path);

}  // namespace leat::io
