#!/usr/bin/python3
"""Self-tests of the lint: small bad samples that each rule must catch, at the right line, and good
ones that it must let pass."""

import os
import sys
import tempfile
import subprocess
import unittest

import count_results
import lint
from source import Tree, code_of, read_tree, without_comments

HEADER = "// A thing.\n\n#pragma once\n"

# Files that other samples include or mention.
BASE = {
    "core/ids.h": HEADER,
    "framing/framing.h": HEADER,
    "wire/codec.h": HEADER,
    "spec/parse.h": HEADER,
    "broker/inlet.h": HEADER,
    "broker/broker_loop.h": HEADER,
    "journal/entry.h": HEADER,
    "journal/store.h": HEADER,
    "node/replica.h": HEADER,
    "node/tool_host.h": HEADER,
    "io/pipe.h": HEADER,
    "clients/cpp/session_core.h": HEADER,
    "clients/cpp/session.h": HEADER,
    "monitoring/exporter.h": HEADER,
    "cli/pipe.h": HEADER,
    "docs/testing.md": "See [the lint](../tests/lint/lint.py).\n",
    "tests/lint/lint.py": "",
}


def including(name):
    return f'#include "{name}"\n'


# Rule -> samples: path, text, the line where it must be found.
BAD = {
    "include-direction": [
        ("core/a.cpp", including("framing/framing.h"), 1),
        ("core/a.cpp", including("io/pipe.h"), 1),
        ("framing/a.cpp", including("wire/codec.h"), 1),
        ("framing/a.cpp", including("spec/parse.h"), 1),
        ("wire/a.cpp", including("spec/parse.h"), 1),
        ("spec/a.cpp", including("wire/codec.h"), 1),
        ("wire/a.cpp", "\n" + including("broker/inlet.h"), 2),
        ("broker/a.cpp", including("io/pipe.h"), 1),
        ("broker/a.cpp", including("broker/broker_loop.h"), 1),
        ("broker/a.cpp", including("journal/store.h"), 1),
        ("journal/key.cpp", including("journal/store.h"), 1),
        ("journal/store.cpp", including("broker/inlet.h"), 1),
        ("broker/a.cpp", including("node/replica.h"), 1),
        ("broker/broker_loop.cpp", including("node/replica.h"), 1),
        ("node/a.cpp", including("broker/inlet.h"), 1),
        ("node/a.cpp", including("node/tool_host.h"), 1),
        ("node/node_main.cpp", including("broker/inlet.h"), 1),
        ("node/a.cpp", including("clients/cpp/session_core.h"), 1),
        ("clients/cpp/a_core.cpp", including("clients/cpp/session.h"), 1),
        ("clients/cpp/session_core.cpp", including("io/pipe.h"), 1),
        ("clients/cpp/session.cpp", including("cli/pipe.h"), 1),
        ("io/a.cpp", including("monitoring/exporter.h"), 1),
        ("io/a.cpp", including("node/tool_host.h"), 1),
        ("monitoring/a.cpp", including("cli/pipe.h"), 1),
    ],
    "include-root": [
        ("broker/a.cpp", including("inlet.h"), 1),
        ("broker/a.cpp", including("../core/ids.h"), 1),
        ("tests/unit/a.cpp", including("core/gone.h"), 1),
    ],
    "library-home": [
        ("core/a.cpp", "#include <msgpack.hpp>\n", 1),
        ("wire/a.cpp", "#include <yaml-cpp/yaml.h>\n", 1),
        ("node/a.cpp", "#include <zmq.hpp>\n", 1),
        ("node/a.cpp", "#include <zmq.h>\n", 1),
        ("spec/a.cpp", "#include <re2/re2.h>\n", 1),
        ("io/a.cpp", "#include <CLI/CLI.hpp>\n", 1),
        ("clients/cpp/a.cpp", "#include <nlohmann/json.hpp>\n", 1),
        ("cli/a.cpp", "#include <prometheus/counter.h>\n", 1),
        ("wire/a.cpp", "#include <tl/expected.hpp>\n", 1),
    ],
    "package-home": [("wire/CMakeLists.txt", "# Wire.\nfind_package(msgpack)\n", 2)],
    "pure-include": [
        (f"{folder}/a.cpp", f"#include <{name}>\n", 1)
        for folder, name in (
            ("core", "thread"), ("core", "unordered_map"), ("framing", "iostream"),
            ("wire", "fstream"), ("spec", "filesystem"), ("broker", "ctime"), ("broker", "mutex"),
            ("node", "unistd.h"), ("node", "poll.h"), ("node", "csignal"), ("node", "sys/random.h"))
    ] + [("clients/cpp/session_core.cpp", "#include <atomic>\n", 1)],
    "pure-name": [
        ("broker/a.cpp", "\n\nauto now = std::chrono::steady_clock::now();\n", 3),
        ("core/a.cpp", "auto t = std::time(nullptr);\n", 1),
        ("spec/a.cpp", "std::ifstream file(path);\n", 1),
        ("node/a.cpp", 'auto* p = getenv("PATH");\n', 1),
        ("node/a.cpp", "std::random_device seed;\n", 1),
        ("wire/a.cpp", "std::thread t(run);\n", 1),
        ("framing/a.cpp", "std::cerr << text;\n", 1),
        ("broker/a.cpp", 'std::printf("x");\n', 1),
        ("broker/a.cpp", "std::unordered_set<int> seen;\n", 1),
        ("clients/cpp/session_core.h", HEADER + "std::mutex m;\n", 4),
    ],
    "shared-ptr": [
        ("node/a.cpp", "std::shared_ptr<int> p;\n", 1),
        ("core/a.cpp", "auto p = std::make_shared<int>(1);\n", 1),
        ("cli/a.cpp", "std::weak_ptr<int> p;\n", 1),
    ],
    "new-delete": [
        ("io/a.cpp", "auto* p = new int(1);\n", 1),
        ("io/a.cpp", "delete p;\n", 1),
        ("tests/unit/a.cpp", "delete[] p;\n", 1),
    ],
    "sleep": [
        ("tests/unit/a.cpp", "std::this_thread::sleep_for(1ms);\n", 1),
        ("tests/support/a.cpp", "::usleep(10);\n", 1),
        ("tests/sim/a.cpp", "sleep(1);\n", 1),
    ],
    "exit": [
        ("node/a.cpp", "std::exit(1);\n", 1),
        ("io/a.cpp", "_exit(127);\n", 1),
    ],
    "macro": [
        ("core/a.h", HEADER + "#define MAX(a, b) a\n", 4),
        ("tests/unit/a.cpp", "#  define CHECK_ALL\n", 1),
    ],
    "vocabulary": [
        ("node/a.cpp", "int job_count = 0;\n", 1),
        ("node/a.cpp", "class WorkerPool;\n", 1),
        ("broker/a.cpp", "void add(Task task);\n", 1),
        ("broker/a.cpp", "int kTasksMax;\n", 1),
    ],
    "unfinished": [
        ("core/a.cpp", "int a;  // TO" "DO: later.\n", 1),
        ("docs/a.md", "\nFIX" "ME\n", 2),
        ("dev", "# X" "XX\n", 1),
    ],
    "machine-path": [
        ("docs/a.md", "Run it in /wo" "rk/main.\n", 1),
        ("tests/unit/a.cpp", 'auto p = "/ho" "me/me/x";\n'.replace('" "', ""), 1),
        ("dev", "cd /ro" "ot/leat\n", 1),
    ],
    "nolint": [
        ("io/a.cpp", "int a;  // NOLINT\n", 1),
        ("io/a.cpp", "int a;  // NOLINT(bugprone-x)\n", 1),
        ("io/a.cpp", "// NOLINTNEXTLINE(bugprone-x)\nint a;\n", 1),
        ("io/a.cpp", "// Why.\n// NOLINTNEXTLINE\nint a;\n", 2),
    ],
    "file-name": [
        ("core/utils.h", HEADER, 1),
        ("core/string_helpers.cpp", "", 1),
        ("common/a.cpp", "", 1),
        ("broker/manager.cpp", "", 1),
    ],
    "test-name": [
        ("tests/unit/a.cpp", '\nTEST_CASE("a; b") {}\n', 2),
        ("tests/unit/a.cpp", 'TEST_CASE("a \\\\d") {}\n', 1),
        ("tests/unit/a.cpp", 'TEST_CASE(\n    "a;") {}\n', 1),
    ],
    "length": [
        ("core/a.cpp", "\n" * 501, 501),
        ("core/a.h", HEADER + "\n" * 298, 301),
        ("tests/unit/a.cpp", "\n" * 801, 801),
        ("dev", "\n" * 501, 501),
    ],
    "header-comment": [
        ("core/a.h", "#pragma once\n", 1),
        ("core/a.h", "\n" + HEADER, 1),
    ],
    "pragma-once": [
        ("core/a.h", "// A thing.\n", 1),
        ("core/a.h", "// A thing.\n// #pragma once\n", 1),
    ],
    "architecture-length": [("docs/ARCHITECTURE.md", "\n" * 400, 400)],
    "dead-link": [
        ("README.md", "See [testing](docs/gone.md).\n", 1),
        ("docs/a.md", "\n[testing](docs/testing.md#top)\n", 2),
    ],
    "dead-mention": [
        ("README.md", "See docs/gone.md for more.\n", 1),
        ("docs/a.md", "`core/{ids,gone}.h`\n", 1),
        ("docs/a.md", "core/gone_*.h\n", 1),
        ("core/a.cpp", "// As docs/gone.md says.\n", 1),
    ],
}

