#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records to notices and mail to records, through a real Postfix."""
import email
import email.policy
import os

import lib

TENANT = "news@shop.example"
REPORTS = "fbl@mta1.example.com"     # read by the milter
BY_LMTP = "lmtp@mta1.example.com"    # by the transport map
BY_MAILDIR = "box@mta1.example.com"  # by the watched Maildir
NOTICES = 20


class Both(lib.PrivatePostfix):
    """A Postfix and a dsnarf that are set up for each other."""

    def __init__(self, folder, **settings):
        socket = os.path.join(folder, "milter.sock")
        lmtp_port = lib.free_port()
        super().__init__(folder, milter=f"unix:{socket}", lmtp=f"{BY_LMTP} inet:127.0.0.1:{lmtp_port}",
                         mailboxes=f"{TENANT} {REPORTS} {BY_MAILDIR}")
        maildir = os.path.join(self.folder, "mail", BY_MAILDIR)
        lib.make_maildir(maildir, "nobody")
        self.records = os.path.join(folder, "records.jsonl")
        self.others = os.path.join(folder, "others")
        lib.make_maildir(self.others)
        try:
            self.dsnarf = lib.Daemon(folder, {
                "relay.default.hosts": [f"127.0.0.1:{self.reinject}"],
                "notice.senders": ["shop.example"],
                "milter.listen": f"unix:{socket}",
                "milter.socket_group": "postfix",
                "milter.reports": [REPORTS],
                "lmtp.listen": f"127.0.0.1:{lmtp_port}",
                "lmtp.reports": [BY_LMTP],
                "lmtp.others": self.others,
                "maildir.box.path": maildir,
                "file.records.path": self.records,
                "nodeid": "11111111-2222-3333-4444-555555555555",
                **settings,
            })
        except BaseException as problem:
            self.__exit__(type(problem))
            raise

    def __exit__(self, kind, *rest):
        if hasattr(self, "dsnarf"):
            self.dsnarf.__exit__(kind, *rest)
        super().__exit__(kind, *rest)

    def wait_empty(self):
        """Nothing waits in Postfix or in dsnarf any more."""
        lib.wait_until(lambda: not self.queue(), "the queue of Postfix is empty")
        lib.wait_until(lambda: not self.dsnarf.waiting(), "the queue of dsnarf is empty")

    def wait_records(self, count):
        lib.wait_until(lambda: len(lib.json_lines(self.records)) >= count, f"{count} records")
        lib.expect(len(lib.json_lines(self.records)), count, "records")
        return lib.json_lines(self.records)

    def accept(self, recipients, message, sender="fbl@mailbox.example"):
        code, text = lib.send(self.port, recipients, message, sender)
        lib.expect(code, 250, f"answer of Postfix ({text})")


def check_notice(data):
    """Looks at a delivered notice as the sender's mail program would; returns the number in it."""
    notice = email.message_from_bytes(data, policy=email.policy.default)
    lib.expect(notice.defects, [], "defects")
    number = int(notice["To"].removeprefix("news+").removesuffix("@shop.example"))
    lib.expect(notice["Return-Path"], "<>", "Return-Path")  # ENV-02
    lib.expect(notice["To"], f"news+{number}@shop.example", "To")
    lib.expect(notice["From"], "Mail Delivery System <mailer-daemon@mta1.example.com>", "From")
    lib.expect(notice["Auto-Submitted"], "auto-replied", "Auto-Submitted")
    lib.expect(notice["In-Reply-To"], f"<20261120091458.{number}@shop.example>", "In-Reply-To")
    lib.expect(notice.get_content_type(), "multipart/report", "Content-Type")
    lib.expect(notice["Content-Type"].params["report-type"], "delivery-status", "report-type")
    text, status, returned = notice.iter_parts()
    if "jane@customer.example" not in text.get_content():
        raise lib.Failure("the text does not name the recipient")
    lib.expect(status.get_content_type(), "message/delivery-status", "second part")
    message, recipient = status.get_payload()
    lib.expect(message["Reporting-MTA"], "dns; mta1.example.com", "Reporting-MTA")
    lib.expect(recipient["Final-Recipient"], "rfc822; jane@customer.example", "Final-Recipient")
    lib.expect(recipient["Action"], "failed", "Action")
    lib.expect(recipient["Status"], "5.1.1", "Status")
    lib.expect(returned.get_content_type(), "text/rfc822-headers", "third part")
    original = email.message_from_string(returned.get_content())
    lib.expect(original["Message-ID"], f"<20261120091458.{number}@shop.example>", "original")
    return number


