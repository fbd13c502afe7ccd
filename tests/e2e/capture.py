#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What senders ask for when their mail leaves through Postfix, and the notices that obey it."""
import atexit
import contextlib
import json
import os
import re
import shutil
import smtplib
import sqlite3
import subprocess
import tempfile

import lib

READER = "reader@mta1.example.com"
SENDER = "news@shop.example"
BODY = b"Dear Jane,\n\nyour order is on its way.\n"
DROPPED = 'dsnarf_captures_total{result="dropped"}'
KEPT = 'dsnarf_captures_total{result="kept"}'
FOUND = 'dsnarf_capture_lookups_total{result="found"}'
MISSING = 'dsnarf_capture_lookups_total{result="missing"}'


class Shared:
    """One Postfix for all cases, because its start takes seconds. It ends with this process."""

    mta = None
    port = None

    @classmethod
    def start(cls):
        folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
        os.chmod(folder, 0o755)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cls.port = lib.free_port()
        cls.mta = lib.PrivatePostfix(folder, mailboxes=READER, milter=f"inet:127.0.0.1:{cls.port}")
        # in force for each process that starts; XCLIENT says who has logged in
        subprocess.run(["/usr/sbin/postconf", "-c", os.path.join(cls.mta.folder, "etc"), "-e",
                        "smtpd_authorized_xclient_hosts=127.0.0.1"], check=True)
        atexit.register(cls.mta.stop)


@contextlib.contextmanager
def running(folder, **settings):
    """Postfix, dsnarf and a sink for its notices."""
    if Shared.mta is None:
        Shared.start()
    # or mail of the case before comes late and is counted here
    lib.wait_until(lambda: not Shared.mta.queue(), "the queue is empty")
    shutil.rmtree(os.path.join(Shared.mta.folder, "mail", READER), ignore_errors=True)
    with lib.Sink() as sink, lib.Daemon(folder, {
            "milter.listen": f"inet:{Shared.port}@127.0.0.1",
            "milter.outgoing": ["mta1.example.com"],
            "trace.sign": "2026a",
            "trace.key.2026a.secret": "0123456789abcdef",
            "capture.mail": "message",
            "tenant.shop.match.sender_domain": ["shop.example"],
            "tenant.rival.match.sender_domain": ["rival.example"],
            "notice.senders": None,
            "relay.default.hosts": [sink.address],
            **settings}) as daemon:
        yield Shared.mta, daemon, sink


def message(number, body=BODY):
    return (f"From: {SENDER}\nTo: Jane <{READER}>\nSubject: Order {number}\n"
            f"Message-ID: <{number}@shop.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n\n"
            ).encode() + body


def submit(mta, number, options=(), recipients=((READER, ()),), sender=SENDER, body=BODY, login=None):
    """Sends one message and returns its queue id."""
    with smtplib.SMTP("127.0.0.1", mta.port, "client.example", lib.PATIENCE) as peer:
        peer.ehlo()
        if login is not None:
            lib.expect(peer.docmd("XCLIENT", f"LOGIN={login} ADDR=192.0.2.7 NAME=app7.shop.example")[0],
                       220, "XCLIENT")
            peer.ehlo()
        lib.expect(peer.mail(sender, list(options))[0], 250, "MAIL")
        for address, parameters in recipients:
            lib.expect(peer.rcpt(address, list(parameters))[0], 250, "RCPT")
        code, text = peer.data(lib.crlf(message(number, body)))
        lib.expect(code, 250, f"the message: {text}")
        return re.search(r"queued as (\S+)", text.decode())[1]


def remember(mta, daemon, number, *arguments, **named):
    """The same, and waits until it is remembered."""
    before = daemon.metrics()[KEPT]
    queue_id = submit(mta, number, *arguments, **named)
    lib.wait_until(lambda: daemon.metrics()[KEPT] > before, "it is remembered")
    return queue_id


def record(number, **changes):
    """A bounce as KumoMTA logs it, without the message."""
    return lib.record(number, **{"sender": SENDER, "recipient": READER, "meta": {}, **changes})


def by_message_id(number, **changes):
    return record(number, headers={"Message-ID": f"<{number}@shop.example>"}, **changes)


def post(daemon, value):
    status, answer = daemon.post([value])
    lib.expect((status, answer["accepted"]), (200, 1), "what became of the record")


