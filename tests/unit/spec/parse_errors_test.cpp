// Every way to get a spec wrong, with the message in full: users read nothing else.

#include <catch2/catch.hpp>

#include "spec/parse.h"

using leat::spec::parse;

namespace {

struct Bad {
  std::string text;
  std::string message;
};

std::string message_of(std::string_view text) {
  const auto pipeline = parse({text, "f", "/d"});
  return pipeline ? "no error" : pipeline.error().message;
}

void check(const std::vector<Bad>& table) {
  for (const Bad& row : table) {
    INFO(row.text);
    CHECK(message_of(row.text) == row.message);
  }
}

// A pipeline of one stage, whose further keys begin in line 5, column 5.
std::string stage(const std::string& keys) {
  return "pipeline: p\nstages:\n  - name: a\n    run: x\n    " + keys + "\n";
}

// One stage whose command begins in line 4, column 10.
std::string run(const std::string& command) {
  return "pipeline: p\nstages:\n  - name: a\n    run: " + command + "\n";
}

// A good pipeline, whose further keys begin in line 5, column 1.
std::string top(const std::string& keys) {
  return "pipeline: p\nstages:\n  - name: a\n    run: x\n" + keys + "\n";
}

// Stages a, b, ... with these `from` (empty: none), from line 3 on.
std::string chain(const std::vector<std::string>& from) {
  std::string text = "pipeline: p\nstages:\n";
  for (std::size_t i = 0; i < from.size(); ++i) {
    text += "  - {name: " + std::string(1, static_cast<char>('a' + i)) + ", run: x";
    text += (from[i].empty() ? "" : ", from: " + from[i]) + "}\n";
  }
  return text;
}

const std::string kStageKeys =
    "expected in a stage: name, run, shell, file, from, replicas, mode, window, input, output, "
    "preset, prelude, ready, max_records, max_age, buffering, in_flight, timeout, grace, retry, "
    "on_error, env, nice, user, tool_limits, nodes or exit_codes";
const std::string kTopKeys = "expected in a pipeline: version, pipeline, framing, limits or stages";
const std::string kFramings =
    R"(expected lines, blank-line, netstring, length32, json, whole, {lines: N}, {until: PATTERN} or {separator: "\0"})";

}  // namespace

TEST_CASE("a file that is no pipeline is told so") {
  const std::string empty =
      "f:1:1: found an empty file, expected a pipeline: the keys pipeline and stages";
  const std::string not_text = ", expected UTF-8 text without control characters";
  check({
      {"", empty},
      {"# nothing\n", empty},
      {"---\n", empty},
      {"\xef\xbb\xbf", empty},
      {"hello",
       "f:1:1: found 'hello', expected a pipeline: a map of version, pipeline, framing, "
       "limits or stages"},
      {"- a\n",
       "f:1:1: found a list, expected a pipeline: a map of version, pipeline, framing, "
       "limits or stages"},
      {std::string("a: b\n\0", 6), "f:2:1: found the byte 0x00" + not_text},
      {"\x7f\x45LF\x02", "f:1:5: found the byte 0x02" + not_text},
      {"\xff\xfe", "f:1:1: found the byte 0xff" + not_text},
      {"\xc3\xa9: \xc3", "f:1:4: found the byte 0xc3" + not_text},
      {"\xed\xa0\x80", "f:1:1: found the byte 0xed" + not_text},
      {"\xc0\x80", "f:1:1: found the byte 0xc0" + not_text},
      {std::string((1 << 20) + 1, ' '),
       "f:1:1: found a file of 1048577 bytes, expected a pipeline of at most 1MiB"},
      {top("... a"), "f:5:5: found a second document, expected one pipeline in the file"},
      {top("---\na: b"), "f:5:1: found a second document, expected one pipeline in the file"},
  });
}

