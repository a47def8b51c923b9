// Mode tagged: the frames, what is inside, and the replica, played by hand.

#include "node/tagged.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "framing/stream.h"
#include "node/tagged_inside.h"
#include "node/tagged_replica.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;

std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  while (bytes-- > 0) {
    text += static_cast<char>(number >> (8 * bytes) & 0xff);
  }
  return text;
}

// The frame without its length.
std::string body_of(std::uint64_t id, const std::vector<std::string>& outputs, int status = 0) {
  std::string body = big_endian(id, 8) + big_endian(static_cast<std::uint64_t>(status), 1);
  for (const std::string& output : outputs) {
    body += big_endian(output.size(), 4) + output;
  }
  return body;
}

std::string frame_of(std::uint64_t id, const std::vector<std::string>& outputs, int status = 0) {
  const std::string body = body_of(id, outputs, status);
  return big_endian(body.size(), 4) + body;
}

Portion portion_of(std::uint64_t lease, std::uint64_t first,
                   const std::vector<std::string>& records) {
  Portion portion;
  portion.lease = lease;
  RecordsBuilder builder("");
  for (const std::string& record : records) {
    builder.add(record);
  }
  const auto count = static_cast<std::uint32_t>(records.size());
  portion.batch = {{0, 1}, {{Position(first), count, count}}, builder.take()};
  return portion;
}

// One replica, whose process does what the test says.
class Bench {
 public:
  explicit Bench(spec::Stage stage) : stage_(std::move(stage)), replica_(post(), 1) {}

  void give(std::uint64_t lease, std::uint64_t first, const std::vector<std::string>& records) {
    queue_.push_back(portion_of(lease, first, records));
    advance();
  }

  void advance() {
    with_turn([this](Turn& turn) { replica_.advance(turn, tool_count_); });
    for (Effect& effect : std::exchange(effects_, {})) {
      if (const auto* start = std::get_if<StartTool>(&effect)) {
        ++starts;
        tell(ToolStarted{start->tool});
      }
      if (const auto* fed = std::get_if<FeedTool>(&effect)) {
        tell(ToolAccepted{fed->tool, fed->bytes.size()});
      }
      const auto* end = std::get_if<EndTool>(&effect);
      if (end != nullptr) ++(end->kill ? kills : ends);
      if (const auto* look = std::get_if<LookAtTool>(&effect)) {
        tell(ToolLooked{look->tool, look->look, replica_.is_idle() ? idle : rest});
      }
      if (const auto* said = std::get_if<Say>(&effect)) words.push_back(said->text);
    }
  }

  // Long enough for a look, and for what follows.
  void pass(Duration time = 1ms) {
    now = now + time;
    advance();
    advance();
  }

  void print(std::string_view bytes) {
    tell(ToolPrinted{*replica_.tool(), bytes});
    advance();
  }

  void die() { end({.is_signal = true, .status = 11}); }

  void end(ToolEnded event) {
    event.tool = *replica_.tool();
    tell(event);
    pass(1s);
    pass();
  }

  // "LEASE RECORD: OUTPUT,OUTPUT" or "LEASE RECORD failed after N: REASON", of all so far.
  [[nodiscard]] std::vector<std::string> outcomes() const {
    std::vector<std::string> all;
    for (const wire::LeaseResult& result : results) {
      RecordReader reader(result.outputs.records);
      for (const Run& run : result.outputs.runs) {
        note(result, run, reader, all);
      }
    }
    return all;
  }

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  Bench(Bench&&) = delete;
  Bench& operator=(Bench&&) = delete;
  ~Bench() = default;

  [[nodiscard]] TaggedReplica& replica() { return replica_; }

  Instant now{1s};
  std::vector<wire::LeaseResult> results;
  std::vector<std::string> words;
  int starts = 0;
  int kills = 0;
  int ends = 0;               // By end-of-file.
  Rest rest = Rest::kBusy;    // As a look sees it when something is inside.
  Rest idle = Rest::kAtRest;  // And when nothing is.

 private:
  static void note(const wire::LeaseResult& result, const Run& run, RecordReader& reader,
                   std::vector<std::string>& all) {
    for (std::uint32_t i = 0; i < run.inputs; ++i) {
      std::string text = std::to_string(result.lease) + " " + to_string(run.first.plus(i));
      const auto why = std::find_if(
          result.failures.begin(), result.failures.end(),
          [&](const wire::Failure& failed) { return failed.first == run.first.plus(i); });
      if (why != result.failures.end()) {
        all.push_back(text + " failed after " + std::to_string(why->attempts) + ": " + why->reason);
        continue;
      }
      text += ":";
      for (std::uint32_t k = 0; k < run.outputs / run.inputs; ++k) {
        text += (k == 0 ? " " : ",") + std::string(reader.next());
      }
      all.push_back(text);
    }
  }

  [[nodiscard]] Post post() const {
    return {.stage = stage_, .limits = limits_, .directory = "/", .pipeline = "p"};
  }

