#!/usr/bin/python3
"""Dies on some words: `exit`, `segv`, `kill`, and in the middle of the answer to `half`."""

import os
import signal
import sys

for line in sys.stdin:
    if line == "exit\n":
        sys.exit("this word is too much")
    if line == "segv\n":
        os.kill(os.getpid(), signal.SIGSEGV)
    if line == "kill\n":
        os.kill(os.getpid(), signal.SIGKILL)
    if line == "half\n":
        os.write(1, b"HA")
        os._exit(5)
    print(line.upper(), end="", flush=True)