TEST_CASE("what YAML cannot read is told with its place") {
  const std::string remedy = "), expected keys and values, indented with spaces";
  check({
      {"a: b: c", "f:1:5: found what is not YAML (illegal map value" + remedy},
      {"a: \"b\n", "f:1:4: found a quote that is not closed, expected its closing quote"},
      {"a: \"b", "f:1:6: found what is not YAML (illegal EOF in scalar" + remedy},
      {"a: ! b", "f:1:4: found a tag (!), expected a plain value: tags are not read"},
      {"caf\xc3\xa9: 'it''s\r\nb: c\n",
       "f:1:7: found a quote that is not closed, expected its closing quote"},
      {"a: ''\nb: '", "f:2:4: found a quote that is not closed, expected its closing quote"},
      {"a: [b\nc: d\n",
       "f:1:4: found a list whose end is missing, expected commas and a closing bracket"},
      {"a: {b: c",
       "f:1:4: found a map whose end is missing, expected commas and a closing bracket"},
      {"a: 'b' c\n", "f:1:8: found what is not YAML (end of map not found" + remedy},
      {"a:b\n",
       "f:1:1: found 'a:b', expected a pipeline: a map of version, pipeline, framing, "
       "limits or stages"},
      {stage("\tmode: each"),
       "f:5:5: found what is not YAML (illegal tab when looking for indentation" + remedy},
      {"a: *b\n", "f:1:4: found what is not YAML (the referenced anchor is not defined" + remedy},
  });
}

TEST_CASE("YAML that can be read in two ways is refused") {
  check({
      {"pipeline: a\npipeline: b\n",
       "f:2:1: found the key 'pipeline' a second time, expected it once: the first is in line 1"},
      {stage("env: {A: 1, B: 2, A: 3}"),
       "f:5:23: found the key 'A' a second time, expected it once: the first is in line 5"},
      {"a: &b c\n", "f:1:4: found an anchor (&), expected a plain value: anchors are not read"},
      {"a: !!str b\n", "f:1:4: found a tag (!), expected a plain value: tags are not read"},
      {"[a]: b\n", "f:1:1: found a list as a key or without its end, expected a word or the end"},
      {"{a: b", "f:1:1: found a map as a key or without its end, expected a word or the end"},
      {": b\n", "f:1:1: found nothing as a key, expected a word"},
      {stage("<<: {}"), "f:5:5: found the unknown key '<<', " + kStageKeys},
  });
}

TEST_CASE("mode tagged refuses what only other modes need") {
  check({
      {stage("mode: tagged\n    buffering: pty"),
       "f:6:5: found buffering in mode tagged, expected none: it flushes each frame itself"},
      {stage("mode: tagged\n    prelude: {records: 1}"),
       "f:6:5: found prelude in mode tagged, expected none: it prints frames alone; `ready` passes "
       "over lines before them"},
      {stage("mode: tagged\n    window: all"),
       "f:6:5: found window in mode tagged, expected mode: window beside it"},
      {stage("mode: tagged\n    preset: langpack"),
       "f:5:11: found 'tagged', expected mode: each, or none, beside preset langpack"},
      {"pipeline: p\nstages:\n  - {name: a, run: x}\n  - {name: b, run: y, mode: tagged, "
       "input: json}\n",
       "f:4:44: found an input framing beside mode tagged, expected none: the record goes there as "
       "it is"},
  });
}

TEST_CASE("keys that are unknown or not built yet are told apart") {
  check({
      {stage("replica: 2"),
       "f:5:5: found the unknown key 'replica', " + kStageKeys + "; did you mean 'replicas'?"},
      {stage("colour: red"), "f:5:5: found the unknown key 'colour', " + kStageKeys},
      {stage("nodes: gpu"),
       "f:5:12: found 'gpu', expected a map of labels that a node must have, "
       "such as {gpu: \"true\"}"},
      {top("stage: []"),
       "f:5:1: found the unknown key 'stage', " + kTopKeys + "; did you mean 'stages'?"},
      {top("sinks: []"), "f:5:1: found the key 'sinks', which is not built yet, " + kTopKeys},
      {stage("retry: {attempt: 1}"),
       "f:5:13: found the unknown key 'attempt', expected in retry: attempts or backoff; did you "
       "mean 'attempts'?"},
      {top("limits: {queue: 1}"),
       "f:5:10: found the unknown key 'queue', expected in limits: record_bytes, queue_bytes, "
       "session_bytes or lease_bytes"},
      {stage("prelude: {}"),
       "f:5:14: found none of records and until in prelude, expected one: {records: N} or {until: "
       "PATTERN}"},
      {stage("prelude: {records: 1, until: a, keep: true}"),
       "f:5:14: found both of records and until in prelude, expected one: {records: N} or {until: "
       "PATTERN}"},
      {stage("prelude: {records: 1, keep: 1}"), "f:5:33: found '1', expected true or false"},
      {stage("prelude: {until: a, keep: true}\n    output: blank-line"),
       "f:5:31: found keep beside until in a stage whose output is blank-line, expected {records: "
       "N}, output: lines, or keep: false: what is kept are records of the output framing"},
      {"pipeline: p\nstages:\n  - {name: a, run: x, prelude: {records: 1, keep: true}}\n"
       "  - {name: b, run: y, prelude: {records: 1, keep: true}}\n",
       "f:4:51: found keep: true in a stage that another feeds, expected it in the first stage "
       "only, "
       "where it is known which record is the first; without keep the banner is dropped"},
      {stage("prelude: {until: '['}"), "f:5:22: found '[', expected RE2 syntax: missing ]: ["},
      {stage("replicas: auto"),
       "f:5:15: found 'auto', which is not built yet, expected a whole number from 1 to 1024"},
      {stage("mode: window\n    window: {key: 1s}"),
       "f:6:14: found the key 'key', which is not built yet, expected in window: records, "
       "bytes or time"},
  });
  for (const char* key : {"sources", "sinks", "key", "order", "examples"}) {
    CHECK(message_of(stage(std::string(key) + ": 1")) ==
          "f:5:5: found the key '" + std::string(key) + "', which is not built yet, " + kStageKeys);
  }
}

