#!/usr/bin/python3
"""Prints a banner while it loads, and then answers each record when it has the next one. So the
banner takes the first answer's place."""

import sys
import time

time.sleep(0.2)
print("misbehaving 1.0", flush=True)
time.sleep(0.2)
held = ""
for line in sys.stdin:
    print(held.upper(), end="", flush=True)
    held = line
print(held.upper(), end="")
