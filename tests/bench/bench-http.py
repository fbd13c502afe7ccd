#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How fast the daemon takes posted records in: every batch is durable before it is answered.

Usage: bench-http.py [SECONDS]; each row is measured for that long. TMPDIR is where the spool lies.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.environ.get("TOP_SRCDIR", "."), "tests", "e2e"))
import lib  # pylint: disable=wrong-import-position

POST = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "bench", "post")

ROWS = (  # connections, records a batch, bounces among them
    ("webhook batches, 10 % notices", "30,000 records/s", 8, 500, 50),
    ("the same over one connection", "", 1, 500, 50),
    ("batches of bounces", "", 8, 500, 500),
    ("single bounces", "", 8, 1, 1),
    ("single records that nobody wants", "", 8, 1, 0),
)

UNLIMITED = {"log.level": "warning", "notice.hourly_rate": 0, "notice.hourly_sender_rate": 0,
             "notice.hourly_domain_rate": 0}


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "2"
    print("HTTP intake, durable:")
    for name, aim, connections, records, bounces in ROWS:
        folder = tempfile.mkdtemp(prefix="dsnarf-bench-")
        try:
            with lib.Daemon(folder, UNLIMITED) as daemon:
                out = subprocess.run(
                    [POST, str(daemon.port), "none", str(connections), seconds, str(records),
                     str(bounces)], check=True, stdout=subprocess.PIPE, text=True,
                    env=dict(os.environ, DSNARF_EXAMPLES=lib.EXAMPLES)).stdout.rstrip()
                made = daemon.metrics()['dsnarf_notices_total{event="made"}']
            print(f"  {name}{aim and f' (to reach: {aim})'}\n    {out}, {made:.0f} notices", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


main()
