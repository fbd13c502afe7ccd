#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The SMTP client against a server that answers every kind of nonsense."""
import base64
import concurrent.futures
import email
import json
import os
import quopri
import signal
import socket
import subprocess
import threading
import time

import lib
import smtp_peer
from smtp_peer import ALL, Peer, close, late, reset, say_and_close, silent, trickle

DRIVER = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "e2e", "smtp-driver")
DISABLED, OPPORTUNISTIC, OPPORTUNISTIC_INSECURE, REQUIRED, REQUIRED_INSECURE = range(5)
LOCK_STEP = tuple(word for word in ALL if word != "PIPELINING")
CONTENT = b"Subject: x\r\n\r\nhello\r\n"

# Without the times of a fault, in which a test that goes wrong would wait for minutes.
SHORT = {"connect": 30, "greeting": 30, "command": 30, "data": 30, "block": 30, "dot": 30,
         "quit": 30}


def message(number=1, content=CONTENT, to=None, **flags):
    to = f"r{number}@example.com" if to is None else to
    return {"to": base64.b64encode(to.encode() if isinstance(to, str) else to).decode(),
            "content": base64.b64encode(content).decode(), **flags}


def start(host, runs, times=None, **target):
    """Starts the driver over runs of messages."""
    child = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    settings = {"host": host, "ehlo": "client.example", "tls": DISABLED, "deliveries": 100,
                "times": {**SHORT, **(times or {})}, "runs": runs, **target}
    child.stdin.write(json.dumps(settings).encode())
    child.stdin.close()
    return child


def finish(child):
    out = child.stdout.read()
    lib.expect(child.wait(), 0, "exit status of the driver")
    return json.loads(out)


def send(host, runs, times=None, **target):
    return finish(start(host, runs, times, **target))


def outcomes(run):
    return [outcome for outcome, _ in run["messages"]]


def expect_order(peer):
    lib.expect(peer.faults, [], "what the client did wrong")


# ---- what a script leads to: how the run ends, the outcomes of three messages, a word of the reason
#      or of the reply that is not Ok, and how many messages the server has ----

