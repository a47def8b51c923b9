#!/usr/bin/python3
"""Writes 100 kB to standard error for each record."""

import sys

for line in sys.stdin:
    sys.stderr.write("nothing of importance\n" * 4600)
    sys.stderr.flush()
    print(line.upper(), end="", flush=True)
