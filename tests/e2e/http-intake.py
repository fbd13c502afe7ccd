#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The HTTP intake: every answer, who may post, what is slow, huge, compressed or broken, overload."""
import base64
import concurrent.futures
import contextlib
import gzip
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time
import zlib

import lib
from lib import expect

TOKEN = "s3cret-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
KIB, MIB = 1024, 1024 * 1024


def settings(**changes):
    """Those of most cases; keys with "__" for "."."""
    return {"http.token": TOKEN,
            **{key.replace("__", "."): value for key, value in changes.items()}}


def ignored(number):
    """A record that nobody wants: the least work for the daemon."""
    return lib.record(number, type="Delivery")


class Peer:
    """A connection that says what it likes."""

    def __init__(self, daemon, timeout=lib.PATIENCE):
        listen = daemon.settings["http.listen"]
        if listen.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(listen[len("unix:"):])
        else:
            self.socket = socket.create_connection(("127.0.0.1", daemon.port), timeout)
        self.input = b""

    def send(self, data):
        self.socket.sendall(data)

    def post(self, body, headers=None, path="/v1/records", length=None):
        """Sends a whole request. headers: over the token."""
        self.send(request("POST", path, body, {**BEARER, **(headers or {})}, length))

    def more(self):
        """False at the end of the stream, which a reset is too."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.input += piece
        return piece != b""

    def answer(self, method="POST"):
        """The next answer: status, header fields in lower case, body; None if there is none."""
        while b"\r\n\r\n" not in self.input:
            if not self.more():
                expect(self.input, b"", "rest of an answer")
                return None
        head, self.input = self.input.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        if status in (100, 204) or method == "HEAD":
            length = 0
        while len(self.input) < length:
            if not self.more():
                raise lib.Failure("the connection was closed in the middle of an answer")
        body, self.input = self.input[:length], self.input[length:]
        return status, fields, body

    def status(self):
        answer = self.answer()
        return answer and answer[0]

    def counts(self):
        """What the answer of /v1/records says."""
        status, _, body = self.answer()
        expect(status, 200, "status")
        return json.loads(body)

    def is_closed(self):
        return not self.more()

    def reset(self):
        """Closes without any courtesy."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def request(method, path, body=b"", headers=None, length=None):
    fields = {"Host": "dsnarf", **(headers or {})}
    if body or length is not None or method == "POST":
        fields.setdefault("Content-Length", len(body) if length is None else length)
    return (f"{method} {path} HTTP/1.1\r\n" +
            "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None) +
            "\r\n").encode("latin-1") + body


def ask(daemon, method, path, body=b"", headers=None):
    with Peer(daemon) as peer:
        peer.send(request(method, path, body, headers))
        return peer.answer(method)


def post(daemon, elements, headers=None):
    with Peer(daemon) as peer:
        peer.post(json.dumps(elements).encode(), headers)
        return peer.counts()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refused(daemon, cause):
    return daemon.metrics()[f'dsnarf_http_refused_total{{cause="{cause}"}}']


