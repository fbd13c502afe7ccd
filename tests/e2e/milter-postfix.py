#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The milter behind a real Postfix: what is delivered, and what happens when dsnarf is slow or
away."""
import base64
import contextlib
import email
import json
import os
import re
import signal
import smtplib
import threading

import lib
from milter_peer import (FBL, ORDINARY, READER, Shared, TAGGED, as_sent, delivered, locked_spool,
                         records, running, set_parameters)


def reports_are_taken(folder):
    with running(folder) as (mta, daemon):
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "a feedback report")
        lib.expect(lib.send(mta.port, FBL, lib.example("dsn.eml"))[0], 250, "a DSN")
        lib.expect(lib.send(mta.port, [READER, FBL], lib.feedback(2))[0], 250, "ours second")
        lib.expect(lib.send(mta.port, [FBL, READER], lib.feedback(3))[0], 250, "ours first")
        lib.expect(lib.send(mta.port, TAGGED, b"X-Dsnarf-Report: forged\n" + lib.feedback(4))[0], 250,
                   "tagged")
        lib.expect(lib.send(mta.port, FBL, ORDINARY[0], "a@b.example")[0], 250, "no report")
        found = records(folder, 5)
        lib.expect(sorted(record["type"] for record in found), ["Feedback"] * 4 + ["OOB"], "types")
        lib.expect(sorted(as_sent(mail) for mail in delivered(mta, READER, 2)),
                   sorted(lib.feedback(number).split(b"\n", 1)[1] for number in (2, 3)),
                   "mail of the reader")
        tagged, = delivered(mta, TAGGED, 1)
        for mail in [tagged] + mta.mailbox(READER):
            lib.expect(b"\nReturn-Path: <>\n" in b"\n" + mail, True, "the sender stays null: ENV-12")
        tags = re.findall(rb"(?mi)^X-Dsnarf-Report:.*$", tagged)
        wanted = [b"X-Dsnarf-Report: feedback-report; id=" + record["id"].encode() for record in found]
        if len(tags) != 1 or tags[0] not in wanted:
            raise lib.Failure(f"tags {tags}")
        lib.expect(as_sent(delivered(mta, FBL, 1)[0]), ORDINARY[0], "what was no report")
        queue_id = lib.wait_until(lambda: mta.logged("milter-discard"), "a line of Postfix")[0].split()[5]
        lib.expect(len(daemon.logged(f": {queue_id} from=<> .*verdict=discard")), 1,
                   "a line with Postfix's queue id")


# What Postfix tells the milter of a client is believed; a field about it only from our own host.
def what_proves_a_report(folder):
    results = b"Authentication-Results: %s; dkim=pass header.d=mailbox.example\n"
    proofs = {1: results % b"mx.mta1.example.com", 2: results % b"mx.elsewhere.example", 3: b"",
              4: b"Received: from outside\n" + results % b"mx.mta1.example.com"}
    settings = {"authentication.authserv_ids": ["mx.mta1.example.com"],
                "authentication.reporters": ["mailbox.example"], "authentication.received": 0}
    with running(folder, **settings) as (mta, daemon):
        for number, field in proofs.items():
            lib.expect(lib.send(mta.port, FBL, field + lib.feedback(number), "fbl@mailbox.example")[0],
                       250, f"report {number}")
        lib.expect([record["dsnarf"]["verified_by"] for record in records(folder, 4)],
                   [["authentication-results:dkim=mailbox.example"], [], [], []], "what proves them")
        daemon.configure(authentication__clients=["127.0.0.0/8", "::1/128"])
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(lib.send(mta.port, FBL, lib.feedback(5), "fbl@mailbox.example")[0], 250, "report 5")
        lib.expect(records(folder, 5)[4]["dsnarf"]["verified_by"], ["client:127.0.0.0/8"],
                   "what proves one of a listed client")


# FBL-03, OOB-26: what is no report, or no complete one, is delivered to the report address.
def other_mail_is_delivered_as_without_a_milter(folder):
    with running(folder) as (mta, _):
        for address in (READER, FBL):
            for number, message in enumerate(ORDINARY):
                lib.expect(lib.send(mta.reinject, address, message, "a@b.example")[0], 250, "without")
                without = delivered(mta, address, 2 * number + 1)[-1]
                lib.expect(lib.send(mta.port, address, message, "a@b.example")[0], 250, "with")
                lib.expect(as_sent(delivered(mta, address, 2 * number + 2)[-1]), as_sent(without),
                           f"message {number} for {address}")
        lib.expect(lib.json_lines(os.path.join(folder, "records")), [], "records")


def a_client_that_comes_again_makes_one_record(folder):
    """Postfix loses patience at the end of the message; what was taken in stays so."""
    with running(folder, ", content_timeout=1s, command_timeout=1s") as (mta, daemon):
        for number, message in enumerate((lib.feedback(1), lib.example("dsn.eml"))):
            with locked_spool(folder):
                lib.expect(lib.send(mta.port, FBL, message)[0], 451, "while the disk is slow")
            for times in ("later", "once more"):  # a busy machine may need some attempts
                lib.wait_until(lambda: lib.send(mta.port, FBL, message)[0] == 250, times)
            records(folder, number + 1)
        done = []
        sender = threading.Thread(target=lambda: done.append(lib.send(mta.port, FBL, lib.feedback(2))[0]))
        daemon.child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, daemon.child.pid, os.WSTOPPED)  # each thread runs on until it is told
        try:
            sender.start()
            sender.join()
        finally:
            daemon.child.send_signal(signal.SIGCONT)
        lib.expect(done, [451], "while dsnarf stands still")
        lib.wait_until(lambda: lib.send(mta.port, FBL, lib.feedback(2))[0] == 250, "later")
        records(folder, 3)
        lib.expect(delivered(mta, FBL, 0), [], "mail for the report address")


def progress_keeps_postfix_waiting(folder):
    with running(folder, ", content_timeout=7s") as (mta, _):  # dsnarf asks for more after 5 s
        done = []
        sender = threading.Thread(target=lambda: done.append(lib.send(mta.port, FBL, lib.feedback(1))))
        with locked_spool(folder):
            sender.start()
            sender.join(8.5)  # after 10 s it gives up
            lib.expect(done, [], "answers")
        sender.join()
        lib.expect(done[0][0], 250, "answer")
        records(folder, 1)


def a_crash_costs_one_try(folder):
    with running(folder) as (mta, daemon):
        done = []
        sender = threading.Thread(
            target=lambda: done.append(lib.send(mta.port, FBL, lib.feedback(1))[0]))
        before = len(mta.logged("message-id=<fbl-1@"))
        with locked_spool(folder):
            sender.start()
            lib.wait_until(lambda: len(mta.logged("message-id=<fbl-1@")) > before, "the message")
            daemon.kill9()
            sender.join()
        lib.expect(done, [451], "answer")
        daemon.start()
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "after the restart")
        records(folder, 1)


def away(folder):
    """What becomes of mail while dsnarf is down is Postfix's milter_default_action."""
    with running(folder) as (mta, daemon):
        daemon.stop()
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 451, "tempfail: a report")
        lib.expect(lib.send(mta.port, READER, ORDINARY[0], "a@b.example")[0], 451, "tempfail: other mail")
        daemon.start()
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "after the start: a report")
        lib.expect(lib.send(mta.port, READER, ORDINARY[0], "a@b.example")[0], 250, "other mail")
        records(folder, 1)
        delivered(mta, READER, 1)

        daemon.stop()
        for action, code in (("reject", 554), ("accept", 250), ("quarantine", 250)):
            set_parameters(mta, smtpd_milters=f"{{ unix:{Shared.socket}, default_action={action} }}")
            lib.expect(lib.send(mta.port, FBL, lib.feedback(2))[0], code, action)
        lib.wait_until(lambda: len(mta.mailbox(FBL)) == 1, "accept: delivered unread")
        lib.wait_until(lambda: [mail["queue_name"] for mail in mta.queue()] == ["hold"],
                       "quarantine: kept in the hold queue")
        daemon.start()
        records(folder, 1)


