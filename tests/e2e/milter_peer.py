# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix with dsnarf as its milter, for the end-to-end tests.

    with milter_peer.running(folder) as (mta, daemon):
        lib.expect(lib.send(mta.port, milter_peer.FBL, lib.feedback(1))[0], 250, "a report")
        milter_peer.records(folder, 1)
"""
import atexit
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile

import lib

FBL = "fbl@mta1.example.com"
TAGGED = "tagged@mta1.example.com"
READER = "reader@mta1.example.com"

ORDINARY = [
    b"From: a@b.example\nTo: c@d.example\nSubject: hello\nMessage-ID: <1@b.example>\n"
    b"Date: Fri, 20 Nov 2026 14:02:11 +0000\n\nhello\n",
    b"From:a@b.example\nSubject:\tfolded\n\tand\n    folded\nsubject: twice\nX-Empty:\n"
    b"X-Dsnarf-Report: not ours\nMessage-ID: <2@b.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n\n"
    b"8-bit \xe4\xff, a long line " + b"x" * 3000 + b"\n.\n..\n\n\n",
    b"From: a@b.example\nMessage-ID: <3@b.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n\n",
    b"From: a@b.example\nMessage-ID: <4@b.example>\nDate: Fri, 20 Nov 2026 14:02:11 +0000\n"
    b"Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n"
    b"--x\n\nThis is not a report.\n--x--\n" + b"0123456789\n" * 20000,
]


class Shared:
    """One Postfix for all cases, because its start takes seconds. It ends with this process."""

    mta = None
    socket = None
    parameters = {}

    @classmethod
    def start(cls):
        folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
        os.chmod(folder, 0o755)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cls.socket = os.path.join(folder, "milter.sock")
        cls.mta = lib.PrivatePostfix(folder, mailboxes=f"{FBL} {TAGGED} {READER}")
        atexit.register(cls.mta.stop)


def set_parameters(mta, **parameters):
    """As "postfix reload", if need be. Returns when nobody works with the old ones."""
    if Shared.parameters == {**Shared.parameters, **parameters}:
        return
    Shared.parameters.update(parameters)
    subprocess.run(["/usr/sbin/postconf", "-c", os.path.join(mta.folder, "etc"), "-e"] +
                   [f"{name}={value}" for name, value in parameters.items()], check=True)
    mta.reload()


def empty(mta):
    subprocess.run(["/usr/sbin/postsuper", "-c", os.path.join(mta.folder, "etc"), "-d", "ALL"],
                   check=True, stderr=subprocess.DEVNULL)
    for address in (FBL, TAGGED, READER):
        shutil.rmtree(os.path.join(mta.folder, "mail", address), ignore_errors=True)


@contextlib.contextmanager
def running(folder, options="", **settings):
    """Postfix and dsnarf. options: of the milter, in Postfix; settings: of dsnarf."""
    if Shared.mta is None:
        Shared.start()
    mta = Shared.mta
    set_parameters(mta, milter_macro_daemon_name="$myhostname",
                   smtpd_milters=f"{{ unix:{Shared.socket}, default_action=tempfail{options} }}")
    values = {
        "milter.listen": "unix:" + Shared.socket,
        "milter.socket_group": "postfix",
        "milter.reports": [FBL],
        "milter.role.tagged.reports": [TAGGED],
        "milter.role.tagged.consumed": "tag",
        "file.all.path": os.path.join(folder, "records"),
    }
    values.update(settings)
    started = len(mta.log())
    try:
        with lib.Daemon(folder, values) as daemon:
            yield mta, daemon
    except BaseException:
        print("    the end of Postfix's log:\n" + lib.indent(mta.log()[started:]), flush=True)
        raise
    finally:
        empty(mta)


def records(folder, count):
    path = os.path.join(folder, "records")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    found = lib.json_lines(path)
    lib.expect(len(found), count, "records")
    return found


def delivered(mta, address, count):
    lib.wait_until(lambda: len(mta.mailbox(address)) >= count, f"{count} messages for {address}")
    lib.wait_until(lambda: not mta.queue(), "Postfix's queue is empty")
    found = mta.mailbox(address)
    lib.expect(len(found), count, f"messages for {address}")
    return found


def as_sent(mail):
    """Without what Postfix puts in front of a delivered message."""
    return re.sub(rb"\A(?:(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*)+",
                  b"", mail)


@contextlib.contextmanager
def locked_spool(folder):
    """Nothing can be committed meanwhile."""
    lock = sqlite3.connect(os.path.join(folder, "spool", "spool.db"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        lock.execute("ROLLBACK")
        lock.close()
