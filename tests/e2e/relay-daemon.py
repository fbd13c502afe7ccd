#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon with relays that are Maildirs, LMTP servers or names in the DNS."""
import email
import os
import re
import time

import dns_server
import lib
from dns_server import A, MX
from smtp_peer import Peer, peers


def files(path):
    new = os.path.join(path, "new")
    return sorted(os.listdir(new)) if os.path.isdir(new) else []


def read(path, name):
    with open(os.path.join(path, "new", name), "rb") as file:
        return file.read()


def post(daemon, count, first=0):
    """Records of bounces, each from a sender of its own."""
    answer = daemon.post([lib.record(number) for number in range(first, first + count)])
    lib.expect(answer[0], 200, "status of the records")


def reload(daemon, times):
    """Ends when that many reloads are in force."""
    daemon.reload()
    lib.wait_until(lambda: len(daemon.logged("is in force")) == times, "the reload")


def notices_go_into_a_maildir(folder):
    path = os.path.join(folder, "Maildir")
    with lib.Daemon(folder, {"relay.default.hosts": None,
                             "relay.default.maildir_path": path}) as daemon:
        post(daemon, 20)
        lib.wait_until(lambda: len(files(path)) == 20, "twenty files")
        lib.wait_until(lambda: daemon.waiting() == [], "nothing waits any more")
        wanted = {f"news+{number}@shop.example" for number in range(20)}
        found = set()
        for name in files(path):
            data = read(path, name)
            mail = email.message_from_bytes(data)
            lib.expect(mail["Return-Path"], "<>")
            lib.expect(mail.get_content_type(), "multipart/report")
            lib.expect(b"\r" in data, False, "a CR in a file")
            found.add(mail["Delivered-To"])
        lib.expect(found, wanted)
        lib.expect(os.listdir(os.path.join(path, "tmp")), [])
        line, = daemon.logged(r"to=<news\+7@shop.example>")
        if not re.search(rf"relay=maildir:{path} .* status=sent reply=\"stored as \d+\.D", line):
            raise lib.Failure(line)


def a_maildir_that_fails_is_tried_after_a_minute(folder):
    """Whatever retry_interval is. What is repaired need not wait for that."""
    path = os.path.join(folder, "missing", "Maildir")
    with lib.Daemon(folder, {"relay.default.hosts": None,
                             "relay.default.maildir_path": path}) as daemon:
        before = time.time()
        post(daemon, 3)
        lib.wait_until(lambda: len(daemon.logged("status=deferred")) == 3, "three failures")
        after = time.time()
        for line in daemon.logged("status=deferred"):
            if f"{path}: No such file or directory" not in line:
                raise lib.Failure(line)
        lib.wait_until(lambda: all(entry["attempts"] for entry in daemon.waiting()), "their attempts")
        for entry in daemon.waiting():
            lib.expect(entry["attempts"], 1, str(entry))
            if not before + 54 <= entry["next_attempt"] <= after + 66:
                raise lib.Failure(f"between {before} and {after}: {entry}")
        os.mkdir(os.path.dirname(path))
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of dsnarf queue retry")
        lib.wait_until(lambda: len(files(path)) == 3, "three files")


def a_crash_stores_nothing_twice(folder):
    path = os.path.join(folder, "Maildir")
    with lib.Daemon(folder, {"relay.default.hosts": None,
                             "relay.default.maildir_path": path}) as daemon:
        for turn in range(3):
            post(daemon, 100, 100 * turn)
            lib.wait_until(lambda: len(files(path)) >= 100 * turn + 5, "the first files")
            daemon.kill9()
            daemon.start()
        lib.wait_until(lambda: daemon.waiting() == [], "nothing waits any more")
        recipients = [email.message_from_bytes(read(path, name))["Delivered-To"]
                      for name in files(path)]
        lib.expect(len(recipients), 300, "files")
        lib.expect(len(set(recipients)), 300, "recipients")


