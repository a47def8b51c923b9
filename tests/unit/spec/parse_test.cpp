#include "spec/parse.h"

#include <catch2/catch.hpp>

using leat::Duration;
using leat::Limits;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::spec::Buffering;
using leat::spec::Hole;
using leat::spec::Langpack;
using leat::spec::Mode;
using leat::spec::OnError;
using leat::spec::parse;
using leat::spec::Pipeline;
using leat::spec::Window;

namespace {

using Words = std::vector<std::string>;

Pipeline parsed(std::string_view text) {
  auto pipeline = parse({text, "spec.yml", "/specs/news"});
  INFO((pipeline ? "" : pipeline.error().message));
  REQUIRE(pipeline);
  return *std::move(pipeline);
}

Words argv_of(const std::string& run) {
  return parsed("{pipeline: p, stages: [{name: a, " + run + "}]}").stages[0].argv;
}

Framing output_of(const std::string& framing) {
  return parsed("{pipeline: p, stages: [{name: a, run: x, output: " + framing + "}]}").sink_framing;
}

Limits limits_of(const std::string& limits) {
  return parsed("{pipeline: p, stages: [{name: a, run: x}], limits: " + limits + "}").limits;
}

const char* const kFull = R"(# Everything that a stage can say.
version: 1
pipeline: news
framing: {separator: "\0"}
limits:
  record_bytes: 1MiB
  queue_bytes: 64MB
stages:
  - name: tokenize
    run: ./bin/tokenize -m 'models/a b.model'
    replicas: 2
    in_flight: 8
    buffering: pty
    timeout: 30s
    grace: 0s
    retry: {attempts: 5, backoff: 250ms}
    on_error: stop
    env: {LANG: C, EMPTY: '', N: 1, NO: no}
    nice: -5
    user: nobody
    tool_limits: {memory: 2GiB, open_files: 256, cpu: 90s, output: 64KiB}
  - name: count
    run: sort | uniq -c
    shell: true
    mode: window
    window: {records: 1000, bytes: 1MiB, time: 2m}
    input: lines
    output: {until: '^EOS$'}
    exit_codes: [0, 1]
    on_error: drop
)";

}  // namespace

TEST_CASE("a prelude is so many records, or lines up to one") {
  const auto prelude = [](const std::string& text) {
    return *parsed("{pipeline: p, stages: [{name: a, run: x, prelude: " + text + "}]}")
                .stages.front()
                .prelude;
  };
  CHECK(prelude("{records: 3}").records == 3);
  CHECK(prelude("{records: 3}").until.empty());
  CHECK(prelude("{until: '^ok$'}").records == 1);
  CHECK(prelude("{until: '^ok$'}").until == "^ok$");
  CHECK_FALSE(prelude("{records: 3}").is_kept);
  CHECK_FALSE(prelude("{records: 3, keep: false}").is_kept);
  CHECK(prelude("{records: 3, keep: true}").is_kept);
  CHECK(prelude("{keep: true, until: '^ok$'}").is_kept);
}

TEST_CASE("a tool's output is connected in one of four ways") {
  const auto buffering = [](const std::string& word) {
    return parsed("{pipeline: p, stages: [{name: a, run: x" + word + "}]}")
        .stages.front()
        .buffering;
  };
  CHECK(buffering("") == Buffering::kAuto);
  CHECK(buffering(", buffering: auto") == Buffering::kAuto);
  CHECK(buffering(", buffering: pipe") == Buffering::kPipe);
  CHECK(buffering(", buffering: preload") == Buffering::kPreload);
  CHECK(buffering(", buffering: pty") == Buffering::kPty);
}

TEST_CASE("a spec with every key is read") {
  const Pipeline pipeline = parsed(kFull);
  CHECK(pipeline.name == "news");
  CHECK(pipeline.directory == "/specs/news");
  REQUIRE(pipeline.stages.size() == 2);
  CHECK(pipeline.from == std::vector<std::optional<std::size_t>>{std::nullopt, 0});
  CHECK(pipeline.source_framing.separator == std::string(1, '\0'));
  CHECK(pipeline.sink_framing.pattern == "^EOS$");
}

