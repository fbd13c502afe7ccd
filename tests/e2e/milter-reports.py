#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reports that come in through Postfix: whose mail is read, what becomes of it by kind, sessions of
many messages, a milter that dies or is late in the middle of one, and who has sent it."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading


import dkim
import dmarc
import dns_server
import lib
from milter_peer import (FBL, ORDINARY, READER, Shared, TAGGED, as_sent, delivered, locked_spool,
                         records, running, set_parameters)

DOMAIN = FBL.split("@")[1]
NORMAL = "tempfail"


class Client:
    """An SMTP client that writes as much at once as it likes."""

    def __init__(self, port):
        self.peer = socket.create_connection(("127.0.0.1", port), lib.PATIENCE)
        self.file = self.peer.makefile("rb")
        self.expect(220, "EHLO client.example\r\n", 250)

    def say(self, *pieces):
        self.peer.sendall(b"".join(piece if isinstance(piece, bytes) else piece.encode()
                                   for piece in pieces))

    def code(self):
        """The code of the next answer."""
        while True:
            line = self.file.readline()
            if not line:
                raise lib.Failure("Postfix hung up")
            if line[3:4] != b"-":
                return int(line[:3])

    def expect(self, *codes):
        """Codes that are awaited, and texts that are sent."""
        for wanted in codes:
            if isinstance(wanted, int):
                lib.expect(self.code(), wanted, "answer")
            else:
                self.say(wanted)

    def close(self):
        self.file.close()
        self.peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def envelope(recipients, sender=""):
    """MAIL, RCPT and DATA in one piece."""
    recipients = [recipients] if isinstance(recipients, str) else recipients
    return (f"MAIL FROM:<{sender}>\r\n" + "".join(f"RCPT TO:<{address}>\r\n" for address in recipients)
            + "DATA\r\n")


def content(message):
    """A message with its dots doubled, and the end of it."""
    return re.sub(rb"(?m)^\.", b"..", lib.crlf(message)) + b".\r\n"


# ---- whose mail is read ----

@contextlib.contextmanager
def anybody(mta):
    """Everybody in the domain has a mailbox, that of FBL."""
    parameters = {"virtual_mailbox_maps": f"texthash:{mta.folder}/etc/mailboxes, static:{FBL}/"}
    set_parameters(mta, **parameters)
    try:
        yield
    finally:
        set_parameters(mta, virtual_mailbox_maps=f"texthash:{mta.folder}/etc/mailboxes")


def patterns_choose_the_recipients(folder):
    table = os.path.join(folder, "addresses")

    def write(*lines):
        with open(table, "w", encoding="ascii", newline="") as file:
            file.write("".join(lines))

    write("# a list\r\n", *(f"user{number}@elsewhere.example\n" for number in range(100000)),
          f"listed@{DOMAIN} # ours\r\n", f"Started-*@{DOMAIN}\r\n")
    patterns = [f"exact@{DOMAIN}", f"bounce+*@{DOMAIN}", f"/fbl-[0-9]+@{re.escape(DOMAIN)}/",
                "*.other.example", "file:addresses"]
    with running(folder, **{"milter.reports": patterns}) as (mta, daemon), anybody(mta):
        ours = ["exact", "EXACT", "bounce+", "bounce+a=b", "fbl-17", "Fbl-0", "listed", "started-now"]
        others = ["exact+x", "bounce", "fbl-", "fbl-17x", "xfbl-17", "listen", "start", "user1"]
        for number, name in enumerate(ours + others):
            lib.expect(lib.send(mta.port, f"{name}@{DOMAIN}", lib.feedback(number))[0], 250, name)
        found = [record["recipient"] for record in records(folder, len(ours))]
        lib.expect(sorted(found), sorted(f"{name}@{DOMAIN}" for name in ours), "whose mail was read")
        lib.expect(sorted(as_sent(mail) for mail in delivered(mta, FBL, len(others))),
                   sorted(lib.feedback(len(ours) + number).split(b"\n", 1)[1]
                          for number in range(len(others))), "mail of the others")

        write("listed@x.example\n", "/(/\n", f"new@{DOMAIN}\n")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged(re.escape(f'{table}:2: "/(/": at character 2: missing')),
                       "a line about what is wrong in the file")
        lib.expect(lib.send(mta.port, f"listed@{DOMAIN}", lib.feedback(100))[0], 250, "as before")
        write(f"new@{DOMAIN}\n")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(lib.send(mta.port, f"new@{DOMAIN}", lib.feedback(101))[0], 250, "the new one")
        lib.expect(lib.send(mta.port, f"listed@{DOMAIN}", lib.feedback(102))[0], 250, "the old one")
        records(folder, len(ours) + 2)
        delivered(mta, FBL, len(others) + 1)


