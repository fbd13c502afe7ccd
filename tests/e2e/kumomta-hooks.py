#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The helper for KumoMTA's policy, and dsnarf behind it. The Lua is real, and so are the helper and
the daemon; KumoMTA is tests/e2e/kumomta/kumod.lua."""
import base64
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import subprocess

import http_peer
import lib
from lib import expect

HERE = os.path.join(lib.SOURCE, "tests", "e2e", "kumomta")
PACKAGED = os.path.join(lib.SOURCE, "packaging", "kumomta")
TOKEN = "s3cret-token"
TYPES = ("Reception", "Delivery", "Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB",
         "Feedback", "Rejection", "AdminRebind", "DeferredInjectionRebind", "Delayed", "XferOut", "XferIn")
WITHOUT_MESSAGE = ("OOB", "Rejection")
DAY = 86400

USUAL = """
local dsnarf = require 'policy-extras.dsnarf'
dsnarf:new { url = os.getenv 'DSNARF_URL', %s }
"""


def lua():
    program = shutil.which("lua5.4")
    if not program or not shutil.which("curl"):
        raise lib.Skip("the packages lua5.4 and curl are not both installed")
    return program


class Kumod:
    """A kumod with the policy in a text."""

    def __init__(self, folder, policy, url, environment=None):
        program = lua()
        extras = os.path.join(folder, "share", "policy-extras")
        os.makedirs(extras, exist_ok=True)
        shutil.copy(os.path.join(PACKAGED, "dsnarf.lua"), extras)
        shutil.copy(os.path.join(HERE, "policy-extras", "log_hooks.lua"), extras)
        path = os.path.join(folder, "init.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(policy)
        self.child = subprocess.Popen(
            [program, os.path.join(HERE, "kumod.lua"), path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "LUA_PATH": os.path.join(folder, "share", "?.lua") + ";;",
                 "DSNARF_URL": url, "DSNARF_TOKEN": TOKEN, **(environment or {})})
        self.waiting = 0
        self.errors = []

    def ask(self, do, **arguments):
        self.child.stdin.write(json.dumps({"do": do, **arguments}, ensure_ascii=False) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise lib.Failure("the policy failed:\n" + self.child.stderr.read())
        answer = json.loads(line)
        self.waiting = answer["waiting"]
        self.errors += list(answer["errors"])
        return answer

    def log(self, record, message=None, **more):
        """Something has happened to a message."""
        record = dict(record)
        headers, meta = record.pop("headers"), record.pop("meta")
        if message is not None:
            more.update(message=base64.b64encode(message).decode(), sender="", recipient="x@y.example")
        self.ask("log", record=json.dumps(record, ensure_ascii=False, separators=(",", ":")),
                 headers=list(headers.items()), meta=meta, **more)

    def run_script(self):
        """True if it came to its end."""
        return self.ask("main")["fine"]

    def deliver(self):
        """Tries what is due: [(type of record, code, how many messages), ...] and the texts."""
        outcomes = list(self.ask("deliver")["outcomes"])
        return ([(one["type"], one["code"], one["messages"]) for one in outcomes],
                [one["text"] for one in outcomes])

    def pass_time(self, seconds):
        self.ask("advance", seconds=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.communicate()


def settings(folder, **changes):
    return {"http.token": TOKEN, "file.all.path": os.path.join(folder, "records"),
            "file.all.types": list(TYPES), "notice.include_original": "full",
            **{key.replace("__", "."): value for key, value in changes.items()}}


def url_of(daemon):
    return f"http://127.0.0.1:{daemon.port}/v1/records"


def kept(folder, count):
    """The records that came out of dsnarf, when they are as many."""
    path = os.path.join(folder, "records")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    records = lib.json_lines(path)
    expect(len(records), count, "records")
    return records


def record_of(number, kind, **changes):
    return lib.record(number, type=kind, tls_peer_subject_name=[], **changes)


# ---- what goes through ----

def each_type_goes_one_way(folder):
    """LOOP-13, LOOP-14: and what is about records, or about notices, goes none."""
    policy = USUAL % ("include_original_message = 'FullContent', "
                      "log_parameters = { per_record = { Any = { enable = true } } }")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(folder, relay__default__hosts=[sink.address])) as daemon, \
            Kumod(folder, policy, url_of(daemon)) as kumod:
        for number, kind in enumerate(TYPES, 1):
            kumod.log(record_of(number, kind, response={
                **lib.record(1)["response"], "content": 'h\u00e9 "\\ \u20ac', "command": None}),
                None if kind in WITHOUT_MESSAGE else lib.original(number))
        expect(kumod.waiting, len(TYPES), "messages with records")
        kumod.log(record_of(20, "Bounce", reception_protocol="LogRecord"), lib.original(20))
        kumod.log(record_of(21, "Bounce", sender=""), b"X-Dsnarf-Notice: 1\r\n\r\n")
        kumod.log(record_of(22, "Delivery", headers={"X-Dsnarf-Notice": "1"}), b"X-Dsnarf-Notice: 1\n\n")
        expect(kumod.waiting, len(TYPES), "messages with records")
        outcomes, texts = kumod.deliver()
        expect(outcomes, [("Delivery", 200, len(TYPES))], "outcomes")
        expect(texts, ["200 accepted=14 duplicate=0 ignored=0 rejected=0"], "disposition")
        expect((kumod.waiting, kumod.errors), (0, []), "what is left")
        records = {record["type"]: record for record in kept(folder, len(TYPES))}
        expect(sorted(records), sorted(TYPES), "types")
        for kind, record in records.items():
            expect(record["response"]["content"], 'h\u00e9 "\\ \u20ac', kind)
            expect((record["response"]["command"], record["feedback_report"]), (None, None), kind)
            expect(record["tls_peer_subject_name"], [], kind)
            expect(record["headers"]["Subject"], "Your order has been shipped", kind)
            expect(record["meta"], {"tenant": "shop"}, kind)
        lib.wait_until(lambda: len(sink.mails) == 2, "the notices")
        for mail in sink.mails:
            returned = lib.Notice(mail.data).original()
            expect("shipped" in returned["Subject"], True, "original")
            expect(returned.get_payload() != "", True, "content of the original")


def headers_only(folder):
    """The default: and bytes of any kind in them."""
    original = b"Subject: caf\xe9 \xff\r\nX-A: 1\r\n\r\nbody that stays away\r\n"
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(folder, relay__default__hosts=[sink.address])) as daemon, \
            Kumod(folder, USUAL % "", url_of(daemon)) as kumod:
        kumod.log(record_of(1, "Bounce"), original)
        kumod.log(record_of(2, "Reception"), original)
        kumod.log(record_of(3, "TransientFailure"), original)  # why an expiration came to be
        expect(kumod.waiting, 2, "messages with records")
        expect(kumod.deliver()[0], [("Delivery", 200, 2)], "outcomes")
        lib.wait_until(lambda: len(sink.mails) == 1, "the notice")
        expect(b"X-A: 1" in sink.mails[0].data, True, "header")
        expect(b"stays away" in sink.mails[0].data, False, "body")
        expect(kumod.errors, [], "errors")


def batches(folder):
    with lib.Daemon(folder, settings(folder)) as daemon, \
            Kumod(folder, USUAL % "include_original_message = 'No'", url_of(daemon)) as kumod:
        for number in range(1200):
            kumod.log(record_of(number, "Bounce"))
        expect(kumod.deliver()[0], [("Delivery", 200, 500), ("Delivery", 200, 500), ("Delivery", 200, 200)],
               "outcomes")
        expect(len({record["id"] for record in kept(folder, 1200)}), 1200, "ids")
    with lib.Daemon(folder, settings(folder)) as daemon, \
            Kumod(folder, USUAL % "batch_size = 1", url_of(daemon)) as kumod:
        kumod.log(record_of(2000, "Bounce"), lib.original(1))
        kumod.log(record_of(2001, "Bounce"), lib.original(1))
        expect(kumod.deliver()[0], [("Delivery", 200, 1)] * 2, "outcomes of single records")
        kept(folder, 1202)


def a_missing_original_is_merged(folder):
    """ENV-20: the record comes without, then with its original, and makes one notice."""
    record = record_of(1, "Bounce")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(folder, relay__default__hosts=[sink.address],
                                        notice__coalesce="10 minutes")) as daemon:
        for include, text in (("No", "accepted=1 duplicate=0"), ("FullContent", "accepted=0 duplicate=1")):
            policy = USUAL % f"include_original_message = '{include}'"
            with Kumod(folder, policy, url_of(daemon)) as kumod:
                kumod.log(record, lib.original(1))
                expect(kumod.deliver()[1], [f"200 {text} ignored=0 rejected=0"], include)
        daemon.configure(notice__coalesce="0s")
        status, _, errors = daemon.queue("retry", "--all")
        expect(status, 0, f"dsnarf queue retry: {errors}")
        lib.wait_until(lambda: sink.mails, "the notice")
        notice = lib.Notice(sink.mails[0].data)
        expect("shipped" in notice.original()["Subject"], True, "original")
        kept(folder, 1)
        expect(len(sink.mails), 1, "notices")


# ---- what goes wrong ----

def every_failure_is_tried_again(folder):
    good = b'{"accepted":2,"duplicate":0,"ignored":0,"rejected":[],"reasons":{}}\n'
    answers = [(500, b""), (503, b"{}"), (400, b"a\nb\x00"), (401, b""), (403, b""), (404, b"x" * 9999),
               (301, b""), (413, b""), (429, b""), None, http_peer.half, http_peer.reset, (200, b"<html>log in, please</html>"),
               (200, b""), (200, b"[]"), (204, b"")]
    records = [record_of(number, "Bounce") for number in (1, 2)]
    extra = [(413, b"")] * 4  # a half, without its original, and so again
    script = []

    def answer_in_turn(_request):
        answer = script.pop(0)
        return http_peer.Answer(*answer) if isinstance(answer, tuple) else answer or (lambda sock: None)

    with http_peer.Peer(answer_in_turn) as peer, Kumod(folder, USUAL % "", peer.url) as kumod:
        for record in records:
            kumod.log(record, lib.original(1))
        for answer in answers:
            script[:] = [answer] + (extra if answer == (413, b"") else [])
            outcomes, texts = kumod.deliver()
            expect(len(outcomes), 1, f"outcomes after {answer}")
            expect((outcomes[0][0], outcomes[0][1] // 100, outcomes[0][2]), ("TransientFailure", 4, 2),
                   f"after {answer}")
            expect(len(texts[0]) < 500 and texts[0].isprintable() or not isinstance(answer, tuple), True,
                   texts[0])
            expect(kumod.waiting, 2, "what waits")
            kumod.pass_time(1200)
        script[:] = [(200, good)]
        expect(kumod.deliver()[0], [("Delivery", 200, 2)], "outcome in the end")
        expect(peer.requests[-1].fields["authorization"], f"Bearer {TOKEN}", "token")
        lines = [json.loads(line) for line in peer.requests[-1].body.splitlines()]
        expect([line["log_record"]["id"] for line in lines], [record["id"] for record in records], "ids")
        kumod.log(records[0], lib.original(1))  # and for as long as it takes
        for _ in range(20):
            script[:] = [(503, b"")]
            expect(kumod.deliver()[0], [("TransientFailure", 451, 1)], "outcome")
            kumod.pass_time(3 * DAY)
        expect(kumod.waiting, 1, "what waits")


def nothing_is_lost_while_dsnarf_is_down(folder):
    with lib.Daemon(folder, settings(folder)) as daemon, \
            Kumod(folder, USUAL % "", url_of(daemon)) as kumod:
        number = 0
        for _ in range(4):  # up, killed, up again ...
            for _ in range(5):
                number += 1
                kumod.log(record_of(number, "Bounce"), lib.original(number))
            expect(kumod.deliver()[0], [("Delivery", 200, 5)], "outcome while it is up")
            daemon.kill9()
            number += 1
            kumod.log(record_of(number, "Bounce"), lib.original(number))
            expect(kumod.deliver()[0], [("TransientFailure", 400, 1)], "outcome while it is down")
            kumod.pass_time(30)
            expect(kumod.deliver()[0], [], "not due yet")
            kumod.pass_time(30)
            daemon.start()
            expect(kumod.deliver()[0], [("Delivery", 200, 1)], "outcome when it is up again")
        expect(len({record["id"] for record in kept(folder, 24)}), 24, "ids")
        expect(kumod.errors, [], "errors")


def nothing_is_lost_when_dsnarf_is_killed_at_work(folder):
    """Requests are cut off in the middle, and come again."""
    path = os.path.join(folder, "records")
    policy = USUAL % "include_original_message = 'No', batch_size = 10"
    with lib.Daemon(folder, settings(folder)) as daemon, Kumod(folder, policy, url_of(daemon)) as kumod:
        for number in range(600):
            kumod.log(record_of(number, "Bounce"))

        def kill():
            for count in (50, 150, 300, 400):
                lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
                daemon.kill9()
                daemon.start()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            killed = pool.submit(kill)

            def try_all():
                kumod.deliver()
                kumod.pass_time(1260)
                return kumod.waiting == 0 and killed.done()

            lib.wait_until(try_all, "all are delivered", 2 * lib.PATIENCE)
            killed.result()
        lib.wait_until(lambda: len({record["id"] for record in lib.json_lines(path)}) == 600, "the records")
        expect(kumod.errors, [], "errors")


def what_is_too_large_is_divided(folder):
    large = lib.original(1) + b"x" * 40000
    policy = USUAL % "include_original_message = 'FullContent'"
    with lib.Daemon(folder, settings(folder, http__body=100000)) as daemon, \
            Kumod(folder, policy, url_of(daemon)) as kumod:
        for number in range(5):
            kumod.log(record_of(number, "Bounce"), large)
        kumod.log(record_of(5, "Bounce"), large * 3)  # goes without
        outcomes, texts = kumod.deliver()
        expect(outcomes, [("Delivery", 200, 6)], "outcomes")
        expect(texts, ["200 accepted=6 duplicate=0 ignored=0 rejected=0"], "disposition")
        kept(folder, 6)


def five_megabytes(folder):
    policy = USUAL % "include_original_message = 'FullContent'"
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(folder, relay__default__hosts=[sink.address],
                                        notice__return_limit="6MiB")) as daemon, \
            Kumod(folder, policy, url_of(daemon)) as kumod:
        kumod.log(record_of(1, "Bounce"), lib.crlf(lib.original(1) + b"0123456789abcde\n" * 327680))
        expect(kumod.deliver()[0], [("Delivery", 200, 1)], "outcome")
        lib.wait_until(lambda: sink.mails, "the notice")
        expect(len(sink.mails[0].data) > 5 << 20, True, "size of the notice")


def originals_that_cannot_be_had(folder):
    """The records come all the same, and when KumoMTA's disk is full, at once."""
    with lib.Daemon(folder, settings(folder)) as daemon, \
            Kumod(folder, USUAL % "", url_of(daemon)) as kumod:
        kumod.log(record_of(1, "Bounce"), b"gone", lost=True)
        kumod.log(record_of(2, "Bounce"), b" no header\r\n\r\n")
        expect(len(kumod.errors), 2, "errors")
        expect(kumod.deliver()[0], [("Delivery", 200, 2)], "outcome")
        kumod.ask("full", full=True)
        kumod.log(record_of(3, "Bounce"), lib.original(3))
        expect((kumod.waiting, len(kumod.errors)), (0, 3), "what waits, errors")
        expect(sorted(record["id"][-1] for record in kept(folder, 3)), ["1", "2", "3"], "ids")
        daemon.stop()
        kumod.log(record_of(4, "Bounce"), lib.original(4))  # no more can be done than say so
        expect(len(kumod.errors), 5, "errors")
        expect(kumod.errors[-1].startswith("failed to log: "), True, kumod.errors[-1])