def expect_one_a_minute(daemon, pattern, since):
    """Lines of the log that may come again only after a minute."""
    most = 1 + int((time.monotonic() - since) // 60)
    expect(1 <= len(daemon.logged(pattern)) <= most, True, f"lines in a minute: {pattern}")


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def is_sanitized():
    with open(lib.PROGRAM, "rb") as file:
        return re.search(rb"__[at]san_init", file.read()) is not None


def peak_memory(daemon):
    with open(f"/proc/{daemon.child.pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KIB
    raise lib.Failure("no VmHWM")


# ---- answers ----

def every_answer(folder):
    null_sender = json.dumps(lib.element(2, sender="")).encode()
    rows = (
        ("GET", "/healthz", b"", {}, 200, {"content-type": "text/plain"}),
        ("HEAD", "/healthz", b"", {}, 200, {"content-length": "6"}),
        ("GET", "/healthz?x=y", b"", {}, 200, {}),
        ("GET", "/readyz", b"", {}, 200, {}),
        ("GET", "/metrics", b"", {},
         200, {"content-type": "text/plain; version=0.0.4; charset=utf-8"}),
        ("HEAD", "/metrics", b"", {}, 200, {}),
        ("POST", "/metrics", b"x", {}, 405, {"allow": "GET, HEAD"}),
        ("GET", "/", b"", {}, 404, {}),
        ("GET", "/v1/records/", b"", BEARER, 404, {}),
        ("GET", "/v1/messages", b"", BEARER, 405, {"allow": "POST"}),
        ("POST", "/v1/messages", b"x", {}, 401, {"www-authenticate": 'Bearer realm="dsnarf"'}),
        ("POST", "/v1/messages", b"x", BEARER,
         200, {"content-type": "application/json", "dsnarf-reason": "not-a-report"}),
        ("POST", "/v1/messages", b"", BEARER, 400, {"content-type": "application/json"}),
        ("POST", "/v1/messages", b"x", {**BEARER, "Content-Encoding": "br"}, 415, {}),
        ("POST", "/v1/messages", b"x", {**BEARER, "Content-Encoding": "gzip"}, 400, {}),
        ("GET", "/v1/records", b"", BEARER, 405, {"allow": "POST"}),
        ("PUT", "/v1/notice", b"x", BEARER, 405, {"allow": "POST"}),
        ("POST", "/v1/records", b"[]", BEARER, 200, {"content-type": "application/json"}),
        ("POST", "/v1/records", b"", BEARER, 200, {}),
        ("POST", "/v1/records", b"\0not JSON", BEARER, 200, {}),
        ("POST", "/v1/records", b"[]", {}, 401, {"www-authenticate": 'Bearer realm="dsnarf"'}),
        ("POST", "/v1/notice", b"[]", {}, 401, {}),
        ("POST", "/v1/records", b"[]", {**BEARER, "Content-Encoding": "identity"}, 200, {}),
        ("POST", "/v1/records", b"[]", {**BEARER, "Content-Encoding": "br"},
         415, {"accept-encoding": "gzip, zstd"}),
        ("POST", "/v1/records", b"[]", {**BEARER, "Content-Encoding": "gzip, zstd"}, 415, {}),
        ("POST", "/v1/records", b"[]", {**BEARER, "Content-Encoding": "gzip"}, 400, {}),
        ("POST", "/v1/records", b"", {**BEARER, "Content-Encoding": "zstd"}, 400, {}),
        ("POST", "/v1/notice", json.dumps(lib.element(1)).encode(), BEARER,
         200, {"content-type": "message/rfc822"}),
        ("POST", "/v1/notice", null_sender, BEARER, 204, {"dsnarf-reason": "null-sender"}),
        ("POST", "/v1/notice", b"{", BEARER, 422, {"content-type": "application/json"}),
        ("POST", "/v1/notice", b"", BEARER, 422, {}),
    )
    with lib.Daemon(folder, settings()) as daemon:
        for method, path, body, headers, status, fields in rows:
            row = f"{method} {path} {body[:20]!r} {headers}"
            answer = ask(daemon, method, path, body, headers)
            expect(answer and answer[0], status, row)
            for name, value in fields.items():
                expect(answer[1].get(name), value, f"{row}: {name}")
            if status >= 400:
                expect(list(json.loads(answer[2])), ["reason"], f"{row}: body")
        with Peer(daemon) as peer:
            peer.send(request("HEAD", "/metrics"))
            expect(peer.answer("HEAD")[2] + peer.input, b"", "body of HEAD")


def what_became_of_elements(folder):
    with lib.Daemon(folder, settings()) as daemon:
        elements = [lib.element(1), ignored(2), lib.element(3, sender=""), {"type": 7}, lib.element(1)]
        first = post(daemon, elements)
        expect(list(first), ["accepted", "duplicate", "ignored", "rejected", "reasons"], "members")
        expect((first["accepted"], first["duplicate"], first["ignored"]), (2, 1, 1), "counts")
        expect([entry["index"] for entry in first["rejected"]], [3], "rejected")
        expect(first["rejected"][0]["reason"] != "", True, "reason of a rejected element")
        expect(first["reasons"], {"null-sender": 1}, "reasons")
        second = post(daemon, elements)  # what made no notice left no key
        expect((second["accepted"], second["duplicate"]), (1, 2), "counts the second time")


def a_notice_is_kept_nowhere(folder):
    with lib.Daemon(folder, settings()) as daemon:
        body = json.dumps(lib.element(1)).encode()
        for _ in range(2):
            status, _, notice = ask(daemon, "POST", "/v1/notice", body, BEARER)
            expect(status, 200, "status")
            expect(b"Content-Type: multipart/report" in notice, True, "a report")
        expect(daemon.queue("list", "--json")[:2], (0, ""), "the queue")
        expect(post(daemon, [lib.element(1)])["accepted"], 1, "accepted: it left no key")


# ---- messages ----

def parsed(daemon, message):
    """What dsnarf parse prints of it."""
    done = subprocess.run([lib.PROGRAM, "parse", "-c", daemon.configuration, "-"], input=message,
                          capture_output=True, check=True)
    value = json.loads(done.stdout)
    del value["file"]
    return value


def post_message(daemon, message, headers=None):
    """The status, the reason, and what was read."""
    status, fields, body = ask(daemon, "POST", "/v1/messages", message, {**BEARER, **(headers or {})})
    expect(body[-1:], b"\n", "end of the answer")
    expect(body.count(b"\n"), 1, "lines of the answer")
    return status, fields.get("dsnarf-reason"), json.loads(body)


def messages(folder):
    """The answer is that of parse, and the records are on disk by then."""
    records = os.path.join(folder, "records")
    inbox = os.path.join(folder, "inbox")
    lib.make_maildir(inbox)
    dsn, mail = lib.example("dsn.eml"), lib.example("original.eml")
    rows = (
        (lib.feedback(1), {}, None),
        (lib.feedback(1), {}, "duplicate"),
        (lib.crlf(lib.feedback(1)), {}, "duplicate"),
        (dsn, {}, None),
        (mail, {}, "not-a-report"),
        (b"\0\xff\r\r\n", {}, "not-a-report"),
        (lib.feedback(2), {"Content-Encoding": "gzip"}, None),
        (lib.feedback(3), {"Content-Encoding": "zstd"}, None),
    )
    change = settings(file__out__path=records, maildir__in__path=inbox)
    with lib.Daemon(folder, change) as daemon:
        for number, (message, headers, reason) in enumerate(rows):
            coding = headers.get("Content-Encoding")
            body = {None: lambda data: data, "gzip": gzip.compress, "zstd": zstd}[coding](message)
            answer = post_message(daemon, body, headers)
            expect(answer, (200, reason, parsed(daemon, message)), f"row {number}")
        daemon.kill9()  # what was answered is there
        daemon.start()
        lib.wait_until(lambda: len(lib.json_lines(records)) == 4, "the records")
        expect([record["type"] for record in lib.json_lines(records)],
               ["Feedback", "OOB", "Feedback", "Feedback"], "types")
        with open(os.path.join(inbox, "tmp", "1"), "wb") as file:  # by another road, the same
            file.write(lib.feedback(1))
        os.rename(os.path.join(inbox, "tmp", "1"), os.path.join(inbox, "new", "1"))
        lib.wait_until(lambda: not os.listdir(os.path.join(inbox, "new")), "the file is read")
        expect(post_message(daemon, lib.feedback(4))[1], None, "reason")
        lib.wait_until(lambda: len(lib.json_lines(records)) == 5, "one more record")
        counts = daemon.metrics()
        expect((counts['dsnarf_messages_total{intake="http",result="consumed"}'],
                counts['dsnarf_not_done_total{reason="duplicate"}']), (1, 1), "counted since the start")
        expect(len(daemon.logged("peer=127.0.0.1 .*report=feedback-report .*verdict=accept")) >= 2, True, "log")
        status, out, _ = daemon.queue("status")
        expect(status, 0, out)


def large_messages(folder):
    change = settings(limits__message=MIB, http__body=4 * MIB, http__inflated=4 * MIB)
    fits = lib.feedback(1) + b"x" * (MIB - len(lib.feedback(1)))
    with lib.Daemon(folder, {**change, "file.out.path": os.path.join(folder, "records")}) as daemon:
        for body, headers, status in ((fits, {}, 200), (fits + b"x", {}, 413),
                                      (gzip.compress(fits + b"x"), {"Content-Encoding": "gzip"}, 413),
                                      (b"x" * (4 * MIB + 1), {}, 413)):
            expect(post_message(daemon, body, headers)[0], status, f"{len(body)} {headers}")
        lib.wait_until(lambda: len(lib.json_lines(os.path.join(folder, "records"))) == 1, "a record")
        expect(len(daemon.logged("verdict=reject .*larger than limits.message")), 2, "logged")
        expect(daemon.metrics()['dsnarf_messages_total{intake="http",result="failed"}'], 2, "counted")


# ---- who may post ----

def tokens(folder):
    rows = (
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer   {TOKEN} "}, 200),
        ({"Authorization": TOKEN}, 200),
        ({"Authorization": basic("kumo", TOKEN)}, 200),
        ({"Authorization": basic(TOKEN, "")}, 200),
        ({"Authorization": basic("", TOKEN)}, 200),
        ({"Authorization": basic("a", "b")}, 401),
        ({"Authorization": basic(TOKEN, "").rstrip("=")[:-3]}, 401),
        ({"Authorization": "Basic " + base64.b64encode(TOKEN.encode()).decode()}, 401),
        ({"Authorization": "Basic"}, 401),
        ({"Authorization": "Basic !!!!"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": TOKEN[:-1]}, 401),
        ({"Authorization": TOKEN + "x"}, 401),
        ({"Authorization": TOKEN.upper()}, 401),
        ({"Authorization": f"Digest {TOKEN}"}, 401),
        ({"X-Token": TOKEN}, 401),
        ({}, 401),
    )
    with lib.Daemon(folder, settings()) as daemon:
        started = time.monotonic()
        for headers, status in rows:
            expect(ask(daemon, "POST", "/v1/records", b"[]", headers)[0], status, str(headers))
        expect(refused(daemon, "token"), sum(status == 401 for _, status in rows), "counted")
        expect_one_a_minute(daemon, "refused=token peer=127.0.0.1", started)
        expect(TOKEN in daemon.log(), False, "the token is in the log")


def tokens_in_another_header(folder):
    with lib.Daemon(folder, settings(http__header="X-PING8-Kumo-Token")) as daemon:
        for headers, status in (({"X-Ping8-Kumo-Token": TOKEN}, 200),
                                ({"X-PING8-Kumo-Token": f"Bearer {TOKEN}"}, 401),
                                ({"X-PING8-Kumo-Token": basic("", TOKEN)}, 401),
                                (BEARER, 401)):
            expect(ask(daemon, "POST", "/v1/records", b"[]", headers)[0], status, str(headers))


def senders_of_a_token(folder):
    clients = {"http.client.acme.token": "of-acme", "http.client.acme.senders": ["*@acme.example"]}
    with lib.Daemon(folder, {**settings(), **clients}) as daemon:
        def reasons(number, sender, token):
            element = lib.element(number, sender=sender)
            return post(daemon, [element], {"Authorization": token})["reasons"]

        expect(reasons(1, "news@acme.example", "of-acme"), {}, "its own")
        expect(reasons(2, "news@other.example", "of-acme"), {"sender-not-bound": 1}, "another's")
        expect(reasons(3, "news@other.example", TOKEN), {}, "of the token of everybody")
        expect(ask(daemon, "POST", "/v1/records", b"[]", {"Authorization": "of"})[0], 401, "unknown")


def no_token_on_loopback(folder):
    with lib.Daemon(folder, settings(http__token="none")) as daemon:
        expect(ask(daemon, "POST", "/v1/records", b"[]")[0], 200, "none")
        expect(ask(daemon, "POST", "/v1/records", b"[]", {"Authorization": "x"})[0], 200, "any")


def networks(folder):
    with lib.Daemon(folder, settings(http__trusted=["10.0.0.0/8"])) as daemon:
        started = time.monotonic()
        for method, path in (("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/none"),
                             ("POST", "/v1/records")):
            expect(ask(daemon, method, path, b"", BEARER)[0], 403, path)
        for length in (1, 1000, 50 * MIB):  # a body of any size is not waited for
            with Peer(daemon) as peer:
                peer.send(request("POST", "/v1/records", b"", BEARER, length))
                expect(peer.status(), 403, "before the body")
                expect(peer.is_closed(), True, "closed")
        expect_one_a_minute(daemon, "refused=network peer=127.0.0.1", started)


def unix_socket(folder):
    path = os.path.join(folder, "http.sock")
    change = {"http.listen": f"unix:{path}", "http.token": None, "http.socket_mode": "600",
              "http.trusted": []}
    with lib.Daemon(folder, change) as daemon:
        expect(os.stat(path).st_mode & 0o777, 0o600, "mode")
        expect(ask(daemon, "GET", "/healthz")[0], 200, "status")
        expect(post(daemon, [lib.element(1)], {"Authorization": None})["accepted"], 1, "accepted")
        daemon.kill9()
        expect(os.path.exists(path), True, "what is left of a killed daemon")
        daemon.start()
        expect(post(daemon, [lib.element(1)])["duplicate"], 1, "duplicate")
    expect(os.path.exists(path), False, "what is left of a stopped daemon")


def a_reload_changes_the_token(folder):
    with lib.Daemon(folder, settings()) as daemon:
        with Peer(daemon) as peer:  # also for a connection that stays
            peer.post(b"[]")
            expect(peer.status(), 200, "before")
            daemon.configure(http__token="another")
            daemon.reload()
            lib.wait_until(lambda: ask(daemon, "POST", "/v1/records", b"[]", BEARER)[0] == 401,
                           "the old token is refused")
            peer.post(b"[]")
            expect(peer.status(), 401, "the old token")
            peer.post(b"[]", {"Authorization": "another"})
            expect(peer.status(), 200, "the new token")


# ---- connections and bodies ----

def kept_connections(folder):
    with lib.Daemon(folder, settings()) as daemon, Peer(daemon) as peer:
        for number in range(200):
            peer.post(json.dumps([ignored(number)]).encode())
            expect(peer.counts()["ignored"], 1, "ignored")
            peer.post(b"x" * 1000, {"Authorization": "no"})
            expect(peer.status(), 401, "a refusal in between")


def pipelined_requests(folder):
    with lib.Daemon(folder, settings()) as daemon, Peer(daemon) as peer:
        sizes = [1, 3, 2, 50, 1, 7] * 5
        peer.send(b"".join(
            request("POST", "/v1/records", json.dumps([ignored(1)] * size).encode(), BEARER)
            for size in sizes) + request("GET", "/healthz"))
        expect([peer.counts()["ignored"] for _ in sizes], sizes, "answers in order")
        expect(peer.answer()[2], b"alive\n", "the last")


def chunks(data, size, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + size]), data[at:at + size])
                    for at in range(0, len(data), size)) + end


def chunked_uploads(folder):
    body = json.dumps([ignored(1)] * 40).encode()
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": None}
    with lib.Daemon(folder, settings(http__body=MIB)) as daemon:
        with Peer(daemon) as peer:
            for size in (1, 7, 4096, len(body)):
                peer.post(b"", chunked)
                peer.send(chunks(body, size))
                expect(peer.counts()["ignored"], 40, f"chunks of {size}")
            peer.post(b"", {**chunked, "Content-Encoding": "gzip"})
            peer.send(chunks(gzip.compress(body), 100))
            expect(peer.counts()["ignored"], 40, "compressed")
            peer.post(b"", chunked)
            peer.send(chunks(b" " * (MIB + 1), 10000))
            expect(peer.status(), 413, "one byte too many")
            peer.post(b"", chunked)
            peer.send(chunks(b" " * (MIB - 2) + b"[]", 10000))
            expect(peer.status(), 200, "the most")
        for broken in (b"xyz\r\n", b"-1\r\n", b"ffffffffffffffffffff\r\n", b"2\r\n[]X\r\n0\r\n\r\n"):
            with Peer(daemon) as peer:
                peer.post(b"", chunked)
                peer.send(broken)
                expect(peer.status() in (None, 400, 413), True, f"{broken!r} is refused")
        with Peer(daemon) as peer:  # who never ends is hung up on
            peer.post(b"", chunked)
            with contextlib.suppress(OSError):
                for _ in range(100):
                    peer.send(chunks(b"x" * MIB, MIB, b""))
            expect(peer.status(), None, "status")
        expect(daemon.metrics()['dsnarf_records_total{result="ignored"}'], 200, "ignored in all")


def compressed_bodies(folder):
    elements = [ignored(number) for number in range(2000)]
    half = b"".join(json.dumps(element).encode() + b"\n" for element in elements[:1000])
    rest = b"".join(json.dumps(element).encode() + b"\n" for element in elements[1000:])
    good = (
        ("gzip", gzip.compress(half + rest)),
        ("x-gzip", gzip.compress(half + rest)),
        ("GZIP", gzip.compress(half) + gzip.compress(rest)),
        ("gzip", gzip.compress(half[:777], 0) + gzip.compress(b"") + gzip.compress(half[777:] + rest)),
        ("zstd", zstd(half + rest)),
        ("zstd", zstd(half) + zstd(rest, "-19", "--no-check")),
        ("zstd", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(half) + zstd(rest)),
    )
    bad = (
        ("gzip", good[0][1][:-1]), ("gzip", good[0][1] + b"x"), ("gzip", zlib.compress(half)),
        ("gzip", good[0][1][:500] + b"\xff" * 50 + good[0][1][550:]), ("gzip", half),
        ("zstd", good[4][1][:-1]), ("zstd", good[4][1] + b"xxxx"), ("zstd", good[0][1]),
        ("zstd", zstd(half)[:-3] + b"abc"),
        ("zstd", zstd(b" " * 20 * MIB, "--long=27", "--zstd=wlog=27")),  # RFC 9659: 8 MiB of window
    )
    with lib.Daemon(folder, settings()) as daemon, Peer(daemon) as peer:
        for coding, body in good:
            peer.post(body, {"Content-Encoding": coding})
            expect(peer.counts()["ignored"], 2000, f"ignored of {coding}")
        for coding, body in bad:
            peer.post(body, {"Content-Encoding": coding})
            expect(peer.status(), 400, f"{coding} {body[:8]!r}")
        expect(daemon.metrics()['dsnarf_records_total{result="ignored"}'], 2000 * len(good), "ignored")


def bombs(folder):
    limit = {"http__body": MIB, "http__inflated": 8 * MIB, "http__memory": 64 * MIB,
             "http__hold": "10min", "http__deadline": "10min"}  # they wait for each other
    zeros = b"\0" * (128 * MIB)
    rows = [("gzip", gzip.compress(zeros, 9)), ("zstd", zstd(zeros)), ("zstd", zstd(zeros) * 50),
            ("gzip", gzip.compress(zeros, 9) * 5)]
    with lib.Daemon(folder, settings(**limit)) as daemon:
        for coding, body in rows:
            expect(len(body) < MIB, True, "size of the bomb")
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(
                    lambda _, coding=coding, body=body: ask(
                        daemon, "POST", "/v1/records", body,
                        {**BEARER, "Content-Encoding": coding})[0], range(8)))
            expect(answers, [413] * 8, f"{coding} of {len(body)}")
        fits = b" " * (8 * MIB - 2) + b"[]"
        for data, status in ((fits, 200), (fits + b" ", 413)):
            headers = {**BEARER, "Content-Encoding": "gzip"}
            expect(ask(daemon, "POST", "/v1/records", gzip.compress(data), headers)[0], status,
                   f"{len(data)} bytes")
        expect(refused(daemon, "too-large"), 33, "counted")
        if not is_sanitized():
            expect(peak_memory(daemon) < 160 * MIB, True, f"memory of {peak_memory(daemon)}")


