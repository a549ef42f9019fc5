"""KRPC by hand: an implementation of its own for tests, so that a mistake is not made twice."""
import os
import socket
import time


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    items = sorted((key.encode() if isinstance(key, str) else key, item)
                   for key, item in value.items())
    return b"d" + b"".join(encode(key) + encode(item) for key, item in items) + b"e"


def decode(data, at=0):
    """(value, end)"""
    if data[at:at + 1] == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if data[at:at + 1] == b"l":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = decode(data, at)
            items.append(item)
        return items, at + 1
    if data[at:at + 1] == b"d":
        items, at = {}, at + 1
        while data[at:at + 1] != b"e":
            key, at = decode(data, at)
            items[key], at = decode(data, at)
        return items, at + 1
    colon = data.index(b":", at)
    size = int(data[at:colon])
    return data[colon + 1:colon + 1 + size], colon + 1 + size


def compact(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + port.to_bytes(2, "big")


class Node:
    """A socket that speaks KRPC: asks, and answers what it is asked while it waits."""

    def __init__(self, host="127.0.0.1", port=0, node_id=None, answers=True,
                 read_only=False, names=()):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.host, self.port = self.socket.getsockname()[:2]
        self.id = node_id or os.urandom(20)
        self.answers = answers
        self.read_only = read_only  # BEP 43: nobody keeps us
        self.names = names  # nodes it tells of when asked
        self.last_size = 0

    def close(self):
        self.socket.close()

    def send(self, to, message):
        self.socket.sendto(message if isinstance(message, bytes) else encode(message), to)

    def query(self, to, method, seconds=2.0, **arguments):
        """The reply as a dictionary, or None after `seconds`."""
        tid = os.urandom(4)
        body = {"t": tid, "y": "q", "q": method,
                "a": {"id": self.id, **{key: value for key, value in arguments.items()}}}
        if self.read_only:
            body["ro"] = 1
        self.send(to, body)
        return self.receive(seconds, lambda m: m.get(b"t") == tid and m.get(b"y") != b"q")

    def receive(self, seconds, wanted=lambda message: False):
        """Serve for `seconds`, or until a wanted message comes: that message."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, sender = self.socket.recvfrom(65536)
            except (TimeoutError, socket.timeout):
                return None
            message, _ = decode(data)
            if wanted(message):
                self.last_size = len(data)
                return message
            if self.answers and message.get(b"y") == b"q":
                self.send(sender, {"t": message[b"t"], "y": "r",
                                   "r": {"id": self.id, "nodes": b"".join(
                                       node.id + compact(node.host, node.port)
                                       for node in self.names)}})
        return None
