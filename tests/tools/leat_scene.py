"""A folder of its own in which `leat pipe` runs, and what came of it.

The environment is a clean one: above all without PYTHONUNBUFFERED, which would hide that a tool
buffers. It holds a mark that every process of the run inherits, so that one that is left over is
found, whoever its parent is by then, and ended.
"""

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
MARK = "TOOLS_TEST_MARK"
DEADLINE = 60.0
SKIPPED = 77


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one run of `leat pipe` gave."""

    code: int
    output: bytes
    errors: str
    letters: list
    seconds: float
    memory: int  # The most that it had at a time, in bytes.

    def culprits(self):
        """What the dead letters hold, in the order of the input."""
        return [letter["text"] for letter in sorted(self.letters, key=place_of)]

    def kinds(self):
        return [letter["kind"] for letter in sorted(self.letters, key=place_of)]

    def reasons(self):
        return [letter["reason"] for letter in self.letters]

    def __str__(self):
        letters = "\n".join(str(letter)[:400] for letter in self.letters[:5])
        return (
            f"exit code {self.code} after {self.seconds:.2f} s, {len(self.output)} bytes,"
            f" {len(self.letters)} dead letters\n{letters}\n---- standard error:\n"
            f"{self.errors[:3000]}"
        )


def place_of(letter):
    return [int(part) for part in letter["record"].split(".")]


class LeatTest(unittest.TestCase):
    """A test that runs the real program. `leat` is set by main()."""

    leat = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="leat-tools-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.mark = uuid.uuid4().hex
        self.addCleanup(self.end_leftovers)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def pipe(self, stages, given, deadline=DEADLINE):
        """Runs the stages (YAML, all below the pipeline's name) over these bytes."""
        self.write("tools.yml", f"pipeline: tools\n{stages}\n")
        self.write("in", given)
        self.write("letters.jsonl", b"")
        command = [self.leat, "pipe", "--dead-letters", self.path("letters.jsonl"),
                   self.path("tools.yml")]
        begin = time.monotonic()
        code, memory = self.run_to_end(command, deadline)
        seconds = time.monotonic() - begin
        errors = self.read("errors").decode("utf-8", "replace")
        letters = [json.loads(line) for line in self.read("letters.jsonl").splitlines()]
        return Outcome(code, self.read("out"), errors, letters, seconds, memory)

    def run_to_end(self, command, deadline):
        """(exit code, most memory) of a command that reads `in` and writes `out` and `errors`."""
        with contextlib.ExitStack() as stack:
            given, out, errors = (stack.enter_context(open(self.path(name), mode))
                                  for name, mode in (("in", "rb"), ("out", "wb"), ("errors", "wb")))
            environment = {**CLEAN, MARK: self.mark}
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=given, stdout=out, stderr=errors, env=environment)
        alarm = os.pidfd_open(process.pid)
        try:
            if not wait_readable(alarm, deadline):
                process.kill()
                process.wait()
                self.fail(f"no end within {deadline:.0f} s: {' '.join(command)}\n"
                          f"{self.read('errors').decode('utf-8', 'replace')[:3000]}")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            os.close(alarm)
        return process.returncode, usage.ru_maxrss * 1024

    def plain(self, command, given):
        """What a command of the shell makes of these bytes by itself."""
        done = subprocess.run(["sh", "-c", command], input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=CLEAN, cwd=self.folder, check=False,
                              timeout=DEADLINE)
        return done.stdout

    def leftovers(self):
        """Processes of this test that still run."""
        mark = f"{MARK}={self.mark}".encode()
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(entry))
        return found

    def end_leftovers(self):
        for process in self.leftovers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def check_nothing_left(self):
        """The guardian may need a moment after `leat` has ended."""
        left = [process for process in self.leftovers() if not has_ended(process, 5.0)]
        self.assertEqual([words_of(process) for process in left], [], "processes are left over")

    def check_same(self, got, expected, told):
        """Compares bytes, and shows the first place where they differ."""
        if got == expected:
            return
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
                  min(len(got), len(expected)))
        around = slice(max(0, at - 60), at + 60)
        self.fail(f"{len(got)} bytes, expected {len(expected)}; they differ at {at}:\n"
                  f"{got[around]!r} instead of\n{expected[around]!r}\n{told}")


def wait_readable(descriptor, seconds):
    return bool(select.select([descriptor], [], [], seconds)[0])


def has_ended(process, seconds):
    """Whether that process ends within that time."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return wait_readable(descriptor, seconds)
    finally:
        os.close(descriptor)


def words_of(process):
    """A process id and what that process was started with."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return f"{process}: {file.read().replace(bytes(1), b' ').decode('utf-8', 'replace')}"
    return str(process)


def main():
    """TEST.py LEAT [CLASS]...; exits with 77, which CTest takes as skipped, when a test was."""
    LeatTest.leat = os.path.abspath(sys.argv[1])
    program = unittest.main(module="__main__", argv=[sys.argv[0], "-v", *sys.argv[2:]], exit=False)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if program.result.skipped else 0)