GOOD = [
    ("core/a.cpp", '#include <random>\n#include "core/ids.h"\n'),
    ("framing/a.cpp", "#include <re2/re2.h>\n" + including("core/ids.h")),
    ("wire/a.cpp", "#include <msgpack.hpp>\n" + including("core/ids.h")),
    ("spec/a.cpp", "#include <yaml-cpp/yaml.h>\n" + including("framing/framing.h")),
    ("broker/a.cpp", including("wire/codec.h") + including("broker/inlet.h")),
    ("broker/a.cpp", including("journal/entry.h")),
    ("broker/broker_loop.cpp", "#include <thread>\n" + including("io/pipe.h")),
    ("broker/broker_loop.cpp", including("journal/store.h")),
    ("journal/store.cpp", "#include <rocksdb/db.h>\n#include <thread>\n" + including("io/pipe.h")),
    ("node/tool_host.cpp", "#include <unistd.h>\n" + including("node/replica.h")),
    ("node/guardian_main.cpp", "int main() { _exit(1); }\n" + including("io/pipe.h")),
    ("io/a.cpp", "#include <zmq.hpp>\n#include <mutex>\nstd::shared_ptr<int> p;\n"),
    ("clients/cpp/session.cpp", "#include <thread>\n" + including("clients/cpp/session_core.h")),
    ("cli/a.cpp", "#include <CLI/CLI.hpp>\n" + including("broker/broker_loop.h")
     + including("node/tool_host.h")),
    ("tests/sim/a.cpp", "#include <nlohmann/json.hpp>\n" + including("broker/inlet.h")
     + including("node/replica.h")),
    ("core/a.cpp", "A(const A&) = delete;\nvoid* operator new(size_t);\nint renew, newest;\n"),
    ("core/a.cpp", "// A new job: delete the task.\nauto t = \"worker new std::thread\";\n"),
    ("core/a.cpp", "auto r = R\"(new std::cout)\"; auto n = 1'000'000; char c = '\"';\n"),
    ("core/a.cpp", "/* #include <thread>\n#include <iostream> */\nstd::snprintf(a, n, b);\n"),
    ("core/a.cpp", "int time_left; steady(clock); int multitasking_off; std::mt19937_64 random;\n"),
    ("core/a.cpp", "#include <new>\n"),
    ("core/ensure.h", HEADER + "#define ENSURE(x) x\n"),
    ("io/a.cpp", "int a;  // NOLINT(bugprone-x): the system's own name.\n// NOLINTEND(bugprone-x)\n"),
    ("io/a.cpp", "// Why.\n// NOLINTBEGIN(bugprone-x)\nint a;\n// NOLINTEND(bugprone-x)\n"),
    ("core/a.cpp", "\n" * 500),
    ("tests/unit/a.cpp", "\n" * 800),
    ("tests/unit/a.cpp", 'TEST_CASE("\\"a\\" [b], $c*: {d}") {}\n// TEST_CASE("a;") {}\n'),
    ("docs/ARCHITECTURE.md", "\n" * 399),
    ("README.md", "[t](docs/testing.md), [w](https://example.org/x.md), core/*.h, `core/ids.h`,\n"
     "`node/`, bin/gone.h, build/release/gone.txt, `core/{ids,ids}.h`, and/or.\n"),
]