ENDS = [
    # nothing wrong
    ("orderly", {}, "done", "sent sent sent", "Ok", 3),
    ("byte by byte", {"mail": trickle("250-2.1.0 a\n250 2.1.0 b"), "dot": trickle("250 2.0.0 Ok")},
     "done", "sent sent sent", "Ok", 3),
    ("251", {"rcpt": "251 2.1.5 will forward"}, "done", "sent sent sent", "Ok", 3),
    ("bare LF", {"mail": b"250 Ok\n", "dot": b"250 2.0.0 Ok\n"}, "done", "sent sent sent", "Ok", 3),
    ("a code alone", {"rcpt": b"250\r\n", "dot": b"250\r\n"}, "done", "sent sent sent", "250", 3),
    ("long lines", {"mail": "250 " + "x" * 9000}, "done", "sent sent sent", "Ok", 3),
    ("controls in the text", {"dot": b"250 2.0.0 a\0b\x1b[31m\xff\r\n"}, "done", "sent sent sent",
     "a\\x00b\\x1b[31m\\xff", 3),
    ("many lines", {"dot": "\n".join(["250-2.0.0 Ok"] * 99 + ["250 2.0.0 Ok"])}, "done",
     "sent sent sent", "Ok", 3),
    # about one message: the next is not disturbed
    ("4xx to RCPT", {"rcpt": ["450 4.2.0 greylisted", "250 Ok"]}, "done", "tempfail sent sent",
     "450 4.2.0 greylisted", 2),
    ("5xx to RCPT", {"rcpt": ["250 Ok", "550 5.1.1 unknown", "250 Ok"]}, "done",
     "sent permfail sent", "550 5.1.1 unknown", 2),
    ("5xx to RCPT in several lines", {"rcpt": ["550-5.1.1 un\n550 5.1.1 known", "250 Ok"]}, "done",
     "permfail sent sent", "550 5.1.1 un 5.1.1 known", 2),
    ("all RCPT refused", {"rcpt": "550 5.1.1 unknown"}, "done", "permfail permfail permfail",
     "550 5.1.1 unknown", 0),
    ("354 after a refused RCPT", {"rcpt": ["550 5.1.1 unknown", "250 Ok"], "data": "354 go on"},
     "done", "permfail sent sent", "550 5.1.1 unknown", 2),
    ("4xx to MAIL", {"mail": ["452 4.3.1 full", "250 Ok"]}, "done", "tempfail sent sent",
     "452 4.3.1 full", 2),
    ("552 to MAIL", {"mail": ["250 Ok", "552 5.3.4 too big", "250 Ok"]}, "done",
     "sent permfail sent", "552 5.3.4 too big", 2),
    ("another word for its size", {"mail": ["250 Ok", "550 5.3.4 too big", "250 Ok"]}, "done",
     "sent permfail sent", "550 5.3.4 too big", 2),
    ("no UTF-8 after all", {"mail": ["553 5.6.7 not permitted", "250 Ok"]}, "done",
     "permfail sent sent", "553 5.6.7 not permitted", 2),
    ("4xx to DATA", {"data": ["451 4.3.0 later", "354 go on"]}, "done", "tempfail sent sent",
     "451 4.3.0 later", 2),
    ("4xx after the dot", {"dot": ["451 4.3.0 later", "250 Ok"]}, "done", "tempfail sent sent",
     "451 4.3.0 later", 3),
    ("5xx after the dot", {"dot": ["250 Ok", "250 Ok", "554 5.6.0 no"]}, "done",
     "sent sent permfail", "554 5.6.0 no", 3),
    ("a late answer to the dot", {"dot": [late(0.5, "250 2.0.0 Ok"), "250 Ok"]}, "done",
     "sent sent sent", "Ok", 3),
    # about the host
    ("MAIL refused again and again", {"mail": "452 4.3.1 full"}, "fault",
     "tempfail tempfail tempfail", "MAIL: 452 4.3.1 full", 0),
    ("5xx to MAIL", {"mail": ["250 Ok", "554 5.7.1 go away"]}, "fault", "sent broken untried",
     "MAIL: 554 5.7.1 go away", 1),
    ("5xx without more to MAIL", {"mail": b"554\r\n"}, "fault", "broken untried untried",
     "MAIL: 554", 0),
    ("5xx to the first MAIL", {"mail": "554 5.7.1 go away"}, "fault", "broken untried untried",
     "MAIL: 554 5.7.1 go away", 0),
    ("2xx to DATA", {"data": "250 Ok"}, "fault", "broken untried untried", "DATA: 250 Ok", 0),
    ("5xx to DATA", {"data": "503 5.5.0 improper use of pipelining"}, "fault",
     "broken untried untried", "DATA: 503 5.5.0 improper", 0),
    ("3xx to MAIL", {"mail": "354 what"}, "fault", "broken untried untried", "MAIL: 354", 0),
    ("3xx to RCPT", {"rcpt": "354 what"}, "fault", "broken untried untried", "RCPT: 354", 0),
    ("3xx after the dot", {"dot": "354 what"}, "fault", "unknown untried untried",
     "final dot: 354", 1),
    ("421 to the first MAIL", {"mail": "421 4.3.2 busy"}, "fault", "untried untried untried",
     "MAIL: 421 4.3.2 busy", 0),
    ("421 to RCPT", {"rcpt": say_and_close("421 4.3.2 busy")}, "fault", "broken untried untried",
     "RCPT: 421 4.3.2 busy", 0),
    ("421 to DATA", {"data": say_and_close("421 4.3.2 busy")}, "fault", "broken untried untried",
     "DATA: 421 4.3.2 busy", 0),
    ("421 after the dot", {"dot": ["250 Ok", say_and_close("421 4.3.2 busy")]}, "fault",
     "sent broken untried", "final dot: 421 4.3.2 busy", 2),
    ("closed at MAIL", {"mail": close}, "fault", "untried untried untried",
     "MAIL: lost connection", 0),
    ("closed at RCPT", {"rcpt": close}, "fault", "broken untried untried",
     "RCPT: lost connection", 0),
    ("closed at DATA", {"data": close}, "fault", "broken untried untried",
     "DATA: lost connection", 0),
    ("closed after the dot", {"dot": ["250 Ok", close]}, "fault", "sent unknown untried",
     "final dot: lost connection", 2),
    ("reset after the dot", {"dot": reset}, "fault", "unknown untried untried",
     "final dot: lost connection", 1),
    ("closed in a reply", {"dot": say_and_close(b"250 2.0.0 O")}, "fault",
     "unknown untried untried", "final dot: lost connection", 1),
    ("silence after the dot", {"dot": silent}, "fault", "unknown untried untried",
     "final dot: no answer within 3 s", 1),
    ("silence at MAIL", {"mail": silent}, "fault", "untried untried untried",
     "MAIL: no answer within 3 s", 0),
    ("a reply that never ends in time", {"rcpt": trickle("250 " + "x" * 100, 0.1)}, "fault",
     "broken untried untried", "RCPT: no answer within 3 s", 0),
    ("no reply but words", {"mail": b"hello there\r\n"}, "fault", "untried untried untried",
     'MAIL: not an SMTP reply: "hello there"', 0),
    ("binary", {"rcpt": bytes(range(256)) + b"\r\n"}, "fault", "broken untried untried",
     "RCPT: not an SMTP reply", 0),
    ("NUL", {"dot": b"\0\0\0\0\r\n"}, "fault", "unknown untried untried",
     "final dot: not an SMTP reply", 1),
    ("code out of range", {"dot": "650 Ok"}, "fault", "unknown untried untried",
     "final dot: not an SMTP reply", 1),
    ("1xx", {"mail": "150 Ok"}, "fault", "untried untried untried", "MAIL: not an SMTP reply", 0),
    ("two codes", {"dot": "250-Ok\n550 no"}, "fault", "unknown untried untried",
     "final dot: a reply with two codes", 1),
    ("too many lines", {"dot": "250-Ok\n" * 100 + "250 Ok"}, "fault", "unknown untried untried",
     "final dot: a reply of too many lines", 1),
    ("a line without end", {"mail": b"250 " + b"x" * 200000}, "fault", "untried untried untried",
     "MAIL: a reply without end", 0),
    ("an answer to the dot with 354", {"data": b"354 go on\r\n250 2.0.0 Ok\r\n"}, "fault",
     "unknown untried untried", "final dot: an answer before the end of the content", None),
    # between two messages it is nobody's fault
    ("421 between messages", {"mail": ["250 Ok", say_and_close("421 4.4.2 enough")]}, "ended",
     "sent untried untried", "Ok", 1),
    ("closed between messages", {"mail": ["250 Ok", "250 Ok", close]}, "ended",
     "sent sent untried", "Ok", 2),
    ("reset between messages", {"mail": ["250 Ok", reset]}, "ended", "sent untried untried", "Ok",
     1),
]


