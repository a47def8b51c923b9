#include "cli/probe_stage.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "spec/parse.h"

namespace leat::cli {

TEST_CASE("whatever words a command has, the pipeline file says just them") {
  const std::vector<std::string> argv = {
      "/opt/T o:ol", "a b",   "",    "it's", "\"quoted\"", "back\\slash", "tab\tnew\nline\x01",
      "#hash",       "- x",   "-",   "--",   "-u",         "-1",          "{a: b}",
      "[x]",         "a: b",  "&a",  "*",    "true",       "No",          "null",
      "~",           "010",   "1e3", "=",    "%x",         "?",           "|",
      "a,b",         "a #b",  ">",   "!tag", "@at",        "`tick`",      "\xc3\xa9",
      "{{}}",        "$HOME", "y",   "on",   ".5",         "./x",         "a:"};
  const std::string text = yaml_of({.argv = argv}, "A comment,\nand another.");
  INFO(text);
  const Result<spec::Pipeline> pipeline =
      spec::parse({.text = text, .file = "probed.yml", .directory = "/"});
  if (!pipeline) FAIL(pipeline.error().message);
  std::vector<std::string> expected = argv;
  expected[35] = "{}";
  CHECK(pipeline->stages.front().argv == expected);
  CHECK(pipeline->name == "t-o-ol");
}

TEST_CASE("all that a stage has is in its pipeline file and comes back") {
  ProbeStage stage{.argv = {"tool"}, .mode = ProbeMode::kWindows, .window_records = 7};
  stage.input = {.kind = framing::Kind::kSeparator, .separator = std::string(1, '\0')};
  stage.output = {.kind = framing::Kind::kUntil, .pattern = "^it's \\.$"};
  stage.prelude = spec::Prelude{.records = 1, .until = "^it's$"};
  stage.exit_codes = {0, 1};
  stage.stops_at_once = true;
  const std::string text = yaml_of(stage, "");
  const Result<spec::Pipeline> pipeline =
      spec::parse({.text = text, .file = "probed.yml", .directory = "/"});
  INFO(text);
  if (!pipeline) FAIL(pipeline.error().message);
  const spec::Stage& read = pipeline->stages.front();
  CHECK(read.mode == spec::Mode::kWindow);
  CHECK(read.window == spec::Window{.records = 7});
  CHECK(read.input == stage.input);
  CHECK(read.output == stage.output);
  CHECK(read.prelude->until == "^it's$");
  CHECK(read.exit_codes == stage.exit_codes);
  CHECK(read.on_error == spec::OnError::kStop);
  CHECK(read.attempts == 1);
}

TEST_CASE("how a kept tool's output is connected is said where it is known") {
  const std::string text = yaml_of({.argv = {"tr"}, .buffering = "preload"}, "");
  const auto pipeline = spec::parse({.text = text, .file = "probed.yml", .directory = "/"});
  if (!pipeline) FAIL(pipeline.error().message);
  CHECK(pipeline->stages.front().buffering == spec::Buffering::kPreload);
  CHECK(yaml_of({.argv = {"tr"}}, "").find("buffering") == std::string::npos);
}

TEST_CASE("a word that is no UTF-8 is refused, for YAML cannot say it") {
  CHECK(check_command({"tool", "a\tb\nc"}));
  CHECK_FALSE(check_command({"tool", "\xff"}));
}

TEST_CASE("a command in which a shell would read the records is refused before anything runs") {
  CHECK(check_command({"echo", "{}"}));
  const Result<void> checked = check_command({"sh", "-c", "echo {}"});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message.find("`sh -c 'echo {}'` can be no stage: found '{}' in a "
                                     "script") == 0);
}

TEST_CASE("a command is shown as it would be typed") {
  CHECK(command_text({"false", "-n", "10", "a b", "it's", "x\ny", ""}) ==
        "false -n 10 'a b' 'it'\\''s' 'x y' ''");
}

TEST_CASE("a name is made of any program's") {
  const auto name = [](const std::string& program) {
    const std::string text = yaml_of({.argv = {program}}, "");
    const std::size_t begin = text.find("pipeline: ") + 10;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  CHECK(name("/usr/bin/Apertium_Pretransfer") == "apertium-pretransfer");
  CHECK(name("[") == "tool");
  CHECK(name("7z") == "'7z'");
  CHECK(name(std::string(100, 'a')).size() == 64);
}

}  // namespace leat::cli
