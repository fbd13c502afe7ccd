#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records by HTTP, log segments and a Maildir at once, to notices and a webhook, through kills
and disks that fail.

DSN_TROUBLES, DSN_RECORDS and DSN_SEED say how often, how much at least, and when.
"""
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time

import lib
import load

TROUBLES = int(os.environ.get("DSN_TROUBLES", "8"))
RECORDS = int(os.environ.get("DSN_RECORDS", "2000"))
SEED = int(os.environ.get("DSN_SEED") or random.randrange(1 << 32))

SPOOL = (96 << 20) + RECORDS * 2000  # bytes of its file system
OTHERS = 4  # records of deliveries for each bounce in a segment


# ---- log segments, as a relay writes them ----

class Segment:
    """A zstd frame of raw blocks (RFC 8878), written as it grows and finished by its mode."""

    def __init__(self, folder, number):
        self.path = os.path.join(folder, time.strftime("%Y%m%d-%H%M%S", time.gmtime())
                                 + f".{number:09d}")
        self.file = open(self.path, "xb")
        self.file.write(bytes.fromhex("28b52ffd") + b"\x00\x58")  # a window of 2 MiB

    def write(self, data, last=False):
        self.file.write(struct.pack("<I", len(data) << 3 | last)[:3] + data)
        self.file.flush()

    def finish(self):
        self.write(b"", True)
        self.file.close()
        os.chmod(self.path, 0o444)


def delivery(number):
    """No notice is due for it, and a webhook wants it."""
    return lib.record(number, type="Delivery", id=f"d{number:031x}")


class StreamLoad(load.Load):
    """Also writes segments, with some of what was posted before in them."""

    def __init__(self, sink, receiver, least):
        super().__init__(sink, least)
        self.receiver = receiver
        self.deliveries = load.Numbers()

    def is_ahead(self):
        events = len(self.records.done) + len(self.deliveries.done) + len(self.reports.done)
        return super().is_ahead() or events - len(self.receiver.events) > OTHERS * load.LAG

    def lines(self, numbers, dice):
        lines = []
        for number in numbers:
            lines.append(lib.record(number))
            for other in self.deliveries.take(OTHERS):
                lines.append(delivery(other))
                self.deliveries.finish([other])
        lines += [lib.record(number) for number in self.some_posted(dice)]
        return "".join(json.dumps(line) + "\n" for line in lines).encode()

    def some_posted(self, dice):
        with self.records.lock:
            return [dice.randrange(1, self.records.next)] if self.records.next > 1 else []

    def log(self, folder, seed):
        """The lines of a segment come in pieces that end anywhere."""
        dice = random.Random(seed)
        count = 0
        while not self.ending.is_set() or len(self.records.done) < self.least:
            if self.is_ahead():
                time.sleep(0.01)
                continue
            count += 1
            segment = Segment(folder, count)
            numbers = self.records.take(load.BATCH)
            data = self.lines(numbers, dice)
            while data:
                piece = dice.randrange(1, 20000)
                segment.write(data[:piece])
                data = data[piece:]
                time.sleep(0.002)
            segment.finish()
            self.records.finish(numbers)


# ---- what befalls the daemon ----

class Troubles:
    """Kills, a full disk, a disk with errors. spans: from when to when replies may get lost, to
    within load.IN_FLIGHT."""

    def __init__(self, daemon, disk, dice):
        self.daemon, self.disk, self.dice = daemon, disk, dice
        self.spans = []
        self.counts = {}

    def meet(self):
        time.sleep(self.dice.uniform(0, 2.0))  # also while it starts
        trouble = self.dice.choice((self.kill, self.kill, self.fill, self.fail))
        self.counts[trouble.__name__] = self.counts.get(trouble.__name__, 0) + 1
        with self.span():
            trouble()

    @contextlib.contextmanager
    def span(self):
        begin = time.monotonic()
        yield
        self.spans.append((begin, time.monotonic()))

    def kill(self):
        self.daemon.kill9()
        self.daemon.notify.close()
        self.daemon.launch()

    def is_ready(self):
        try:
            return self.daemon.request("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self):
        """A kill before all outcomes are written would repeat more than what was in flight."""
        lib.wait_until(self.is_ready, "the daemon recovers")

    def fill(self):
        self.wait_ready()
        filler = os.path.join(self.disk, "filler")
        with contextlib.suppress(OSError):
            lib.fill(filler, 0)
        time.sleep(self.dice.uniform(0.2, 1))
        os.unlink(filler)
        self.wait_ready()

    def fail(self):
        self.wait_ready()
        calls = self.dice.choice(("fdatasync", "pwrite64"))
        error = self.dice.choice(("EIO", "ENOSPC"))
        strace = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", os.devnull, "-p", str(self.daemon.child.pid),
             "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"],
            stderr=subprocess.DEVNULL)
        time.sleep(self.dice.uniform(0.2, 1))
        strace.terminate()
        strace.wait()
        self.wait_ready()


# ---- receivers that are not always kind ----

class UnkindSink(load.CountingSink):
    """Now and then it refuses, for now or for good, stalls, hangs up, or loses the reply to what it
    has taken."""

    def __init__(self, seed, unkind):
        self.dice = random.Random(seed)
        self.unkind = unkind  # how often, from 0 to 1
        super().__init__(self.answer)

    def answer(self, stage, _, mail):
        with self.lock:
            if stage not in ("MAIL", ".") or self.dice.random() >= self.unkind:
                return None
            mood = self.dice.choice(("refuse", "reject", "stall", "lose", "half"))
        if stage == "MAIL":
            raise lib.Drop
        if mood == "stall":
            time.sleep(1)
            return None
        if mood == "lose":
            mail.lost = True
            raise lib.Drop
        return {"refuse": b"451 4.3.0 Not now\r\n", "reject": b"554 5.3.0 Never\r\n",
                "half": b"250 2.0."}[mood]


class Request:
    def __init__(self, key, body):
        self.key, self.digest = key, hashlib.sha256(body).digest()
        self.events = [(event["type"], event["id"]) for event in json.loads(body)]
        self.time = time.monotonic()
        self.replied = False  # with success, and whoever sent it has read that


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what every request was about. Now and then it refuses, stalls, or loses the reply to
    what it has taken."""
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, seed, unkind):
        super().__init__(("127.0.0.1", 0), Handler)
        self.dice = random.Random(seed)
        self.unkind = unkind  # how often, from 0 to 1
        self.lock = threading.Lock()
        self.requests = []
        self.events = set()
        self.refused = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/events"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        """A client that was killed is none of ours."""

    def mood(self):
        with self.lock:
            if self.dice.random() >= self.unkind:
                return "kind"
            return self.dice.choice(("refuse", "wait", "reset", "lose", "half", "stall"))

    def keep(self, request):
        with self.lock:
            self.requests.append(request)
            self.events.update(request.events)

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    accepted = None  # the request before, over the same connection

    def log_message(self, *_):
        pass

    def answer(self, status, fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self):
        if self.accepted is not None:
            self.accepted.replied = True
        self.accepted = None
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mood = self.server.mood()
        if mood in ("refuse", "wait", "reset"):  # nothing was taken
            with self.server.lock:
                self.server.refused += 1
            if mood == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack("ii", 1, 0))
                self.close_connection = True
            elif mood == "wait":
                self.answer(429, [("Retry-After", "1")])
            else:
                self.answer(self.server.dice.choice((500, 502, 503, 408)))
            return
        request = Request(self.headers["Idempotency-Key"], body)
        self.server.keep(request)
        if mood == "kind":
            self.answer(200)
            self.accepted = request
            return
        self.close_connection = True
        if mood == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        elif mood == "stall":
            time.sleep(3)  # longer than it is waited for


def check_events(receiver, wanted, kills):
    """Each event in one request, which comes again only when its reply was lost: then with the same
    key and the same bytes."""
    found = receiver.events
    lib.expect(sorted(wanted - found)[:5], [], "events that did not come")
    lib.expect(sorted(found - wanted)[:5], [], "events that nobody sent")
    by_key, by_event, repeats = {}, {}, 0
    for request in receiver.requests:
        before = by_key.setdefault(request.key, request)
        if before is not request:
            lib.expect(request.digest, before.digest, f"bytes of {request.key}")
            if before.replied and not load.is_near(kills, before.time):
                raise lib.Failure(f"{request.key} came twice without need")
            by_key[request.key] = request
            repeats += 1
        for event in request.events:
            if by_event.setdefault(event, request.key) != request.key:
                raise lib.Failure(f"{event} came as {by_event[event]} and as {request.key}")
    return f"{len(by_key)} requests, {repeats} of them again, {receiver.refused} refused"


def is_all_sent(daemon, work, sink):
    """What was rejected is a dead letter, until somebody says otherwise."""
    if work.records.done <= sink.copies.keys():
        return True
    time.sleep(1)
    daemon.queue("retry", "--all")
    return False


def wanted_events(work):
    """The ids of reports are dsnarf's own."""
    return ({("Bounce", f"{number:032x}") for number in work.records.done}
            | {("Delivery", f"d{number:031x}") for number in work.deliveries.done})


