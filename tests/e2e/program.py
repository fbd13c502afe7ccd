#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records to programs that answer them, in order and out of order."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess

import lib

# What all programs here begin with: got() keeps what it was given in a file, one line a record.
HEAD = """#!/usr/bin/python3 -uS
import json, os, signal, sys, time
FOLDER = {folder!r}
def keep(name, line):
    with open(os.path.join(FOLDER, name), "a") as file:
        file.write(line.rstrip("\\n") + "\\n")
def seen(name):
    try:
        with open(os.path.join(FOLDER, name)) as file:
            return file.read().split("\\n")[:-1]
    except FileNotFoundError:
        return []
def number(line):
    return int(json.loads(line)["id"], 16)
keep("started", str(os.getpid()))
"""

GOOD = """
for line in sys.stdin:
    keep("got", str(number(line)))
    print("OK kept")
"""


def program(folder, text):
    path = os.path.join(folder, "sink")
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD.format(folder=folder) + text)
    os.chmod(path, 0o755)
    return path


def settings(folder, text, **changes):
    values = {"notice.enable": [], "program.sink.command": [program(folder, text)],
              "program.sink.restart_delay": "50ms", "program.sink.max_restart_delay": "200ms",
              "program.sink.retry_interval": "100ms", "program.sink.max_retry_interval": "200ms"}
    values.update({"program.sink." + key.replace("__", "."): value
                   for key, value in changes.items()})
    return values


def post(daemon, numbers, **changes):
    numbers = list(numbers)
    answer = daemon.post([lib.record(number, **changes) for number in numbers])[1]
    lib.expect(answer["accepted"], len(numbers), "accepted")


def lines(folder, name="got"):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def got(folder):
    return [int(line) for line in lines(folder)]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def idle(daemon):
    """The stream is read to its end, and nothing waits."""
    return daemon.metrics()["dsnarf_spool_records"] == 0 and not [
        entry for entry in daemon.waiting() if entry["state"] == "waiting"]


def in_order(folder):
    with lib.Daemon(folder, settings(folder, GOOD, window=20)) as daemon:
        post(daemon, range(1, 300))
        lib.wait_until(lambda: len(got(folder)) == 299, "all records")
        lib.wait_until(lambda: idle(daemon), "all of it kept")
        lib.expect(got(folder), list(range(1, 300)), "in order, each once")
        lib.expect(daemon.metrics()['dsnarf_program_records_total{result="ok"}'], 299, "counted")
        pid = int(lines(folder, "started")[-1])
    lib.expect(is_alive(pid), False, "alive after the stop")
    lib.expect(len(lines(folder, "started")), 1, "starts")
    lib.expect(len(daemon.logged(r"program sink: process \d+ ended with status 0; "
                                 "0 records are not answered")), 1, "its end in the log")


SHELL = """#!/bin/sh
while read -r line; do
    printf '%s\\n' "$line" >> {folder}/lines
    echo OK
done
"""


def a_shell_script(folder):
    """What a program gets: selected, masked, by type."""
    path = os.path.join(folder, "script")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SHELL.format(folder=folder))
    os.chmod(path, 0o755)
    changes = settings(folder, GOOD, command=[path], filter="type != 'Delivery'", mask=True,
                       headers=["Subject"], meta=[], per_record__Reception__template="{{ id }}",
                       per_record__AdminBounce__template="a\nb",
                       per_record__Expiration__enable=False)
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1], headers={"Subject": "a", "From": "b"}, meta={"secret": "s"})
        post(daemon, [2], type="Delivery")
        post(daemon, [3], type="Reception")
        post(daemon, [4], type="AdminBounce")
        lib.expect(daemon.post([lib.record(5, type="Expiration")])[1]["ignored"], 1, "ignored")
        post(daemon, [6])
        lib.wait_until(lambda: len(lines(folder, "lines")) == 3, "three records")
        first, second, third = lines(folder, "lines")
        lib.expect(json.loads(first)["recipient"], "xxxx@customer.example", "recipient")
        lib.expect(json.loads(first)["headers"], {"Subject": "a"}, "headers")
        lib.expect(json.loads(first).get("meta", {}), {}, "meta")
        lib.expect(second, f"{3:032x}", "a template")
        lib.expect(int(json.loads(third)["id"], 16), 6, "the last one")
        dead = lib.wait_until(daemon.waiting, "a dead letter")
        lib.expect([(entry["kind"], entry["state"], entry["outlet"], entry["record_type"],
                     entry["reason"]) for entry in dead],
                   [("record", "dead", "program:sink", "AdminBounce",
                     "its template makes more than one line of it")], "the dead letters")