def found_in(path, text):
    return lint.findings(Tree({**BASE, path: text}))


class Samples(unittest.TestCase):
    def test_the_base_is_clean(self):
        self.assertEqual(lint.findings(Tree(BASE)), [])

    def test_every_bad_sample_is_found_where_it_is_and_nothing_else(self):
        for rule, samples in BAD.items():
            for path, text, line in samples:
                with self.subTest(rule=rule, path=path, text=text[:80]):
                    found = {(f.rule, f.path, f.line) for f in found_in(path, text)}
                    self.assertEqual(found, {(rule, path, line)})

    def test_every_good_sample_passes(self):
        for path, text in GOOD:
            with self.subTest(path=path, text=text[:80]):
                self.assertEqual([str(f) for f in found_in(path, text)], [])

    def test_every_rule_has_a_sample_that_fails_without_it(self):
        for rule in lint.RULES:
            with self.subTest(rule=rule.__name__):
                caught = [path for samples in BAD.values() for path, text, _ in samples
                          if list(rule(Tree({**BASE, path: text})))]
                self.assertTrue(caught)

    def test_a_long_header_is_a_warning_before_it_is_an_error(self):
        found = found_in("core/a.h", HEADER + "\n" * 200)
        self.assertEqual([f.is_warning for f in found], [True])

    def test_an_error_names_place_rule_and_remedy(self):
        found = found_in("broker/a.cpp", "\n" + including("node/replica.h"))
        self.assertEqual(
            [str(f) for f in found],
            ['broker/a.cpp:2: error: [include-direction] broker includes "node/replica.h", which '
             "belongs to node; what broker/ and node/ share is a message: put it into wire/"])

    def test_a_header_beside_is_named_in_the_remedy(self):
        found = found_in("broker/a.cpp", including("inlet.h"))
        self.assertEqual(found[0].remedy, 'write #include "broker/inlet.h"')