def notice(sink, count=1):
    """The last of so many notices."""
    lib.wait_until(lambda: len(sink.mails) >= count, "a notice")
    lib.expect(len(sink.mails), count, "notices")
    return lib.Notice(sink.mails[-1].data)


def why(daemon, value):
    done = subprocess.run([lib.PROGRAM, "why", "--json", "-c", daemon.configuration, value["id"]],
                          capture_output=True, text=True, timeout=lib.PATIENCE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def no_notice(daemon, sink, value, reason, count=0):
    """@value makes none, for this reason, and so many were there before."""
    post(daemon, value)
    story = lib.wait_until(lambda: why(daemon, value), "a reason")
    lib.expect(story[0].get("reason"), reason, "reason")
    lib.expect([len(sink.mails), daemon.waiting()], [count, []], "notices")
    return story[0]


def trace_of(mta, number):
    """The trace that the mail was delivered with."""
    def find():
        mails = [mail for mail in mta.mailbox(READER) if b"<%d@shop" % number in mail]
        return mails and re.search(rb"^X-KumoRef: (.*\n([ \t].*\n)*)", mails[0], re.M)
    return re.sub(rb"\s", b"", lib.wait_until(find, "the mail is delivered")[1]).decode()


# ---- the cases ----

def each_wish_is_honoured_however_it_is_found(folder):
    """DSN-05, RCPT-02, MIME-05: ENVID, ORCPT and RET, by each of the ways to the same message."""
    orcpt = "ORCPT=rfc822;Jane+2BRoe@Customer.example"
    with running(folder) as (mta, daemon, sink):
        queue_id = remember(mta, daemon, 1, ["ENVID=QQ314+2B159", "RET=HDRS"],
                            [(READER, ["NOTIFY=SUCCESS,FAILURE", orcpt])])
        ways = (("message-id", by_message_id(1)),
                ("message-id", record(2, meta={"message_id": "<1@shop.example>"})),
                ("queue-id", record(3, id=queue_id)),
                ("trace", record(4, headers={"X-KumoRef": trace_of(mta, 1)})))
        for count, (way, value) in enumerate(ways, 1):
            post(daemon, value)
            found = notice(sink, count)
            lib.expect(found.about["Original-Envelope-Id"], "QQ314+159", f"{way}: ENVID")
            lib.expect(found.recipients[0]["Original-Recipient"], "rfc822; Jane+Roe@Customer.example",
                       f"{way}: ORCPT")
            lib.expect(found.returned.get_content_type(), "text/rfc822-headers", f"{way}: RET")
            lib.expect(found.original()["Subject"], "Order 1", f"{way}: header")
            lib.wait_until(lambda value=value, way=way:
                           daemon.logged(f": {value['id']}: .* capture={way} "), "a line of log")
            lib.expect([line["capture"] for line in why(daemon, value) if "capture" in line], [way],
                       "what dsnarf why says")
        counts = daemon.metrics()
        lib.expect((counts[FOUND], counts[MISSING]), (len(ways), 0), "look-ups")


def the_message_is_returned_as_far_as_it_was_kept(folder):
    """MIME-08: RET=FULL gets all of it, or the header of what is too long."""
    with running(folder, **{"capture.max_message": "4KiB"}) as (mta, daemon, sink):
        remember(mta, daemon, 1, ["RET=FULL"])
        post(daemon, by_message_id(1))
        found = notice(sink, 1)
        lib.expect(found.returned.get_content_type(), "message/rfc822", "what is returned")
        lib.expect(lib.crlf(message(1)) in sink.mails[0].data, True, "its bytes")
        lib.expect(found.original().get_payload().replace("\r\n", "\n").encode(), BODY, "body")
        remember(mta, daemon, 2, ["RET=FULL"], body=b"A long line of text.\n" * 500)
        post(daemon, by_message_id(2))
        found = notice(sink, 2)
        lib.expect(found.returned.get_content_type(), "text/rfc822-headers", "of a long one")
        lib.expect(found.original()["Message-ID"], "<2@shop.example>", "its header")
        daemon.configure(capture__mail="headers")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "a reload")
        remember(mta, daemon, 3, ["RET=FULL"])
        post(daemon, by_message_id(3))
        lib.expect(notice(sink, 3).returned.get_content_type(), "text/rfc822-headers", "headers")