def large_bodies(folder):
    with lib.Daemon(folder, settings(http__body=MIB)) as daemon:
        expect(ask(daemon, "POST", "/v1/records", b" " * (MIB - 2) + b"[]", BEARER)[0], 200, "fits")
        expect(ask(daemon, "POST", "/v1/records", b" " * (MIB + 1), BEARER)[0], 413, "too large")
        with Peer(daemon) as peer:  # told before it is sent
            peer.send(request("POST", "/v1/records", b"", BEARER, length=10 ** 15))
            expect(peer.status(), 413, "a petabyte")
            expect(peer.is_closed(), True, "closed")
        for headers, status in ((BEARER, 100), ({}, 401), ({**BEARER, "Content-Length": 2 * MIB}, 413)):
            with Peer(daemon) as peer:
                peer.send(request("POST", "/v1/records", b"", {"Expect": "100-continue",
                                                               "Content-Length": 2, **headers}))
                expect(peer.status(), status, "answer to Expect")
                if status == 100:
                    peer.send(b"[]")
                    expect(peer.status(), 200, "after it went on")


def fifty_thousand_elements(folder):
    element = json.dumps(ignored(1)).encode()
    elements = [element.replace(b"%032x" % 1, b"%032x" % number) for number in range(50000)]
    with lib.Daemon(folder, settings()) as daemon, Peer(daemon) as peer:
        for body in (b"[" + b",".join(elements) + b"]", b"\n".join(elements)):
            peer.post(body)
            expect(peer.counts()["ignored"], 50000, f"ignored of {body[:1]}...")


