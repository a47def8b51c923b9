#!/usr/bin/python3
"""Never answers `hang`, nor anything after it, and does not read on."""

import signal
import sys

for line in sys.stdin:
    if line == "hang\n":
        signal.pause()
    print(line.upper(), end="", flush=True)
