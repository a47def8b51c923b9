#!/usr/bin/python3
"""Ignores SIGTERM, and stays after the end of its input."""

import signal
import sys

signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
while True:
    signal.pause()
