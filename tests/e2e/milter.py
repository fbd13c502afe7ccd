#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The milter as an MTA sees it: the scripts in milter/ by miltertest, and by hand what miltertest
cannot do."""
import contextlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import lib
from mta import ALL_ACTIONS, ALL_STEPS, CHANGE_BODY, SHOW_BLANK, V2_ACTIONS, V2_STEPS, Mta, path_of

SCRIPTS = os.path.join(lib.SOURCE, "tests", "e2e", "milter")
OURS = "<fbl@example.com>"
OTHERS = "<somebody@example.com>"

@contextlib.contextmanager
def running(folder, **settings):
    """The daemon with the roles that the scripts expect."""
    values = {
        "milter.listen": "unix:" + path_of(folder),
        "milter.reports": ["fbl@example.com", "bounce+*@example.com"],
        "milter.role.kept.reports": ["kept@example.com"],
        "milter.role.kept.consumed": "accept",
        "milter.role.tagged.reports": ["tagged@example.com"],
        "milter.role.tagged.consumed": "tag",
        "file.all.path": os.path.join(folder, "records"),
    }
    values.update({key.replace("__", "."): value for key, value in settings.items()})
    with lib.Daemon(folder, values) as daemon:
        yield daemon


def records(folder, count):
    """The records in the file, once there are so many."""
    path = os.path.join(folder, "records")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    found = lib.json_lines(path)
    lib.expect(len(found), count, "records")
    lib.expect(len({record["id"] for record in found}), count, "different ids")
    return found


def verdicts(daemon, queue_id):
    """What the log says of a message: the verdicts of its lines."""
    return [re.search(r" verdict=(\S+)", line)[1] for line in daemon.logged(rf": {queue_id}: ")]


# ---- miltertest ----

def report():
    """Header and body of the example of a feedback report."""
    return lib.crlf(lib.example("feedback.eml")).split(b"\r\n\r\n", 1)


def run_script(folder, name):
    if not shutil.which("miltertest"):
        raise lib.Skip("the package miltertest is not installed")
    body = report()[1]
    files = {"REPORT": body,
             "BYTES": body.replace(b"Everything", bytes(range(256)) + b"\r\r\n\nEverything")}
    arguments = ["miltertest", "-D", "SOCKET=unix:" + path_of(folder),
                 "-D", "SCRIPT=" + os.path.join(SCRIPTS, name)]
    for key, data in files.items():
        path = os.path.join(folder, key)
        with open(path, "wb") as file:
            file.write(data)
        arguments += ["-D", f"{key}={path}"]
    done = subprocess.run(arguments + ["-s", os.path.join(SCRIPTS, "lib.lua")], text=True, check=False,
                          timeout=lib.PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise lib.Failure(f"{name}:\n" + lib.indent(done.stdout))


def recipients_and_reports_decide(folder):
    with running(folder) as daemon:
        run_script(folder, "verdicts.lua")
        found = records(folder, 19)
        lib.expect({record["type"] for record in found}, {"Feedback"}, "types")
        line = daemon.logged(": QV1: ")[0]
        if not re.search(r": QV1: from=<> to=<fbl@example.com> report=feedback-report id=[0-9a-f]{32} "
                         "records=1 verdict=discard$", line):
            raise lib.Failure(line)
        line = daemon.logged(": QV6: ")[0]
        if " recipients=2 " not in line or not line.endswith(" verdict=remove"):
            raise lib.Failure(line)
        line = daemon.logged(": QV8: ")[0]
        if not line.endswith("from=<> to=<fbl@example.com> report=none verdict=accept "
                             "reason=not-a-report"):
            raise lib.Failure(line)
        lib.expect(verdicts(daemon, "QV7"), [], "others' mail in the log")
        counts = daemon.metrics()
        for result, wanted in (("consumed", 11), ("kept", 8), ("passed", 3), ("failed", 0),
                               ("other", 1)):
            lib.expect(counts[f'dsnarf_messages_total{{intake="milter",result="{result}"}}'], wanted,
                       result)


def transactions_do_not_mix(folder):
    with running(folder) as daemon:
        run_script(folder, "transactions.lua")
        records(folder, 6)
        for queue_id in ("QT5", "QT7", "QT8", "QT9", "QT12", "QT13"):
            lib.expect(verdicts(daemon, queue_id), [], "a message that did not end")


def sizes_are_bounded(folder):
    with running(folder, limits__message="100KiB") as daemon:
        run_script(folder, "sizes.lua")
        records(folder, 4)
        lib.expect(verdicts(daemon, "QS7"), ["remove"], "verdict")


def a_crowd_is_told_to_come_again(folder):
    with running(folder) as daemon:
        run_script(folder, "crowd.lua")
        records(folder, 1)
        lib.expect(verdicts(daemon, "QC1"), ["tempfail"], "verdict")


def old_and_new_mtas_work(folder):
    with running(folder) as daemon:
        run_script(folder, "negotiation.lua")
        records(folder, 15)
        lib.expect(len(daemon.logged("milter: refused a connection")), 1, "refusals")


def sendmail_is_served(folder):
    with running(folder) as daemon:
        run_script(folder, "sendmail.lua")
        found = records(folder, 12)
        lib.expect({record["peer_address"]["addr"] for record in found}, {"192.0.2.7"}, "clients")
        for number in range(1, 7):
            lib.expect(verdicts(daemon, f"QSA{number}"), ["discard"], "by the queue id")
            lib.expect(verdicts(daemon, f"QSC{number}"), ["remove"], "by the queue id")


def the_daemon_name_chooses_the_role(folder):
    roles = {"milter.role.in.daemon": "inbound", "milter.role.in.consumed": "tag",
             "milter.role.in.reports": ["fbl@example.com", "abuse@example.com"]}
    with running(folder, **roles):
        run_script(folder, "roles.lua")
        records(folder, 4)


def a_full_spool_means_come_again(folder):
    with running(folder, spool__min_free="1048576GiB") as daemon:
        run_script(folder, "failure.lua")
        lib.expect(verdicts(daemon, "QX1"), ["tempfail"], "verdict")
        line = daemon.logged(": QX1: ")[0]
        if "min_free" not in line:
            raise lib.Failure(line)
    lib.expect(lib.json_lines(os.path.join(folder, "records")), [], "records")


def what_comes_again_is_not_recorded_again(folder):
    with running(folder) as daemon:
        run_script(folder, "again.lua")
        records(folder, 1)
        lib.expect(verdicts(daemon, "QB1"), verdicts(daemon, "QB3"), "verdicts")
        lib.expect(len(daemon.logged(": QA3: .* report=feedback-report id=.* verdict=discard "
                                     "reason=duplicate$")), 1, "said so")


# ---- by hand ----

def without_data_the_end_of_header_decides(folder):
    with running(folder), Mta(folder, 2, V2_ACTIONS, V2_STEPS, connect=False) as mta:
        lib.expect(mta.offered, (2, 0x1b, 0x02), "what is asked for")
        mta.connect()
        mta.receive("c")
        mta.send("M", b"<a@b.example>\0")
        mta.receive("c")
        mta.send("R", OTHERS.encode() + b"\0")
        mta.receive("c")
        mta.send("L", b"Subject\0hello\0")
        mta.receive("c")
        mta.send("N")
        mta.receive("a")
        for _ in range(2):
            mta.send("M", b"<>\0")
            mta.receive("c")
            mta.send("R", OURS.encode() + b"\0")
            mta.receive("c")
            body, packets = mta.header(lib.feedback(1))
            for _ in range(packets):
                mta.receive("c")
            mta.send("B", body)
            mta.receive("c")
            mta.send("E")
            mta.receive("d")
        records(folder, 1)


def without_the_right_to_change_bodies_notices_pass(folder):
    with open(os.path.join(lib.SOURCE, "tests", "data", "postfix", "failed.eml"), "rb") as file:
        notice = file.read()
    with running(folder, notice__senders=["*"], notice__postfix_notices="rewrite") as daemon:
        for actions, result, packets in ((ALL_ACTIONS, "rewritten", "mmhhba"),
                                         (ALL_ACTIONS & ~CHANGE_BODY, "passed", "a")):
            with Mta(folder, actions=actions, connect=False) as mta:
                mta.send("D", b"Cj\0mta1.example.com\0")
                mta.connect(b"localhost", b"127.0.0.1")
                changes = mta.message(["<news@shop.example>"], notice, sender="")
                lib.expect("".join(packet for packet, _ in changes), packets, result)
            counter = f'dsnarf_postfix_notices_total{{result="{result}"}}'
            lib.wait_until(lambda counter=counter: daemon.metrics()[counter] == 1, counter)
        lib.expect(len(daemon.logged("notice=passed .*the MTA takes no new body")), 1, "lines in the log")


def the_blank_behind_a_colon_is_there_once(folder):
    """An MTA that does not show it writes it itself."""
    with running(folder):
        for steps, value in ((ALL_STEPS, b" feedback"), (ALL_STEPS & ~SHOW_BLANK, b"feedback")):
            with Mta(folder, steps=steps) as mta:
                (command, data), _ = mta.message(["<tagged@example.com>"], lib.feedback(steps))
                lib.expect((command, data.startswith(b"X-Dsnarf-Report\0" + value)), ("h", True), data)


def a_connection_can_serve_several_clients(folder):
    """Sendmail keeps the connection for its next client, without another negotiation."""
    with running(folder), Mta(folder) as mta:
        for number in range(3):
            lib.expect(mta.message([OURS], lib.feedback(number)), [("d", b"")], "answer")
            mta.send("K")
            mta.connect()
        lib.expect(mta.message(["<tagged@example.com>"], lib.feedback(4))[-1][0], "a", "answer")
        records(folder, 4)


def changes_are_made_once_for_each(folder):
    with running(folder), Mta(folder) as mta:
        lib.expect(mta.message([OURS, OTHERS, OURS], lib.feedback(1)),
                   [("-", OURS.encode() + b"\0")] * 2 + [("a", b"")], "changes")
        forged = b"X-Dsnarf-Report: feedback-report; id=x\n" * 300 + lib.feedback(2)
        packets = mta.message(["<tagged@example.com>"], forged)
        removed = [struct.unpack(">I", data[:4])[0] for command, data in packets if command == "m"]
        lib.expect(removed, list(range(100, 0, -1)), "fields removed, the last one first")
        identity = next(record["id"] for record in records(folder, 2)
                        if record["id"] in packets[-2][1].decode())
        lib.expect(packets[-2], ("h", b"X-Dsnarf-Report\0 feedback-report; id=" + identity.encode() +
                                 b"\0"), "field added")
        lib.expect(packets[-1], ("a", b""), "end")


def a_failure_says_so_to_the_client(folder):
    with running(folder, spool__min_free="1048576GiB"), Mta(folder) as mta:
        lib.expect(mta.message([OURS], lib.feedback(1)),
                   [("y", b"451 4.3.0 not recorded, try again later\0")], "answer")


def nothing_forges_a_log_line(folder):
    with running(folder) as daemon, Mta(folder) as mta:
        mta.message(["<bounce+\nforged: from=<>@example.com>"], lib.feedback(1),
                    sender="<a\r\nforged: b@c.example>", queue_id="Q1\nforged")
        lib.expect(daemon.logged("^forged"), [], "forged lines")
        lib.expect(len(daemon.logged("verdict=discard$")), 1, "lines")


def nonsense_ends_only_its_own_connection(folder):
    def junk(data):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(path_of(folder))
        with contextlib.suppress(OSError):
            peer.sendall(data)
        return peer

    header = struct.pack(">IcIII", 13, b"O", 6, ALL_ACTIONS, ALL_STEPS)
    pieces = [b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\xff" * 100, header,
              struct.pack(">IcIII", 13, b"O", 1, ALL_ACTIONS, ALL_STEPS),
              struct.pack(">Ic", 1, b"O"),
              header + struct.pack(">Ic", 1, b"E"),
              header + struct.pack(">Ic", 1, b"T") + struct.pack(">Ic", 1, b"E"),
              header + struct.pack(">Ic", 1, b"M"),
              header + struct.pack(">I", 3) + b"M<>",
              header + struct.pack(">I", 4) + b"R<>\0" + struct.pack(">Ic", 1, b"T"),
              header + struct.pack(">Ic", 1, b"?"),
              header + struct.pack(">Ic", 0x7fffffff, b"B")]
    with running(folder) as daemon:
        for number, piece in enumerate(pieces):
            with junk(piece), Mta(folder) as mta:
                lib.expect(mta.message([OURS], lib.feedback(number)), [("d", b"")], f"after {piece}")
        records(folder, len(pieces))
        lib.expect(len(daemon.logged(": Q1: ")), len(pieces), "lines")


def memory_for_all_messages_is_bounded(folder):
    """Each holds as much as it may, until there is no room; then room again."""
    chunk = b"0123456789abcdef" * 4000
    with running(folder, limits__message="1MiB") as daemon, contextlib.ExitStack() as stack:
        many = [stack.enter_context(Mta(folder)) for _ in range(40)]
        answers = []
        for number, mta in enumerate(many):
            mta.envelope([OURS], queue_id=f"Q{number}")
            mta.send("T")
            answers.append(mta.packet()[0])
            if answers[-1] == "c":
                mta.header(lib.feedback(number))
                for _ in range(20):
                    mta.send("B", chunk)
                mta.wait_read()
                wait_idle(daemon)
        lib.expect(answers.count("c") in (16, 17), True, f"messages that were let in: {answers}")
        lib.expect(set(answers[17:]), {"y"}, "answers to those that came later")
        complaints = len(daemon.logged("too much mail at the moment"))
        lib.expect(complaints, 1, "lines about it")
        for mta, answer in zip(many, answers):
            if answer == "c":
                mta.send("A")
        with Mta(folder) as mta:
            def is_let_in():
                mta.envelope([OURS])
                mta.send("T")
                return mta.packet()[0] == "c"

            lib.wait_until(is_let_in, "room again")
            mta.send("A")
            lib.expect(mta.message([OURS], lib.feedback(1)), [("d", b"")], "answer")


def wait_idle(daemon):
    """Until the daemon waits for more: its processor time stands still."""
    def used():
        with open(f"/proc/{daemon.child.pid}/stat", encoding="ascii") as file:
            return file.read().split(")")[1].split()[11:13]

    before = None
    while before != used():
        before = used()
        time.sleep(0.03)


def connects(folder):
    with socket.socket(socket.AF_UNIX) as peer:
        return peer.connect_ex(path_of(folder)) == 0


def a_stop_answers_what_is_under_way(folder):
    database = os.path.join(folder, "spool", "spool.db")
    with running(folder) as daemon, Mta(folder) as mta, Mta(folder) as idle:
        lock = sqlite3.connect(database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        answers = []
        sender = threading.Thread(target=lambda: answers.extend(mta.message([OURS], lib.feedback(1))))
        sender.start()
        idle.envelope([OURS])
        lib.wait_until(lambda: mta.asked, "the end of the message")
        for peer in (mta, idle):
            peer.wait_read()
        wait_idle(daemon)
        lib.expect(answers, [], "answers while nothing can be written")
        daemon.child.terminate()
        lib.wait_until(lambda: not connects(folder), "no new connections")
        lib.expect(daemon.child.poll(), None, "waits")
        lock.execute("ROLLBACK")
        lock.close()
        started = time.monotonic()
        sender.join()
        lib.expect(answers[-1], ("d", b""), "answer")
        daemon.ends()
        if time.monotonic() - started > 8:  # after 10 s it gives up
            raise lib.Failure(f"the stop took {time.monotonic() - started:.1f} s")
        lib.expect(os.path.exists(path_of(folder)), False, "socket after the stop")


def it_listens_at_a_port_too(folder):
    """And stops while libmilter's listener waits for the next connection, which it does for 5 s."""
    port = lib.free_port()
    with running(folder, milter__listen=f"inet:{port}@127.0.0.1") as daemon:
        stops = []
        for number in range(3):  # one of them is not slow for another reason
            if number > 0:
                daemon.start()
            with Mta(port) as mta:
                lib.expect(mta.message([OURS], lib.feedback(number)), [("d", b"")], "answer")
            records(folder, number + 1)
            started = time.monotonic()
            daemon.stop()
            stops.append(time.monotonic() - started)
        if min(stops) > 4:
            raise lib.Failure(f"the stops took {stops} s")


