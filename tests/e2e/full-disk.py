#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A spool that is full: what is answered, and that nothing acknowledged is lost."""
import contextlib
import http.client
import os
import subprocess

import lib

REPORTS = "fbl@mta1.example.com"
SIZE = 24 << 20


def post(daemon, numbers):
    """True if the batch was acknowledged, False if the connection was closed without an answer."""
    try:
        status, answer = daemon.post([lib.element(number, queue="x" * 5000) for number in numbers])
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return False
    lib.expect(status, 200, "status")
    lib.expect(answer["accepted"] + answer["duplicate"], len(numbers), "taken")
    return True


def check_refusing(daemon, lmtp, postfix):
    """All roads are closed, and say so."""
    lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 503, "/readyz says 503")
    lib.expect(daemon.request("GET", "/healthz")[0], 200, "status of /healthz")
    lib.expect(post(daemon, [0]), False, "HTTP")
    code, text = lib.send(lmtp, REPORTS, lib.feedback(1), "fbl@mailbox.example", lmtp=True)
    lib.expect(code // 100, 4, f"answer to LMTP ({text})")
    code, text = lib.send(postfix.port, REPORTS, lib.feedback(1), "fbl@mailbox.example")
    lib.expect(code, 451, f"answer to SMTP ({text})")
    code, text = lib.send(postfix.port, "news@shop.example", lib.original(1))
    lib.expect(code, 250, f"answer to SMTP for others ({text})")


def run(folder, min_free, leave):
    disk = os.path.join(folder, "disk")
    lmtp, milter = lib.free_port(), lib.free_port()
    with contextlib.ExitStack() as stack:
        stack.enter_context(lib.small_disk(disk, SIZE))
        host = lib.free_port()
        records = os.path.join(folder, "records.jsonl")
        postfix = stack.enter_context(lib.PrivatePostfix(
            folder, milter=f"inet:127.0.0.1:{milter}", mailboxes=f"{REPORTS} news@shop.example"))
        daemon = stack.enter_context(lib.Daemon(folder, {
            "spool.directory": os.path.join(disk, "spool"),
            "spool.min_free": min_free,
            "http.hold": "1 second",
            "notice.hourly_rate": 0,
            "notice.hourly_domain_rate": 0,
            "relay.default.hosts": [f"127.0.0.1:{host}"],
            "milter.listen": f"inet:{milter}@127.0.0.1",
            "milter.reports": [REPORTS],
            "lmtp.listen": f"127.0.0.1:{lmtp}",
            "lmtp.reports": [REPORTS],
            "file.records.path": records,
        }))
        acknowledged, batch = [], []
        for first in range(1, 100000, 20):
            batch = range(first, first + 20)
            if first == 101:
                lib.fill(os.path.join(disk, "filler"), leave)
            if not post(daemon, batch):
                break
            acknowledged += batch
        else:
            raise lib.Failure("the disk does not fill up")
        lib.expect(len(acknowledged) >= 100, True, "some were taken before")
        check_refusing(daemon, lmtp, postfix)
        lib.expect(bool(daemon.logged("(?i)full|space")), True, "the log says what is wrong")

        os.unlink(os.path.join(disk, "filler"))
        lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 200, "/readyz says 200 again")
        lib.wait_until(lambda: post(daemon, batch), "the batch is taken after all")
        acknowledged += batch
        for road in (lmtp, postfix.port):
            code, text = lib.send(road, REPORTS, lib.feedback(1), "fbl@mailbox.example",
                                  lmtp=road == lmtp)
            lib.expect(code, 250, f"answer ({text})")
        lib.wait_until(lambda: len(lib.json_lines(records)) >= 1, "the report becomes a record")
        sink = stack.enter_context(lib.Sink(port=host))
        lib.wait_until(lambda: len(sink.mails) >= len(acknowledged), "all notices are sent")
        lib.wait_until(lambda: not daemon.waiting(), "the queue is empty")
        lib.expect(sorted(mail.recipients[0].split(b"+")[1].split(b"@")[0] for mail in sink.mails),
                   sorted(b"%d" % number for number in acknowledged), "notices")
        lib.expect(len(lib.json_lines(records)), 1, "records")
        daemon.stop()


def the_disk_fills_up_to_min_free(folder):
    run(folder, "4MiB", 5 << 20)


def the_disk_fills_up(folder):
    run(folder, 0, 1 << 20)


def no_inodes_are_left(folder):
    """What needs a file of its own is not acknowledged, all else is; and it is when some are back."""
    disk = os.path.join(folder, "disk")
    large = {**lib.element(1), "message": lib.element(1)["message"] + 300 * ("x" * 70 + "\r\n")}
    with lib.small_disk(disk, SIZE), lib.Daemon(folder, {
            "spool.directory": os.path.join(disk, "spool"), "spool.min_free": "1MiB",
            "spool.large": "4KiB",
            "notice.include_original": "full", "http.hold": "1 second"}) as daemon:
        def set_inodes(count):
            done = subprocess.run(["mount", "-o", f"remount,nr_inodes={count}", disk], check=False)
            if done.returncode != 0:
                raise lib.Skip("the inodes of a tmpfs cannot be limited")
        status = os.statvfs(disk)
        set_inodes(status.f_files - status.f_ffree)
        with contextlib.suppress(http.client.RemoteDisconnected, ConnectionResetError):
            raise lib.Failure(f"{daemon.post([large])} while there is no inode")
        lib.expect(daemon.post([lib.element(2)])[1]["accepted"], 1, "what needs no file")
        lib.expect(bool(daemon.logged("No space left on device")), True, "the log says why")
        set_inodes(0)
        lib.expect(daemon.post([large])[1]["accepted"], 1, "when there are inodes")
        lib.expect(len(daemon.waiting()), 2, "notices that wait")


lib.run(the_disk_fills_up_to_min_free, the_disk_fills_up, no_inodes_are_left)