def what_can_never_succeed_is_a_dead_letter(folder):
    with lib.Daemon(folder, settings(folder)) as daemon, \
            Kumod(folder, USUAL % "", url_of(daemon)) as kumod:
        kumod.log(record_of(1, "Bounce", sender=7), lib.original(1))
        kumod.log(record_of(2, "Bounce"), lib.original(2))
        outcomes, texts = kumod.deliver()
        expect(outcomes, [("Delivery", 200, 2)], "outcomes")
        expect(texts, ["200 accepted=1 duplicate=0 ignored=0 rejected=1"], "disposition")
        expect([entry["kind"] for entry in daemon.waiting()].count("rejected"), 1, "dead letters")


# ---- hooks that others have written ----

OF_OTHERS = ("new_json", "batches", "platform")
FULL = {"spool.max_size": 4 << 20, "spool.large": "10kB", "http.hold": "100ms"}
# What the others do with the answer 503; all of them repeat what has got no answer.
KEPT = {"new_json": "Bounce", "batches": "TransientFailure", "platform": "Bounce"}


def stock(name):
    with open(os.path.join(HERE, "stock", name + ".lua"), encoding="utf-8") as file:
        return file.read()


def three(base):
    return [record_of(base + number, "Bounce", peer_address=None) for number in range(3)]


