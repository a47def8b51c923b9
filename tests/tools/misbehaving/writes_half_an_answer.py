#!/usr/bin/python3
"""Writes its answers in two pieces, with the second one after a moment."""

import sys
import time

for line in sys.stdin:
    answer = line.upper()
    sys.stdout.write(answer[:1])
    sys.stdout.flush()
    time.sleep(0.001)
    sys.stdout.write(answer[1:])
    sys.stdout.flush()
