#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends mail of all kinds through Postfix while the milter is killed and started, and counts what
came of each message.

DSN_MESSAGES, DSN_SESSIONS, DSN_KILLS and DSN_SEED say how much, at once, how often, and when.
"""
import contextlib
import os
import random
import re
import socket
import threading
import time

import lib
import load

MESSAGES = int(os.environ.get("DSN_MESSAGES", "600"))
SESSIONS = int(os.environ.get("DSN_SESSIONS", "8"))
KILLS = int(os.environ.get("DSN_KILLS", "6"))
SEED = int(os.environ.get("DSN_SEED") or random.randrange(1 << 32))

FBL = "fbl@mta1.example.com"
READER = "reader@mta1.example.com"
IN_A_SESSION = 20  # messages

ORDINARY = (b"From: a@b.example\nTo: reader@mta1.example.com\nSubject: letter %d\n"
            b"Message-ID: <letter-%d@b.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n\n"
            b"This is letter %d, \xe4\xff.\n..\n" + b"x" * 500 + b"\n.\n\n")


def ordinary(number):
    return ORDINARY % (number, number, number)


def bounce(number):
    return (lib.example("dsn.eml").replace(b"<r-20261120113012@", b"<r-%d@" % number)
            .replace(b"ann@partner", b"ann+%d@partner" % number))


# Kinds of mail in turn: the recipients, the message, and whether it goes to the port where Postfix
# does without the milter when there is none.
KINDS = [
    ([READER], ordinary, False), ([FBL], load.report, False), ([READER], ordinary, True),
    ([FBL], bounce, False), ([READER], ordinary, False), ([READER, FBL], load.report, False),
    ([READER], ordinary, True), ([FBL], load.report, False),
]


class Session:
    """An SMTP session that takes messages one after the other."""

    def __init__(self, port):
        self.opened = time.monotonic()
        self.messages = 0
        self.peer = socket.create_connection(("127.0.0.1", port), timeout=2 * lib.PATIENCE)
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.peer.makefile("rb")
        self.greeting = self.reply()
        if self.greeting == 220:
            self.greeting = self.command(b"EHLO client.example")

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise lib.Failure(f"Postfix hung up: {line}")
            if line[3:4] != b"-":
                return int(line[:3])

    def command(self, line):
        self.peer.sendall(line + b"\r\n")
        return self.reply()

    def send(self, sender, recipients, message):
        """The code that decided."""
        self.messages += 1
        code = self.greeting
        lines = [b"MAIL FROM:<%s>" % sender] + \
                [b"RCPT TO:<%s>" % recipient.encode() for recipient in recipients] + [b"DATA"]
        for line in lines if code == 250 else []:
            code = self.command(line)
            if code >= 400:
                return code
        if code != 354:
            return code
        return self.command(lib.crlf(message).replace(b"\r\n.", b"\r\n..") + b".")

    def close(self):
        self.file.close()
        self.peer.close()


class Work:
    """Sessions that send, each message until it is accepted."""

    def __init__(self, tempfail, accept):
        self.ports = {False: tempfail, True: accept}
        self.lock = threading.Lock()
        self.next = 0
        self.refused = []   # (when the session was opened, when it was, code, message)
        self.waited = []    # seconds from the first try to the last, of those that needed several
        self.problems = []
        self.threads = [threading.Thread(target=self.guard, daemon=True) for _ in range(SESSIONS)]

    def guard(self):
        sessions = {}
        try:
            while (number := self.take()) is not None:
                self.deliver(sessions, number)
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(repr(problem))
        for session in sessions.values():
            session.close()

    def take(self):
        with self.lock:
            self.next += 1
            return self.next if self.next <= MESSAGES and not self.problems else None

    def deliver(self, sessions, number):
        recipients, make, accept = KINDS[number % len(KINDS)]
        sender = b"a@b.example" if make is ordinary else b""
        started = time.monotonic()
        tries = 0
        while True:
            if accept not in sessions:
                sessions[accept] = Session(self.ports[accept])
            session = sessions[accept]
            code = session.send(sender, recipients, make(number))
            tries += 1
            if code != 250:
                with self.lock:
                    self.refused.append((session.opened, time.monotonic(), code, number))
            if code != 250 or session.messages == IN_A_SESSION:
                sessions.pop(accept).close()
            if code == 250:
                break
            if time.monotonic() - started > 5 * lib.PATIENCE:
                raise lib.Failure(f"message {number} is not taken: {code}")
            time.sleep(0.05)
        if tries > 1:
            with self.lock:
                self.waited.append(time.monotonic() - started)


def numbers_of(make, mixed=False):
    return {number for number in range(1, MESSAGES + 1)
            if KINDS[number % len(KINDS)][1] is make or
            (mixed and len(KINDS[number % len(KINDS)][0]) > 1)}


def check_once(found, wanted, what):
    """Each number once, in whatever order (rule ENV-16)."""
    lib.expect(wanted - set(found), set(), f"{what}: lost")
    lib.expect(set(found) - wanted, set(), f"{what}: not sent")
    lib.expect(len(found), len(wanted), f"{what}: each once, of so many")


def check_records(folder):
    records = lib.json_lines(os.path.join(folder, "records"))
    found = {"Feedback": [], "OOB": []}
    for record in records:
        text = str(record["feedback_report"]["original_mail_from"]) \
            if record["type"] == "Feedback" else record["recipient"]
        found[record["type"]].append(int(re.search(r"\+(\d+)@", text)[1]))
    check_once(found["Feedback"], numbers_of(load.report), "records of feedback")
    check_once(found["OOB"], numbers_of(bounce), "records of bounces")


def check_mail(mta):
    """Byte for byte, under what Postfix puts on top."""
    found = []
    for mail in mta.mailbox(READER):
        number = int(re.search(rb"(?m)^Message-ID: <(?:letter|fbl)-(\d+)@", mail)[1])
        make = KINDS[number % len(KINDS)][1]
        sent = make(number)
        if make is not ordinary:
            sent = sent.split(b"\n", 1)[1]  # Return-Path
        if not mail.endswith(b"\n" + sent):
            raise lib.Failure(f"message {number} was changed: {mail}")
        found.append(number)
    check_once(found, numbers_of(ordinary, True), "mail for the reader")
    lib.expect(len(mta.mailbox(FBL)), 0, "reports that were delivered")


def check_refusals(work, down):
    """Only by milter_default_action, that is 451, and in a session that was open when the milter was
    away."""
    for opened, refused, code, number in work.refused:
        accept = KINDS[number % len(KINDS)][2]
        near = any(opened < end and begin < refused for begin, end in down)
        if accept or code != 451 or not near:
            raise lib.Failure(f"message {number} was refused with {code}; the session was opened at "
                              f"{opened}, refused at {refused}; dsnarf was away {down}")


def add_port(mta, milter):
    """Another one, where mail passes while the milter is away."""
    port = lib.free_port()
    with open(os.path.join(mta.folder, "etc", "master.cf"), "a", encoding="ascii") as file:
        file.write(f"127.0.0.1:{port} inet n - n - - smtpd\n"
                   f"    -o {{ smtpd_milters = {{ {milter}, default_action=accept }} }}\n")
    mta.reload()
    lib.wait_until(lambda: lib.answers(port), "Postfix listens there")
    return port


def kills_lose_and_repeat_nothing(folder):
    print(f"seed {SEED}", flush=True)
    dice = random.Random(SEED)
    milter = "unix:" + os.path.join(folder, "milter.sock")
    with contextlib.ExitStack() as stack:
        mta = stack.enter_context(lib.PrivatePostfix(folder, milter=milter, mailboxes=f"{FBL} {READER}"))
        daemon = stack.enter_context(lib.Daemon(folder, {
            "log.level": "info",
            "milter.listen": milter,
            "milter.socket_group": "postfix",
            "milter.reports": [FBL],
            "file.records.path": os.path.join(folder, "records"),
        }))
        work = Work(mta.port, add_port(mta, milter))
        started = time.monotonic()
        down = []
        for thread in work.threads:
            thread.start()
        for kill in range(1, KILLS + 1):
            # Kills are spread over the messages, at moments that nobody chose.
            lib.wait_until(lambda goal=(kill - dice.random()) * MESSAGES / KILLS:
                           work.next >= goal or work.problems, "messages are sent", 30 * lib.PATIENCE)
            begin = time.monotonic()
            (daemon.stop if dice.random() < 0.2 else daemon.kill9)()
            time.sleep(dice.uniform(0, 0.5))
            daemon.start()
            down.append((begin, time.monotonic()))
        for thread in work.threads:
            thread.join()
        took = time.monotonic() - started
        lib.expect(work.problems, [], "problems of the clients")

        wanted = len(numbers_of(load.report)) + len(numbers_of(bounce))
        path = os.path.join(folder, "records")
        lib.wait_until(lambda: len(lib.json_lines(path)) >= wanted, "all records are written")
        lib.wait_until(lambda: not mta.queue(), "Postfix's queue is empty", 5 * lib.PATIENCE)
        daemon.stop()
        check_records(folder)
        check_mail(mta)
        check_refusals(work, down)
        away = sum(end - begin for begin, end in down)
        print(f"    {MESSAGES} messages over {SESSIONS} sessions in {took:.0f} s, {KILLS} kills and stops, "
              f"away for {away:.1f} s, {len(work.refused)} answers of 451 to {len(work.waited)} "
              f"messages, which had to wait up to {max(work.waited, default=0):.1f} s")


lib.run(kills_lose_and_repeat_nothing)