# ---- what becomes of them ----

def the_verdict_depends_on_the_kind(folder):
    """Feedback reports are kept, bounces are not; at the other address it is the other way round."""
    kinds = {"milter.consumed_feedback": "accept", "milter.role.tagged.consumed": "discard",
             "milter.role.tagged.consumed_oob": "tag"}
    complaint, bounce = lib.feedback(1), lib.example("dsn.eml")
    with running(folder, **kinds) as (mta, daemon):
        started = len(mta.log())
        lib.expect(lib.send(mta.port, FBL, bounce)[0], 250, "a bounce")
        queue_id = lib.wait_until(
            lambda: re.search(r" (\w+): milter-discard: END-OF-MESSAGE .* from=<> to=",
                              mta.log()[started:]), "a line of Postfix")[1]
        lib.wait_until(lambda: daemon.logged(f": {queue_id}: from=<> .*verdict=discard"), "a line")
        lib.expect(re.findall(rf"qmgr.* {queue_id}: .*", mta.log()[started:]), [], "lines of the queue")
        lib.expect(lib.send(mta.port, TAGGED, complaint)[0], 250, "a complaint")
        records(folder, 2)

        lib.expect(lib.send(mta.port, FBL, lib.feedback(2))[0], 250, "a complaint that is kept")
        lib.expect(as_sent(delivered(mta, FBL, 1)[0]), without_return_path(lib.feedback(2)), "it")
        again = bounce.replace(b"Message-ID: <", b"Message-ID: <2.")
        lib.expect(lib.send(mta.port, TAGGED, again)[0], 250, "a bounce that is kept")
        found = records(folder, 4)
        tag = b"X-Dsnarf-Report: delivery-status; id=" + found[3]["id"].encode()
        kept = delivered(mta, TAGGED, 1)[0]
        lib.expect(tag in kept.split(b"\n\n", 1)[0].split(b"\n"), True, "the tag")
        lib.expect(as_sent(kept).replace(tag + b"\n", b"", 1), without_return_path(again), "it")

        # One message for everybody: nobody's copy is changed, and only those who want it get it.
        third, last = lib.feedback(3), bounce.replace(b"Message-ID: <", b"Message-ID: <3.")
        for message in (third, last):
            lib.expect(lib.send(mta.port, [TAGGED, READER, FBL], message)[0], 250, "for everybody")
        records(folder, 6)
        for address, count, wanted in ((FBL, 2, [third]), (TAGGED, 2, [last]), (READER, 2, [third, last])):
            found = [as_sent(mail) for mail in delivered(mta, address, count)][-len(wanted):]
            lib.expect(sorted(found), sorted(without_return_path(mail) for mail in wanted), address)
        verdicts_are(daemon, "discard", "discard", "accept", "tag", "remove", "remove")


def verdicts_are(daemon, *wanted):
    """What the lines of the log say, which may come behind the answers."""
    lib.wait_until(lambda: len(daemon.logged("verdict=")) >= len(wanted), "the lines")
    lib.expect([line.rsplit("verdict=", 1)[1] for line in daemon.logged("verdict=")], list(wanted),
               "verdicts")


def without_return_path(message):
    """What Postfix delivers of one of the samples."""
    return re.sub(rb"\AReturn-Path:.*\n", b"", message)


