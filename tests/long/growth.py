#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How the cost of records grows with their number: log segments -> notices at an SMTP sink.

Usage: growth.py [MOST], from 10,000 in steps of ten. One record in ten is a bounce, all are of
about 1.6 KB. Each size begins with an empty spool. Prints a line for each.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.environ.get("TOP_SRCDIR", "."), "tests", "e2e"))
import lib  # pylint: disable=wrong-import-position

SENT = 'dsnarf_notices_total{event="sent"}'
SEGMENT = 500_000  # records
RECORD = 1600      # bytes
TICKS = os.sysconf("SC_CLK_TCK")


def template(kind):
    """A line with %(number)d where records differ."""
    value = lib.record(0, type=kind, id="0NUMBER0", sender="news+NUMBER@shop.example")
    value["meta"] = {"padding": "x" * max(RECORD - len(json.dumps(value)), 0)}
    return json.dumps(value).replace("%", "%%").replace("0NUMBER0", "%(number)032x").replace(
        "NUMBER", "%(number)d").encode() + b"\n"


def write_segments(folder, count):
    bounce, other = template("Bounce"), template("Delivery")
    for first in range(0, count, SEGMENT):
        path = os.path.join(folder, f"20261121-{first // SEGMENT:06d}")
        with open(path, "wb") as file, subprocess.Popen(
                ["zstd", "-q", "-3", "-c"], stdin=subprocess.PIPE, stdout=file) as zstd:
            for number in range(first, min(first + SEGMENT, count)):
                zstd.stdin.write((bounce if number % 10 == 0 else other) % {b"number": number})
            zstd.stdin.close()
        os.chmod(path, 0o444)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def size_of(folder):
    return sum(os.stat(os.path.join(place, name)).st_size
               for place, _, names in os.walk(folder) for name in names)


def measure(folder, count, sink):
    segments = os.path.join(folder, "segments")
    os.mkdir(segments)
    write_segments(segments, count)
    settings = {"log.level": "warning", "notice.hourly_rate": 0, "notice.hourly_sender_rate": 0,
                "notice.hourly_domain_rate": 0, "spool.max_size": "100GiB",
                "relay.default.hosts": [sink],
                "tailer.relay.directory": segments, "tailer.relay.start": "beginning"}
    with lib.Daemon(folder, settings, start=False) as daemon:
        started = time.monotonic()
        daemon.start()
        lib.wait_until(lambda: daemon.metrics().get(SENT, 0) == count // 10, "all are sent", 7200)
        spent, used = time.monotonic() - started, processor_seconds(daemon.child.pid)
        memory = peak(daemon.child.pid)
    print(f"{count:>10,} records: {spent:7.1f} s, {count / spent:9,.0f} records/s, "
          f"{count / spent / 10:7,.0f} notices/s, {used / count * 1e6:6.1f} us of processor a record, "
          f"peak {memory / 1024:5.0f} MiB, spool {size_of(os.path.join(folder, 'spool')) >> 20} MiB",
          flush=True)


def main():
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    count = 10_000
    with lib.smtp_sink() as sink:
        while count <= most:
            with tempfile.TemporaryDirectory(prefix="dsnarf-growth-") as folder:
                measure(folder, count, sink)
            count *= 10


main()
