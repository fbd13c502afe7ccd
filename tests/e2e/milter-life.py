#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Connections, descriptors and sockets of the milter, and what a stop, a reload and a restart do to
the mail that is under way."""
import contextlib
import os
import re
import resource
import select
import shutil
import signal
import smtplib
import socket
import sqlite3
import stat
import struct
import subprocess
import threading
import time

import lib
from mta import Mta, path_of

OURS = "<fbl@example.com>"
OTHERS = "<somebody@example.com>"


@contextlib.contextmanager
def running(folder, wrapper=(), sockets=(), start=True, **settings):
    values = {
        "milter.listen": "unix:" + path_of(folder),
        "milter.reports": ["fbl@example.com"],
        "file.all.path": os.path.join(folder, "records"),
    }
    values.update({key.replace("__", "."): value for key, value in settings.items()})
    with lib.Daemon(folder, values, wrapper=wrapper, sockets=sockets, start=start) as daemon:
        yield daemon


def records(folder, count):
    path = os.path.join(folder, "records")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    lib.expect(len(lib.json_lines(path)), count, "records")


def plain(folder):
    """A connection that says nothing."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(lib.PATIENCE)
    peer.connect(path_of(folder))
    return peer


def is_refused(folder):
    """The MTA sees the end, and does what it does without a milter."""
    try:
        with Mta(folder):
            return False
    except (EOFError, ConnectionError):
        return True


def processor_time(daemon):
    with open(f"/proc/{daemon.child.pid}/stat", encoding="ascii") as file:
        used = file.read().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def expect_idle(daemon, seconds=2):
    """It uses next to nothing for a while. A busy loop gets more, however busy the machine is."""
    before = processor_time(daemon)
    time.sleep(seconds)
    used = processor_time(daemon) - before
    if used > 0.1 * seconds:
        raise lib.Failure(f"{used} s of processor time in {seconds} s")


# ---- how many ----

def connections_are_bounded(folder):
    with running(folder, milter__connections=5) as daemon, contextlib.ExitStack() as stack:
        many = [stack.enter_context(Mta(folder)) for _ in range(5)]
        lib.expect(is_refused(folder), True, "the sixth is refused")
        lib.expect(daemon.metrics()["dsnarf_milter_refused_total"], 1, "refused")
        lib.expect(daemon.metrics()["dsnarf_milter_connections"] >= 5, True, "open")
        lib.expect(len(daemon.logged("refused a connection: milter.connections = 5 are open")), 1,
                   "lines")
        lib.expect(many[0].message([OURS], lib.feedback(1)), [("d", b"")], "the others go on")
        many[0].peer.close()
        lib.wait_until(lambda: not is_refused(folder), "there is room again")
        lib.wait_until(lambda: daemon.metrics()["dsnarf_milter_connections"] == 4, "open")


def others_keep_their_descriptors(folder):
    """Also against connections that never say a word, and stay below what is counted."""
    with running(folder, wrapper=["prlimit", "--nofile=240:240"]) as daemon, \
            contextlib.ExitStack() as stack:
        lib.expect(len(daemon.logged("240 files and connections may be open, and the options ask for "
                                     r"[0-9]+, .*: raise LimitNOFILE")), 1, "warnings")
        many = [stack.enter_context(plain(folder)) for _ in range(300)]
        lib.wait_until(lambda: sum(map(is_at_end, many)) >= 180, "as many are refused as do not fit")
        # One or two of those that keep libmilter going may be among them.
        lib.wait_until(lambda: daemon.metrics()["dsnarf_milter_refused_total"] -
                       sum(map(is_at_end, many)) in range(6), "it counts them")
        lib.expect(len(daemon.logged("refused a connection: [0-9]+ files and connections are open")), 1,
                   "lines")
        lib.expect(daemon.post([lib.element(1)])[1]["accepted"], 1, "others go on")
        expect_idle(daemon)
        for peer in many:
            peer.close()
        lib.wait_until(lambda: not is_refused(folder), "there is room again")


def is_at_end(peer):
    return select.select([peer], [], [], 0)[0] != [] and peer.recv(1) == b""


def without_descriptors_it_waits(folder):
    """libmilter alone would try again without a pause."""
    with running(folder) as daemon, Mta(folder) as mta:
        daemon.metrics()
        limits = resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE, (5, limits[1]))
        done = []
        sender = threading.Thread(target=lambda: done.append(deliver(folder, 2)))
        sender.start()
        try:
            lib.wait_until(lambda: daemon.logged("milter: connections have to wait: Too many open files"),
                           "it says so")
            expect_idle(daemon)
            lib.expect(done, [], "answers")
        finally:
            resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE, limits)
        sender.join()
        lib.expect(done, [[("d", b"")]], "what waited")
        lib.expect(mta.message([OURS], lib.feedback(1)), [("d", b"")], "what was open")
        lib.expect(len(daemon.logged("connections have to wait")), 1, "lines")