def each_poster_has_its_turn(folder):
    """Who posts one element does not wait behind all requests of another."""
    of_few = {"Authorization": "of-few"}
    bodies = [json.dumps([lib.element(number) for number in range(first, first + 500)]).encode()
              for first in range(0, 15000, 500)]

    def answered(patience):
        return len(select.select([peer.socket for peer in peers], [], [], patience)[0])

    with lib.Daemon(folder, {**settings(log__level="info", http__memory="500MB"),
                             "http.client.few.token": "of-few"}) as daemon, \
            contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(daemon)) for _ in bodies]
        for peer, body in zip(peers, bodies):
            peer.post(body)
        few = stack.enter_context(Peer(daemon))
        answered(lib.PATIENCE)  # all have come when the first one is done
        few.post(json.dumps([lib.element(50000)]).encode(), of_few)
        expect(few.counts()["accepted"], 1, "accepted of the few")
        before = answered(0)
        if before > 15:
            raise lib.Failure(f"{before} of {len(peers)} requests of another were answered before")
        for peer in peers:
            expect(peer.counts()["accepted"], 500, "accepted of the many")


# ---- who is slow, or lies ----

def slow_senders(folder):
    whole = request("POST", "/v1/records", b"[" + b" " * 10 + b"]", BEARER)
    head = len(whole) - 12
    with lib.Daemon(folder, settings(http__deadline="2s")) as daemon:
        started = time.monotonic()
        slow = {"header": (Peer(daemon), whole[:5], whole[5:head]),
                "body": (Peer(daemon), whole[:head], whole[head:-1]),
                "nothing": (Peer(daemon), b"", b"")}
        for peer, first, _ in slow.values():
            peer.send(first)
            peer.socket.settimeout(0.25)
        ended, at = {}, 0
        while len(ended) < len(slow):
            for name, (peer, _, rest) in slow.items():
                if name in ended:
                    continue
                with contextlib.suppress(OSError):
                    peer.send(rest[at:at + 1])  # a byte at a time
                with contextlib.suppress(socket.timeout):
                    expect(peer.more(), False, f"an answer to {name}")
                    ended[name] = time.monotonic() - started
            expect(ask(daemon, "GET", "/healthz")[0], 200, "others are served meanwhile")
            expect(time.monotonic() - started < 60, True, f"{set(slow) - set(ended)} last too long")
            at += 1
        for name, seconds in ended.items():
            expect(seconds >= 1.5, True, f"{name} ended after {seconds}")
        for peer, _, _ in slow.values():
            peer.socket.close()
        lib.wait_until(lambda: refused(daemon, "deadline") == 1, "a body that did not come in time")
        expect(daemon.metrics()['dsnarf_records_total{result="rejected"}'], 0, "records")