def records_become_notices(folder):
    with Both(folder) as both:
        batch = [lib.element(number) for number in range(NOTICES)]
        batch += [lib.element(100, sender=""), lib.element(101, type="Delivery"),
                  lib.element(102, sender="boss@elsewhere.example")]
        status, answer = both.dsnarf.post(batch)
        lib.expect(status, 200, "status")
        lib.expect(answer["rejected"], [], "rejected")
        lib.expect(both.dsnarf.post(batch)[1]["duplicate"] >= NOTICES, True, "duplicates are known")
        lib.wait_until(lambda: len(both.mailbox(TENANT)) >= NOTICES, "the notices arrive")
        both.wait_empty()
        lib.expect(sorted(map(check_notice, both.mailbox(TENANT))), list(range(NOTICES)), "notices")
        metrics = both.dsnarf.metrics()
        lib.expect(metrics['dsnarf_notices_total{event="sent"}'], NOTICES, "sent by the metrics")
        for reason in ("null-sender", "sender-not-ours"):
            name = f'dsnarf_not_done_total{{reason="{reason}"}}'
            lib.expect(metrics[name] >= 1, True, name)
        lib.expect(both.logged("milter-"), [], "what Postfix says of the milter")
        lib.wait_until(lambda: len(both.logged(r"/qmgr.*: removed")) == NOTICES, "Postfix has logged all")
        lib.expect(len(both.logged(r"reinject/smtpd.*: client=")), NOTICES, "mails reinjected")
        lib.expect(both.logged(r"/bounce\["), [], "bounces that Postfix made")


def check_feedback(record, number, recipient, protocol):
    lib.expect(record["type"], "Feedback", "type")
    lib.expect(record["sender"], "fbl@mailbox.example", "sender")
    lib.expect(record["recipient"], recipient, "recipient")
    lib.expect(record["reception_protocol"], protocol, "reception_protocol")
    lib.expect(record["nodeid"], "11111111-2222-3333-4444-555555555555", "nodeid")
    report = record["feedback_report"]
    lib.expect(report["feedback_type"], "abuse", "feedback_type")
    lib.expect(report["original_mail_from"], f"news+{number}@shop.example", "original_mail_from")
    lib.expect(report["supplemental_trace"],
               {"campaign": "autumn-sale", "recipient": "john@mailbox.example"}, "trace")
    lib.expect(record["dsnarf"]["trace"]["state"], "unsigned", "state of the trace")


def check_oob(record, sender):
    """Its sender is that of the original: to whom the report came."""
    lib.expect(record["type"], "OOB", "type")
    lib.expect(record["sender"], sender, "sender")
    lib.expect(record["recipient"], "ann@partner.example", "recipient")
    lib.expect(record["response"]["code"], 552, "code")
    lib.expect(record["dsnarf"]["trace"]["supplemental_trace"]["recipient"], "ann@partner.example",
               "trace")


def report(number):
    mail_from = b"<news+%d@shop.example>" % number
    return lib.feedback(number, **{"Original-Mail-From": mail_from})


# FBL-01: as any other mail, over SMTP.
def the_milter_reads_reports(folder):
    with Both(folder) as both:
        both.accept(REPORTS, report(1))
        both.accept(REPORTS, lib.example("dsn.eml"), "")
        feedback, oob = both.wait_records(2)
        check_feedback(feedback, 1, REPORTS, "ESMTP")
        check_oob(oob, REPORTS)

        both.accept(REPORTS, report(1))  # the client did not see the answer and sends it again
        both.accept([REPORTS, TENANT], report(2))
        both.accept([TENANT, REPORTS], report(3))
        both.accept(TENANT, report(4))  # is nothing to us
        letter = lib.original(5).split(b"\n", 1)[1]
        both.accept(REPORTS, letter, "somebody@else.example")  # is nothing to us either
        lib.wait_until(lambda: len(both.mailbox(TENANT)) >= 3 and both.mailbox(REPORTS),
                       "what is not ours is delivered")
        both.wait_empty()

        records = both.wait_records(4)
        lib.expect([record["feedback_report"]["original_mail_from"] for record in records[2:]],
                   ["news+2@shop.example", "news+3@shop.example"], "records")
        (delivered,) = both.mailbox(REPORTS)
        lib.expect(delivered.endswith(b"\n" + letter), True, "the letter is as it was")
        for mail in both.mailbox(TENANT):
            lib.expect(b"\nX-Original-To: " + TENANT.encode() in mail, True, "To whom it was sent")
            lib.expect(mail.endswith(report(2).split(b"\n", 1)[1].split(b"4713", 1)[1]), True,
                       "the copy of the tenant is as it was")
        metrics = both.dsnarf.metrics()
        for result, count in (("passed", 1), ("failed", 0)):
            name = f'dsnarf_messages_total{{intake="milter",result="{result}"}}'
            lib.expect(metrics[name], count, name)
        lib.expect(metrics['dsnarf_not_done_total{reason="not-a-report"}'], 1, "not-a-report")
        lib.expect(len(both.dsnarf.logged("not-a-report")) >= 1, True, "the log says why")


