# SPDX-License-Identifier: BSD-2-Clause
"""A SOCKS5 proxy (RFC 1928, 1929) that knows BIND in front of CONNECT as KumoMTA's does.

A script maps a stage (method, login, bind, connect) to the bytes that are sent there instead of what
belongs there; None ends the connection, "" says nothing any more.
"""
import socket
import struct
import threading

GOOD = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Over(Exception):
    """The dialogue has come to its end."""


class Proxy:
    def __init__(self, script=None, credentials=None):
        self.script = script or {}
        self.credentials = credentials
        self.requests = []  # (command, address, port)
        self.logins = []
        self.sockets = []
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.begin(self.accept)

    def begin(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            self.begin(self.serve, sock)

    @staticmethod
    def read(sock, count):
        data = b""
        while len(data) < count:
            more = sock.recv(count - len(data))
            if not more:
                raise Over
            data += more
        return data

    def say(self, sock, stage, usual):
        answer = self.script.get(stage, usual)
        if answer is None:
            raise Over
        if answer == "":
            while sock.recv(4096):
                pass
            raise Over
        sock.sendall(answer)
        if answer != usual and stage != "method":
            raise Over

    def serve(self, sock):
        try:
            self.talk(sock)
        except (Over, OSError):
            pass
        finally:
            self.end(sock)

    @staticmethod
    def end(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()

    def talk(self, sock):
        version, count = self.read(sock, 2)
        methods = self.read(sock, count)
        assert version == 5
        wanted = 2 if self.credentials else 0
        self.say(sock, "method", bytes([5, wanted if wanted in methods else 0xff]))
        if self.credentials:
            given = []
            assert self.read(sock, 1) == b"\x01"
            for _ in range(2):
                given.append(self.read(sock, self.read(sock, 1)[0]).decode())
            self.logins.append(tuple(given))
            self.say(sock, "login", b"\x01\x00" if tuple(given) == self.credentials else b"\x01\x01")
        self.requests_of(sock)

    def requests_of(self, sock):
        source = None
        while True:
            _, command, _, kind = self.read(sock, 4)
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            address = socket.inet_ntop(family, self.read(sock, size))
            port, = struct.unpack("!H", self.read(sock, 2))
            self.requests.append(("connect" if command == 1 else "bind", address, port))
            if command == 2:
                source = (address, port)
                self.say(sock, "bind", GOOD)
                continue
            other = socket.create_connection((address, port), 10, source)
            other.settimeout(None)
            self.sockets.append(other)
            # The first words of the host come with the answer: nothing may be read beyond it.
            first = other.recv(4096)
            self.say(sock, "connect", self.script.get("connect", GOOD + first))
            self.begin(self.pump, other, sock)
            self.pump(sock, other)
            return

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        self.end(sink)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(self.listener)
        for sock in self.sockets:
            self.end(sock)
        for thread in list(self.threads):
            thread.join(10)