def slow_readers(folder):
    with lib.Daemon(folder, settings(http__deadline="2s")) as daemon, Peer(daemon) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.socket.settimeout(2)
        with contextlib.suppress(socket.timeout, ConnectionError):
            peer.send(request("GET", "/metrics") * 20000)  # and reads none of the answers
        lib.wait_until(lambda: refused(daemon, "deadline") == 1, "the connection is ended")


def idle_connections(folder):
    with lib.Daemon(folder, settings(http__connections=50)) as daemon:
        idle = [Peer(daemon) for _ in range(500)]
        try:
            for _ in range(20):
                expect(ask(daemon, "GET", "/healthz")[0], 200, "healthz")
                expect(post(daemon, [ignored(1)])["ignored"], 1, "ignored")
        finally:
            for peer in idle:
                peer.socket.close()


def wrong_lengths(folder):
    body = json.dumps([ignored(1)]).encode()
    with lib.Daemon(folder, settings()) as daemon:
        with Peer(daemon) as peer:  # more than was announced is the next request
            peer.post(body + b"GARBAGE\r\n\r\n", length=len(body))
            expect(peer.counts()["ignored"], 1, "ignored")
            expect(peer.status() in (None, 400), True, "what follows")
        with Peer(daemon) as peer:  # less: it never becomes a request
            peer.post(body, length=len(body) + 1)
            peer.socket.shutdown(socket.SHUT_WR)
            expect(peer.status(), None, "status")
        for fields in ({"Content-Length": "-1"}, {"Content-Length": "x"}, {"Content-Length": "1 1"},
                       {"Content-Length": "99999999999999999999"}, {"Content-Length": "+2"},
                       {"Content-Length": len(body), "Transfer-Encoding": "chunked"},
                       {"Content-Length": f"{len(body)}\r\nContent-Length: 1"},
                       {"Transfer-Encoding": "chunked\r\nContent-Length: 5"},
                       {"Transfer-Encoding": "gzip"}):
            with Peer(daemon) as peer:
                peer.send(request("POST", "/v1/records", b"", {**BEARER, **fields}) + body)
                expect(peer.status() in (None, 400, 413, 501), True, f"{fields} is refused")
        expect(daemon.metrics()['dsnarf_records_total{result="ignored"}'], 1, "ignored in all")