def an_open_session_is_told_to_come_again(folder):
    """The client of a session that was open over a restart has to connect anew."""
    with running(folder) as (mta, daemon):
        with contextlib.closing(smtplib.SMTP(timeout=lib.PATIENCE)) as client:
            client.connect("127.0.0.1", mta.port)
            client.ehlo()
            daemon.stop()
            daemon.start()
            codes = [client.mail("")[0], client.rcpt(FBL)[0], client.docmd("DATA")[0]]
            lib.expect(451 in codes and 354 not in codes, True, f"the session that was open: {codes}")
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "a new one")
        records(folder, 1)


def the_daemon_name_chooses_the_role(folder):
    roles = {"milter.role.in.daemon": "inbound", "milter.role.in.consumed": "tag",
             "milter.role.in.reports": [FBL]}
    with running(folder, **roles) as (mta, _):
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "the usual name")
        set_parameters(mta, milter_macro_daemon_name="inbound")
        lib.expect(lib.send(mta.port, FBL, lib.feedback(2))[0], 250, "the other name")
        records(folder, 2)
        if b"\nX-Dsnarf-Report: feedback-report; id=" not in delivered(mta, FBL, 1)[0]:
            raise lib.Failure("no tag")


def trace_of(mail):
    """What the topmost X-KumoRef of a delivered message says, None without one."""
    value = email.message_from_bytes(mail)["X-KumoRef"]
    return None if value is None else json.loads(base64.b64decode(value))


def complaint(number, mail):
    """A feedback report from somebody unknown, who returns @mail and keeps the recipient's name."""
    head, _ = lib.feedback(number).split(b"X-KumoRef:")
    return head + mail + b"\n--fbl-88213--\n"