def deliver(folder, number):
    with Mta(folder) as mta:
        return mta.message([OURS], lib.feedback(number))


def slow_packets_hold_up_nobody_else(folder):
    """Each of them keeps a thread of libmilter's waiting for the rest."""
    with running(folder) as daemon, contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(plain(folder)).sendall(struct.pack(">I", 13) + b"O\0\0")
        for number in range(20):
            lib.expect(deliver(folder, number), [("d", b"")], "answer")
        expect_idle(daemon)


def a_thousand_connections(folder):
    """Mail goes on beside them, and after they were busy."""
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * count:
        raise lib.Skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * count), hard))

    with running(folder) as daemon, contextlib.ExitStack() as stack:
        before = memory_and_threads(daemon)
        many = [stack.enter_context(Mta(folder)) for _ in range(count)]
        for number in range(20):
            lib.expect(deliver(folder, number), [("d", b"")], "beside idle ones")
        idle = memory_and_threads(daemon)
        for number, mta in enumerate(many):  # all of them at once, and nobody waits for an answer
            mta.envelope([OTHERS], queue_id=f"Q{number}")
            mta.send("T")
        for mta in many:
            mta.receive("a")
        lib.expect(deliver(folder, 20), [("d", b"")], "after busy ones")
        busy = memory_and_threads(daemon)
        print("    memory in KiB and threads: before %d, %d; idle %d, %d; busy %d, %d" %
              (before + idle + busy))
        records(folder, 21)


def memory_and_threads(daemon):
    with open(f"/proc/{daemon.child.pid}/status", encoding="ascii") as file:
        status = file.read()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "Threads"))


# ---- the socket ----

def a_socket_has_its_rights_from_the_start(folder):
    group = next((name for name in ("postfix", "mail", "nogroup") if has_group(name)), None)
    if os.geteuid() != 0 or group is None:
        raise lib.Skip("only root gives a socket to another group")
    with running(folder, milter__socket_mode="620", milter__socket_group=group):
        found = os.stat(path_of(folder))
        lib.expect((stat.S_IMODE(found.st_mode), found.st_gid), (0o620, shutil._get_gid(group)), "rights")


def has_group(name):
    return shutil._get_gid(name) is not None


def a_socket_that_nobody_answers_at_is_replaced(folder):
    with running(folder) as daemon:
        daemon.kill9()
        lib.expect(os.path.exists(path_of(folder)), True, "left behind")
        daemon.start()
        lib.expect(deliver(folder, 1), [("d", b"")], "answer")


def a_socket_in_use_is_left_alone(folder):
    with running(folder) as daemon:
        other = os.path.join(folder, "other")
        os.mkdir(other)
        second = lib.Daemon(other, {"milter.listen": "unix:" + path_of(folder),
                                    "milter.reports": ["fbl@example.com"],
                                    "file.all.path": os.path.join(other, "records")}, start=False)
        second.launch()
        lib.expect(second.child.wait(lib.PATIENCE), 1, "status of the second one")
        second.notify.close()
        lib.expect(len(second.logged("milter.sock: another process listens there")), 1, "lines")
        lib.expect(deliver(folder, 1), [("d", b"")], "the first one answers")
        lib.expect(daemon.child.poll(), None, "the first one runs")


# ---- sockets of the service manager ----

@contextlib.contextmanager
def listening(folder, port=None):
    """As dsnarf.socket has them: for the milter, and at a port."""
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(socket.socket(socket.AF_UNIX))
        own.bind(path_of(folder))
        own.listen(100)
        found = [own]
        if port is not None:
            found.append(stack.enter_context(socket.create_server(("127.0.0.1", port))))
        yield found


