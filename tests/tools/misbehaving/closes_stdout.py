#!/usr/bin/python3
"""Closes its standard output on `close`, and reads on."""

import os
import sys

for line in sys.stdin:
    if line == "close\n":
        os.close(1)
    try:
        os.write(1, line.upper().encode())
    except OSError:
        pass
