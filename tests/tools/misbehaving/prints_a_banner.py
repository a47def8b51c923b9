#!/usr/bin/python3
"""Two lines about itself, then answers. With an argument it loads before and after these."""

import sys
import time

if len(sys.argv) > 1:
    time.sleep(0.2)
print("misbehaving 1.0\nready", flush=True)
if len(sys.argv) > 1:
    time.sleep(0.2)
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