def connections_wait_while_it_restarts(folder):
    port = lib.free_port()
    with listening(folder, port) as sockets, \
            running(folder, sockets=sockets, start=False, http__listen=f"127.0.0.1:{port}") as daemon:
        daemon.port = port
        made = os.stat(path_of(folder))
        done = {}

        def send(number):
            done[number] = deliver(folder, number)

        def post():
            done["post"] = daemon.post([lib.element(1)])[1]["accepted"]

        for number, stop in enumerate((None, daemon.stop, daemon.kill9, daemon.stop)):
            if stop is not None:
                stop()
            threads = [threading.Thread(target=send, args=(10 * number + place,)) for place in range(5)]
            threads += [threading.Thread(target=post)]
            for thread in threads:
                thread.start()
            done.clear()
            daemon.start()
            for thread in threads:
                thread.join()
            lib.expect(done, {"post": 0 if number else 1,
                              **{10 * number + place: [("d", b"")] for place in range(5)}},
                       f"after start {number + 1}")
        records(folder, 20)
        found = os.stat(path_of(folder))
        lib.expect((found.st_ino, found.st_mode), (made.st_ino, made.st_mode), "the socket is the same")
        lib.expect(daemon.logged("service manager listens"), [], "complaints")


def a_socket_that_no_option_names_is_complained_about(folder):
    port = lib.free_port()
    with listening(folder, port) as sockets, \
            running(folder, sockets=sockets, milter__listen="unix:" + path_of(folder) + "2") as daemon:
        lib.expect([re.search(r"listens at (.*) for us", line)[1]
                    for line in lib.wait_until(lambda: daemon.logged("service manager listens"), "lines")],
                   [path_of(folder), f"127.0.0.1 port {port}"], "what is said")


def systemd_hands_over(folder):
    """What systemd's own tool does, from the first connection on."""
    if not shutil.which("systemd-socket-activate"):
        raise lib.Skip("systemd-socket-activate is not installed")
    wrapper = ["systemd-socket-activate", "-E", "NOTIFY_SOCKET", "-l", path_of(folder)]
    with running(folder, wrapper=wrapper, start=False) as daemon:
        daemon.launch()
        lib.wait_until(lambda: os.path.exists(path_of(folder)), "systemd listens")
        done = []
        sender = threading.Thread(target=lambda: done.append(deliver(folder, 1)))
        lib.wait_until(lambda: is_listening(folder), "systemd listens")
        sender.start()
        daemon.wait_ready()
        sender.join()
        lib.expect(done, [[("d", b"")]], "answer")


def is_listening(folder):
    with open("/proc/net/unix", encoding="ascii") as file:
        return any(line.split()[3] == "00010000" and line.endswith(path_of(folder) + "\n")
                   for line in file)


# ---- Postfix in its chroot ----

def a_postfix_in_a_chroot(folder):
    """Its smtpd works as the user postfix, and sees nothing but its queue directory. With a socket of
    the service manager its mail waits for a restart, without one it is put off."""
    recipient = "fbl@mta1.example.com"
    port = lib.free_port()
    with lib.PrivatePostfix(folder, mailboxes=recipient) as mta:
        where = os.path.join(mta.folder, "queue", "dsnarf")
        os.mkdir(where)
        shutil.chown(where, group="postfix")
        os.chmod(where, 0o2750)
        with open(os.path.join(mta.folder, "etc", "master.cf"), "a", encoding="ascii") as file:
            file.write(f"127.0.0.1:{port} inet n - y - - smtpd\n"
                       "    -o { smtpd_milters = { unix:dsnarf/milter.sock, default_action=tempfail } }\n")
        mta.reload()
        lib.wait_until(lambda: lib.answers(port), "Postfix listens")
        listen = {"milter.listen": "unix:" + os.path.join(where, "milter.sock"),
                  "milter.reports": [recipient]}

        def send(number):
            return lib.send(port, recipient, lib.feedback(number))[0]

        with running(folder, **listen, **{"milter.socket_mode": "600"}):
            lib.expect(send(1), 451, "a socket for the daemon's user alone")
        with running(folder, **listen, **{"milter.socket_group": "postfix"}) as daemon:
            lib.expect(send(1), 250, "a socket for Postfix")
            daemon.stop()
            lib.expect(send(2), 451, "while dsnarf is away")
        records(folder, 1)

        with socket.socket(socket.AF_UNIX) as own:
            own.bind(listen["milter.listen"].split(":", 1)[1])
            shutil.chown(own.getsockname(), group="postfix")
            os.chmod(own.getsockname(), 0o660)
            own.listen(100)
            with running(folder, sockets=[own], **listen) as daemon:
                for number, stop in ((2, daemon.stop), (3, daemon.kill9)):
                    stop()
                    done = []
                    sender = threading.Thread(target=lambda number=number, done=done: done.append(send(number)))
                    sender.start()
                    daemon.start()
                    sender.join()
                    lib.expect(done, [250], "what came while dsnarf was away")
                records(folder, 3)


# ---- stop and reload ----