def whoever_asked_for_none_gets_none(folder):
    """ESMTP-22, ESMTP-30, ESMTP-36: of two recipients of one message, each as was said of it."""
    other = "reader+other@mta1.example.com"
    with running(folder) as (mta, daemon, sink):
        remember(mta, daemon, 1, (), [(READER, ["NOTIFY=NEVER"]), (other, ["NOTIFY=FAILURE"])])
        line = no_notice(daemon, sink, by_message_id(1), "notify-never")
        lib.expect(line["capture"], "message-id", "where that comes from")
        both = by_message_id(1, id="b" * 32, recipient=[READER, other])
        post(daemon, both)
        lib.expect([group["Final-Recipient"] for group in notice(sink).recipients],
                   ["rfc822; " + other], "recipients")
        remember(mta, daemon, 2, (), [(READER, ["NOTIFY=SUCCESS"])])
        no_notice(daemon, sink, by_message_id(2), "not-asked", 1)


def success_is_told_to_who_asked_for_it(folder):
    """ESMTP-20, ESMTP-24: a Delivery record makes a notice only because of what was remembered."""
    with running(folder, **{"notice.enable": ["Bounce", "Delivery"]}) as (mta, daemon, sink):
        remember(mta, daemon, 1, (), [(READER, ["NOTIFY=SUCCESS"])])
        remember(mta, daemon, 2)
        delivery = {"type": "Delivery", "response": {"code": 250, "content": "ok", "command": None}}
        post(daemon, by_message_id(2, **delivery))
        post(daemon, by_message_id(1, **delivery))
        lib.expect(notice(sink).recipients[0]["Action"], "relayed", "action")
        lib.expect(notice(sink).original()["Subject"], "Order 1", "of which message")


def tenants_never_see_one_another(folder):
    """The Message-ID of somebody else is not enough, and neither is the queue id."""
    with running(folder) as (mta, daemon, sink):
        queue_id = remember(mta, daemon, 1, ["ENVID=secret"], [(READER, ["NOTIFY=NEVER"])])
        trace = trace_of(mta, 1)
        for count, value in enumerate((
                by_message_id(1, sender="spy@rival.example"),
                record(2, sender="spy@rival.example", id=queue_id),
                record(3, sender="spy@shop.example", headers={"X-KumoRef": trace}),
                by_message_id(1, id="c" * 32, recipient="reader+else@mta1.example.com")), 1):
            post(daemon, value)
            found = notice(sink, count)
            lib.expect([found.about["Original-Envelope-Id"], found.returned], [None, None], "of others")
            lib.expect([line["capture"] for line in why(daemon, value) if "capture" in line],
                       ["missing"], "what dsnarf why says")
        remember(mta, daemon, 1, ["ENVID=own"], sender="spy@rival.example")
        post(daemon, by_message_id(1, id="d" * 32, sender="spy@rival.example"))
        lib.expect(notice(sink, 5).about["Original-Envelope-Id"], "own", "its own message")
        lib.expect(daemon.metrics()[MISSING], 4, "look-ups in vain")


def whose_token_is_bound_learns_of_no_other(folder):
    """Not even by the reason that a record gets what somebody else's sender has asked for."""
    with running(folder, **{"http.client.rival.token": "of-rival",
                            "http.client.rival.senders": ["*@rival.example"]}) as (mta, daemon, _):
        remember(mta, daemon, 1, (), [(READER, ["NOTIFY=NEVER"])])
        status, answer = daemon.post([by_message_id(1)], {"Authorization": "Bearer of-rival"})
        lib.expect((status, answer["reasons"]), (200, {"sender-not-bound": 1}), "what rival is told")
        lib.expect([daemon.metrics()[name] for name in (FOUND, MISSING)], [0, 0], "look-ups")


def without_a_key_mail_is_remembered_and_leaves_as_it_came(folder):
    with running(folder, **{"trace.sign": None, "trace.key.2026a.secret": None,
                            "trace.cfbl_address": "fbl@example.com",
                            "trace.feedback_id": "a:b:c:d"}) as (mta, daemon, sink):
        remember(mta, daemon, 1, ["ENVID=1"])
        mail = lib.wait_until(lambda: mta.mailbox(READER), "the mail is delivered")[0]
        names = re.findall(rb"^(X-KumoRef|CFBL-\S+|Feedback-ID):", mail, re.M | re.I)
        lib.expect(names, [], "fields that were added")
        post(daemon, by_message_id(1))
        lib.expect(notice(sink).about["Original-Envelope-Id"], "1", "ENVID")


