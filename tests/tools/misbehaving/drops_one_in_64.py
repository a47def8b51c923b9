#!/usr/bin/python3
"""Does not answer the 64th record that it is given, the 128th, and so on."""

import sys

for number, line in enumerate(sys.stdin, 1):
    if number % 64:
        print(line.upper(), end="", flush=True)
