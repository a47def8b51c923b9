#!/usr/bin/python3
"""Keeps a megabyte for each record; `huge` needs more than any limit of the tests."""

import sys

kept = []
for line in sys.stdin:
    kept.append(bytearray(2**34 if line == "huge\n" else 2**20))
    print(line.upper(), end="", flush=True)
