# SPDX-License-Identifier: BSD-2-Clause
"""What the tests share that kill the daemon under load: posters, sinks and their books."""
import contextlib
import hashlib
import http.client
import os
import random
import re
import smtplib
import threading
import time

import lib

BATCH = 20
LAG = 1000  # records that the posters may be ahead of the sink: some wait whenever a kill comes
# A reply so shortly before a kill may not have been committed yet; one after it went nowhere, to a
# message that had arrived. In seconds, for a busy machine: it is some milliseconds.
IN_FLIGHT = 3.0


class Numbers:
    """Hands out numbers, and keeps those that are done."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 1
        self.done = set()

    def take(self, count):
        with self.lock:
            self.next += count
            return range(self.next - count, self.next)

    def finish(self, numbers):
        with self.lock:
            self.done.update(numbers)


class Load:
    """Threads that post and send for as long as they may, and never give up on what they began:
    at least so many records."""

    def __init__(self, sink, least):
        self.sink, self.least = sink, least
        self.records, self.reports = Numbers(), Numbers()
        self.ending = threading.Event()
        self.problems = []
        self.retries = 0
        self.threads = []

    def add(self, work, *arguments):
        self.threads.append(threading.Thread(target=self.guard, args=(work, *arguments), daemon=True))
        self.threads[-1].start()

    def guard(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(f"{work.__name__}: {problem!r}")

    def until_done(self, attempt):
        """Calls it until it says true; a lost connection is a no."""
        deadline = time.monotonic() + 5 * lib.PATIENCE
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, smtplib.SMTPException):
                if attempt():
                    return
            self.retries += 1
            if time.monotonic() > deadline:
                raise lib.Failure("no answer for a long time")
            time.sleep(0.02)

    def is_ahead(self):
        return len(self.records.done) - self.sink.different > LAG

    def post(self, daemon, seed):
        """Some batches come again after they were acknowledged, as a sender may do."""
        dice = random.Random(seed)

        def attempt():
            status, answer = daemon.post(batch)
            if status == 200 and answer["rejected"]:
                raise lib.Failure(f"rejected: {answer}")
            return status == 200

        while not self.ending.is_set() or len(self.records.done) < self.least:
            if self.is_ahead():
                time.sleep(0.01)
                continue
            numbers = self.records.take(BATCH)
            batch = [lib.element(number) for number in numbers]
            self.until_done(attempt)
            self.records.finish(numbers)
            if dice.random() < 0.1:
                self.until_done(attempt)

    def mail(self, port, lmtp, recipient):
        def attempt():
            code, text = lib.send(port, recipient, report(number), "fbl@mailbox.example", lmtp)
            if code >= 500:
                raise lib.Failure(f"refused: {code} {text}")
            return code == 250

        while not self.ending.is_set():
            (number,) = self.reports.take(1)
            self.until_done(attempt)
            self.reports.finish([number])
            time.sleep(0.005)

    def drop(self, maildir):
        """Delivers into a Maildir, which asks nobody."""
        while not self.ending.is_set():
            (number,) = self.reports.take(1)
            with open(f"{maildir}/tmp/{number}", "xb") as file:
                file.write(report(number))
            os.rename(f"{maildir}/tmp/{number}", f"{maildir}/new/{number}")
            self.reports.finish([number])
            time.sleep(0.02)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        lib.expect(self.problems, [], "problems of the clients")


class CountingSink(lib.Sink):
    """Keeps of each notice its number, a digest, when it was answered and whether that worked."""

    def __init__(self, script=None):
        self.different = 0
        self.copies = {}
        super().__init__(script)

    def keep(self, mail):
        if mail.code >= 300 and not mail.lost:
            return
        (recipient,) = mail.recipients
        number = int(re.fullmatch(rb"TO:<news\+(\d+)@shop\.example>.*", recipient).group(1))
        mail.data = hashlib.sha256(mail.data).digest()
        with self.lock:
            self.copies.setdefault(number, []).append(mail)
            self.different = len(self.copies)


def report(number):
    return lib.feedback(number, **{"Original-Mail-From": b"<news+%d@shop.example>" % number})


def is_near(kills, moment):
    """The kills or other troubles, as (begin, end), that a reply at that moment may have met."""
    return [(begin, end) for begin, end in kills if begin - IN_FLIGHT < moment < end + IN_FLIGHT]


def check_notices(sink, posted, kills):
    """Exactly one for each record, or the same again after a reply that was lost, or a kill that
    came right after it (rules ENV-16, ENV-20)."""
    lib.expect(posted - sink.copies.keys(), set(), "records without a notice")
    lib.expect(sink.copies.keys() - posted, set(), "notices without a record")
    lost, repeats, lag = 0, 0, 0.0
    for number, copies in sink.copies.items():
        lib.expect(len({mail.data for mail in copies}), 1, f"different copies of notice {number}")
        for mail, again in zip(copies, copies[1:]):
            if mail.lost:
                lost += 1
                continue
            between = [begin - mail.time for begin, _ in is_near(kills, mail.time)
                       if begin < again.time]
            if not between:
                raise lib.Failure(f"notice {number} was sent twice without need: {mail.time:.3f}, "
                                  f"{again.time:.3f}; kills {kills}")
            repeats, lag = repeats + 1, max(lag, between[0])
    return (f"{repeats} notices again, answered at most {lag * 1000:.0f} ms before a kill, "
            f"{lost} again whose reply was lost")
