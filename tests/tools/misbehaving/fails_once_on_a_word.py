#!/usr/bin/python3
"""Dies the first time that it is given `once`, and leaves a file that says so."""

import os
import sys

for line in sys.stdin:
    if line == "once\n" and not os.path.exists("failed-once"):
        with open("failed-once", "w", encoding="ascii"):
            sys.exit(9)
    print(line.upper(), end="", flush=True)