def what_lua_makes_of_records_is_read(folder):
    """As arrays without nulls, with {} for [] and in any order: they are the same records."""
    with lib.Daemon(folder, settings(folder)) as daemon:
        for number, name in enumerate(("batches", "platform")):
            with Kumod(folder, stock(name), url_of(daemon)) as kumod:
                for record in three(10 * number):
                    kumod.log(record)
                outcomes = kumod.deliver()[0]
                expect(sum(one[2] for one in outcomes if one[0] == "Delivery"), 3, name)
        for record in kept(folder, 6):
            expect((record["peer_address"], record["egress_pool"], record["tls_peer_subject_name"]),
                   (None, "pool1", []), "what was lost on the way")


def a_full_spool_keeps_what_others_send(folder):
    """By default what cannot be taken gets no answer, and so nobody drops it."""
    with lib.Daemon(folder, {**settings(folder), **FULL, "http.token": "none"}) as daemon, \
            contextlib.ExitStack() as stack:
        daemon.fill_spool()
        hooks = {name: stack.enter_context(Kumod(os.path.join(folder, name), stock(name), url_of(daemon)))
                 for name in OF_OTHERS}
        for base, (name, kumod) in enumerate(hooks.items()):
            for record in three(10 * base):
                kumod.log(record)
            outcomes = kumod.deliver()[0]
            expect({one[:2] for one in outcomes}, {("TransientFailure", 400)}, name)
            expect(kumod.waiting, 3, f"{name}: what waits")
        status, _, errors = daemon.queue("purge")
        expect(status, 0, f"dsnarf queue purge: {errors}")
        for name, kumod in hooks.items():
            kumod.pass_time(1260)
            lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 200, "there is room again")
            expect({one[:2] for one in kumod.deliver()[0]}, {("Delivery", 200)}, name)
        expect(len({record["id"] for record in kept(folder, 9)}), 9, "ids")


