#!/usr/bin/env python3
"""A broker and two nodes on networks of their own, and a link that is cut and healed.

    network_test.py LEAT

Each of them has its own address on a bridge; keys are used, as between machines. In the middle of
100,000 records the first node's link goes down until the broker has missed it, and comes up again.
The output must be what the tools give by themselves, and both nodes must have worked, the first one
again after the cut. Exits with 77, which CTest takes as skipped, where namespaces are forbidden.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

RECORDS = 100_000
DEADLINE = 60.0
SKIPPED = 77
NETWORK = "10.213.7."
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}

SPEC = """pipeline: far
stages:
  - name: spread
    run: stdbuf -oL sed 's/^/a /'
    replicas: 4
  - name: gather
    run: stdbuf -oL sed 's/$/ z/'
"""


def run(*command, check=True):
    """Runs a command to its end; its output."""
    done = subprocess.run(
        command, env=CLEAN, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}")
    return done.stdout


def wait_for(what, holds):
    """Until it holds; the value that made it so."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        # Each look is a process of its own: pace enough.
        if value := holds():
            return value
    sys.exit(f"after {DEADLINE:.0f} s still not: {what}")


class Net:
    """Namespaces that are connected by a bridge in the first one."""

    def __init__(self, names):
        self.spaces = {name: f"leat-{os.getpid()}-{name}" for name in names}
        try:
            self.build(names)
        except BaseException:
            self.close()
            raise

    def build(self, names):
        hub = names[0]
        for space in self.spaces.values():
            run("ip", "netns", "add", space)
            self.inside(space, "ip", "link", "set", "lo", "up")
        space = self.spaces[hub]
        self.inside(space, "ip", "link", "add", "hub", "type", "bridge")
        self.inside(space, "ip", "addr", "add", NETWORK + "1/24", "dev", "hub")
        self.inside(space, "ip", "link", "set", "hub", "up")
        for i, name in enumerate(names[1:], 2):
            self.connect(hub, name, NETWORK + str(i))

    def inside(self, space, *command):
        return run("ip", "netns", "exec", space, *command)

    def connect(self, hub, name, address):
        inner = self.spaces[name]
        outer = self.spaces[hub]
        link = f"to-{name}"
        run("ip", "link", "add", link, "netns", outer, "type", "veth",
            "peer", "name", "eth0", "netns", inner)
        self.inside(outer, "ip", "link", "set", link, "master", "hub", "up")
        self.inside(inner, "ip", "addr", "add", address + "/24", "dev", "eth0")
        self.inside(inner, "ip", "link", "set", "eth0", "up")

    def set_link(self, hub, name, state):
        self.inside(self.spaces[hub], "ip", "link", "set", f"to-{name}", state)

    def command(self, name, *command):
        return ["ip", "netns", "exec", self.spaces[name], *command]

    def close(self):
        for space in self.spaces.values():
            run("ip", "netns", "delete", space, check=False)


def can_make_networks():
    """Whether this user may, here."""
    if shutil.which("ip", path=CLEAN["PATH"]) is None:
        return False
    name = f"leat-{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "true")
        run("ip", "netns", "delete", name)
    except RuntimeError:
        return False
    return True


class Cluster:
    """The programs of one test, each ended by its process id."""

    def __init__(self, leat, folder, net):
        self.leat = leat
        self.folder = folder
        self.net = net
        self.processes = []
        self.options = ["--broker", f"tcp://{NETWORK}1:5570", "--keys", f"{folder}/keys"]

    def start(self, place, *arguments):
        log = open(f"{self.folder}/{place}.log", "ab")  # pylint: disable=consider-using-with
        self.processes.append(
            subprocess.Popen(  # pylint: disable=consider-using-with
                self.net.command(place, self.leat, *arguments), env=CLEAN, stderr=log
            )
        )
        log.close()

    def ask(self, *arguments):
        return run(*self.net.command("broker", self.leat, *arguments, *self.options), check=False)

    def status(self):
        text = self.ask("status", "--json")
        try:
            return json.loads(text)
        except ValueError:
            return {"nodes": [], "pipelines": [], "text": text}

    def nodes(self):
        return {node["name"]: node for node in self.status()["nodes"]}

    def worked(self, node):
        """How many records that node has finished."""
        return sum(
            there["records_in"]
            for pipeline in self.status()["pipelines"]
            for stage in pipeline["stages"]
            for there in stage["nodes"]
            if there["node"] == node
        )

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def records(first, end):
    return "".join(f"{i}\n" for i in range(first, end)).encode()


def cut_and_heal(cluster, net, pipe):
    """Feeds the pipe in three parts; between them the first node's link goes down and up again.

    How many records that node had finished when it came back.
    """
    third = RECORDS // 3
    pipe.stdin.write(records(0, third))
    pipe.stdin.flush()
    wait_for("both nodes work", lambda: cluster.worked("a") and cluster.worked("b"))
    net.set_link("broker", "a", "down")
    pipe.stdin.write(records(third, 2 * third))
    pipe.stdin.flush()
    wait_for("the broker misses node a", lambda: "a" not in cluster.nodes())
    net.set_link("broker", "a", "up")
    wait_for("node a is back", lambda: cluster.nodes().get("a", {}).get("replicas", 0) > 0)
    before = cluster.worked("a")
    pipe.stdin.write(records(2 * third, RECORDS))
    pipe.stdin.close()
    return before


def check(leat, folder, net):
    cluster = Cluster(leat, folder, net)
    with contextlib.closing(cluster):
        run(leat, "keys", "new", f"{folder}/keys")
        with open(f"{folder}/far.yml", "w", encoding="ascii") as spec:
            spec.write(SPEC)
        cluster.start("broker", "broker", "--listen", f"tcp://{NETWORK}1:5570",
                      "--keys", f"{folder}/keys")
        for name in ("a", "b"):
            cluster.start(name, "node", "--name", name, *cluster.options)
        wait_for("both nodes are there", lambda: len(cluster.nodes()) == 2)
        deployed = cluster.ask("deploy", f"{folder}/far.yml")
        print(deployed)
        pipe = subprocess.Popen(  # pylint: disable=consider-using-with
            net.command("broker", leat, "pipe", "far", *cluster.options),
            env=CLEAN, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        cluster.processes.append(pipe)
        got = []
        reader = threading.Thread(target=lambda: got.append(pipe.stdout.read()))
        reader.start()
        before = cut_and_heal(cluster, net, pipe)
        reader.join(DEADLINE)
        if reader.is_alive():
            sys.exit(f"no end of the output; {cluster.status()}")
        expected = b"".join(b"a %d z\n" % i for i in range(RECORDS))
        if pipe.wait(DEADLINE) != 0:
            sys.exit(f"leat pipe ended with {pipe.returncode}")
        if got[0] != expected:
            sys.exit(f"the output differs: {len(got[0])} bytes instead of {len(expected)}")
        print({node: cluster.worked(node) for node in ("a", "b")})
        if cluster.worked("a") <= before:
            sys.exit("node a did not work again after it came back")


def main():
    leat = os.path.abspath(sys.argv[1])
    if not can_make_networks():
        print("no network namespaces here: skipped")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="leat-network-") as folder:
        net = Net(["broker", "a", "b"])
        with contextlib.closing(net):
            try:
                check(leat, folder, net)
            except BaseException:
                for place in net.spaces:
                    with contextlib.suppress(OSError):
                        with open(f"{folder}/{place}.log", encoding="utf-8") as log:
                            print(f"---- {place}:\n{log.read()}")
                raise


main()