def before_the_end(mta, stage):
    """The MTA goes as far as the stage in a message of ours, and says how to go on from there."""
    body = b""
    if stage >= 1:
        mta.send("M", b"<>\0")
    if stage >= 2:
        mta.send("R", OURS.encode() + b"\0")
    if stage >= 3:
        mta.send("T")
        mta.receive("c")
    fields = lib.crlf(lib.feedback(100 + stage)).split(b"\r\n\r\n", 1)
    head, body = fields
    lines = re.sub(rb"\r\n([ \t])", rb"\n\1", head).split(b"\r\n")
    middle = len(lines) // 2

    def header(part):
        for line in part:
            name, value = line.split(b":", 1)
            mta.send("L", name + b"\0" + value + b"\0")

    if stage >= 4:
        header(lines[:middle])
    if stage >= 5:
        header(lines[middle:])
        mta.send("N")
        mta.send("B", body[:len(body) // 2])
    mta.wait_read()

    def go_on():
        """The last reply."""
        if stage < 1:
            mta.send("M", b"<>\0")
        if stage < 2:
            mta.send("R", OURS.encode() + b"\0")
        if stage < 3:
            mta.send("T")
            reply = mta.packet()[0]
            if reply != "c":
                return reply
        if stage < 4:
            header(lines[:middle])
        if stage < 5:
            header(lines[middle:])
            mta.send("N")
            mta.send("B", body[:len(body) // 2])
        mta.send("B", body[len(body) // 2:])
        mta.send("D", b"Ei\0Q%d\0" % stage)
        mta.send("E")
        return mta.changes()[-1][0]

    return go_on


STAGES = ("connect", "MAIL", "RCPT", "DATA", "in the header", "in the body")


def a_reload_leaves_messages_as_they_began(folder):
    with running(folder) as daemon, contextlib.ExitStack() as stack:
        many = [stack.enter_context(Mta(folder)) for _ in STAGES]
        rest = [before_the_end(mta, stage) for stage, mta in enumerate(many)]
        wait_idle(daemon)
        daemon.configure(milter__reports=["nobody@example.com"])
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect([go_on() for go_on in rest], ["a"] + ["d"] * (len(STAGES) - 1),
                   "only what had not begun is somebody else's")
        records(folder, len(STAGES) - 1)


def wait_idle(daemon):
    before = None
    while before != processor_time(daemon):
        before = processor_time(daemon)
        time.sleep(0.03)


def a_stop_ends_connections_at_any_stage(folder):
    """The MTA does at once what it does without a milter; what is at its end gets its answer."""
    with running(folder) as daemon, contextlib.ExitStack() as stack:
        lock = sqlite3.connect(os.path.join(folder, "spool", "spool.db"), isolation_level=None)
        many = [stack.enter_context(Mta(folder)) for _ in STAGES]
        rest = [before_the_end(mta, stage) for stage, mta in enumerate(many)]
        lock.execute("BEGIN IMMEDIATE")
        last = stack.enter_context(Mta(folder))
        answers, others = [], []
        ending = threading.Thread(target=lambda: answers.extend(last.message([OURS], lib.feedback(1))))
        ending.start()
        lib.wait_until(lambda: is_waiting_for(last), "the end of a message")
        wait_idle(daemon)
        daemon.child.terminate()
        lib.wait_until(lambda: not os.path.exists(path_of(folder)) or not is_listening(folder),
                       "it does not listen any more")

        def go_on(how):
            try:
                others.append(how())
            except (EOFError, OSError):
                others.append("end")

        threads = [threading.Thread(target=go_on, args=(how,)) for how in rest]
        for thread in threads:
            thread.start()
        lock.execute("ROLLBACK")
        lock.close()
        for thread in threads + [ending]:
            thread.join()
        lib.expect(answers, [("d", b"")], "what was at its end")
        lib.expect(others, ["end"] * len(STAGES), "the others")
        daemon.ends()
        daemon.start()
        records(folder, 1)


def is_waiting_for(mta):
    """All was sent, and read."""
    try:
        mta.wait_read()
        return True
    except OSError:
        return False


lib.run(connections_are_bounded, others_keep_their_descriptors, without_descriptors_it_waits,
        slow_packets_hold_up_nobody_else, a_thousand_connections,
        a_socket_has_its_rights_from_the_start, a_socket_that_nobody_answers_at_is_replaced,
        a_socket_in_use_is_left_alone, connections_wait_while_it_restarts,
        a_socket_that_no_option_names_is_complained_about, systemd_hands_over, a_postfix_in_a_chroot,
        a_reload_leaves_messages_as_they_began, a_stop_ends_connections_at_any_stage)
