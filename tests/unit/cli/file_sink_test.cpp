#include "cli/file_sink.h"

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

using Catch::Contains;
using leat::Instant;
using leat::Position;
using leat::ProducerId;
using leat::RecordsBuilder;
using namespace leat::cli;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

const FileSink::Purpose kPurpose{.pipeline = "p", .group = "g", .producer = ""};

// A producer's results, record `first` and those behind it.
wire::Delivery delivery_of(ProducerId producer, std::uint64_t first,
                           const std::vector<std::string>& texts) {
  RecordsBuilder builder("\n");
  for (const std::string& text : texts) {
    builder.add(text);
  }
  wire::Delivery delivery;
  delivery.outputs.producer = producer;
  if (!texts.empty()) {
    const auto count = static_cast<std::uint32_t>(texts.size());
    delivery.outputs.runs = {{.first = Position(first), .inputs = count, .outputs = count}};
  }
  delivery.outputs.records = builder.take();
  return delivery;
}

void make_unterminated(wire::Delivery& delivery) {
  leat::Records& records = delivery.outputs.records;
  records.attributes.push_back(
      {.first = records.count - 1, .count = 1, .name = std::string(leat::kUnterminated)});
}

leat::Result<FileSink> open_sink(const FileSink::Purpose& purpose, std::uint64_t length,
                                 std::optional<std::string> state) {
  return FileSink::open(
      purpose, {.file = "F", .state_file = "F.leat", .length = length, .state = std::move(state)},
      "me");
}

// Ends the process of a Machine in the middle of what it does.
struct Crash {};

// A process with a FileSink, its disk, and the broker of its session. The oracle is in here: what
// the broker has as taken, and each delivery that it made, in order.
class Machine {
 public:
  explicit Machine(unsigned seed) : random_(seed) {}

  // Until all deliveries are in the file and taken, crashing `crashes` times.
  void run(std::size_t deliveries, int crashes) {
    make_parcels(deliveries);
    crashes_left_ = crashes;
    while (!is_done()) {
      try {
        live();
      } catch (const Crash&) {
        die();
      }
    }
  }

  [[nodiscard]] const std::string& file() const { return file_; }

  // What others of the group did not take, in the order in which it was given out first.
  [[nodiscard]] const std::string& expected() const { return expected_; }

  [[nodiscard]] int crashes() const { return crashes_; }

  [[nodiscard]] int forgotten() const { return forgotten_; }

 private:
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