def run_row(row, keywords):
    label, script, end, wanted, word, count = row
    slow = "within 3 s" in word
    times = {"command": 3, "data": 3, "dot": 3} if slow else None
    with Peer(script, keywords=keywords) as peer:
        run, = send(peer.host, [[message(n) for n in range(3)]], times)
        what = f"{label}, {'pipelined' if 'PIPELINING' in keywords else 'lock-step'}"
        lib.expect(run["run"], end, f"{what}: {run}")
        lib.expect(" ".join(outcomes(run)), wanted, f"{what}: outcomes")
        replies = [run["error"]] + [reply for _, reply in run["messages"]]
        if not any(word in reply for reply in replies):
            raise lib.Failure(f"{what}: {word!r} is not in {replies}")
        if count is not None:
            lib.expect(len(peer.messages), count, f"{what}: messages")
        for given in peer.messages:
            lib.expect(given["content"], CONTENT, f"{what}: content")
        if any(raw != b"" for raw in peer.lone_dots):
            raise lib.Failure(f"{what}: more than a dot for a refused message")
        lib.expect(peer.faults, [], f"{what}: what the client did wrong")


def for_each(rows, run):
    """Most of the time is spent waiting: several rows at once."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run, row) for row in rows]:
            done.result()


def every_script_pipelined(_):
    for_each(ENDS, lambda row: run_row(row, ALL))


def every_script_in_lock_step(_):
    for_each(ENDS, lambda row: run_row(row, LOCK_STEP))


# ---- before the first message ----

OPENINGS = [
    ("slow banner", {"banner": late(4, "220 hi")}, {"connect": 3}, None),
    ("slow EHLO", {"ehlo": late(4, "250 hi")}, {"connect": 3}, None),
    ("many lines in the banner", {"banner": "220-a\n220-b\n220 c"}, {}, None),
    ("EHLO refused", {"ehlo": "502 5.5.1 no"}, {}, None),
    ("EHLO in one line", {"ehlo": "250 peer"}, {}, None),
    ("4xx banner", {"banner": "421 4.3.2 too busy"}, {}, "421 4.3.2 too busy"),
    ("5xx banner", {"banner": "554 5.7.1 no SMTP here"}, {}, "554 5.7.1 no SMTP here"),
    ("2xx banner of another kind", {"banner": "250 hi"}, {}, None),
    ("words for a banner", {"banner": b"SSH-2.0-OpenSSH_9.2\r\n"}, {}, "not an SMTP reply"),
    ("NUL for a banner", {"banner": b"\0\0\0\0\0\r\n"}, {}, "not an SMTP reply"),
    ("closed before the banner", {"banner": close}, {}, ""),
    ("reset before the banner", {"banner": reset}, {}, ""),
    ("silent", {"banner": silent}, {"greeting": 3}, "no greeting within 3 s"),
    ("banner byte by byte without end", {"banner": trickle("220 " + "x" * 80, 0.1)},
     {"greeting": 3}, "no greeting within 3 s"),
    ("silence at EHLO", {"ehlo": silent}, {"command": 3}, "no answer to EHLO or AUTH within 3 s"),
    ("EHLO byte by byte without end", {"ehlo": trickle("250-x\n" * 30 + "250 x", 0.05)},
     {"command": 3}, "no answer to EHLO or AUTH within 3 s"),
    ("EHLO with two codes", {"ehlo": "250-peer\n220 PIPELINING"}, {}, "a reply with two codes"),
    ("EHLO of too many lines", {"ehlo": "250-x\n" * 101 + "250 x"}, {}, "too many lines"),
    ("EHLO closed", {"ehlo": close}, {}, ""),
    ("EHLO and HELO refused", {"ehlo": "550 5.7.1 go away", "helo": "550 5.7.1 go away"}, {},
     "550 5.7.1 go away"),
]


def run_opening(row):
    label, script, times, wanted = row
    with Peer(script) as peer:
        run, = send(peer.host, [[message()]], times)
        if wanted is None:
            lib.expect(run["run"], "done", f"{label}: {run}")
            lib.expect(outcomes(run), ["sent"], label)
        else:
            lib.expect(run["run"], "unopened", f"{label}: {run}")
            if wanted not in run["error"] or not run["error"]:
                raise lib.Failure(f"{label}: {wanted!r} is not in {run['error']!r}")
            lib.expect(peer.messages, [], label)
        lib.expect(peer.faults, [], label)


def every_opening(_):
    for_each(OPENINGS, run_opening)


def nobody_listens(_):
    run, = send(f"127.0.0.1:{lib.free_port()}", [[message()]])
    lib.expect(run["run"], "unopened")
    if "connect" not in run["error"]:
        raise lib.Failure(run["error"])


def the_name_cannot_be_resolved(_):
    run, = send("no-such-host.invalid:25", [[message()]], {"connect": 20})
    lib.expect(run["run"], "unopened")
    if "no-such-host.invalid" not in run["error"] and "no connection" not in run["error"]:
        raise lib.Failure(run["error"])


def a_full_backlog_is_a_connection_that_takes_too_long(_):
    """What is never accepted is connected all the same, but the greeting does not come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        run, = send(f"127.0.0.1:{listener.getsockname()[1]}", [[message()]], {"greeting": 3})
        lib.expect(run["error"], "no greeting within 3 s")
        if time.monotonic() - started > 20:
            raise lib.Failure("it took too long")


def the_second_address_of_a_host_is_tried(_):
    """localhost is ::1 and 127.0.0.1; nobody listens at the first."""
    with Peer() as peer:
        run, = send(f"localhost:{peer.port}", [[message()]])
        lib.expect(run["run"], "done", str(run))
        lib.expect(run["peer"], f"localhost[127.0.0.1]:{peer.port}")


# ---- what is said ----