  template <typename Act>
  void with_turn(const Act& act) {
    Turn turn{queue_, effects_, results, tally_, way_, now};
    act(turn);
  }

  template <typename Event>
  void tell(const Event& event) {
    if (replica_.tool() != event.tool) return;
    with_turn([&](Turn& turn) { replica_.on(event, turn); });
  }

  spec::Stage stage_;
  Limits limits_;
  WorkQueue queue_{false};
  OutputWay way_{spec::Buffering::kPipe};
  Tally tally_;
  TaggedReplica replica_;
  std::uint64_t tool_count_ = 0;
  Effects effects_;
};

spec::Stage stage() {
  return {
      .name = "s", .argv = {"tool"}, .mode = spec::Mode::kTagged, .attempts = 2, .backoff = 10ms};
}

// A bench with records 0 to 3 of lease 1 inside.
struct BenchWithFour : Bench {
  explicit BenchWithFour(spec::Stage one = stage()) : Bench(std::move(one)) {
    advance();
    pass();
    give(1, 0, {"a", "b", "c", "d"});
  }
};

std::string error_of(const std::string& frame) {
  const auto answer = decode_answer_frame(frame);
  return answer ? "none" : answer.error().message;
}

}  // namespace

TEST_CASE("a record goes to the tool behind its length and id, the highest bytes first") {
  const Records frames = encode_frames(portion_of(1, 0, {"ab", ""}).batch.records, 0x1fe);
  CHECK(framing::stream_of(frames, framing::kLength32Framing).view() ==
        std::string_view("\0\0\0\x0a\0\0\0\0\0\0\x01\xfe"
                         "ab\0\0\0\x08\0\0\0\0\0\0\x01\xff",
                         26));
}

TEST_CASE("an answer has an id, a status and any outputs") {
  const std::string body = body_of(7, {"x", "", std::string("\0\n", 2)});
  const auto answer = decode_answer_frame(body);
  REQUIRE(answer);
  CHECK(answer->id == 7);
  CHECK(answer->status == TaggedStatus::kDone);
  CHECK(answer->outputs == std::vector<std::string_view>{"x", "", std::string_view("\0\n", 2)});
}

TEST_CASE("what is no answer is told in words, wherever it is cut") {
  CHECK(error_of("hello") == "has 5 bytes, too few for an id and a status");
  CHECK(error_of(body_of(1, {}, 3)) == "has the status 3, not 0, 1 or 2");
  CHECK(error_of(body_of(1, {"a", "b"}, 1)) ==
        "says that the record failed, and has 2 outputs, not one, the reason");
  const std::string whole = body_of(1, {"abc", "de"});
  for (std::size_t size = 9; size < whole.size(); ++size) {
    const bool is_end_of_output = size == 9 || size == 9 + 4 + 3;
    const std::string expected =
        is_end_of_output ? "none" : std::string("ends within output ") + (size < 16 ? "1" : "2");
    CHECK(error_of(whole.substr(0, size)) == expected);
  }
  CHECK(error_of(body_of(1, {}) + "\xff\xff\xff\xff") == "ends within output 1");
}

TEST_CASE("answers in any order, of any number of outputs, go to their records") {
  BenchWithFour bench;
  bench.give(2, 4, {"e"});
  CHECK(bench.replica().stage_failure() == std::nullopt);
  bench.print(frame_of(4, {"E"}) + frame_of(2, {"C", "C"}) + frame_of(0, {}));
  CHECK(bench.outcomes() == std::vector<std::string>{"1 0:", "1 2: C,C", "2 4: E"});
  bench.print(frame_of(3, {"D"}) + frame_of(1, {"B"}));
  CHECK(bench.outcomes().size() == 5);
  CHECK(bench.replica().is_idle());
  CHECK(bench.starts == 1);
}

TEST_CASE("a frame may come byte by byte") {
  BenchWithFour bench;
  for (const char byte : frame_of(1, {"B"}) + frame_of(0, {"A"})) {
    bench.print(std::string_view(&byte, 1));
  }
  CHECK(bench.outcomes() == std::vector<std::string>{"1 1: B", "1 0: A"});
}

TEST_CASE("a record that the tool says has failed is a failure, and with status 2 tried again") {
  BenchWithFour bench;
  bench.print(frame_of(0, {"no such\nword"}, 1) + frame_of(1, {}, 1) + frame_of(2, {"busy"}, 2));
  CHECK(bench.outcomes() == std::vector<std::string>{
                                "1 0 failed after 1: the tool answered with an error: no such word",
                                "1 1 failed after 1: the tool answered with an error: no message"});
  bench.print(frame_of(3, {"D"}));
  bench.now = bench.now + 1s;
  bench.advance();
  bench.print(frame_of(4, {"busy"}, 2));
  CHECK(bench.outcomes().back() == "1 2 failed after 2: the tool answered with an error: busy");
  CHECK(bench.starts == 1);
}