TEST_CASE("a preset that is none, or keys that contradict it, are refused") {
  check({
      {stage("preset: lamgpack"),
       "f:5:13: found 'lamgpack', expected langpack; did you mean 'langpack'?"},
      {stage("preset: {langpack: {pip: x}}"),
       "f:5:25: found the unknown key 'pip', expected in langpack: content_type or pipe; did you "
       "mean 'pipe'?"},
      {stage("preset: {}"),
       "f:5:13: found a map, expected langpack, or {langpack: {content_type: WORD, pipe: PATH}}"},
      {stage("preset: {langpack: {content_type: xml}}"),
       "f:5:39: found 'xml', expected auto, text, json or binary"},
      {stage("preset: {langpack: {pipe: ''}}"),
       "f:5:31: found '', expected the path of a named pipe, such as /tmp/algoout"},
      {stage("preset: langpack\n    mode: filter"),
       "f:6:11: found 'filter', expected mode: each, or none, beside preset langpack"},
      {stage("preset: langpack\n    in_flight: 1"),
       "f:6:5: found in_flight beside preset langpack, expected none: one request is inside at a "
       "time"},
      {stage("preset: langpack\n    buffering: pty"),
       "f:6:5: found buffering beside preset langpack, expected none: its answers come on a named "
       "pipe"},
      {stage("preset: langpack\n    prelude: {records: 1}"),
       "f:6:5: found prelude beside preset langpack, expected none: its standard output is its "
       "own"},
      {stage("preset: {langpack: {pipe: /tmp/algoout}}\n    replicas: 2"),
       "f:6:15: found 2 replicas of a tool that answers on the named pipe /tmp/algoout, expected "
       "replicas: 1, or a tool that looks for its pipe in LEAT_ANSWERS"},
      {stage("preset: {langpack: {pipe: /tmp/algoout}}\n    max_age: 1h"),
       "f:6:5: found max_age beside a pipe with a fixed path, expected none: the next process is "
       "started while this one still has the pipe"},
      {stage("env: {LEAT_ANSWERS: x}"),
       "f:5:11: found 'LEAT_ANSWERS', expected a variable that Leat does not set itself"},
      {"pipeline: p\nstages:\n  - {name: a, run: x}\n  - {name: b, run: y, preset: langpack, "
       "input: json}\n",
       "f:4:48: found an input framing beside preset langpack, expected none: the record goes "
       "there "
       "as it is"},
  });
}

