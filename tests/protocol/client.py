#!/usr/bin/python3
"""A client made of docs/protocol.md and nothing else. client.py send|recv ADDRESS PIPELINE PRODUCER
sends the lines of standard input as that producer, or prints what became of them."""
import os, select, struct, sys, uuid, msgpack, zmq

OPEN_SESSION, SUBMIT, END_OF_INPUT, TAKEN = 49, 50, 51, 52
SESSION_STATE, DELIVERY, SESSION_FAILED, REFUSED, SEND, RECEIVE = 65, 66, 67, 68, 1, 2

class Session:
    def __init__(self, address, pipeline, name, use, group="", producer=""):
        self.front = zmq.Context.instance().socket(zmq.DEALER)
        self.front.routing_id, self.front.hwm = uuid.uuid4().hex.encode(), 0
        self.front.connect(address)
        self.id, self.use, self.arrived, self.heard, self.taken, self.beat = None, use, [], 0, 0, 0
        opening = [OPEN_SESSION, 1, pipeline, name, 1, 0, use, group, producer, False]
        while not self.id: self.tell(opening), self.hear()
    def tell(self, header, *payload):
        self.front.send_multipart([msgpack.packb(header), *payload])
    def ask(self, kind=None, *fields, payload=()):  # Waits for the state; in vain after a loss.
        if kind: self.tell([kind, self.id, 1, *fields], *payload)
        self.beat += 1
        self.tell([TAKEN, self.id, 1, self.taken, self.beat])
        while self.answered < self.beat and self.hear(): pass
        if self.use == RECEIVE and self.made > self.heard: sys.exit("a delivery was lost")
    def hear(self):  # False when nothing came for a second.
        if not self.front.poll(1000): return False
        header, *payload = self.front.recv_multipart()
        kind, *fields = msgpack.unpackb(header, unicode_errors="surrogateescape")
        if kind in (SESSION_FAILED, REFUSED): sys.exit(": ".join(fields[:2]))
        if kind == SESSION_STATE:
            self.id, _, self.next, self.credit, self.has_end, self.made, self.answered = fields[:7]
        if kind == DELIVERY and fields[2] == self.heard + 1:  # Not repeated, nor behind a lost one.
            self.heard += 1
            self.arrived.append((fields, payload))
        return True

def send(session, total=0, cost=0, rest=b"", data=b"-"):
    while data:
        while not select.select([0], [], [], 1)[0]: session.ask()  # A sign of life.
        data = os.read(0, 1 << 16)
        *lines, rest = (rest + data + b"\n" * (not data and rest > b"")).split(b"\n")
        payload = struct.pack(f"<{len(lines)}I", *map(len, lines)), b"\n".join([*lines, b""])
        while cost >= session.credit: session.hear() or session.ask()
        while session.next < total + len(lines):  # The same again if it was lost.
            session.ask(SUBMIT, total, [len(lines), b"\n", []], payload=payload)
        total, cost = total + len(lines), cost + len(payload[0] + payload[1])
    while not session.has_end: session.ask(END_OF_INPUT, total)  # Then all is accepted.

def receive(session, is_last=False):
    while not is_last:
        while not session.arrived: session.hear() or session.ask()
        (_, _, session.taken, _, _, letters, _, is_last, *_), payload = session.arrived.pop(0)
        sys.stdout.buffer.write(payload[1])
        sys.stdout.buffer.flush()
        for failure, stage, *_ in letters: print(f"{stage}: {failure[5]}", file=sys.stderr)
        session.ask()  # Says that it is taken, and waits until that is heard.

what, address, pipeline, producer = sys.argv[1:]
if what == "send": send(Session(address, pipeline, producer, SEND))
else: receive(Session(address, pipeline, uuid.uuid4().hex, RECEIVE, "default", producer))