def a_503_is_not_for_all(folder):
    """Which is why it is not the default; our own helper understands it."""
    with lib.Daemon(folder, {**settings(folder), **FULL, "http.token": "none",
                             "http.overload": "503"}) as daemon:
        daemon.fill_spool()
        for name in OF_OTHERS + ("ours",):
            policy = USUAL % "token = 'none'" if name == "ours" else stock(name)
            with Kumod(folder, policy, url_of(daemon)) as kumod:
                kumod.log(three(0)[0], lib.original(1))
                expect({one[0] for one in kumod.deliver()[0]}, {KEPT.get(name, "TransientFailure")}, name)


def a_tailer_keeps_its_place(folder):
    logs = os.path.join(folder, "logs")
    os.mkdir(logs)
    for part in range(2):
        lines = "".join(json.dumps(record) + "\n" for record in three(10 * part))
        path = os.path.join(logs, f"20261121-10000{part}")
        subprocess.run(["zstd", "-q", "-o", path], input=lines.encode(), check=True)
    with lib.Daemon(folder, {**settings(folder), **FULL}) as daemon, \
            Kumod(folder, stock("tailer"), url_of(daemon), {"LOG_DIR": logs}) as kumod:
        daemon.fill_spool({"Authorization": TOKEN})
        expect(kumod.run_script(), False, "with no answer")
        daemon.configure(http__overload="503")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        expect(kumod.run_script(), False, "with 503")
        expect("503" in kumod.errors[-1], True, kumod.errors[-1])
        status, _, errors = daemon.queue("purge")
        expect(status, 0, f"dsnarf queue purge: {errors}")
        lib.wait_until(lambda: daemon.request("GET", "/readyz")[0] == 200, "there is room again")
        expect(kumod.run_script(), True, "in the end")
        expect(len({record["id"] for record in kept(folder, 6)}), 6, "ids")
        expect(kumod.run_script(), True, "nothing more")
        kept(folder, 6)