  void make_parcels(std::size_t count) {
    std::string owed;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::string> texts;
      // Some have dead letters alone.
      for (std::size_t k = below(4); k > 0; --k) {
        texts.push_back(std::to_string(i) + std::string(below(30), 'x'));
      }
      wire::Delivery parcel = delivery_of({9, 1 + i % 3}, 100 * i, texts);
      std::string bytes(parcel.outputs.records.blob.view());
      if (!texts.empty()) bytes = std::exchange(owed, "") + bytes;
      if (!texts.empty() && chance(20)) {
        make_unterminated(parcel);
        bytes.pop_back();
        owed = "\n";
      }
      expected_ += bytes;
      parcels_.push_back(std::move(parcel));
    }
  }

  [[nodiscard]] bool is_done() const { return taken_ == parcels_.size(); }

  // A process from its start to its end.
  void live() {
    FileSink sink = open_sink(kPurpose, file_.size(), state_).value();
    carry_out(sink.start());
    open(sink, sink.next_epoch(), sink.delivery());
    while (!is_done()) {
      now_ = now_ + 1ms;
      hear();
      sink.confirm(chance(30) ? number_of_taken() : 0);
      // Sometimes the session is taken up again while it goes on.
      if (chance(3)) open(sink, sink.next_epoch(), sink.delivery());
      const std::uint64_t next = begun_at_ + sink.delivery();
      if (next < parcels_.size() && chance(70)) {
        wire::Delivery delivery = parcels_[next];
        delivery.number = sink.delivery() + 1;
        carry_out(sink.add(delivery, now_));
      }
      carry_out(sink.tick(now_));
      // It is ended in order, and started again.
      if (chance(2)) {
        carry_out(sink.flush());
        hear_all();
        is_known_ = false;
        carry_out(sink.end());
        return;
      }
    }
  }

  // The broker's answer; a consumer that it does not know begins anew.
  void open(FileSink& sink, std::uint64_t epoch, std::uint64_t taken) {
    carry_out(sink.open_session(epoch));
    if (!is_known_ && epoch > 1) {
      ++forgotten_;
      return open(sink, 1, 0);
    }
    if (epoch == 1) {
      REQUIRE_FALSE(is_known_);
      is_known_ = true;
      begun_at_ = taken_;
      epoch_ = 0;
    }
    REQUIRE(epoch > epoch_);
    epoch_ = epoch;
    taken_ = std::max(taken_, begun_at_ + taken);
  }

  // What is under way to the broker arrives, or some of it.
  void hear() {
    while (!under_way_.empty() && chance(50)) {
      taken_ = std::max(taken_, begun_at_ + under_way_.front());
      under_way_.pop_front();
    }
  }

  void hear_all() {
    for (const std::uint64_t delivery : std::exchange(under_way_, {})) {
      taken_ = std::max(taken_, begun_at_ + delivery);
    }
  }

  [[nodiscard]] std::uint64_t number_of_taken() const {
    return taken_ - std::min(taken_, begun_at_);
  }

  void carry_out(const SinkEffects& effects) {
    for (const SinkEffect& effect : effects) {
      crash_by_chance();
      std::visit([this](const auto& e) { order(e); }, effect);
    }
    crash_by_chance();
  }

  void crash_by_chance() {
    if (crashes_left_ > 0 && chance(8)) throw Crash{};
  }

  void order(const TruncateFile& effect) {
    REQUIRE(effect.length < file_.size());
    file_.resize(effect.length);
  }

  void order(const WriteFile& effect) {
    REQUIRE(effect.at == file_.size());
    const bool is_cut = crashes_left_ > 0 && chance(5);
    file_ += effect.bytes.view().substr(0, is_cut ? below(effect.bytes.size()) : std::string::npos);
    if (is_cut) throw Crash{};
  }

  void order(const SyncFile& /*effect*/) { synced_ = file_.size(); }

  void order(const WriteState& effect) {
    // What the state tells of is on the disk, and it ends with a whole delivery.
    REQUIRE(effect.length <= synced_);
    REQUIRE(effect.length == file_.size());
    state_ = effect.text;
  }

  void order(const Acknowledge& effect) {
    const SinkState state = parse_sink_state(state_.value()).value();
    REQUIRE(effect.delivery == state.delivery);
    under_way_.push_back(effect.delivery);
  }

  // kill -9, or the whole machine: what was not synced survives in part, or is zeros.
  void die() {
    ++crashes_;
    --crashes_left_;
    if (chance(50)) {
      const std::size_t kept = synced_ + below(file_.size() - std::min(synced_, file_.size()) + 1);
      const std::size_t length = file_.size();
      if (kept < length) {
        file_.resize(kept);
        if (chance(50)) file_.resize(length, '\0');
      }
    }
    synced_ = std::min(synced_, file_.size());
    // What it had said may still be in its process.
    if (chance(50)) under_way_.clear();
    hear_all();
    // It was silent for too long, or not.
    if (chance(30)) is_known_ = false;
  }

  std::mt19937 random_;
  int crashes_left_ = 0;
  int crashes_ = 0;
  int forgotten_ = 0;
  Instant now_{};
  // The disk.
  std::string file_;
  std::size_t synced_ = 0;
  std::optional<std::string> state_;
  // The broker.
  std::vector<wire::Delivery> parcels_;
  std::string expected_;
  std::size_t taken_ = 0;     // Of the parcels.
  std::size_t begun_at_ = 0;  // Its session's delivery 1 is the parcel with this index.
  bool is_known_ = false;
  std::uint64_t epoch_ = 0;
  std::deque<std::uint64_t> under_way_;
};

