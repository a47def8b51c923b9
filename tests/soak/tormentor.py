"""Torments the tools of one pipeline at random: stops and continues them, attaches strace and
detaches it, and freezes them where this user may make a control group.

None of this changes what a tool prints; it makes it hard to see when a tool has come to rest.
"""

import contextlib
import os
import random
import select
import shutil
import signal
import subprocess
import threading


class ControlGroup:
    """A group (cgroup v2) of its own for what is to be frozen; absent where there may be none."""

    def __init__(self):
        self.folder = ""
        for mount in mounts_of("cgroup2"):
            folder = os.path.join(mount, f"leat-soak-{os.getpid()}")
            with contextlib.suppress(OSError):
                os.mkdir(folder)
                self.folder = folder
                if os.path.exists(os.path.join(folder, "cgroup.freeze")):
                    return
                self.close()

    def __bool__(self):
        return bool(self.folder)

    def take(self, process):
        self._write("cgroup.procs", process)

    def freeze(self):
        self._write("cgroup.freeze", 1)

    def thaw(self):
        self._write("cgroup.freeze", 0)

    def close(self):
        """What was in it must have ended."""
        if self.folder:
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)
            self.folder = ""

    def _write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(f"{value}\n")


def mounts_of(kind):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            if after.split()[0] == kind:
                yield before.split()[4]


def tools_of(pipeline):
    """Processes that work for the pipeline of that name."""
    mark = f"LEAT_PIPELINE={pipeline}".encode()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    yield int(entry)


def state_of(process):
    """What /proc tells of a process that may hang."""
    told = [str(process)]
    for name in ("cmdline", "wchan", "syscall"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{process}/{name}", "rb") as file:
                told.append(file.read(200).replace(b"\0", b" ").decode("utf-8", "replace").strip())
    return ": ".join(told)


class Tormentor:
    """A thread that torments until it is stopped; `counts` says what it did."""

    def __init__(self, pipeline, seed):
        self.pipeline = pipeline
        self.chance = random.Random(seed)
        self.counts = {"stops": 0, "straces": 0, "freezes": 0}
        self.group = ControlGroup()
        self.strace = shutil.which("strace")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def close(self):
        """Every tool runs freely afterwards."""
        self.over.set()
        self.thread.join()

    def forget(self):
        """When the tools have ended."""
        self.group.close()

    def work(self):
        ways = [self.stop, self.stop, self.flicker]
        if self.strace:
            ways.append(self.trace)
        if self.group:
            ways.append(self.freeze)
        while not self.over.wait(self.chance.uniform(0, 0.03)):
            tools = sorted(tools_of(self.pipeline))
            if tools:
                # The process may end at any moment.
                with contextlib.suppress(OSError):
                    self.torment(self.chance.choice(ways), self.chance.choice(tools))

    def torment(self, way, process):
        descriptor = os.pidfd_open(process)
        try:
            if process in tools_of(self.pipeline):
                way(process, descriptor)
        finally:
            os.close(descriptor)

    def hold(self):
        """Most of the time for a moment, now and then longer than anybody's patience in Leat."""
        self.over.wait(self.chance.choice([0, 0.0005, 0.005, 0.02, 0.02, 0.3]))

    def stop(self, _, descriptor):
        self.counts["stops"] += 1
        signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
        try:
            self.hold()
        finally:
            signal.pidfd_send_signal(descriptor, signal.SIGCONT)

    def flicker(self, _, descriptor):
        """Many short stops."""
        for _ in range(self.chance.randint(5, 50)):
            self.counts["stops"] += 1
            signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
            signal.pidfd_send_signal(descriptor, signal.SIGCONT)

    def trace(self, process, _):
        with subprocess.Popen([self.strace, "-f", "-o", "/dev/null", "-p", str(process)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
            attached = select.select([strace.stderr], [], [], 5)[0]
            if b"attached" in (os.read(strace.stderr.fileno(), 4096) if attached else b""):
                self.counts["straces"] += 1
                self.hold()
            strace.send_signal(signal.SIGINT)
            strace.stderr.close()

    def freeze(self, process, _):
        self.group.take(process)
        self.counts["freezes"] += 1
        try:
            self.group.freeze()
            self.hold()
        finally:
            self.group.thaw()