ENVIRONMENT = """
for line in sys.stdin:
    keep("env", json.dumps([dict(os.environ), sorted(os.listdir("/proc/self/fd")), os.getcwd(),
                            os.getpgrp() == os.getpid(), sys.argv[1:],
                            open("/proc/self/status").read()]))
    print("OK")
"""


def what_it_inherits(folder):
    os.environ["SECRET"] = "of the daemon"
    changes = settings(folder, ENVIRONMENT)
    changes["program.sink.command"] += ["an argument", "--other"]
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1])
        text = lib.wait_until(lambda: lines(folder, "env"), "the answer")[0]
    environment, fds, where, leader, arguments, status = json.loads(text)
    environment.pop("LC_CTYPE", None)  # Python's own
    lib.expect(sorted(environment), ["DSNARF_PROGRAM", "LANG", "PATH"], "environment")
    lib.expect(environment["DSNARF_PROGRAM"], "sink", "its name")
    lib.expect([fd for fd in fds if int(fd) > 3], [], "descriptors")  # 3 is that of the listing
    lib.expect((where, leader, arguments), ("/", True, ["an argument", "--other"]), "the rest")
    masks = dict(re.findall(r"^(Sig(?:Blk|Ign)):\s*(\w+)$", status, re.M))
    lib.expect(int(masks["SigBlk"], 16), 0, "blocked signals")
    ignored = {number + 1 for number in range(64) if int(masks["SigIgn"], 16) >> number & 1}
    # Python itself ignores two, and glibc's posix_spawn() those that are its own
    lib.expect(ignored - {signal.SIGPIPE, signal.SIGXFSZ, 32, 33}, set(), "ignored signals")


PUTS_OFF = """
for line in sys.stdin:
    n = number(line)
    keep("got", str(n))
    if n % 3 == 0:
        print("550 5.7.1 never")
    elif n % 3 == 1 and seen("got").count(str(n)) < 3:
        print("451 4.3.0 not now")
    else:
        print("OK")
"""


def later_and_never(folder):
    with lib.Daemon(folder, settings(folder, PUTS_OFF, window=4)) as daemon:
        post(daemon, range(1, 31))
        lib.wait_until(lambda: len(got(folder)) >= 50 and idle(daemon), "the end of it")
        lib.expect({n: got(folder).count(n) for n in range(1, 31)},
                   {n: 3 if n % 3 == 1 else 1 for n in range(1, 31)}, "how often each came")
        dead = daemon.waiting()
        lib.expect(sorted(int(entry["record_id"], 16) for entry in dead),
                   list(range(3, 31, 3)), "dead letters")
        lib.expect({entry["reason"] for entry in dead}, {"550 5.7.1 never"}, "reasons")
        metrics = daemon.metrics()
        lib.expect([metrics['dsnarf_program_records_total{result="%s"}' % result]
                    for result in ("ok", "put-off", "dead")], [20, 20, 10], "counted")
        status, out, err = daemon.queue("list")
        lib.expect((status, err), (0, ""), "list")
        lib.expect("Bounce %032x  (outlet program:sink)" % 3 in out, True, out)
        # an administrator has them tried again, and the program has become better
        program(folder, GOOD)
        os.kill(int(lines(folder, "started")[-1]), signal.SIGKILL)
        lib.wait_until(lambda: len(lines(folder, "started")) == 2, "the new program")
        lib.expect(daemon.queue("retry", "--all")[1], "10 entries retried\n", "retry")
        lib.wait_until(lambda: not daemon.waiting(), "an empty queue")
    lib.expect(got(folder)[50:], list(range(3, 31, 3)), "what came then")