def nothing_is_lost_and_nothing_is_done_twice(folder):
    print(f"seed {SEED}", flush=True)
    dice = random.Random(SEED)
    maildir, segments = os.path.join(folder, "box"), os.path.join(folder, "segments")
    lib.make_maildir(maildir)
    os.mkdir(segments)
    disk = os.path.join(folder, "disk")
    with contextlib.ExitStack() as stack:
        stack.enter_context(lib.small_disk(disk, SPOOL))
        sink = stack.enter_context(UnkindSink(dice.randrange(1 << 32), 0.003))
        receiver = stack.enter_context(Receiver(dice.randrange(1 << 32), 0.15))
        daemon = stack.enter_context(lib.Daemon(folder, {
            "log.level": "info",
            "spool.directory": os.path.join(disk, "spool"),
            "spool.min_free": "16MiB",
            "relay.default.hosts": [sink.address],
            "notice.hourly_rate": 0,
            "notice.hourly_domain_rate": 0,
            "maildir.box.path": maildir,
            "tailer.relay.directory": segments,
            "tailer.relay.start": "beginning",
            "webhook.events.url": receiver.url,
            "webhook.events.batch_size": 100,
            "webhook.events.timeout": "2s",
            "webhook.events.retry_interval": "1s",
            "webhook.events.max_retry_interval": "1s",
        }))
        work = StreamLoad(sink, receiver, RECORDS)
        work.add(work.post, daemon, dice.randrange(1 << 32))
        work.add(work.log, segments, dice.randrange(1 << 32))
        work.add(work.drop, maildir)

        troubles = Troubles(daemon, disk, dice)
        while sum(troubles.counts.values()) < TROUBLES or len(work.records.done) < RECORDS:
            troubles.meet()
        with troubles.span():
            troubles.wait_ready()
        work.end()

        lib.wait_until(lambda: is_all_sent(daemon, work, sink), "all notices are sent")
        lib.wait_until(lambda: not os.listdir(f"{maildir}/new"), "the Maildir is read")
        reports = len(work.reports.done)
        wanted = wanted_events(work)
        lib.wait_until(lambda: len(receiver.events) >= len(wanted) + reports,
                       "all events have come")
        lib.wait_until(lambda: not daemon.waiting(), "the queue is empty")
        daemon.stop()
        notices = load.check_notices(sink, work.records.done, troubles.spans)
        feedback = {event for event in receiver.events if event[0] == "Feedback"}
        lib.expect(len(feedback), reports, "reports that became events")
        events = check_events(receiver, wanted | feedback, troubles.spans)
        print(f"{troubles.counts}, {len(work.records.done)} bounces, "
              f"{len(work.deliveries.done)} deliveries, {reports} reports, "
              f"{work.retries} attempts in vain, {notices}; {events}")


lib.run(nothing_is_lost_and_nothing_is_done_twice)