# A null sender, one recipient, NOTIFY=NEVER where DSN is offered (ENV-02, ENV-03, ENV-09, LOOP-11),
# no RET, ENVID or ORCPT anywhere (ENV-08, ENV-10, ESMTP-39), nothing of DSN elsewhere (ESMTP-19).
def parameters_follow_what_is_offered(_):
    """The null sender, never RET or ENVID (ENV-02, ENV-08, ENV-10), and NOTIFY=NEVER for a host that
    knows it (ENV-09, LOOP-11)."""
    flags = {"eight_bit": True, "utf8": True}
    rows = [
        (ALL, flags, f"MAIL FROM:<> BODY=8BITMIME SMTPUTF8 SIZE={len(CONTENT)}",
         "RCPT TO:<r1@example.com> NOTIFY=NEVER"),
        (ALL, {}, f"MAIL FROM:<> SIZE={len(CONTENT)}", "RCPT TO:<r1@example.com> NOTIFY=NEVER"),
        ((), {}, "MAIL FROM:<>", "RCPT TO:<r1@example.com>"),
        (("size", "dsn"), {}, f"MAIL FROM:<> SIZE={len(CONTENT)}",
         "RCPT TO:<r1@example.com> NOTIFY=NEVER"),
        (("SIZES 1", "XDSN", "DSN-X"), {}, "MAIL FROM:<>", "RCPT TO:<r1@example.com>"),
    ]
    for keywords, given, mail, rcpt in rows:
        with Peer(keywords=keywords) as peer:
            run, = send(peer.host, [[message(**given)]])
            lib.expect(outcomes(run), ["sent"], str(keywords))
            lib.expect((peer.messages[0]["mail"], peer.messages[0]["rcpt"]), (mail, [rcpt]))
            lib.expect(peer.seen[0], "EHLO client.example")
            lib.wait_until(lambda: peer.seen[-1] == "QUIT", "QUIT")
            expect_order(peer)


def what_the_host_cannot_take_is_unsuitable(_):
    own_address = notice().replace(b"To: s@", "To: ß@".encode())
    rows = [
        (("PIPELINING", "SMTPUTF8"), {"eight_bit": True, "content": own_address}, "5.6.3"),
        (("PIPELINING", "8BITMIME"), {"utf8": True, "content": own_address}, "5.6.7"),  # I18N-15
        (("PIPELINING", "8BITMIME"), {"to": "grün@example.com"}, "5.6.7"),
        (("8BITMIME",), {"to": "x@grün.example"}, "5.6.7"),
    ]
    for keywords, flags, code in rows:
        with Peer(keywords=keywords) as peer:
            run, = send(peer.host, [[message(1), message(2, **flags), message(3)]])
            lib.expect(outcomes(run), ["sent", "unsuitable", "sent"], str(flags))
            if not run["messages"][1][1].startswith(code):
                raise lib.Failure(run["messages"][1][1])
            expect_order(peer)
    with Peer() as peer:
        run, = send(peer.host, [[message(to="grün@example.com", utf8=True)]])
        lib.expect(outcomes(run), ["sent"])
        lib.expect(peer.messages[0]["rcpt"], ["RCPT TO:<grün@example.com> NOTIFY=NEVER"])


def notice(signed=False):
    """As dsnarf writes one that has 8-bit content and ASCII addresses."""
    signed = "Content-Type: multipart/signed; boundary=s\r\n" if signed else ""
    body = "--s\r\n\r\nGrün\r\n--s--\r\n" if signed else "Es grünt so grün.\r\n"
    return ("From: a@example.com\r\nTo: s@example.com\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=global-delivery-status; boundary=b\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
            "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "Reporting-MTA: dns; mta.example\r\n\r\nFinal-Recipient: utf-8; größe@example.com\r\n"
            "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\nFrom: s@example.com\r\nMIME-Version: 1.0\r\n"
            f"{signed}\r\n{body}\r\n--b--\r\n").encode()


def what_the_host_lacks_is_converted(_):
    """Peers that offer neither, one, both; what arrives says the same (MIME-12, I18N-08)."""
    flags = {"eight_bit": True, "content": notice()}
    for keywords in ((), ("PIPELINING",), ("PIPELINING", "SMTPUTF8", "SIZE"), ("8BITMIME",),
                     ("PIPELINING", "8BITMIME", "SMTPUTF8")):
        with Peer(keywords=keywords) as peer:
            run, = send(peer.host, [[message(1), message(2, **flags), message(3)]])
            lib.expect(outcomes(run), ["sent"] * 3, str(keywords))
            given = peer.messages[1]
            capable = "8BITMIME" in keywords
            lib.expect(given["content"] == notice(), capable, str(keywords))
            lib.expect("BODY=8BITMIME" in given["mail"], capable, str(keywords))
            lib.expect("SMTPUTF8" in given["mail"], False, str(keywords))
            if "SIZE" in keywords:
                lib.expect(given["mail"].split("SIZE=")[1], str(len(given["content"])))
            lib.expect(given["content"].isascii(), not capable, str(keywords))
            report = email.message_from_bytes(given["content"])
            lib.expect(report.get_param("report-type"), "global-delivery-status")
            _, status, original = report.get_payload()
            if not capable:
                lib.expect("größe@example.com" in quopri.decodestring(
                    status.as_bytes().split(b"\n\n", 1)[1]).decode(), True)
            lib.expect(original.get_payload(0).get_payload(decode=True).decode(),
                       "Es grünt so grün.\r\n")
            expect_order(peer)


