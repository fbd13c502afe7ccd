#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What mail of tenants leaves with: through a real Postfix with a real OpenDKIM behind dsnarf, and
back in feedback reports and notices."""
import atexit
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import dkim
import lib
import mta as protocol

FBL = "fbl@mta1.example.com"
READER = "reader@mta1.example.com"
OTHER = "other@mta1.example.com"
SENDER = "news@shop.example"
SECRETS = {"2026a": "0123456789abcdef", "2026b": "fedcba9876543210"}
SIGNED = ("X-KumoRef", "CFBL-Address", "CFBL-Feedback-ID", "Feedback-ID")
ADDED = SIGNED + ("DKIM-Signature", "Return-Path", "X-Original-To", "Delivered-To", "Received")

HEAD = (b"From: Shop News <news@shop.example>\nTo: reader@mta1.example.com\nSubject: hello\n"
        b"Date: Fri, 20 Nov 2026 14:02:11 +0000\nMessage-ID: <%d@shop.example>\n")
MESSAGES = [
    b"X-Campaign: spring\n\nhello\n",
    b"X-Campaign: fr\xfchling, =?utf-8?q?f=C3=BCr?= alle\nX-Long: " + b"x" * 900 + b"\n"
    b"X-Folded: a\n\tb\n      c\nX-Empty:\n\n8-bit \xe4\xff, a long line " + b"y" * 900 + b"\n.\n..\n",
    b"X-Long: " + b"word " * 200 + b"\n\n",
    b"List-Id: Shop News <news.shop.example>\nMIME-Version: 1.0\nContent-Type: text/plain\n\n" +
    b"0123456789\n" * 20000,
]


class Shared:
    """One Postfix and one OpenDKIM for all cases, because their start takes seconds. They end with
    this process."""

    mta = signer = socket = None

    @classmethod
    def start(cls):
        folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
        os.chmod(folder, 0o755)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cls.socket = os.path.join(folder, "milter.sock")
        cls.signer = dkim.OpenDkim(folder, "shop.example", "sign",
                                   SignHeaders="*,+" + ",+".join(SIGNED),
                                   OversignHeaders="From," + ",".join(SIGNED[1:]))
        atexit.register(cls.signer.stop)
        cls.mta = lib.PrivatePostfix(folder, mailboxes=f"{FBL} {READER} {OTHER}")
        atexit.register(cls.mta.stop)
        # Nobody has connected yet, so that no server has read the old ones.
        configure(cls.mta, "-e", "milter_macro_daemon_name=ORIGINATING",
                  f"smtpd_milters={{ unix:{cls.socket}, default_action=tempfail }}, {cls.signer.socket}")


def configure(mta, *arguments):
    subprocess.run(["/usr/sbin/postconf", "-c", os.path.join(mta.folder, "etc"), *arguments],
                   check=True)


def settings(folder, **changes):
    return {
        "milter.outgoing": ["ORIGINATING"],
        "milter.reports": [FBL],
        "file.all.path": os.path.join(folder, "records"),
        "trace.sign": "2026a",
        "trace.key.2026a.secret": SECRETS["2026a"],
        "tenant.shop.match.sender_domain": ["shop.example"],
        **changes}


ALL_FIELDS = {
    "trace.campaign": ["X-Campaign", "List-Id"],
    "trace.headers": ["Subject", "X-Long"],
    "trace.cfbl_address": FBL,
    "tenant.shop.trace.feedback_id": "{campaign}:{tenant}:{trace}:acme01",
}


@contextlib.contextmanager
def running(folder, **changes):
    """Postfix, dsnarf and OpenDKIM in one chain, with empty mailboxes."""
    if Shared.mta is None:
        Shared.start()
    mta = Shared.mta
    started = len(mta.log())
    for address in (FBL, READER, OTHER):
        shutil.rmtree(os.path.join(mta.folder, "mail", address), ignore_errors=True)
    values = settings(folder, **{"milter.listen": "unix:" + Shared.socket,
                                 "milter.socket_group": "postfix", **changes})
    try:
        with lib.Daemon(folder, values) as daemon:
            yield mta, daemon
    except BaseException:
        print("    the end of Postfix's log:\n" + lib.indent(mta.log()[started:]), flush=True)
        raise


def delivered(mta, address, count):
    lib.wait_until(lambda: len(mta.mailbox(address)) >= count, f"{count} messages for {address}")
    return mta.mailbox(address)


class Sender:
    """Sends messages and has them back as they were delivered."""

    def __init__(self, mta):
        self.mta = mta
        self.counts = {}

    def send(self, message, recipients=READER, sender=SENDER, mailbox=None, port=None, options=()):
        """The one of the first recipient, whose address may be another one than the mailbox's."""
        names = [recipients] if isinstance(recipients, str) else recipients
        lib.expect(lib.send(port or self.mta.port, names, message, sender, options=options)[0], 250,
                   "a mail")
        boxes = [mailbox or names[0], *names[1:]]
        for box in boxes:
            self.counts[box] = self.counts.get(box, 0) + 1
        return delivered(self.mta, boxes[0], self.counts[boxes[0]])[-1]