def aliases_lead_copies_to_others(folder):
    """A report address that is an alias: what is taken away is taken from all that it stands for."""
    gone, copied = f"gone@{DOMAIN}", f"copied@{DOMAIN}"
    roles = {"milter.reports": [gone], "milter.role.copied.reports": [copied],
             "milter.role.copied.consumed": "accept"}
    with running(folder, **roles) as (mta, daemon):
        set_parameters(mta, virtual_alias_maps="inline:{" + ", ".join(
            f"{{{alias}={TAGGED} {FBL}}}" for alias in (gone, copied)) + "}")
        try:
            for number, recipients in enumerate(([gone, READER], [gone], [copied], [copied, gone, READER])):
                lib.expect(lib.send(mta.port, recipients, lib.feedback(number))[0], 250, "a report")
        finally:
            set_parameters(mta, virtual_alias_maps="")
        records(folder, 4)
        verdicts_are(daemon, "remove", "discard", "accept", "remove")
        for address, numbers in ((READER, (0, 3)), (TAGGED, (2, 3)), (FBL, (2, 3))):
            lib.expect(sorted(as_sent(mail) for mail in delivered(mta, address, len(numbers))),
                       sorted(without_return_path(lib.feedback(number)) for number in numbers), address)


def tags_from_outside_can_be_kept_away(folder):
    """As the manual says: Postfix looks at what comes in, and not at what a milter adds."""
    forged = b"X-Dsnarf-Report: feedback-report; id=0\n"
    with running(folder) as (mta, _):
        set_parameters(mta, header_checks="regexp:{ {/^X-Dsnarf-Report:/ IGNORE} }")
        try:
            lib.expect(lib.send(mta.port, TAGGED, forged + ORDINARY[0], "a@b.example")[0], 250, "no report")
            lib.expect(lib.send(mta.port, TAGGED, forged + lib.feedback(1))[0], 250, "a report")
        finally:
            set_parameters(mta, header_checks="")
        record, = records(folder, 1)
        tags = [re.findall(rb"(?mi)^X-Dsnarf-Report:.*$", mail) for mail in delivered(mta, TAGGED, 2)]
        lib.expect(sorted(tags), [[], [b"X-Dsnarf-Report: feedback-report; id=" + record["id"].encode()]],
                   "tags")


def a_failure_is_a_temporary_one(folder):
    """The words of ours reach the client, and nothing is queued."""
    with running(folder, **{"spool.min_free": "1048576GiB"}) as (mta, _):
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1)),
                   (451, "4.3.0 not recorded, try again later"), "answer")
        lib.wait_until(lambda: mta.logged("milter-reject: END-OF-MESSAGE .* 4.3.0 not recorded"),
                       "a line of Postfix")
        lib.expect(mta.queue(), [], "queue")
        lib.expect(lib.send(mta.port, READER, ORDINARY[0], "a@b.example")[0], 250, "other mail")
        delivered(mta, READER, 1)
        delivered(mta, FBL, 0)


# ---- sessions ----

def one_session_of_many_messages(folder):
    """Pipelined, with RSET between, with refused recipients, and with mail of others: each message is
    judged by itself."""
    with running(folder) as (mta, daemon):
        with Client(mta.port) as client:
            client.say(envelope(FBL))
            client.expect(250, 250, 354)
            client.say(content(lib.feedback(1)), envelope(READER, "a@b.example"))
            client.expect(250, 250, 250, 354)
            client.say(content(ORDINARY[1]), "RSET\r\n", envelope([READER, FBL]))
            client.expect(250, 250, 250, 250, 250, 354)
            client.say(content(lib.feedback(2)), f"MAIL FROM:<>\r\nRCPT TO:<{FBL}>\r\nRSET\r\n",
                       envelope(READER, "a@b.example"))
            client.expect(250, 250, 250, 250, 250, 250, 354)
            client.say(content(ORDINARY[0]), envelope(["nobody@" + DOMAIN, FBL]))
            client.expect(250, 250, 550, 250, 354)
            client.say(content(lib.feedback(3)), envelope("nobody@" + DOMAIN), "RSET\r\n",
                       envelope([FBL, TAGGED]))
            client.expect(250, 250, 550, 554, 250, 250, 250, 250, 354)
            client.say(content(lib.feedback(4)), "NOOP\r\n", "QUIT\r\n")
            client.expect(250, 250, 221)
        with Client(mta.port) as client:  # who goes in the middle of one leaves nothing
            client.say(envelope(FBL))
            client.expect(250, 250, 354)
            client.say(content(lib.feedback(5))[:-3])
        with Client(mta.port) as client:
            client.say(f"MAIL FROM:<>\r\nRCPT TO:<{FBL}>\r\n")
            client.expect(250, 250)
        lib.expect(lib.send(mta.port, FBL, lib.feedback(6))[0], 250, "somebody else")
        found = records(folder, 5)
        lib.expect([record["recipient"] for record in found], [FBL] * 5, "recipients")
        verdicts_are(daemon, "discard", "remove", "discard", "remove,tag", "discard")
        mails = delivered(mta, READER, 3)
        lib.expect(sorted(as_sent(mail) for mail in mails),
                   sorted([without_return_path(lib.feedback(2)), ORDINARY[0], ORDINARY[1]]),
                   "mail of the reader")
        tagged, = delivered(mta, TAGGED, 1)
        lib.expect(re.sub(rb"(?m)^X-Dsnarf-Report: .*\n", b"", as_sent(tagged), 1),
                   without_return_path(lib.feedback(4)), "what was tagged")
        delivered(mta, FBL, 0)


