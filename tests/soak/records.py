#!/usr/bin/python3
"""Writes records without end in memory: the same ones for the same kind, count and seed.

    records.py KIND COUNT SEED
"""

import json
import random
import signal
import sys

LICENCE = "/usr/share/common-licenses/GPL-3"
BLOCK = 5000


def tails(seed):
    """Pieces of text that follow a record's number; a prime number of them."""
    chance = random.Random(seed)
    with open(LICENCE, encoding="utf-8") as file:
        words = file.read().split()
    lengths = [chance.choice([0, 1, 3, 8, 8, 12, 20]) for _ in range(1997)]
    return [" ".join(chance.choices(words, k=length)) for length in lengths]


def lines(seed):
    """A number and some words; some lines are long, and some not ASCII."""
    found = tails(seed)
    found[7] = "long " * 2000
    found[11] = "Zürich 東京 🙂"
    return [b" " + tail.encode() + b"\n" for tail in found], b"%d%s"


def short(seed):
    """The same, none of them long."""
    return [b" " + tail.encode() + b"\n" for tail in tails(seed)], b"%d%s"


def objects(seed):
    """A JSON object in each line."""
    return [json.dumps({"text": tail, "n": len(tail)}).encode()[1:] + b"\n"
            for tail in tails(seed)], b'{"id":%d,%s'


def sums(seed):
    """Expressions for bc."""
    chance = random.Random(seed)
    return [f" {chance.choice('+-*')} {chance.randint(1, 10**9)}\n".encode()
            for _ in range(1997)], b"%d%s"


KINDS = {"lines": lines, "short": short, "objects": objects, "sums": sums}


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    kind, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ends, form = KINDS[kind](seed)
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        sys.stdout.buffer.write(
            b"".join([form % (i, ends[i % len(ends)]) for i in range(begin, end)]))


if __name__ == "__main__":
    main()
