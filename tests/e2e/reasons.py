#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Why there is no notice: each reason in the answer, the log, the metrics, and what dsnarf why and
dsnarf generate --dry-run tell."""
import json
import subprocess

import lib

HOUR = 3600
NOW = lib.STARTED


def settings(**more):
    """Everything that can be a reason, of a daemon that believes nobody without proof."""
    return {"notice.senders": ["shop.example"], "notice.trust": ["authenticated", "spf", "dkim"],
            "notice.enable": ["Bounce", "TransientFailure", "Delivery"],
            "notice.delivered_late": True, "notice.ignore": ["robot@shop.example"],
            "notice.internal": False, "authentication.authserv_ids": ["mx.shop.example"],
            **{key.replace("__", "."): value for key, value in more.items()}}


def element(number, header="", hours=0, **changes):
    """A bounce, some hours after it came in, of a message by somebody who has logged in; with some
    fields more in the header of the original."""
    meta = {"authn_id": "shop", **changes.pop("meta", {})}
    changes = {"created": NOW - hours * HOUR, "created_time": lib.stamp(NOW - hours * HOUR), **changes}
    return {"log_record": lib.record(number, meta=meta, **changes),
            "message": f"{header}From: a@shop.example\nMessage-ID: <{number}@shop.example>\n\nhello\n"}


def identity(one):
    return one["log_record"]["id"]


def run(*arguments, data=None):
    done = subprocess.run([lib.PROGRAM, *arguments], input=data, capture_output=True, text=True,
                          timeout=lib.PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def story(daemon, name):
    """What dsnarf why tells people, and the objects that it tells programs."""
    status, text, _ = run("why", "-c", daemon.configuration, name)
    other, lines, _ = run("why", "-c", daemon.configuration, "--json", name)
    lib.expect(other, status, "status of why --json")
    return text, [json.loads(line) for line in lines.splitlines()]


def not_done(daemon, reason):
    return daemon.metrics()[f'dsnarf_not_done_total{{reason="{reason}"}}']


OLD = NOW - 100 * 24 * HOUR
DELIVERED = {"type": "Delivery", "response": {"code": 250, "enhanced_code": None, "content": "ok",
                                              "command": None}}

# A reason, what it is about, and the words of dsnarf why; None for what only its number is kept of.
CASES = (
    ("null-sender", element(1, sender=""), "from <>; no notice: the original has the null sender"),
    ("bad-sender", element(2, sender="nobody at all"), "the sender is no address"),
    ("own-traffic", element(3, "X-Dsnarf-Notice: delivery-status\n"), "a notice of ours"),
    ("own-traffic", element(4, reception_protocol="LogRecord"), "a notice of ours"),
    ("notification", element(5, "Content-Type: multipart/report; boundary=x\n"),
     "the original is a notification itself"),
    ("sender-ignored", element(6, sender="Robot@shop.example"), "notice.ignore lists the sender"),
    ("protocol", element(7, delivery_protocol="HttpInjectionGenerator", **DELIVERED),
     "it went to another part of the mail relay"),
    ("internal", element(8, peer_address=None, delivery_protocol=None), "notice.internal is off"),
    ("notify-never", element(9, meta={"dsn_notify": "never"}), "NOTIFY=NEVER"),
    ("not-asked", element(10, meta={"dsn_notify": "SUCCESS"}), "did not ask to be told about this"),
    ("automatic", element(11, "Auto-Submitted: auto-generated\n", 5, type="TransientFailure"),
     "the original was sent by a program, or to a list"),
    ("automatic", element(12, "List-Id: <x.shop.example>\n", 5, type="TransientFailure"),
     "the original was sent by a program, or to a list"),
    ("sender-not-trusted", element(13, meta={"authn_id": ""}), "nothing says that the sender is"),
    ("sender-not-ours", element(14, sender="a@elsewhere.example"),
     "neither notice.senders nor its tenant has the sender"),
    ("too-old", element(15, timestamp=OLD, event_time=lib.stamp(OLD)), "older than dedup.keep"),
    ("not-asked", element(16, **DELIVERED), None),
    ("not-yet", element(17, type="TransientFailure"), None),
    ("not-delayed", element(18, hours=5, **DELIVERED), None),
)

# What generate does not look at: who the sender is, and what else was made.
ONLY_SERVE = ("sender-not-trusted", "sender-not-ours", "too-old", "not-delayed")


def each_reason_is_told(folder):
    with lib.Daemon(folder, settings()) as daemon:
        for reason, one, words in CASES:
            before = not_done(daemon, reason)
            answer = daemon.post([one])[1]
            lib.expect((answer["accepted"], answer["reasons"]), (1, {reason: 1}), reason)
            lib.expect(not_done(daemon, reason) - before, 1, f"counted as {reason}")
            lib.expect(len(daemon.logged(rf"{identity(one)}: .* reason={reason}$")), 1,
                       f"lines about {reason}")
            text, objects = story(daemon, identity(one))
            if words is None:
                lib.expect(text, "", f"story of {reason}")
                continue
            lib.expect(words in text and text.endswith(f" ({reason})\n"), True, f"story: {text}")
            lib.expect([line["reason"] for line in objects], [reason], "reasons in objects")
        by_message_id = story(daemon, "9@shop.example")[0]
        lib.expect(by_message_id, story(daemon, identity(CASES[8][1]))[0],
                   "story by the Message-ID of the original")
        bare = lib.record(50, sender="", headers={"message-id": "<logged@shop.example>"})
        daemon.post([bare])
        lib.expect(story(daemon, "logged@shop.example")[0], story(daemon, bare["id"])[0],
                   "story by the Message-ID that was logged")
        lib.expect(daemon.waiting(), [], "notices")
        tell_by_generate(daemon)


def tell_by_generate(daemon):
    """The same records for dsnarf generate --dry-run."""
    lines = "".join(json.dumps(one) + "\n" for _, one, _ in CASES)
    _, out, _ = run("generate", "-c", daemon.configuration, "--dry-run", data=lines)
    told = [json.loads(line) for line in out.splitlines()]
    lib.expect(len(told), len(CASES), "lines of generate --dry-run")
    for (reason, one, _), line in zip(CASES, told):
        lib.expect(line["id"], identity(one), "id")
        if reason in ONLY_SERVE:
            lib.expect(line["due"], True, f"{reason} does not matter")
        else:
            lib.expect((line["due"], line["reason"]), (False, reason), "reason of generate")
        lib.expect(line["trusted"], reason != "sender-not-trusted", f"trust of {reason}")


# ---- automatic mail ----

def automatic_mail_is_a_setting(folder):
    """Rules LOOP-07, LOOP-10, by failures; the sender is trusted or not."""
    mails = {"program": "Auto-Submitted: auto-replied (vacation)\n", "list": "Precedence: bulk\n",
             "person": "Auto-Submitted: no\n"}
    notified = {"notify": {"program", "list", "person", "doubtful program"},
                "trusted": {"program", "list", "person"}, "ignore": {"person"}}
    with lib.Daemon(folder, settings(notice__trust=["any"])) as daemon:
        for number, (setting, wanted) in enumerate(notified.items()):
            daemon.configure(notice__automatic=setting)
            daemon.reload()
            lib.wait_until(lambda n=number: len(daemon.logged("reload: .* is in force")) == n + 1,
                           "the reload")
            posted = {who: element(100 * number + place, header)
                      for place, (who, header) in enumerate(mails.items())}
            posted["doubtful program"] = element(100 * number + 50, mails["program"],
                                                 meta={"authn_id": ""})
            for who, one in posted.items():
                reasons = daemon.post([one])[1]["reasons"]
                lib.expect(reasons, {} if who in wanted else {"automatic": 1}, f"{who}, {setting}")


# ---- who the sender is ----

RESULTS = "Authentication-Results: mx.shop.example; "


def proofs_of_the_sender(folder):
    """Rule ENV-23."""
    stranger = {"authn_id": ""}
    proofs = (
        (["spf"], element(1, RESULTS + "spf=pass smtp.mailfrom=shop.example\n", meta=stranger), True),
        (["dkim"], element(2, RESULTS + "dkim=pass header.d=shop.example\n", meta=stranger), True),
        (["spf"], element(3, RESULTS + "spf=fail smtp.mailfrom=shop.example\n", meta=stranger), False),
        (["dkim"], element(4, RESULTS + "dkim=pass header.d=other.example\n", meta=stranger), False),
        (["dkim"], element(5, RESULTS + "spf=pass smtp.mailfrom=shop.example\n", meta=stranger), False),
        (["spf"], element(6, "Authentication-Results: evil.example; spf=pass "
                          "smtp.mailfrom=shop.example\n", meta=stranger), False),
        (["authenticated"], element(7), True),
        (["authenticated"], element(8, meta=stranger, reception_protocol="HTTP"), True),
        (["spf"], element(9), False),
        (["tenant"], element(10, queue="x:acme@y.example", meta=stranger), True),
        (["tenant"], element(11, meta=stranger), False),
        (["any"], element(12, meta=stranger), True),
    )
    with lib.Daemon(folder, settings(tenant__acme__match__queue=["acme"])) as daemon:
        for number, (trust, one, proved) in enumerate(proofs, 1):
            daemon.configure(notice__trust=trust)
            daemon.reload()
            lib.wait_until(lambda n=number: len(daemon.logged("reload: .* is in force")) == n,
                           "the reload")
            lib.expect(daemon.post([one])[1]["reasons"],
                       {} if proved else {"sender-not-trusted": 1}, f"proof {number}")


# ---- duplicates ----

def the_same_is_told_once(folder):
    """Rule ENV-20, also after a crash."""
    with lib.Sink() as sink, lib.Daemon(folder, settings(relay__default__hosts=[sink.address])) as daemon:
        one = element(1)
        daemon.post([one])
        daemon.kill9()
        daemon.start()
        answer = daemon.post([one])[1]
        lib.expect((answer["accepted"], answer["duplicate"]), (0, 1), "the same event")
        again = element(1, num_attempts=3)
        lib.expect(daemon.post([again])[1]["reasons"], {"duplicate": 1}, "another event")
        lib.expect(not_done(daemon, "duplicate"), 2, "counted")
        lib.expect(len(daemon.logged("reason=duplicate$")), 2, "lines")
        lib.wait_until(lambda: len(sink.mails) == 1, "the notice")
        lib.wait_until(lambda: "was taken by relay default, after 1 attempt: 250 2.0.0 Ok: kept" in
                       story(daemon, identity(one))[0], "its story")
    lib.expect(len(sink.mails), 1, "notices")


# ---- rates ----

def too_many_in_an_hour(folder):
    """By each rate, which is as empty after a restart as it was."""
    limits = {"notice.hourly_sender_rate": 3, "notice.hourly_domain_rate": 5,
              "http.client.mta1.hourly_rate": 7, "notice.hourly_rate": 9}
    token = {"Authorization": "Bearer secret-of-mta1"}
    with lib.Daemon(folder, settings(
            notice__senders=["*"], http__client__mta1__token="secret-of-mta1", **limits)) as daemon:
        posted = iter(range(1, 1000))

        def made(sender, headers=None):
            """How many notices to a sender are made, and which rate ends it."""
            for count in range(20):
                one = element(next(posted), sender=sender)
                reasons = daemon.post([one], headers)[1]["reasons"]
                if reasons:
                    lib.expect(reasons, {"rate-limited": 1}, "reasons")
                    (line,) = daemon.logged(f"{identity(one)}: .* reason=rate-limited")
                    rate = line.rpartition(" rate=")[2]
                    lib.expect(f"there were too many notices in an hour (rate-limited, {rate})\n" in
                               story(daemon, identity(one))[0], True, "the story")
                    return count, rate
            raise lib.Failure("no rate ends it")

        lib.expect(made("a@x.example"), (3, "notice.hourly_sender_rate"), "to one")
        lib.expect(made("b@x.example"), (2, "notice.hourly_domain_rate"), "to a domain")
        lib.expect(made("a@y.example", token), (3, "notice.hourly_sender_rate"), "for a client")
        lib.expect(made("a@z.example"), (1, "notice.hourly_rate"), "to anybody")
        lib.expect(not_done(daemon, "rate-limited"), 4, "counted")
        daemon.stop()
        daemon.start()
        lib.expect(made("a@q.example"), (0, "notice.hourly_rate"), "after a restart")
        daemon.configure(notice__hourly_rate=0)
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(made("a@x.example"), (0, "notice.hourly_sender_rate"), "to one, after a restart")
        lib.expect(made("c@x.example"), (0, "notice.hourly_domain_rate"), "to a domain, likewise")
        for sender in ("p@1.example", "q@2.example"):
            lib.expect(made(sender, token)[1], "notice.hourly_sender_rate"
                       if sender[0] == "p" else "http.client.hourly_rate", "for a client, likewise")


# ---- trying it out ----

def a_dry_run_sends_nothing(folder):
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        notice__dry_run=True)) as daemon:
        one = element(1)
        lib.expect(daemon.post([one])[1]["reasons"], {"dry-run": 1}, "reasons")
        lib.expect(not_done(daemon, "dry-run"), 1, "counted")
        lib.expect(len(daemon.logged(f"{identity(one)}: .* reason=dry-run")), 1, "lines")
        lib.expect("it would have been sent (dry-run)" in story(daemon, identity(one))[0], True, "story")
        daemon.configure(notice__dry_run=False)
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(daemon.post([one])[1]["reasons"], {}, "in earnest")
        lib.wait_until(lambda: len(sink.mails) == 1, "the notice")


lib.run(each_reason_is_told, automatic_mail_is_a_setting, proofs_of_the_sender,
        the_same_is_told_once, too_many_in_an_hour, a_dry_run_sends_nothing)
