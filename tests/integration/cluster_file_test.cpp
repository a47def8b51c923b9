// `leat recv --to FILE` against `leat up`, as real processes: whatever ends the consumer, each
// result is in the file once.

#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/support/cluster.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using tests::Cluster;
using tests::Daemon;
using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::wait_until;

// `leat up`, and the pipeline in it.
class Up {
 public:
  explicit Up(std::string_view stages = "- {name: same, run: cat}", std::string_view above = "")
      : above_(above), stages_(stages) {
    start();
  }

  // Kills it, and starts another one.
  void start_anew() {
    CHECK(daemon_->end(SIGKILL).code == 128 + SIGKILL);
    start();
  }

  [[nodiscard]] std::unique_ptr<Daemon> start_receiving() const {
    return cluster.start({"recv", "scene", "--to", "out"});
  }

  [[nodiscard]] Outcome receive_all(const std::string& producer = "me") const {
    return cluster.run({"recv", "scene", "--producer", producer, "--to", "out"});
  }

  void send(const std::string& input, const std::string& producer = "me") const {
    const Outcome sent = cluster.run({"send", "scene", "--producer", producer}, input);
    INFO(sent.errors);
    REQUIRE(sent.code == 0);
  }

  [[nodiscard]] std::string file() const { return cluster.scene().read("out"); }

  [[nodiscard]] std::string state() const { return cluster.scene().read("out.leat"); }

  // How long the file is.
  [[nodiscard]] std::uintmax_t length() const {
    std::error_code none;
    const std::uintmax_t size = std::filesystem::file_size(cluster.scene().path("out"), none);
    return none ? 0 : size;
  }

  // How much of it the state has; the state is replaced whole.
  [[nodiscard]] std::uintmax_t kept_length() const {
    const std::string length = tests::value_of(state(), "length ");
    return length.empty() ? 0 : std::stoull(length);
  }

  [[nodiscard]] bool keeps(std::uintmax_t length) const {
    return wait_until([&] { return kept_length() >= length; });
  }

  Cluster cluster;

 private:
  void start() {
    daemon_ = cluster.start_broker("up");
    REQUIRE(daemon_ != nullptr);
    const Outcome deployed = cluster.deploy(stages_, above_);
    INFO(deployed.errors);
    REQUIRE(deployed.code == 0);
  }

