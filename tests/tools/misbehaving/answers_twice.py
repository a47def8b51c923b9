#!/usr/bin/python3
"""Answers `twice` twice, in one write."""

import sys

for line in sys.stdin:
    print(line.upper() * (2 if line == "twice\n" else 1), end="", flush=True)
