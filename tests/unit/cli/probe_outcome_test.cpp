#include "cli/probe_outcome.h"

#include <string>

#include <catch2/catch.hpp>

namespace leat::cli {

namespace {

using Kind = Judgement::Kind;

const framing::Framing kLines{};

Outcome printed(std::string output) {
  Outcome outcome;
  outcome.output = std::move(output);
  return outcome;
}

}  // namespace

TEST_CASE("the plain tool's bytes fit, with or without what it always says at its end") {
  CHECK(judge(printed("a\nb\n"), {"a\nb\n", ""}, kLines).kind == Kind::kFits);
  const Judgement without = judge(printed("a\nb\n"), {"a\nb\n", "bye\n"}, kLines);
  CHECK(without.kind == Kind::kFits);
  CHECK(without.lacks_trailer);
  const Judgement with = judge(printed("a\nb\nbye\n"), {"a\nb\n", "bye\n"}, kLines);
  CHECK(with.kind == Kind::kFits);
  CHECK_FALSE(with.lacks_trailer);
  CHECK(judge(printed("a\nb\nx"), {"a\nb\n", "bye\n"}, kLines).kind == Kind::kDiffers);
}

TEST_CASE("where bytes differ is told, and how many answers there are") {
  CHECK(judge(printed("a\nc\n"), {"a\nb\nd\n", ""}, kLines).reason ==
        "2 answers, the plain tool's 3 answers; from byte 2 on 'c\\n' instead of 'b\\nd\\n'");
}

TEST_CASE("a tool that does not repeat itself is judged by its number of answers") {
  CHECK(judge_by_count(printed("a\nb\n"), {"x\ny\n", ""}, kLines).kind == Kind::kFits);
  CHECK(judge_by_count(printed("a\n"), {"x\ny\n", ""}, kLines).kind == Kind::kDiffers);
  CHECK(judge_by_count(printed("a\nb"), {"x\ny\n", ""}, kLines).kind == Kind::kDiffers);
}

TEST_CASE("the right bytes with a failed record do not fit") {
  Outcome outcome = printed("a\n");
  outcome.code = 1;
  outcome.dead_letters = "{\"kind\":\"exit\",\"status\":3,\"reason\":\"it ended\"}\n";
  const Judgement judgement = judge(outcome, {"a\n", ""}, kLines);
  CHECK(judgement.kind == Kind::kFails);
  CHECK(judgement.reason == "it ended");
  CHECK(judgement.exit_status == 3);
}

TEST_CASE("dead letters of any bytes are no obstacle") {
  Outcome outcome = printed("");
  outcome.code = 1;
  for (const char* const letters : {"", "\n", "{", "[]\n", "{\"reason\":\n", "\xff\n", "{}\n",
                                    "{\"reason\":1,\"kind\":\"exit\",\"status\":\"\"}\n"}) {
    outcome.dead_letters = letters;
    CHECK(judge(outcome, {"a\n", ""}, kLines).kind == Kind::kFails);
  }
}

TEST_CASE("of all that was said, what the stage failed of is told") {
  Outcome outcome = printed("");
  outcome.code = 4;
  outcome.errors = "noise\nleat: first\nleat: stage 'x': it failed\nleat: 1 record failed\n";
  CHECK(judge(outcome, {"a\n", ""}, kLines).reason == "stage 'x': it failed");
  CHECK(told_by(outcome) == std::vector<std::string>{"stage 'x': it failed"});
  outcome.errors = "noise\n";
  CHECK(judge(outcome, {"a\n", ""}, kLines).reason ==
        "exited with status 4; its last words: noise");
  outcome.is_late = true;
  outcome.elapsed = std::chrono::seconds(5);
  CHECK(judge(outcome, {"a\n", ""}, kLines).reason == "not done after 5.0 s");
}

TEST_CASE("the last way of buffering that a stage told of is the one that did") {
  Outcome outcome;
  CHECK(buffering_of(outcome).empty());
  outcome.errors =
      "leat: stage 'x': it slept; it is started with `buffering: preload`, a library, instead\n"
      "leat: stage 'x': it slept; it is started with `buffering: pty`, on a terminal, instead\n"
      "leat: stage 'x': 1 byte was dropped\n";
  CHECK(buffering_of(outcome) == "pty");
}

}  // namespace leat::cli