def broken_requests(folder):
    rows = (b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/records\r\n\r\n", b"GET " + b"/x" * 40000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"y" * 100000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
            b"GET / HTTP/1.1\r\nAuthorization\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n",
            b"GET /\xff\xfe%00%zz HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 50,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
            b"POST /v1/records HTTP/1.1\r\nAuthorization: \0" + TOKEN.encode() +
            b"\r\nContent-Length: 2\r\n\r\n[]")
    with lib.Daemon(folder, settings()) as daemon:
        for row in rows:
            with Peer(daemon) as peer:
                with contextlib.suppress(OSError):
                    peer.send(row)
                    peer.socket.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ValueError, IndexError):
                    expect(peer.status() in (None, 400, 401, 403, 404, 405, 413, 414, 431, 505), True,
                           f"{row[:40]!r} is refused")
            expect(ask(daemon, "GET", "/healthz")[0], 200, f"after {row[:40]!r}")
        expect(post(daemon, [ignored(1)])["ignored"], 1, "ignored")


def closed_in_the_middle(folder):
    whole = request("POST", "/v1/records", b"[" + b" " * (8 * MIB) + b"]", BEARER)
    limit = {"http__memory": 100 * MIB, "http__body": 10 * MIB, "http__inflated": 10 * MIB}
    with lib.Daemon(folder, settings(**limit)) as daemon:
        for round_ in range(60):  # the memory of all that were cut is given back
            peer = Peer(daemon)
            with contextlib.suppress(OSError):
                peer.send(whole[:(10, 200, MIB, 8 * MIB, len(whole))[round_ % 5]])
            if round_ % 2:
                peer.reset()
            else:
                peer.socket.close()
        for _ in range(20):
            expect(ask(daemon, "POST", "/v1/records", whole.split(b"\r\n\r\n", 1)[1], BEARER)[0],
                   200, "status afterwards")
        expect(refused(daemon, "overload"), 0, "overload")