def split(mail):
    """A delivered message: the fields that were put in front, as (name, value), and the rest."""
    fields = []
    while True:
        found = re.match(rb"([\w-]+):(.*\n(?:[ \t].*\n)*)", mail)
        if found is None or found[1].decode() not in ADDED:
            return fields, mail
        fields.append((found[1].decode(), found[2].decode("latin-1").strip()))
        mail = mail[found.end():]


def field(mail, name):
    """The value of its only field of that name, without what it is folded with; None without one."""
    found = [value for other, value in split(mail)[0] if other == name]
    lib.expect(len(found) <= 1, True, f"no more than one {name}")
    return re.sub(r"\s", "", found[0]) if found else None


def decode(value):
    return json.loads(base64.b64decode(value))


def sign(key, seconds, secret=None, **members):
    """A trace by the text of dsnarf(8), "Of other programs"."""
    def canonical(value):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    whole = {"_@_": "\\_/", "dsnarf": {"k": key, "t": seconds}, **members}
    digest = hmac.new((secret or SECRETS[key]).encode(), canonical(whole), hashlib.sha256).digest()
    whole["dsnarf"]["s"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    text = base64.b64encode(canonical(whole)).decode()
    return "\n\t".join(text[at:at + 75] for at in range(0, len(text), 75)).encode()


# ---- on the way out ----

def a_signer_behind_it_covers_it(folder):
    """CFBL-02, CFBL-03: each message is delivered as it was sent but for the fields in front, and
    the signature that OpenDKIM put over them is good."""
    with running(folder, **ALL_FIELDS) as (mta, daemon):
        sender = Sender(mta)
        for number, rest in enumerate(MESSAGES):
            message = HEAD % number + rest
            mail = sender.send(message, options=["BODY=8BITMIME"])
            fields, original = split(mail)
            lib.expect(original == message, True, f"message {number} is as it was")
            names = [name for name, _ in fields]
            for name in SIGNED:
                lib.expect(names.count(name), 1, name)
            lib.expect(Shared.signer.verify(mail), True, f"the signature of message {number}")
            covered = re.search(r"\bh=([^;]*)", field(mail, "DKIM-Signature"))[1].lower().split(":")
            for name in SIGNED:
                lib.expect(name.lower() in covered, True, f"{name} is signed")
            lib.expect(Shared.signer.verify(mail.replace(b"\nX-KumoRef: ey", b"\nX-KumoRef: eX")), False,
                       "a signature of something else")
            for line in re.search(rb"(?m)^X-KumoRef: (.*\n(?:\t.*\n)*)", mail)[1].split(b"\n\t"):
                lib.expect(len(line.strip()) <= 75, True, "a short line")
        lib.expect(daemon.metrics()['dsnarf_messages_total{intake="milter",result="traced"}'],
                   len(MESSAGES), "traced")


def it_names_campaign_and_fields(folder):
    with running(folder, **ALL_FIELDS) as (mta, _):
        sender = Sender(mta)
        trace = decode(field(sender.send(HEAD % 1 + MESSAGES[1], options=["BODY=8BITMIME"]), "X-KumoRef"))
        lib.expect((trace["tenant"], trace["recipient"], trace["campaign"], trace["dsnarf"]["k"]),
                   ("shop", READER, "fr\u00fchling, f\u00fcr alle", "2026a"), "trace")
        lib.expect(trace["headers"], {"Subject": "hello", "X-Long": "x" * 256}, "its fields")
        lib.wait_until(lambda: mta.logged(f" {trace['id']}: .*message-id=<1@"), "its queue id")
        mail = sender.send(HEAD % 2 + MESSAGES[3])
        lib.expect(decode(field(mail, "X-KumoRef"))["campaign"], "news.shop.example", "campaign")
        parts = field(mail, "Feedback-ID").split(":")
        lib.expect((parts[0], parts[1], parts[3]), ("news.shop.example", "shop", "acme01"), "parts")
        for value in (parts[2], field(mail, "CFBL-Feedback-ID")):
            short = decode(value)
            lib.expect((short["recipient"], "headers" in short), (READER, False), "the short one")
        lib.expect(field(mail, "CFBL-Address"), FBL + ";report=arf", "where complaints go to")


def addresses_in_utf_8(folder):
    """SMTPUTF8: the recipient comes back as it is."""
    with running(folder, **ALL_FIELDS) as (mta, _):
        message = HEAD % 1 + "Reply-To: gr\u00fc\u00dfe@shop.example\nX-Campaign: fr\u00fchling\n\nhello\n".encode()
        mail = Sender(mta).send(message, "reader+gr\u00fc\u00dfe@mta1.example.com",
                                "gr\u00fc\u00dfe@shop.example", mailbox=READER,
                                options=["SMTPUTF8", "BODY=8BITMIME"])
        lib.expect(split(mail)[1] == message, True, "the mail is as it was")
        trace = decode(field(mail, "X-KumoRef"))
        lib.expect((trace["recipient"], trace["tenant"], trace["campaign"]),
                   ("reader+gr\u00fc\u00dfe@mta1.example.com", "shop", "fr\u00fchling"), "trace")
        lib.expect(field(mail, "Feedback-ID").split(":")[0], "fr__hling", "ASCII")
        lib.expect(Shared.signer.verify(mail), True, "the signature")


def whose_mail_is_stamped(folder):
    """What is nobody's leaves as it came, until that is configured; several recipients are not
    told of each other."""
    with running(folder, **ALL_FIELDS) as (mta, daemon):
        sender = Sender(mta)
        fields, rest = split(sender.send(HEAD % 1 + MESSAGES[0], sender="somebody@else.example"))
        lib.expect([name for name, _ in fields if name in SIGNED], [], "fields of nobody's mail")
        lib.expect(rest == HEAD % 1 + MESSAGES[0], True, "the mail is as it was")
        mail = sender.send(HEAD % 2 + MESSAGES[0], [READER, OTHER])
        for value in (field(mail, "X-KumoRef"), field(mail, "CFBL-Feedback-ID"),
                      field(mail, "Feedback-ID").split(":")[2]):
            trace = decode(value)
            lib.expect((trace["tenant"], "recipient" in trace), ("shop", False), "for several")
        found = daemon.metrics()
        for result, count in (("traced", 1), ("other", 1), ("untraced", 0)):
            lib.expect(found[f'dsnarf_messages_total{{intake="milter",result="{result}"}}'], count, result)
        daemon.configure(trace__without_tenant=True)
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "it is in force")
        mail = sender.send(HEAD % 3 + MESSAGES[0], sender="somebody@else.example")
        trace = decode(field(mail, "X-KumoRef"))
        lib.expect((trace["recipient"], "tenant" in trace), (READER, False), "nobody's trace")
        lib.expect(field(mail, "Feedback-ID"), None, "what only the shop has")


