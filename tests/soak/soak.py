#!/usr/bin/python3
"""A soak: ten tools through `leat pipe`, while they are stopped, traced and frozen at random.

    soak.py LEAT [RECORDS] [--seed SEED] [--tools NAME,...]

RECORDS (100,000,000) is how many there are in all. Both `leat pipe` and the tool by itself are
given the same generated stream, and their outputs are compared as streams, byte by byte; nothing
is held in memory. Each tool is one check: it passes when the outputs are the same and nothing failed. The
last line counts them. With the seed of a failure its records are the same again, and the torments
come in the same order, if not at the same moments.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import tormentor

HERE = os.path.dirname(os.path.abspath(__file__))
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
SILENCE_MAX = 120.0  # Seconds without output after which a run counts as hanging.
PIECE = 1 << 20
AROUND = 120  # Bytes that are shown on both sides of a difference.

EXPANDER = """import sys
for line in sys.stdin:
    for word in line.split()[:3]:
        print(word)
"""


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool, and its part of all records."""

    name: str
    records: str  # Their kind, as records.py has them.
    share: int  # Of the sum of all shares; slow tools have small ones.
    run: list
    plain: str = ""  # The shell's command, if it is another one.
    mode: str = "each"
    more: str = ""

    def spec(self, pipeline):
        return (f"pipeline: {pipeline}\nstages:\n  - name: tool\n    run: {json.dumps(self.run)}\n"
                f"    mode: {self.mode}\n{self.more}")

    def by_itself(self):
        return ["sh", "-c", self.plain] if self.plain else self.run


TOOLS = [
    Tool("cat", "lines", 20, ["cat"]),
    Tool("tr", "lines", 20, ["stdbuf", "-oL", "tr", "a-z", "A-Z"], "tr a-z A-Z"),
    Tool("sed", "lines", 5, ["sed", "-u", "s/the/THE/g"], "sed s/the/THE/g"),
    Tool("grep", "lines", 12, ["grep", "--line-buffered", "-v", "[147]$\\|^[0-9]*[147] "],
         mode="filter"),
    Tool("jq", "objects", 5, ["jq", "--unbuffered", "-c", "[.id, .text]"]),
    Tool("gawk", "lines", 12, ["gawk", "{ print NF, $0; fflush() }"], "gawk '{ print NF, $0 }'"),
    Tool("perl", "lines", 12, ["perl", "-pe", "$| = 1; s/(\\w+)/<$1>/"]),
    Tool("python", "lines", 5, ["python3", "-u", "-c", EXPANDER], mode="filter"),
    Tool("bc", "sums", 8, ["bc"]),
    Tool("mecab", "short", 5, ["mecab", "-d", "/var/lib/mecab/dic/ipadic-utf8"],
         more="    output: {until: '^EOS$'}\n"),
]


class Flow:
    """A generator of records and the command that reads them; its output is `descriptor`."""

    def __init__(self, generator, command, errors, folder):
        self.generator = start(generator, stdout=subprocess.PIPE, stderr=errors, cwd=folder)
        self.command = start(command, stdin=self.generator.stdout, stdout=subprocess.PIPE,
                             stderr=errors, cwd=folder)
        self.generator.stdout.close()
        self.descriptor = self.command.stdout.fileno()

    def finish(self):
        """The command's exit code."""
        self.command.stdout.close()
        code = self.command.wait(SILENCE_MAX)
        self.generator.wait(SILENCE_MAX)
        return code

    def close(self):
        """Both have ended by themselves, or are ended: `leat` by a signal that it hears, for it
        has tools to end; the others as groups."""
        self.command.stdout.close()
        for process in (self.command, self.generator):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in (self.command, self.generator):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def start(command, **streams):
    return subprocess.Popen(  # pylint: disable=consider-using-with
        command, env=CLEAN, start_new_session=True, **streams)


class Comparison:
    """Two streams, of which only what the other has not matched yet is held."""

    def __init__(self, got, expected):
        self.descriptors = (got, expected)
        self.pending = [b"", b""]
        self.is_over = [False, False]
        self.offset = 0
        self.records = 0
        self.seen = b""

    def run(self):
        """To the end of both: the first difference in words, or nothing."""
        while not all(self.is_over):
            if not self.read_one():
                return f"no output for {SILENCE_MAX:.0f} s, after {self.offset} bytes"
            if difference := self.match():
                return difference
        return ""

    def read_one(self):
        """Reads where the other is not far behind; whether there was anything within the time."""
        wanted = [i for i in (0, 1) if not self.is_over[i] and not self.pending[i]]
        if not wanted:
            wanted = [i for i in (0, 1) if not self.is_over[i]]
        descriptors = [self.descriptors[i] for i in wanted]
        for descriptor in select.select(descriptors, [], [], SILENCE_MAX)[0]:
            i = self.descriptors.index(descriptor)
            piece = os.read(descriptor, PIECE)
            self.pending[i] += piece
            self.is_over[i] = not piece
            return True
        return False

    def match(self):
        """Forgets what is the same in both."""
        got, expected = self.pending
        size = min(len(got), len(expected))
        if got[:size] != expected[:size]:
            return self.describe(first_difference(got, expected))
        for mine, other in ((0, 1), (1, 0)):
            if self.is_over[mine] and len(self.pending[other]) > size == len(self.pending[mine]):
                return self.describe(size)
        self.seen = (self.seen + got[:size])[-AROUND:]
        self.offset += size
        self.records += got.count(b"\n", 0, size)
        self.pending = [got[size:], expected[size:]]
        return ""

    def describe(self, at):
        got, expected = (piece[max(0, at - AROUND):at + AROUND] for piece in self.pending)
        before = self.seen[-max(0, AROUND - at):] if at < AROUND else b""
        line = self.records + self.pending[0].count(b"\n", 0, at)
        return (f"the outputs differ at byte {self.offset + at}, in line {line}:\n"
                f"  leat:   {before + got!r}\n  itself: {before + expected!r}")


