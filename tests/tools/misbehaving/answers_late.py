#!/usr/bin/python3
"""A thread answers, while the main one reads on: an answer may come long after the next record
was read."""

import queue
import sys
import threading
import time


def answer(records):
    while (line := records.get()) is not None:
        time.sleep(0.002)
        print(line.upper(), end="", flush=True)


read = queue.Queue()
answering = threading.Thread(target=answer, args=(read,))
answering.start()
for record in sys.stdin:
    read.put(record)
read.put(None)
answering.join()