TEST_CASE("what a pipeline lacks is told") {
  check({
      {"pipeline: p\n", "f:1:1: found a pipeline without stages, expected stages: a list of them"},
      {"stages: [{name: a, run: x}]\n",
       "f:1:1: found no name of the pipeline, expected pipeline: WORD"},
      {"pipeline: p\nstages: []\n", "f:2:9: found a list, expected a list of at least one stage"},
      {"pipeline: p\nstages:\n", "f:2:1: found nothing, expected a list of at least one stage"},
      {"pipeline: p\nstages: {a: x}\n",
       "f:2:9: found a map, expected a list of at least one stage"},
      {"pipeline: p\nstages: [{run: x}]\n",
       "f:2:10: found a stage without a name, expected name: WORD"},
      {"pipeline: p\nstages: [{name: a}]\n",
       "f:2:10: found a stage without a command, expected run: COMMAND"},
      {"pipeline: p\nstages: [cat]\n",
       "f:2:10: found 'cat', expected a stage: a map of name, run, shell, file, from, replicas, "
       "mode, window, input, output, preset, prelude, ready, max_records, max_age, buffering, "
       "in_flight, timeout, grace, retry, on_error, env, nice, user, tool_limits, nodes or "
       "exit_codes"},
      {"version: 2\nfuture: x\n",
       "f:1:10: found a spec of version '2', expected version 1, the only one that this Leat "
       "reads"},
      {"pipeline: News\n",
       "f:1:11: found 'News', expected a name of 1 to 64 letters a-z, digits and '-'"},
      {"pipeline: " + std::string(65, 'n') + "\n",
       "f:1:11: found '" + std::string(60, 'n') +
           "...', expected a name of 1 to 64 letters a-z, digits and '-'"},
  });
}

TEST_CASE("stages that do not make a chain are refused") {
  check({
      {"pipeline: p\nstages:\n  - {name: a, run: x}\n  - {name: a, run: y}\n",
       "f:4:12: found the stage name 'a' a second time, expected another: the first is in line 3"},
      {"pipeline: p\nstages:\n  - {name: parse, run: x}\n  - {name: b, run: y, from: prase}\n",
       "f:4:29: found the unknown stage 'prase', expected the name of another stage; did you mean "
       "'parse'?"},
      {chain({"", "", "a"}),
       "f:5:29: found 'c' fed by 'a', which feeds 'b', expected one stage after each: branching is "
       "not built yet"},
      {chain({"", "b"}),
       "f:4:29: found a cycle: 'b' is fed by 'b', expected stages that lead "
       "from the source to the sink"},
      {chain({"b", ""}),
       "f:3:29: found a cycle: 'a' is fed by 'b', which is fed by 'a', expected stages that lead "
       "from the source to the sink"},
      {chain({"", "d", "b", "c"}),
       "f:4:29: found a cycle: 'b' is fed by 'd', which is fed by 'c', which is fed by 'b', "
       "expected stages that lead from the source to the sink"},
      {chain({"", "[a]"}),
       "f:4:29: found a list, expected one stage's name: joins are not built yet"},
  });
}

TEST_CASE("a bad command is told with its remedy") {
  const std::string remedy =
      " outside quotes, expected words only, as no shell runs them: quote it, or write shell: true";
  check({
      {run("sort | uniq"), "f:4:10: found '|'" + remedy},
      {run("x $HOME"), "f:4:10: found '$HOME'" + remedy},
      {run("x 'y"), "f:4:10: found a single quote that is not closed, expected its closing quote"},
      {run("''"), "f:4:10: found an empty command, expected a program and its arguments"},
      {run(""), "f:4:5: found nothing, expected a command: text, or a list of words"},
      {run("[]"), "f:4:10: found an empty list, expected a program and its arguments"},
      {run("['', a]"), "f:4:10: found an empty word, expected a program first"},
      {run("[a, [b]]"), "f:4:14: found a list, expected a word; one in quotes may be empty"},
      {run("[a, ~]"), "f:4:14: found nothing, expected a word; one in quotes may be empty"},
      {run("{a: b}"), "f:4:10: found a map, expected a command: text, or a list of words"},
      {run("\"a\\0b\""),
       "f:4:10: found 'a\\x00b', expected text without a zero byte, which no "
       "program can be given"},
      {run("[a]\n    shell: true"),
       "f:4:10: found a list, expected one text, as shell: true needs"},
      {run("' '\n    shell: true"), "f:4:10: found ' ', expected a command for the shell"},
      {run("a\n    shell: yes"), "f:5:12: found 'yes', expected true or false"},
  });
}