def first_difference(one, other):
    """By halves: the pieces are large."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high) // 2
        if one[low:middle + 1] == other[low:middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low


class Soak:
    """One tool's run."""

    def __init__(self, leat, tool, count, seed):
        self.leat = leat
        self.tool = tool
        self.count = count
        self.seed = seed
        self.pipeline = f"soak-{os.getpid()}-{tool.name}"
        self.counts = {}

    def run(self):
        """What went wrong, in words; empty if nothing did."""
        with contextlib.ExitStack() as stack:
            folder = tempfile.mkdtemp(prefix="leat-soak-")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            spec = os.path.join(folder, "soak.yml")
            with open(spec, "w", encoding="utf-8") as file:
                file.write(self.tool.spec(self.pipeline))
            errors = stack.enter_context(open(os.path.join(folder, "errors"), "w+b"))
            generator = [sys.executable, "-B", os.path.join(HERE, "records.py"),
                         self.tool.records, str(self.count), str(self.seed)]
            torment = tormentor.Tormentor(self.pipeline, self.seed)
            stack.callback(torment.forget)
            stack.callback(torment.close)
            ours = Flow(generator, [self.leat, "pipe", spec], errors, folder)
            stack.callback(ours.close)
            itself = Flow(generator, self.tool.by_itself(), subprocess.DEVNULL, folder)
            stack.callback(itself.close)
            wrong = self.compare(ours, itself, torment)
            self.counts = torment.counts
            errors.seek(0)
            said = errors.read(4000).decode("utf-8", "replace")
            return f"{wrong}\n{said}" if wrong else ""

    def compare(self, ours, itself, torment):
        comparison = Comparison(ours.descriptor, itself.descriptor)
        wrong = comparison.run()
        if wrong:
            states = [tormentor.state_of(process) for process in tormentor.tools_of(self.pipeline)]
            return "\n".join([wrong, *states])
        torment.close()
        code = ours.finish()
        itself.finish()
        if code != 0:
            return f"the same output, but leat pipe ended with {code}"
        left = [tormentor.state_of(process) for process in tormentor.tools_of(self.pipeline)]
        return "\n".join(["tools are left over:", *left]) if left else ""

    def is_built(self):
        """Whether this `leat` knows all that the tool's stage says."""
        with tempfile.TemporaryDirectory(prefix="leat-soak-") as folder:
            spec = os.path.join(folder, "soak.yml")
            with open(spec, "w", encoding="utf-8") as file:
                file.write(self.tool.spec(self.pipeline))
            done = subprocess.run([self.leat, "lint", spec], env=CLEAN, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode == 0 or b"not built yet" not in done.stdout


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leat")
    parser.add_argument("records", nargs="?", type=int, default=100_000_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--tools", default=",".join(tool.name for tool in TOOLS))
    return parser.parse_args()


def main():
    options = parse()
    # An end by a signal closes what is open, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools = [tool for tool in TOOLS if tool.name in options.tools.split(",")]
    shares = sum(tool.share for tool in tools)
    print(f"soak: {options.records:,} records, seed {options.seed}", flush=True)
    print("tool      mode         records  seconds  records/s   stops  straces  freezes"
          "  differences", flush=True)
    passed = failed = 0
    for tool in tools:
        count = max(1, options.records * tool.share // shares)
        soak = Soak(os.path.abspath(options.leat), tool, count, options.seed)
        if not soak.is_built():
            print(f"{tool.name:<9} {tool.mode:<6} is left out: not built yet", flush=True)
            continue
        begin = time.monotonic()
        wrong = soak.run()
        report(soak, time.monotonic() - begin, wrong)
        passed += not wrong
        failed += bool(wrong)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def report(soak, seconds, wrong):
    counts = soak.counts
    print(f"{soak.tool.name:<9} {soak.tool.mode:<6} {soak.count:>13,} {seconds:>8.1f}"
          f" {soak.count / seconds:>10,.0f} {counts.get('stops', 0):>7}"
          f" {counts.get('straces', 0):>8} {counts.get('freezes', 0):>8}"
          f" {'1' if wrong else '0':>12}", flush=True)
    if wrong:
        print(wrong, flush=True)


if __name__ == "__main__":
    main()
