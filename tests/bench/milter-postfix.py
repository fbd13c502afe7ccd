#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What our milter costs Postfix for mail that is not a report, against a milter that does nothing.

Usage: milter-postfix.py NOTHING [PAIRS [MESSAGES]]. Two private Postfixes, one with each milter, get
MESSAGES of 2 KB over 20 connections by smtp-source in turn; they discard what they accepted. Prints
the median of the ratios of the rates of all pairs and the interval in which the true median lies
with 95 %. Needs root.
"""
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import lib  # pylint: disable=wrong-import-position

READER = "reader@mta1.example.com"


def start_postfix(folder, milter):
    os.mkdir(folder, 0o755)
    mta = lib.PrivatePostfix(folder, milter=f"unix:{milter}", mailboxes=READER)
    etc = os.path.join(mta.folder, "etc")
    for arguments in (["-e", "virtual_transport=discard:"],
                      ["-M", "discard/unix=discard unix - - n - - discard"]):
        subprocess.run(["/usr/sbin/postconf", "-c", etc, *arguments], check=True)
    subprocess.run(["/usr/sbin/postfix", "-c", etc, "reload"], check=True, stderr=subprocess.DEVNULL)
    return mta


def rate(mta, messages):
    started = time.monotonic()
    subprocess.run(["/usr/sbin/smtp-source", "-s", "20", "-m", str(messages), "-l", "2048",
                    "-f", "news@shop.example", "-t", READER, f"127.0.0.1:{mta.port}"], check=True)
    taken = time.monotonic() - started
    lib.wait_until(lambda: not mta.queue(), "Postfix's queue is empty")
    return messages / taken


def measure(ours, nothing, pairs, messages):
    rate(ours, messages)  # warm
    rate(nothing, messages)
    our_rates, their_rates = [], []
    for number in range(pairs):
        order = [(ours, our_rates), (nothing, their_rates)]
        for mta, rates in order if number % 2 == 0 else reversed(order):
            rates.append(rate(mta, messages))
    ratios = sorted(our / their for our, their in zip(our_rates, their_rates))
    # The order statistics that enclose the median (normal approximation of the binomial).
    low = max(0, math.floor((pairs - 1.96 * math.sqrt(pairs)) / 2))
    print(f"milter behind Postfix, mail that is no report: {statistics.median(our_rates):.0f} messages/s, "
          f"{statistics.median(their_rates):.0f} with a milter that does nothing; ratio "
          f"{statistics.median(ratios):.3f} ({ratios[low]:.3f} to {ratios[-1 - low]:.3f}, {pairs} pairs), "
          "to reach 0.97")


def main():
    nothing = sys.argv[1]
    pairs, messages = (int(value) for value in (sys.argv[2:4] + ["30", "1500"][len(sys.argv) - 2:])[:2])
    with tempfile.TemporaryDirectory(prefix="dsnarf-bench-") as folder:
        os.chmod(folder, 0o755)
        our_socket, their_socket = (os.path.join(folder, name) for name in ("ours.sock", "nothing.sock"))
        child = subprocess.Popen([nothing, "unix:" + their_socket], umask=0)
        try:
            settings = {"milter.listen": "unix:" + our_socket, "milter.socket_group": "postfix",
                        "milter.reports": ["fbl@mta1.example.com", "bounce+*@mta1.example.com"],
                        "file.all.path": os.path.join(folder, "records"), "log.level": "info"}
            with lib.Daemon(folder, settings), \
                    start_postfix(os.path.join(folder, "a"), our_socket) as ours, \
                    start_postfix(os.path.join(folder, "b"), their_socket) as other:
                measure(ours, other, pairs, messages)
        finally:
            child.terminate()
            child.wait()


main()
