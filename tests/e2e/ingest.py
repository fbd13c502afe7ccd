#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""dsnarf ingest beside a daemon, without one, and with either of them killed half-way."""
import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import threading

import lib

MANY = 6000


def settings(folder):
    return {"file.out.path": os.path.join(folder, "out"), "file.out.types": ["Feedback", "Delivery"]}


def command(daemon, *arguments):
    return [lib.PROGRAM, "ingest", "-c", daemon.configuration, *arguments]


def ingest(daemon, *arguments, status=0, stdin=subprocess.DEVNULL):
    done = subprocess.run(command(daemon, *arguments), stdin=stdin, capture_output=True, text=True,
                          timeout=lib.PATIENCE, check=False)
    lib.expect(done.returncode, status, f"status of ingest, which said {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def boxed(message):
    return b"From a@b.example Thu Jan  1 00:00:00 1970\n" + message + b"\n"


def write_mbox(folder, numbers):
    path = os.path.join(folder, "box")
    with open(path, "wb") as file:
        file.writelines(boxed(lib.feedback(number)) for number in numbers)
    return path


def write_records(folder, numbers, kind):
    path = os.path.join(folder, "records")
    with open(path, "w", encoding="utf-8") as file:
        for number in numbers:
            file.write(json.dumps(lib.record(number, type=kind)) + "\n")
    return path


def written(folder):
    return lib.json_lines(os.path.join(folder, "out"))


def expect_each_once(folder, count):
    lib.wait_until(lambda: len(written(folder)) >= count, f"{count} records in the file")
    ids = [record["id"] for record in written(folder)]
    lib.expect((len(ids), len(set(ids))), (count, count), "records, and different ones")


def brings_all_to_the_daemon(folder):
    inbox = os.path.join(folder, "inbox")
    lib.make_maildir(inbox)
    for number in range(20):
        with open(os.path.join(inbox, "new", str(number)), "wb") as file:
            file.write(lib.feedback(number))
    with open(os.path.join(inbox, "cur", "other"), "wb") as file:
        file.write(lib.example("original.eml"))
    box = write_mbox(folder, range(10, 30))
    records = write_records(folder, range(3), "Bounce")
    with lib.Sink() as sink:
        with lib.Daemon(folder, {**settings(folder), "relay.default.hosts": [sink.address]}) as daemon:
            said = ingest(daemon, inbox, box, records)
            for pattern in (r"^41 messages read: 30 reports recorded \(30 records\), 10 duplicates, "
                            r"1 that makes no record \(not-a-report 1\)$",
                            r"^3 records read: 3 with a notice, 0 without, 0 duplicates"):
                if not re.search(pattern, said, re.MULTILINE):
                    raise lib.Failure(f"nothing like {pattern!r} in {said!r}")
            if "daemon" in said:
                raise lib.Failure(f"it speaks of the daemon: {said!r}")
            lib.wait_until(lambda: len(sink.mails) == 3, "the notices arrive")
            expect_each_once(folder, 30)
            lib.expect(len(os.listdir(os.path.join(inbox, "new"))), 20, "files in new")
            lib.expect(daemon.queue("status")[0], 0, "another asks meanwhile")


def leaves_work_for_the_daemon(folder):
    daemon = lib.Daemon(folder, settings(folder), start=False)
    os.mkdir(os.path.join(folder, "spool"), 0o700)
    said = ingest(daemon, write_mbox(folder, range(10)))
    if "no daemon runs" not in said:
        raise lib.Failure(f"it does not say that no daemon runs: {said!r}")
    with daemon:
        daemon.start()
        expect_each_once(folder, 10)


def goes_on(folder, daemon, path, half):
    """Runs ingest, does half() when the first records are in the file, and what is left later."""
    child = subprocess.Popen(command(daemon, path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
    try:
        half(child)
        said, _ = child.communicate(timeout=lib.PATIENCE)
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0 and "early" in said:
        raise lib.Failure(f"status 0, but: {said!r}")
    return child.returncode, said


def records_survive_a_killed_command(folder):
    path = write_records(folder, range(MANY), "Delivery")
    with lib.Daemon(folder, settings(folder)) as daemon:
        def half(child):
            lib.wait_until(lambda: written(folder) or child.poll() is not None, "something is taken")
            child.kill()

        goes_on(folder, daemon, path, half)
        ingest(daemon, path)
        expect_each_once(folder, MANY)


def mail_survives_a_killed_daemon(folder):
    path = write_mbox(folder, range(MANY))
    with lib.Daemon(folder, settings(folder)) as daemon:
        def half(child):
            lib.wait_until(lambda: written(folder) or child.poll() is not None, "something is taken")
            daemon.kill9()

        status, said = goes_on(folder, daemon, path, half)
        if status not in (0, 1) or (status == 1 and "the same command goes on" not in said):
            raise lib.Failure(f"status {status}: {said!r}")
        daemon.start()
        ingest(daemon, path)
        expect_each_once(folder, MANY)


def an_interrupt_ends_it_in_order(folder):
    """What comes through a pipe has no end here, so that it is interrupted for sure."""
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    with lib.Daemon(folder, settings(folder)) as daemon:
        taken = []

        def half(child):
            def feed():
                try:
                    with open(pipe, "wb") as file:
                        for number in range(10 ** 9):
                            file.write(boxed(lib.feedback(number)))
                            taken.append(number)
                except BrokenPipeError:
                    pass
            threading.Thread(target=feed, daemon=True).start()
            lib.wait_until(lambda: written(folder), "something is taken")
            child.send_signal(signal.SIGINT)

        status, said = goes_on(folder, daemon, pipe, half)
        lib.expect(status, 1, "status")
        count = int(re.search(r"^([0-9,]+) messages read", said, re.MULTILINE)[1].replace(",", ""))
        if "it ended early" not in said:
            raise lib.Failure(f"it does not say that it ended early: {said!r}")
        expect_each_once(folder, count)


def waits_for_room(folder):
    path = write_mbox(folder, range(10))
    full = {"spool.max_size": 4 << 20, "spool.large": 10000}
    with lib.Daemon(folder, {**settings(folder), **full}) as daemon:
        daemon.fill_spool()
        said = os.path.join(folder, "said")
        with open(said, "wb") as file, subprocess.Popen(command(daemon, path), stdout=file,
                                                        stderr=file) as child:
            try:
                def told():
                    with open(said, encoding="utf-8") as text:
                        return "the spool is full: waiting" in text.read()

                lib.wait_until(told, "it says that it waits")
                lib.expect(written(folder), [], "records while the spool is full")
                lib.expect(daemon.queue("purge")[0], 0, "status of dsnarf queue purge")
                lib.expect(child.wait(lib.PATIENCE), 0, "status")
            finally:
                child.kill()
        expect_each_once(folder, 10)


def takes_nothing_behind_what_failed(folder):
    """The place behind a later piece would hide the earlier one, which nobody has taken."""
    daemon = lib.Daemon(folder, settings(folder), start=False)
    path = os.path.join(folder, "records")
    with open(path, "wb") as file:
        file.write(b"{}\n" * 20000)
    asked = []

    def serve(peer):
        with peer, peer.makefile("rb") as stream:
            for line in stream:
                request = json.loads(line)
                answer = {"text": None}
                if "records" in request:
                    stream.read(request["records"])
                    asked.append(request["line"])
                    answer = {"error": "the disk is slow", "full": False}
                peer.sendall(json.dumps(answer).encode() + b"\n")

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=serve, args=[peer], daemon=True).start()

    os.mkdir(os.path.join(folder, "spool"), 0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(folder, "spool", "control"))
        listener.listen(10)
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        said = ingest(daemon, "--jobs", "4", path, status=1)
    lib.expect(asked, [1], f"lines that were brought by what said {said!r}")


def talk(daemon, *frames):
    """Says these frames over the control socket: the lines of the answer."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(lib.PATIENCE)
        peer.connect(os.path.join(daemon.settings["spool.directory"], "control"))
        peer.sendall(b'{"command":"ingest"}\n')
        stream = peer.makefile("rb")
        lines = [json.loads(stream.readline())]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may hang up
            for frame in frames:
                peer.sendall(frame)
            peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            for line in stream:
                lines.append(json.loads(line))
        return lines


def odd_frames_are_refused(folder):
    mail = lib.feedback(1)
    good = b'{"messages":[%d]}\n' % len(mail) + mail
    with lib.Daemon(folder, settings(folder)) as daemon:
        lib.expect(talk(daemon), [{"ready": True}], "an answer to nothing")
        for frame in (b'{"messages":[-1]}\n', b'{"messages":["x"]}\n', b'{"messages":[1e9]}\n',
                      b'{"messages":[999999999999]}\n', b'{"records":-1}\n', b'{"records":null}\n',
                      b'{"records":99999999999}\n', b'{"nothing":1}\n', b"{}\n",
                      b'{"messages":[%s]}\n' % b",".join([b"0"] * 1001),
                      b'{"messages":[],"place":{"name":1}}\n'):
            answers = talk(daemon, frame)
            if len(answers) != 2 or "error" not in answers[1]:
                raise lib.Failure(f"{frame[:60]!r} was answered with {answers!r}")
        for frame in (b"garbage\n", b"[]\n", b'{"messages":[5]}\nabc', b'{"records":5}\n',
                      b"{" * 2000000):
            answers = talk(daemon, frame)
            if [answer for answer in answers[1:] if "error" not in answer]:
                raise lib.Failure(f"{frame[:60]!r} was answered with {answers!r}")
        lib.expect(written(folder), [], "records")
        answers = talk(daemon, good, good)
        lib.expect([answer["tally"]["accepted"] for answer in answers[1:]], [1, 0], "accepted")
        lib.expect(answers[2]["tally"]["duplicate"], 1, "duplicates")
        place = b'{"records":0,"file":"x","line":1,"place":{"name":"n","text":"\\u00e9 1"}}\n'
        answers = talk(daemon, place, b'{"place":"n"}\n', b'{"place":"m"}\n')
        lib.expect(answers[2:], [{"text": "\u00e9 1"}, {"text": None}], "places")


def is_for_the_owner_alone(folder):
    """Root reads what is root's, and what it makes in the spool is the owner's."""
    if os.getuid() != 0:
        raise lib.Skip("only root can be somebody else")
    nobody = pwd.getpwnam("nobody")
    daemon = lib.Daemon(folder, settings(folder), start=False)
    spool = os.path.join(folder, "spool")
    os.mkdir(spool, 0o700)
    os.chown(spool, nobody.pw_uid, nobody.pw_gid)
    path = write_mbox(folder, range(3))
    os.chmod(path, 0o600)
    ingest(daemon, path)
    owners = {os.stat(os.path.join(spool, name)).st_uid for name in os.listdir(spool)}
    lib.expect(owners, {nobody.pw_uid}, "owners of the files in the spool")
    os.chown(spool, 0, 0)
    os.chmod(daemon.configuration, 0o644)
    done = subprocess.run(command(daemon, lib.EXAMPLES), user="nobody", group=nobody.pw_gid,
                          extra_groups=[], capture_output=True, text=True, timeout=lib.PATIENCE,
                          check=False)
    lib.expect(done.returncode, 1, f"status for somebody else, which heard {done.stderr}")
    if "ermission denied" not in done.stderr:
        raise lib.Failure(f"somebody else hears: {done.stderr!r}")


lib.run(brings_all_to_the_daemon, leaves_work_for_the_daemon, records_survive_a_killed_command,
        mail_survives_a_killed_daemon, an_interrupt_ends_it_in_order, waits_for_room,
        takes_nothing_behind_what_failed, odd_frames_are_refused, is_for_the_owner_alone)
