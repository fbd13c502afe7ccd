#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What it costs Postfix that its own notices speak in a tenant's words, against a milter that does
nothing with them and against none.

Usage: milter-notices.py NOTHING [PAIRS [MESSAGES]]. Three private Postfixes take MESSAGES of 3 KB over
20 connections by smtp-source in turn, for a host that refuses each recipient, and discard the notices
that they make of it. A rate is that of all of it, from the first message to an empty queue. Prints
what milter-postfix.py prints. Needs root.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import postfix_pairs
from postfix_pairs import SENDER, lib

NAMES = ("ours", "nothing", "none")
PARAMETERS = {"smtpd_relay_restrictions": "permit_mynetworks, reject",
              "relay_transport": "smtp:", "default_transport": "smtp:",
              "transport_maps": "inline:{ { shop.example = discard: } }",
              "internal_mail_filter_classes": "bounce", "minimal_backoff_time": "300s",
              "smtp_tls_security_level": "none", "smtp_host_lookup": "native"}
SERVICES = ["discard/unix=discard unix - - n - - discard", "smtp/unix=smtp unix - - n - - smtp"]


def rate(mta, messages):
    started = time.monotonic()
    subprocess.run(["/usr/sbin/smtp-source", "-s", "20", "-m", str(messages), "-l", "3000", "-f", SENDER,
                    "-t", "nobody@elsewhere.example", f"127.0.0.1:{mta.port}"], check=True)
    lib.wait_until(lambda: not mta.queue(), "Postfix's queue is empty")
    return messages / (time.monotonic() - started)


def measure(mtas, milters, pairs, messages):
    before = {name: postfix_pairs.processor_time(child) for name, child in milters.items()}
    rates = postfix_pairs.interleave(lambda name: rate(mtas[name], messages), NAMES, pairs)
    used = {name: (postfix_pairs.processor_time(child) - before[name]) / (messages * (pairs + 1)) * 1e6
            for name, child in milters.items()}
    ours, nothing, none = (statistics.median(rates[name]) for name in NAMES)
    print(f"Postfix's own notices: {ours:.0f} bounces/s in a tenant's words, {nothing:.0f} with a milter "
          f"that does nothing, {none:.0f} with none; processor time a notice {used['ours']:.0f} us and "
          f"{used['nothing']:.0f} us; ratio to nothing "
          f"{postfix_pairs.ratio(rates['ours'], rates['nothing'])}, to reach 0.95; to none "
          f"{postfix_pairs.ratio(rates['ours'], rates['none'])}", flush=True)


def main():
    pairs, messages = (int(value) for value in (sys.argv[2:4] + ["30", "600"][len(sys.argv) - 2:])[:2])
    with tempfile.TemporaryDirectory(prefix="dsnarf-bench-") as folder:
        os.chmod(folder, 0o755)
        sockets = {name: os.path.join(folder, name + ".sock") for name in NAMES[:2]}
        settings = {"milter.listen": "unix:" + sockets["ours"], "milter.socket_group": "postfix",
                    "milter.reports": ["fbl@mta1.example.com"], "notice.senders": None,
                    "tenant.shop.match.sender_domain": ["shop.example"],
                    "tenant.shop.from": "Shop <postmaster@shop.example>",
                    "tenant.shop.languages": ["de"],
                    "file.all.path": os.path.join(folder, "records"), "log.level": "info"}
        port = lib.free_port()

        def start(name):
            milters = {"non_smtpd_milters": "unix:" + sockets[name]} if name in sockets else {}
            return postfix_pairs.start_postfix(
                os.path.join(folder, name),
                {**PARAMETERS, **milters, "relayhost": f"[127.0.0.1]:{port}"}, SERVICES)
        with subprocess.Popen(["/usr/sbin/smtp-sink", "-u", "postfix", "-f", "RCPT", f"127.0.0.1:{port}",
                               "200"]) as sink:
            try:
                with postfix_pairs.nothing(sys.argv[1], sockets["nothing"]) as child, \
                        lib.Daemon(folder, settings) as daemon, \
                        start("ours") as ours, start("nothing") as nothing, start("none") as none:
                    measure({"ours": ours, "nothing": nothing, "none": none},
                            {"ours": daemon.child, "nothing": child}, pairs, messages)
            finally:
                sink.terminate()


main()