template <typename Kind>
std::size_t count_of(const SinkEffects& effects) {
  return static_cast<std::size_t>(
      std::count_if(effects.begin(), effects.end(),
                    [](const SinkEffect& effect) { return std::holds_alternative<Kind>(effect); }));
}

// A sink with an empty file, and its session open.
FileSink opened_sink(const FileSink::Purpose& purpose = kPurpose) {
  FileSink sink = open_sink(purpose, 0, std::nullopt).value();
  CHECK(sink.start().empty());
  CHECK(count_of<WriteState>(sink.open_session(1)) == 1);
  return sink;
}

wire::Delivery numbered(std::uint64_t number, wire::Delivery delivery) {
  delivery.number = number;
  return delivery;
}

std::string state_in(const SinkEffects& effects) {
  std::string text;
  for (const SinkEffect& effect : effects) {
    if (const auto* const state = std::get_if<WriteState>(&effect)) text = state->text;
  }
  return text;
}

}  // namespace

TEST_CASE("whenever a consumer with a file dies, each result is in the file once, in order") {
  int crashes = 0;
  int forgotten = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    INFO("seed " << seed);
    Machine machine(seed);
    machine.run(60, 12);
    crashes += machine.crashes();
    forgotten += machine.forgotten();
    REQUIRE(machine.file() == machine.expected());
  }
  // It was not easy.
  CHECK(crashes > 5000);
  CHECK(forgotten > 500);
}

TEST_CASE("deliveries are kept together, and only then acknowledged") {
  FileSink sink = opened_sink();
  const Instant begin{};
  const SinkEffects first = sink.add(numbered(1, delivery_of({1, 1}, 0, {"a", "b"})), begin);
  REQUIRE(first.size() == 1);
  CHECK(std::get<WriteFile>(first[0]).bytes.view() == "a\nb\n");
  const SinkEffects second = sink.add(numbered(2, delivery_of({1, 1}, 2, {"c"})), begin + 1ms);
  REQUIRE(second.size() == 1);
  CHECK(std::get<WriteFile>(second[0]).at == 4);
  CHECK(sink.tick(begin + (FileSink::kBehindMax - 1ns)).empty());
  CHECK(sink.next_deadline() == begin + FileSink::kBehindMax);
  const SinkEffects kept = sink.tick(begin + FileSink::kBehindMax);
  REQUIRE(kept.size() == 3);
  CHECK(std::holds_alternative<SyncFile>(kept[0]));
  CHECK(std::get<WriteState>(kept[1]).length == 6);
  CHECK(std::get<Acknowledge>(kept[2]).delivery == 2);
  CHECK_FALSE(sink.next_deadline());
  CHECK(sink.flush().empty());
}