# ---- samples ----

def read(*path):
    with open(os.path.join(lib.SOURCE, "packaging", *path), encoding="utf-8") as file:
        return file.read()


def through_sample(folder, name, environment, changes):
    """What comes to the integrator's server of four events."""
    webhook = f"webhook-{name}.toml"
    original = lib.original(1).replace(b"Subject:", b"X-PING8-Task-Id: 17\nSubject:", 1)
    with http_peer.Peer() as peer:
        with open(os.path.join(folder, webhook), "w", encoding="utf-8") as file:
            file.write(re.sub("(?m)^min_batch_size.*\n", "",
                              re.sub('(?m)^url = .*$', f'url = "{peer.url}"', read("examples", webhook))))
        os.environ.update(environment)
        with lib.Daemon(folder, {"http.token": TOKEN, "notice.enable": [], "include": webhook,
                                 **changes}) as daemon, \
                Kumod(folder, read("kumomta", f"{name}.lua"), url_of(daemon), environment) as kumod:
            for number, kind in enumerate(("Delivery", "Bounce", "Feedback", "Rejection")):
                headers = {"Subject": "Your order has been shipped", "X-PING8-Task-Id": "17"}
                kumod.log(record_of(number, kind, headers=headers),
                          None if kind in WITHOUT_MESSAGE else original, received=True)
            count = kumod.waiting
            expect(kumod.deliver()[0], [("Delivery", 200, count)], name)
            lib.wait_until(lambda: len(peer.ids) == count, "the events")
        expect(kumod.errors, [], "errors")
        return peer.accepted


