// Sockets without keys: messages stay whole whatever interrupts, connections come back, and what
// cannot be bound is told with the remedy.

#include "io/socket.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/path_lock.h"
#include "io/pipe.h"
#include "tests/support/folder.h"
#include "tests/unit/io/sockets.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::bind_to;
using tests::Folder;
using tests::frames;
using tests::next;
using tests::PlainPeer;
using tests::texts;
using tests::wait_until;

constexpr const char* kAnyPort = "tcp://127.0.0.1:*";
using Texts = std::vector<std::string>;

std::string bind_fault(const std::string& address) {
  Context context;
  Socket socket(context, SocketType::kPull);
  const auto bound = socket.bind(address);
  return bound ? "none" : bound.error().message;
}

// What a process without root's rights says.
std::string said_by_a_user(const std::function<std::string()>& say) {
  Pipe told = make_pipe().value();
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const bool is_user = ::geteuid() != 0 || ::setresuid(54321, 54321, 54321) == 0;
    const std::string text = is_user ? say() : "still root";
    const ssize_t written = ::write(told.write.get(), text.data(), text.size());
    ::_exit(written > 0 ? 0 : 1);
  }
  told.write.reset();
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    if (!tests::wait_for(told.read.get(), POLLIN)) break;
    const ssize_t got = ::read(told.read.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return text;
}