  std::string above_;
  std::string stages_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace

TEST_CASE("a consumer that is killed again and again has each result in its file once") {
  const unsigned seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  const Up up;
  const std::string input = numbered_lines(200'000, "record ");
  up.cluster.scene().write("in", input);
  const auto sender = up.cluster.start_shell("\"$LEAT\" send scene --producer me < in");
  std::mt19937 random(seed);
  constexpr std::size_t kKills = 10;
  const std::size_t step = input.size() / (kKills + 1);
  for (std::size_t i = 0; i < kKills; ++i) {
    const auto consumer = up.cluster.start({"recv", "scene", "--producer", "me", "--to", "out"});
    const std::size_t until = step * i + random() % step;
    // When so much is written, or when it has just been kept.
    const bool is_written = random() % 2 == 0;
    CHECK(wait_until([&] { return (is_written ? up.length() : up.kept_length()) >= until; }));
    const Outcome killed = consumer->end(SIGKILL);
    INFO(killed.errors);
    CHECK(killed.code == 128 + SIGKILL);
  }
  const Outcome rest = up.receive_all();
  CHECK(rest.errors == "");
  CHECK(rest.code == 0);
  CHECK(rest.output == "");
  CHECK(sender->end().code == 0);
  CHECK(difference(up.file(), input) == "");
  // Asked again, it has nothing to do.
  const Outcome again = up.receive_all();
  CHECK(again.code == 0);
  CHECK_THAT(again.errors, Contains("out has all results of producer 'me' already"));
  CHECK(difference(up.file(), input) == "");
}

TEST_CASE("a consumer that is interrupted leaves a file that the next one goes on with") {
  const Up up;
  up.send("one\ntwo");
  auto consumer = up.start_receiving();
  REQUIRE(up.keeps(7));
  CHECK(consumer->end(GENERATE(SIGTERM, SIGINT)).code == 130);
  CHECK(up.file() == "one\ntwo");
  CHECK_THAT(up.state(), Contains("epoch 0\n"));
  up.send("three\n", "other");
  consumer = up.start_receiving();
  REQUIRE(up.keeps(14));
  const Outcome ended = consumer->end(SIGTERM);
  CHECK(ended.code == 130);
  CHECK(ended.errors ==
        "leat: interrupted; what was not written yet waits for the next consumer\n");
  // The unterminated record got its newline from the other process.
  CHECK(up.file() == "one\ntwo\nthree\n");
}

TEST_CASE("a file goes on after its broker was started anew") {
  Up up;
  up.send("one\n");
  auto consumer = up.start_receiving();
  REQUIRE(up.keeps(4));
  CHECK(consumer->end(SIGKILL).code == 128 + SIGKILL);
  up.start_anew();
  up.send("two\n");
  consumer = up.start_receiving();
  REQUIRE(up.keeps(8));
  CHECK(consumer->says("the broker was started anew"));
  CHECK(consumer->says("out goes on with a new session"));
  // And when it is killed once more.
  CHECK(consumer->end(SIGKILL).code == 128 + SIGKILL);
  up.send("three\n", "other");
  consumer = up.start_receiving();
  REQUIRE(up.keeps(14));
  const Outcome ended = consumer->end(SIGTERM);
  CHECK(ended.code == 130);
  CHECK_THAT(ended.errors, !Contains("new session"));
  CHECK(up.file() == "one\ntwo\nthree\n");
}

TEST_CASE("two consumers do not write to one file") {
  const Up up;
  const auto first = up.start_receiving();
  REQUIRE(up.cluster.shows("\"consumers\":1"));
  std::filesystem::create_symlink("out", up.cluster.scene().path("link"));
  for (const std::string name : {"out", "link"}) {
    const Outcome second = up.cluster.run({"recv", "scene", "--to", name});
    CHECK(second.code == 2);
    CHECK_THAT(second.errors, Contains("--to " + name + ": another `leat recv --to` writes to it"));
  }
  up.send("one\n");
  REQUIRE(up.keeps(4));
  CHECK(first->end(SIGTERM).code == 130);
  CHECK(up.file() == "one\n");
}

TEST_CASE("what cannot be gone on with is refused, and not touched") {
  const Up up;
  const tests::Scene& scene = up.cluster.scene();
  const auto refusal = [&](const std::string& to) {
    const Outcome refused = up.cluster.run({"recv", "scene", "--producer", "me", "--to", to});
    CHECK(refused.code == 2);
    CHECK(refused.output == "");
    return refused.errors;
  };
  CHECK_THAT(refusal("."), Contains("--to .: it is not a regular file"));
  CHECK_THAT(refusal("/dev/null"), Contains("it is not a regular file"));
  REQUIRE(::mkfifo(scene.path("fifo").c_str(), 0600) == 0);
  CHECK_THAT(refusal("fifo"), Contains("it is not a regular file"));
  CHECK_THAT(refusal("none/out"), Contains("cannot write none/out: No such file or directory"));
  scene.write("mine", "my own words\n");
  CHECK_THAT(refusal("mine"), Contains("--to mine: it is not empty, and there is no mine.leat"));
  CHECK(scene.read("mine") == "my own words\n");
  up.send("one\ntwo\n");
  CHECK(up.receive_all().code == 0);
  scene.write("out", "one\n");
  CHECK_THAT(refusal("out"), Contains("it has 4 bytes, but by out.leat 8 were written"));
  CHECK(up.file() == "one\n");
}

TEST_CASE("what was written and not kept is cut off at the start") {
  const Up up;
  up.send("one\n");
  CHECK(up.receive_all().code == 0);
  up.cluster.scene().write("out", "one\nhalf a rec");
  CHECK(up.receive_all().code == 0);
  CHECK(up.file() == "one\n");
}

TEST_CASE("a consumer whose disk is full says so, and nothing is lost") {
  const Up up;
  const std::string input = numbered_lines(100'000, std::string(100, 'x'));
  up.cluster.scene().write("in", input);
  const auto feeding = up.cluster.start_shell("\"$LEAT\" send scene --producer you < in");
  // A file may have so many blocks of 512 bytes; a signal would tell it, but for the trap.
  const auto full = up.cluster.start_shell(
      "trap '' XFSZ; ulimit -f 14000; exec \"$LEAT\" recv scene --producer you --to out");
  const Outcome ended = full->end();
  CHECK(ended.code == 4);
  CHECK_THAT(ended.errors, Contains("cannot write out: File too large; what is not in the file "
                                    "waits at the broker"));
  // It ends with a whole delivery.
  CHECK(up.length() == up.kept_length());
  CHECK(up.length() > 0);
  CHECK(up.length() <= std::uintmax_t{14'000} * 512);
  const Outcome rest = up.receive_all("you");
  // It had left its group, so that others could go on.
  CHECK_THAT(rest.errors, Contains("out goes on with a new session"));
  CHECK(rest.code == 0);
  CHECK(feeding->end().code == 0);
  CHECK(difference(up.file(), input) == "");
}

TEST_CASE("a file that somebody else cuts is not gone on with") {
  const Up up;
  up.send("one\n");
  const auto consumer = up.start_receiving();
  REQUIRE(up.keeps(4));
  up.cluster.scene().write("out", "");
  up.send("two\n", "other");
  const Outcome ended = consumer->end();
  CHECK(ended.code == 4);
  CHECK_THAT(ended.errors, Contains("cannot go on with out: somebody else"));
  CHECK(up.kept_length() == 4);
}

TEST_CASE("records that failed are told by a consumer with a file as by others") {
  const Up up(
      "- {name: picky, run: \"perl -ne 'BEGIN { $| = 1 } die qq(bad\\\\n) if /bad/; print'\", "
      "retry: {attempts: 2, backoff: 1ms}}");
  up.send("a\nbad\nc\n");
  const Outcome received = up.cluster.run(
      {"recv", "scene", "--producer", "me", "--to", "out", "--dead-letters", "letters.jsonl"});
  CHECK(received.code == 1);
  CHECK(up.file() == "a\nc\n");
  CHECK_THAT(received.errors, Contains("1 record failed; see letters.jsonl"));
  CHECK_THAT(up.cluster.scene().read("letters.jsonl"), Contains("\"text\":\"bad\""));
}

TEST_CASE("records with a header are written into a file with them") {
  const Up up("- {name: same, run: cat}", "framing: netstring\n");
  up.send("1:a,0:,3:b\n,,");
  CHECK(up.receive_all().code == 0);
  CHECK(up.file() == "1:a,0:,3:b\n,,");
}

}  // namespace leat::cli
