#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Spool and relay against servers that work, fail and come back."""
import base64
import collections
import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import threading
import time

import lib
import smtp_peer
from smtp_peer import ALL, Peer, close, late, reset, say_and_close, silent

DRIVER = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "e2e", "relay-driver")
DEFAULTS = {"ehlo": "", "tls": 0, "connections": 2, "deliveries": 1000, "idle_timeout": 5,
            "connect_timeout": 5, "retry_interval": 0.2, "max_retry_interval": 1, "max_age": 3600}


def notice(number, content=None, **changes):
    content = b"Subject: %d\r\n\r\nnotice\r\n" % number if content is None else content
    return {"id": f"record-{number}", "to": f"r{number}@example.com",
            "content": base64.b64encode(content).decode(), **changes}


class Relay:
    """The driver over the spool of a folder."""

    def __init__(self, folder):
        self.log_file = os.path.join(folder, "log")
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen([DRIVER, os.path.join(folder, "spool")],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def do(self, what, **arguments):
        self.child.stdin.write(json.dumps({"do": what, **arguments}).encode() + b"\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise lib.Failure(f"the driver ended with {self.child.wait()}")
        return json.loads(line)

    def start(self, *hosts, **options):
        return self.do("start", **{**DEFAULTS, "hosts": list(hosts), **options})

    def put(self, count, first=0, **changes):
        self.do("put", notices=[notice(n, **changes) for n in range(first, first + count)])

    def wait_empty(self):
        try:
            lib.wait_until(lambda: self.do("count")["waiting"] == 0, "nothing waits any more")
        except lib.Failure as failure:
            waiting = [entry for entry in self.do("list") if entry["state"] == "waiting"]
            raise lib.Failure(f"{failure}: {waiting[:5]} of {len(waiting)}") from None

    def log(self):
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def logged(self, pattern):
        return [line for line in self.log().split("\n") if re.search(pattern, line)]

    def end(self):
        self.child.stdin.close()
        lib.expect(self.child.wait(lib.PATIENCE), 0, "exit status of the driver")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.child.kill()
            self.child.wait()


def recipients(*peers):
    return collections.Counter(given["rcpt"][0] for peer in peers for given in peer.messages)


def expect_once(count, *peers):
    """Each of so many notices came once, as it was."""
    found = recipients(*peers)
    wanted = collections.Counter(f"RCPT TO:<r{n}@example.com> NOTIFY=NEVER" for n in range(count))
    lib.expect(found - wanted, collections.Counter(), "too many")
    lib.expect(wanted - found, collections.Counter(), "missing")
    for peer in peers:
        for given in peer.messages:
            number = int(re.search(r"<r(\d+)@", given["rcpt"][0])[1])
            lib.expect(given["content"], b"Subject: %d\r\n\r\nnotice\r\n" % number)
        lib.expect(peer.faults, [], "what the client did wrong")


def all_are_sent_once_over_kept_connections(folder):
    with Peer() as peer, Relay(folder) as relay:
        relay.put(500)
        relay.start(peer.host, connections=4)
        relay.wait_empty()
        relay.put(10, 500)
        relay.wait_empty()
        expect_once(510, peer)
        lib.expect(relay.logged("warning:"), [], "warnings")
        lib.expect(relay.do("count"), {"sent": 510, "deferred": 0, "dead": 0, "faults": 0,
                                       "waiting": 0, "dead_letters": 0})
        if peer.connections > 4:
            raise lib.Failure(f"{peer.connections} connections")
        lines = relay.logged(r"record-7: to=<r7@example.com> relay=127\.0\.0\.1\[127\.0\.0\.1\]:"
                             rf"{peer.port} delay=\d+ attempts=1 status=sent "
                             'reply="250 2.0.0 Ok: queued"')
        lib.expect(len(lines), 1, "lines about a notice")
        relay.do("stop")
        lib.wait_until(lambda: peer.seen.count("QUIT") == peer.connections, "QUIT over each")


def an_idle_connection_is_closed(folder):
    with Peer() as peer, Relay(folder) as relay:
        relay.put(1)
        relay.start(peer.host, connections=1, idle_timeout=0.5)
        relay.wait_empty()
        lib.wait_until(lambda: "QUIT" in peer.seen, "QUIT of the idle connection")
        relay.put(1, 1)
        relay.wait_empty()
        lib.expect(peer.connections, 2)


def a_connection_has_its_share(folder):
    with Peer() as peer, Relay(folder) as relay:
        relay.put(25)
        relay.start(peer.host, connections=1, deliveries=10)
        relay.wait_empty()
        expect_once(25, peer)
        lib.expect(peer.connections, 3)
        lib.expect(relay.do("count")["faults"], 0)


def no_address_adds_a_header_to_a_file(folder):
    """SEC-01: what is no mailbox is stored for nobody."""
    path = os.path.join(folder, "Maildir")
    with Relay(folder) as relay:
        relay.put(1)
        for number, address in enumerate(("a@b.example\r\nX: y", "a@b.example\nX: y", "a b", ""), 1):
            relay.put(1, number, to=address)
        relay.start(maildir_path=path)
        relay.wait_empty()
        name, = os.listdir(os.path.join(path, "new"))
        with open(os.path.join(path, "new", name), "rb") as file:
            lib.expect(file.read(), b"Return-Path: <>\nDelivered-To: r0@example.com\n"
                                    b"Subject: 0\n\nnotice\n")
        lib.expect({entry["reason"] for entry in relay.do("list")}, {"5.1.3 not an address"})


def a_refused_notice_is_a_dead_letter(folder):
    script = {"rcpt": lambda session: answer_by_number(session, {3: "550 5.1.1 unknown"}),
              "dot": ["250 2.0.0 Ok"]}
    with Peer(script) as peer, Relay(folder) as relay:
        relay.put(6)
        relay.start(peer.host)
        relay.wait_empty()
        dead, = relay.do("list")
        lib.expect((dead["id"], dead["state"], dead["reason"]),
                   ("record-3", "dead", "550 5.1.1 unknown"))
        lib.expect(len(relay.logged('record-3: .*status=dead reply="550 5.1.1 unknown"')), 1)
        lib.expect(sum(recipients(peer).values()), 5)
        lib.expect(relay.do("count")["dead"], 1)
        peer.script.clear()
        lib.expect(relay.do("retry"), 1)
        relay.wait_empty()
        expect_once(6, peer)


def answer_by_number(session, replies):
    """For RCPT: what is said depends on the recipient."""
    number = int(re.search(r"<r(\d+)@", session.given)[1])
    reply = replies.get(number, "250 2.1.5 Ok")
    session.say(reply)
    return reply


def a_temporary_refusal_is_tried_again(folder):
    with Peer({"rcpt": ["450 4.2.0 greylisted"] * 5 + ["250 Ok"]}) as peer, Relay(folder) as relay:
        relay.put(5)
        relay.start(peer.host, connections=1)
        relay.wait_empty()
        expect_once(5, peer)
        state = relay.do("count")
        lib.expect((state["deferred"], state["faults"]), (5, 0))
        lib.expect(len(relay.logged("attempts=2 status=sent")), 5)
        lib.expect(len(relay.logged('attempts=1 status=deferred reply="450 4.2.0 greylisted"')), 5)


def the_answer_to_the_content_counts(folder):
    """ENV-17: 4yz is tried again; 5yz is kept, with what the host said, for a person to look at."""
    script = {"dot": ["451 4.3.0 later", "554 5.6.0 not like this", "250 2.0.0 Ok"]}
    with Peer(script) as peer, Relay(folder) as relay:
        relay.put(3)
        relay.start(peer.host, connections=1)
        relay.wait_empty()
        state = relay.do("count")
        lib.expect((state["sent"], state["deferred"], state["dead_letters"]), (2, 1, 1))
        dead, = relay.do("list")
        lib.expect((dead["state"], dead["reason"]), ("dead", "554 5.6.0 not like this"))
        given = collections.Counter(mail["rcpt"][0] for mail in peer.messages)
        lib.expect(sorted(given.values()), [1, 1, 2], "how often each was sent")


def a_notice_that_is_too_old_is_a_dead_letter(folder):
    with Peer({"dot": "451 4.3.0 later"}) as peer, Relay(folder) as relay:
        relay.put(2)
        relay.start(peer.host, max_age=6)
        relay.wait_empty()
        entries = relay.do("list")
        lib.expect([entry["state"] for entry in entries], ["dead", "dead"])
        for entry in entries:
            if not re.fullmatch(r"given up after 0 minutes: 451 4\.3\.0 later", entry["reason"]):
                raise lib.Failure(entry["reason"])
            if entry["attempts"] < 2:
                raise lib.Failure(f"only {entry['attempts']} attempts")


def age_ends_what_no_host_was_found_for(folder):
    with Relay(folder) as relay:
        relay.put(300)
        relay.start(f"127.0.0.1:{lib.free_port()}", max_age=2, connections=2)
        relay.wait_empty()
        entries = relay.do("list")
        lib.expect({entry["state"] for entry in entries}, {"dead"})
        lib.expect(len(entries), 300)
        for entry in entries:
            if "given up after 0 minutes: 127.0.0.1:" not in entry["reason"]:
                raise lib.Failure(entry["reason"])
        with Peer() as peer:  # retry begins again
            relay.start(peer.host)
            lib.expect(relay.do("retry"), 300)
            relay.wait_empty()
            expect_once(300, peer)


HOST_FAULTS = {
    "5xx banner": ({"banner": "554 5.7.1 no"}, "554 5.7.1 no"),
    "421 banner": ({"banner": "421 4.3.2 no"}, "421 4.3.2 no"),
    "closed": ({"banner": close}, ""),
    "EHLO": ({"ehlo": "554 5.7.1 no", "helo": "554 5.7.1 no"}, "554 5.7.1 no"),
    "nonsense": ({"mail": "banana"}, "MAIL: not an SMTP reply"),
    "421 at MAIL": ({"mail": "421 4.3.2 busy"}, "MAIL: 421 4.3.2 busy"),
    "lost at MAIL": ({"mail": close}, "MAIL: lost connection"),
    "5xx at MAIL": ({"mail": "550 5.7.1 not you"}, "MAIL: 550 5.7.1 not you"),
}


def one_host_fault(folder, label):
    script, word = HOST_FAULTS[label]
    connections = 4
    with Peer(script) as peer, Relay(folder) as relay:
        relay.put(20)
        relay.start(peer.host, connections=connections)
        lib.wait_until(lambda: relay.do("count")["faults"] >= 3, f"{label}: three faults")
        entries = relay.do("list")
        lib.expect([entry["state"] for entry in entries], ["waiting"] * 20, label)
        # the one that MAIL was about waits for itself, lest it stands in the way of others; each
        # connection may have one more whose fault is not counted yet
        tried = sum(entry["attempts"] for entry in entries)
        if tried > (relay.do("count")["faults"] + connections if label == "5xx at MAIL" else 0):
            raise lib.Failure(f"{label}: {tried} attempts")
        lines = lib.wait_until(lambda: relay.logged(
            rf"relay: host 127\.0\.0\.1:{peer.port} paused for \d+ s: .*" + re.escape(word)),
            f"{label}: a line about the host")
        if len(lines) > relay.do("count")["faults"]:
            raise lib.Failure(f"{label}: {len(lines)} lines about the host")
        # who was refused EHLO just now is refused HELO, too, where DSN is not offered
        peer.script = {stage: act for stage, act in peer.script.items() if stage == "helo"}
        relay.wait_empty()
        expect_once(20, peer)
        # a connection from before the pause may have taken them all: that does not end the pause
        numbers = itertools.count(20)
        lib.wait_until(lambda: relay.logged("works again") or not feed(relay, next(numbers)),
                       f"{label}: a line that it works again")
        relay.wait_empty()
        lib.expect(set(recipients(peer).values()), {1}, "how often each was sent")


def a_host_fault_never_burns_the_queue(folder):
    with concurrent.futures.ThreadPoolExecutor(len(HOST_FAULTS)) as pool:
        runs = []
        for label in HOST_FAULTS:
            place = os.path.join(folder, label)
            os.mkdir(place)
            runs.append(pool.submit(one_host_fault, place, label))
        for run in runs:
            run.result()


def pauses_double(folder):
    with Peer({"banner": "421 4.3.2 no"}) as peer, Relay(folder) as relay:
        relay.put(5)
        relay.start(peer.host, connections=4, retry_interval=0.2, max_retry_interval=60)
        time.sleep(4)
        # 0.2 to 0.4 s, to 0.8, to 1.6, to 3.2 ...
        if peer.connections > 20:
            raise lib.Failure(f"{peer.connections} connections in 4 s")
        lib.wait_until(lambda: peer.connections >= 3, "more than one attempt")
        lib.expect(relay.do("list")[0]["attempts"], 0)
        used = relay.cpu_seconds()
        if used > 1:
            raise lib.Failure(f"{used} s of processor time while it waited")


def the_next_host_is_used_meanwhile(folder):
    with Peer({"banner": "421 4.3.2 no"}) as first, Peer() as second, Relay(folder) as relay:
        relay.put(100)
        relay.start(first.host, second.host, connections=2, retry_interval=1)
        relay.wait_empty()
        lib.expect(len(second.messages), 100)
        first.script.clear()
        numbers = itertools.count(100)
        lib.wait_until(lambda: feed(relay, next(numbers)) and first.messages,
                       "the first host is used again")
        relay.wait_empty()
        lib.expect(set(recipients(first, second).values()), {1}, "how often each was sent")


def feed(relay, number):
    relay.put(1, number)
    time.sleep(0.1)
    return True


def all_hosts_down_and_one_comes_back(folder):
    ports = [lib.free_port() for _ in range(3)]
    with Relay(folder) as relay:
        relay.put(50)
        relay.start(*[f"127.0.0.1:{port}" for port in ports], connections=3)
        lib.wait_until(lambda: relay.do("count")["faults"] >= 6, "faults")
        with Peer() as peer:
            relay.start(f"127.0.0.1:{ports[0]}", peer.host)
            relay.wait_empty()
            expect_once(50, peer)


def no_host_is_no_fault(folder):
    with Peer() as peer, Relay(folder) as relay:
        relay.put(3)
        relay.start(connections=4)
        lib.wait_until(lambda: relay.logged("no host is configured"), "a warning")
        time.sleep(1.5)
        lib.expect(len(relay.logged("no host is configured")), 1)
        lib.expect(relay.do("count")["waiting"], 3)
        relay.start(peer.host)
        relay.wait_empty()
        expect_once(3, peer)


def a_kick_forgets_pauses(folder):
    with Peer({"banner": ["554 5.7.1 no", "220 hi"]}) as peer, Relay(folder) as relay:
        relay.put(3)
        relay.start(peer.host, connections=1, retry_interval=3600, max_retry_interval=7200)
        lib.wait_until(lambda: relay.logged("paused for"), "the pause")
        relay.do("retry")
        relay.wait_empty()
        expect_once(3, peer)


def a_working_connection_outlives_the_refusal_of_others(folder):
    """The host takes one connection at a time, and says so to all others."""
    lock = threading.Lock()

    def one_at_a_time(session):
        if not lock.acquire(blocking=False):
            session.say("421 4.7.0 too many connections")
            close(session)
        session.at_end = lock.release
        session.say("220 hi")

    with Peer({"banner": one_at_a_time, "dot": late(0.02, "250 Ok")}) as peer, \
            Relay(folder) as relay:
        relay.put(100)
        started = time.monotonic()
        relay.start(peer.host, connections=4, retry_interval=0.5)
        relay.wait_empty()
        took = time.monotonic() - started
        expect_once(100, peer)
        if peer.connections > 20 + 4 * took:  # it asks no more than twice a second
            raise lib.Failure(f"{peer.connections} connections in {took:.1f} s")


def eight_bit_notice(number, to="s@example.com"):
    return (f"To: {to}\r\nSubject: {number}\r\nMIME-Version: 1.0\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\nEs grünt so grün.\r\n").encode()


def what_a_host_cannot_take_goes_to_the_next(folder):
    with Peer(keywords=("PIPELINING", "DSN")) as first, Peer() as second, Relay(folder) as relay:
        relay.put(5)
        relay.put(5, 5, eight_bit=True, utf8=True, content=eight_bit_notice(0, "ß@example.com"))
        relay.start(first.host, second.host)
        relay.wait_empty()
        lib.expect((len(first.messages), len(second.messages)), (5, 5))
        lib.expect({given["content"] for given in second.messages},
                   {eight_bit_notice(0, "ß@example.com")})


def a_host_without_8bitmime_gets_seven_bits(folder):
    """The same bytes each time, and as it is when a host can take that (MIME-12)."""
    script = {"dot": ["451 4.3.0 later", close, "250 Ok"]}
    with Peer(script, keywords=("PIPELINING",)) as peer, Relay(folder) as relay:
        relay.put(1, eight_bit=True, content=eight_bit_notice(0))
        relay.start(peer.host, connections=1)
        relay.wait_empty()
        contents = {given["content"] for given in peer.messages}
        lib.expect(len(contents), 1, "different bytes")
        text = contents.pop()
        lib.expect((text.isascii(), b"quoted-printable" in text, b"gr=C3=BCn" in text),
                   (True, True, True), text.decode("latin-1"))
        lib.expect(len(relay.logged("attempts=3 status=sent converted=7bit reply=")), 1)
        with Peer() as able:
            relay.start(able.host)
            relay.put(1, 1, eight_bit=True, content=eight_bit_notice(1))
            relay.wait_empty()
            lib.expect([given["content"] for given in able.messages], [eight_bit_notice(1)])
            lib.expect(len(relay.logged("converted")), 3)


def requiretls_is_kept_and_asked_for(folder):
    """It is in the spool across a restart, goes out where the host offers it (ENV-18), and keeps no
    notice back where not (ENV-19). The log says which."""
    certificate = smtp_peer.make_certificate(folder)
    secure = {"keywords": ("STARTTLS",), "tls_keywords": ALL + ("REQUIRETLS",),
              "certificate": certificate}

    def given_up(session):
        asked = "REQUIRETLS" in session.given
        reply = "550 5.7.30 REQUIRETLS support required" if asked else smtp_peer.GOOD["mail"]
        session.say(reply)
        return reply

    rows = [  # the host, which MAIL of the two ends so, what the log says
        (secure, [False, True], "yes"),
        ({"keywords": ALL}, [False, False], "not-offered"),
        ({**secure, "script": {"mail": given_up}}, [False, False], "refused"),
    ]
    for number, (host, asked, word) in enumerate(rows):
        place = os.path.join(folder, str(number))
        os.mkdir(place)
        with Relay(place) as relay:
            relay.put(1)
            relay.put(1, 1, requiretls=True)
        with Peer(**host) as peer, Relay(place) as relay:
            relay.start(peer.host, tls=2, connections=1)
            relay.wait_empty()
            lib.expect([given["mail"].endswith(" REQUIRETLS") for given in peer.messages], asked,
                       word)
            lib.expect([given["rcpt"][0] for given in peer.messages],
                       [f"RCPT TO:<r{n}@example.com> NOTIFY=NEVER" for n in (0, 1)])
            lib.expect(relay.do("count")["faults"], 0)
            line, = relay.logged(f"record-1: .*status=sent requiretls={word} reply=")
            lib.expect("attempts=1 " in line, True, line)
            lib.expect(relay.logged("record-0: .*requiretls"), [])
            lib.expect(peer.faults, [], "what the client did wrong")


def what_no_host_can_take_is_a_dead_letter(folder):
    with Peer(keywords=()) as first, Peer(keywords=("8BITMIME",)) as second, Relay(folder) as relay:
        relay.do("put", notices=[{**notice(0), "to": "größe@example.com", "utf8": True}])
        relay.put(1, 1, utf8=True, content=eight_bit_notice(1, "ß@example.com"))
        relay.start(first.host, second.host)
        relay.wait_empty()
        dead = sorted((entry["id"], entry["state"], entry["reason"]) for entry in relay.do("list"))
        lib.expect(dead, [
            ("record-0", "dead", "5.6.7 SMTPUTF8 is not offered"),
            ("record-1", "dead", "5.6.7 SMTPUTF8 is not offered, and it cannot be converted")])
        lib.expect(len(first.messages) + len(second.messages), 0)


def what_only_an_absent_host_may_take_waits(folder):
    with Peer(keywords=()) as first, Relay(folder) as relay:
        relay.put(1, eight_bit=True, content=eight_bit_notice(0, "ß@example.com"))
        relay.start(first.host, f"127.0.0.1:{lib.free_port()}", connections=1)
        lib.wait_until(lambda: relay.do("count")["deferred"] >= 2, "two attempts")
        entry, = relay.do("list")
        lib.expect((entry["state"], entry["reason"]),
                   ("waiting", "5.6.3 8BITMIME is not offered, and it cannot be converted"))
        if len(first.seen) > 40:
            raise lib.Failure("the host was asked again and again")


def a_lost_reply_repeats_the_same_bytes(folder):
    for number, act in enumerate((close, reset, say_and_close(b"250 2.0.0 O"))):
        place = os.path.join(folder, str(number))
        os.mkdir(place)
        with Peer({"dot": ["250 Ok", act, "250 Ok"]}) as peer, Relay(place) as relay:
            relay.put(10)
            relay.start(peer.host, connections=1)
            relay.wait_empty()
            twice = [rcpt for rcpt, count in recipients(peer).items() if count == 2]
            lib.expect(len(twice), 1, "notices that came twice")
            lib.expect(sum(recipients(peer).values()), 11)
            copies = [given["content"] for given in peer.messages if given["rcpt"] == twice]
            lib.expect(copies[0], copies[1])
            lib.expect(len(relay.logged("status=deferred .*the host may have the message")), 1)


def a_connection_that_ends_between_messages_is_no_fault(folder):
    with Peer({"mail": ["250 Ok", say_and_close("421 4.4.2 enough")] * 10 + ["250 Ok"]}) as peer, \
            Relay(folder) as relay:
        relay.put(10)
        relay.start(peer.host, connections=1)
        relay.wait_empty()
        expect_once(10, peer)
        state = relay.do("count")
        lib.expect((state["faults"], state["deferred"]), (0, 0))


def a_stop_finishes_what_is_on_its_way(folder):
    with Peer({"dot": late(0.3, "250 Ok")}) as peer:
        with Relay(folder) as relay:
            relay.put(40)
            relay.start(peer.host, connections=2)
            lib.wait_until(lambda: len(peer.messages) >= 4, "some are sent")
            started = time.monotonic()
            relay.do("stop")
            if time.monotonic() - started > 30:
                raise lib.Failure("the stop took long")
            sent = relay.do("count")["sent"]
            lib.expect(len(peer.messages), sent, "messages that were begun and not counted")
            if sent == 40:
                raise lib.Failure("it did not stop before all were sent")
        peer.script.clear()
        with Relay(folder) as relay:  # from the disk
            lib.expect(relay.do("count")["waiting"], 40 - sent)
            lib.expect({entry["attempts"] for entry in relay.do("list")}, {0})
            relay.start(peer.host)
            relay.wait_empty()
            expect_once(40, peer)


def a_stop_does_not_wait_for_a_silent_host(folder):
    with Peer({"banner": silent}) as peer, Relay(folder) as relay:
        relay.put(1)
        relay.start(peer.host, connections=2)
        lib.wait_until(lambda: peer.connections, "a connection")
        started = time.monotonic()
        relay.do("stop")
        if time.monotonic() - started > 30:
            raise lib.Failure("the stop took long")
        lib.expect(relay.do("count")["faults"], 0)


def a_reload_changes_hosts_and_words(folder):
    with Peer() as first, Peer() as second, Relay(folder) as relay:
        relay.put(5)
        relay.start(first.host, connections=1)
        relay.wait_empty()
        relay.start(second.host, ehlo="other.example")
        relay.put(5, 5)
        relay.wait_empty()
        expect_once(10, first, second)
        lib.expect((first.seen[0], second.seen[0]), ("EHLO host.example", "EHLO other.example"))
        lib.wait_until(lambda: first.seen[-1] == "QUIT", "the end of the first connection")


def no_password_is_logged(folder):
    with Peer({"auth": "535 5.7.8 no"}, keywords=("AUTH PLAIN LOGIN",)) as peer, \
            Relay(folder) as relay:
        relay.put(1)
        relay.start(peer.host, user="user", password="secret-word")
        lib.wait_until(lambda: relay.do("count")["faults"] >= 2, "faults")
        lib.expect(len(peer.auth) > 0, True)
        if "secret" in relay.log() or "c2VjcmV0" in relay.log():
            raise lib.Failure("the password is in the log")
        lib.expect(relay.do("list")[0]["state"], "waiting")


def chaos(folder):
    """A host that fails in some way every few commands: nothing is lost, and only what a lost reply
    explains comes twice."""
    acts = (["250 2.1.0 Ok"] * 23 + [close] + ["250 2.1.0 Ok"] * 17 + ["451 4.3.0 later"]
            + ["250 2.1.0 Ok"] * 11 + [say_and_close("421 4.3.2 busy")]
            + ["250 2.1.0 Ok"] * 19 + [reset])
    dots = ["250 2.0.0 Ok"] * 29 + [close] + ["250 2.0.0 Ok"] * 31 + ["451 4.3.0 later"]
    script = {"mail": acts * 30, "rcpt": acts * 30, "dot": dots * 30}
    with Peer(script) as peer, Relay(folder) as relay:
        relay.put(1000)
        relay.start(peer.host, connections=4, retry_interval=0.05, max_retry_interval=0.2)
        relay.wait_empty()
        found = recipients(peer)
        lib.expect(len(found), 1000, "notices that came")
        lost = len(relay.logged("status=deferred .*the host may have the message"))
        again = len([1 for given in peer.messages if given.get("reply", "").startswith("451")])
        lib.expect(sum(found.values()), 1000 + lost + again, "messages")
        lib.expect((relay.do("count")["sent"], relay.do("list")), (1000, []))


lib.run(all_are_sent_once_over_kept_connections, an_idle_connection_is_closed,
        a_connection_has_its_share, no_address_adds_a_header_to_a_file, a_refused_notice_is_a_dead_letter,
        a_temporary_refusal_is_tried_again, the_answer_to_the_content_counts, a_notice_that_is_too_old_is_a_dead_letter,
        age_ends_what_no_host_was_found_for, a_host_fault_never_burns_the_queue, pauses_double,
        the_next_host_is_used_meanwhile, all_hosts_down_and_one_comes_back, no_host_is_no_fault,
        a_kick_forgets_pauses, a_working_connection_outlives_the_refusal_of_others,
        what_a_host_cannot_take_goes_to_the_next, a_host_without_8bitmime_gets_seven_bits,
        requiretls_is_kept_and_asked_for,
        what_no_host_can_take_is_a_dead_letter,
        what_only_an_absent_host_may_take_waits, a_lost_reply_repeats_the_same_bytes,
        a_connection_that_ends_between_messages_is_no_fault, a_stop_finishes_what_is_on_its_way,
        a_stop_does_not_wait_for_a_silent_host, a_reload_changes_hosts_and_words,
        no_password_is_logged, chaos)