def a_reload_changes_the_way(folder):
    """From a Maildir to a host that the DNS names, and on to LMTP."""
    path = os.path.join(folder, "Maildir")
    with Peer() as smtp, Peer(lmtp=True) as lmtp, dns_server.Server({
            ("example.test", MX): [(10, "mx.example.test")],
            ("mx.example.test", A): ["127.0.0.1"]}) as dns, \
            lib.Daemon(folder, {"relay.default.hosts": [],
                                "relay.default.maildir_path": path}) as daemon:
        post(daemon, 1)
        lib.wait_until(lambda: len(files(path)) == 1, "a file")
        daemon.configure(relay__default__hosts=["mx:example.test"], relay__default__port=smtp.port,
                         relay__default__maildir_path="", relay__default__resolver=dns.where)
        reload(daemon, 1)
        post(daemon, 1, 1)
        lib.wait_until(lambda: len(smtp.messages) == 1, "a notice over SMTP")
        lib.wait_until(lambda: daemon.logged(rf"relay=mx\.example\.test\[127\.0\.0\.1\]:{smtp.port} "
                                             ".*status=sent"), "a line about it")
        daemon.configure(relay__default__protocol="lmtp", relay__default__hosts=[lmtp.host])
        reload(daemon, 2)
        post(daemon, 1, 2)
        lib.wait_until(lambda: len(lmtp.messages) == 1, "a notice over LMTP")
        lib.expect((len(smtp.messages), len(files(path))), (1, 1))


def faults_of_the_dns_are_no_notices(folder):
    """They wait, without an attempt, until the name is known."""
    with Peer() as peer, dns_server.Server(
            {("mx.test", A): ["127.0.0.1"]}, {"mx.test": dns_server.SERVFAIL}) as dns, \
            lib.Daemon(folder, {"relay.default.hosts": [f"mx.test:{peer.port}"],
                                "relay.default.resolver": dns.where}) as daemon:
        answer = dns.records.pop(("mx.test", A))
        post(daemon, 3)
        lib.wait_until(lambda: len(daemon.logged(
            rf"relay: host mx\.test:{peer.port} paused for \d+ s: mx\.test: no DNS server answers"))
            >= 2, "two pauses")
        for entry in daemon.waiting():
            lib.expect(entry["attempts"], 0, str(entry))
        lib.expect(len(daemon.waiting()), 3)
        dns.records[("mx.test", A)] = answer
        dns.rcodes.clear()
        lib.wait_until(lambda: len(peer.messages) == 3, "the notices")
        lib.wait_until(lambda: daemon.logged(rf"host mx\.test:{peer.port} works again"),
                       "a line about the host")


def another_exchanger_takes_what_the_first_refuses(folder):
    """It greets and says no to MAIL: a fault of the host, which is paused, and then the other has its
    turn."""
    with peers(("127.0.0.2", {"mail": "554 5.7.1 go away"}), ("127.0.0.3", {})) as (first, second), \
            dns_server.Server({("example.test", MX): [(10, "a.test"), (20, "b.test")],
                               ("a.test", A): ["127.0.0.2"], ("b.test", A): ["127.0.0.3"]}) as dns, \
            lib.Daemon(folder, {"relay.default.hosts": [f"mx:example.test:{first.port}"],
                                "relay.default.connections": 1,
                                "relay.default.resolver": dns.where}) as daemon:
        post(daemon, 3)
        lib.wait_until(lambda: len(second.messages) == 3, "the notices")
        lib.expect(first.connections, 1)
        line, = daemon.logged("paused")
        if "MAIL: 554 5.7.1 go away" not in line:
            raise lib.Failure(line)


lib.run(notices_go_into_a_maildir, a_maildir_that_fails_is_tried_after_a_minute,
        a_crash_stores_nothing_twice, a_reload_changes_the_way, faults_of_the_dns_are_no_notices,
        another_exchanger_takes_what_the_first_refuses)
