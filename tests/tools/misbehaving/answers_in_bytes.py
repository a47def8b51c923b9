#!/usr/bin/python3
"""Answers each number with 256 bytes of any value but a newline's."""

import sys

for line in sys.stdin:
    number = int(line)
    answer = bytes((number * i) % 256 for i in range(256)).replace(b"\n", b"")
    sys.stdout.buffer.write(answer + b"\n")
    sys.stdout.flush()
