#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What it costs Postfix that our milter remembers mail that leaves: nothing of it, its header, or all.

Usage: milter-capture.py [PAIRS [MESSAGES [KB]]]. Three private Postfixes, each with a dsnarf that
stamps tenants' mail with a trace, get MESSAGES of KB kilobytes over 20 connections by smtp-source in
turn; they discard what they accepted. Prints rates, the processor time that dsnarf takes for a
message, and the median of the ratios to the one that remembers nothing. Needs root.
"""
import contextlib
import os
import statistics
import sys
import tempfile

import postfix_pairs
from postfix_pairs import lib

KEPT = 'dsnarf_captures_total{result="kept"}'
DROPPED = 'dsnarf_captures_total{result="dropped"}'
NAMES = ("off", "headers", "message")


def main():
    pairs, messages, size = (int(value) for value in
                             (sys.argv[1:4] + ["30", "1500", "2"][len(sys.argv) - 1:])[:3])
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dsnarf-bench-"))
        os.chmod(folder, 0o755)
        daemons, mtas = {}, {}
        for name in NAMES:
            socket, own = os.path.join(folder, name + ".sock"), os.path.join(folder, "d-" + name)
            os.mkdir(own)
            daemons[name] = stack.enter_context(lib.Daemon(own, {
                "milter.listen": "unix:" + socket, "milter.socket_group": "postfix",
                "milter.outgoing": ["mta1.example.com"], "trace.sign": "a",
                "trace.key.a.secret": "0123456789abcdef", "capture.mail": name,
                "tenant.shop.match.sender_domain": ["shop.example"], "log.level": "info"}))
            mtas[name] = stack.enter_context(postfix_pairs.start_postfix(
                os.path.join(folder, name), {"virtual_transport": "discard:"},
                ["discard/unix=discard unix - - n - - discard"], milter="unix:" + socket))
        before = {name: postfix_pairs.processor_time(daemons[name].child) for name in NAMES}
        rates = postfix_pairs.interleave(lambda name: postfix_pairs.rate(mtas[name], size, messages), NAMES, pairs)
        for name in NAMES:
            used = (postfix_pairs.processor_time(daemons[name].child) - before[name]) / \
                (messages * (pairs + 1)) * 1e6
            counts = daemons[name].metrics()
            print(f"mail of {size} KB that leaves, capture.mail = {name}: "
                  f"{statistics.median(rates[name]):.0f} messages/s, processor time {used:.0f} us a "
                  f"message; ratio to off {postfix_pairs.ratio(rates[name], rates['off'])}; kept "
                  f"{counts[KEPT]:.0f}, dropped {counts[DROPPED]:.0f}", flush=True)


main()
