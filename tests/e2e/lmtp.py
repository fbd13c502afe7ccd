#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reports that come by LMTP: from a scripted client, and from Postfix."""
import contextlib
import os
import random
import re
import smtplib
import socket
import threading
import time

import lib

REPORTS = "fbl@example.com"


def daemon_for(folder, start=True, **settings):
    port = lib.free_port()
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    daemon = lib.Daemon(folder, {
        "lmtp.listen": f"127.0.0.1:{port}",
        "lmtp.reports": [REPORTS, "bounce+*@example.com"],
        "file.out.path": os.path.join(folder, "out", "records"),
        "file.out.types": ["Feedback", "OOB"],
        **{key.replace("__", "."): value for key, value in settings.items()},
    }, start=start)
    daemon.lmtp = port
    return daemon


def records(folder):
    return lib.json_lines(os.path.join(folder, "out", "records"))


def wait_records(folder, count):
    return lib.wait_until(lambda: len(records(folder)) >= count and records(folder),
                          f"{count} records in the file")


def make_maildir(path):
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(path, part), exist_ok=True)
    return path


def files_in(path):
    texts = []
    for name in sorted(os.listdir(path)):
        with open(os.path.join(path, name), "rb") as file:
            texts.append(file.read())
    return texts


class Client:
    """A client that says whatever it is told to."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=lib.PATIENCE)
        self.file = self.socket.makefile("rb")

    def say(self, data):
        self.socket.sendall(data)

    def codes(self, count):
        """The codes of the next replies, each with all its lines."""
        codes = []
        while len(codes) < count:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise lib.Failure(f"{line!r} is no reply")
            if line[3:4] != b"-":
                codes.append(int(line[:3]))
        return codes

    def at_end(self):
        return self.file.read() == b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


def records_each_report_once(folder):
    with daemon_for(folder) as daemon:
        for number in (1, 1, 2):
            code, text = lib.send(daemon.lmtp, REPORTS, lib.feedback(number), lmtp=True)
            lib.expect(code, 250, text)
        code, text = lib.send(daemon.lmtp, "bounce+7@example.com", lib.example("dsn.eml"),
                              lmtp=True)
        lib.expect(code, 250, text)
        found = wait_records(folder, 3)
        lib.expect([record["type"] for record in found], ["Feedback", "Feedback", "OOB"])
        lib.expect(found[0]["recipient"], REPORTS, "recipient")
        lib.expect(found[0]["reception_protocol"], "LMTP", "protocol")
        lib.expect(found[0]["peer_address"]["addr"], "127.0.0.1", "peer")
        lib.expect(len({record["id"] for record in found}), 3, "ids")
        lib.expect(daemon.metrics()['dsnarf_messages_total{intake="lmtp",result="consumed"}'], 4)
        lib.expect(len(daemon.logged("verdict=discard")), 4, "lines of the log")
        lib.expect(len(daemon.logged("reason=duplicate")), 1, "lines about duplicates")


def refuses_what_is_no_report(folder):
    with daemon_for(folder) as daemon:
        code, text = lib.send(daemon.lmtp, REPORTS, lib.example("original.eml"), lmtp=True)
        lib.expect((code, text), (550, "5.7.1 Only reports are taken here: not-a-report"))
        code, text = lib.send(daemon.lmtp, "jane@example.com", lib.feedback(1), lmtp=True)
        lib.expect(code, 550, text)
        lib.expect(records(folder), [])


def delivers_what_is_no_report(folder):
    """Rule FBL-03; its null or other sender stays (rule ENV-12)."""
    others = make_maildir(os.path.join(folder, "others"))
    with daemon_for(folder, lmtp__others=others) as daemon:
        code, text = lib.send(daemon.lmtp, REPORTS, lib.example("original.eml"), lmtp=True,
                              sender="jane@customer.example")
        lib.expect(code, 250, text)
        mail, = files_in(os.path.join(others, "new"))
        lib.expect(mail.startswith(b"Return-Path: <jane@customer.example>\n"
                                   b"Delivered-To: fbl@example.com\n"
                                   b"Received: from client.example ([127.0.0.1])\n"), True,
                   "fields on top")
        lib.expect(mail.endswith(lib.example("original.eml")), True, "content")
        lib.expect(os.listdir(os.path.join(others, "tmp")), [])
        lib.expect(len(daemon.logged("verdict=deliver reason=not-a-report")), 1)
        code, text = lib.send(daemon.lmtp, REPORTS, lib.example("original.eml"), lmtp=True)
        lib.expect(code, 250, text)
        null = [mail for mail in files_in(os.path.join(others, "new"))
                if mail.startswith(b"Return-Path: <>\n")]
        lib.expect(len(null), 1, "mail with the null sender")


def knows_the_end_of_a_message(folder):
    """What some take for the end of a message, so that the rest would be a second one."""
    tricks = (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r",
              b"\r\n\x00.\r\n")
    others = make_maildir(os.path.join(folder, "others"))
    smuggled = b"MAIL FROM:<>\r\nRCPT TO:<fbl@example.com>\r\nDATA\r\nSubject: second\r\n"
    with daemon_for(folder, lmtp__others=others) as daemon, Client(daemon.lmtp) as client:
        client.say(b"LHLO client.example\r\n")
        for trick in tricks:
            client.say(b"MAIL FROM:<>\r\nRCPT TO:<fbl@example.com>\r\nDATA\r\n"
                       b"Subject: first\r\n\r\ntext" + trick + smuggled + b".\r\nNOOP\r\n")
        client.say(b"QUIT\r\n")
        wanted = [220, 250] + [250, 250, 354, 250, 250] * len(tricks) + [221]
        lib.expect(client.codes(len(wanted)), wanted, "replies")
        lib.expect(client.at_end(), True, "closed")
        mails = files_in(os.path.join(others, "new"))
        lib.expect(len(mails), len(tricks), "messages")
        lib.expect(all(b"second" in mail for mail in mails), True, "all of it in one message")


def bounds_what_it_reads(folder):
    with daemon_for(folder, limits__message="64KiB") as daemon, Client(daemon.lmtp) as client:
        client.say(b"LHLO c\r\nMAIL FROM:<> SIZE=65537\r\nMAIL FROM:<> SIZE=65536\r\n"
                   b"RCPT TO:<fbl@example.com>\r\nDATA\r\n")
        lib.expect(client.codes(6), [220, 250, 552, 250, 250, 354])
        for _ in range(1000):
            client.say(b"x" * 998 + b"\r\n")
        client.say(b".\r\n")
        lib.expect(client.codes(1), [552])
        client.say(b"NOOP " + b"x" * 100000 + b"\r\nNOOP\r\n")
        lib.expect(client.codes(2), [500, 250])
        client.say(b"GET / HTTP/1.1\r\n" * 19)
        lib.expect(client.codes(19)[-1], 421, "end of patience")
        lib.expect(client.at_end(), True, "closed")


def turns_away_too_many(folder):
    with daemon_for(folder, lmtp__connections=2) as daemon, contextlib.ExitStack() as clients:
        for _ in range(2):
            lib.expect(clients.enter_context(Client(daemon.lmtp)).codes(1), [220])
        with Client(daemon.lmtp) as third:
            lib.expect(third.codes(1), [421])
            lib.expect(third.at_end(), True, "closed")


def stops_in_order(folder):
    daemon = daemon_for(folder)
    with Client(daemon.lmtp) as idle, Client(daemon.lmtp) as busy:
        idle.say(b"LHLO c\r\n")
        lib.expect(idle.codes(2), [220, 250])
        busy.say(b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<fbl@example.com>\r\nDATA\r\nSubject:")
        lib.expect(busy.codes(5), [220, 250, 250, 250, 354])
        daemon.stop()
        for client in (idle, busy):
            lib.expect(client.codes(1), [421])
            lib.expect(client.at_end(), True, "closed")


def sends_again_when_the_spool_is_full(folder):
    """A full spool is 451; when there is room again, all goes in once."""
    out = os.path.join(folder, "out")
    with daemon_for(folder, spool__max_size="40MiB") as daemon:
        os.rename(out, out + "-away")  # so that records stay in the spool
        taken, refused = 0, None
        for number in range(1000):
            message = lib.feedback(number).replace(b"Everything", b"Everything\n" * 20000)
            code, text = lib.send(daemon.lmtp, REPORTS, message, lmtp=True)
            if code != 250:
                lib.expect((code, text), (451, "4.3.0 Not recorded, try again later"))
                refused = message
                break
            taken += 1
        lib.expect(refused is not None, True, "the spool is full")
        os.rename(out + "-away", out)
        lib.wait_until(lambda: lib.send(daemon.lmtp, REPORTS, refused, lmtp=True)[0] == 250,
                       "there is room again")
        found = wait_records(folder, taken + 1)
        lib.expect(len({record["id"] for record in found}), taken + 1, "different records")
        lib.expect(len(found), taken + 1, "records")


def survives_kills(folder):
    """A client that sends each report until it has its 250, while the daemon is killed again and
    again: one record each (rule ENV-16)."""
    count = 300
    daemon = daemon_for(folder)
    stop = threading.Event()
    failures = []

    def deliver(first):
        for number in range(first, count, 3):
            deadline = time.monotonic() + 5 * lib.PATIENCE  # no attempt may succeed before the last kill
            while not stop.is_set():
                try:
                    if lib.send(daemon.lmtp, REPORTS, lib.feedback(number), lmtp=True)[0] == 250:
                        break
                except (OSError, smtplib.SMTPException):
                    time.sleep(0.01)
                if time.monotonic() > deadline:
                    failures.append(number)
                    return

    clients = [threading.Thread(target=deliver, args=(n,)) for n in range(3)]
    for client in clients:
        client.start()
    try:
        kills = 0
        while any(client.is_alive() for client in clients):
            time.sleep(random.uniform(0, 0.15))
            if kills < 20:
                daemon.kill9()
                daemon.start()
                kills += 1
        lib.expect(failures, [], "reports that were not taken")
        found = wait_records(folder, count)
        daemon.stop()
        found = records(folder)
        lib.expect(len({record["id"] for record in found}), count, "different records")
        lib.expect(len(found), count, f"records after {kills} kills")
    finally:
        stop.set()
        for client in clients:
            client.join()
        if daemon.child is not None:
            daemon.kill9()


def postfix_delivers(folder):
    """The road of transport_maps: what is down waits in Postfix, and what is no report bounces."""
    daemon = daemon_for(folder)
    with lib.PrivatePostfix(folder, lmtp=f"{REPORTS} inet:127.0.0.1:{daemon.lmtp}",
                            mailboxes="news@shop.example") as postfix, daemon:
        lib.expect(lib.send(postfix.port, REPORTS, lib.feedback(1))[0], 250)
        wait_records(folder, 1)
        sent = lib.wait_until(lambda: postfix.logged(r"status=sent \(250 2\.0\.0 Recorded as "),
                              "Postfix has its answer")
        queue_id = re.search(r"lmtp\[\d+\]: (\w+):", sent[0]).group(1)
        lib.expect(len(daemon.logged(rf"\]: {queue_id}: from=<.*verdict=discard")), 1,
                   "lines with Postfix's queue id")

        lib.expect(lib.send(postfix.port, REPORTS, lib.example("original.eml"),
                            sender="news@shop.example")[0], 250)
        bounce, = lib.wait_until(lambda: postfix.mailbox("news@shop.example"), "a bounce")
        lib.expect(b"Only reports are taken here: not-a-report" in bounce, True, "it says why")

        daemon.stop()
        lib.expect(lib.send(postfix.port, REPORTS, lib.feedback(2))[0], 250)
        lib.wait_until(lambda: postfix.logged("status=deferred .*Connection refused"), "it waits")
        lib.wait_until(lambda: [mail["queue_name"] for mail in postfix.queue()] == ["deferred"],
                       "it is the only one in the queue")
        daemon.start()
        postfix.flush()
        wait_records(folder, 2)
        lib.wait_until(lambda: not postfix.queue(), "the queue is empty")


if __name__ == "__main__":
    lib.run(records_each_report_once, refuses_what_is_no_report, delivers_what_is_no_report,
            knows_the_end_of_a_message, bounds_what_it_reads, turns_away_too_many, stops_in_order,
            sends_again_when_the_spool_is_full, survives_kills, postfix_delivers)