# ---- too much ----

def many_large_bodies(folder):
    limit = {"http__memory": 64 * MIB, "http__body": 10 * MIB, "http__inflated": 10 * MIB,
             "http__hold": "60s"}
    body = b"[" + b" " * (8 * MIB) + b"]"
    with lib.Daemon(folder, settings(**limit)) as daemon:
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(
                lambda _: ask(daemon, "POST", "/v1/records", body, BEARER)[0], range(50)))
        expect(answers, [200] * 50, "status of each")
        if not is_sanitized():
            peak = peak_memory(daemon)
            print(f"    50 bodies of 8 MiB, http.memory 64 MiB: VmHWM {peak // MIB} MiB")
            expect(peak < 130 * MIB, True, f"memory of {peak}")


def reload(daemon, **changes):
    """Changes the configuration, and waits until that is in force."""
    before = len(daemon.logged("reload: .* is in force"))
    daemon.configure(**changes)
    daemon.reload()
    lib.wait_until(lambda: len(daemon.logged("reload: .* is in force")) > before, "the reload")


def is_held_and_closed(daemon, since, body, path="/v1/records"):
    before = refused(daemon, "overload")
    with Peer(daemon) as peer, Peer(daemon) as large:
        started = time.monotonic()
        peer.post(body, path=path)
        large.send(request("POST", path, b"", {**BEARER, "Expect": "100-continue"}, MIB))
        expect(ask(daemon, "GET", "/healthz")[0], 200, "alive meanwhile")
        expect(peer.status(), None, "status of what was held")
        expect(0.8 < time.monotonic() - started < 60, True, "held for a while")
        expect(large.status(), None, "status of what was held before its body")
    expect(refused(daemon, "overload") - before, 2, "counted")
    expect_one_a_minute(daemon, "refused=overload peer=127.0.0.1", since)


def is_told(daemon, body):
    with Peer(daemon) as peer:
        peer.post(body)
        status, fields, text = peer.answer()
        expect((status, fields.get("retry-after")), (503, "30"), "answer")
        expect(list(json.loads(text)), ["reason"], "body")
        peer.send(request("GET", "/healthz"))
        expect(peer.status(), 200, "the same connection")