TEST_CASE("what a kept stage says is read") {
  const Pipeline pipeline = parsed(kFull);
  const auto& stage = pipeline.stages[0];
  CHECK(stage.name == "tokenize");
  CHECK(stage.argv == Words{"/specs/news/bin/tokenize", "-m", "models/a b.model"});
  CHECK(stage.replicas == 2);
  CHECK(stage.mode == Mode::kEach);
  CHECK(stage.in_flight_max == 8);
  CHECK(stage.buffering == Buffering::kPty);
  CHECK(stage.timeout == std::chrono::seconds(30));
  CHECK(stage.grace == Duration(0));
  CHECK(stage.attempts == 5);
  CHECK(stage.backoff == std::chrono::milliseconds(250));
  CHECK(stage.on_error == OnError::kStop);
  CHECK(stage.env ==
        std::map<std::string, std::string>{{"LANG", "C"}, {"EMPTY", ""}, {"N", "1"}, {"NO", "no"}});
  CHECK(stage.output == stage.input);
  CHECK(stage.surroundings.nice == -5);
  CHECK(stage.surroundings.user == "nobody");
  CHECK(stage.surroundings.memory_bytes_max == std::uint64_t{2} << 30);
  CHECK(stage.surroundings.open_files_max == 256U);
  CHECK(stage.surroundings.cpu_time_max == std::chrono::seconds(90));
  CHECK(stage.output_bytes_max == 65536U);
}

TEST_CASE("what a window stage says is read") {
  const Pipeline pipeline = parsed(kFull);
  const auto& stage = pipeline.stages[1];
  CHECK(stage.argv == Words{"/bin/sh", "-c", "sort | uniq -c"});
  CHECK(stage.mode == Mode::kWindow);
  CHECK_FALSE(stage.window.all);
  CHECK(stage.window.records == 1000U);
  CHECK(stage.window.bytes == 1U << 20);
  CHECK(stage.window.time == std::chrono::minutes(2));
  CHECK(stage.input == Framing{});
  CHECK(stage.output.kind == Kind::kUntil);
  CHECK(stage.exit_codes == std::vector<int>{0, 1});
  CHECK(stage.on_error == OnError::kDrop);
}

TEST_CASE("a spec that says little has the defaults") {
  const Pipeline pipeline = parsed("pipeline: p\nstages:\n- name: a\n  run: cat\n");
  const auto& stage = pipeline.stages.at(0);
  CHECK(stage.argv == Words{"cat"});
  CHECK(stage.replicas == 1);
  CHECK(stage.mode == Mode::kEach);
  CHECK(stage.input == Framing{});
  CHECK(stage.output == Framing{});
  CHECK(stage.in_flight_max == 0);
  CHECK_FALSE(stage.timeout);
  CHECK(stage.grace == std::chrono::seconds(5));
  CHECK(stage.attempts == 3);
  CHECK(stage.on_error == OnError::kDeadLetter);
  CHECK(stage.exit_codes == std::vector<int>{0});
  CHECK_FALSE(stage.surroundings.nice);
  CHECK(stage.surroundings.user == "");
  CHECK_FALSE(stage.surroundings.memory_bytes_max);
  CHECK_FALSE(stage.output_bytes_max);
  CHECK(pipeline.limits.record_bytes_max == Limits{}.record_bytes_max);
  CHECK(pipeline.limits.session_bytes_max == Limits{}.session_bytes_max);
}

TEST_CASE("a program with a slash is made absolute and a bare name stays") {
  CHECK(argv_of("run: ././bin/x") == Words{"/specs/news/bin/x"});
  CHECK(argv_of("run: ../x") == Words{"/specs/news/../x"});
  CHECK(argv_of("run: /bin/x ./y") == Words{"/bin/x", "./y"});
  CHECK(argv_of("run: x") == Words{"x"});
}