def a_second_pass_adds_nothing(folder):
    """A content filter hands each message back to Postfix, where the milter sees it again."""
    with running(folder, **ALL_FIELDS) as (mta, daemon):
        first, second = lib.free_port(), lib.free_port()
        configure(mta, "-Me", f"127.0.0.1:{first}/inet=127.0.0.1:{first} inet n - n - - smtpd"
                              f" -o content_filter=smtp:[127.0.0.1]:{second}",
                  f"127.0.0.1:{second}/inet=127.0.0.1:{second} inet n - n - - smtpd",
                  "smtp/unix=smtp unix - - n - - smtp")
        subprocess.run(["/usr/sbin/postfix", "-c", os.path.join(mta.folder, "etc"), "reload"],
                       check=True, stderr=subprocess.DEVNULL)
        lib.wait_until(lambda: lib.answers(first) and lib.answers(second), "Postfix listens")
        message = HEAD % 1 + MESSAGES[0]
        mail = Sender(mta).send(message, port=first)
        fields, _ = split(mail)
        lib.expect(mail.endswith(message), True, "the mail is as it was")
        lib.expect(mail.count(b"\nReceived:"), 2, "hops")
        for name in SIGNED:
            lib.expect(len(re.findall(rb"(?m)^" + name.encode() + b":", mail)), 1, name)
        trace = decode(re.search(rb"(?m)^X-KumoRef:((?:.*\n)(?:[ \t].*\n)*)", mail)[1])
        lib.wait_until(lambda: mta.logged(f" {trace['id']}: .*queued as "), "the first pass")
        lib.expect(daemon.metrics()['dsnarf_messages_total{intake="milter",result="traced"}'], 2,
                   "passes")


