#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What /metrics and /readyz say: in Prometheus' form, by the names of the manual, and the truth."""
import math
import os
import re
import shutil
import subprocess

import lib

MANUAL = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "man", "dsnarf.8")
NAME = re.compile(r"dsnarf_[a-z][a-z0-9_]*$")


def outlets(folder):
    """One of each part that has metrics of its own."""
    for name in ("segments", "followed"):
        os.makedirs(os.path.join(folder, name))
    return {"tailer.all.directory": os.path.join(folder, "followed"),
            "file.all.path": os.path.join(folder, "records"),
            "segments.all.log_dir": os.path.join(folder, "segments"),
            "webhook.all.url": "http://127.0.0.1:1/",
            "relay.acme.hosts": ["127.0.0.1:1"], "tenant.acme.relay": "acme",
            "tenant.acme.match.queue": ["acme"]}


def parse(text):
    """The families of a page, with a parser of others, and what that lets pass is checked here."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        raise lib.Skip("python3-prometheus-client is not installed") from None
    lines = text.split("\n")
    lib.expect(lines.pop(), "", "what follows the last line")
    for line in lines:
        lib.expect(line.startswith(("# HELP dsnarf_", "# TYPE dsnarf_", "dsnarf_")), True, line)
    families = list(text_string_to_metric_families(text))
    names = re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", text, re.MULTILINE)
    lib.expect(len(set(names)), len(names), "names under TYPE")
    lib.expect(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE), names, "names under HELP")
    series = set()
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            lib.expect(key in series, False, f"{key} twice")
            series.add(key)
            lib.expect(sample.name in names, True, f"{sample.name} under TYPE")
            lib.expect(bool(NAME.match(sample.name)), True, sample.name)
            lib.expect(sample.name.endswith("_total"), family.type == "counter", sample.name)
            lib.expect(math.isfinite(sample.value) and sample.value >= 0, True, str(sample))
    return families


def page(daemon):
    status, fields, body = daemon.request("GET", "/metrics")
    lib.expect((status, fields["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"),
               "status and type")
    return body.decode()


def of_the_manual():
    """Names with the sets of their labels."""
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().partition("\n.Sh METRICS\n")[2].partition("\n.Sh ")[0]
    metrics = {}
    for line in re.findall(r"^\.It (.*)$", section, re.MULTILINE):
        names, _, labels = line.partition(" Ns Bq Ar ")
        for name in names.split(" , "):
            metrics["dsnarf_" + name] = set(labels.split(" , ")) - {""}
    return metrics


def names_are_those_of_the_manual(folder):
    with lib.Daemon(folder, outlets(folder)) as daemon:
        families = parse(page(daemon))
    shown = {}
    for family in families:
        for sample in family.samples:
            shown.setdefault(sample.name, set()).update(sample.labels)
    manual = of_the_manual()
    lib.expect(sorted(shown.keys() - manual.keys()), [], "metrics that dsnarf(8) does not have")
    lib.expect(sorted(manual.keys() - shown.keys()), [], "metrics that are only in dsnarf(8)")
    for name, labels in manual.items():
        lib.expect(shown[name], labels, f"labels of {name}")


def queues_and_their_ages(folder):
    with lib.Daemon(folder, {**outlets(folder), "webhook.all.retry_interval": "1h",
                             "webhook.all.max_retry_interval": "1h"}) as daemon:
        daemon.post([lib.element(number) for number in range(5)])
        daemon.post([lib.element(9, queue="news:acme@customer.example")])

        def is_old():
            now = daemon.metrics()
            return all(now[f"dsnarf_{name}"] >= 1 for name in (
                'relay_oldest_seconds{relay="default"}', 'relay_oldest_seconds{relay="acme"}',
                "spool_oldest_seconds"))
        lib.wait_until(is_old, "what waits gets older")
        now = daemon.metrics()
        lib.expect(now["dsnarf_spool_waiting"], 6, "entries that wait")
        lib.expect(now["dsnarf_spool_max_bytes"] > now["dsnarf_spool_bytes"] > 0, True, "bytes")
        lib.expect(now["dsnarf_spool_free_bytes"] > now["dsnarf_spool_min_free_bytes"] > 0, True,
                   "free bytes")
        for name in ("file:all", "segments:all", "webhook:all"):
            lib.expect(now[f'dsnarf_outlet_records{{outlet="{name}"}}'] >= 0, True, name)
            lib.expect(now[f'dsnarf_outlet_oldest_seconds{{outlet="{name}"}}'] >= 0, True, name)


def a_maildir_that_is_gone(folder):
    path = os.path.join(folder, "Maildir")
    lib.make_maildir(path)
    with lib.Daemon(folder, {"maildir.reports.path": path,
                              "file.all.path": os.path.join(folder, "records")}) as daemon:
        shutil.rmtree(path)
        lib.wait_until(lambda: daemon.metrics()["dsnarf_maildir_errors_total"] > 0, "it is counted")
        lib.expect(daemon.request("GET", "/readyz")[0], 200, "what is posted is still taken in")


def not_ready_and_why(folder):
    disk = os.path.join(folder, "disk")
    settings = {"spool.directory": os.path.join(disk, "spool"), "spool.min_free": "8MiB"}
    with lib.small_disk(disk, 32 << 20), lib.Daemon(folder, settings) as daemon:
        lib.expect(daemon.request("GET", "/readyz")[::2], (200, b"ready\n"), "/readyz")
        lib.expect(daemon.metrics()["dsnarf_ready"], 1, "ready")
        daemon.post([lib.element(1)])
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(25 << 20))
        lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 503, "it is not ready")
        lib.expect(daemon.request("GET", "/readyz")[2],
                   b"not ready: spool: full: less than spool.min_free is left on the file system\n",
                   "/readyz")
        lib.expect(daemon.metrics()["dsnarf_ready"], 0, "ready")
        lib.expect("\nnot ready: spool: full: less than spool.min_free is left on the file system\n"
                   in daemon.queue("status")[1], True, "queue status")
        os.remove(filler)
        lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 200, "it is ready again")
        told = subprocess.run([lib.PROGRAM, "why", "-c", daemon.configuration, lib.record(1)["id"]],
                              capture_output=True, text=True, check=True).stdout
        lib.expect("nothing is known" in told, False, told)  # the disk is not full of it
        lib.expect(daemon.logged("history"), [], "lines about history")


lib.run(names_are_those_of_the_manual, queues_and_their_ages, a_maildir_that_is_gone,
        not_ready_and_why)