def all_signals_are_the_daemons(folder):
    """libmilter has a thread that would wait for HUP, TERM and INT, and stop: the kernel may choose it
    when several signals come at once."""
    with running(folder) as daemon, Mta(folder) as mta:
        tasks = f"/proc/{daemon.child.pid}/task"
        for task in os.listdir(tasks):
            try:
                with open(f"{tasks}/{task}/status", encoding="ascii") as file:
                    blocked = int(re.search(r"(?m)^SigBlk:\t(\w+)$", file.read())[1], 16)
            except OSError:  # it has ended
                continue
            # Only in its sigwait() HUP, INT and TERM would not be blocked, and USR2 would.
            lib.expect(blocked & 0x4803 == 0x0800, False, f"thread {task} waits for signals")
        for _ in range(50):
            daemon.child.send_signal(signal.SIGUSR1)
            daemon.child.send_signal(signal.SIGHUP)
        lib.expect(mta.message([OURS], lib.feedback(1)), [("d", b"")], "it goes on")
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "a reload")


def a_reload_changes_nothing_for_a_message_under_way(folder):
    with running(folder) as daemon, Mta(folder) as mta:
        mta.envelope([OURS])
        mta.send("T")
        mta.receive("c")
        daemon.configure(milter__reports=["nobody@example.com"])
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        body, _ = mta.header(lib.feedback(1))
        mta.send("B", body)
        mta.send("E")
        mta.receive("d")
        mta.envelope([OURS])
        mta.send("T")
        mta.receive("a")
        records(folder, 1)


lib.run(recipients_and_reports_decide, transactions_do_not_mix, sizes_are_bounded,
        a_crowd_is_told_to_come_again, old_and_new_mtas_work, sendmail_is_served, the_daemon_name_chooses_the_role,
        a_full_spool_means_come_again, what_comes_again_is_not_recorded_again,
        without_data_the_end_of_header_decides,
        without_the_right_to_change_bodies_notices_pass, the_blank_behind_a_colon_is_there_once,
        a_connection_can_serve_several_clients,
        changes_are_made_once_for_each, a_failure_says_so_to_the_client, nothing_forges_a_log_line,
        nonsense_ends_only_its_own_connection, memory_for_all_messages_is_bounded,
        a_stop_answers_what_is_under_way, it_listens_at_a_port_too,
        all_signals_are_the_daemons, a_reload_changes_nothing_for_a_message_under_way)
