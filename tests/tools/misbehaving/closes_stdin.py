#!/usr/bin/python3
"""Answers `close`, closes its standard input, and sleeps."""

import os
import signal

rest = b""
while piece := os.read(0, 4096):
    *lines, rest = (rest + piece).split(b"\n")
    for line in lines:
        os.write(1, line.upper() + b"\n")
        if line == b"close":
            os.close(0)
            signal.pause()