NEVER_READY = """
for line in sys.stdin:
    keep("got", str(number(line)))
    print("OK" if os.path.exists(os.path.join(FOLDER, "ready")) else "450 the database is away")
"""


def all_is_put_off(folder):
    """Not every record is tried in vain, and those that are get through once it is over."""
    with lib.Daemon(folder, settings(folder, NEVER_READY, retry_interval="2s",
                                     max_retry_interval="2s")) as daemon:
        post(daemon, range(1, 501))
        lib.wait_until(lambda: daemon.logged("has put off 20 records in a row"), "the complaint")
        lib.expect(daemon.metrics()["dsnarf_spool_records"] > 300, True, "they wait in the spool")
        lib.expect(len(set(got(folder))) < 200, True, "tried")
        with open(os.path.join(folder, "ready"), "w", encoding="utf-8"):
            pass
        lib.wait_until(lambda: idle(daemon), "all records")
        lib.expect(daemon.logged("program sink: takes records again") != [], True, "the end of it")
        lib.expect(daemon.waiting(), [], "dead letters")
    lib.expect(set(got(folder)), set(range(1, 501)), "all of them")


TOO_OLD = """
for line in sys.stdin:
    print("450 no")
"""


def too_old(folder):
    with lib.Daemon(folder, settings(folder, TOO_OLD, max_age="3s")) as daemon:
        post(daemon, [1])
        lib.wait_until(lambda: [entry["state"] for entry in daemon.waiting()] == ["dead"],
                       "a dead letter")
        lib.expect(daemon.waiting()[0]["attempts"] > 1, True, "attempts")


# What a program does with record 5, each time it gets it.
POISONS = {
    "crashes": "os.kill(os.getpid(), signal.SIGSEGV)",
    "exits": "sys.exit(3)",
    "ignores SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
    "stalls": "time.sleep(1000)",
    "garbage": "print('what?')",
    "a code that is none": "print('2000 OK')",
    "too many answers": "os.write(1, b'OK\\nOK\\n'); time.sleep(1000)",
    "a long line": "print('OK ' + 100000 * 'x'); time.sleep(1000)",
    "half a line": "sys.stdout.write('O'); sys.stdout.flush(); sys.exit(0)",
    "closes its output": "os.close(1); time.sleep(1000)",
    "a child that stays": "os.fork() or time.sleep(1000); os._exit(1)",
}

STALL = ("ignores SIGTERM", "stalls")


def poison(folder, what, window):
    text = f"""
for line in sys.stdin:
    keep("got", str(number(line)))
    if number(line) == 5:
        {POISONS[what]}
    else:
        print("OK")
"""
    # that record has its answer; with another one behind it, that would have the second
    answered = what == "too many answers"
    # a machine that is busy may need this long for an answer
    changes = settings(folder, text, window=1 if what in STALL else window,
                       timeout="4s" if what in STALL else "1 minute")
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, range(1, 11))
        lib.wait_until(lambda: 10 in got(folder) and idle(daemon), f"the others: {what}")
        dead = daemon.waiting()
        lib.expect([int(entry["record_id"], 16) for entry in dead], [] if answered else [5], what)
        if not answered:
            lib.expect(dead[0]["reason"].endswith(" when it had this record, 3 times"), True,
                       dead[0]["reason"])
        lib.expect(set(got(folder)), set(range(1, 11)), "all of them came")
        pids = [int(pid) for pid in lines(folder, "started")]
    lib.expect([pid for pid in pids if is_alive(pid)], [], "alive")


def poisons(folder):
    def one(number, what):
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        poison(own, what, 1 if number % 2 == 0 or what == "too many answers" else 8)
    with concurrent.futures.ThreadPoolExecutor(len(POISONS)) as pool:  # most of them wait
        for done in [pool.submit(one, *each) for each in enumerate(POISONS)]:
            done.result()


DEAF = """
import itertools
os.close(0) if len(seen("started")) % 2 == 1 else None
for line in sys.stdin:
    keep("got", str(number(line)))
    print("OK")
"""