def what_is_signed_comes_back_as_headers(_):
    with Peer(keywords=("PIPELINING",)) as peer:
        run, = send(peer.host, [[message(1, notice(signed=True), eight_bit=True)]])
        lib.expect(outcomes(run), ["sent"])
        content = peer.messages[0]["content"]
        lib.expect(content.isascii() and b"Content-Type: text/rfc822-headers\r\n\r\nFrom: s@" in content,
                   True, content.decode("latin-1"))


def no_address_can_add_a_command(_):
    bad = ["", "<>", "a", "@", "a@b>\r\nRSET", "a@b\r\nDATA", "a@b\n", "a@b> NOTIFY=SUCCESS",
           "a@b\0c", "<a@b", "a b@c", '"a>b"@example.com', '"a\r\nQUIT"@example.com', "a@b ",
           "a@b\x7f", b"a@b\xff.example", "a@" + "b" * 300]
    with Peer() as peer:
        run, = send(peer.host, [[message(to=to) for to in bad] + [message(7)]])
        lib.expect(outcomes(run), ["permfail"] * len(bad) + ["sent"], str(run))
        lib.expect([line for line in peer.seen if line.startswith("RCPT")],
                   ["RCPT TO:<r7@example.com> NOTIFY=NEVER"])
        expect_order(peer)


def contents_arrive_byte_for_byte(_):
    big = b"".join(b"%d: the quick brown fox\r\n.and a dot\r\n" % n for n in range(20000))
    contents = [b".\r\n", b"..\r\n", b".a\r\n..b\r\n.\r\n.\r\n", b"a\r\n.\r\nb\r\n", b"\r\n", b"\r\n.\r\n",
                b"x" * 70000 + b"\r\n", b"a\r\n" * 40000, b".\r\n" * 40000, bytes(range(14, 256)) + b"\r\n",
                big, CONTENT]
    for size in range(65520, 65545):  # dots around the end of the buffer
        contents.append(b"x" * (size - 80) + b"\r\n.\r\n..\r\n.x\r\n")
    for keywords in (ALL, LOCK_STEP):
        with Peer(keywords=keywords) as peer:
            run, = send(peer.host, [[message(n, c) for n, c in enumerate(contents)]])
            lib.expect(set(outcomes(run)), {"sent"})
            for given, wanted in zip(peer.messages, contents):
                if given["content"] != wanted:
                    raise lib.Failure(f"{wanted[:40]!r}... of {len(wanted)} bytes came otherwise")
            lib.expect([given["rcpt"][0] for given in peer.messages],
                       [f"RCPT TO:<r{n}@example.com> NOTIFY=NEVER" for n in range(len(contents))])
            expect_order(peer)


def an_unfinished_last_line_is_ended(_):
    rows = [(b"", b"\r\n"), (b"a", b"a\r\n"), (b"a\r", b"a\r\r\n"), (b"a\n", b"a\n\r\n"),
            (b".", b".\r\n"), (b"a\r\n.", b"a\r\n.\r\n")]
    with Peer() as peer:
        run, = send(peer.host, [[message(n, content) for n, (content, _) in enumerate(rows)]])
        lib.expect(set(outcomes(run)), {"sent"})
        lib.expect([given["content"] for given in peer.messages], [wanted for _, wanted in rows])
        lib.expect([given["mail"] for given in peer.messages],
                   [f"MAIL FROM:<> SIZE={len(wanted)}" for _, wanted in rows])


def a_dot_behind_a_bare_line_feed_ends_nothing(_):
    """Servers exist that take LF for CRLF."""
    with Peer() as peer:
        run, = send(peer.host, [[message(1, b"a\n.\nMAIL FROM:<x@y>\n\n.\r\nb\r\n")]])
        lib.expect(outcomes(run), ["sent"])
        lib.expect(peer.last_raw, b"a\n..\nMAIL FROM:<x@y>\n\n..\r\nb\r\n")


# ---- connections ----

def a_connection_is_kept_and_has_its_share(_):
    for keywords in (ALL, LOCK_STEP):
        with Peer(keywords=keywords) as peer:
            runs = send(peer.host, [[message(1)], [message(2)], [message(3)] * 3], deliveries=4)
            lib.expect([run["run"] for run in runs], ["done", "done", "ended"])
            lib.expect(outcomes(runs[2]), ["sent", "sent", "untried"])
            lib.expect((peer.connections, len(peer.messages)), (1, 4))
            lib.wait_until(lambda: peer.seen.count("QUIT") == 1, "QUIT")
            expect_order(peer)


def a_stale_connection_is_noticed(_):
    """The server closed while nothing was to be sent: the next run begins with a new one."""
    def closing(session):
        session.say("250 2.0.0 Ok")
        session.say("421 4.4.2 idle")
        close(session)

    for farewell in (closing, say_and_close("250 2.0.0 Ok")):
        with Peer({"dot": [farewell, "250 Ok"]}) as peer:
            child = start(peer.host, [[message(1)], [message(2)]])
            first, second = finish(child)
            lib.expect(outcomes(first), ["sent"])
            if second["run"] == "ended":  # it was faster than the server
                lib.expect(outcomes(second), ["untried"])
            else:
                lib.expect(outcomes(second), ["sent"])
                lib.expect(peer.connections, 2)


def a_stop_cuts_every_wait(_):
    waits = [({"banner": silent}, "unopened", []), ({"ehlo": silent}, "unopened", []),
             ({"mail": silent}, "fault", ["untried"]), ({"data": silent}, "fault", ["broken"]),
             ({"dot": silent}, "fault", ["unknown"])]
    for script, end, wanted in waits:
        with Peer(script) as peer:
            child = start(peer.host, [[message()]], {name: 120 for name in SHORT})
            stage, = script
            lib.wait_until(lambda: peer.connections if stage == "banner" else any(
                line.lower().startswith(stage) for line in peer.seen) or peer.messages, stage)
            started = time.monotonic()
            child.send_signal(signal.SIGUSR1)
            run, = finish(child)
            if time.monotonic() - started > 30:
                raise lib.Failure(f"{stage}: the stop took long")
            lib.expect((run["run"], outcomes(run)), (end, wanted), stage)
            if "stopping" not in run["error"]:
                raise lib.Failure(run["error"])


