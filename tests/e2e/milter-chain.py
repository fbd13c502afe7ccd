#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""dsnarf in one Postfix with OpenDKIM and OpenDMARC, in each order that makes sense: what is not ours
is as it would be without us, and reports end here."""
import re

import dkim
import dmarc
import dns_server
import lib
from milter_peer import FBL, ORDINARY, READER, Shared, delivered, records, running, set_parameters

AUTHOR = "mailbox.example"
OUR_NAME = "mta1.example.com"

# What Postfix and the milters put in front of a message.
ON_TOP = rb"(?:Return-Path|X-Original-To|Delivered-To|Received|DKIM-Signature|Authentication-Results|" \
         rb"DMARC-Filter|Received-SPF):"


def split_top(mail):
    """The names of the fields that milters put in front, and the rest."""
    top = re.match(rb"(?:" + ON_TOP + rb".*\n(?:[ \t].*\n)*)*", mail)[0]
    names = re.findall(rb"(?m)^([\w-]+):", top)
    return {name.decode() for name in names if name.startswith((b"DKIM", b"Auth"))}, mail[len(top):]


def letter(number):
    """A mail whose author's domain is signed for."""
    return ORDINARY[number % len(ORDINARY)].replace(b"a@b.example", b"fbl@" + AUTHOR.encode(), 1)


def chain(milters):
    return ", ".join(f"{{ {milter}, default_action=tempfail }}" for milter in milters)


def with_others_in_any_order(folder):
    """SEC-04: signatures made before or behind dsnarf are good in the end, and only the results of a
    verifier in front are seen."""
    names = {("_dmarc." + AUTHOR, dns_server.TXT): ["v=DMARC1; p=none"]}
    with running(folder, **{"authentication.authserv_ids": [OUR_NAME],
                            "authentication.received": 0,
                            "authentication.reporters": [AUTHOR]}) as (mta, _), \
            dkim.OpenDkim(folder, AUTHOR, "sign") as signer, \
            dkim.OpenDkim(folder, AUTHOR, "verify", OUR_NAME, AlwaysAddARHeader="yes") as verifier, \
            dmarc.OpenDmarc(folder, names) as judge:
        ours = "unix:" + Shared.socket
        # The milters, and what they put in front of a letter.
        orders = [
            ("dsnarf alone", [ours], []),
            ("signed behind us", [ours, signer.socket], ["DKIM-Signature"]),
            ("signed in front", [signer.socket, ours], ["DKIM-Signature"]),
            ("verified in front", [verifier.socket, judge.socket, ours], ["Authentication-Results"]),
            ("verified behind us", [ours, verifier.socket, judge.socket], ["Authentication-Results"]),
            ("signed and verified around us", [signer.socket, ours, verifier.socket],
             ["Authentication-Results", "DKIM-Signature"]),
        ]
        letters = 0
        for number, (what, milters, wanted) in enumerate(orders):
            set_parameters(mta, smtpd_milters=chain(milters))
            for message in (letter(0), letter(1)):
                lib.expect(lib.send(mta.port, READER, message, "fbl@" + AUTHOR)[0], 250, what)
                letters += 1
                mail = delivered(mta, READER, letters)[-1]
                fields, rest = split_top(mail)
                lib.expect(fields, set(wanted), f"{what}: fields")
                lib.expect(rest, message, f"{what}: the letter")
                lib.expect(signer.verify(mail), "DKIM-Signature" in wanted, f"{what}: signatures")
            lib.expect(lib.send(mta.port, FBL, lib.feedback(2 * number))[0], 250, f"{what}: a report")
            lib.expect(lib.send(mta.port, [READER, FBL], lib.feedback(2 * number + 1))[0], 250,
                       f"{what}: a report and its copy")
            letters += 1
            delivered(mta, READER, letters)
            found = records(folder, 2 * number + 2)[-2:]
            lib.expect([record["type"] for record in found], ["Feedback"] * 2, f"{what}: records")
            seen = [record["dsnarf"]["authentication"] is not None for record in found]
            lib.expect(seen, [what == "verified in front"] * 2, f"{what}: results are seen")
        delivered(mta, FBL, 0)


lib.run(with_others_in_any_order)