# ---- death and delay in the middle of a message ----

def set_action(mta, action, options=""):
    set_parameters(mta, smtpd_milters=f"{{ unix:{Shared.socket}, default_action={action}{options} }}")


def held(mta):
    """The messages in the hold queue, as they were sent."""
    lib.expect({mail["queue_name"] for mail in mta.queue()} <= {"hold"}, True, "only held mail")
    return [as_sent(subprocess.run(
        ["/usr/sbin/postcat", "-c", os.path.join(mta.folder, "etc"), "-bhq", mail["queue_id"]],
        check=True, capture_output=True).stdout) for mail in mta.queue()]


# What the client hears when the milter is gone at the end of a message, and when it is so before.
ANSWERS = {"tempfail": {451}, "accept": {250}, "quarantine": {250}, "reject": {550, 554}}


def mail_came(mta, action, message, count):
    """Where the action brings a message, unread and as it was sent; it is the last of @count."""
    wanted = without_return_path(message)
    if action == "accept":
        lib.expect(as_sent(delivered(mta, FBL, count)[-1]), wanted, "what was delivered")
    elif action == "quarantine":
        lib.wait_until(lambda: len(held(mta)) == count, "it is held")
        lib.expect(wanted in held(mta), True, "what is held")
    else:
        lib.expect(mta.queue(), [], "queue")
        lib.expect(mta.mailbox(FBL), [], "mailbox")


def send_on(client, stage, message):
    """The rest of a message whose MAIL (stage 1), RCPT (2), DATA (3) or half of whose content (4) was
    accepted. Returns the code that decided."""
    codes = []
    for number, step in enumerate((f"RCPT TO:<{FBL}>\r\n", "DATA\r\n", message), 1):
        if number < stage:
            continue
        client.say(content(step) if isinstance(step, bytes) else step)
        codes.append(client.code())
        if codes[-1] >= 400:
            break
    return codes[-1]


def death_in_mid_message(folder, action):
    """dsnarf is killed after each command; the session goes on without it, a new one with it."""
    with running(folder) as (mta, daemon):
        set_action(mta, action)
        kept = 0
        for stage in (1, 2, 3, 4):
            message, other = lib.feedback(stage), lib.feedback(10 + stage)
            with Client(mta.port) as client:
                client.expect("MAIL FROM:<>\r\n", 250)
                if stage > 1:
                    client.expect(f"RCPT TO:<{FBL}>\r\n", 250)
                if stage > 2:
                    client.expect("DATA\r\n", 354)
                rest = message
                if stage > 3:
                    half = message.index(b"\n\n") + 50
                    client.say(lib.crlf(message[:half]))
                    rest = message[half:]
                daemon.kill9()
                code = send_on(client, min(stage, 3), rest)
                lib.expect(code in ANSWERS[action], True, f"stage {stage}, {action}: {code}")
                kept += action in ("accept", "quarantine")
                mail_came(mta, action, message, kept)
                daemon.start()
                client.say("RSET\r\nMAIL FROM:<>\r\n")  # the same session, though dsnarf is back
                lib.expect(client.code(), 250, "RSET")
                code = client.code()
                if code == 250:
                    code = send_on(client, 1, other)
                lib.expect(code in ANSWERS[action], True, f"stage {stage}, {action}, later: {code}")
                kept += action in ("accept", "quarantine")
                mail_came(mta, action, other, kept)
            lib.expect(lib.send(mta.port, FBL, message)[0], 250, "a new session")
            records(folder, stage)
        lib.expect(len(delivered(mta, FBL, kept) if action == "accept" else mta.mailbox(FBL)),
                   kept if action == "accept" else 0, "mail that nobody read")


