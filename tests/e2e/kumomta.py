#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The traces that the helper for KumoMTA signs, against another HMAC and against dsnarf itself. The
Lua is real, and so is the helper; the messages are what a policy sees of KumoMTA's."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import time

import lib

HERE = os.path.join(lib.SOURCE, "tests", "e2e", "kumomta")
MODULE = os.path.join(lib.SOURCE, "packaging", "kumomta", "dsnarf_trace.lua")
MARKER = {"_@_": "\\_/"}


def sign(folder, messages, secret):
    """The fields that the helper adds to messages: (id, recipients, tenant, number)."""
    if not shutil.which("miltertest"):
        raise lib.Skip("the package miltertest, which has a Lua, is not installed")
    lines = [" ".join(field.encode("utf-8", "surrogateescape").hex() for field in message)
             for message in messages]
    files = {"MESSAGES": "\n".join(lines) + "\n", "SECRET": secret + "\n", "OUTPUT": ""}
    arguments = ["miltertest", "-D", "MODULE=" + MODULE]
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        arguments += ["-D", f"{name}={os.path.join(folder, name)}"]
    done = subprocess.run(arguments + ["-s", os.path.join(HERE, "driver.lua")], text=True, check=False,
                          timeout=lib.PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise lib.Failure(lib.indent(done.stdout))
    with open(os.path.join(folder, "OUTPUT"), "rb") as file:
        return file.read().split(b"\0")[:-1]


def check_trace(field, wanted, secret, times):
    """As dsnarf-records(5) tells it."""
    name, value = field.split(b": ", 1)
    lib.expect(name, b"X-KumoRef", "name")
    lib.expect([len(line) <= 75 for line in value.split(b"\r\n\t")].count(False), 0, "long lines")
    text = base64.b64decode(value.replace(b"\r\n\t", b""), validate=True)
    trace = json.loads(text)
    lib.expect(json.dumps(trace, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
               text, "canonical form")
    signature = trace["dsnarf"].pop("s")
    lib.expect(times[0] <= trace["dsnarf"]["t"] <= times[1], True, "time")
    text = json.dumps(trace, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    lib.expect(signature, base64.urlsafe_b64encode(digest).decode().rstrip("="), "signature")
    lib.expect(trace.pop("dsnarf")["k"], "2026a", "key")
    lib.expect(trace, {**MARKER, **wanted}, "members")


def it_signs_as_the_manual_says(folder):
    """CFBL-08: blocks of all lengths, and all that stands in JSON."""
    odd = "".join(map(chr, range(1, 256))) + "\u2028\u20ac\U0001f4e7"
    messages = [("id", "j" * length + "@x.example", "shop", "7") for length in range(0, 200)]
    wanted = [{"id": message[0], "recipient": message[1], "tenant": "shop", "Number": 7}
              for message in messages]
    messages += [("1", "j@x.example", odd, "-9223372036854775808"), ("2", "a@x.example,b@x.example", "", ""),
                 ("3", "j@x.example", "\udcff", "1.5")]
    wanted += [{"id": "1", "recipient": "j@x.example", "tenant": odd, "Number": -2 ** 63}, {"id": "2"},
               {"id": "3", "recipient": "j@x.example"}]
    for secret in ("0123456789abcdef", "s" * 64, "long " * 30 + "!"):
        before = int(time.time())
        fields = sign(folder, messages, secret)
        times = (before, int(time.time()))
        lib.expect(len(fields), len(messages), "fields")
        for field, members in zip(fields, wanted):
            check_trace(field, members, secret, times)


def program_of_the_manual():
    """What dsnarf(8) shows in Python."""
    with open(os.path.join(lib.SOURCE, "packaging", "man", "dsnarf.8"), encoding="utf-8") as file:
        text = file.read()
    start = text.index("import base64, hashlib")
    names = {}
    exec(text[start:text.index(".Ed", start)].replace("\\e", "\\"), names)  # pylint: disable=exec-used
    return names["trace"]


def check_complaint(folder, field):
    """The record of a complaint about a message with this field."""
    configuration = os.path.join(folder, "dsnarf.toml")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(f'trace.key.2026a.secret_file = "{os.path.join(folder, "SECRET")}"\n')
    head, _ = lib.feedback(1).split(b"X-KumoRef:")
    complaint = head + field.replace(b"\r", b"") + b"\nSubject: Hello\n\nHello\n--fbl-88213--\n"
    done = subprocess.run([lib.PROGRAM, "parse", "--records", "-c", configuration, "-"], input=complaint,
                          capture_output=True, check=True)
    record = json.loads(done.stdout)
    lib.expect(record["feedback_report"]["supplemental_trace"]["tenant"], "shop", "tenant")
    lib.expect((record["dsnarf"]["verified_by"], record["dsnarf"]["suppress"]),
               (["trace:2026a"], "jane@customer.example"), "verified_by, suppress")


def dsnarf_knows_it_again(folder):
    """ARF-23, FBL-11: from KumoMTA's message to the record of the complaint about it."""
    field, = sign(folder, [("4711", "jane@customer.example", "shop", "")], "0123456789abcdef")
    check_complaint(folder, field)


def so_it_does_what_other_programs_sign(folder):
    """The same for the program in the manual."""
    secret = b"0123456789abcdef"
    with open(os.path.join(folder, "SECRET"), "wb") as file:
        file.write(secret + b"\n")
    value = program_of_the_manual()("2026a", secret, int(time.time()), tenant="shop",
                                    recipient="jane@customer.example")
    check_complaint(folder, b"X-KumoRef: " + value.encode())


lib.run(it_signs_as_the_manual_says, dsnarf_knows_it_again,
        so_it_does_what_other_programs_sign)