def deaf(folder):
    """A program that closes its standard input before it has read anything."""
    with lib.Daemon(folder, settings(folder, DEAF)) as daemon:
        post(daemon, range(1, 4))
        lib.wait_until(lambda: idle(daemon) and 3 in got(folder), "the records")
        lib.expect(daemon.waiting(), [], "dead letters")


FAILS_AT_ALL = """
if not os.path.exists(os.path.join(FOLDER, "ready")):
    sys.stdin.readline()
    sys.exit(1)
""" + GOOD


def fails_at_all(folder):
    """One record may be blamed for it, but not one after the other."""
    with lib.Daemon(folder, settings(folder, FAILS_AT_ALL)) as daemon:
        post(daemon, range(1, 31))
        lib.wait_until(lambda: len(lines(folder, "started")) > 10, "ten attempts")
        with open(os.path.join(folder, "ready"), "w", encoding="utf-8"):
            pass
        lib.wait_until(lambda: idle(daemon), "the others")
        dead = [int(entry["record_id"], 16) for entry in daemon.waiting()]
        lib.expect(dead, [1], "dead letters")
    lib.expect(set(got(folder)), set(range(2, 31)), "the others")


def not_there(folder):
    changes = settings(folder, GOOD)
    path = changes["program.sink.command"][0]
    os.rename(path, path + ".away")
    with lib.Daemon(folder, changes) as daemon:
        lib.wait_until(lambda: daemon.logged("program sink: .*/sink: cannot be started: "
                                             "No such file or directory; its records wait"),
                       "the complaint")
        post(daemon, range(1, 4))
        os.rename(path + ".away", path)
        lib.wait_until(lambda: idle(daemon), "the records")
        lib.expect(len(daemon.logged("cannot be started")), 1, "said once")
    lib.expect(got(folder), [1, 2, 3], "each once")


CHATTY = """
for line in sys.stdin:
    for n in range(2000):
        sys.stderr.write("line %d of a complaint \\x1b[31m\\n" % n)
    sys.stderr.write(100000 * "x" + "\\nhalf a line")
    print("OK")
"""


def chatty(folder):
    with lib.Daemon(folder, settings(folder, CHATTY)) as daemon:
        post(daemon, [1])
        lib.wait_until(lambda: idle(daemon), "the record")
    lib.expect(len(daemon.logged("stderr=")), 50, "lines in the log")
    lib.expect(len(daemon.logged(r"stderr=\"line 0 of a complaint .*\\x1b")), 1, "escaped")
    lib.expect(len(daemon.logged("program sink: 1952 more lines on standard error")), 1, "the rest")


def repeats_only_what_was_open(folder):
    """Kills of the daemon: nothing is lost, and the program's order is kept."""
    with lib.Daemon(folder, settings(folder, GOOD, window=10)) as daemon:
        number = 0
        for turn in range(6):
            post(daemon, range(number, number + 100))
            number += 100
            if turn % 2 == 0:
                lib.wait_until(lambda: number - 50 in got(folder), "some of it")
            daemon.kill9()
            daemon.start()
        lib.wait_until(lambda: idle(daemon) and len(set(got(folder))) == number, "all records")
        first = list(dict.fromkeys(got(folder)))
        lib.expect(first, list(range(number)), "in order")
    last = int(lines(folder, "started")[-1])
    lib.expect(is_alive(last), False, "alive at the end")


SLOW = """
for line in sys.stdin:
    time.sleep(0.1)
    keep("got", str(number(line)))
    print("OK")
keep("ended", "in order")
"""


def a_stop_lets_it_answer(folder):
    with lib.Daemon(folder, settings(folder, SLOW, window=4)) as daemon:
        post(daemon, range(1, 31))
        lib.wait_until(lambda: got(folder), "the first")
        daemon.stop()
        answered = got(folder)
        lib.expect(lines(folder, "ended"), ["in order"], "its end")
        lib.expect(len(answered) < 30, True, "not all of them")
        daemon.start()
        lib.wait_until(lambda: idle(daemon), "the others")
    lib.expect(got(folder), list(range(1, 31)), "each once")


STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    keep("grandchild", str(os.getpid()))
    time.sleep(1000)