def death_under_tempfail(folder):
    death_in_mid_message(folder, "tempfail")


def death_under_accept(folder):
    death_in_mid_message(folder, "accept")


def death_under_quarantine(folder):
    death_in_mid_message(folder, "quarantine")


def death_under_reject(folder):
    death_in_mid_message(folder, "reject")


def during(step):
    """Runs step() in a thread; returns what waits for what it returned."""
    done = []
    thread = threading.Thread(target=lambda: done.append(step()))
    thread.start()

    def join():
        thread.join()
        return done[0]

    return join


def death_at_the_end_of_a_message(folder):
    """While the record is on its way to the disk. (For tempfail see milter-postfix.py.)"""
    with running(folder) as (mta, daemon):
        for number, action in enumerate(("accept", "quarantine", "reject"), 1):
            set_action(mta, action)
            message = lib.feedback(number)
            before = len(mta.logged(f"message-id=<fbl-{number}@"))
            with locked_spool(folder):
                answer = during(lambda: lib.send(mta.port, FBL, message)[0])  # pylint: disable=cell-var-from-loop
                lib.wait_until(lambda: len(mta.logged(f"message-id=<fbl-{number}@")) > before, "it")  # pylint: disable=cell-var-from-loop
                daemon.kill9()
                code = answer()
            lib.expect(code in ANSWERS[action], True, f"{action}: {code}")
            if action != "reject":
                mail_came(mta, action, message, 1)
            daemon.start()
        lib.expect(lib.json_lines(os.path.join(folder, "records")), [], "records")


def too_late_at_the_end_of_a_message(folder):
    """Postfix goes on without the answer; what was on its way to the disk is recorded all the same,
    and not again when it comes again. (For tempfail see milter-postfix.py.)"""
    with running(folder) as (mta, _):
        for number, action in enumerate(("accept", "quarantine", "reject"), 1):
            set_action(mta, action, ", content_timeout=1s")
            message = lib.feedback(number)
            with locked_spool(folder):
                code = lib.send(mta.port, FBL, message)[0]
            lib.expect(code in ANSWERS[action], True, f"{action}: {code}")
            if action != "reject":
                mail_came(mta, action, message, 1)
            records(folder, number)
        set_action(mta, NORMAL)
        for number in (1, 2, 3):
            lib.expect(lib.send(mta.port, FBL, lib.feedback(number))[0], 250, "once more")
        records(folder, 3)
        lib.expect(len(mta.mailbox(FBL)), 1, "messages for the report address")


def too_late_in_mid_message(folder):
    """dsnarf stands still before DATA, which has to be answered. (For tempfail see milter-postfix.py.)"""
    with running(folder) as (mta, daemon):
        for number, action in enumerate(("accept", "quarantine", "reject"), 1):
            set_action(mta, action, ", command_timeout=3s")
            message = lib.feedback(number)
            with Client(mta.port) as client:
                client.expect("MAIL FROM:<>\r\n", 250, f"RCPT TO:<{FBL}>\r\n", 250)
                daemon.child.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, daemon.child.pid, os.WSTOPPED)
                try:
                    code = send_on(client, 2, message)
                finally:
                    daemon.child.send_signal(signal.SIGCONT)
            lib.expect(code in ANSWERS[action], True, f"{action}: {code}")
            if action != "reject":
                mail_came(mta, action, message, 1)
        set_action(mta, NORMAL)
        lib.expect(lib.send(mta.port, FBL, lib.feedback(9))[0], 250, "a new session")
        records(folder, 1)


