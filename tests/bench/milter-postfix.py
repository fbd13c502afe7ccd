#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What our milter costs Postfix for mail that is not a report, against a milter that does nothing and
against none.

Usage: milter-postfix.py NOTHING [PAIRS [MESSAGES]]. Three private Postfixes get MESSAGES of 2 KB,
then of 20 KB and of 200 KB over 20 connections by smtp-source in turn; they discard what they
accepted. Prints rates, the processor time that the milters take for a message, and the median of the
ratios of all pairs with the interval in which the true one lies with 95 %. Needs root.
"""
import os
import statistics
import sys
import tempfile

import postfix_pairs
from postfix_pairs import lib

SIZES = (2, 20, 200)  # KB
NAMES = ("ours", "nothing", "none")


def measure(mtas, milters, size, pairs, messages):
    count = messages if size < 100 else max(messages // 4, 20)
    before = {name: postfix_pairs.processor_time(child) for name, child in milters.items()}
    rates = postfix_pairs.interleave(lambda name: postfix_pairs.rate(mtas[name], size, count), NAMES, pairs)
    used = {name: (postfix_pairs.processor_time(child) - before[name]) / (count * (pairs + 1)) * 1e6
            for name, child in milters.items()}
    ours, nothing, none = (statistics.median(rates[name]) for name in NAMES)
    print(f"milter behind Postfix, mail of {size} KB that is no report: {ours:.0f} messages/s, "
          f"{nothing:.0f} with a milter that does nothing, {none:.0f} with none; processor time a message "
          f"{used['ours']:.0f} us and {used['nothing']:.0f} us; ratio to nothing "
          f"{postfix_pairs.ratio(rates['ours'], rates['nothing'])}, to reach 0.97; to none "
          f"{postfix_pairs.ratio(rates['ours'], rates['none'])}", flush=True)


def main():
    pairs, messages = (int(value) for value in (sys.argv[2:4] + ["30", "1500"][len(sys.argv) - 2:])[:2])
    with tempfile.TemporaryDirectory(prefix="dsnarf-bench-") as folder:
        os.chmod(folder, 0o755)
        sockets = {name: os.path.join(folder, name + ".sock") for name in NAMES[:2]}
        settings = {"milter.listen": "unix:" + sockets["ours"], "milter.socket_group": "postfix",
                    "milter.reports": ["fbl@mta1.example.com", "bounce+*@mta1.example.com"],
                    "file.all.path": os.path.join(folder, "records"), "log.level": "info"}

        def start(name):
            milter = {"milter": "unix:" + sockets[name]} if name in sockets else {}
            return postfix_pairs.start_postfix(os.path.join(folder, name),
                                               {"virtual_transport": "discard:"},
                                               ["discard/unix=discard unix - - n - - discard"], **milter)
        with postfix_pairs.nothing(sys.argv[1], sockets["nothing"]) as child, \
                lib.Daemon(folder, settings) as daemon, \
                start("ours") as ours, start("nothing") as nothing, start("none") as none:
            mtas = {"ours": ours, "nothing": nothing, "none": none}
            for size in SIZES:
                measure(mtas, {"ours": daemon.child, "nothing": child}, size, pairs, messages)


main()