for line in sys.stdin:
    keep("got", str(number(line)))
    time.sleep(1000)
"""


def a_stop_ends_all(folder):
    with lib.Daemon(folder, settings(folder, STUBBORN)) as daemon:
        post(daemon, [1])
        lib.wait_until(lambda: got(folder) and lines(folder, "grandchild"), "the record")
        daemon.stop()
    for pid in lines(folder, "started") + lines(folder, "grandchild"):
        lib.wait_until(lambda pid=pid: not is_alive(pid), "the end of all")
    lib.expect(len(daemon.logged(r"was ended by signal 9 \(Killed\); 1 record is not answered")), 1,
               "said")


def a_reload(folder):
    changes = settings(folder, GOOD)
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1])
        lib.wait_until(lambda: idle(daemon), "a record")
        daemon.settings["program.sink.command"] = [program(folder, PUTS_OFF)]
        daemon.settings["program.sink.max_retry_interval"] = "10 minutes"
        daemon.settings["program.sink.retry_interval"] = "10 minutes"
        daemon.configure()
        daemon.reload()
        lib.wait_until(lambda: len(lines(folder, "started")) == 2, "another program")
        post(daemon, [4])
        lib.wait_until(lambda: [entry["state"] for entry in daemon.waiting()] == ["waiting"],
                       "one is put off")
        for key in [key for key in daemon.settings if key.startswith("program.")]:
            del daemon.settings[key]
        daemon.configure()
        daemon.reload()
        lib.wait_until(lambda: [entry["state"] for entry in daemon.waiting()] == ["dead"],
                       "a dead letter")
        lib.expect(daemon.waiting()[0]["reason"],
                   "the outlet that it waited for is not configured any more", "why")
        status, _, err = daemon.queue("retry", "--all")
        lib.expect(status, 0, err)
        lib.expect([entry["state"] for entry in daemon.waiting()], ["dead"], "it stays")


def the_example(folder):
    """The program that comes with the manual."""
    database = os.path.join(folder, "records.db")
    sink = os.path.abspath(os.path.join(lib.EXAMPLES, "sqlite-sink"))
    with lib.Daemon(folder, settings(folder, GOOD, command=[sink, database],
                                     window=100)) as daemon:
        post(daemon, range(1, 51))
        lib.wait_until(lambda: idle(daemon), "the records")
        with contextlib.closing(sqlite3.connect(database, timeout=lib.PATIENCE)) as file:
            lib.expect([int(row[0], 16) for row in
                        file.execute("SELECT id FROM record ORDER BY rowid")],
                       list(range(1, 51)), "what is in it")
            file.execute("ALTER TABLE record RENAME TO gone")
            file.commit()
            post(daemon, [51])
            lib.wait_until(lambda: [entry["reason"] for entry in daemon.waiting()] ==
                           ["451 no such table: record"], "it is put off")
            file.execute("ALTER TABLE gone RENAME TO record")
            file.commit()
        lib.wait_until(lambda: idle(daemon), "the last record")


def wrong_settings(folder):
    for changes, words in (
            ({"command": []}, "program.sink.command: is missing"),
            ({"command": ["sink"]}, '"sink" is no absolute path'),
            ({"restart_delay": "1h"}, "max_restart_delay: is less than program.sink.restart_delay"),
            ({"retry_interval": "1h"}, "max_retry_interval: is less than program.sink.retry_int"),
            ({"per_record__Bonce__enable": True}, "is no type of record"),
            ({"filter": "type =="}, "program.sink: ")):
        daemon = lib.Daemon(folder, settings(folder, GOOD, **changes), start=False)
        done = subprocess.run([lib.PROGRAM, "config", "check", "-c", daemon.configuration],
                              capture_output=True, text=True, timeout=lib.PATIENCE, check=False)
        lib.expect((done.returncode, words in done.stderr), (2, True), done.stderr)


lib.run(in_order, a_shell_script, what_it_inherits, later_and_never, all_is_put_off, too_old,
        poisons, deaf, fails_at_all, not_there, chatty, repeats_only_what_was_open,
        a_stop_lets_it_answer, a_stop_ends_all, a_reload, the_example, wrong_settings)