TEST_CASE("a value of the wrong kind or out of its range is told what would do") {
  check({
      {stage("replicas: 0"), "f:5:15: found '0', expected a whole number from 1 to 1024"},
      {stage("replicas: 010"),
       "f:5:15: found '010', expected a whole number from 1 to 1024, without a leading zero"},
      {stage("replicas: '2'"),
       "f:5:15: found '2', expected a whole number from 1 to 1024 without quotes"},
      {stage("replicas: [2]"), "f:5:15: found a list, expected a whole number from 1 to 1024"},
      {stage("replicas:"), "f:5:5: found nothing, expected a whole number from 1 to 1024"},
      {stage("in_flight: 70000"), "f:5:16: found '70000', expected a whole number from 1 to 65536"},
      {stage("timeout: 30"),
       "f:5:14: found '30', expected a duration with its unit, such as 30ms or 30s"},
      {stage("timeout: 0s"), "f:5:14: found '0s', expected a duration from 1ms to 24h"},
      {stage("timeout: [1s]"), "f:5:14: found a list, expected a duration, such as 30s"},
      {stage("grace: 2h"), "f:5:12: found '2h', expected a duration from 0s to 1h"},
      {stage("retry: {attempts: 101}"),
       "f:5:23: found '101', expected a whole number from 1 to 100"},
      {stage("retry: {backoff: fast}"),
       "f:5:22: found 'fast', expected a duration from 0s to 1h, such as 100ms, 30s or 5m"},
      {stage("retry: 3"), "f:5:12: found '3', expected retry: a map of attempts or backoff"},
      {stage("on_error: dead-leter"),
       "f:5:15: found 'dead-leter', expected dead-letter, drop or "
       "stop; did you mean 'dead-letter'?"},
      {stage("mode: batch"), "f:5:11: found 'batch', expected each, filter, tagged or window"},
      {stage("env: [A]"), "f:5:10: found a list, expected a map of variables, such as {LANG: C}"},
      {stage("env: {A: [1]}"), "f:5:14: found a list, expected a variable's text ('' for none)"},
      {stage("env: {A: }"), "f:5:11: found nothing, expected a variable's text ('' for none)"},
      {stage("env: {'A=B': 1}"), "f:5:11: found 'A=B', expected a variable's name"},
      {stage("env: {LEAT_STAGE: x}"),
       "f:5:11: found 'LEAT_STAGE', expected a variable that Leat does not set itself"},
  });
}

TEST_CASE("surroundings of a tool that cannot be are told what would do") {
  const std::string nice = ", expected a whole number from -20 (first) to 19 (last)";
  const std::string user = ", expected the name of a user of the nodes, such as nobody";
  check({
      {stage("nice: 20"), "f:5:11: found '20'" + nice},
      {stage("nice: -21"), "f:5:11: found '-21'" + nice},
      {stage("nice: -0"), "f:5:11: found '-0'" + nice},
      {stage("nice: '5'"), "f:5:11: found '5'" + nice},
      {stage("nice: +5"), "f:5:11: found '+5'" + nice},
      {stage("nice: [5]"), "f:5:11: found a list" + nice},
      {stage("user: ''"), "f:5:11: found ''" + user},
      {stage("user: a:b"), "f:5:11: found 'a:b'" + user},
      {stage("user: {a: b}"), "f:5:11: found a map" + user},
      {stage("tool_limits: 1GiB"),
       "f:5:18: found '1GiB', expected tool_limits: a map of memory, open_files, cpu or output"},
      {stage("tool_limits: {}"),
       "f:5:18: found a map, expected at least one limit, such as {memory: 1GiB}"},
      {stage("tool_limits: {memry: 1GiB}"),
       "f:5:19: found the unknown key 'memry', expected in tool_limits: memory, open_files, cpu or "
       "output; did you mean 'memory'?"},
      {stage("tool_limits: {memory: 1kB}"),
       "f:5:27: found '1kB', expected a size from 1MiB to 1TiB"},
      {stage("tool_limits: {open_files: 3}"),
       "f:5:31: found '3', expected a whole number from 4 to 1048576"},
      {stage("tool_limits: {cpu: 10}"),
       "f:5:24: found '10', expected a duration with its unit, such as 10ms or 10s"},
      {stage("tool_limits: {output: 0}"), "f:5:27: found '0', expected a size from 1 to 1TiB"},
      {stage("tool_limits: {output: 1GiB}"),
       "f:5:27: found '1GiB', expected at most record_bytes, which is 64MiB (see limits)"},
      {stage("mode: window\n    window: all\n    tool_limits: {output: 1GiB}"),
       "f:7:27: found '1GiB', expected at most queue_bytes, which is 256MiB (see limits)"},
      {stage("limits: {memory: 1GiB}"),
       "f:5:5: found limits in a stage, expected tool_limits: what each process of the tool may "
       "use; limits are the pipeline's and stand beside stages"},
      {stage("tool_limit: {memory: 1GiB}"), "f:5:5: found the unknown key 'tool_limit', " +
                                                kStageKeys + "; did you mean 'tool_limits'?"},
  });
}