def clients_can_be_left_out(folder):
    """smtpd_milter_maps: their mail is not read."""
    with running(folder) as (mta, _):
        set_parameters(mta, smtpd_milter_maps="inline:{{127.0.0.1=DISABLE}}")
        try:
            lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "one that is left out")
            lib.expect(as_sent(delivered(mta, FBL, 1)[0]), without_return_path(lib.feedback(1)), "it")
        finally:
            set_parameters(mta, smtpd_milter_maps="")
        lib.expect(lib.send(mta.port, FBL, lib.feedback(1))[0], 250, "one that is not")
        records(folder, 1)


# ---- who has sent it ----

OUR_NAME = "mta1.example.com"
AUTHOR = "mailbox.example"
FORGED = (f"Authentication-Results: {OUR_NAME};\n\tdkim=pass header.d={AUTHOR};\n\tspf=pass "
          f"smtp.mailfrom=fbl@{AUTHOR}; dmarc=pass header.from={AUTHOR}\n").encode()
BELIEF = {"authentication.authserv_ids": [OUR_NAME], "authentication.received": 0,
          "authentication.reporters": [AUTHOR], "milter.consumed": "accept"}


def set_chain(mta, *milters):
    set_parameters(mta, smtpd_milters=", ".join(
        f"{{ {milter}, default_action=tempfail }}" for milter in milters))


def signed(mta, signer, numbers):
    """Feedback reports with a DKIM signature of who they come from."""
    set_chain(mta, signer.socket)
    for number in numbers:
        lib.expect(lib.send(mta.port, READER, lib.feedback(number))[0], 250, "a report to sign")
    reports = [as_sent(mail) for mail in delivered(mta, READER, len(numbers))]
    lib.expect([signer.verify(report) for report in reports], [True] * len(numbers), "signatures")
    return reports


def proof(folder, mta, number, message, sender="", options=()):
    """What the record says of who has sent the message: it is the number-th."""
    code, text = lib.send(mta.port, FBL, message, sender, options=options)
    lib.expect(code, 250, f"report {number}: {text}")
    return records(folder, number)[-1]["dsnarf"]


def a_verifier_in_front_is_believed(folder):
    """SEC-04, OOB-17: what OpenDKIM adds as an earlier milter is seen here, and what it takes out is
    not. Behind dsnarf it would be of no use."""
    with running(folder, **BELIEF) as (mta, _), \
            dkim.OpenDkim(folder, AUTHOR, "sign") as signer, \
            dkim.OpenDkim(folder, AUTHOR, "verify", OUR_NAME, AlwaysAddARHeader="yes") as verifier:
        good, changed, late = signed(mta, signer, (1, 2, 3))
        set_chain(mta, verifier.socket, "unix:" + Shared.socket)
        found = proof(folder, mta, 1, good)
        lib.expect(found["verified_by"], [f"authentication-results:dkim={AUTHOR}"], "a good signature")
        lib.expect(found["authentication"], {
            "authserv_id": OUR_NAME, "spf": None, "dkim": [{"result": "pass", "domain": AUTHOR}],
            "dmarc": None}, "results")
        lib.expect(found["null_sender"], True, "the null sender")
        kept = delivered(mta, FBL, 1)[0]
        lib.expect(signer.verify(kept), True, "the signature behind us")
        lib.expect(as_sent(kept).endswith(good), True, "what is delivered")

        found = proof(folder, mta, 2, changed.replace(b"FW: Autumn", b"FW: Winter"))
        lib.expect((found["verified_by"], found["authentication"]["dkim"][0]["result"]), ([], "fail"),
                   "a changed message")
        found = proof(folder, mta, 3, FORGED + lib.feedback(13))
        lib.expect((found["verified_by"], found["authentication"]["spf"]), ([], None),
                   "a forged field: OpenDKIM removes it")
        found = proof(folder, mta, 4, FORGED.replace(OUR_NAME.encode(), b"mx.elsewhere.example")
                      + lib.feedback(14), "fbl@" + AUTHOR)
        lib.expect((found["verified_by"], found["null_sender"]), ([], False), "a field of another host")

        set_chain(mta, "unix:" + Shared.socket, verifier.socket)
        found = proof(folder, mta, 5, late)
        lib.expect((found["verified"], found["authentication"]), (False, None), "in the wrong order")
        delivered(mta, FBL, 5)


