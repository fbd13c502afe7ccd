#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reports that lie in a Maildir, and the file that their records go to."""
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time

import lib


class Inbox:
    """A Maildir, and deliveries into it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "inbox")
        for part in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(self.path, part))

    def deliver(self, name, message):
        temporary = os.path.join(self.path, "tmp", name)
        with open(temporary, "wb") as file:
            file.write(message)
        os.rename(temporary, os.path.join(self.path, "new", name))

    def names(self, part):
        return sorted(os.listdir(os.path.join(self.path, part)))


def daemon_for(folder, inbox, **settings):
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    return lib.Daemon(folder, {
        "maildir.inbox.path": inbox.path,
        "file.out.path": os.path.join(folder, "out", "records"),
        "file.out.types": ["Feedback", "OOB"],
        **{key.replace("__", "."): value for key, value in settings.items()},
    })


def records(folder):
    """Of all files that the outlet wrote, rotated ones too."""
    out = os.path.join(folder, "out")
    return [record for name in sorted(os.listdir(out))
            for record in lib.json_lines(os.path.join(out, name))]


def wait_records(folder, count):
    return lib.wait_until(lambda: len(records(folder)) >= count and records(folder),
                          f"{count} records in the file")


def expect_each_once(folder, count):
    found = [record["id"] for record in records(folder)]
    lib.expect(len(set(found)), count, "different records")
    lib.expect(len(found), count, "records")


def received(queue_id):
    return (b"Return-Path: <fbl@isp.example>\nX-Original-To: fbl@example.com\n"
            b"Delivered-To: reports@example.com\n"
            b"Received: by mx.example.com (Postfix) id %s; Fri, 20 Nov 2026 14:00:00 +0000\n"
            % queue_id)


def takes_reports_and_leaves_the_rest(folder):
    inbox = Inbox(folder)
    inbox.deliver("1.before", received(b"4bX1Z1") + lib.feedback(1))
    with daemon_for(folder, inbox) as daemon:
        inbox.deliver("2.report", lib.feedback(2))
        inbox.deliver("3.mail", lib.example("original.eml"))
        inbox.deliver("4.dsn", lib.example("dsn.eml"))
        found = wait_records(folder, 3)
        lib.expect(sorted(record["type"] for record in found), ["Feedback", "Feedback", "OOB"])
        first = next(record for record in found if record["sender"] == "fbl@isp.example")
        lib.expect(first["recipient"], "fbl@example.com")
        lib.wait_until(lambda: not inbox.names("new"), "new is empty")
        lib.expect(inbox.names("cur"), ["3.mail:2,"])
        lib.wait_until(lambda: len(daemon.logged("file=.*verdict=")) == 4, "a line about each")
        line, = daemon.logged("file=1.before")
        lib.expect("] 4bX1Z1: maildir=inbox" in line.replace("]:", "]"), True, line)
        lib.expect(len(daemon.logged("file=3.mail .*verdict=deliver reason=not-a-report")), 1)
        lib.expect(daemon.metrics()['dsnarf_messages_total{intake="maildir",result="passed"}'], 1)


def knows_a_report_again(folder):
    """The same report by another road, with another queue id: one record."""
    inbox = Inbox(folder)
    port = lib.free_port()
    with daemon_for(folder, inbox, lmtp__listen=f"127.0.0.1:{port}",
                    lmtp__reports=["fbl@example.com"]) as daemon:
        report = received(b"4bX1Z1") + lib.feedback(1)
        code, text = lib.send(port, "fbl@example.com", report, lmtp=True)
        lib.expect(code, 250, text)
        inbox.deliver("1", received(b"4bX1Z2") + lib.feedback(1))
        inbox.deliver("2", lib.crlf(lib.feedback(1)))
        lib.wait_until(lambda: not inbox.names("new"), "new is empty")
        lib.wait_until(lambda: len(daemon.logged("reason=duplicate")) == 2, "both are duplicates")
        inbox.deliver("3", lib.feedback(2))
        wait_records(folder, 2)
        expect_each_once(folder, 2)


def works_off_a_flood(folder):
    """2,000 files, a restart in between, and a daemon that is killed again and again."""
    inbox, count = Inbox(folder), 2000
    daemon = daemon_for(folder, inbox)

    def deliver():
        for number in range(count):
            inbox.deliver(f"{number:06}.M1P1.host", lib.feedback(number))

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        for kill in range(20):
            time.sleep(random.uniform(0, 0.1))
            if kill == 10:
                daemon.stop()
            else:
                daemon.kill9()
            if kill % 5 == 4:
                rename_records(folder, kill)
            daemon.start()
        thread.join()
        lib.wait_until(lambda: not inbox.names("new"), "new is empty")
        wait_records(folder, count)
        daemon.stop()
        lib.expect(inbox.names("cur"), [])
        expect_each_once(folder, count)
    finally:
        thread.join()
        if daemon.child is not None:
            daemon.kill9()


def waits_while_the_spool_is_full(folder):
    inbox, count = Inbox(folder), 250
    out = os.path.join(folder, "out")
    with daemon_for(folder, inbox, spool__max_size="40MiB") as daemon:
        os.rename(out, out + "-away")  # so that records stay in the spool
        for number in range(count):
            inbox.deliver(f"{number:06}",
                          lib.feedback(number).replace(b"Everything", b"Everything\n" * 20000))
        lib.wait_until(lambda: daemon.logged("maildir inbox: waits until the spool works again"),
                       "it stops")
        lib.expect(len(inbox.names("new")) > 0, True, "files stay")
        os.rename(out + "-away", out)
        wait_records(folder, count)
        lib.wait_until(lambda: not inbox.names("new"), "new is empty")
        lib.wait_until(lambda: daemon.logged("maildir inbox: works again"), "it says so")
        lib.expect(len(daemon.logged("verdict=retry")) < 20, True, "it does not try all of them")
        expect_each_once(folder, count)


def rename_records(folder, number):
    """As logrotate does."""
    current = os.path.join(folder, "out", "records")
    if os.path.exists(current):
        os.rename(current, f"{current}.{number:02}")


def rotates_while_it_writes(folder):
    inbox, count = Inbox(folder), 300
    with daemon_for(folder, inbox):
        for number in range(count):
            inbox.deliver(f"{number:06}", lib.feedback(number))
            if number % 30 == 29:
                rename_records(folder, number // 30)
        wait_records(folder, count)
        expect_each_once(folder, count)
        for name in os.listdir(os.path.join(folder, "out")):
            with open(os.path.join(folder, "out", name), "rb") as file:
                for line in file:
                    json.loads(line)  # whole lines only
            lib.expect(os.stat(os.path.join(folder, "out", name)).st_mode & 0o777, 0o640)


def works_with_logrotate(folder):
    """The example as it is shipped, but for its paths and the user."""
    program = shutil.which("logrotate", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise lib.Skip("logrotate is not installed")
    out = os.path.join(folder, "out")
    text = lib.example("logrotate").decode().replace("/var/log/dsnarf/*.json", out + "/records")
    rules = os.path.join(folder, "logrotate")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(re.sub(r"\n *su .*", "", text).replace("dateext", "nodateext"))
    os.chmod(rules, 0o644)
    inbox = Inbox(folder)
    with daemon_for(folder, inbox):
        for number in range(3):
            inbox.deliver(f"{number}", lib.feedback(number))
            lib.wait_until(lambda: len(lib.json_lines(os.path.join(out, "records"))) == 1, "a line")
            subprocess.run([program, "--force", "--state", os.path.join(folder, "state"), rules],
                           check=True)
        lib.expect(sorted(os.listdir(out)), ["records.1", "records.2.gz", "records.3.gz"])


def changes_with_a_reload(folder):
    inbox = Inbox(folder)
    with daemon_for(folder, inbox) as daemon:
        inbox.deliver("1", lib.feedback(1))
        wait_records(folder, 1)
        daemon.configure(maildir__inbox__consumed="accept",
                         file__out__path=os.path.join(folder, "out", "elsewhere"))
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("writing .*/elsewhere"), "it is reloaded")
        inbox.deliver("2", lib.feedback(2))
        lib.wait_until(lambda: inbox.names("cur") == ["2:2,S"], "the report stays")
        wait_records(folder, 2)
        lib.expect(len(lib.json_lines(os.path.join(folder, "out", "elsewhere"))), 1, "new file")


def says_what_is_missing(folder):
    inbox = Inbox(folder)
    os.rmdir(os.path.join(inbox.path, "cur"))
    try:
        daemon_for(folder, inbox)
    except lib.Failure as failure:
        wanted = f"maildir inbox: {inbox.path}/cur: No such file or directory"
        lib.expect(wanted in str(failure), True, str(failure))
        return
    raise lib.Failure("it started without cur")


if __name__ == "__main__":
    lib.run(takes_reports_and_leaves_the_rest, knows_a_report_again, works_off_a_flood,
            waits_while_the_spool_is_full, rotates_while_it_writes, works_with_logrotate,
            changes_with_a_reload, says_what_is_missing)