def what_the_record_says_goes_first(folder):
    with running(folder) as (mta, daemon, sink):
        remember(mta, daemon, 1, ["ENVID=milter", "RET=HDRS"],
                 [(READER, ["NOTIFY=NEVER", "ORCPT=rfc822;milter@x.example"])])
        post(daemon, by_message_id(1, meta={"dsn_envid": "record", "dsn_notify": "FAILURE"}))
        found = notice(sink)
        lib.expect(found.about["Original-Envelope-Id"], "record", "ENVID")
        lib.expect(found.recipients[0]["Original-Recipient"], "rfc822; milter@x.example", "ORCPT")
        lib.expect(found.returned.get_content_type(), "text/rfc822-headers", "RET")
        value = by_message_id(1, id="e" * 32, meta={"dsn_notify": "FAILURE"})
        post(daemon, {"log_record": value, "message": lib.original(7).decode()})
        lib.expect(notice(sink, 2).original()["Subject"], "Your order has been shipped", "original")
        lib.expect(daemon.metrics()[FOUND], 1, "with both it is not looked for")


def records_without_notices_look_for_nothing(folder):
    """Of a type, a sender or a time for which none is due; and of one that came before."""
    with running(folder) as (mta, daemon, sink):
        remember(mta, daemon, 1, ["ENVID=1"])
        for value in (by_message_id(1, type="Delivery"), by_message_id(1, sender=""),
                      by_message_id(1, id="f" * 32, sender="a@nobody.example"),
                      by_message_id(1, id="1" * 32, event_time="2020-01-01T00:00:00Z", timestamp=1577836800)):
            daemon.post([value])
        lib.expect([daemon.metrics()[name] for name in (FOUND, MISSING)], [0, 0], "look-ups")
        post(daemon, by_message_id(1))
        lib.expect(daemon.post([by_message_id(1)])[1]["duplicate"], 1, "duplicates")
        notice(sink)
        lib.expect([daemon.metrics()[name] for name in (FOUND, MISSING)], [1, 0], "look-ups")


def captures(folder):
    path = os.path.join(folder, "spool", "captures.db")
    with contextlib.closing(sqlite3.connect(path, lib.PATIENCE)) as base:
        return [json.loads(about) | {"content": content} for about, content in
                base.execute("SELECT about, content FROM capture ORDER BY id")]


def only_what_is_wanted_is_remembered(folder):
    with running(folder, **{"capture.mail": "off"}) as (mta, daemon, _):
        def change(count, **settings):
            daemon.configure(**settings)
            daemon.reload()
            lib.wait_until(lambda: len(daemon.logged("reload: .* is in force")) == count, "a reload")

        submit(mta, 1)
        lib.wait_until(lambda: len(mta.mailbox(READER)) == 1, "the mail is delivered")
        lib.expect(os.path.exists(os.path.join(folder, "spool", "captures.db")), False, "a file")
        change(1, capture__mail="headers")
        submit(mta, 2, sender="somebody@else.example")
        submit(mta, 3, sender="")
        remember(mta, daemon, 4, login="shop")
        change(2, capture__all=True)
        remember(mta, daemon, 5, sender="somebody@else.example")
        change(3, capture__all=False, notice__senders=["*@else.example"])
        remember(mta, daemon, 6, sender="somebody@else.example")
        change(4, milter__outgoing=["ORIGINATING"])
        submit(mta, 7)
        daemon.stop()
        found = captures(folder)
        lib.expect([re.search(rb"Order (\d)", about["content"])[1] for about in found],
                   [b"4", b"5", b"6"], "messages")
        lib.expect(os.stat(os.path.join(folder, "spool", "captures.db")).st_mode & 0o777, 0o600,
                   "mode of the file")
        about = {key: found[0].get(key) for key in ("sender", "client", "client_name", "login",
                                                    "login_type", "recipients")}
        lib.expect(about, {"sender": SENDER, "client": "192.0.2.7", "client_name": "app7.shop.example",
                           "login": "shop", "login_type": "XCLIENT", "recipients": {READER: {}}},
                   "what is known of it")