TEST_CASE("a bad framing is told what would do") {
  check({
      {stage("input: blank_line"),
       "f:5:12: found 'blank_line', " + kFramings + "; did you mean 'blank-line'?"},
      {stage("output: jsonl"), "f:5:13: found 'jsonl', " + kFramings + "; did you mean 'json'?"},
      {stage("output: netstrings"),
       "f:5:13: found 'netstrings', " + kFramings + "; did you mean 'netstring'?"},
      {stage("output: {length32: 4}"),
       "f:5:14: found the unknown key 'length32', expected in a framing: lines, until or "
       "separator"},
      {stage("output: [lines]"), "f:5:13: found a list, " + kFramings},
      {stage("output: {lines: 0}"), "f:5:21: found '0', expected a whole number from 1 to 1000000"},
      {stage("output: {lines: four}"),
       "f:5:21: found 'four', expected a whole number from 1 to 1000000"},
      {stage("output: {line: 4}"),
       "f:5:14: found the unknown key 'line', expected in a framing: lines, until or separator; "
       "did you mean 'lines'?"},
      {stage("output: {until: '('}"), "f:5:21: found '(', expected RE2 syntax: missing ): ("},
      {stage("output: {until: ''}"),
       "f:5:21: found '', expected a pattern; where every line ends a record: lines"},
      {stage("output: {until: [a]}"), "f:5:21: found a list, expected a pattern in RE2 syntax"},
      {stage("output: {separator: ''}"),
       R"(f:5:25: found '', expected 1 to 256 bytes, such as "\0")"},
      {stage("output: {separator: \\0}"),
       R"(f:5:25: found '\0', expected escapes in double quotes: "\0")"},
      {stage("output: {seperator: x}"),
       "f:5:14: found the unknown key 'seperator', expected in a "
       "framing: lines, until or separator; did you mean 'separator'?"},
      {stage("output: {until: x, separator: y}"),
       "f:5:13: found 2 keys in a framing, expected one: lines, until or separator"},
      {stage("output: {}"),
       "f:5:13: found 0 keys in a framing, expected one: lines, until or separator"},
      {top("framing: word"), "f:5:10: found 'word', " + kFramings},
  });
}

TEST_CASE("a whole stream needs an end, and one record") {
  const std::string each =
      " of a tool that is kept alive, whose streams do not end, expected another framing, or mode: "
      "window "
      "and window: {records: 1}";
  const std::string several =
      "found whole as the input of a tool whose window may have several records, which would be "
      "one, expected another framing, or window: {records: 1}";
  check({
      {stage("input: whole"), "f:5:12: found whole as the input" + each},
      {stage("output: whole"), "f:5:13: found whole as the output" + each},
      {top("framing: whole"), "f:3:11: found whole as the input" + each},
      {stage("mode: window\n    window: {records: 2}\n    input: whole"), "f:7:12: " + several},
      {stage("mode: window\n    window: {time: 1s}\n    input: whole"), "f:7:12: " + several},
      {stage("output: wohle"), "f:5:13: found 'wohle', " + kFramings + "; did you mean 'whole'?"},
  });
}

TEST_CASE("keys that need another are told which") {
  check({
      {stage("mode: window"),
       "f:5:5: found mode window without a window, expected window: "
       "{records: 1000} or window: all beside it, or {} in run"},
      {stage("window: all"), "f:5:5: found window in mode each, expected mode: window beside it"},
      {stage("mode: window\n    window: some"),
       "f:6:13: found 'some', expected all, or a map of records, bytes or time"},
      {stage("mode: window\n    window: {}"),
       "f:6:13: found a map, expected all, or a map of records, bytes or time"},
      {stage("mode: window\n    window: {records: 0}"),
       "f:6:23: found '0', expected a whole number from 1 to 1000000000"},
      {stage("mode: window\n    window: {bytes: 1GiB}"),
       "f:6:21: found '1GiB', expected at most session_bytes, which is 16MiB (see limits)"},
      {stage("mode: window\n    window: all\n    in_flight: 2"),
       "f:7:5: found in_flight in mode window, expected it in modes that keep the tool alive only: "
       "a "
       "window "
       "is one "
       "unit"},
      {stage("mode: window\n    window: all\n    buffering: auto"),
       "f:7:5: found buffering in mode window, expected it in modes that keep the tool alive only: "
       "what a "
       "tool holds back it prints at the window's end"},
      {stage("buffering: tty"),
       "f:5:16: found 'tty', expected auto, pipe, preload or pty; did you mean 'pty'?"},
      {stage("exit_codes: [0]"),
       "f:5:5: found exit_codes in mode each, expected them in mode "
       "window only: in mode each the tool stays alive"},
      {stage("mode: window\n    window: all\n    exit_codes: [0, 256]"),
       "f:7:21: found '256', expected a whole number from 0 to 255"},
      {stage("mode: window\n    window: all\n    exit_codes: [1, 1]"),
       "f:7:21: found '1', expected every exit code once"},
      {stage("mode: window\n    window: all\n    exit_codes: 1"),
       "f:7:17: found '1', expected a list of exit codes that mean success, such as [0, 1]"},
  });
}