TEST_CASE("a list of words is taken as it is") {
  CHECK(argv_of("run: [./x, 010, no, '', '$HOME *', -5]") ==
        Words{"/specs/news/x", "010", "no", "", "$HOME *", "-5"});
}

TEST_CASE("a command may have places for its record") {
  const auto stage_of = [](const std::string& run) {
    return parsed(
               "{pipeline: p, stages: [{name: a, mode: window, file: true, input: blank-line, "
               "run: " +
               run + "}]}")
        .stages[0];
  };
  const auto stage = stage_of("[./x, '--a={}{}', '{{}}{}', '{']");
  CHECK(stage.argv == Words{"/specs/news/x", "--a={}{}", "{}{}", "{"});
  CHECK(stage.holes == std::vector<Hole>{{1, 4}, {1, 6}, {2, 2}});
  CHECK(stage.is_record_in_file);
  CHECK(stage.window == Window{.records = 1});
  CHECK(fill_holes(stage.argv, stage.holes, "r {}") ==
        Words{"/specs/news/x", "--a=r {}r {}", "{}r {}", "{"});
  CHECK(fill_holes(stage.argv, stage.holes, "") == Words{"/specs/news/x", "--a=", "{}", "{"});
  CHECK(stage_of("[x, '{}}', '{{{}}}', '{}']").argv == Words{"x", "{}}", "{{}}", "{}"});
}

TEST_CASE("a word with doubled braces is no place for a record") {
  const auto pipeline = parsed("{pipeline: p, stages: [{name: a, run: 'xargs -I{{}} echo {{}}'}]}");
  CHECK(pipeline.stages[0].argv == Words{"xargs", "-I{}", "echo", "{}"});
  CHECK(pipeline.stages[0].holes.empty());
  CHECK(parsed("{pipeline: p, stages: [{name: a, shell: true, run: 'find -exec ls {{}} +'}]}")
            .stages[0]
            .argv.back() == "find -exec ls {} +");
  CHECK(
      parsed("{pipeline: p, stages: [{name: a, run: 'x {}', mode: window, window: {records: 1}}]}")
          .stages[0]
          .holes.size() == 1);
}

TEST_CASE("a block of text is one command") {
  const Pipeline pipeline =
      parsed("pipeline: p\nstages:\n- name: a\n  run: |\n    x \\\n      -a 'b c'\n");
  CHECK(pipeline.stages[0].argv == Words{"x", "-a", "b c"});
}

TEST_CASE("every framing is read, and written as it is read") {
  for (const char* text :
       {"lines", "netstring", "length32", "json", "{lines: 4}", "blank-line",
        "{until: '^it''s \\.$'}", "{until: \"a\\tb\"}", "{separator: \"\\0\"}",
        "{separator: \"\\x0d\\n\"}", "{separator: \"--\"}", "{separator: \"\xc3\xa9\"}"}) {
    INFO(text);
    const Framing framing = output_of(text);
    CHECK(to_string(framing) == text);
    CHECK(output_of(to_string(framing)) == framing);
  }
}

TEST_CASE("a whole stream is a record of a window of one, or of all") {
  for (const char* window : {"{records: 1}", "{records: 1, time: 1s}", "all"}) {
    const Pipeline pipeline =
        parsed("framing: whole\npipeline: p\nstages:\n- {name: a, run: x, mode: window, window: " +
               std::string(window) + "}\n");
    CHECK(to_string(pipeline.source_framing) == "whole");
    CHECK(to_string(pipeline.sink_framing) == "whole");
  }
  const Pipeline pipeline = parsed(
      "{pipeline: p, stages: [{name: a, run: x, mode: window, window: {records: 9}, output: "
      "whole}]}");
  CHECK(pipeline.source_framing == Framing{});
}

TEST_CASE("one line to a record is lines") {
  CHECK(output_of("{lines: 1}") == Framing{});
}

TEST_CASE("an escape in a separator is the character's UTF-8") {
  CHECK(output_of(R"({separator: "\xff"})").separator == "\xc3\xbf");
  CHECK(output_of(R"({separator: '\0'})").separator == "\\0");
}

