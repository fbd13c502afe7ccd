#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How fast posted bounces become notices at an SMTP sink: over HTTP, through the spool, all durable.

Usage: end-to-end.py [SECONDS], for which batches are posted; the clock runs until the last notice
is sent. The poster, the daemon and the sink, Postfix's smtp-sink, share the processors.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.environ.get("TOP_SRCDIR", "."), "tests", "e2e"))
import lib  # pylint: disable=wrong-import-position

POST = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "bench", "post")
SINK = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + ":/usr/sbin")
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


def answers(address):
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port))):
            return True
    except OSError:
        return False


def main():
    if SINK is None:
        print("end to end: skipped: smtp-sink of the package postfix is missing")
        return
    folder, address = tempfile.mkdtemp(prefix="dsnarf-bench-"), f"127.0.0.1:{lib.free_port()}"
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    sink = subprocess.Popen([SINK, *user, address, "100"])
    try:
        lib.wait_until(lambda: answers(address), "the sink to listen", 10)
        measure(folder, sys.argv[1] if len(sys.argv) > 1 else "2", address)
    finally:
        sink.terminate()
        sink.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