def a_server_that_takes_nothing_is_left(_):
    """It stops reading in the middle of a content."""
    over = threading.Event()

    def stall(session):
        session.say("354 go on")
        over.wait(lib.PATIENCE)
        close(session)

    with Peer({"data": stall}) as peer:
        run, = send(peer.host, [[message(1, b"x" * 30 + b"\r\n" * 10000000), message(2)]],
                    {"block": 3})
        over.set()
        lib.expect((run["run"], outcomes(run)), ("fault", ["broken", "untried"]))
        lib.expect(run["error"], "nothing was taken within 3 s")


def a_server_that_refuses_in_the_middle_of_a_content_is_heard(_):
    def refuse(session):
        session.say("354 go on")
        session.sock.recv(10)
        session.say("552 5.3.4 too big")
        smtp_peer.silent(session)

    with Peer({"data": [refuse, "354 go on"]}) as peer:
        run, = send(peer.host, [[message(1, b"y" * 30 + b"\r\n" * 1000000)]], {"dot": 20, "block": 20})
        lib.expect(outcomes(run), ["permfail"], str(run))
        lib.expect(run["messages"][0][1], "552 5.3.4 too big")


# ---- TLS and AUTH ----

def tls_rows(plain, tls):
    """mode, verifies, STARTTLS offered -> (end, over TLS)"""
    for mode in range(5):
        for good in (False, True):
            for offered in (False, True):
                if mode == DISABLED or (not offered and mode in (OPPORTUNISTIC,
                                                                 OPPORTUNISTIC_INSECURE)):
                    yield mode, good, offered, plain
                elif offered and (good or mode in (OPPORTUNISTIC_INSECURE, REQUIRED_INSECURE)):
                    yield mode, good, offered, tls
                else:
                    yield mode, good, offered, None


def tls_is_used_as_configured(folder):
    certificate = smtp_peer.make_certificate(folder)
    for mode, good, offered, wanted in tls_rows("plain", "tls"):
        before = ("STARTTLS",) if offered else ()
        with Peer(keywords=before + ("PIPELINING", "DSN"), tls_keywords=("8BITMIME", "PIPELINING"),
                  certificate=certificate) as peer:
            run, = send(peer.host, [[message(n) for n in range(3)]], tls=mode,
                        **({"tls_ca": certificate[0]} if good else {}))
            what = f"mode {mode}, verifies {good}, offered {offered}: {run}"
            if wanted is None:
                lib.expect(run["run"], "unopened", what)
                lib.expect(peer.messages, [], what)
                continue
            lib.expect(outcomes(run), ["sent"] * 3, what)
            lib.expect({given["tls"] for given in peer.messages}, {wanted == "tls"}, what)
            # what counts is what was offered last
            lib.expect("NOTIFY" in peer.messages[0]["rcpt"][0], wanted == "plain", what)
            expect_order(peer)


def a_certificate_for_another_name_does_not_verify(folder):
    certificate = smtp_peer.make_certificate(folder, "other.example", "192.0.2.1")
    with Peer(keywords=("STARTTLS",), certificate=certificate) as peer:
        run, = send(peer.host, [[message()]], tls=REQUIRED, tls_ca=certificate[0])
        lib.expect(run["run"], "unopened", str(run))
        lib.expect(peer.messages, [])


def a_failing_starttls_is_a_fault(folder):
    certificate = smtp_peer.make_certificate(folder)
    rows = [
        ({"starttls": "454 4.7.0 not now"}, REQUIRED_INSECURE, "454 4.7.0 not now"),
        ({"starttls": close}, OPPORTUNISTIC_INSECURE, ""),
        ({"starttls": b"220 go on\r\n250 injected\r\n"}, OPPORTUNISTIC_INSECURE, ""),
        ({"starttls": lambda session: (session.say("220 go on"), session.say(b"\x15garbage"),
                                       close(session))}, OPPORTUNISTIC_INSECURE, ""),
        ({"starttls": lambda session: (session.say("220 go on"), silent(session))},
         OPPORTUNISTIC_INSECURE, "no answer through TLS within 3 s"),
    ]
    for script, mode, word in rows:
        with Peer(script, keywords=("STARTTLS",), certificate=certificate) as peer:
            run, = send(peer.host, [[message()]], {"connect": 3}, tls=mode)
            lib.expect(run["run"], "unopened", f"{script}: {run}")
            if not run["error"] or word not in run["error"]:
                raise lib.Failure(f"{word!r} is not in {run['error']!r}")
            lib.expect(peer.messages, [])
    with Peer({"starttls": "454 4.7.0 not now"}, keywords=("STARTTLS",)) as peer:
        run, = send(peer.host, [[message()]], tls=OPPORTUNISTIC)
        lib.expect(outcomes(run), ["sent"], "refused, and only wanted if possible")


def contents_go_through_tls(folder):
    certificate = smtp_peer.make_certificate(folder)
    content = b"".join(b".%d the quick brown fox\r\n" % n for n in range(100000))
    with Peer(keywords=("STARTTLS", "PIPELINING"), certificate=certificate) as peer:
        run, = send(peer.host, [[message(n, content) for n in range(3)]], tls=REQUIRED_INSECURE)
        lib.expect(set(outcomes(run)), {"sent"}, str(run))
        for given in peer.messages:
            if given["content"] != content:
                raise lib.Failure("it came otherwise")


