#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kills the daemon at random moments of its work and counts what came of everything.

DSN_KILLS, DSN_RECORDS and DSN_SEED say how often, how much at least, and when.
"""
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import smtplib
import threading
import time

import lib

KILLS = int(os.environ.get("DSN_KILLS", "20"))
RECORDS = int(os.environ.get("DSN_RECORDS", "10000"))
SEED = int(os.environ.get("DSN_SEED") or random.randrange(1 << 32))

BATCH = 20
LAG = 1000  # records that the posters may be ahead of the sink: some wait whenever a kill comes
# A reply so shortly before a kill may not have been committed yet; one after it went nowhere, to a
# message that had arrived. In seconds, for a busy machine: it is some milliseconds.
IN_FLIGHT = 1.0

REPORTS = "fbl@mta1.example.com"


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
    """Threads that post and send for as long as they may, and never give up on what they began."""

    def __init__(self, sink):
        self.sink = sink
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
        deadline = time.monotonic() + lib.PATIENCE
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, smtplib.SMTPException):
                if attempt():
                    return
            self.retries += 1
            if time.monotonic() > deadline:
                raise lib.Failure("no answer for a long time")
            time.sleep(0.02)

    def post(self, daemon, seed):
        """Some batches come again after they were acknowledged, as a sender may do."""
        dice = random.Random(seed)

        def attempt():
            status, answer = daemon.post(batch)
            if status == 200 and answer["rejected"]:
                raise lib.Failure(f"rejected: {answer}")
            return status == 200

        while not self.ending.is_set() or len(self.records.done) < RECORDS:
            if len(self.records.done) - self.sink.different > LAG:
                time.sleep(0.01)
                continue
            numbers = self.records.take(BATCH)
            batch = [lib.element(number) for number in numbers]
            self.until_done(attempt)
            self.records.finish(numbers)
            if dice.random() < 0.1:
                self.until_done(attempt)

    def mail(self, port, lmtp):
        def attempt():
            code, text = lib.send(port, REPORTS, report(number), "fbl@mailbox.example", lmtp)
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

    def __init__(self):
        self.different = 0
        self.copies = {}
        super().__init__()

    def keep(self, mail):
        (recipient,) = mail.recipients
        number = int(re.fullmatch(rb"TO:<news\+(\d+)@shop\.example>.*", recipient).group(1))
        mail.data = hashlib.sha256(mail.data).digest()
        with self.lock:
            self.copies.setdefault(number, []).append(mail)
            self.different = len(self.copies)


def report(number):
    return lib.feedback(number, **{"Original-Mail-From": b"<news+%d@shop.example>" % number})


def check_notices(sink, posted, kills):
    """Exactly one for each record, or the same again after a kill that came right after it (rules
    ENV-16, ENV-20)."""
    lib.expect(posted - sink.copies.keys(), set(), "records without a notice")
    lib.expect(sink.copies.keys() - posted, set(), "notices without a record")
    repeats, lag = 0, 0.0
    for number, copies in sink.copies.items():
        lib.expect(len({mail.data for mail in copies}), 1, f"different copies of notice {number}")
        for mail, again in zip(copies, copies[1:]):
            between = [kill - mail.time for kill in kills
                       if abs(kill - mail.time) < IN_FLIGHT and kill < again.time]
            if not between:
                raise lib.Failure(f"notice {number} was sent twice without need: {mail.time:.3f}, "
                                  f"{again.time:.3f}; kills {kills}")
            repeats, lag = repeats + 1, max(lag, between[0])
    return f"{repeats} notices again, answered at most {lag * 1000:.0f} ms before a kill"


def check_records(path, sent):
    """Exactly one for each report (rule ENV-16)."""
    numbers = [int(re.search(r"\+(\d+)@", record["feedback_report"]["original_mail_from"]).group(1))
               for record in lib.json_lines(path)]
    lib.expect(sent - set(numbers), set(), "reports without a record")
    lib.expect(set(numbers) - sent, set(), "records without a report")
    lib.expect(sorted(number for number in set(numbers) if numbers.count(number) > 1)
               if len(numbers) != len(sent) else [], [], "reports with several records")


def kills_lose_and_repeat_nothing(folder):
    print(f"seed {SEED}", flush=True)
    dice = random.Random(SEED)
    maildir, records = os.path.join(folder, "box"), os.path.join(folder, "records.jsonl")
    lib.make_maildir(maildir)
    lmtp, milter = lib.free_port(), lib.free_port()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(CountingSink())
        daemon = stack.enter_context(lib.Daemon(folder, {
            "log.level": "info",
            "relay.default.hosts": [sink.address],
            "notice.hourly_rate": 0,
            "notice.hourly_domain_rate": 0,
            "milter.listen": f"inet:{milter}@127.0.0.1",
            "milter.reports": [REPORTS],
            "lmtp.listen": f"127.0.0.1:{lmtp}",
            "lmtp.reports": [REPORTS],
            "maildir.box.path": maildir,
            "file.records.path": records,
        }))
        load = Load(sink)
        try:
            postfix = stack.enter_context(lib.PrivatePostfix(
                folder, milter=f"inet:127.0.0.1:{milter}", mailboxes=REPORTS))
            load.add(load.mail, postfix.port, False)
        except lib.Skip as skip:
            print(f"without the milter: {skip}")
        for seed in range(2):
            load.add(load.post, daemon, dice.randrange(1 << 32))
        load.add(load.mail, lmtp, True)
        load.add(load.drop, maildir)

        kills = []
        for _ in range(KILLS):
            time.sleep(dice.uniform(0, 1.5))  # also while it starts
            kills.append(time.monotonic())
            daemon.kill9()
            daemon.notify.close()
            daemon.launch()
        daemon.wait_ready()
        load.end()

        started = time.monotonic()
        lib.wait_until(lambda: load.records.done <= sink.copies.keys(), "all notices are sent")
        lib.wait_until(lambda: not os.listdir(f"{maildir}/new"), "the Maildir is read")
        lib.wait_until(lambda: len(lib.json_lines(records)) >= len(load.reports.done),
                       "all records are written")
        lib.wait_until(lambda: not daemon.waiting(), "the queue is empty")
        drained = time.monotonic() - started
        daemon.stop()
        repeats = check_notices(sink, load.records.done, kills)
        check_records(records, load.reports.done)
        print(f"{KILLS} kills, {len(load.records.done)} records, {len(load.reports.done)} reports, "
              f"{load.retries} attempts in vain, {repeats}, drained in {drained:.1f} s")


lib.run(kills_lose_and_repeat_nothing)