def what_is_false_gives_way(folder):
    """SEC-03: a trace that somebody has copied, changed or kept for too long is replaced; what others
    have put there stays behind ours."""
    now = int(time.time())
    mine = {"tenant": "shop", "recipient": READER}
    plain = base64.b64encode(b'{"_@_":"\\\\_/","recipient":"reader@mta1.example.com","x":"1"}')
    false = [sign("2026a", now, tenant="office", recipient=READER),
             sign("2026a", now, tenant="shop", recipient=OTHER),
             sign("2026a", now - 91 * 86400, **mine),
             sign("2026a", now, SECRETS["2026b"], **mine)]
    stay = [plain, sign("2026b", now, **mine), b"whatever"]
    with running(folder, **ALL_FIELDS) as (mta, daemon):
        sender = Sender(mta)
        marks = b"".join(b"X-KumoRef: " + value + b"\n" for value in false + stay)
        ids = b"".join(b"%s: %s\n" % (name, false[1]) for name in (b"CFBL-Feedback-ID", b"Feedback-ID"))
        mail = sender.send(HEAD % 1 + marks + ids + MESSAGES[0])
        wanted = HEAD % 1 + b"".join(b"X-KumoRef: " + value + b"\n" for value in stay) + MESSAGES[0]
        lib.expect(split(mail)[1] == wanted, True, "what stays")
        lib.expect(decode(field(mail, "X-KumoRef"))["recipient"], READER, "ours, on top")
        lib.expect(decode(field(mail, "CFBL-Feedback-ID"))["recipient"], READER, "the id")
        lib.wait_until(lambda: daemon.logged(f" to=<{READER}> tenant=shop removed_traces=6$"),
                       "a line about it")
        sender.send(HEAD % 3 + b"X-KumoRef: " + false[1] + b"\n" + MESSAGES[0], [OTHER, READER])
        lib.wait_until(lambda: daemon.logged(
            f" to=<{OTHER}> recipients=2 tenant=shop removed_traces=1$"), "a line about two")

        kept = HEAD % 2 + b"X-KumoRef: " + sign("2026a", now, **mine) + \
            b"\nCFBL-Address: fbl@shop.example\nFeedback-ID: a:b:c:d\n" + MESSAGES[0]
        mail = sender.send(kept)
        lib.expect([name for name, _ in split(mail)[0] if name in SIGNED], [], "what is added")
        lib.expect(mail.endswith(kept), True, "the author's own fields")
        lib.expect(Shared.signer.verify(mail), True, "the signature over them")


# ---- and back ----

NOTICE = b"""From: Mail Delivery System <mailer-daemon@mailbox.example>
To: %s
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: Fri, 20 Nov 2026 15:00:00 +0000
Message-ID: <dsn-%d@mailbox.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="dsn"

--dsn
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered.

--dsn
Content-Type: message/delivery-status

Reporting-MTA: dns; in3.mailbox.example

Final-Recipient: rfc822; reader@mta1.example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--dsn
Content-Type: text/rfc822-headers

%s
--dsn--
"""


def complaint(number, returned):
    """A feedback report from somebody unknown, who keeps the recipient's name."""
    head, _ = lib.feedback(number).split(b"X-KumoRef:")
    return head + returned + b"\n--fbl-88213--\n"


def notice(number, returned):
    return NOTICE % (FBL.encode(), number, returned.split(b"\n\n", 1)[0])


class Reporter:
    """Sends reports to Postfix, and reads what dsnarf has recorded of them."""

    def __init__(self, mta, folder):
        self.mta, self.path, self.count = mta, os.path.join(folder, "records"), 0

    def check(self, make, returned, state, key=None, source="X-KumoRef"):
        """Of the record: what the clue at @source is worth, and what follows of it."""
        self.count += 1
        lib.expect(lib.send(self.mta.port, FBL, make(self.count, returned))[0], 250, "a report")
        lib.wait_until(lambda: len(lib.json_lines(self.path)) >= self.count, f"{self.count} records")
        record = lib.json_lines(self.path)[-1]["dsnarf"]
        clues = [clue for clue in (record["resolved"] or {"clues": []})["clues"]
                 if clue["source"] == "header:" + source]
        what = f"report {self.count}, {state} in {source}"
        lib.expect(clues[0]["state"], state, what)
        verified = state == "verified"
        lib.expect((record["verified"], record["verified_by"], record["suppress"]),
                   (verified, [f"trace:{key}"] if verified else [], READER if verified else None), what)
        if verified:
            for name, value in (("recipient", READER), ("tenant", "shop"), ("campaign", "spring")):
                lib.expect(record["resolved"][name],
                           {"value": value, "source": "header:" + source, "state": state}, name)


