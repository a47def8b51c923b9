#!/usr/bin/python3
"""Answers each record when it has the next one, and the last at the end."""

import sys

held = ""
for line in sys.stdin:
    print(held.upper(), end="", flush=True)
    held = line
print(held.upper(), end="")
