#include "node/stderr_log.h"

#include <chrono>

#include <catch2/catch.hpp>

using leat::Instant;
using leat::node::StderrLog;
using leat::node::ToolId;
using namespace std::chrono_literals;

TEST_CASE("lines of several replicas stand behind their numbers, in the order of their ends") {
  StderrLog log;
  log.add({0}, ToolId{1}, "one\ntw");
  log.add({3}, ToolId{2}, "three\n\n");
  log.add({0}, ToolId{1}, "o\n");
  CHECK(log.text() == "[0] one\n[3] three\n[3] \n[0] two\n");
}

TEST_CASE("a line that has not ended yet is shown, and is one line when it has") {
  StderrLog log;
  log.add({0}, ToolId{1}, "loading");
  log.add({1}, ToolId{2}, "ready\n");
  CHECK(log.text() == "[1] ready\n[0] loading\n");
  log.add({0}, ToolId{1}, "...");
  log.add({0}, ToolId{1}, " done\n");
  CHECK(log.text() == "[1] ready\n[0] loading... done\n");
}

TEST_CASE("the words of a process are not joined to those of the one before it") {
  StderrLog log;
  log.add({0}, ToolId{1}, "I am dy");
  log.add({0}, ToolId{7}, "good morning\n");
  CHECK(log.text() == "[0] I am dy\n[0] good morning\n");
}

TEST_CASE("what a tool says on its two streams does not meet within a line") {
  StderrLog log;
  log.add({0, StderrLog::Stream::kOutput}, ToolId{1}, "working on ");
  log.add({0}, ToolId{1}, "warning\n");
  log.add({0, StderrLog::Stream::kOutput}, ToolId{1}, "three\n");
  CHECK(log.text() == "[0] warning\n[0] working on three\n");
}

TEST_CASE("at the limit the oldest lines go, and those that stay are whole") {
  StderrLog log;
  for (int i = 0; i < 20'000; ++i) {
    log.add({static_cast<std::uint32_t>(i % 3)}, ToolId{1}, "line " + std::to_string(i) + "\n");
  }
  const std::string text = log.text();
  CHECK(text.size() <= StderrLog::kBytesMax);
  CHECK(text.size() > StderrLog::kBytesMax - 100);
  CHECK(text.ends_with("[0] line 19998\n[1] line 19999\n"));
  CHECK(text.starts_with("["));
}

TEST_CASE("of a line without end the end is kept") {
  StderrLog log;
  for (int i = 0; i < 10'000; ++i) {
    log.add({0}, ToolId{1}, "\rstep " + std::to_string(i));
  }
  const std::string text = log.text();
  CHECK(text.size() < StderrLog::kLineBytesMax + 20);
  CHECK(text.starts_with("[0] ..."));
  CHECK(text.ends_with("step 9999\n"));
}

TEST_CASE("lines without end of many replicas stay within the limit, too") {
  StderrLog log;
  for (std::uint32_t replica = 0; replica < 1000; ++replica) {
    log.add({replica}, ToolId{replica + 1}, std::string(3000, 'x'));
    CHECK(log.text().size() <= StderrLog::kBytesMax);
  }
  CHECK(log.text().find("[999] xxx") != std::string::npos);
}