def for_postmastery(folder):
    """From KumoMTA's policy to its analytics service: without what is for debugging."""
    requests = through_sample(folder, "postmastery", {"POSTMASTERY_KEY": "k-4711"}, {})
    records = [record for request in requests for record in request.records]
    expect(sorted(record["type"] for record in records), ["Bounce", "Delivery", "Feedback"], "types")
    for record in records:
        expect((record["meta"]["subject"], sorted(record["meta"])),
               ("Your order has been shipped", ["from", "message_id", "subject"]), record["type"])


def for_ping8(folder):
    """From KumoMTA's policy to its platform: what it knows its messages by."""
    requests = through_sample(folder, "ping8", {"PING8_WEBHOOK_TOKEN": TOKEN},
                              {"http.header": "X-PING8-Kumo-Token"})
    expect(len(requests), 4, "requests")
    for request in requests:
        expect(request.fields["x-ping8-kumo-token"], TOKEN, "token")
        expect(request.records[0]["headers"], {"Subject": "Your order has been shipped",
                                               "X-PING8-Task-Id": "17"}, "headers")


def samples_want_a_token(folder):
    for name, variable in (("postmastery", "DSNARF_TOKEN"), ("ping8", "PING8_WEBHOOK_TOKEN")):
        with Kumod(folder, read("kumomta", f"{name}.lua"), "http://127.0.0.1:1/v1/records",
                   {variable: ""}) as kumod:
            expect("token" in kumod.child.communicate()[1], True, f"{name} without a token")
            expect(kumod.child.returncode, 1, f"{name} without a token")


