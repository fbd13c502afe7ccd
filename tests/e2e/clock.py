#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A wall clock that is set while the daemon runs, for a while or for good: nothing is lost or late."""
import glob
import os
import subprocess

import lib

DAY = 86400


def clock(folder):
    """What runs a program by a clock of its own, and what sets that, by so many seconds."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not libraries:
        raise lib.Skip("faketime is not installed")
    linked = subprocess.run(["ldd", lib.PROGRAM], capture_output=True, text=True, check=True).stdout
    with open(lib.PROGRAM, "rb") as program:
        sanitized = b"__asan_init" in program.read()
    if sanitized or "libasan" in linked:
        raise lib.Skip("a sanitizer has to be the first library")
    path = os.path.join(folder, "offset")

    def set_clock(seconds):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(f"{seconds:+d}\n")
        os.replace(path + ".new", path)
    set_clock(0)
    return ["env", "LD_PRELOAD=" + libraries[0], "FAKETIME_TIMESTAMP_FILE=" + path,
            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"], set_clock


def set_for_a_while(folder, seconds):
    """Notices wait on, are tried on, do not die of old age, and nothing is made twice."""
    wrapper, set_clock = clock(folder)
    port = lib.free_port()
    with lib.Daemon(folder, {"relay.default.hosts": [f"127.0.0.1:{port}"], "relay.default.max_age": "1 day",
                             "dedup.keep": "1 day"},
                    wrapper=wrapper) as daemon:
        lib.expect(daemon.post([lib.element(number) for number in range(3)])[1]["accepted"], 3, "before")
        set_clock(seconds)
        lib.expect(daemon.post([lib.element(7)])[1]["accepted"], 1, "meanwhile")
        failed = daemon.metrics()["dsnarf_relay_host_faults_total"]
        lib.wait_until(lambda: daemon.metrics()["dsnarf_relay_host_faults_total"] >= failed + 2,
                       "the host is tried on")
        lib.expect(daemon.metrics()["dsnarf_spool_dead"], 0, "notices that died")
        if daemon.metrics()["dsnarf_spool_oldest_seconds"] > 3600:
            raise lib.Failure("what waits looks as old as the clock is wrong")
        lib.expect(daemon.post([lib.element(1)])[1]["duplicate"], 1, "what is known")
        set_clock(0)
        lib.expect(daemon.post([lib.element(1)])[1]["duplicate"], 1, "what is known afterwards")
        with lib.Sink(port=port) as sink:
            lib.wait_until(lambda: len(sink.mails) == 4, "all notices arrive")


def a_year_ahead(folder):
    set_for_a_while(folder, 365 * DAY)


def a_day_behind(folder):
    set_for_a_while(folder, -DAY)


def right_after_a_start(folder):
    """What was to be tried by a clock that was a year ahead does not wait for a year."""
    wrapper, set_clock = clock(folder)
    port = lib.free_port()
    set_clock(365 * DAY)
    daemon = lib.Daemon(folder, {"relay.default.hosts": [f"127.0.0.1:{port}"]}, wrapper=wrapper)
    with daemon:
        ahead = lib.STARTED + 365 * DAY
        daemon.post([lib.element(1, timestamp=ahead, event_time=lib.stamp(ahead))])
        lib.wait_until(lambda: daemon.logged("paused"), "the host fails")
    set_clock(0)
    with lib.Sink(port=port) as sink:
        daemon.start()
        with daemon:
            lib.wait_until(lambda: len(sink.mails) == 1, "the notice arrives")


lib.run(a_year_ahead, a_day_behind, right_after_a_start)
