#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The life of the daemon: start, readiness, reload, stop, and its queue."""
import contextlib
import json
import os
import pwd
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import lib


class Notified:
    """A daemon whose messages to the service manager are kept."""

    def __init__(self, daemon):
        self.daemon = daemon
        daemon.launch()
        self.messages = []

    def wait_for(self, line):
        """Returns the first message with this line that has not been waited for."""
        self.daemon.notify.settimeout(0.2)
        deadline = time.monotonic() + lib.PATIENCE
        while time.monotonic() < deadline:
            try:
                message = self.daemon.notify.recv(4096).decode().split("\n")
            except socket.timeout:
                continue
            self.messages.append(message)
            if line in message:
                return message
        raise lib.Failure(f"no {line} came, but {self.messages}")


def logs(daemon, pattern):
    return lib.wait_until(lambda: daemon.logged(pattern), f"the log has {pattern}")


def gauge(daemon, name):
    return daemon.metrics()["dsnarf_" + name]


def entries(daemon, *arguments):
    status, out, _ = daemon.queue("list", "--json", *arguments)
    lib.expect(status, 0, "status of queue list")
    return [json.loads(line) for line in out.splitlines()]


def tells_the_service_manager(folder):
    daemon = lib.Daemon(folder, start=False)
    notified = Notified(daemon)
    lib.expect(notified.wait_for("READY=1"), ["READY=1", "STATUS=ready", ""], "first message")
    lib.expect(daemon.request("GET", "/readyz")[0], 200, "status of /readyz")
    before = time.monotonic() * 1e6
    daemon.reload()
    message = notified.wait_for("RELOADING=1")
    when = [int(line[15:]) for line in message if line.startswith("MONOTONIC_USEC=")]
    lib.expect(len(when) == 1 and before <= when[0] <= time.monotonic() * 1e6, True, str(message))
    notified.wait_for("READY=1")
    child = daemon.child
    daemon.stop()
    notified.wait_for("STOPPING=1")
    daemon.notify.close()
    lib.expect(child.returncode, 0, "exit status")
    lines = [line.split(": ", 1)[1] for line in daemon.log().splitlines()]
    lib.expect(lines[0], f"dsnarf {version()} starts with {daemon.configuration}", "first line")
    lib.expect(lines[-2:], ["stopping", "stopped"], "last lines")
    lib.expect("ready" in lines, True, "a line says ready")