def spf_and_dmarc_are_kept(folder):
    """SEC-04: OpenDKIM and OpenDMARC in front, and the client as XCLIENT gives it. What XFORWARD says
    of the client of an earlier host is not shown to milters."""
    names = {(AUTHOR, dns_server.TXT): ["v=spf1 ip4:192.0.2.9 -all"],
             ("_dmarc." + AUTHOR, dns_server.TXT): ["v=DMARC1; p=none"]}
    author = "fbl@" + AUTHOR
    with running(folder, **BELIEF, **{"authentication.clients": ["198.51.100.0/24"]}) as (mta, _), \
            dkim.OpenDkim(folder, AUTHOR, "sign") as signer, \
            dkim.OpenDkim(folder, AUTHOR, "verify", OUR_NAME, AlwaysAddARHeader="yes") as verifier, \
            dmarc.OpenDmarc(folder, names, OUR_NAME) as judge:
        good, = signed(mta, signer, (1,))
        set_parameters(mta, smtpd_authorized_xclient_hosts="127.0.0.1",
                       smtpd_authorized_xforward_hosts="127.0.0.1",
                       smtpd_client_event_limit_exceptions="0.0.0.0/0")
        set_chain(mta, verifier.socket, judge.socket, "unix:" + Shared.socket)
        cases = (
            # how, address, sender, message; results of spf, dkim and dmarc; the proof
            ("XCLIENT", "192.0.2.9", author, good, "pass", "pass", "pass",
             "authentication-results:dkim=" + AUTHOR),
            ("XCLIENT", "192.0.2.9", author, lib.feedback(2), "pass", "none", "pass",
             "authentication-results:spf=" + AUTHOR),
            ("XCLIENT", "192.0.2.8", author, FORGED + lib.feedback(3), "fail", "none", "fail", None),
            ("XCLIENT", "198.51.100.7", "", lib.feedback(4), "none", "none", "fail",
             "client:198.51.100.0/24"),
            ("XFORWARD", "198.51.100.7", "", lib.feedback(5), "pass", "none", "fail", None),  # this host
        )
        for number, (how, address, sender, message, *wanted, proven) in enumerate(cases, 1):
            with Client(mta.port) as client:
                client.expect(f"{how} ADDR={address} NAME=mx.client.example\r\n",
                              220 if how == "XCLIENT" else 250, "EHLO other.example\r\n", 250,
                              envelope(FBL, sender), 250, 250, 354, content(message), 250)
            record = records(folder, number)[-1]
            found, results = record["dsnarf"], record["dsnarf"]["authentication"]
            lib.expect(record["peer_address"],
                       {"name": "mx.client.example", "addr": address} if how == "XCLIENT" else
                       {"name": "[127.0.0.1]", "addr": "127.0.0.1"}, f"client {number}")
            lib.expect([results["spf"]["result"], results["dkim"][0]["result"],
                        results["dmarc"]["result"]], wanted, f"results {number}")
            lib.expect(found["verified_by"], [proven] if proven else [], f"proof {number}")
            lib.expect(found["null_sender"], sender == "", f"null sender {number}")
        delivered(mta, FBL, len(cases))


lib.run(patterns_choose_the_recipients, the_verdict_depends_on_the_kind, aliases_lead_copies_to_others,
        tags_from_outside_can_be_kept_away, a_failure_is_a_temporary_one,
        one_session_of_many_messages, death_under_tempfail,
        death_under_accept, death_under_quarantine, death_under_reject, death_at_the_end_of_a_message,
        too_late_at_the_end_of_a_message, too_late_in_mid_message, clients_can_be_left_out,
        a_verifier_in_front_is_believed, spf_and_dmarc_are_kept)
