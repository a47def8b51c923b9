#!/usr/bin/python3
"""Prints without end on `flood`; on `stream` without a newline."""

import os
import sys

for line in sys.stdin:
    while line in ("flood\n", "stream\n"):
        os.write(1, (b"flood\n" if line == "flood\n" else b"stream") * 10000)
    print(line.upper(), end="", flush=True)