def is_held_and_answered(daemon, body, early):
    """early: has all of its request but the last byte of the body there, since before the spool was
    full."""
    with Peer(daemon) as peer, Peer(daemon) as waiting:
        peer.post(body)
        waiting.send(request("POST", "/v1/records", b"", {**BEARER, "Expect": "100-continue"},
                             len(body)))
        early.send(b"]")
        for one in (peer, waiting, early):
            one.socket.settimeout(0.4)
            try:
                raise lib.Failure(f"not held: {one.answer()}")
            except socket.timeout:
                one.socket.settimeout(lib.PATIENCE)
        status, _, errors = daemon.queue("purge")
        expect(status, 0, f"dsnarf queue purge: {errors}")
        expect(peer.counts()["accepted"], 1, "accepted in the end")
        expect(early.counts()["accepted"], 1, "accepted in the end")
        expect(waiting.status(), 100, "may send its body now")
        waiting.send(body)
        expect(waiting.counts()["duplicate"], 1, "the same again")


def overload(folder):
    body = json.dumps([lib.element(1)]).encode()
    full = {"spool__max_size": 4 * MIB, "spool__large": "10kB"}
    with lib.Daemon(folder, settings(**full, http__hold="10 minutes")) as daemon, Peer(daemon) as early:
        started = time.monotonic()
        early.send(request("POST", "/v1/records", json.dumps([lib.element(2)]).encode(), BEARER)[:-1])
        daemon.fill_spool(BEARER)
        # What puts nothing into the spool is answered.
        expect(ask(daemon, "POST", "/v1/notice", body, BEARER)[0], 200, "a notice")
        reload(daemon, http__hold="0s")
        with Peer(daemon) as peer:
            peer.post(body)
            expect(peer.status(), None, "status of what is not held")
        reload(daemon, http__hold="1s")
        is_held_and_closed(daemon, started, body)
        is_held_and_closed(daemon, started, lib.feedback(1), "/v1/messages")
        reload(daemon, http__overload="503")
        is_told(daemon, body)
        reload(daemon, http__overload="close", http__hold="10 minutes")
        is_held_and_answered(daemon, body, early)


def no_holding_without_need(folder):
    with lib.Daemon(folder, settings(http__hold="0s")) as daemon:
        expect(post(daemon, [lib.element(1)])["accepted"], 1, "accepted")


def too_many_uploads(folder):
    with lib.Daemon(folder, settings(http__connections=5)) as daemon:
        uploads = [Peer(daemon) for _ in range(5)]
        for peer in uploads:
            peer.send(request("POST", "/v1/records", b"", {**BEARER, "Expect": "100-continue"}, 2))
            expect(peer.status(), 100, "may send its body")
        expect(ask(daemon, "GET", "/healthz")[0], 200, "health is shown")
        expect(ask(daemon, "POST", "/v1/records", b"[]", BEARER), None, "one more")
        expect(refused(daemon, "overload"), 1, "counted")
        for peer in uploads:
            peer.send(b"[]")
            expect(peer.status(), 200, "those that were there")
            peer.socket.close()


def stopping(folder):
    body = json.dumps([lib.element(number) for number in range(2000)]).encode()
    with lib.Daemon(folder, settings()) as daemon:
        idle, half, busy = Peer(daemon), Peer(daemon), Peer(daemon)
        half.post(b"[", length=100)
        busy.post(body)
        daemon.child.send_signal(signal.SIGSTOP)  # what it has answered by now, it answered before
        os.waitid(os.P_PID, daemon.child.pid, os.WSTOPPED)
        before = select.select([busy.socket], [], [], 0)[0] != []
        daemon.child.terminate()
        daemon.child.send_signal(signal.SIGCONT)
        started = time.monotonic()
        daemon.ends()
        expect(time.monotonic() - started < 30, True, "stopped soon")
        answer = busy.answer()
        if answer is not None:  # it was complete
            expect(answer[0], 200, "status")
            expect(answer[1].get("connection"), None if before else "close", "Connection")
        expect(idle.is_closed(), True, "the idle one is closed")
        expect(half.status(), None, "the incomplete one is closed")
        for peer in (idle, half, busy):
            peer.socket.close()
        daemon.start()
        again = post(daemon, json.loads(body))
        if answer is not None:
            expect(again["duplicate"], 2000, "duplicates of what was acknowledged")


lib.run(every_answer, what_became_of_elements, a_notice_is_kept_nowhere, messages,
        large_messages, tokens,
        tokens_in_another_header, senders_of_a_token, no_token_on_loopback, networks, unix_socket,
        a_reload_changes_the_token, kept_connections, pipelined_requests, chunked_uploads,
        compressed_bodies, bombs, large_bodies, fifty_thousand_elements,
        each_poster_has_its_turn, slow_senders, slow_readers,
        idle_connections, wrong_lengths, broken_requests, closed_in_the_middle, many_large_bodies,
        overload, no_holding_without_need, too_many_uploads, stopping)
