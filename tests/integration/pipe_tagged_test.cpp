// `leat pipe` with tools of mode tagged, made of docs/protocol.md alone.

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
using tests::Outcome;
using tests::Scene;

// Reads what there is, and answers the last of it first. A record says what is done with it.
constexpr const char* kTool = R"(
import os, struct, sys

if 'READY' in os.environ:
    print('loading, please wait')
    print('up', flush=True)

def answer(id, *outputs, status=0):
    body = struct.pack('>QB', id, status)
    body += b''.join(struct.pack('>I', len(output)) + output for output in outputs)
    sys.stdout.buffer.write(struct.pack('>I', len(body)) + body)
    sys.stdout.buffer.flush()

def work(id, record):
    word, _, rest = record.partition(b' ')
    if word == b'die':
        os._exit(3)
    if word == b'fail':
        print('complained of', rest, file=sys.stderr, flush=True)
        return answer(id, b'no such word', status=1)
    if word == b'busy':
        return answer(id, status=2)
    if word == b'babble':
        sys.stdout.buffer.write(b'what was that again?\n')
        return sys.stdout.buffer.flush()
    if word == b'drop':
        return answer(id)
    answer(id, *[record.upper()] * (2 if word == b'twice' else 1))

unread = b''
while data := os.read(0, 1 << 20):
    unread += data
    frames = []
    while len(unread) >= 12:
        size, id = struct.unpack('>IQ', unread[:12])
        if len(unread) < 4 + size:
            break
        frames.append((id, unread[12:4 + size]))
        unread = unread[4 + size:]
    for id, record in reversed(frames):
        work(id, record)
)";

void set_tool(const Scene& scene, const std::string& keys = "") {
  scene.write("tool.py", kTool);
  scene.set_pipeline("  - name: tool\n    run: python3 tool.py\n    mode: tagged\n" + keys);
}

}  // namespace

TEST_CASE("a tool of mode tagged may answer in any order, and its results are in the input's") {
  Scene scene;
  set_tool(scene, GENERATE("", "    replicas: 3\n"));
  const Outcome outcome = scene.run(tests::numbered_lines(3000, "a "));
  CHECK(outcome.errors.empty());
  CHECK(outcome.code == 0);
  CHECK(tests::difference(outcome.output, tests::numbered_lines(3000, "A ")).empty());
}

TEST_CASE("a tool of mode tagged has any number of outputs, and says itself what has failed") {
  Scene scene;
  set_tool(scene, "    retry: {attempts: 2, backoff: 1ms}\n");
  const Outcome outcome = scene.run("a\ndrop 1\ntwice 2\nfail 3\nbusy 4\ndie 5\nbabble 6\n\nlast");
  CHECK(outcome.code == 1);
  CHECK(outcome.output == "A\nTWICE 2\nTWICE 2\n\nLAST\n");
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(letters.size() == 4);
  CHECK(letters[0]["kind"] == "tool");
  CHECK(letters[0]["attempts"] == 1);
  CHECK(letters[0]["reason"] == "the tool answered with an error: no such word");
  CHECK_THAT(letters[0]["stderr"].get<std::string>(), Contains("complained of b'3'"));
  CHECK(letters[1]["kind"] == "tool");
  CHECK(letters[1]["attempts"] == 2);
  CHECK(letters[2]["kind"] == "exit");
  CHECK(letters[2]["status"] == 3);
  CHECK(letters[3]["kind"] == "mismatch");
  CHECK_THAT(letters[3]["reason"].get<std::string>(),
             Contains("is no frame") && Contains("does it print anything but frames?"));
}

TEST_CASE("the line that repeats a failure of mode tagged gives the tool its frame") {
  Scene scene;
  set_tool(scene);
  CHECK(scene.run("die 5\n").code == 1);
  const std::string repeat = tests::only_letter_in(scene)["repeat"];
  CHECK(scene.shell(repeat).code == 3);
}

TEST_CASE("a tool of mode tagged may say first that it is ready, and is renewed as others are") {
  Scene scene;
  set_tool(scene, "    ready: {stdout: ^up}\n    env: {READY: '1'}\n    max_records: 50\n");
  const Outcome outcome = scene.run(tests::numbered_lines(500, "a "));
  CHECK(outcome.code == 0);
  CHECK(tests::difference(outcome.output, tests::numbered_lines(500, "A ")).empty());
}

TEST_CASE("of mode tagged a record may be a file of any bytes") {
  Scene scene;
  set_tool(scene, "    input: whole\n    output: whole\n");
  std::string bytes("x\0\n\xff", 4);
  bytes.append(3'000'000, '\xfe');
  const Outcome outcome = scene.run(bytes);
  CHECK(outcome.code == 0);
  CHECK(outcome.output.size() == bytes.size());
}

}  // namespace leat::cli