def only(mail, *names):
    """What a report returns that keeps nothing else of the header but these fields."""
    kept = b"".join(field.encode("latin-1") for field in
                    (f"{name}: {value}\n" for name, value in split(mail)[0] if name in names))
    return kept + b"Subject: removed\n\n"


def reports_are_told_by_it(folder):
    """ARF-23, ARF-25, CFBL-06, CFBL-08, FBL-11, QRK-03, SEC-03: verified, bad, unsigned, expired, each
    in a feedback report and in a notice; and the tenant."""
    with running(folder, **ALL_FIELDS, **{"trace.max_age": "1h"}) as (mta, _):
        mail = Sender(mta).send(HEAD % 1 + MESSAGES[0])
        trace = re.search(rb"X-KumoRef: ((?:.*\n)(?:[ \t].*\n)*)", mail)[1].strip()
        changed = mail.replace(trace, base64.b64encode(
            base64.b64decode(trace).replace(b"reader@", b"Reader@")))
        old = mail.replace(trace, sign("2026a", int(time.time()) - 7200, tenant="shop", recipient=READER))
        reporter = Reporter(mta, folder)
        for make in (complaint, notice):
            reporter.check(make, mail, "verified", "2026a")
            for name in SIGNED[2:]:
                reporter.check(make, only(mail, name), "verified", "2026a", name)
            reporter.check(make, only(changed, "X-KumoRef"), "bad")
            reporter.check(make, only(old, "X-KumoRef"), "expired")
            reporter.check(make, b"X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYUBiIn0=\n" + HEAD % 1
                           + b"\n", "unsigned")


def a_change_of_keys(folder):
    """The new one signs after a reload; the old one verifies until it is taken away."""
    with running(folder, **ALL_FIELDS) as (mta, daemon):
        sender, reporter = Sender(mta), Reporter(mta, folder)
        before = sender.send(HEAD % 1 + MESSAGES[0])

        def reload(count, **changes):
            daemon.configure(**changes)
            daemon.reload()
            lib.wait_until(lambda: len(daemon.logged("reload: .* is in force")) == count, "a reload")
        reload(1, trace__sign="2026b", trace__key__2026b__secret=SECRETS["2026b"])
        after = sender.send(HEAD % 2 + MESSAGES[0])
        lib.expect(decode(field(after, "X-KumoRef"))["dsnarf"]["k"], "2026b", "the new key")
        reporter.check(complaint, before, "verified", "2026a")
        reporter.check(notice, after, "verified", "2026b")
        again = sender.send(split(before)[1].replace(b"hello", b"again")
                            .replace(b"X-Campaign", b"X-KumoRef: " + sign(
                                "2026a", int(time.time()), tenant="shop", recipient=READER)
                                + b"\nX-Campaign"))
        lib.expect(field(again, "X-KumoRef"), None, "another trace beside one of the old key")
        del daemon.settings["trace.key.2026a.secret"]
        reload(2)
        reporter.check(notice, before, "bad")
        reporter.check(complaint, after, "verified", "2026b")


# ---- hostile headers ----

def packets(folder, fields, result="traced", steps=protocol.ALL_STEPS, **changes):
    """What the milter changes of a message with these fields, as an MTA sees it that forbids nothing:
    its packets, and the values that it puts in front by their names."""
    with lib.Daemon(folder, settings(folder, **{"milter.listen": "unix:" + protocol.path_of(folder),
                                                **ALL_FIELDS, **changes})) as daemon:
        with protocol.Mta(folder, steps=steps, connect=False) as peer:
            peer.send("D", b"C{daemon_name}\0ORIGINATING\0")
            peer.connect()
            peer.envelope(["<" + READER + ">"], "<" + SENDER + ">")
            peer.send("T")
            peer.receive("c")
            for name, value in fields:
                peer.send("L", name + b"\0" + value + b"\0")
            peer.send("N")
            peer.send("E")
            found = peer.changes()
        lib.expect(found[-1][0], "a", "the end")
        lib.expect(daemon.metrics()[f'dsnarf_messages_total{{intake="milter",result="{result}"}}'], 1,
                   result)
    values = {}
    for command, data in found[:-1]:
        if command == "i":
            name, value = data[4:].split(b"\0")[:2]
            values[name.decode()] = value.decode()
    return found, values


