// `leat pipe` with tools that keep the contract of Algorithmia's LangServer.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/dead_letters.h"
#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using nlohmann::json;
using tests::letters_in;
using tests::only_letter_in;
using tests::Outcome;
using tests::Scene;

// As Algorithmia's bin/pipe: requests on standard input, words on standard output, answers on the
// named pipe, which is opened for each, or kept open. A record says what is done with it.
constexpr const char* kTool = R"(
import base64, json, os, signal, sys, threading, traceback

path = sys.argv[1] if len(sys.argv) > 1 else os.environ['LEAT_ANSWERS']
kept = open(path, 'w') if os.environ.get('KEEP') else None

def write(text):
    if kept:
        kept.write(text)
        kept.flush()
        return
    with open(path, 'w') as pipe:
        pipe.write(text)

def apply(type, data):
    if type == 'binary':
        return base64.b64decode(data)[::-1]
    if type == 'json':
        return {'got': data}
    word = data.split(' ')[0]
    if word == 'die':
        print('dying of', data)
        os._exit(3)
    if word == 'fail':
        print('noticed', data)
        print('complained of', data, file=sys.stderr)
        raise ValueError('no such\nword: ' + data)
    if word == 'hang':
        signal.pause()
    if word == 'late':
        # A second answer from a thread, when the first is long taken.
        threading.Timer(0.05, lambda: write('{"result":"late"}')).start()
    if word == 'lines':
        return 'a\nb'
    if word == 'binary':
        return b'\x00\xff\x00'
    if word == 'json':
        return [1.10, {'n': len(data)}]
    if word == 'pid':
        return str(os.getpid())
    return data.upper()

def respond(result):
    type = 'json'
    if isinstance(result, bytes):
        type, result = 'binary', base64.b64encode(result).decode()
    elif isinstance(result, str):
        type = 'text'
    return {'result': result, 'metadata': {'content_type': type}}

if os.environ.get('THREAD'):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print('loading')
if not os.environ.get('NEVER_READY'):
    print('PIPE_INIT_COMPLETE')
for line in sys.stdin:
    request = json.loads(line)
    data = request['data']
    print('working on', data)
    raw = {'twice': '{"result":1}{"result":2}', 'odd': '{"foo":1}', 'broken': '{"result" 1}',
           'type': '{"result":1,"metadata":{"content_type":"xml"}}', 'silent': '',
           'plain': '{"error":{"message":"plain"}}',
           'null': '{"error":{"message":"null","error_type":null,"stacktrace":null}}'}
    if isinstance(data, str) and data in raw:
        write(raw[data])
        continue
    try:
        response = respond(apply(request['content_type'], data))
    except Exception as error:
        response = {'error': {'message': str(error), 'error_type': type(error).__name__,
                              'stacktrace': traceback.format_exc()}}
    write(json.dumps(response))
)";

void set_tool(const Scene& scene, const std::string& keys, const std::string& arguments = "",
              const std::string& preset = "langpack") {
  scene.write("tool.py", kTool);
  scene.set_pipeline("  - name: tool\n    run: python3 -u tool.py " + arguments +
                     "\n    preset: " + preset + "\n    retry: {backoff: 1ms}\n" + keys);
}

}  // namespace

TEST_CASE("a langpack's results are records, whether it opens its pipe for each or keeps it open") {
  Scene scene;
  const std::string keep = GENERATE("", "    env: {KEEP: '1'}\n");
  const std::string replicas = GENERATE("", "    replicas: 3\n");
  set_tool(scene, keep + replicas);
  const Outcome outcome = scene.run(tests::numbered_lines(300, "\xc3\xa9t "));
  CHECK(outcome.code == 0);
  CHECK(outcome.errors.empty());
  CHECK(tests::difference(outcome.output, tests::numbered_lines(300, "\xc3\x89T ")).empty());
}

TEST_CASE("a langpack is one process for all records, and its last line may lack its newline") {
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run("pid 1\npid 2\npid 3");
  CHECK(outcome.code == 0);
  const std::string& pids = outcome.output;
  const std::string pid = pids.substr(0, pids.find('\n') + 1);
  CHECK(pids == pid + pid + pid);
}

