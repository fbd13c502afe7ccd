#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How fast posted bounces become notices at an SMTP sink: over HTTP, through the spool, all durable.

Usage: end-to-end.py [SECONDS], for which batches are posted; the clock runs until the last notice
is sent. The poster, the daemon and the sink, Postfix's smtp-sink, share the processors.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.environ.get("TOP_SRCDIR", "."), "tests", "e2e"))
import lib  # pylint: disable=wrong-import-position

POST = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "bench", "post")
SENT = 'dsnarf_notices_total{event="sent"}'
MADE = 'dsnarf_notices_total{event="made"}'


def measure(folder, seconds, sink):
    settings = {"log.level": "warning", "notice.hourly_rate": 0, "notice.hourly_sender_rate": 0,
                "notice.hourly_domain_rate": 0,
                "relay.default.hosts": [sink]}
    with lib.Daemon(folder, settings) as daemon:
        started = time.monotonic()
        subprocess.run([POST, str(daemon.port), "none", "4", seconds, "500", "500"], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, DSNARF_EXAMPLES=lib.EXAMPLES))
        posted = time.monotonic() - started
        made = daemon.metrics()[MADE]
        lib.wait_until(lambda: daemon.metrics()[SENT] == made, "all notices are sent", 600)
        spent = time.monotonic() - started
    print(f"end to end: batches of bounces -> SMTP sink (to reach: 5,000 notices/s, aim 20,000)\n"
          f"    {made / spent:.0f} notices/s, {made:.0f} notices, posted in {posted:.1f} s, "
          f"sent in {spent:.1f} s", flush=True)


def main():
    folder = tempfile.mkdtemp(prefix="dsnarf-bench-")
    try:
        with lib.smtp_sink() as sink:
            measure(folder, sys.argv[1] if len(sys.argv) > 1 else "2", sink)
    except lib.Skip as skip:
        print(f"end to end: skipped: {skip}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
