#!/usr/bin/env python3
"""Leat beside the shell: the same tools on the same records, in turn, in one run.

    benchmarks/throughput.py BUILD [--records N] [--bytes B] [--rounds R]

BUILD is a build folder, such as build/release. Prints medians over the rounds and their ratio to
the shell's; fails only when an output is wrong. Timings on a shared machine are noisy: look at
ratios, and at several runs.
"""

import argparse
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


FILTER = "grep --line-buffered -v '^[0-9]*[147] '"
FILTER_SPEC = f"pipeline: filter\nstages:\n  - name: grep\n    run: {FILTER}\n    mode: filter\n"


def spec(name, stages, replicas=1):
    """A pipeline of so many `cat`."""
    lines = [f"pipeline: {name}", "stages:"]
    for i in range(stages):
        lines += [f"  - name: cat{i}", "    run: cat", f"    replicas: {replicas}"]
    return "\n".join(lines) + "\n"


def timed(command, records, expected):
    """Seconds for the command from start to end, its output checked."""
    with open(records, "rb") as given, tempfile.TemporaryFile() as got:
        begin = time.perf_counter()
        subprocess.run(command, stdin=given, stdout=got, env=CLEAN, check=True)
        seconds = time.perf_counter() - begin
        got.seek(0)
        if got.read() != expected:
            sys.exit(f"wrong output: {command}")
    return seconds


def round_trips(command, count):
    """Seconds from writing one record to reading its answer, while the command stays."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=CLEAN)
    times = []
    for i in range(count):
        line = b"record %d\n" % i
        begin = time.perf_counter()
        os.write(process.stdin.fileno(), line)
        got = b""
        while not got.endswith(b"\n"):
            if not select.select([process.stdout], [], [], 30)[0]:
                process.kill()
                sys.exit(f"no answer within 30 s: {command}")
            got += os.read(process.stdout.fileno(), 65536)
        times.append(time.perf_counter() - begin)
        if got != line:
            sys.exit(f"wrong answer: {command}: {got!r}")
    process.stdin.close()
    process.wait(30)
    return times[count // 10 :]  # The first ones start the tools.


class Cluster:
    """A broker and nodes of their own, over unix sockets."""

    def __init__(self, leat, folder, nodes):
        self.address = f"ipc://{folder}/broker"
        self.leat = leat
        self.processes = [self.start("broker", "--listen", self.address)]
        for i in range(nodes):
            self.processes.append(
                self.start("node", "--broker", self.address, "--name", f"n{i}")
            )

    def start(self, *arguments):
        return subprocess.Popen([self.leat, *arguments], env=CLEAN, stderr=subprocess.DEVNULL)

    def deploy(self, path):
        subprocess.run(
            [self.leat, "deploy", path, "--broker", self.address],
            env=CLEAN, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )

    def pipe(self, name):
        return [self.leat, "pipe", name, "--broker", self.address]

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            process.wait(30)


def report(title, seconds, unit, divide):
    """One table: a line for each way, the first is what the others are measured against."""
    print(f"\n{title}")
    base = statistics.median(next(iter(seconds.values())))
    for way, values in seconds.items():
        median = statistics.median(values)
        spread = (max(values) - min(values)) / median if len(values) > 1 else 0.0
        print(
            f"  {way:<22} {divide(median):>12} {unit}   {median / base:6.2f} x the shell's time"
            f"   (spread {spread:4.0%})"
        )


def compare(title, ways, records, expected, options):
    """Runs the ways in turn, and reports their medians."""
    seconds = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, command in ways.items():
            seconds[way].append(timed(command, records, expected))
    report(title, seconds, "records/s", lambda median: f"{options.records / median:,.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=100, help="of a record, about")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    leat = os.path.abspath(os.path.join(options.build, "leat"))
    chance = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz "
    text = "".join(chance.choice(letters) for _ in range(options.bytes + 4096))
    with tempfile.TemporaryDirectory(prefix="leat-bench-") as folder:
        records = os.path.join(folder, "records")
        with open(records, "w", encoding="ascii") as out:
            for i in range(options.records):
                at = i % 4096
                out.write(f"{i} {text[at:at + options.bytes - 8]}\n")
        with open(records, "rb") as given:
            expected = given.read()
        size = len(expected)
        cluster = Cluster(leat, folder, 2)
        try:
            for stages in (1, 3):
                paths = {}
                for name, replicas in ((f"bench{stages}", 1), (f"wide{stages}", 2)):
                    paths[name] = os.path.join(folder, name + ".yml")
                    with open(paths[name], "w", encoding="ascii") as out:
                        out.write(spec(name, stages, replicas))
                    cluster.deploy(paths[name])
                ways = {
                    "shell": ["sh", "-c", "|".join(["cat"] * stages)],
                    "leat pipe": [leat, "pipe", paths[f"bench{stages}"]],
                    "cluster": cluster.pipe(f"bench{stages}"),
                    "cluster, 2 replicas": cluster.pipe(f"wide{stages}"),
                }
                compare(f"{stages} stage{'s' * (stages > 1)} of cat, {options.records} records,"
                        f" {size / 1e6:.0f} MB", ways, records, expected, options)
            path = os.path.join(folder, "filter.yml")
            with open(path, "w", encoding="ascii") as out:
                out.write(FILTER_SPEC)
            kept = [line for line in expected.splitlines(keepends=True)
                    if line.split(b" ", 1)[0][-1:] not in (b"1", b"4", b"7")]
            compare("a filter that drops three of ten: grep --line-buffered",
                    {"shell": ["sh", "-c", f"{FILTER} | cat"], "leat pipe": [leat, "pipe", path]},
                    records, b"".join(kept), options)
            trips = {
                "shell": round_trips(["cat"], 2000),
                "leat pipe": round_trips([leat, "pipe", paths_of(folder, "bench1")], 2000),
                "cluster": round_trips(cluster.pipe("bench1"), 2000),
            }
            report("round trip of one record", trips, "us", lambda median: f"{median * 1e6:,.0f}")
        finally:
            cluster.stop()


def paths_of(folder, name):
    """Where main() wrote that pipeline."""
    return os.path.join(folder, name + ".yml")


main()