TEST_CASE("a langpack gets JSON as it is, and gives it back") {
  Scene scene;
  set_tool(scene, "    input: json\n    output: json\n", "", "{langpack: {content_type: json}}");
  const Outcome outcome = scene.run("{\"a\":\n [1, null]} 12 \"x y\"");
  CHECK(outcome.code == 0);
  CHECK(outcome.output == "{\"got\":{\"a\":[1,null]}}\n{\"got\":12}\n{\"got\":\"x y\"}\n");
}

TEST_CASE("a record that is not JSON where it should be never meets the tool") {
  Scene scene;
  set_tool(scene, "", "", "{langpack: {content_type: json}}");
  const Outcome outcome = scene.run("1\n{\n2\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "{\"got\":1}\n{\"got\":2}\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "framing");
  CHECK(letter["attempts"] == 0);
  CHECK_THAT(letter["reason"].get<std::string>(),
             Contains("cannot be given to the tool: in its request, it is not one JSON value"));
}

TEST_CASE("a whole file of any bytes is one request, and its result one file") {
  Scene scene;
  set_tool(scene, "    input: whole\n    output: whole\n", "",
           "{langpack: {content_type: binary}}");
  std::string bytes("a\0\xff\n\xfe", 5);
  for (int i = 0; i < 300'000; ++i) {
    bytes += static_cast<char>(i * 7);
  }
  const Outcome outcome = scene.run(bytes);
  CHECK(outcome.code == 0);
  std::reverse(bytes.begin(), bytes.end());
  CHECK(tests::difference(outcome.output, bytes).empty());
}

TEST_CASE("a langpack answers with bytes, text or JSON as it likes") {
  Scene scene;
  set_tool(scene, "    output: netstring\n");
  const Outcome outcome = scene.run("json\nbinary\nlines\n\xff\xfe\ntext\n");
  CHECK(outcome.code == 0);
  CHECK(outcome.output ==
        std::string("13:[1.1,{\"n\":4}],3:\0\xff\0,3:a\nb,2:\xfe\xff,4:TEXT,", 41));
}

TEST_CASE("an error is its record's at once, with its stacktrace, and the process goes on") {
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run("pid 1\nfail x\nplain\nnull\npid 2\n");
  CHECK(outcome.code == 1);
  const std::string pid = outcome.output.substr(0, outcome.output.find('\n') + 1);
  CHECK(outcome.output == pid + pid);
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(letters.size() == 3);
  CHECK(letters[0]["text"] == "fail x");
  CHECK(letters[0]["kind"] == "tool");
  CHECK(letters[0]["attempts"] == 1);
  CHECK(letters[0]["reason"] ==
        "the tool answered with an error: ValueError: no such word: fail x");
  const std::string said = letters[0]["stderr"];
  CHECK_THAT(said, Contains("working on fail x\nnoticed fail x\n"));
  CHECK_THAT(said, Contains("complained of fail x\n"));
  CHECK_THAT(said, Contains("Traceback (most recent call last)"));
  CHECK_THAT(said, !Contains("pid 1"));
  CHECK(letters[1]["reason"] == "the tool answered with an error: plain");
  CHECK(letters[1]["stderr"] == "working on plain\n");
  CHECK(letters[2]["reason"] == "the tool answered with an error: null");
}

TEST_CASE("errors are no failure of the stage, however many come in a row") {
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run(tests::numbered_lines(50, "fail "));
  CHECK(outcome.code == 1);
  CHECK(outcome.output.empty());
  CHECK(letters_in(scene).size() == 50);
}

TEST_CASE("a record that a langpack dies of is a dead letter with what it said") {
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run("one\ndie now\ntwo\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "ONE\nTWO\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["text"] == "die now");
  CHECK(letter["kind"] == "exit");
  CHECK(letter["status"] == 3);
  CHECK(letter["attempts"] == 3);
  CHECK(letter["stderr"] == "working on die now\ndying of die now\n");
}

TEST_CASE("an answer that is none is a mismatch that says why") {
  struct Row {
    const char* record;
    const char* reason;
  };

  const Row row = GENERATE(
      Row{"twice", "the tool wrote 2 answers to its named pipe for one request"},
      Row{"odd", "the tool's answer has neither a result nor an error"},
      Row{"type", "the tool's answer has the content type 'xml', not text, json or binary"},
      Row{"broken", "what the tool printed is not json at byte 10"},
      Row{"silent", "the tool read a request, wrote no whole answer to its named pipe"});
  INFO(row.record);
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run(std::string("one\n") + row.record + "\ntwo\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "ONE\nTWO\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "mismatch");
  CHECK(letter["attempts"] == 3);
  CHECK_THAT(letter["reason"].get<std::string>(), Contains(row.reason));
}

TEST_CASE("a result that the output framing cannot carry is a dead letter at once") {
  Scene scene;
  set_tool(scene, "");
  const Outcome outcome = scene.run("one\nlines\ntwo\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "ONE\nTWO\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["attempts"] == 1);
  CHECK(letter["reason"] ==
        "the tool's result cannot be handed on: in its output framing, lines, it would be several "
        "records or none");
}

TEST_CASE("a langpack that is never ready stops the stage, with what it said") {
  Scene scene;
  set_tool(scene, "    env: {NEVER_READY: '1'}\n");
  const Outcome outcome = scene.run("one\n");
  CHECK(outcome.code == 4);
  CHECK_THAT(outcome.errors,
             Contains("has not printed its ready line ('PIPE_INIT_COMPLETE') and waits for input"));
  CHECK_THAT(outcome.errors, Contains("loading"));
}

TEST_CASE("a langpack finds its pipe at a fixed path, which is gone with it") {
  Scene scene;
  const std::string path = scene.path("algoout");
  set_tool(scene, "", path, "{langpack: {pipe: " + path + "}}");
  const Outcome outcome = scene.run("one\ndie\ntwo\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "ONE\nTWO\n");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a langpack that hangs is ended in time, and the next one gets the same path") {
  Scene scene;
  const std::string path = scene.path("algoout");
  set_tool(scene, "    timeout: 300ms\n", path, "{langpack: {pipe: " + path + "}}");
  const Outcome outcome = scene.run("one\nhang\ntwo\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "ONE\nTWO\n");
  CHECK(only_letter_in(scene)["kind"] == "timeout");
  CHECK(only_letter_in(scene)["stderr"] == "working on hang\n");
}

TEST_CASE("a langpack with threads, whose rest cannot be seen, has answered when it has") {
  Scene scene;
  set_tool(scene, "    env: {THREAD: '1'}\n");
  const Outcome outcome = scene.run(tests::numbered_lines(50, "x") + "fail\nlast\n");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == tests::numbered_lines(50, "X") + "LAST\n");
  CHECK(only_letter_in(scene)["kind"] == "tool");
}

TEST_CASE("an answer that comes when all is answered is nobody's, and is said") {
  Scene scene;
  set_tool(scene, "");
  scene.write("said", "");
  const Outcome outcome = scene.shell(
      "(echo one; echo late; until grep -q everything said; do sleep 0.01; done; echo two) | "
      "$LEAT pipe spec.yml 2> said");
  CHECK(outcome.code == 0);
  CHECK(outcome.output == "ONE\nLATE\nTWO\n");
  CHECK_THAT(scene.read("said"), Contains("after it had answered everything"));
}

TEST_CASE("a langpack among other stages gets their records and gives them its results") {
  Scene scene;
  scene.write("tool.py", kTool);
  scene.set_pipeline(
      "  - name: number\n    run: cat -n\n    output: lines\n"
      "  - name: tool\n    run: python3 -u tool.py\n    preset: langpack\n    max_records: 20\n"
      "  - name: rest\n    run: cat\n    input: netstring\n    output: netstring\n");
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i + 1);
    const std::string line =
        std::string(6 - number.size(), ' ') + number + "\tX" + std::to_string(i);
    expected += std::to_string(line.size()) + ":" + line + ",";
  }
  const Outcome outcome = scene.run(tests::numbered_lines(100, "x"));
  CHECK(outcome.code == 0);
  CHECK(outcome.output == expected);
}

}  // namespace leat::cli