class Text(unittest.TestCase):
    def test_lines_and_columns_stay(self):
        text = 'a /* b\n c */ "d\\"e" \'f\' // g\nh'
        self.assertEqual(code_of(text), "a     \n      " + " " * 15 + "\nh")
        self.assertEqual([len(x) for x in code_of(text).split("\n")],
                         [len(x) for x in text.split("\n")])
        self.assertIn('"d\\"e"', without_comments(text))


class Program(unittest.TestCase):
    """lint.py itself, in a repository of its own."""

    def run_in(self, texts):
        with tempfile.TemporaryDirectory() as root:
            for path, text in texts.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            here = os.path.dirname(os.path.abspath(__file__))
            for name in ("lint.py", "layers.py", "code_rules.py", "shape_rules.py", "source.py"):
                os.makedirs(os.path.join(root, "tests/lint"), exist_ok=True)
                with open(os.path.join(here, name), encoding="utf-8") as source:
                    with open(os.path.join(root, "tests/lint", name), "w", encoding="utf-8") as to:
                        to.write(source.read())
            subprocess.run(["git", "init", "-q", root], check=True)
            self.assertTrue(set(texts) <= set(read_tree(root).texts))
            return subprocess.run(
                [sys.executable, "-B", os.path.join(root, "tests/lint/lint.py")],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def test_it_fails_on_an_error(self):
        done = self.run_in({"core/a.h": HEADER + "#include <thread>\n"})
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("core/a.h:4: error: [pure-include]", done.stdout)

    def test_it_passes_on_a_warning(self):
        done = self.run_in({"core/a.h": HEADER + "\n" * 200})
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1 warnings", done.stdout)

    def test_it_fails_when_it_sees_no_source(self):
        done = self.run_in({"docs/a.md": "Nothing.\n"})
        self.assertEqual(done.returncode, 1, done.stdout)


class Results(unittest.TestCase):
    """The counting of a ctest run."""

    def count(self, *cases):
        return count_results.count(f"<testsuite>{''.join(cases)}</testsuite>")

    def test_what_ran_well_passed_and_all_else_failed(self):
        counted = self.count('<testcase name="a" status="run"/>',
                             '<testcase name="b" status="fail"><failure/></testcase>',
                             '<testcase name="c" status="notrun"><skipped message=""/></testcase>')
        self.assertEqual(counted, (1, 2, ["b", "c"]))

    def test_a_test_may_skip_itself(self):
        skipped = '<skipped message="SKIP_RETURN_CODE=77"/>'
        counted = self.count('<testcase name="a" status="run"/>', '<testcase status="disabled"/>',
                             f'<testcase name="b" status="notrun">{skipped}</testcase>')
        self.assertEqual(counted, (1, 0, []))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(self.count()[:2], (0, 1))
        self.assertEqual(count_results.count("")[:2], (0, 1))
        self.assertEqual(count_results.count("<testsuite>")[:2], (0, 1))


if __name__ == "__main__":
    unittest.main()
