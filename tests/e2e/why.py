#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What dsnarf why tells of records that go to outlets."""
import json
import os
import subprocess

import lib

SINK = """#!/bin/sh
while read -r line; do
    case $line in
    *no-such-customer*) echo 550 no such customer ;;
    *) echo OK kept ;;
    esac
done
"""


def why(daemon, name):
    done = subprocess.run([lib.PROGRAM, "why", "--json", "-c", daemon.configuration, name],
                          capture_output=True, text=True, timeout=lib.PATIENCE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def outlets(story):
    """(outlet, event, what) of all that outlets have done, and those that wait."""
    return {(line["outlet"], line.get("event") or line["state"],
             line.get("reply") or os.path.basename(line.get("file", "")))
            for line in story if "outlet" in line and line.get("kind") != "record"}


def settings(folder, **changes):
    sink = os.path.join(folder, "sink")
    with open(sink, "w", encoding="utf-8") as file:
        file.write(SINK)
    os.chmod(sink, 0o755)
    return {"notice.enable": ["Bounce"], "relay.default.hosts": ["127.0.0.1:1"],
            "file.all.path": os.path.join(folder, "all.json"),
            "file.all.types": ["Bounce", "Delivery"],
            "segments.log.log_dir": os.path.join(folder, "logs"),
            "segments.log.filter": "type == 'Delivery'",
            "segments.log.per_record.Delivery.suffix": "_delivery",
            "program.crm.command": [sink],
            "webhook.away.url": "http://127.0.0.1:1/", **changes}


def each_outlet_is_told(folder):
    with lib.Daemon(folder, settings(folder)) as daemon:
        answer = daemon.post([
            lib.record(1), lib.record(2, type="Delivery"),
            lib.record(3, type="Delivery", meta={"campaign": "no-such-customer"})])[1]
        lib.expect(answer["accepted"], 3, "accepted")
        waits = ("webhook:away", "waiting", "")
        kept = [("file:all", "sent", "all.json"), ("program:crm", "sent", "OK kept")]
        lib.wait_until(lambda: outlets(why(daemon, f"{1:032x}")) == {*kept, waits}, "a bounce")
        story = why(daemon, f"{1:032x}")
        lib.expect([line["event"] for line in story if line.get("result") == "notice"],
                   ["Bounce"], "its notice")

        def segments(number):
            return [what for name, event, what in outlets(why(daemon, f"{number:032x}"))
                    if (name, event) == ("segments:log", "sent")]
        lib.wait_until(lambda: segments(2) and segments(3), "deliveries in a segment")
        lib.expect(segments(2)[0].endswith("_delivery"), True, "its file")
        lib.wait_until(lambda: outlets(why(daemon, f"{2:032x}")) ==
                       {*kept, waits, ("segments:log", "sent", segments(2)[0])}, "a delivery")
        lib.wait_until(lambda: ("program:crm", "dead", "550 no such customer") in
                       outlets(why(daemon, f"{3:032x}")), "a delivery that is refused")
        refused = why(daemon, f"{3:032x}")
        lib.expect([(line["kind"], line["state"], line["outlet"]) for line in refused
                    if "kind" in line], [("record", "dead", "program:crm")], "its dead letter")
        lib.expect([line["event"] for line in why(daemon, f"{2:032x}") if "sender" in line],
                   ["Delivery"], "what came in")


def a_report(folder):
    maildir = os.path.join(folder, "reports")
    lib.make_maildir(maildir)
    reports = os.path.join(folder, "reports.json")
    changes = {"maildir.reports.path": maildir, "file.reports.path": reports}
    with lib.Daemon(folder, settings(folder, **changes)) as daemon:
        with open(os.path.join(maildir, "new", "1"), "wb") as file:
            file.write(lib.feedback(1))
        lib.wait_until(lambda: lib.json_lines(reports), "the record")
        name = lib.json_lines(reports)[0]["id"]
        lib.wait_until(lambda: {("file:reports", "sent", "reports.json"),
                                ("program:crm", "sent", "OK kept")} <= outlets(why(daemon, name)),
                       "the file and the program")


def nothing_is_remembered(folder):
    """history.keep = 0 turns it off."""
    with lib.Daemon(folder, settings(folder, **{"history.keep": 0,
                                                "webhook.away.url": None})) as daemon:
        lib.expect(daemon.post([lib.record(1, type="Delivery")])[1]["accepted"], 1, "accepted")
        lib.wait_until(lambda: daemon.metrics()["dsnarf_spool_records"] == 0, "its way")
        lib.expect(why(daemon, f"{1:032x}"), [], "what is known")


lib.run(each_outlet_is_told, a_report, nothing_is_remembered)