def requiretls_and_login_are_remembered(folder):
    """ENV-18: the notice about a message with REQUIRETLS returns its header at most, and asks for the
    same. Who had logged in is trusted."""
    if not shutil.which("miltertest"):
        raise lib.Skip("the package miltertest is not installed")
    socket = os.path.join(folder, "milter.sock")
    with lib.Daemon(folder, {
            "milter.listen": "unix:" + socket, "milter.outgoing": ["mta1.example.com"],
            "milter.reports": ["fbl@example.com"], "file.all.path": os.path.join(folder, "records"),
            "trace.sign": "2026a", "trace.key.2026a.secret": "0123456789abcdef",
            "capture.mail": "message", "notice.senders": ["*@shop.example"],
            "notice.trust": ["authenticated"]}) as daemon:
        scripts = os.path.join(lib.SOURCE, "tests", "e2e", "milter")
        done = subprocess.run(
            ["miltertest", "-D", "SOCKET=unix:" + socket, "-D", "REPORT=/dev/null",
             "-D", "SCRIPT=" + os.path.join(scripts, "capture.lua"), "-s",
             os.path.join(scripts, "lib.lua")], text=True, check=False, timeout=lib.PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lib.expect(done.returncode, 0, "status of miltertest: " + done.stdout)
        lib.wait_until(lambda: daemon.metrics()[KEPT] == 2, "both are remembered")
        first, second = captures(folder)
        lib.expect({key: value for key, value in first.items() if key != "content"}, {
            "requiretls": True, "ret": "FULL", "body": "8BITMIME", "sender": SENDER, "queue_id": "QR1",
            "login": "shop", "login_type": "PLAIN", "client": "192.0.2.7",
            "client_name": "client.example", "recipients": {"ann@x.example": {"notify": "FAILURE"}},
        }, "the first")
        lib.expect(first["content"], b"From: news@shop.example\r\nSubject: Order QR1,\r\n\tfolded\r\n"
                   b"Message-ID: <QR1@shop.example>\r\n\r\nA body of QR1.\r\n", "its content")
        lib.expect((second["recipients"], "login" in second, "requiretls" in second),
                   ({"bob@x.example": {}, "eve@x.example": {}}, False, False), "the second")
        post(daemon, record(2, id="QR2", recipient="bob@x.example"))
        lib.expect(daemon.waiting(), [], "notices")
        value = record(1, id="QR1", recipient="ann@x.example")
        post(daemon, value)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "spool", "spool.db"))) as base:
            lib.expect(base.execute("SELECT requiretls FROM entry WHERE kind = 0").fetchall(), [(1,)],
                       "it asks for TLS")
        status, out, err = daemon.queue("show", str(daemon.waiting()[0]["entry"]))
        lib.expect((status, err), (0, ""), "status of queue show")
        lib.expect(("Order QR1" in out, "A body of QR1" in out), (True, False), "what is returned")


def erasing_takes_them_with_it(folder):
    with running(folder) as (mta, daemon, _):
        for number in (1, 2, 3):
            remember(mta, daemon, number, (), [(f"reader+{number}@mta1.example.com", ())])
        lib.wait_until(lambda: "bytes of captures:" in daemon.queue("status")[1], "how much it is")
        status, out, err = daemon.queue("drop", "--recipient", "reader+2@mta1.example.com", "--dead")
        lib.expect((status, err, len(captures(folder))), (0, "", 3), "status of queue drop")
        status, out, err = daemon.queue("drop", "--recipient", "reader+2@mta1.example.com")
        lib.expect((status, err), (0, ""), "status of queue drop")
        lib.expect([list(about["recipients"]) for about in captures(folder)],
                   [["reader+1@mta1.example.com"], ["reader+3@mta1.example.com"]], "recipients")
        daemon.stop()
        status, out, err = daemon.queue("drop", "--sender", "reader+3@mta1.example.com")
        lib.expect((status, err), (0, ""), "without the daemon")
        lib.expect(" 1 captures\n" in out, True, f"what it says: {out}")
        lib.expect([list(about["recipients"]) for about in captures(folder)],
                   [["reader+1@mta1.example.com"]], "recipients")
        with open(os.path.join(folder, "spool", "captures.db"), "rb") as file:
            lib.expect(b"reader+3@" in file.read(), False, "bytes of it")


def a_crash_costs_the_last_ones_at_most(folder):
    with running(folder) as (mta, daemon, sink):
        for number in range(1, 31):
            submit(mta, number, [f"ENVID={number}"])
        lib.wait_until(lambda: daemon.metrics()[KEPT] >= 20, "most are remembered")
        kept = daemon.metrics()[KEPT]
        daemon.kill9()
        daemon.start()
        found = captures(folder)
        lib.expect(len(found) >= kept, True, f"{len(found)} of {kept} that were kept are there")
        post(daemon, by_message_id(1))
        lib.expect(notice(sink).about["Original-Envelope-Id"], "1", "ENVID")
        remember(mta, daemon, 31)


