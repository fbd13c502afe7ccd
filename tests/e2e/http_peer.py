# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP server that answers as a test tells it to, and keeps what it was sent.

A test gives it a function: request -> answer, called for each request, in the thread of its
connection. An answer is a status, or an Answer, or a function that gets the socket and does what it
wants with it, after which the connection is closed.
"""
import gzip
import json
import socket
import ssl
import struct
import subprocess
import threading


class Answer:
    """What is sent back."""

    def __init__(self, status, body=b"", **fields):
        self.status, self.body = status, body
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}

    def bytes(self):
        head = f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}\r\n"
        for name, value in {"Content-Length": len(self.body), **self.fields}.items():
            head += f"{name}: {value}\r\n"
        return head.encode() + b"\r\n" + self.body


REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


def reset(sock):
    """Ends the connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(sock):
    """Says nothing until the client goes."""
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def half(sock):
    """Promises more than it gives."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")


class Request:
    """One request: fields by lower-case name, the bytes as they came, and which connection."""

    def __init__(self, line, fields, raw, connection):
        self.line, self.fields, self.raw, self.connection = line, fields, raw, connection
        self.body = raw
        if fields.get("content-encoding") == "gzip":
            self.body = gzip.decompress(raw)

    @property
    def key(self):
        return self.fields.get("idempotency-key")

    @property
    def records(self):
        """What is in it, whether an array or one object."""
        found = json.loads(self.body)
        return found if isinstance(found, list) else [found]

    @property
    def ids(self):
        return [int(record["id"], 16) for record in self.records]


class Peer:
    """The server. tls: an ssl.SSLContext; pace: is called before each piece that is read."""

    def __init__(self, answer=200, tls=None, port=0, pace=None):
        self.answer = answer
        self.pace = pace
        self.tls = tls
        self.requests = []   # that were read to their end
        self.accepted = []   # those with an answer of 2xx
        self.connections = 0
        self.open = 0        # of them, now
        self.most = 0        # at the same time
        self.failures = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/events"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open += 1
                self.most = max(self.most, self.open)
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            with sock:
                if self.tls:
                    with self.tls.wrap_socket(sock, server_side=True) as secure:
                        self._talk(secure, number)
                else:
                    self._talk(sock, number)
        except (OSError, EOFError):
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(failure)
        finally:
            with self.lock:
                self.open -= 1

    def _talk(self, sock, number):
        with sock.makefile("rb") as stream:
            while (request := self._read(stream, number)) is not None:
                answer = self.answer(request) if callable(self.answer) else self.answer
                if callable(answer):
                    with self.lock:
                        self.requests.append(request)
                    answer(sock)
                    return
                if isinstance(answer, int):
                    answer = Answer(answer)
                with self.lock:
                    self.requests.append(request)
                    if 200 <= answer.status <= 299:
                        self.accepted.append(request)
                sock.sendall(answer.bytes())
                if answer.fields.get("Connection") == "close":
                    return

    def _read(self, stream, number):
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        fields = {}
        while (field := stream.readline().decode("latin-1").rstrip("\r\n")):
            name, _, value = field.partition(":")
            fields[name.lower()] = value.strip()
        left, raw = int(fields.get("content-length", 0)), b""
        while self.pace and left > len(raw):
            self.pace()
            raw += stream.read(min(left - len(raw), 10000))
        raw += stream.read(left - len(raw))
        return Request(line, fields, raw, number)

    @property
    def ids(self):
        """Of all records that were accepted."""
        with self.lock:
            return [number for request in self.accepted for number in request.ids]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.listener.close()
        if kind is None and self.failures:
            raise self.failures[0]


class Socks:
    """A SOCKS5 proxy (RFC 1928) that knows names of its own. names: name -> ("127.0.0.1", port)."""

    def __init__(self, names):
        self.names = names
        self.asked = []  # (name, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, sock.makefile("rb") as stream:
            _, methods = stream.read(2)
            stream.read(methods)
            sock.sendall(b"\x05\x00")
            _, _, _, kind = stream.read(4)
            name = stream.read(stream.read(1)[0]).decode() if kind == 3 else f"address of type {kind}"
            port, = struct.unpack("!H", stream.read(2))
            self.asked.append((name, port))
            target = self.names.get(name)
            if kind != 3 or target is None:
                sock.sendall(b"\x05\x04\x00\x01\0\0\0\0\0\0")
                return
            with socket.create_connection(target) as far:
                sock.sendall(b"\x05\x00\x00\x01\0\0\0\0\0\0")
                back = threading.Thread(target=self._copy, args=(far, sock), daemon=True)
                back.start()
                self._copy(sock, far)
                back.join()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


# ---- certificates ----

def make_certificates(folder):
    """An authority, a certificate of "localhost" and one of a client, each with a key beside it."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=Test authority", "-days", "2")
    for name, subject in (("server", "localhost"), ("client", "dsnarf")):
        openssl("req", *curve, "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={subject}", "-addext", f"subjectAltName=DNS:{subject}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-copy_extensions", "copy")


def server_context(folder, client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f"{folder}/ca.pem")
    return context
