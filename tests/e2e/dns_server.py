# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server that answers as a test tells it to, over UDP and TCP.

records maps (name, type) to a list of answers: an address, an MX as (preference, host), a CNAME as a
name, a TXT as text. What is not there, while the name is, has no data; an unknown name does not exist. rcodes maps a
name to another rcode, raw a (name, type) to the bytes behind the id of the whole message.
"""
import socket
import socketserver
import struct
import threading

A, CNAME, MX, TXT, AAAA = 1, 5, 15, 16, 28
NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5
UDP_MAX = 512


def labels(name):
    """As it stands in a message; a label may hold anything."""
    parts = [part for part in name.split(".") if part]
    return b"".join(bytes([len(part)]) + part.encode("latin-1") for part in parts) + b"\0"


def data_of(kind, value):
    if kind == A:
        return socket.inet_pton(socket.AF_INET, value)
    if kind == AAAA:
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == MX:
        return struct.pack("!H", value[0]) + labels(value[1])
    if kind == TXT:
        return bytes([len(value)]) + value.encode("ascii")
    return labels(value)


def read_question(message):
    at, parts = 12, []
    while message[at]:
        parts.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    kind, = struct.unpack("!H", message[at + 1:at + 3])
    return ".".join(parts).lower(), kind, message[12:at + 5]


class Server:
    def __init__(self, records=None, rcodes=None, raw=None, ttl=60, address=("127.0.0.1", 0)):
        self.records = records or {}
        self.rcodes = rcodes or {}
        self.raw = raw or {}
        self.ttl = ttl
        self.asked = []  # (name, type, whether over TCP)
        server = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                message, sock = self.request
                sock.sendto(server.answer(message, False), self.client_address)

        class Stream(socketserver.StreamRequestHandler):
            def handle(self):
                while len(head := self.rfile.read(2)) == 2:
                    reply = server.answer(self.rfile.read(struct.unpack("!H", head)[0]), True)
                    self.wfile.write(struct.pack("!H", len(reply)) + reply)

        # Both on one port: that of the one may be taken for the other.
        for attempt in range(20):
            self.udp = socketserver.UDPServer(address, Datagram)
            self.port = self.udp.server_address[1]
            try:
                self.tcp = socketserver.ThreadingTCPServer((address[0], self.port), Stream)
                break
            except OSError:
                self.udp.server_close()
                if attempt == 19:
                    raise
        self.tcp.daemon_threads = True
        self.threads = [threading.Thread(target=part.serve_forever, args=(0.05,), daemon=True)
                        for part in (self.udp, self.tcp)]
        for thread in self.threads:
            thread.start()

    @property
    def where(self):
        return f"127.0.0.1:{self.port}"

    def answer(self, message, over_tcp):
        name, kind, question = read_question(message)
        self.asked.append((name, kind, over_tcp))
        if (name, kind) in self.raw:
            return message[:2] + self.raw[name, kind]
        known = {given for given, _ in self.records}
        rcode = self.rcodes.get(name, 0 if name in known else NXDOMAIN)
        answers = []
        while (name, CNAME) in self.records and kind != CNAME:
            target, = self.records[name, CNAME]
            answers.append((name, CNAME, target))
            name = target
        answers += [(name, kind, value) for value in self.records.get((name, kind), ())]
        body = b"".join(labels(owner) + struct.pack("!HHIH", of, 1, self.ttl, len(data)) + data
                        for owner, of, value in answers
                        for data in [data_of(of, value)])
        flags = 0x8180 | rcode
        if not over_tcp and 12 + len(question) + len(body) > UDP_MAX:
            flags, body, answers = flags | 0x0200, b"", []
        return message[:2] + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0) + question + body

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in (self.udp, self.tcp):
            part.shutdown()
            part.server_close()
        for thread in self.threads:
            thread.join(10)