TEST_CASE("a record as an argument where it cannot be one is told what would do") {
  const std::string window =
      " beside '{}' in run, expected none or {records: 1}: the tool is "
      "started for each record";
  const std::string script =
      "found '{}' in a script, expected \"$1\" or the like there and the record behind it, for the "
      "script would carry out what the record says: run: [sh, -c, 'SCRIPT with \"$1\"', sh, "
      "'{}']; {{}} stands for {} itself";
  const std::string each =
      "found '{}' in run in mode each, expected mode: window beside it, in which the tool is "
      "started for each record; {{}} stands for {} itself";
  check({
      {run("echo {}"), "f:4:10: " + each},
      {run("[echo, 'a={}']"), "f:4:17: " + each},
      {run("'{} x'\n    mode: window"),
       "f:4:10: found '{}' in the program's name, expected it in an argument"},
      {run("echo {}\n    shell: true\n    mode: window"), "f:4:10: " + script},
      {run("[/bin/sh, -ec, 'echo {}']\n    mode: window"), "f:4:25: " + script},
      {run("echo {}\n    mode: window\n    window: all"), "f:6:13: found a window" + window},
      {run("echo {}\n    mode: window\n    window: {records: 2}"),
       "f:6:13: found a window" + window},
      {run("echo {}\n    mode: window\n    window: {records: 1, time: 1s}"),
       "f:6:13: found a window" + window},
      {run("cat\n    file: true"),
       "f:5:5: found file without '{}' in run, expected {} where the file's path is to go"},
      {run("echo {}\n    mode: window\n    file: yes"),
       "f:6:11: found 'yes', expected true or false"},
      {run("echo {}\n    mode: window\n    fil: true"),
       "f:6:5: found the unknown key 'fil', " + kStageKeys + "; did you mean 'file'?"},
      {run("cat\n  - {name: b, run: 'echo {}', mode: window, input: blank-line}"),
       "f:5:52: found an input framing beside '{}' in run, expected none: the record goes there as "
       "it is"},
  });
}

TEST_CASE("limits below what one record needs are told the number that would do") {
  check({
      {top("limits: {queue_bytes: 1MiB}"),
       "f:5:23: found queue_bytes of 1MiB, expected at least 129MiB: room for a record of "
       "record_bytes (64MiB) and its answer"},
      {top("limits: {record_bytes: 200MiB}"),
       "f:5:24: found queue_bytes of 256MiB, expected at least 401MiB: room for a record of "
       "record_bytes (200MiB) and its answer"},
      {top("limits: {record_bytes: 10KiB, queue_bytes: 20KiB}"),
       "f:5:44: found queue_bytes of 20KiB, expected at least 28KiB: room for a record of "
       "record_bytes (10KiB) and its answer"},
      {top("limits: {session_bytes: 1GiB}"),
       "f:5:25: found '1GiB', expected at most queue_bytes, which is 256MiB"},
      {top("limits: {record_bytes: 0}"), "f:5:24: found '0', expected a size from 1 to 1GiB"},
      {top("limits: {record_bytes: 64M}"),
       "f:5:24: found '64M', expected a size from 1 to 1GiB, such as 64MiB, 1GB or 1000"},
      {top("limits: 64MiB"),
       "f:5:9: found '64MiB', expected limits: a map of record_bytes, "
       "queue_bytes, session_bytes or lease_bytes"},
  });
}

TEST_CASE("a directory that is not absolute is refused") {
  CHECK(parse({run("x"), "f", "specs"}).error().message ==
        "f:1:1: found the directory 'specs', expected an absolute one");
}
