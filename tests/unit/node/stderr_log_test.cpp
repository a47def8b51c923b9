#include "node/stderr_log.h"

#include <chrono>

#include <catch2/catch.hpp>

using leat::Duration;
using leat::Instant;
using leat::Position;
using leat::node::StderrLog;
using leat::node::ToolId;
using leat::wire::LogLine;
using namespace std::chrono_literals;

namespace {

// One log, a tool for each replica, and the time.
struct Scene {
  StderrLog log;
  Instant now{10s};

  void say(std::uint32_t replica, std::string_view bytes, std::uint64_t tool = 0) {
    log.add({replica, ToolId{tool == 0 ? replica + 1 : tool}, std::nullopt, now}, bytes);
  }

  // "[0] one|[3] three", "left out LINES/BYTES".
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const LogLine& line : log.lines(now)) {
      text += text.empty() ? "" : "|";
      if (line.bytes_left_out > 0) {
        text += "left out " + std::to_string(line.lines_left_out) + "/" +
                std::to_string(line.bytes_left_out);
      } else {
        text += "[" + std::to_string(line.replica) + "] " + line.text;
      }
    }
    return text;
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const LogLine& line : log.lines(now)) {
      bytes += line.text.size();
    }
    return bytes;
  }
};

}  // namespace

TEST_CASE("lines of several replicas have their numbers, in the order of their ends") {
  Scene scene;
  scene.say(0, "one\ntw");
  scene.say(3, "three\n\n");
  scene.say(0, "o\n");
  CHECK(scene.text() == "[0] one|[3] three|[3] |[0] two");
}

TEST_CASE("a line has the time of its end and the record that was inside then") {
  Scene scene;
  scene.log.add({0, ToolId{1}, Position(17), scene.now}, "one\ntw");
  scene.now = scene.now + 3s;
  scene.log.add({0, ToolId{1}, Position(std::vector<std::uint64_t>{18}, 2), scene.now}, "o\n");
  scene.now = scene.now + 2s;
  const auto lines = scene.log.lines(scene.now);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].age_ns == 5'000'000'000);
  CHECK(lines[0].record == "17");
  CHECK(lines[1].age_ns == 2'000'000'000);
  CHECK(lines[1].record == "18.2");
}

TEST_CASE("a line that has not ended yet is shown, and is one line when it has") {
  Scene scene;
  scene.say(0, "loading");
  scene.say(1, "ready\n");
  CHECK(scene.text() == "[1] ready|[0] loading");
  scene.say(0, "...");
  scene.say(0, " done\n");
  CHECK(scene.text() == "[1] ready|[0] loading... done");
}

TEST_CASE("the words of a process are not joined to those of the one before it") {
  Scene scene;
  scene.say(0, "I am dy", 1);
  scene.say(0, "good morning\n", 7);
  CHECK(scene.text() == "[0] I am dy|[0] good morning");
}

TEST_CASE("at the limit the oldest lines go, and those that stay are whole") {
  Scene scene;
  for (int i = 0; i < 20'000; ++i) {
    scene.now = scene.now + 2ms;
    scene.say(static_cast<std::uint32_t>(i % 3), "line " + std::to_string(i) + "\n");
  }
  CHECK(scene.bytes() <= StderrLog::kBytesMax);
  CHECK(scene.bytes() > StderrLog::kBytesMax / 3);
  CHECK(scene.text().ends_with("[0] line 19998|[1] line 19999"));
}

TEST_CASE("of a line without end the end is kept") {
  Scene scene;
  for (int i = 0; i < 10'000; ++i) {
    scene.say(0, "\rstep " + std::to_string(i));
  }
  CHECK(scene.bytes() < StderrLog::kLineBytesMax + 20);
  CHECK(scene.text().starts_with("[0] ..."));
  CHECK(scene.text().ends_with("step 9999"));
}

TEST_CASE("lines without end of many replicas stay within the limit, too") {
  Scene scene;
  for (std::uint32_t replica = 0; replica < 1000; ++replica) {
    scene.now = scene.now + 10ms;
    scene.say(replica, std::string(3000, 'x'));
    CHECK(scene.bytes() <= StderrLog::kBytesMax + 1000);
  }
  CHECK(scene.text().find("[999] xxx") != std::string::npos);
}

TEST_CASE("what comes too fast is counted, and the next second is heard again") {
  Scene scene;
  std::string many;
  for (int i = 0; i < 5000; ++i) {
    many += "a\n";
  }
  scene.say(0, many);
  scene.say(1, "not heard");
  scene.say(1, " at all\nb");
  CHECK(scene.log.lines(scene.now).size() == StderrLog::kLinesPerSecond + 1);
  CHECK(scene.text().ends_with("[0] a|left out 4001/8018"));
  scene.now = scene.now + 1s;
  // The rest of a line whose begin was left out goes with it.
  scene.say(1, "c\nheard\n");
  CHECK(scene.text().ends_with("[0] a|left out 4001/8018|[1] heard|left out 1/2"));
  scene.now = scene.now + 1s;
  scene.say(0, "on\n");
  CHECK(scene.text().ends_with("|left out 4001/8018|[1] heard|left out 1/2|[0] on"));
}

TEST_CASE("bytes that come too fast are counted though no line ends") {
  Scene scene;
  const std::string piece(64 << 10, 'x');
  for (int i = 0; i < 1000; ++i) {
    scene.say(0, piece);
  }
  const auto lines = scene.log.lines(scene.now);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text.size() == StderrLog::kLineBytesMax + 3);
  CHECK(lines[1].lines_left_out == 0);
  CHECK(lines[1].bytes_left_out == 1000 * piece.size() - StderrLog::kBytesPerSecond);
  scene.now = scene.now + 1s;
  scene.say(0, "tail\nnext\n");
  CHECK(scene.text().ends_with("[0] next|left out 1/5"));
}

TEST_CASE("newlines among any bytes are counted right") {
  std::uint32_t state = 12345;
  for (int round = 0; round < 2000; ++round) {
    Scene scene;
    scene.say(0, std::string(StderrLog::kBytesPerSecond, 'x') + "\n");
    std::string bytes;
    std::uint64_t newlines = 0;
    for (int i = round % 40; i >= 0; --i) {
      state = state * 1664525 + 1013904223;
      constexpr std::string_view kLikely("\n\n\x0b\x8a\x09\x00\xff\x80", 8);
      bytes += (state & 0x10000) != 0 ? kLikely[state >> 29] : static_cast<char>(state >> 24);
      newlines += bytes.back() == '\n' ? 1U : 0U;
    }
    scene.say(0, bytes);
    REQUIRE(scene.log.lines(scene.now).back().lines_left_out == newlines);
  }
}