def auth_is_needed_when_there_is_a_user(folder):
    certificate = smtp_peer.make_certificate(folder)
    user = {"user": "user", "password": "secret"}
    rows = [  # keywords before TLS, after it, mode, password, wanted
        (("AUTH PLAIN",), (), DISABLED, "secret", "sent"),
        (("AUTH LOGIN",), (), DISABLED, "secret", "sent"),
        (("AUTH PLAIN",), (), DISABLED, "wrong", "535 5.7.8 bad credentials"),
        ((), (), DISABLED, "secret", "AUTH is not offered"),
        (("AUTH X-UNKNOWN",), (), DISABLED, "secret", ""),
        (("STARTTLS",), ("AUTH PLAIN LOGIN",), OPPORTUNISTIC_INSECURE, "secret", "sent"),
        (("STARTTLS", "AUTH PLAIN"), (), OPPORTUNISTIC_INSECURE, "secret", "AUTH is not offered"),
        (("AUTH PLAIN",), (), OPPORTUNISTIC, "secret", ""),  # never in the clear
    ]
    for before, after, mode, password, wanted in rows:
        with Peer(keywords=before, tls_keywords=after, certificate=certificate) as peer:
            run, = send(peer.host, [[message()]], tls=mode, **{**user, "password": password})
            what = f"{before} {after} {mode}: {run}"
            if wanted == "sent":
                lib.expect(outcomes(run), ["sent"], what)
                lib.expect(peer.auth[0][1:], ("user", "secret", mode != DISABLED), what)
                continue
            lib.expect(run["run"], "unopened", what)
            if wanted not in run["error"] or "secret" in run["error"]:
                raise lib.Failure(what)
            lib.expect(peer.messages, [])
            if mode != DISABLED:
                lib.expect(peer.auth, [], what)
    for reply in ("454 4.7.0 later", "421 4.3.2 busy"):
        with Peer({"auth": reply}, keywords=("AUTH PLAIN",)) as peer:
            run, = send(peer.host, [[message()]], **user)
            lib.expect((run["run"], run["error"]), ("unopened", reply))


# ---- REQUIRETLS ----

SECURE = ALL + ("REQUIRETLS",)


def requiretls_is_asked_for_through_tls(folder):
    """RFC 8689 section 2: what is offered in the clear, or was before TLS, does not count."""
    certificate = smtp_peer.make_certificate(folder)
    plain = f"MAIL FROM:<> SIZE={len(CONTENT)}"
    rows = [  # keywords before TLS, after it, mode, wanted by the notice, MAIL, what is told
        (("STARTTLS",), SECURE, REQUIRED_INSECURE, True, f"{plain} REQUIRETLS", "sent"),  # ENV-18
        (("STARTTLS",), SECURE, OPPORTUNISTIC_INSECURE, True, f"{plain} REQUIRETLS", "sent"),
        (("STARTTLS",), SECURE, REQUIRED_INSECURE, False, plain, "no"),
        (("STARTTLS",), ALL, REQUIRED_INSECURE, True, plain, "wanted"),  # ENV-19
        (SECURE, SECURE, DISABLED, True, plain, "wanted"),
        (SECURE, SECURE, OPPORTUNISTIC_INSECURE, True, plain, "wanted"),
        (SECURE + ("STARTTLS",), ALL, OPPORTUNISTIC_INSECURE, True, plain, "wanted"),
        (("STARTTLS",), ALL + ("REQUIRETLS-X",), REQUIRED_INSECURE, True, plain, "wanted"),
    ]
    for before, after, mode, asked, mail, told in rows:
        with Peer(keywords=before, tls_keywords=after, certificate=certificate) as peer:
            run, = send(peer.host, [[message(requiretls=asked)]], tls=mode)
            what = f"{before} {after} {mode} {asked}: {run}"
            lib.expect((outcomes(run), run["requiretls"]), (["sent"], [told]), what)
            lib.expect(peer.messages[0]["mail"], mail, what)
            expect_order(peer)


def refuse_if_asked(stage, reply):
    """What a host says that cannot keep the promise for the way on."""
    def act(session):
        if stage == "dot":
            mail = session.peer.messages[-1]["mail"]
        else:
            mail = session.given if stage == "mail" else session.mail
        given = reply if "REQUIRETLS" in mail else smtp_peer.GOOD[stage]
        session.say(given)
        return given
    return act


REFUSALS = [
    ("mail", "550 5.7.30 REQUIRETLS support required"),
    ("mail", "450 4.7.30 not now"),
    ("mail", "530 5.7.10 not with this certificate"),
    ("mail", "555 5.5.4 parameter not known"),
    ("rcpt", "550 5.7.30 REQUIRETLS support required"),
    ("data", "554 5.7.30 REQUIRETLS support required"),
    ("dot", "550-5.7.30 REQUIRETLS\n550 5.7.30 support required"),
]


def a_refused_requiretls_is_given_up(folder):
    """The notice is not lost, and no other one waits for it (ENV-19)."""
    certificate = smtp_peer.make_certificate(folder)
    for stage, reply in REFUSALS:
        for keywords in (SECURE, LOCK_STEP + ("REQUIRETLS",)):
            script = {stage: refuse_if_asked(stage, reply)}
            with Peer(script, ("STARTTLS",), keywords, certificate) as peer:
                asked = [message(1), message(2, requiretls=True), message(3, requiretls=True),
                         message(4)]
                run, = send(peer.host, [asked], tls=REQUIRED_INSECURE)
                what = f"{stage} {reply} {keywords}: {run}"
                lib.expect((run["run"], outcomes(run)), ("done", ["sent"] * 4), what)
                lib.expect(run["requiretls"], ["no", "refused", "refused", "no"], what)
                came = [given["rcpt"][0].split("@")[0] for given in peer.messages
                        if given["reply"].startswith("250")]
                lib.expect(came, [f"RCPT TO:<r{n}" for n in (1, 4, 2, 3)], what)
                expect_order(peer)


