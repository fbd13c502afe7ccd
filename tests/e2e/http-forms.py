#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The forms in which records are posted: alone, in arrays and lines, small and many, with what Lua
and older releases of KumoMTA make of them. Whatever the form, it is the same record."""
import gzip
import json
import os
import random
import subprocess

import lib
from lib import expect

RECORDS = os.path.join(lib.SOURCE, "tests", "data", "records")
TYPES = ("Reception", "Delivery", "Bounce", "TransientFailure", "Expiration", "OOB", "Feedback",
         "Rejection")
MIB = 1 << 20


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def settings(folder, **changes):
    return {"log.level": "info", "file.out.path": os.path.join(folder, "out"), "file.out.types": TYPES,
            **{key.replace("__", "."): value for key, value in changes.items()}}


def post(daemon, body, headers=None):
    """What the answer says."""
    status, _, text = daemon.request("POST", "/v1/records", body, headers or {}, 4 * lib.PATIENCE)
    expect(status, 200, "status")
    return json.loads(text)


def kept(folder, count):
    path = os.path.join(folder, "out")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    records = lib.json_lines(path)
    expect(len(records), count, "records")
    return records


# ---- forms ----

def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def through_lua(value):
    """Without nulls, and lists that are empty are objects. Meta and headers may hold anything, of
    which nobody can tell what it was."""
    if isinstance(value, dict):
        return {key: part if key in ("meta", "headers") else through_lua(part)
                for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [through_lua(part) for part in value] or {}
    return value


def shuffled(value, chance):
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return value


def as_of_now(record):
    """The events of the examples at a time that is not too long ago."""
    changes = {"timestamp": lib.STARTED, "created": lib.STARTED - 3,
               "event_time": lib.stamp(lib.STARTED), "created_time": lib.stamp(lib.STARTED - 3)}
    return {**record, **{key: value for key, value in changes.items() if key in record}}


def every_form(folder):
    """QRK-05: all examples in all forms make the same lines."""
    chance = random.Random(5)
    forms = (
        (compact, {}),
        (lambda record: json.dumps(record, indent=1).encode(), {}),
        (lambda record: compact(through_lua(record)), {}),
        (lambda record: compact(shuffled(record, chance)), {}),
        (lambda record: compact([record]), {}),
        (lambda record: compact([through_lua(shuffled(record, chance))]), {}),
        (lambda record: b"\r\n" + compact(record) + b"\r\n\n", {}),
        (lambda record: b"\xef\xbb\xbf" + compact(record), {}),
        (lambda record: compact({"log_record": record, "message": "Subject: a\n\nb\n"}), {}),
        (lambda record: compact({"message_base64": "U3ViamVjdDogYQoKYgo=",
                                 "log_record": through_lua(record)}), {}),
        (lambda record: compact([{"message": None, "log_record": record}]), {}),
        (lambda record: gzip.compress(compact(record)), {"Content-Encoding": "gzip"}),
        (lambda record: zstd(compact([record])), {"Content-Encoding": "zstd"}),
    )
    names = [name for name in sorted(os.listdir(RECORDS)) if name != "unknown-type.json"]
    expect(len(names) >= 8, True, "number of examples")
    with lib.Daemon(folder, settings(folder)) as daemon:
        count = 0
        for name in names:
            with open(os.path.join(RECORDS, name), "rb") as file:
                example = as_of_now(json.loads(file.read()))
            for number, (write, headers) in enumerate(forms):
                count += 1
                body = write({**example, "id": f"{count:032x}", "site": f"{count}"})
                expect(post(daemon, body, headers)["accepted"], 1, f"{name} in form {number}")
            records = kept(folder, count)[-len(forms):]
            for number, record in enumerate(records):
                del record["id"], record["site"]
                expect(record, records[0], f"{name} in form {number}")
                expect(list(record), list(records[0]), f"keys of {name} in form {number}")


# ---- how many, how large ----

def batches_of_all_sizes(folder):
    """Of 500 and of 50,000 elements, and which of them could not be read."""
    broken = {0: b"{}", 7: b'{"type":"Bounce"}', 499: b'{"type":"Bounce","id":7}'}
    with lib.Daemon(folder, settings(folder, file__out__types=["Bounce"], notice__enable=[])) as daemon:
        base, bounces = 1, 0
        for size in (1, 500, 50000):
            for begin, middle, end in ((b"[", b",", b"]"), (b"", b"\n", b"\n")):
                line = {kind: compact(lib.record(0, type=kind)) for kind in ("Bounce", "Delivery")}
                elements = [line["Bounce" if number % 10 == 0 else "Delivery"].replace(
                    b"%032x" % 0, b"%032x" % (base + number)) for number in range(size)]
                wrong = [at for at in broken if at < size and size > 1]
                for at in wrong:
                    elements[at] = broken[at]
                base += size
                answer = post(daemon, begin + middle.join(elements) + end)
                wanted = sum(number % 10 == 0 and number not in wrong for number in range(size))
                bounces += wanted
                expect([entry["index"] for entry in answer["rejected"]], wrong, f"rejected of {size}")
                expect(all(entry["reason"] for entry in answer["rejected"]), True, "reasons")
                expect((answer["accepted"], answer["ignored"]), (wanted, size - wanted - len(wrong)),
                       f"accepted and ignored of {size}")
        expect(len({record["id"] for record in kept(folder, bounces)}), bounces, "ids")
        expect([entry["kind"] for entry in daemon.waiting()].count("rejected"), 12, "dead letters")


def a_record_of_five_megabytes(folder):
    """QRK-05: as a text, and in byte numbers as two releases of KumoMTA wrote it. Of those that are no
    UTF-8 nothing shorter can be made."""
    with open(os.path.join(RECORDS, "feedback-bytes.json"), "rb") as file:
        record = as_of_now(json.loads(file.read()))
    text = "Subject: h\u00e9\n\n" + "0123456789abcde\n" * (5 * MIB // 16)
    with lib.Daemon(folder, settings(folder)) as daemon:
        for number, (original, accepted) in enumerate((
                (text, 1), (list(text[:600000].encode()), 1), (list(text.encode()), 1),
                (list(text.encode("latin-1")), 0))):
            record["feedback_report"]["original_message"] = original
            answer = post(daemon, compact({**record, "id": f"{number:032x}"}))
            expect(answer["accepted"], accepted, f"number {number}")
            if not accepted:
                expect("values" in answer["rejected"][0]["reason"], True, answer["rejected"])
        records = kept(folder, 3)
        expect(records[0]["feedback_report"]["original_message"], text, "the text")
        expect(records[1]["feedback_report"]["original_message"], text[:600000], "from numbers")
        expect(records[2]["feedback_report"]["original_message"], text, "from as many numbers")


lib.run(every_form, batches_of_all_sizes, a_record_of_five_megabytes)