def the_milter_is_away(folder):
    with Both(folder) as both:
        both.dsnarf.stop()
        code, text = lib.send(both.port, REPORTS, report(1), "fbl@mailbox.example")
        lib.expect(code, 451, f"answer of Postfix ({text})")
        lib.expect(lib.send(both.reinject, TENANT, lib.original(1))[0], 250, "the other port")
        both.dsnarf.start()
        both.accept(REPORTS, report(1))
        check_feedback(both.wait_records(1)[0], 1, REPORTS, "ESMTP")
        both.wait_empty()


# FBL-01, behind an MTA that takes the reports over SMTP.
def lmtp_reads_reports(folder):
    with Both(folder) as both:
        both.accept(BY_LMTP, report(1))
        both.accept(BY_LMTP, lib.example("dsn.eml"), "")
        records = both.wait_records(2)
        records.sort(key=lambda record: record["type"])  # they came by two connections
        check_feedback(records[0], 1, BY_LMTP, "LMTP")
        check_oob(records[1], BY_LMTP)
        letter = lib.original(5).split(b"\n", 1)[1]
        both.accept(BY_LMTP, letter)
        new = os.path.join(both.others, "new")
        lib.wait_until(lambda: os.path.isdir(new) and os.listdir(new), "the letter is delivered")
        with open(os.path.join(new, *os.listdir(new)), "rb") as file:
            lib.expect(file.read().replace(b"\r\n", b"\n").endswith(b"\n" + letter), True,
                       "the letter is as it was")

        both.dsnarf.stop()  # Postfix keeps the mail meanwhile; the milter's port is closed too
        lib.expect(lib.send(both.reinject, BY_LMTP, report(2))[0], 250, "answer of Postfix")
        lib.wait_until(lambda: both.logged("relay=none.*status=deferred"), "the mail is deferred")
        both.dsnarf.start()
        both.wait_records(3)
        both.wait_empty()


def a_watched_maildir_is_read(folder):
    with Both(folder) as both:
        both.accept(BY_MAILDIR, report(1))
        both.accept(BY_MAILDIR, lib.example("dsn.eml"), "")
        records = both.wait_records(2)
        records.sort(key=lambda record: record["type"])
        lib.expect(records[0]["feedback_report"]["original_mail_from"], "news+1@shop.example",
                   "original_mail_from")
        check_oob(records[1], BY_MAILDIR)
        letter = lib.original(5).split(b"\n", 1)[1]
        both.accept(BY_MAILDIR, letter)
        lib.wait_until(lambda: both.dsnarf.logged("not-a-report"), "the letter is looked at")
        maildir = os.path.join(both.folder, "mail", BY_MAILDIR)
        (left,) = [os.path.join(place, name) for place, _, names in os.walk(maildir)
                   for name in names]
        with open(left, "rb") as file:
            lib.expect(file.read().endswith(b"\n" + letter), True, "the letter is as it was")
        both.wait_empty()


def all_roads_share_their_keys(folder):
    with Both(folder) as both:
        both.accept(REPORTS, report(1))
        both.wait_records(1)
        both.accept([BY_LMTP, BY_MAILDIR], report(1))
        both.accept(BY_MAILDIR, report(2))
        both.wait_records(2)
        lib.wait_until(lambda: not both.mailbox(BY_MAILDIR), "the Maildir is read")
        both.wait_empty()
        both.wait_records(2)


lib.run(records_become_notices, the_milter_reads_reports, the_milter_is_away, lmtp_reads_reports,
        a_watched_maildir_is_read, all_roads_share_their_keys)