TEST_CASE("a window may be all that a producer sends") {
  const auto pipeline =
      parsed("{pipeline: p, stages: [{name: a, run: sort, mode: window, window: all}]}");
  CHECK(pipeline.stages[0].window.all);
  CHECK_FALSE(pipeline.stages[0].window.records);
}

TEST_CASE("stages come in the order that records take") {
  const Pipeline pipeline = parsed(R"(
pipeline: p
stages:
  - {name: a, run: x}
  - {name: c, run: x, from: b, output: blank-line}
  - {name: b, run: x, from: a}
  - {name: d, run: x, from: c}
)");
  std::string names;
  for (const auto& stage : pipeline.stages) {
    names += stage.name;
  }
  CHECK(names == "abcd");
  CHECK(pipeline.from == std::vector<std::optional<std::size_t>>{std::nullopt, 0, 1, 2});
  CHECK(pipeline.stages[2].output.kind == Kind::kBlankLine);
}

TEST_CASE("limits that are not given fit those that are") {
  const Limits limits = limits_of("{record_bytes: 1KiB, queue_bytes: 16KiB}");
  CHECK(limits.record_bytes_max == 1U << 10);
  CHECK(limits.queue_bytes_max == 16U << 10);
  CHECK(limits.session_bytes_max == 8U << 10);
  CHECK(limits.lease_bytes_max == 2U << 10);
  CHECK(limits_of("{queue_bytes: 1GB}").session_bytes_max == Limits{}.session_bytes_max);
  CHECK(limits_of("{session_bytes: 200MiB}").session_bytes_max == 200U << 20);
  CHECK(limits_of("{record_bytes: 1, queue_bytes: 16KiB, lease_bytes: 16KiB}").lease_bytes_max ==
        16U << 10);
}

TEST_CASE("a byte order mark and Windows line ends are read") {
  const Pipeline pipeline =
      parsed("\xef\xbb\xbfpipeline: p\r\nstages:\r\n  - name: a\r\n    run: x y\r\n");
  CHECK(pipeline.stages[0].argv == Words{"x", "y"});
}

TEST_CASE("JSON is YAML") {
  CHECK(parsed(R"({"pipeline": "p", "stages": [{"name": "a", "run": ["x"], "replicas": 3}]})")
            .stages[0]
            .replicas == 3);
}

TEST_CASE("preset langpack is one request at a time, and a ready line") {
  const auto stage =
      parsed("{pipeline: p, stages: [{name: a, run: x, preset: langpack, replicas: 3}]}").stages[0];
  REQUIRE(stage.langpack);
  CHECK(stage.langpack->content_type == Langpack::ContentType::kAuto);
  CHECK(stage.langpack->pipe.empty());
  CHECK(stage.mode == Mode::kEach);
  CHECK(stage.in_flight_max == 1);
  CHECK(stage.buffering == Buffering::kPipe);
  REQUIRE(stage.ready);
  CHECK(stage.ready->on_stdout == "PIPE_INIT_COMPLETE");
  CHECK(stage.input == Framing());
  CHECK(stage.output == Framing());
}

TEST_CASE("preset langpack may say what requests hold, where the pipe is and what ready is") {
  const auto pipeline = parsed(
      "{pipeline: p, stages: [{name: a, run: x, mode: each, input: whole, output: json, ready: "
      "{stderr: UP}, preset: {langpack: {content_type: json, pipe: out/answers}}}]}");
  const auto& stage = pipeline.stages[0];
  REQUIRE(stage.langpack);
  CHECK(stage.langpack->content_type == Langpack::ContentType::kJson);
  CHECK(stage.langpack->pipe == "out/answers");
  CHECK(stage.ready->on_stdout.empty());
  CHECK(stage.ready->on_stderr == "UP");
  CHECK(pipeline.source_framing.kind == Kind::kWhole);
  CHECK(pipeline.sink_framing.kind == Kind::kJson);
}