# ---- set-up ----

def wrong_set_ups(folder):
    rows = (
        ("url = 'dsnarf'", "url is to be like"),
        ("enable_bounces = true", 'did you mean "enable_bounce"?'),
        ("enable_bounce = 1", "enable_bounce is to be a boolean, not a number"),
        ("includ_original_message = 'No'", 'did you mean "include_original_message"?'),
        ("include_original_message = 'full'", "known are FullContent, HeadersOnly, No"),
        ("include_original_message = 'HeaderOnly'", 'did you mean "HeadersOnly"?'),
        ("log_parameters = { header = {} }", 'did you mean "headers"?'),
        ("log_parameters = { per_record = { bounce = {} } }", 'did you mean "Bounce"?'),
        ("log_parameters = { per_record = { Any = { template = 'x' } } }", 'unknown key of per_record.Any'),
        ("log_parameters = { per_record = { Bounce = { enable = false } } }", "contradict each other"),
        ("token = 'a\\n'", "control character"),
        ("something_else_entirely = 1", "known are batch_size"),
    )
    for options, wanted in rows:
        with Kumod(folder, USUAL % options, "http://127.0.0.1:1/v1/records") as kumod:
            _, errors = kumod.child.communicate()
            expect(kumod.child.returncode, 1, options)
            expect(wanted in errors, True, f"{options}: {errors}")
    for environment in ({"DSNARF_TOKEN": ""}, {"DSNARF_URL": "http://127.0.0.1:1"}):
        with Kumod(folder, USUAL % "", "http://127.0.0.1:1/v1/records", environment) as kumod:
            _, errors = kumod.child.communicate()
            expect((kumod.child.returncode, "dsnarf: " in errors), (1, True), f"{environment}: {errors}")
    with Kumod(folder, "require('policy-extras.dsnarf').new {}\n", "http://h/v1/records") as kumod:
        expect("with a colon" in kumod.child.communicate()[1], True, "called with a dot")
    old = "require('kumo').inject_message = nil\n"
    with Kumod(folder, old + USUAL % "", "http://127.0.0.1:1/v1/records") as kumod:
        expect("say include_original_message = 'No'" in kumod.child.communicate()[1], True, "old release")
    with Kumod(folder, old + USUAL % "include_original_message = 'No'", "http://h/v1/records") as kumod:
        expect(kumod.ask("deliver")["waiting"], 0, "old release without originals")


def other_ways_in(folder):
    """A token in a field of another name, or none."""
    with lib.Daemon(folder, settings(folder, http__header="X-PING8-Kumo-Token")) as daemon, \
            Kumod(folder, USUAL % "token_header = 'X-PING8-Kumo-Token'", url_of(daemon)) as kumod:
        kumod.log(record_of(1, "Bounce"), lib.original(1))
        expect(kumod.deliver()[0], [("Delivery", 200, 1)], "another field")
    with lib.Daemon(folder, settings(folder, http__token="none")) as daemon, \
            Kumod(folder, USUAL % "token = 'none'", url_of(daemon)) as kumod:
        kumod.log(record_of(2, "Bounce"), lib.original(2))
        expect(kumod.deliver()[0], [("Delivery", 200, 1)], "no token")
        kept(folder, 2)


lib.run(each_type_goes_one_way, headers_only, batches, a_missing_original_is_merged,
        every_failure_is_tried_again, nothing_is_lost_while_dsnarf_is_down,
        nothing_is_lost_when_dsnarf_is_killed_at_work, what_is_too_large_is_divided,
        five_megabytes, originals_that_cannot_be_had, what_can_never_succeed_is_a_dead_letter,
        what_lua_makes_of_records_is_read, a_full_spool_keeps_what_others_send, a_503_is_not_for_all,
        a_tailer_keeps_its_place, for_postmastery, for_ping8, samples_want_a_token, wrong_set_ups,
        other_ways_in)