def mail_that_leaves_can_be_believed_when_it_comes_back(folder):
    """SEC-03, SEC-04, ARF-23, ARF-25, FBL-11, CFBL-08: from what the milter signs to what the file of
    records says to do, with a change of keys on the way."""
    lmtp = lib.free_port()
    with running(folder, **{
            "milter.outgoing": ["ORIGINATING"], "trace.sign": "2026a",
            "trace.key.2026a.secret": "0123456789abcdef", "lmtp.listen": f"127.0.0.1:{lmtp}",
            "lmtp.reports": [FBL], "tenant.shop.match.sender_domain": ["shop.example"]}) as (mta, daemon):
        def send(number):
            message = ORDINARY[0].replace(b"<1@", b"<%d@" % number)
            lib.expect(lib.send(mta.port, READER, message, "news@shop.example")[0], 250, "a mail")
            mail = next(mail for mail in delivered(mta, READER, number) if b"<%d@" % number in mail)
            lib.expect(as_sent(mail).endswith(message), True, "the mail is as it was")
            return mail

        def check(number, mail, state, by, port=None):
            send_to = {"port": port or mta.port, "lmtp": port is not None}
            lib.expect(lib.send(recipients=FBL, message=complaint(number, mail), **send_to)[0], 250,
                       "a report")
            record = records(folder, number)[-1]["dsnarf"]
            trace = record["trace"]
            lib.expect((trace and trace["state"], record["verified"], record["verified_by"],
                        record["suppress"]),
                       (state, bool(by), by, READER if by else None), f"report {number}")
            return record

        unsigned = send(1)
        lib.expect(trace_of(unsigned), None, "the trace of mail from other services")
        set_parameters(mta, milter_macro_daemon_name="ORIGINATING")
        signed = send(2)
        lib.expect(signed.index(b"X-KumoRef: ey") < signed.index(b"Received: "), True, "on top")
        trace = trace_of(signed)
        lib.expect((trace["recipient"], trace["tenant"], trace["dsnarf"]["k"]),
                   (READER, "shop", "2026a"), "trace")
        lib.wait_until(lambda: mta.logged(f" {trace['id']}: .*message-id=<2@"), "its queue id")

        check(1, unsigned, None, [])
        found = check(2, signed, "verified", ["trace:2026a"])
        lib.expect(found["resolved"]["tenant"],
                   {"value": "shop", "source": "header:X-KumoRef", "state": "verified"}, "tenant")
        stolen = signed.replace(b"X-KumoRef: e", b"X-KumoRef: eyJfQF8iOiJcXF8vIn0=\nX-Trace: e", 1)
        check(3, stolen, "verified", ["trace:2026a"])  # a plain one in front of it
        forged = re.sub(rb"X-KumoRef:(.*\n\t)+.*\n", lambda found: b"X-KumoRef: " + base64.b64encode(
            base64.b64decode(found[0][11:]).replace(b"reader@", b"victim@")) + b"\n", signed, 1)
        lib.expect(trace_of(forged)["recipient"], READER.replace("reader", "victim"), "the forged one")
        check(4, forged, "bad", [])

        daemon.configure(trace__sign="2026b", trace__key__2026b__secret="fedcba9876543210")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the new keys are in force")
        renewed = send(3)
        lib.expect(trace_of(renewed)["dsnarf"]["k"], "2026b", "the new key")
        check(5, signed, "verified", ["trace:2026a"])  # for trace.max_age
        check(6, renewed, "verified", ["trace:2026b"], lmtp)
        found = daemon.metrics()
        lib.expect(found['dsnarf_messages_total{intake="milter",result="traced"}'], 2, "traced")
        for state, count in (("unsigned", 1), ("verified", 4), ("bad", 1), ("expired", 0)):
            lib.expect(found[f'dsnarf_traces_total{{state="{state}"}}'], count, state)
            lines = 0 if state == "unsigned" else count  # LMTP's comes behind the answer
            lib.wait_until(lambda pattern=f" records=1 trace={state} verdict=", lines=lines:
                           len(daemon.logged(pattern)) == lines, f"lines about {state} ones")


def only_our_own_results_are_believed(folder):
    """ARF-23, SEC-04: Postfix's header_checks remove what RFC 8601 section 5 demands, before a milter
    sees it; without them a report could vouch for itself."""
    forged = b"Authentication-Results: mta1.example.com; dkim=pass header.d=mailbox.example\n"
    checks = os.path.join(folder, "header_checks")
    with open(checks, "w", encoding="ascii") as file:
        file.write("/^Authentication-Results:/ IGNORE\n")
    with running(folder, **{
            "authentication.authserv_ids": ["mta1.example.com"], "authentication.received": 0,
            "authentication.reporters": ["mailbox.example"]}) as (mta, _):
        try:
            for number, parameter in ((1, ""), (2, "regexp:" + checks)):
                set_parameters(mta, header_checks=parameter)
                lib.expect(lib.send(mta.port, FBL, forged + lib.feedback(number))[0], 250, "a report")
                lib.expect(records(folder, number)[-1]["dsnarf"]["verified"], number == 1, "verified")
        finally:
            set_parameters(mta, header_checks="")


lib.run(reports_are_taken, what_proves_a_report, only_our_own_results_are_believed, mail_that_leaves_can_be_believed_when_it_comes_back, other_mail_is_delivered_as_without_a_milter, a_crash_costs_one_try,
        an_open_session_is_told_to_come_again, away, the_daemon_name_chooses_the_role,
        a_client_that_comes_again_makes_one_record, progress_keeps_postfix_waiting)