TEST_CASE("a file is never far behind what it was given") {
  FileSink sink = opened_sink();
  std::size_t behind = 0;
  for (std::uint64_t number = 1; number < 100; ++number) {
    const std::string text(300'000, 'x');
    const SinkEffects effects = sink.add(numbered(number, delivery_of({1, 1}, number, {text})), {});
    behind = count_of<Acknowledge>(effects) > 0 ? 0 : behind + text.size();
    CHECK(behind < FileSink::kBytesBehindMax);
  }
}

TEST_CASE("what has no results is acknowledged without a sync of the file") {
  FileSink sink = opened_sink();
  CHECK(sink.add(numbered(1, delivery_of({1, 1}, 0, {})), {}).empty());
  const SinkEffects kept = sink.flush();
  CHECK(count_of<SyncFile>(kept) == 0);
  CHECK(count_of<Acknowledge>(kept) == 1);
}

TEST_CASE("an unterminated record gets its terminator from the next process, too") {
  FileSink sink = opened_sink();
  wire::Delivery unterminated = numbered(1, delivery_of({1, 1}, 0, {"a"}));
  make_unterminated(unterminated);
  const SinkEffects written = sink.add(unterminated, {});
  CHECK(std::get<WriteFile>(written.at(0)).bytes.view() == "a");
  FileSink next = open_sink(kPurpose, 1, state_in(sink.flush())).value();
  CHECK(next.start().empty());
  CHECK(next.next_epoch() == 2);
  CHECK(next.delivery() == 1);
  const SinkEffects effects = next.add(numbered(2, delivery_of({1, 2}, 0, {"b"})), {});
  REQUIRE(effects.size() == 2);
  CHECK(std::get<WriteFile>(effects[0]).bytes.view() == "\n");
  CHECK(std::get<WriteFile>(effects[1]).bytes.view() == "b\n");
}

TEST_CASE("the last result of the only producer makes a file complete") {
  const bool is_one = GENERATE(true, false);
  const FileSink::Purpose purpose{.pipeline = "p", .group = "g", .producer = is_one ? "x" : ""};
  FileSink sink = opened_sink(purpose);
  wire::Delivery last = numbered(1, delivery_of({1, 1}, 0, {}));
  last.is_last = true;
  CHECK(sink.add(last, {}).empty());
  CHECK(sink.is_complete() == is_one);
  const std::string state = state_in(sink.flush());
  const FileSink next = open_sink(purpose, 0, state).value();
  CHECK(next.is_complete() == is_one);
  // Only what is not complete begins anew.
  CHECK(sink.end().empty() == is_one);
}

TEST_CASE("only what a broker may give again is remembered") {
  FileSink sink = opened_sink();
  const auto remembered = [&] {
    return parse_sink_state(state_in(sink.open_session(sink.next_epoch()))).value().unconfirmed;
  };
  for (std::uint64_t number = 1; number <= 3; ++number) {
    (void)sink.add(numbered(number, delivery_of({1, 1}, number, {"a"})), {});
  }
  CHECK(remembered().size() == 3);
  sink.confirm(2);
  REQUIRE(remembered().size() == 1);
  CHECK(remembered()[0].number == 3);
  SECTION("a broker that ended gives nothing again") {
    (void)sink.add(numbered(4, delivery_of({2, 1}, 0, {"a"})), {});
    REQUIRE(remembered().size() == 1);
    CHECK(remembered()[0].producer == ProducerId{2, 1});
  }
  SECTION("in a new session it is passed over, until that one is confirmed") {
    CHECK(count_of<WriteState>(sink.open_session(1)) == 1);
    CHECK(sink.add(numbered(1, delivery_of({1, 1}, 3, {"a"})), {}).empty());
    sink.confirm(1);
    CHECK(remembered().empty());
  }
  SECTION("the oldest are forgotten beyond the limit") {
    for (std::uint64_t number = 4; number <= 4 + FileSink::kUnconfirmedMax; ++number) {
      (void)sink.add(numbered(number, delivery_of({1, 1}, number, {"a"})), {});
    }
    REQUIRE(remembered().size() == FileSink::kUnconfirmedMax);
    CHECK(remembered()[0].number == 5);
  }
}

TEST_CASE("a file that does not fit to its state is refused, with both names and the remedy") {
  FileSink sink = opened_sink();
  (void)sink.add(numbered(1, delivery_of({1, 1}, 0, {"abc"})), {});
  const std::string state = state_in(sink.flush());
  const auto refusal = [](const FileSink::Purpose& purpose, std::uint64_t length,
                          const std::optional<std::string>& text) {
    const auto opened = open_sink(purpose, length, text);
    return opened ? std::string() : opened.error().message;
  };
  CHECK(refusal(kPurpose, 4, state).empty());
  CHECK(refusal(kPurpose, 5, state).empty());
  CHECK_THAT(refusal(kPurpose, 3, state),
             Contains("--to F: it has 3 bytes, but by F.leat 4 were written") &&
                 Contains("move both away"));
  CHECK_THAT(refusal(kPurpose, 1, std::nullopt),
             Contains("--to F: it is not empty, and there is no F.leat") && Contains("a new file"));
  CHECK_THAT(refusal({"other", "g", ""}, 4, state),
             Contains("pipeline 'p', group 'g', not of pipeline 'other'") && Contains("F.leat"));
  CHECK_THAT(refusal({"p", "g", "x"}, 4, state), Contains("producer 'x'"));
  CHECK_THAT(refusal(kPurpose, 4, "nonsense"), Contains("F.leat is not what this leat writes"));
}