def the_blank_behind_a_colon_is_there_once(folder):
    """An MTA that does not show it writes it itself."""
    for steps, blank in ((protocol.ALL_STEPS, True), (protocol.ALL_STEPS & ~protocol.SHOW_BLANK, False)):
        place = os.path.join(folder, str(steps))
        os.mkdir(place)
        _, values = packets(place, [(b"Subject", b" a")], steps=steps)
        for name in ("X-KumoRef", "CFBL-Address", "CFBL-Feedback-ID", "Feedback-ID"):
            lib.expect(values[name].startswith(" "), blank, name)


def mail_of_nobody_is_not_read(folder):
    """Its header and body stay at the MTA."""
    with lib.Daemon(folder, settings(folder, **{"milter.listen": "unix:" + protocol.path_of(folder)})):
        for sender, answer in (("<somebody@else.example>", "a"), ("<news@shop.example>", "c")):
            with protocol.Mta(folder, connect=False) as peer:
                peer.send("D", b"C{daemon_name}\0ORIGINATING\0")
                peer.connect()
                peer.envelope(["<" + READER + ">"], sender)
                peer.send("T")
                peer.receive(answer)


def without_room_mail_leaves_as_it_came(folder):
    """What is not known of a header could be there twice."""
    found, _ = packets(folder, [(b"X-Long", b" " + b"x" * 20000)], "untraced",
                       **{"limits.message": 1024})  # 16 of them are the room
    lib.expect(found, [("a", b"")], "changes")
    with open(os.path.join(folder, "log"), encoding="utf-8") as file:
        lib.expect(file.read().count("milter: Q1 leaves without a trace: too much mail at the moment"), 1,
                   "lines about it")


def hostile_headers(folder):
    """SEC-01: whatever stands in a message, no line of ours is begun by it, and nothing is unbounded."""
    now = int(time.time())
    false = sign("2026a", now, SECRETS["2026b"], tenant="shop", recipient=READER)
    cases = {
        "control characters": [(b"Subject", b" a\x01\x1b[31m\rX-Evil: 1\n b\x7f"),
                               (b"X-Campaign", b" c\r\n X-Evil: 1\x08:d")],
        "cut at a NUL": [(b"Subject", b" a\0b"), (b"X-Campaign", b" c")],
        "a long field": [(b"X-Long", b" " + b"\xff" * 60000), (b"X-Campaign", b" " + b"=?" * 30000)],
        "many fields": [(b"Subject", b" %d" % number) for number in range(5000)],
        "many long fields": [(b"X-Long", b" " + b"x" * 60000)] * 100,
        "many traces": [(b"X-KumoRef", b" " + false)] * 5000,
        "many ids": [(b"Feedback-ID", b" " + b":" * 900)] * 1000 + [(b"CFBL-Address", b" ;;;<<")] * 1000,
    }
    for number, (case, fields) in enumerate(cases.items()):
        place = os.path.join(folder, str(number))
        os.makedirs(place)
        found, values = packets(place, fields)
        trace = decode(values["X-KumoRef"])
        lib.expect((trace["tenant"], trace["recipient"]), ("shop", READER), case)
        removed = [data for command, data in found if command == "m"]
        lib.expect(len(removed), 16 if case == "many traces" else 0, f"{case}: removals")
        lib.expect("Feedback-ID" in values, case != "many ids", f"{case}: a Feedback-ID")
        lib.expect("CFBL-Address" in values, case != "many ids", f"{case}: a CFBL-Address")
        for name, value in values.items():
            for line in value.split("\n")[1:]:
                lib.expect(re.match(r"\t[A-Za-z0-9+/=]+(:acme01)?$", line) is not None, True,
                           f"{case}: a line of {name}: {line!r}")
            lib.expect(value.isascii() and value.replace("\n\t", "").isprintable(), True,
                       f"{case}: {name}")
            lib.expect(len(value) < 8000, True, f"{case}: length of {name}")


lib.run(a_signer_behind_it_covers_it, it_names_campaign_and_fields, addresses_in_utf_8,
        whose_mail_is_stamped, a_second_pass_adds_nothing, what_is_false_gives_way,
        reports_are_told_by_it, a_change_of_keys, the_blank_behind_a_colon_is_there_once, mail_of_nobody_is_not_read,
        without_room_mail_leaves_as_it_came, hostile_headers)