TEST_CASE("an id that nothing has ends the process, and what was answered before it stays so") {
  const auto id = GENERATE(0U, 77U);
  BenchWithFour bench;
  bench.print(frame_of(0, {"A"}) + frame_of(id, {"?"}) + frame_of(1, {"B"}));
  CHECK(bench.outcomes() == std::vector<std::string>{"1 0: A"});
  CHECK(bench.kills == 1);
}

TEST_CASE("a tool that prints anything else is told from one that answers") {
  BenchWithFour bench;
  bench.print("loading the model, please wait\n");
  CHECK(bench.kills == 1);
  CHECK(bench.outcomes().empty());
}

TEST_CASE("what a tagged tool prints before it is given anything is the stage's failure") {
  Bench bench(stage());
  bench.advance();
  bench.print("hello\n");
  REQUIRE(bench.replica().stage_failure());
  CHECK_THAT(*bench.replica().stage_failure(),
             Contains("printed 6 bytes before it was given a record") && Contains("`ready:"));
}

TEST_CASE("a tagged tool that dies before it waits for input fails the stage, and no record") {
  Bench bench(stage());
  bench.idle = Rest::kBusy;
  bench.give(1, 0, {"a"});
  for (int i = 0; i < 3; ++i) {
    bench.end({.status = 1});
  }
  REQUIRE(bench.replica().stage_failure());
  CHECK_THAT(*bench.replica().stage_failure(),
             Contains("before it read a record, 3 times in a row"));
  CHECK(bench.outcomes().empty());
}

TEST_CASE("one that waits for more and owes answers is given the end of its input for them") {
  BenchWithFour bench;
  bench.rest = Rest::kAtRest;
  bench.pass(60ms);
  bench.pass(60ms);
  CHECK(bench.ends == 0);
  for (int i = 0; i < 6; ++i) {
    bench.pass(60ms);
  }
  CHECK(bench.ends == 1);
  bench.print(frame_of(0, {"A"}) + frame_of(1, {"B"}) + frame_of(3, {"D"}));
  bench.end({});
  CHECK(bench.outcomes() == std::vector<std::string>{"1 0: A", "1 1: B", "1 3: D"});
  // The one without an answer is alone in the next, which ends without one, too.
  for (int i = 0; i < 6; ++i) {
    bench.pass(60ms);
  }
  CHECK(bench.ends == 2);
  bench.end({});
  for (int i = 0; i < 6; ++i) {
    bench.pass(60ms);
  }
  bench.end({});
  CHECK_THAT(bench.outcomes().back(), Contains("1 2 failed after 2: the tool waited for more"));
  CHECK(bench.words.size() == 1);
}

TEST_CASE("of those inside a dead process each is tried alone until one is the culprit") {
  BenchWithFour bench;
  bench.print(frame_of(1, {"B"}));
  bench.die();
  // Each that is given alone has the next id.
  bench.print(frame_of(4, {"A"}));
  bench.die();
  bench.die();
  CHECK(bench.outcomes() ==
        std::vector<std::string>{"1 1: B", "1 0: A",
                                 "1 2 failed after 2: the tool was ended by signal 11 (SIGSEGV)"});
  bench.print(frame_of(7, {"D"}));
  CHECK(bench.outcomes().back() == "1 3: D");
  CHECK(bench.starts == 4);
}

TEST_CASE("no answer at all for its time fails what is inside, and one that is overtaken itself") {
  spec::Stage one = stage();
  one.timeout = 1s;
  one.attempts = 1;
  BenchWithFour bench(one);
  // Record 0 has the time of the four that were inside.
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    bench.now = bench.now + 900ms;
    bench.print(frame_of(id, {"x"}));
  }
  bench.give(1, 4, {"e"});
  CHECK(bench.outcomes().size() == 3);
  bench.now = bench.now + 900ms;
  bench.print(frame_of(4, {"E"}));
  bench.give(1, 5, {"f"});
  bench.now = bench.now + 500ms;
  CHECK(bench.replica().next_deadline(WorkQueue(false), bench.now) <= bench.now);
  bench.advance();
  CHECK(bench.kills == 1);
  CHECK(bench.outcomes().back() == "1 0 failed after 1: the tool gave no answer for 1000 ms");
}

TEST_CASE("a tool that owes answers for long is spoken of once") {
  BenchWithFour bench;
  bench.pass(11s);
  bench.pass(11s);
  REQUIRE(bench.words.size() == 1);
  CHECK_THAT(bench.words[0],
             Contains("owes 4 answers for 10 s, and whether") && Contains("does it flush"));
}

TEST_CASE("an output that its framing cannot carry fails its record alone") {
  BenchWithFour bench;
  bench.print(frame_of(0, {"A", "two\nlines"}) + frame_of(1, {"B"}));
  const std::vector<std::string> outcomes = bench.outcomes();
  REQUIRE(outcomes.size() == 2);
  CHECK_THAT(outcomes[0], Contains("cannot be handed on: in the stage's output framing, lines"));
  CHECK(outcomes[1] == "1 1: B");
  CHECK(bench.kills == 0);
}

}  // namespace leat::node
