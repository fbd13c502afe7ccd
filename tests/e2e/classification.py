#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Classes of failures by KumoMTA's rule files: reports that come by mail, and records that pass."""
import json
import os
import subprocess

import lib

STATUS_RULES = r"""# By enhanced code.
[rules]
QuotaIssues = ["^[45]\\d{2} [45]\\.2\\.2\\s"]
InvalidRecipient = ["^[45]\\d{2} [45]\\.1\\.[1-4]\\s"]
"""
OWN_RULES = {"rules": {"Complaint": ["^250 $"], "Our \"own\" class": ["(?i)blue moon"]}}


def rules(folder):
    """The two files of rules, which the configuration names as one would by hand."""
    with open(os.path.join(folder, "status.toml"), "w", encoding="utf-8") as file:
        file.write(STATUS_RULES)
    with open(os.path.join(folder, "own.json"), "w", encoding="utf-8") as file:
        json.dump(OWN_RULES, file)
    return ["status.toml", os.path.join(folder, "own.json")]


def settings(folder, **changes):
    lib.make_maildir(os.path.join(folder, "inbox"))
    return {"maildir.inbox.path": os.path.join(folder, "inbox"),
            "file.out.path": os.path.join(folder, "records"),
            "file.out.types": ["Feedback", "OOB", "Bounce", "Delivery"],
            "classification.files": rules(folder),
            **{key.replace("__", "."): value for key, value in changes.items()}}


def deliver(folder, name, message):
    temporary = os.path.join(folder, "inbox", "tmp", name)
    with open(temporary, "wb") as file:
        file.write(message)
    os.rename(temporary, os.path.join(folder, "inbox", "new", name))


def classes(folder, count):
    """Those of the records in the file, by type and number."""
    found = lib.wait_until(lambda: len(lib.json_lines(os.path.join(folder, "records"))) >= count
                           and lib.json_lines(os.path.join(folder, "records")), f"{count} records")
    return [record["bounce_classification"] for record in found[count - 1:]]


def response(code, content, enhanced=None):
    return {"code": code, "enhanced_code": enhanced, "content": content, "command": None}


def reports(folder):
    with lib.Daemon(folder, settings(folder)) as daemon:
        deliver(folder, "1", lib.example("dsn.eml"))
        lib.expect(classes(folder, 1), ["QuotaIssues"], "an out-of-band bounce")
        deliver(folder, "2", lib.feedback(2))
        lib.expect(classes(folder, 2), ["Complaint"], "a complaint")
        daemon.post([lib.record(3, bounce_classification="Uncategorized")])
        lib.expect(classes(folder, 3), ["Uncategorized"], "a record that nobody asked for")
        metrics = daemon.metrics()
        lib.expect(metrics['dsnarf_classifications_total{result="classified"}'], 2, "counted")
        lib.expect(metrics['dsnarf_classifications_total{result="uncategorized"}'], 0, "counted")


def records_that_pass(folder):
    changes = settings(folder, classification__types=["Bounce"])
    changes["notice.enable"] = ["Bounce"]
    with lib.Daemon(folder, changes) as daemon:
        given = {"bounce_classification": "Uncategorized"}
        daemon.post([lib.record(1, response=response(550, "Blue\r\nMoon"), **given)])
        lib.expect(classes(folder, 1), ['Our "own" class'], "no class before")
        daemon.post([lib.record(2, response=response(550, "blue moon"),
                                bounce_classification="SpamBlock")])
        lib.expect(classes(folder, 2), ["SpamBlock"], "one that KumoMTA gave")
        daemon.post([lib.record(3, type="Delivery", response=response(250, ""), **given)])
        lib.expect(classes(folder, 3), ["Uncategorized"], "a delivery")
        deliver(folder, "1", lib.feedback(4))
        lib.expect(classes(folder, 4), ["Uncategorized"], "a complaint that nobody asked for")
        daemon.configure(classification__replace=True)
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "a reload")
        daemon.post([lib.record(5, response=response(
            550, "no such user", {"class": 5, "subject": 1, "detail": 1}),
                                bounce_classification="SpamBlock")])
        lib.expect(classes(folder, 5), ["InvalidRecipient"], "replaced")
        before = daemon.metrics()['dsnarf_classifications_total{result="classified"}']
        daemon.request("POST", "/v1/notice", json.dumps(lib.element(6, **given)))
        lib.expect(daemon.metrics()['dsnarf_classifications_total{result="classified"}'],
                   before + 1, "a notice for whoever asks")
        again = daemon.post([lib.record(1, response=response(550, "Blue\r\nMoon"), **given)])[1]
        lib.expect(again["duplicate"], 1, "the same once more")


def a_bad_file_changes_nothing(folder):
    with lib.Daemon(folder, settings(folder)) as daemon:
        path = os.path.join(folder, "status.toml")
        with open(path, "a", encoding="utf-8") as file:
            file.write("Broken = [\"fine\", \"a++\"]\n")
        found = subprocess.run([lib.PROGRAM, "config", "check", "-c", daemon.configuration],
                               capture_output=True, check=False)
        lib.expect(found.returncode, 2, "status of config check")
        lib.expect(f"classification.files: {path}:5: rules.Broken[1]: at offset 2: "
                   in found.stderr.decode(), True, found.stderr.decode())
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: the configuration is as it was"), "a refusal")
        lib.expect(len(daemon.logged(r"status\.toml:5: rules\.Broken\[1\]: ")), 1, "complaints")
        deliver(folder, "1", lib.example("dsn.eml"))
        lib.expect(classes(folder, 1), ["QuotaIssues"], "the rules as before")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[rules]\nFull = ['2\\.2 ']\n")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the next reload")
        deliver(folder, "2", lib.example("dsn.eml").replace(b"<r-2026", b"<r2-2026"))
        lib.expect(classes(folder, 2), ["Full"], "the new rules")


if __name__ == "__main__":
    lib.run(reports, records_that_pass, a_bad_file_changes_nothing)
