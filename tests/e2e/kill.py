#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kills the daemon at random moments of its work and counts what came of everything.

DSN_KILLS, DSN_RECORDS and DSN_SEED say how often, how much at least, and when.
"""
import contextlib
import os
import random
import re
import time

import lib
import load

KILLS = int(os.environ.get("DSN_KILLS", "20"))
RECORDS = int(os.environ.get("DSN_RECORDS", "10000"))
SEED = int(os.environ.get("DSN_SEED") or random.randrange(1 << 32))

REPORTS = "fbl@mta1.example.com"


def check_records(path, sent):
    """Exactly one for each report (rule ENV-16)."""
    numbers = [int(re.search(r"\+(\d+)@", record["feedback_report"]["original_mail_from"]).group(1))
               for record in lib.json_lines(path)]
    lib.expect(sent - set(numbers), set(), "reports without a record")
    lib.expect(set(numbers) - sent, set(), "records without a report")
    lib.expect(sorted(number for number in set(numbers) if numbers.count(number) > 1)
               if len(numbers) != len(sent) else [], [], "reports with several records")


def kills_lose_and_repeat_nothing(folder):
    print(f"seed {SEED}", flush=True)
    dice = random.Random(SEED)
    maildir, records = os.path.join(folder, "box"), os.path.join(folder, "records.jsonl")
    lib.make_maildir(maildir)
    lmtp, milter = lib.free_port(), lib.free_port()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(load.CountingSink())
        daemon = stack.enter_context(lib.Daemon(folder, {
            "log.level": "info",
            "relay.default.hosts": [sink.address],
            "notice.hourly_rate": 0,
            "notice.hourly_domain_rate": 0,
            "milter.listen": f"inet:{milter}@127.0.0.1",
            "milter.reports": [REPORTS],
            "lmtp.listen": f"127.0.0.1:{lmtp}",
            "lmtp.reports": [REPORTS],
            "maildir.box.path": maildir,
            "file.records.path": records,
        }))
        work = load.Load(sink, RECORDS)
        try:
            postfix = stack.enter_context(lib.PrivatePostfix(
                folder, milter=f"inet:127.0.0.1:{milter}", mailboxes=REPORTS))
            work.add(work.mail, postfix.port, False, REPORTS)
        except lib.Skip as skip:
            print(f"without the milter: {skip}")
        for seed in range(2):
            work.add(work.post, daemon, dice.randrange(1 << 32))
        work.add(work.mail, lmtp, True, REPORTS)
        work.add(work.drop, maildir)

        kills = []
        for _ in range(KILLS):
            time.sleep(dice.uniform(0, 1.5))  # also while it starts
            before = time.monotonic()
            daemon.kill9()
            kills.append((before, time.monotonic()))
            daemon.notify.close()
            daemon.launch()
        daemon.wait_ready()
        work.end()

        started = time.monotonic()
        lib.wait_until(lambda: work.records.done <= sink.copies.keys(), "all notices are sent")
        lib.wait_until(lambda: not os.listdir(f"{maildir}/new"), "the Maildir is read")
        lib.wait_until(lambda: len(lib.json_lines(records)) >= len(work.reports.done),
                       "all records are written")
        lib.wait_until(lambda: not daemon.waiting(), "the queue is empty")
        drained = time.monotonic() - started
        daemon.stop()
        repeats = load.check_notices(sink, work.records.done, kills)
        check_records(records, work.reports.done)
        print(f"{KILLS} kills, {len(work.records.done)} records, {len(work.reports.done)} reports, "
              f"{work.retries} attempts in vain, {repeats}, drained in {drained:.1f} s")


lib.run(kills_lose_and_repeat_nothing)
