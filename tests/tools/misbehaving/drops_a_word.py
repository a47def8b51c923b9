#!/usr/bin/python3
"""Never answers `drop`."""

import sys

for line in sys.stdin:
    if line != "drop\n":
        print(line.upper(), end="", flush=True)