def only_requiretls_is_given_up(folder):
    """What is refused for another reason is refused, and a host that refuses on is at fault."""
    certificate = smtp_peer.make_certificate(folder)
    rows = [
        ({"rcpt": "550 5.1.1 unknown"}, "done", "permfail", "sent"),
        ({"rcpt": "450 4.7.3 greylisted"}, "done", "tempfail", "sent"),
        ({"mail": "552 5.3.4 too big"}, "done", "permfail", "sent"),
        ({"mail": "452 4.3.1 full"}, "done", "tempfail", "sent"),
        ({"mail": "554 5.7.1 go away"}, "fault", "broken", "refused"),
        ({"rcpt": "550 5.7.30 REQUIRETLS"}, "done", "permfail", "refused"),
        ({"mail": ["550 5.7.30 REQUIRETLS", close]}, "fault", "untried", "refused"),
        ({"rcpt": "550 5.7.30 REQUIRETLS", "rset": close}, "fault", "untried", "refused"),
    ]
    for script, end, outcome, told in rows:
        for keywords in (SECURE, LOCK_STEP + ("REQUIRETLS",)):
            with Peer(script, ("STARTTLS",), keywords, certificate) as peer:
                run, = send(peer.host, [[message(requiretls=True)]], tls=REQUIRED_INSECURE)
                what = f"{script} {keywords}: {run}"
                lib.expect((run["run"], outcomes(run)), (end, [outcome]), what)
                lib.expect(run["requiretls"], [told], what)
                expect_order(peer)
    with Peer({"mail": refuse_if_asked("mail", "550 5.7.30 REQUIRETLS")}, ("STARTTLS",), SECURE,
              certificate) as peer:  # the connection has done its share before
        run, = send(peer.host, [[message(requiretls=True)]], tls=REQUIRED_INSECURE, deliveries=1)
        lib.expect((run["run"], outcomes(run), run["requiretls"]),
                   ("ended", ["untried"], ["refused"]), str(run))


# ---- a sink that others wrote ----

def smtp_sink_takes_what_is_sent(folder):
    os.chmod(folder, 0o777)
    with lib.smtp_sink("-R", folder, "-d", "mail.%s") as sink:
        contents = [b"Subject: %d\r\n\r\n.%d\r\n..\r\n" % (n, n) for n in range(50)]
        run, = send(sink, [[message(n, c) for n, c in enumerate(contents)]])
        lib.expect(outcomes(run), ["sent"] * 50, str(run))

        def copies():
            files = kept(folder)
            return [sum(content.replace(b"\r\n", b"\n") in text for text in files) for content in contents]

        lib.wait_until(lambda: sum(copies()) >= 50, "fifty contents")
        lib.expect(copies(), [1] * 50, "copies of each")


def a_real_postfix_takes_what_is_sent(folder):
    """It knows DSN, and checks what it is told of it (ENV-09, LOOP-11); as long as it has no
    REQUIRETLS, what asks for that comes all the same (ENV-19)."""
    os.chmod(folder, 0o755)
    with lib.PrivatePostfix(folder, mailboxes="r1@example.com r2@example.com") as postfix:
        run, = send(f"127.0.0.1:{postfix.reinject}", [[message(1), message(2, requiretls=True)]],
                    tls=OPPORTUNISTIC_INSECURE)
        lib.expect(outcomes(run), ["sent", "sent"], str(run))
        lib.expect(run["requiretls"], ["no", "wanted"])
        for address in ("r1@example.com", "r2@example.com"):
            mail, = lib.wait_until(lambda: postfix.mailbox(address), "the notice")
            lib.expect(b"Return-Path: <>\n" in mail and mail.endswith(b"\nhello\n"), True, mail)


def kept(folder):
    texts = []
    for name in os.listdir(folder):
        if name.startswith("mail."):
            with open(os.path.join(folder, name), "rb") as file:
                texts.append(file.read())
    return texts


lib.run(every_script_pipelined, every_script_in_lock_step, every_opening, nobody_listens,
        the_name_cannot_be_resolved, a_full_backlog_is_a_connection_that_takes_too_long,
        the_second_address_of_a_host_is_tried, parameters_follow_what_is_offered,
        what_the_host_cannot_take_is_unsuitable, what_the_host_lacks_is_converted,
        what_is_signed_comes_back_as_headers, no_address_can_add_a_command,
        contents_arrive_byte_for_byte, an_unfinished_last_line_is_ended,
        a_dot_behind_a_bare_line_feed_ends_nothing, a_connection_is_kept_and_has_its_share,
        a_stale_connection_is_noticed, a_stop_cuts_every_wait, a_server_that_takes_nothing_is_left,
        a_server_that_refuses_in_the_middle_of_a_content_is_heard, tls_is_used_as_configured,
        a_certificate_for_another_name_does_not_verify, a_failing_starttls_is_a_fault,
        contents_go_through_tls, auth_is_needed_when_there_is_a_user,
        requiretls_is_asked_for_through_tls, a_refused_requiretls_is_given_up,
        only_requiretls_is_given_up, a_real_postfix_takes_what_is_sent, smtp_sink_takes_what_is_sent)