// Interrupts this thread's system calls all the time.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &before_);
    set_timer(30);
  }

  ~Interruptions() {
    set_timer(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;
  Interruptions(Interruptions&&) = delete;
  Interruptions& operator=(Interruptions&&) = delete;

 private:
  static void set_timer(suseconds_t microseconds) {
    const itimerval every{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }

  struct sigaction before_{};
};

}  // namespace

TEST_CASE("messages stay whole and in order while signals come") {
  Context context;
  Socket pull(context, SocketType::kPull);
  Socket push(context, SocketType::kPush);
  REQUIRE(push.connect(bind_to(pull, kAnyPort)).has_value());
  REQUIRE(tests::send(push, frames({"first"})));
  REQUIRE(next(pull).has_value());
  // So many frames that ZeroMQ asks the system for news in the middle of them.
  constexpr std::size_t kFrames = 200;
  constexpr std::size_t kMessages = 500;
  std::size_t sent = 0;
  std::size_t received = 0;
  bool is_right = true;
  const auto exchange = [&] {
    const Socket::Frames message(kFrames, Bytes::copy(std::to_string(sent)));
    if (sent < kMessages && push.send(message) == SendState::kSent) ++sent;
    while (pull.has_input()) {
      const auto heard = pull.receive();
      if (!heard) break;
      const std::string expected = std::to_string(received);
      is_right = is_right && texts(*heard) == Texts(kFrames, expected);
      ++received;
    }
    return received == kMessages;
  };
  const Interruptions interruptions;
  REQUIRE(wait_until(exchange));
  CHECK(is_right);
  CHECK_FALSE(pull.receive().has_value());
}

TEST_CASE("a frame of more than 2 GiB arrives as it is") {
  // Reserved and never touched, so that it takes no memory.
  constexpr std::size_t kSize = (std::size_t{1} << 31U) + 1;
  void* const reserved =
      ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(reserved != MAP_FAILED);
  {
    Context context;
    Socket pull(context, SocketType::kPull);
    REQUIRE(pull.bind("inproc://large").has_value());
    Socket push(context, SocketType::kPush);
    REQUIRE(push.connect("inproc://large").has_value());
    const Bytes large =
        Bytes::share(nullptr, std::string_view(static_cast<const char*>(reserved), kSize));
    REQUIRE(tests::send(push, {Bytes::copy("before"), large, Bytes::copy("after")}));
    const auto received = next(pull);
    REQUIRE(received.has_value());
    REQUIRE(received->frames.size() == 3);
    CHECK(received->frames[0].view() == "before");
    CHECK(received->frames[1].size() == kSize);
    CHECK(received->frames[1].view().data() == reserved);
    CHECK(received->frames[2].view() == "after");
  }
  ::munmap(reserved, kSize);
}

TEST_CASE("a message whose connection goes away in the middle takes no other with it") {
  Context context;
  Socket push(context, SocketType::kPush);
  const std::string endpoint = bind_to(push, kAnyPort);
  // So many frames that ZeroMQ notices the peer's end between two of them, as a rule.
  const Socket::Frames many(20'000, Bytes::copy("x"));
  for (int i = 0; i < 20; ++i) {
    Socket peer(context, SocketType::kPull);
    REQUIRE(peer.connect(endpoint).has_value());
    REQUIRE(tests::send(push, frames({"a", "b"})));
    const auto received = next(peer);
    REQUIRE(received.has_value());
    CHECK(texts(received->frames) == Texts{"a", "b"});
    peer = Socket(context, SocketType::kPull);
    SendState state = SendState::kSent;
    while (state == SendState::kSent) {
      state = push.send(many);
    }
    CHECK(state == SendState::kWouldBlock);
  }
}

TEST_CASE("a peer comes back by itself when the one who listens does") {
  const Folder folder;
  for (const std::string& address : {std::string(kAnyPort), "ipc://" + folder.path("front")}) {
    INFO(address);
    Context peers;
    Socket dealer(peers, SocketType::kDealer);
    dealer.set_identity("me");
    std::string endpoint = address;
    for (int i = 0; i < 3; ++i) {
      Context context;
      Socket router(context, SocketType::kRouter);
      endpoint = bind_to(router, endpoint);
      if (i == 0) REQUIRE(dealer.connect(endpoint).has_value());
      // What was sent before the end was noticed is lost.
      std::optional<Socket::Received> received;
      REQUIRE(wait_until([&] {
        static_cast<void>(dealer.send(frames({std::to_string(i)})));
        received = router.receive_with_user();
        return received && received->frames.back().view() == std::to_string(i);
      }));
      REQUIRE(router.send(frames({"me", "back"})) == SendState::kSent);
      REQUIRE(next(dealer).has_value());
    }
  }
}

TEST_CASE("a router tells who cannot be reached") {
  Context context;
  Socket router(context, SocketType::kRouter);
  REQUIRE(router.bind(kAnyPort).has_value());
  CHECK(router.send(frames({"nobody", "hello"})) == SendState::kUnreachable);
}

TEST_CASE("a silent connection over tcp is pinged") {
  Context context;
  Socket pull(context, SocketType::kPull);
  PlainPeer peer(bind_to(pull, kAnyPort));
  peer.write(tests::greeting("NULL") +
             tests::command("READY", tests::property("Socket-Type", "PUSH")));
  bool is_pinged = false;
  REQUIRE(peer.read_until([&](const std::string& received) {
    is_pinged = received.find("\x04PING") != std::string::npos;
    return is_pinged;
  }));
  CHECK(is_pinged);
}

TEST_CASE("sockets listen at names, interfaces, IPv6 and wherever there is room") {
  for (const char* address : {"tcp://localhost:*", "tcp://lo:*", "tcp://*:*", "tcp://0.0.0.0:0"}) {
    INFO(address);
    CHECK(bind_fault(address) == "none");
  }
  if (!std::filesystem::exists("/proc/net/if_inet6")) return;
  for (const char* address : {"tcp://[::1]:*", "tcp://[::]:*"}) {
    INFO(address);
    Context context;
    Socket pull(context, SocketType::kPull);
    const Address bound = parse_address(bind_to(pull, address), Purpose::kListen).value();
    CHECK(bound.port != 0);
    Socket push(context, SocketType::kPush);
    REQUIRE(push.connect(to_string(with_host(bound, "::1"))).has_value());
    REQUIRE(tests::send(push, frames({"hello"})));
    CHECK(next(pull).has_value());
  }
}

TEST_CASE("an address that is in use is told with the remedy") {
  Context context;
  Socket socket(context, SocketType::kPull);
  for (const char* address : {kAnyPort, "inproc://taken"}) {
    const std::string endpoint = bind_to(socket, address);
    Socket second(context, SocketType::kPull);
    const auto bound = second.bind(endpoint);
    REQUIRE_FALSE(bound.has_value());
    CHECK(bound.error().code == Errc::kUnavailable);
    CHECK(bound.error().message ==
          "cannot listen at " + endpoint +
              ": something listens there already: another broker? Give another address");
  }
}

TEST_CASE("an address that is not ours is told with the remedy") {
  const std::string fault =
      ": this machine has no such address or interface; give one of its own, or `*` for all";
  CHECK(bind_fault("tcp://192.0.2.1:47000") == "cannot listen at tcp://192.0.2.1:47000" + fault);
  // A label of 64 bytes is no name, so that nobody needs to be asked.
  const std::string name = "tcp://" + std::string(64, 'a') + ":47000";
  CHECK(bind_fault(name) == "cannot listen at " + name + fault);
}

TEST_CASE("a path where no socket can be is told with the remedy") {
  const Folder folder;
  const std::string none = "ipc://" + folder.path("none/front");
  CHECK(bind_fault(none) == "cannot listen at " + none +
                                ": there is no such directory; make it, or give another address");
  folder.write("file", "precious", 0600);
  CHECK_THAT(bind_fault("ipc://" + folder.path("file/front")),
             Contains("there is no such directory"));
  const std::string file = "ipc://" + folder.path("file");
  CHECK(bind_fault(file) == "cannot listen at " + file +
                                ": something else than a socket lies there; give another address");
  CHECK(folder.read("file") == "precious");
  CHECK_THAT(bind_fault("ipc://" + folder.path()), Contains("something else than a socket"));
  CHECK_THAT(bind_fault("ipc:///" + std::string(120, 'x')), Contains("at most 107"));
  CHECK_THAT(bind_fault("nonsense"), Contains("address 'nonsense': "));
}

TEST_CASE("a place that is not permitted is told with the remedy") {
  const Folder folder;
  folder.change_mode(".", 0755);
  std::filesystem::create_directory(folder.path("closed"));
  folder.change_mode("closed", 0555);
  const std::string address = "ipc://" + folder.path("closed/front");
  CHECK(said_by_a_user([&] { return bind_fault(address); }) ==
        "cannot listen at " + address +
            ": permission denied; give a path in a directory of your own");
  const std::string path = folder.path("closed/front");
  CHECK(said_by_a_user([&] { return PathLock::take(path).error().message; }) ==
        "cannot listen at ipc://" + path + ": cannot write " + path +
            ".lock: Permission denied (give an address in a directory of your own)");
}

TEST_CASE("what cannot be connected to is told") {
  Context context;
  Socket socket(context, SocketType::kPush);
  for (const char* address : {"tcp://*:5000", "tcp://127.0.0.1:*", "nonsense", "ipc://a"}) {
    const auto connected = socket.connect(address);
    REQUIRE_FALSE(connected.has_value());
    CHECK_THAT(connected.error().message, Contains("address '" + std::string(address) + "': "));
  }
}

TEST_CASE("a socket for which there is no descriptor says so and does nothing") {
  Context context;
  const Socket first(context, SocketType::kPull);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::optional<Socket> socket;
  {
    // As many as are open, and no more.
    const Fd highest(::fcntl(0, F_DUPFD_CLOEXEC, 0));
    const rlimit none{static_cast<rlim_t>(highest.get()), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    socket.emplace(context, SocketType::kDealer);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  }
  socket->set_identity("me");
  socket->set_frame_bytes_max(1);
  const KeyPair pair = make_key_pair().value();
  socket->secure_as_server(pair.secret_key);
  socket->secure_as_client(pair, pair.public_key);
  CHECK(socket->bind(kAnyPort).error().message ==
        "cannot listen at tcp://127.0.0.1:*: Too many open files");
  CHECK(socket->connect("tcp://127.0.0.1:1").error().message ==
        "cannot connect to tcp://127.0.0.1:1: Too many open files");
  socket->reconnect();
  CHECK(socket->send(frames({"hello"})) == SendState::kWouldBlock);
  CHECK_FALSE(socket->receive().has_value());
  CHECK_FALSE(socket->has_input());
  CHECK(socket->fd() == -1);
  CHECK(socket->last_endpoint().empty());
}

}  // namespace leat::io
