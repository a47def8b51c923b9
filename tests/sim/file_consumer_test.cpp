// Goal: each result is in the file of a consumer once and in order, whatever ends the consumer, for
// however long it is away, and whatever of its words the broker has heard.
// Method: BrokerCore, SessionCore and FileSink as they are, in one thread. The process of the
// latter two ends at any effect that it carries out, with what it has not sent, or not read; what
// it has written stays. It comes back at once, or after the broker has given it up. The oracle is
// what the producers sent, in the order in which they did.

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/file_sink.h"
#include "clients/cpp/session_core.h"
#include "tests/unit/broker/scene.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;
using broker::testing::Opened;
using broker::testing::Scene;

// Ends the process in the middle of what it does.
struct Crash {};

struct Disk {
  std::string file;
  std::optional<std::string> state;
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    scene_.deploy(broker::testing::kEach);
    scene_.join("m");
    scene_.settle();
  }

  void run() {
    for (int step = 0; step < 400; ++step) {
      if (chance(20)) send();
      turn();
    }
    crashes_ = false;
    for (int step = 0; disk_.file != sent_ && step < 400; ++step) {
      turn();
    }
    // All of it, and nothing comes behind.
    REQUIRE(disk_.file == sent_);
    for (int step = 0; step < 50; ++step) {
      turn();
    }
    REQUIRE(disk_.file == sent_);
    REQUIRE(scene_.status().results == 0);
  }

  [[nodiscard]] int begun_anew() const { return begun_anew_; }

  [[nodiscard]] int passed_over() const { return passed_over_; }

 private:
  struct Process {
    cli::FileSink sink;
    client::SessionCore session;
    std::string peer;
    std::deque<wire::Message> to_broker;
    std::deque<wire::Message> from_broker;
    bool is_leaving = false;
  };

  bool chance(unsigned percent) { return random_() % 100 < percent; }

  // A producer comes, sends, and goes.
  void send() {
    const Opened sender = scene_.sender("sender" + std::to_string(++senders_));
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 1 + random_() % 4; ++i) {
      texts.push_back(std::to_string(senders_) + "." + std::to_string(i));
      sent_ += texts.back() + "\n";
    }
    scene_.submit(sender, 0, broker::testing::records_of(texts));
    scene_.end(sender, texts.size());
    scene_.close(sender);
    scene_.settle();
  }

  // What happens next; in the end time goes on.
  void turn() {
    try {
      if (process_ == nullptr) begin();
      take_from_broker();
      work();
      give_to_broker();
      if (crashes_ && !process_->is_leaving && chance(2)) leave();
    } catch (const Crash&) {
      die();
      return;
    }
    if (process_->session.is_over()) return end();
    if (chance(10)) pass(1);
  }

  void begin() {
    ++peers_;
    cli::FileSink sink =
        cli::FileSink::open({.pipeline = "p", .group = "g", .producer = ""},
                            {.length = disk_.file.size(), .state = disk_.state}, "me")
            .value();
    client::SessionCore session(
        {.pipeline = "p",
         .producer = sink.consumer(),
         .use = wire::SessionUse::kReceive,
         .group = "g",
         .resumption = client::Resumption{.epoch = sink.next_epoch(), .taken = sink.delivery()}});
    process_ = std::make_unique<Process>(Process{.sink = std::move(sink),
                                                 .session = std::move(session),
                                                 .peer = "peer" + std::to_string(peers_),
                                                 .to_broker = {},
                                                 .from_broker = {}});
    carry_out(process_->sink.start());
    carry_out(process_->session.start(scene_.now));
  }

  void take_from_broker() {
    for (; read_ < scene_.history.size(); ++read_) {
      const auto* const send = std::get_if<broker::Send>(&scene_.history[read_]);
      if (send != nullptr && send->peer == process_->peer) {
        process_->from_broker.push_back(send->message);
      }
    }
  }

  void work() {
    Process& process = *process_;
    while (!process.from_broker.empty() && chance(70)) {
      const wire::Message message = process.from_broker.front();
      process.from_broker.pop_front();
      carry_out(process.session.receive(message, scene_.now));
      process.sink.confirm(process.session.confirmed());
    }
    carry_out(process.session.tick(scene_.now));
    scene_.now = scene_.now + 5ms;
    if (!process.is_leaving) carry_out(process.sink.tick(scene_.now));
  }

  void give_to_broker() {
    while (!process_->to_broker.empty() && chance(60)) {
      const wire::Message message = process_->to_broker.front();
      process_->to_broker.pop_front();
      scene_.from(process_->peer, message);
    }
  }

  void leave() {
    carry_out(process_->sink.flush());
    process_->is_leaving = true;
    carry_out(process_->session.close(scene_.now));
  }

  // It is over: closed, or the broker knows it no more.
  void end() {
    try {
      if (!process_->is_leaving) carry_out(process_->sink.flush());
      if (process_->session.is_end_confirmed()) carry_out(process_->sink.end());
      process_.reset();
    } catch (const Crash&) {
      die();
    }
  }

  void die() {
    process_.reset();
    if (chance(50)) pass(1 + static_cast<int>(random_() % 50));
  }

  // So many seconds.
  void pass(int seconds) { scene_.beat(seconds); }

  void carry_out(const client::Effects& effects) {
    for (const client::Effect& effect : effects) {
      crash_by_chance();
      if (const auto* const send = std::get_if<client::SendToBroker>(&effect)) {
        const auto* const opening = std::get_if<wire::OpenSession>(&send->message);
        if (opening != nullptr) carry_out(process_->sink.open_session(opening->epoch));
        process_->to_broker.push_back(send->message);
      }
      const auto* const over = std::get_if<client::HandOver>(&effect);
      if (over != nullptr && !process_->is_leaving) add(over->delivery);
      if (std::holds_alternative<client::BeginAnew>(effect)) ++begun_anew_;
    }
  }

  void add(const wire::Delivery& delivery) {
    const std::uint64_t before = process_->sink.length();
    const cli::SinkEffects effects = process_->sink.add(delivery, scene_.now);
    const bool has_some = delivery.outputs.records.count > 0;
    if (has_some && process_->sink.length() == before) ++passed_over_;
    carry_out(effects);
  }

  void carry_out(const cli::SinkEffects& effects) {
    for (const cli::SinkEffect& effect : effects) {
      crash_by_chance();
      if (const auto* const truncate = std::get_if<cli::TruncateFile>(&effect)) {
        disk_.file.resize(truncate->length);
      }
      if (const auto* const write = std::get_if<cli::WriteFile>(&effect)) {
        REQUIRE(write->at == disk_.file.size());
        disk_.file += write->bytes.view();
      }
      if (const auto* const state = std::get_if<cli::WriteState>(&effect)) {
        disk_.state = state->text;
      }
      if (const auto* const kept = std::get_if<cli::Acknowledge>(&effect)) {
        carry_out(process_->session.took(kept->delivery, scene_.now));
      }
    }
  }

  void crash_by_chance() {
    if (crashes_ && chance(4)) throw Crash{};
  }

  std::mt19937 random_;
  Scene scene_;
  Disk disk_;
  std::string sent_;
  std::unique_ptr<Process> process_;
  std::size_t read_ = 0;  // Of the broker's history.
  int senders_ = 0;
  int peers_ = 0;
  int begun_anew_ = 0;
  int passed_over_ = 0;
  bool crashes_ = true;
};

}  // namespace

TEST_CASE("a consumer's file has each result once, however long its process is away", "[sim]") {
  int begun_anew = 0;
  int passed_over = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    world.run();
    begun_anew += world.begun_anew();
    passed_over += world.passed_over();
  }
  // It came to what is rare.
  CHECK(begun_anew > 100);
  CHECK(passed_over > 20);
}

}  // namespace leat::sim
