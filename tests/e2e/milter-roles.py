#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""All roles of the milter in one Postfix, set up by packaging/postfix: what becomes of mail while
dsnarf runs, while it does not, and when it is back, as dsnarf-milter(7) says."""
import email
import email.policy
import os
import subprocess

import lib

SCRIPT = os.path.join(lib.SOURCE, "packaging", "postfix", "dsnarf-postfix")
FBL, READER, ANN = "fbl@mta1.example.com", "reader@mta1.example.com", "ann@shop.example"
NOBODY = "nobody@elsewhere.example"


class Relay:
    """A Postfix with a service for its own senders, and dsnarf."""

    def __init__(self, folder, refusing):
        """refusing: the address of a host that takes no recipient."""
        self.submission, self.reinject = lib.free_port(), lib.free_port()
        self.socket = os.path.join(folder, "milter.sock")
        self.records = os.path.join(folder, "records")
        self.mta = lib.PrivatePostfix(folder, mailboxes=f"{FBL} {READER} {ANN}")
        self.etc = os.path.join(self.mta.folder, "etc")
        self.postconf("-e", "smtpd_relay_restrictions=permit_mynetworks, reject",
                      "default_transport=smtp:[127.0.0.1]:" + refusing.split(":")[1])
        self.postconf("-M", "smtp/unix=smtp unix - - n - - smtp")
        self.postconf("-M", f"127.0.0.1:{self.submission}/inet="
                            f"127.0.0.1:{self.submission} inet n - n - - smtpd")
        self.settings = {
            "milter.listen": "unix:" + self.socket, "milter.socket_group": "postfix",
            "milter.reports": [FBL], "milter.outgoing": ["ORIGINATING"],
            "trace.sign": "a", "trace.key.a.secret": "0123456789abcdef0123456789abcdef",
            "notice.senders": None, "notice.trust": None,
            "tenant.shop.match.sender_domain": ["shop.example"],
            "tenant.shop.from": "Shop <help@shop.example>", "tenant.shop.languages": ["de"],
            "tenant.shop.trust": ["any"],
            "relay.default.hosts": [f"127.0.0.1:{self.reinject}"],
            "file.all.path": self.records,
        }

    def postconf(self, *arguments):
        subprocess.run(["/usr/sbin/postconf", "-c", self.etc, *arguments], check=True)

    def script(self, command, *roles):
        subprocess.run([SCRIPT, command, "-c", self.etc, *roles], check=True, capture_output=True)
        subprocess.run(["/usr/sbin/postfix", "-c", self.etc, "reload"], check=True,
                       stderr=subprocess.DEVNULL)

    def set_up(self):
        options = ["-s", "unix:" + self.socket, "-o", f"127.0.0.1:{self.submission}/inet",
                   "-p", f"127.0.0.1:{self.reinject}"]
        self.script("apply", *options, "inbound", "branding", "outbound", "reinject")

    def arrived(self, address, count):
        """All messages for the address."""
        lib.wait_until(lambda: len(self.mta.mailbox(address)) >= count,
                       f"{count} messages for {address}")
        found = self.mta.mailbox(address)
        lib.expect(len(found), count, f"messages for {address}")
        return [email.message_from_bytes(mail, policy=email.policy.default) for mail in found]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("    the end of Postfix's log:\n" + lib.indent(self.mta.log()), flush=True)
        self.mta.stop()


def mail(number, sender=ANN, recipient=READER):
    return (f"From: {sender}\nTo: {recipient}\nSubject: letter {number}\n"
            f"Message-ID: <{number}@shop.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n\n"
            "hello\n").encode()


def is_branded(notice):
    """In the words of the tenant; what is not is in Postfix's."""
    text = notice.get_body(("plain",)).get_content()
    branded = "help@shop.example" in notice["From"]
    lib.expect("This is the mail system at host" in text, not branded, text)
    lib.expect("Zustell" in text or "zugestellt" in text, branded, text)
    return branded


def while_it_runs(relay, daemon):
    port, submission = relay.mta.port, relay.submission
    lib.expect(lib.send(port, FBL, lib.feedback(1))[0], 250, "a report")
    lib.wait_until(lambda: len(lib.json_lines(relay.records)) == 1, "its record")
    lib.expect(lib.send(port, READER, mail(1, sender="b@b.example"), sender="b@b.example")[0], 250)
    lib.expect(relay.arrived(READER, 1)[0]["X-KumoRef"], None, "mail of others")
    lib.expect(lib.send(submission, READER, mail(2), sender=ANN)[0], 250, "mail of a tenant")
    lib.expect(relay.arrived(READER, 2)[1]["X-KumoRef"] is not None, True, "its trace")
    lib.expect(lib.send(submission, NOBODY, mail(3, recipient=NOBODY), sender=ANN)[0], 250)
    lib.expect(is_branded(relay.arrived(ANN, 1)[0]), True, "a notice of Postfix's")
    lib.expect(daemon.post(lib.element(1, sender=ANN, recipient=NOBODY))[0], 200, "a record")
    lib.expect(is_branded(relay.arrived(ANN, 2)[1]), True, "a notice of ours")


def while_it_is_down(relay):
    port, submission = relay.mta.port, relay.submission
    lib.expect(lib.send(port, FBL, lib.feedback(2))[0], 451, "a report")
    lib.expect(lib.send(port, READER, mail(4, sender="b@b.example"), sender="b@b.example")[0], 451,
               "mail of others, too")
    lib.expect(lib.send(submission, READER, mail(5), sender=ANN)[0], 250, "mail of a tenant")
    lib.expect(relay.arrived(READER, 3)[2]["X-KumoRef"], None, "has no trace")
    lib.expect(lib.send(submission, NOBODY, mail(6, recipient=NOBODY), sender=ANN)[0], 250)
    lib.expect(is_branded(relay.arrived(ANN, 3)[2]), False, "a notice in Postfix's own words")
    lib.expect(lib.send(relay.reinject, READER, mail(7), sender=ANN)[0], 250, "the port for notices")
    relay.arrived(READER, 4)


def when_it_is_back(relay):
    lib.expect(lib.send(relay.mta.port, FBL, lib.feedback(2))[0], 250, "the report again")
    lib.wait_until(lambda: len(lib.json_lines(relay.records)) == 2, "its record")
    lib.expect(lib.send(relay.submission, READER, mail(8), sender=ANN)[0], 250)
    lib.expect(relay.arrived(READER, 5)[4]["X-KumoRef"] is not None, True, "a trace")


def what_becomes_of_mail(folder):
    with lib.smtp_sink("-f", "RCPT") as refusing, Relay(folder, refusing) as relay:
        relay.set_up()
        with lib.Daemon(folder, relay.settings) as daemon:
            while_it_runs(relay, daemon)
            daemon.kill9()
            while_it_is_down(relay)
            daemon.start()
            when_it_is_back(relay)
            lib.expect(relay.mta.mailbox(FBL), [], "reports that were delivered")
            daemon.stop()
            relay.script("undo")
            lib.wait_until(lambda: lib.send(relay.mta.port, READER, mail(9, sender="b@b.example"),
                                            sender="b@b.example")[0] == 250, "Postfix works without it")


if __name__ == "__main__":
    lib.run(what_becomes_of_mail)
