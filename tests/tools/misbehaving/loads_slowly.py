#!/usr/bin/python3
"""Loads for a second, as a model does, and then answers in capitals."""

import sys
import time

time.sleep(1)
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