def version():
    out = subprocess.run([lib.PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return out.stdout.split()[1]


def stops_on_an_interrupt(folder):
    daemon = lib.Daemon(folder)
    child, daemon.child = daemon.child, None
    child.send_signal(signal.SIGINT)
    lib.expect(child.wait(lib.PATIENCE), 0, "exit status")


def keeps_what_it_has_to_itself(folder):
    with lib.Daemon(folder) as daemon:
        daemon.post([lib.element(1)])
        spool = os.path.join(folder, "spool")
        for place, folders, names in os.walk(spool):
            for name in folders + names:
                mode = stat.S_IMODE(os.lstat(os.path.join(place, name)).st_mode)
                lib.expect(mode & 0o077, 0, f"rights of others in {name}")
        lib.expect(stat.S_IMODE(os.stat(spool).st_mode), 0o700, "mode of the spool")
        lib.expect(stat.S_IMODE(os.stat(os.path.join(spool, "control")).st_mode), 0o600,
                   "mode of the control socket")


def a_reload_takes_effect(folder):
    with lib.Daemon(folder) as daemon:
        lib.expect(daemon.post([lib.element(1)])[0], 200, "status without a token")
        for number, reload in enumerate([signal.SIGUSR1, signal.SIGHUP]):
            token = f"geheim{number}"
            daemon.configure(http__token=token)
            daemon.child.send_signal(reload)
            bearer = {"Authorization": "Bearer " + token}
            lib.wait_until(lambda count=number + 1: len(daemon.logged("is in force$")) == count,
                           "the reload is done")
            lib.expect(daemon.post([], bearer)[0], 200, "status with the new token")
            lib.expect(daemon.post([])[0], 401, "status without a token")
        lib.expect("geheim" in daemon.log(), False, "the token is in the log")


def a_bad_reload_changes_nothing(folder):
    with lib.Daemon(folder, {"http.token": "t"}) as daemon:
        bearer = {"Authorization": "Bearer t"}
        read_at = gauge(daemon, "config_time_seconds")
        for settings, complaint in [
                ({"http.token": "u", "limits.depth": 0}, "limits.depth: expected a whole number"),
                ({"http.token": None}, "http.token: is missing"),
                ({"http.token": "u", "notice.templates": "/none"}, "notice.templates: /none: No such")]:
            old = dict(daemon.settings)
            daemon.settings.update(settings)
            daemon.settings = {k: v for k, v in daemon.settings.items() if v is not None}
            daemon.configure()
            daemon.reload()
            logs(daemon, rf"error: reload: {daemon.configuration}:\d+: {complaint}")
            logs(daemon, "warning: reload: the configuration is as it was")
            lib.wait_until(lambda: gauge(daemon, "config_reload_ok") == 0, "the metric says so")
            lib.expect(daemon.post([], bearer)[0], 200, "status with the old token")
            daemon.settings = old
        with open(daemon.configuration, "w", encoding="utf-8") as file:
            file.write("hostname = [\n")
        daemon.reload()
        logs(daemon, rf"error: reload: {daemon.configuration}:1:")
        os.unlink(daemon.configuration)
        daemon.reload()
        logs(daemon, f"error: reload: {daemon.configuration}: No such file or directory")
        lib.expect(gauge(daemon, "config_time_seconds"), read_at, "when it was read")
        daemon.configure()
        daemon.reload()
        lib.wait_until(lambda: gauge(daemon, "config_reload_ok") == 1, "the metric is well again")


def what_needs_a_restart_is_named(folder):
    with lib.Daemon(folder) as daemon:
        port = daemon.port
        daemon.configure(http__listen=f"0.0.0.0:{lib.free_port()}", http__token="t",
                         spool__large="1MiB", log__level="info")
        daemon.reload()
        logs(daemon, "warning: reload: changes to these options need a restart: "
                     "spool.large, http.listen$")
        lib.expect(daemon.port, port)
        lib.expect(daemon.post([], {"Authorization": "Bearer t"})[0], 200, "status at the old port")
        # A unix socket would need no token, but it still listens at the old port.
        del daemon.settings["http.token"]
        daemon.configure(http__listen=f"unix:{folder}/http")
        daemon.reload()
        logs(daemon, r"error: reload: .*dsnarf\.toml:\d+: http.token: is missing")
        lib.expect(daemon.post([])[0], 401, "status without a token")


def maildirs_come_and_go(folder):
    first, second = (os.path.join(folder, name) for name in ("first", "second"))
    for path in (first, second):
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(path, name))
    output = os.path.join(folder, "reports.json")

    def deliver(path, number):
        with open(os.path.join(path, "tmp", str(number)), "wb") as file:
            file.write(lib.feedback(number))
        os.rename(os.path.join(path, "tmp", str(number)), os.path.join(path, "new", str(number)))

    def recorded(count):
        lib.wait_until(lambda: len(lib.json_lines(output)) == count, f"{count} records")

    settings = {"file.out.path": output, "maildir.a.path": first}
    with lib.Daemon(folder, settings) as daemon:
        logs(daemon, f"file out: writing {output}$")
        logs(daemon, f"maildir a: watching {first}$")
        deliver(first, 1)
        recorded(1)
        daemon.configure(maildir__b__path=second)
        daemon.reload()
        logs(daemon, f"maildir b: watching {second}$")
        deliver(second, 2)
        recorded(2)
        # Where it is no more watched, mail stays; another file takes what comes from now on.
        del daemon.settings["maildir.a.path"]
        output = os.path.join(folder, "others.json")
        daemon.configure(file__out__path=output)
        daemon.reload()
        logs(daemon, f"file out: writing {output}$")
        deliver(first, 3)
        deliver(second, 4)
        recorded(1)
        lib.expect(os.listdir(os.path.join(first, "new")), ["3"], "mail in the first Maildir")
        # What is read at the next start.
        daemon.configure(maildir__c__path=first, maildir__d__path=os.path.join(folder, "none"))
        daemon.reload()
        recorded(2)
        logs(daemon, "error: reload: maildir d: .*No such file or directory: it is left out$")
        lib.expect(daemon.request("GET", "/readyz")[0], 200, "status of /readyz")


def refuses_to_start(folder):
    """Each says why, ends with 1, and leaves nothing behind that listens."""
    with lib.Daemon(folder) as daemon:
        second = lib.Daemon(folder, start=False)
        second.log_file = os.path.join(folder, "second")
        second.launch()
        lib.expect(second.child.wait(lib.PATIENCE), 1, "exit status on the same spool")
        lib.expect(len(second.logged(f"start: .*in use by process {daemon.child.pid}$")), 1,
                   "lines that say so")
        lib.expect(daemon.post([lib.element(1)])[0], 200, "status at the first")
        taken = daemon.port

        other = os.path.join(folder, "other")
        os.mkdir(other)
        third = lib.Daemon(other, {"http.listen": f"127.0.0.1:{taken}",
                                   "lmtp.listen": f"unix:{other}/lmtp",
                                   "lmtp.reports": ["fbl@example.com"],
                                   "file.out.path": f"{other}/out"}, start=False)
        third.launch()
        lib.expect(third.child.wait(lib.PATIENCE), 1, "exit status at the same port")
        lib.expect(len(third.logged(f"error: start: 127.0.0.1:{taken}: Address already in use$")), 1,
                   "lines that say so")
        for name in ("lmtp", "spool/control"):
            lib.expect(os.path.exists(os.path.join(other, name)), False, name + " is there")


def refuses_a_newer_spool(folder):
    daemon = lib.Daemon(folder)
    daemon.post([lib.element(1)])
    daemon.stop()
    path = os.path.join(folder, "spool", "spool.db")

    def content():
        with contextlib.closing(sqlite3.connect(path)) as database:
            return database.execute("PRAGMA user_version").fetchone(), list(database.iterdump())

    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 9999")
        database.commit()
    before = content()
    daemon.launch()
    lib.expect(daemon.child.wait(lib.PATIENCE), 1, "exit status")
    daemon.child = None
    lib.expect(len(daemon.logged("error: start: .*newer")), 1, "lines that say so")
    status, _, complaint = daemon.queue("list")
    lib.expect((status, "newer" in complaint), (1, True), complaint)
    lib.expect(content() == before, True, "the database is as it was")


def a_wrong_configuration_ends_with_2(folder):
    daemon = lib.Daemon(folder, {"http.token": None}, start=False)
    daemon.launch()
    lib.expect(daemon.child.wait(lib.PATIENCE), 2, "exit status")
    lib.expect(daemon.log().startswith(f"dsnarf: {daemon.configuration}:"), True, daemon.log())
    lib.expect(os.path.exists(os.path.join(folder, "spool")), False, "a spool was made")


def nothing_in_flight_is_lost(folder):
    """Whatever was acknowledged when the daemon stops is there when it runs again."""
    daemon = lib.Daemon(folder)
    acknowledged, stopped = set(), threading.Event()

    def post(first):
        number = first
        while not stopped.is_set():
            batch = [lib.element(number + i) for i in range(5)]
            try:
                status, _ = daemon.post(batch)
            except (OSError, lib.http.client.HTTPException):
                continue
            if status == 200:
                acknowledged.update(range(number, number + 5))
            number += 5

    threads = [threading.Thread(target=post, args=(first * 100000,)) for first in range(1, 5)]
    for thread in threads:
        thread.start()
    lib.wait_until(lambda: len(acknowledged) > 100, "a hundred records are taken")
    daemon.stop()
    stopped.set()
    for thread in threads:
        thread.join()
    kept = {entry["record_id"] for entry in entries(daemon)}
    lost = {number for number in acknowledged if f"{number:032x}" not in kept}
    lib.expect(lost, set(), "records that were acknowledged and are not there")
    daemon.start()
    lib.expect({entry["record_id"] for entry in entries(daemon)}, kept, "records")
    daemon.stop()


def a_second_signal_ends_it_at_once(folder):
    daemon = lib.Daemon(folder)
    half = socket.create_connection(("127.0.0.1", daemon.port))
    # It gets some seconds to be completed, during which the daemon waits.
    half.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    lib.expect(daemon.request("GET", "/healthz")[0], 200, "status of /healthz")
    child, daemon.child = daemon.child, None
    child.terminate()
    logs(daemon, ": stopping$")
    child.terminate()
    lib.expect(child.wait(lib.PATIENCE), -signal.SIGTERM, "how it ended")
    half.close()
    daemon.start()
    lib.expect(daemon.post([lib.element(1)])[0], 200, "status after the next start")
    daemon.stop()


def libmilter_takes_no_signals(folder):
    """It waits for SIGHUP and SIGTERM in a thread of its own, and would end the milter."""
    port = lib.free_port()
    settings = {"milter.listen": f"inet:{port}@127.0.0.1", "milter.reports": ["fbl@example.com"],
                "file.out.path": os.path.join(folder, "out")}
    with lib.Daemon(folder, settings) as daemon:
        logs(daemon, f"milter: listening at inet:{port}@127.0.0.1$")
        for count in range(1, 6):
            daemon.child.send_signal(signal.SIGHUP)
            lib.wait_until(lambda count=count: len(daemon.logged("is in force$")) == count,
                           "the reload is done")
        socket.create_connection(("127.0.0.1", port)).close()
    lib.expect(daemon.logged("libmilter"), [], "what libmilter says")


def warns_of_idleness(folder):
    with lib.Daemon(folder, {"http.listen": None}) as daemon:
        logs(daemon, "warning: nothing is taken in: ")


# ---- the queue ----

def fill(daemon):
    """Two notices that wait and an element that was rejected: entries 1 to 3. Returns the first."""
    first = lib.element(1)
    status, answer = daemon.post([first, lib.element(2), {"type": "Bounce"}])
    lib.expect((status, answer["accepted"], len(answer["rejected"])), (200, 2, 1), "tally")
    return first


def check_queue(daemon, running):
    """What "dsnarf queue" does is the same, whether the daemon runs or not."""
    found = entries(daemon)
    lib.expect([(e["entry"], e["kind"], e["state"], e["recipient"]) for e in found],
               [(1, "notice", "waiting", "news+1@shop.example"),
                (2, "notice", "waiting", "news+2@shop.example"),
                (3, "rejected", "dead", None)], "entries")
    lib.expect([e["entry"] for e in entries(daemon, "--dead")], [3], "dead ones")
    lib.expect([e["entry"] for e in entries(daemon, "--waiting")], [1, 2], "waiting ones")
    lib.expect([e["entry"] for e in entries(daemon, "--recipient", "news+2@shop.example")], [2],
               "those to an address")

    status, out, err = daemon.queue("list")
    lib.expect((status, err), (0, ""), "queue list")
    lines = out.splitlines()
    lib.expect(lines[0].split()[:2] + lines[0].split()[-1:],
               ["1", "waiting", "news+1@shop.example"], "first line")
    lib.expect(lines[-1], "-- 3 entries", "last line")

    status, out, err = daemon.queue("show", "2")
    lib.expect((status, err), (0, ""), "queue show")
    lib.expect("recipient: news+2@shop.example\n" in out and "\nSubject: " in out, True, out)
    status, out, err = daemon.queue("show", "--content", "2")
    lib.expect((status, err, out.startswith("Date: ")), (0, "", True), "content")
    lib.expect(len(out) + out.count("\n"), found[1]["size"], "size of the content with CRs")
    lib.expect(daemon.queue("show", "--content", "3")[1], '{"type": "Bounce"}', "what was rejected")
    lib.expect(daemon.queue("show", "9"), (1, "", "dsnarf: queue: there is no entry 9\n"), "show 9")

    status, out, err = daemon.queue("retry", "1", "3", "9")
    lib.expect((status, out), (1, "1 entry retried\n"), "retry")
    lib.expect("entry 9 does not exist" in err and "entry 3 stays as it is" in err, True, err)
    lib.expect("the daemon takes it up again when it runs" in err, not running, err)

    status, out, err = daemon.queue("status", "--json")
    state = json.loads(out)
    lib.expect((status, state["waiting"], state["dead"]), (0, 2, 1), "status")
    lib.expect(state.get("pid"), daemon.child.pid if running else None, "process")
    out = daemon.queue("status")[1]
    lib.expect(out.startswith("daemon: ready" if running else "daemon: does not run"), True, out)


def empty_queue(daemon):
    lib.expect(daemon.queue("purge", "--older-than", "1h"), (0, "0 entries purged\n", ""), "purge")
    lib.expect(daemon.queue("purge"), (0, "1 entry purged\n", ""), "purge")
    # What is being sent right now stays: the relay tries again since the retry.
    lib.wait_until(lambda: daemon.queue("drop", "--recipient", "news+1@shop.example") ==
                   (0, "1 entry dropped\n", ""), "the first is dropped")
    lib.wait_until(lambda: daemon.queue("drop", "1", "2") ==
                   (1, "1 entry dropped\n", "dsnarf: queue: entry 1 does not exist\n"),
                   "the second is dropped")
    lib.expect(daemon.queue("list"), (0, "The queue is empty.\n", ""), "list")


def the_queue_while_the_daemon_runs(folder):
    with lib.Daemon(folder) as daemon:
        first = fill(daemon)
        check_queue(daemon, True)
        empty_queue(daemon)
        lib.expect(daemon.post([first])[1]["duplicate"], 1, "known after the drop")


def the_queue_while_it_does_not(folder):
    daemon = lib.Daemon(folder)
    first = fill(daemon)
    daemon.stop()
    check_queue(daemon, False)
    empty_queue(daemon)
    daemon.start()
    lib.expect(daemon.post([first])[1]["duplicate"], 1, "known after the drop")
    daemon.stop()


def a_retry_wakes_the_relay(folder):
    port = lib.free_port()
    settings = {"relay.default.hosts": [f"127.0.0.1:{port}"], "relay.default.retry_interval": "1h",
                "relay.default.max_retry_interval": "1h"}
    with lib.Daemon(folder, settings) as daemon:
        daemon.post([lib.element(1)])
        lib.wait_until(lambda: gauge(daemon, "relay_host_faults_total") > 0, "nobody is there")
        with lib.Sink(port=port) as sink:
            time.sleep(0.2)
            lib.expect(sink.connections, 0, "connections while the host is left alone")
            lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
            lib.wait_until(lambda: len(sink.mails) == 1, "the notice arrives")
        lib.wait_until(lambda: entries(daemon) == [], "the queue is empty")


def dead_letters_live_again(folder):
    def refuse(stage, _argument, _mail):
        return b"550 5.1.1 No \x1b[2Jsuch user\r\n" if stage == "RCPT" and refusing else None

    refusing = True
    with lib.Sink(refuse) as sink, lib.Daemon(
            folder, {"relay.default.hosts": [sink.address]}) as daemon:
        daemon.post([lib.element(1), lib.element(2)])
        lib.wait_until(lambda: gauge(daemon, "spool_dead") == 2, "both are dead")
        dead = entries(daemon, "--dead")
        lib.expect([entry["attempts"] for entry in dead], [1, 1], "attempts")
        lib.expect("550 5.1.1 No " in dead[0]["reason"], True, dead[0]["reason"])
        out = daemon.queue("list")[1]
        lib.expect(("550 5.1.1 No " in out, "\x1b" in out), (True, False), out)
        lib.expect(daemon.queue("purge", "--older-than", "1 hour")[1], "0 entries purged\n")
        refusing = False
        lib.expect(daemon.queue("retry", "1"), (0, "1 entry retried\n", ""), "retry")
        lib.wait_until(lambda: len(sink.mails) == 1, "the first arrives")
        lib.expect(daemon.queue("retry", "--all", "--dead"), (0, "1 entry retried\n", ""), "retry")
        lib.wait_until(lambda: len(sink.mails) == 2, "the second arrives")


def a_reload_changes_the_relay(folder):
    with lib.Sink() as first, lib.Sink() as second, lib.Daemon(
            folder, {"relay.default.hosts": [first.address]}) as daemon:
        daemon.post([lib.element(1)])
        lib.wait_until(lambda: len(first.mails) == 1, "the notice arrives at the first")
        daemon.configure(relay__default__hosts=[second.address], relay__default__connections=7)
        daemon.reload()
        logs(daemon, "need a restart: relay.default.connections$")
        logs(daemon, "reload: .* is in force")
        daemon.post([lib.element(2)])
        lib.wait_until(lambda: len(second.mails) == 1, "the next arrives at the second")


def a_rejected_element_is_taken_up_again(folder):
    with lib.Daemon(folder, {"limits.record": "1KiB"}) as daemon:
        status, answer = daemon.post([lib.element(1)])
        lib.expect((status, len(answer["rejected"])), (200, 1), "rejected elements")
        daemon.configure(limits__record="1MiB")
        daemon.reload()
        logs(daemon, "reload: .* is in force")
        lib.expect(daemon.queue("retry", "--all", "--dead"), (0, "1 entry retried\n", ""), "retry")
        lib.expect([(e["kind"], e["record_id"]) for e in entries(daemon)],
                   [("notice", f"{1:032x}")], "entries")


def texts_from_outside_are_shown_clean(folder):
    with lib.Daemon(folder) as daemon:
        daemon.post([{"type\x1b[2J\n": "\x1b]0;x\x07"}])
        for arguments in (["list"], ["show", "1"]):
            out = daemon.queue(*arguments)[1]
            lib.expect("\x1b" in out or "\x07" in out, False, f"controls in {out!r}")


def others_may_not_look(folder):
    if os.geteuid() != 0:
        raise lib.Skip("another user needs root")
    nobody = pwd.getpwnam("nobody")
    spool = os.path.join(folder, "spool")

    def ask():
        return subprocess.run([lib.PROGRAM, "queue", "list", "--spool", spool], user=nobody.pw_uid,
                              group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True,
                              check=False, cwd="/")

    with lib.Daemon(folder):
        try:
            done = ask()
        except PermissionError as error:
            raise lib.Skip("another user cannot run the program") from error
        lib.expect((done.returncode, done.stdout), (1, ""), "queue list")
        lib.expect("permission denied: only root and the daemon's user" in done.stderr, True,
                   done.stderr)
    lib.expect("permission denied" in ask().stderr, True, "without the daemon")


def root_leaves_the_spool_to_its_owner(folder):
    if os.geteuid() != 0:
        raise lib.Skip("another user needs root")
    nobody = pwd.getpwnam("nobody")
    daemon = lib.Daemon(folder)
    fill(daemon)
    daemon.stop()
    spool = os.path.join(folder, "spool")
    for place, folders, names in os.walk(spool):
        for name in [""] + folders + names:
            os.chown(os.path.join(place, name), nobody.pw_uid, nobody.pw_gid)
    # In a build that measures coverage, standard error complains of files that are root's.
    lib.expect(daemon.queue("drop", "1")[:2], (0, "1 entry dropped\n"), "drop")
    for place, folders, names in os.walk(spool):
        for name in folders + names:
            lib.expect(os.stat(os.path.join(place, name)).st_uid, nobody.pw_uid, f"owner of {name}")


lib.run(tells_the_service_manager, stops_on_an_interrupt, keeps_what_it_has_to_itself,
        a_reload_takes_effect, a_bad_reload_changes_nothing, what_needs_a_restart_is_named,
        maildirs_come_and_go, refuses_to_start, refuses_a_newer_spool,
        a_wrong_configuration_ends_with_2, nothing_in_flight_is_lost,
        a_second_signal_ends_it_at_once, libmilter_takes_no_signals, warns_of_idleness,
        the_queue_while_the_daemon_runs, the_queue_while_it_does_not, a_retry_wakes_the_relay, dead_letters_live_again,
        a_reload_changes_the_relay, a_rejected_element_is_taken_up_again,
        texts_from_outside_are_shown_clean, others_may_not_look,
        root_leaves_the_spool_to_its_owner)