def mail_goes_on_while_nothing_can_be_written(folder):
    """Somebody holds the lock of the file; each message is through before he lets it go."""
    with running(folder, **{"capture.queue": "1MiB"}) as (mta, daemon, sink):
        remember(mta, daemon, 1, ["ENVID=first"])
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "spool", "captures.db"),
                                                isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for number in range(2, 32):
                submit(mta, number, body=b"x" * 70 * 800 + b"\n")
            lib.wait_until(lambda: daemon.metrics()[DROPPED] > 0, "some are not remembered")
            post(daemon, by_message_id(1))
            lib.expect(notice(sink).about["Original-Envelope-Id"], "first", "reading goes on")
            lib.expect(daemon.request("GET", "/readyz")[0], 200, "status of /readyz")
            other.execute("ROLLBACK")
        lib.wait_until(lambda: daemon.metrics()[KEPT] + daemon.metrics()[DROPPED] == 31, "all are settled")
        lib.expect(bool(daemon.logged("capture: what senders ask for is not remembered")), True,
                   "a line of log")
        remember(mta, daemon, 40)
        lib.wait_until(lambda: len(mta.mailbox(READER)) == 32, "all mail is delivered")


def mail_goes_on_while_the_disk_is_full(folder):
    with contextlib.ExitStack() as stack:
        disk = os.path.join(folder, "disk")
        stack.enter_context(lib.small_disk(disk, 24 << 20))
        mta, daemon, _ = stack.enter_context(running(folder, **{
            "spool.directory": os.path.join(disk, "spool"), "spool.min_free": 0}))
        remember(mta, daemon, 1)
        lib.fill(os.path.join(disk, "filler"), 0)
        number = 1

        def drops():
            nonlocal number
            number += 1
            submit(mta, number, body=b"x" * 70 * 400 + b"\n")
            return daemon.metrics()[DROPPED] > 0

        lib.wait_until(drops, "the disk is full")
        for number in range(number + 1, number + 11):
            submit(mta, number)
        lib.wait_until(lambda: len(mta.mailbox(READER)) == number, "all mail is delivered")
        os.unlink(os.path.join(disk, "filler"))

        def keeps():
            nonlocal number
            number += 1
            before = daemon.metrics()[KEPT]
            submit(mta, number)
            return daemon.metrics()[KEPT] > before

        lib.wait_until(keeps, "they are remembered again")
        daemon.stop()


def what_is_too_old_or_too_much_goes(folder):
    with running(folder, **{"capture.max_size": "1MiB"}) as (mta, daemon, _):
        for number in range(1, 41):
            submit(mta, number, body=b"x" * 70 * 800 + b"\n")
        lib.wait_until(lambda: daemon.metrics()[KEPT] == 40, "they are kept")
        lib.wait_until(lambda: 0 < daemon.metrics()["dsnarf_captures_bytes"] <= 1 << 20,
                       "only so much is kept")
        remember(mta, daemon, 50)
        found = [re.search(rb"Order (\d+)", about["content"])[1] for about in captures(folder)]
        lib.expect(found[-3:], [b"39", b"40", b"50"], "what is kept")
        daemon.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "spool", "captures.db"))) as base:
            base.execute("UPDATE capture SET time = time - 8 * 86400")
            base.commit()
        daemon.start()
        lib.wait_until(lambda: captures(folder) == [], "nothing is left")


lib.run(
    each_wish_is_honoured_however_it_is_found,
    the_message_is_returned_as_far_as_it_was_kept,
    whoever_asked_for_none_gets_none,
    success_is_told_to_who_asked_for_it,
    tenants_never_see_one_another,
    whose_token_is_bound_learns_of_no_other,
    without_a_key_mail_is_remembered_and_leaves_as_it_came,
    what_the_record_says_goes_first,
    records_without_notices_look_for_nothing,
    only_what_is_wanted_is_remembered,
    requiretls_and_login_are_remembered,
    erasing_takes_them_with_it,
    a_crash_costs_the_last_ones_at_most,
    mail_goes_on_while_nothing_can_be_written,
    mail_goes_on_while_the_disk_is_full,
    what_is_too_old_or_too_much_goes,
)
