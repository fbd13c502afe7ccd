#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the traces of mail that leaves cost Postfix.

Usage: milter-outgoing.py [PAIRS [MESSAGES]]. Four private Postfixes, each with a dsnarf of its own,
get MESSAGES of 2 KB over 20 connections by smtp-source in turn, and discard what they accepted: one
whose mail passes, one whose mail could get a trace but is nobody's, one whose mail gets it, and one
whose mail gets every field that there is.
Prints rates, the processor time that dsnarf takes for a message, and the median of the ratios of all
pairs with the interval in which the true one lies with 95 %. Needs root.
"""
import contextlib
import os
import statistics
import sys
import tempfile

import postfix_pairs
from postfix_pairs import lib

TRACE = {"milter.outgoing": ["ORIGINATING"], "trace.sign": "a",
         "trace.key.a.secret": "0123456789abcdef",
         "tenant.shop.match.sender_domain": ["shop.example"]}
WAYS = {
    "passing": {},
    "nobody": {**TRACE, "tenant.shop.match.sender_domain": ["other.example"]},
    "trace": TRACE,
    "all": {**TRACE, "trace.campaign": ["X-Campaign", "List-Id", "Subject"],
            "trace.headers": ["Subject", "X-Campaign"], "trace.cfbl_address": "fbl@mta1.example.com",
            "trace.feedback_id": "{campaign}:{tenant}:{trace}:shop01"},
}


@contextlib.contextmanager
def running(folder, name):
    place = os.path.join(folder, name)
    os.mkdir(place, 0o755)
    socket = os.path.join(place, "milter.sock")
    settings = {"milter.listen": "unix:" + socket, "milter.socket_group": "postfix",
                "milter.reports": ["fbl@mta1.example.com"],
                "file.all.path": os.path.join(place, "records"), "log.level": "info", **WAYS[name]}
    with lib.Daemon(place, settings) as daemon, postfix_pairs.start_postfix(
            os.path.join(place, "mta"),
            {"virtual_transport": "discard:", "milter_macro_daemon_name": "ORIGINATING"},
            ["discard/unix=discard unix - - n - - discard"], milter="unix:" + socket) as mta:
        yield mta, daemon


def main():
    pairs, messages = (int(value) for value in (sys.argv[1:3] + ["30", "1500"][len(sys.argv) - 1:])[:2])
    with tempfile.TemporaryDirectory(prefix="dsnarf-bench-") as folder, \
            contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        parts = {name: stack.enter_context(running(folder, name)) for name in WAYS}
        before = {name: postfix_pairs.processor_time(daemon.child)
                  for name, (_, daemon) in parts.items()}
        rates = postfix_pairs.interleave(
            lambda name: postfix_pairs.rate(parts[name][0], 2, messages), list(WAYS), pairs)
        for name, (_, daemon) in parts.items():
            used = (postfix_pairs.processor_time(daemon.child) - before[name]) / (messages * (pairs + 1))
            print(f"outgoing mail of 2 KB, {name}: {statistics.median(rates[name]):.0f} messages/s, "
                  f"processor time a message {used * 1e6:.0f} us; ratio to passing "
                  f"{postfix_pairs.ratio(rates[name], rates['passing'])}", flush=True)
            if name in ("trace", "all"):
                lib.expect(daemon.metrics()['dsnarf_messages_total{intake="milter",result="traced"}'],
                           messages * (pairs + 1), "traced")


main()
