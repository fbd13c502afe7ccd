#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Which notices leave the daemon, and what they say: from the records that are posted to what the
sender's mail server gets."""
import email.utils
import time

import lib

HOUR = 3600


def at(event, created, **changes):
    """Times of a record, in seconds."""
    return {"timestamp": event, "event_time": lib.stamp(event), "created": created,
            "created_time": lib.stamp(created), **changes}


def failure(number, event, created, text="try again later", **changes):
    """A TransientFailure."""
    response = {"code": 451, "enhanced_code": {"class": 4, "subject": 7, "detail": 1},
                "content": text, "command": None}
    return lib.record(number, **at(event, created, type="TransientFailure", response=response),
                      **changes)


def delivery(number, event, created, **changes):
    response = {"code": 250, "enhanced_code": {"class": 2, "subject": 0, "detail": 0},
                "content": "queued", "command": None}
    return lib.record(number, **at(event, created, type="Delivery", response=response), **changes)


def reasons(answer):
    return answer[1]["reasons"]


def recipients(notice):
    return [group["Final-Recipient"].removeprefix("rfc822; ") for group in notice.recipients]


def notices(sink, count):
    """What has arrived once there are that many."""
    lib.wait_until(lambda: len(sink.mails) >= count, f"{count} notices")
    lib.expect(len(sink.mails), count, "notices")
    return [lib.Notice(mail.data) for mail in sink.mails]


# ---- several recipients ----

def recipients_of_a_message_share_a_notice(folder):
    """Rule ENV-21."""
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address],
                                "notice.coalesce": "10 minutes"}) as daemon:
        daemon.post([lib.element(1, recipient="a@customer.example")])
        daemon.post([lib.element(1, recipient="b@other.example", queue="news:shop@other.example"),
                     lib.element(2, recipient="of-another@customer.example")])
        (before,) = [entry for entry in daemon.waiting() if entry["record_id"].endswith("1")]
        daemon.kill9()
        daemon.start()
        (after,) = [entry for entry in daemon.waiting() if entry["record_id"].endswith("1")]
        lib.expect(after["next_attempt"], before["next_attempt"], "end of the window")
        daemon.post([lib.record(1, recipient="c@customer.example")])
        lib.expect(reasons(daemon.post([lib.record(1, recipient="a@customer.example")])), {},
                   "one that came before")
        lib.expect(daemon.metrics()['dsnarf_notices_total{event="merged"}'], 1, "merged")
        lib.expect(sink.mails, [], "notices that did not wait")
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
        both = {tuple(recipients(notice)) for notice in notices(sink, 2)}
        lib.expect(both, {("a@customer.example", "b@other.example", "c@customer.example"),
                          ("of-another@customer.example",)}, "recipients")
        lib.wait_until(lambda: not daemon.waiting(), "the two are done")
        daemon.post([lib.record(1, recipient="d@customer.example")])
        lib.expect(len(daemon.waiting()), 1, "notices for who comes too late")


def many_recipients_share_few_notices(folder):
    """In one body and in several; some come twice."""
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address],
                                "notice.coalesce": "10 minutes"}) as daemon:
        everybody = [f"r{number}@x.example" for number in range(250)]
        records = [lib.record(1, recipient=recipient) for recipient in everybody]
        for batch in records[:130], records[120:135], records[130:]:
            lib.expect(daemon.post(batch)[1]["reasons"], {}, "reasons")
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
        shares = [recipients(notice) for notice in notices(sink, 3)]
        lib.expect(sorted(map(len, shares)), [50, 100, 100], "recipients of each")
        lib.expect(sorted(sum(shares, [])), sorted(everybody), "all recipients")


def a_window_ends_by_itself(folder):
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address],
                                "notice.coalesce": "1s"}) as daemon:
        started = time.monotonic()
        daemon.post([lib.element(1)])
        notices(sink, 1)
        lib.expect(time.monotonic() - started > 0.9, True, "the notice waits")


def a_retry_ends_the_window(folder):
    """Also while the host is away, and what comes then is not taken into the notice."""
    with lib.Daemon(folder, {"notice.coalesce": "10 minutes"}) as daemon:
        daemon.post([lib.element(1, recipient="a@x.example")])
        (entry,) = daemon.waiting()
        lib.expect(lib.STARTED + 590 < entry["next_attempt"] < time.time() + 610, True, "its end")
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
        (entry,) = daemon.waiting()
        lib.expect(entry["next_attempt"], None, "next attempt of what is due")
        daemon.post([lib.element(1, recipient="b@x.example")])
        lib.expect(len(daemon.waiting()), 2, "notices")


# ---- delays ----

def a_delay_is_told_once_for_each_threshold(folder):
    now = lib.STARTED
    created = now - 6 * HOUR
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address],
                                "notice.enable": ["Bounce", "TransientFailure", "Delivery"],
                                "notice.delay_after": ["1h", "4h"], "notice.lifetime": "2 days",
                                "notice.delivered_late": True}) as daemon:
        def post(record, **more):
            return reasons(daemon.post([{"log_record": record, "message": lib.original(1).decode()}]))

        lib.expect(post(failure(1, created + HOUR // 2, created)), {"not-yet": 1}, "after half an hour")
        lib.expect(post(failure(1, created + HOUR, created, num_attempts=1)), {}, "after an hour")
        lib.expect(post(failure(1, created + 2 * HOUR, created, num_attempts=2)), {"duplicate": 1},
                   "after two")
        lib.expect(post(failure(1, created + 5 * HOUR, created, num_attempts=3)), {}, "after five")
        first, second = notices(sink, 2)
        for notice in first, second:
            (group,) = notice.recipients
            lib.expect(group["Action"], "delayed", "Action")
            lib.expect(group["Status"], "4.7.1", "Status")
            until = email.utils.parsedate_to_datetime(group["Will-Retry-Until"])
            lib.expect(int(until.timestamp()), created + 48 * HOUR, "Will-Retry-Until")
        lib.expect(post(delivery(1, now, created, num_attempts=4)), {}, "delivered")
        late = notices(sink, 3)[2]
        (group,) = late.recipients
        lib.expect(group["Action"], "relayed", "Action")
        lib.expect("has now been delivered" in late.text, True, "words of what is late")
        lib.expect(late.returned.get_content_type(), "text/rfc822-headers", "what is returned")
        lib.expect(post(delivery(1, now, created, num_attempts=5)), {"duplicate": 1}, "once more")
        lib.expect(post(delivery(2, now, now - 5, num_attempts=4)), {"not-asked": 1}, "in time")
        lib.expect(post(delivery(3, now, created, num_attempts=4)), {"not-delayed": 1},
                   "late, which nobody was told")


# ---- expirations ----

def an_expiration_tells_what_was_last_said(folder):
    now = lib.STARTED
    created = now - 50 * HOUR
    expired = at(now, created, type="Expiration", delivery_protocol=None, peer_address=None,
                 response={"code": 551, "enhanced_code": {"class": 5, "subject": 4, "detail": 7},
                           "content": "Next delivery time would be at X which exceeds the "
                           "expiration time", "command": None})
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address]}) as daemon:
        for hours, text in ((1, "first excuse"), (40, "mailbox on fire\nreally")):
            daemon.post([failure(1, created + hours * HOUR, created, text, num_attempts=hours)])
        daemon.kill9()
        daemon.start()
        daemon.post([lib.record(1, **expired)])
        daemon.post([failure(2, now - HOUR, created, "in the same body"), lib.record(2, **expired)])
        daemon.post([lib.record(3, **expired)])
        known, same, unknown = sorted(notices(sink, 3), key=lambda notice: notice.message["To"])
        (group,) = known.recipients
        lib.expect(group["Action"], "failed", "Action")
        lib.expect(group["Remote-MTA"], "dns; mx.customer.example", "Remote-MTA")
        lib.expect("451-4.7.1 mailbox on fire" in group["Diagnostic-Code"], True, "the last reply")
        lib.expect("first excuse" in known.message.as_string(), False, "the first reply")
        lib.expect("mailbox on fire" in known.text, True, "the last reply in the words")
        last = email.utils.parsedate_to_datetime(group["Last-Attempt-Date"])
        lib.expect(int(last.timestamp()), created + 40 * HOUR, "Last-Attempt-Date")
        lib.expect("in the same body" in same.recipients[0]["Diagnostic-Code"], True,
                   "a reply in the same body")
        lib.expect(unknown.recipients[0]["Status"], "5.4.7", "Status when nothing is known")
        lib.expect("Remote-MTA" in unknown.recipients[0], False, "a host when none is known")


# ---- what the sender asked for ----

WISHES = {"dsn_ret": "FULL", "dsn_envid": "QQ+2B314159", "dsn_notify": "FAILURE,DELAY",
          "dsn_orcpt": "rfc822;Jane+2BDoe@customer.example"}


def wishes_are_honoured(folder):
    now = lib.STARTED
    with lib.Sink() as sink, \
            lib.Daemon(folder, {"relay.default.hosts": [sink.address],
                                "notice.enable": ["Bounce", "TransientFailure", "Delivery"],
                                "notice.delay_after": ["1h"]}) as daemon:
        def post(record):
            return reasons(daemon.post([{"log_record": record,
                                         "message": lib.original(1).decode()}]))

        lib.expect(post(lib.record(1, meta=WISHES)), {}, "failed, as asked for")
        lib.expect(post(lib.record(2, meta={**WISHES, "dsn_ret": "HDRS"})), {}, "the same, header")
        lib.expect(post(delivery(3, now, now - 5, meta={"dsn_notify": "SUCCESS"})), {}, "relayed")
        lib.expect(post(delivery(4, now, now - 5, meta={"dsn_notify": "SUCCESS",
                                                        "dsn_action": "expanded"})), {}, "expanded")
        lib.expect(post(delivery(5, now, now - 5, delivery_protocol="LMTP",
                                 meta={"dsn_notify": "SUCCESS,FAILURE"})), {}, "delivered")
        never = {"dsn_notify": "NEVER"}
        for number, record in enumerate((lib.record(6, meta=never),
                                         delivery(7, now, now - 5, meta=never),
                                         failure(8, now, now - 2 * HOUR, meta=never))):
            lib.expect(post(record), {"notify-never": 1}, f"NEVER, {number}")
        for number, record in enumerate((lib.record(9, meta={"dsn_notify": "SUCCESS"}),
                                         delivery(10, now, now - 5, meta={"dsn_notify": "DELAY"}),
                                         failure(11, now, now - 2 * HOUR,
                                                 meta={"dsn_notify": "FAILURE"}))):
            lib.expect(post(record), {"not-asked": 1}, f"not asked for, {number}")
        lib.expect(post(lib.record(12, recipient=["a@x.example", "b@x.example", "c@x.example"],
                                   meta={"dsn_notify": {"b@x.example": "NEVER"},
                                         "dsn_orcpt": {"c@x.example": "x-y;a+2Bb"}})), {}, "of three")
        lib.expect(post(lib.record(13, meta={"dsn_ret": "SOME", "dsn_notify": "PLEASE"})), {},
                   "broken wishes")
        arrived = {notice.message["To"]: notice for notice in notices(sink, 7)}
        lib.expect(len(daemon.logged(r"d: type=Bounce .* broken_wishes=2 ")), 1, "lines about them")
    full, header = arrived["news+1@shop.example"], arrived["news+2@shop.example"]
    for notice in full, header:
        lib.expect(notice.about["Original-Envelope-Id"], "QQ+314159", "Original-Envelope-Id")
        lib.expect(notice.recipients[0]["Original-Recipient"],
                   "rfc822; Jane+Doe@customer.example", "Original-Recipient")
    lib.expect(full.returned.get_content_type(), "message/rfc822", "what FULL returns")
    lib.expect(full.original().get_content().splitlines(),
               ["Dear Jane,", "", "your order 4711 is on its way."], "the original")
    for notice in [header] + [arrived[f"news+{number}@shop.example"] for number in (3, 4, 5, 13)]:
        lib.expect(notice.returned.get_content_type(), "text/rfc822-headers", "what HDRS returns")
        lib.expect(notice.original()["Message-ID"], "<20261120091458.1@shop.example>", "original")
    for number, action in ((3, "relayed"), (4, "expanded"), (5, "delivered")):
        lib.expect(arrived[f"news+{number}@shop.example"].recipients[0]["Action"], action, "Action")
    some = arrived["news+12@shop.example"]
    lib.expect(recipients(some), ["a@x.example", "c@x.example"], "recipients")
    lib.expect([group["Original-Recipient"] for group in some.recipients], [None, "x-y; a+b"],
               "of the original")
    for mail in sink.mails:
        lib.expect(mail.sender.startswith(b"FROM:<>"), True, "the null sender")
        for word in b"RET=", b"ENVID=":
            lib.expect(word in mail.sender, False, f"{word} of a notice")
        lib.expect(mail.recipients[0].partition(b">")[2] in (b"", b" NOTIFY=NEVER"), True,
                   "what is asked for a notice")


# ---- what is not ASCII ----

LETTER = """\
Return-Path: <news+4711@shop.example>
From: =?utf-8?q?J=C3=BCrgen?= <juergen@shop.example>
To: Jane <jane@customer.example>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <letter@shop.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Köln.
.with a dot
"""
UTF8_LETTER = """\
Return-Path: <jürgen@shop.example>
From: Jürgen <jürgen@shop.example>
To: Anaïs <anaïs@müller.example>
Subject: Grüße
Message-ID: <letter@shop.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Köln.
"""


def faithful(returned, number):
    """What came back is the letter, whatever coding it travelled in."""
    lib.expect(returned["Message-ID"], "<letter@shop.example>", f"original of {number}")
    lib.expect(returned["Subject"], "Grüße", f"subject of {number}")
    lib.expect(returned.get_content().splitlines()[0], "Grüße aus Köln.", f"text of {number}")


def what_is_not_ascii_arrives(folder):
    """Rules MIME-12, MIME-24: a host gets what it can take, and the letter stays the same."""
    peers = {"wide": lib.Sink(), "plain": lib.Sink(extensions=())}
    with peers["wide"], peers["plain"], \
            lib.Daemon(folder, {"notice.include_original": "full", "notice.coalesce": "0s",
                                "relay.default.hosts": [peers["wide"].address],
                                "relay.plain.hosts": [peers["plain"].address],
                                "tenant.plain.match.queue": ["plain"],
                                "tenant.plain.relay": "plain"}) as daemon:
        elements = []
        for number, queue in enumerate(peers, 1):
            queue = f"x:{queue}@customer.example"
            elements += [
                {"message": LETTER, "log_record": lib.record(number, queue=queue)},
                {"message": UTF8_LETTER,
                 "log_record": lib.record(10 + number, queue=queue, recipient="anaïs@müller.example")},
                {"message": UTF8_LETTER,
                 "log_record": lib.record(20 + number, queue=queue, sender="jürgen@shop.example",
                                          recipient="anaïs@müller.example")}]
        lib.expect(reasons(daemon.post(elements)), {}, "reasons")
        notices(peers["wide"], 3)
        notices(peers["plain"], 2)
        lib.wait_until(lambda: daemon.logged("status=dead"), "what needs SMTPUTF8")
        lib.expect(len(daemon.logged(r"status=dead .*5\.6\.7 SMTPUTF8 is not offered")), 1, "dead letters")
        lib.wait_until(lambda: len(daemon.logged("status=sent")) == 5, "a line about each")
        lib.expect(len(daemon.logged("converted=7bit")), 1, "notices that were converted")
    asked = {}
    for mail in peers["wide"].mails + peers["plain"].mails:
        notice = lib.Notice(mail.data)
        number = int(notice.recipients[0]["Final-Log-ID"], 16)
        asked[number] = [word for word in (b"8BITMIME", b"SMTPUTF8") if word in mail.sender]
        if b"8BITMIME" not in mail.sender:
            lib.expect(mail.data.isascii(), True, f"{number} is in 7 bits")
        if number < 10 or number > 20:  # email reads no message/global in quoted-printable
            faithful(notice.original(), number)
    lib.expect(asked, {1: [b"8BITMIME"], 11: [], 21: [b"8BITMIME", b"SMTPUTF8"], 2: [], 12: []},
               "what is asked of hosts")


lib.run(recipients_of_a_message_share_a_notice, many_recipients_share_few_notices,
        a_window_ends_by_itself, a_retry_ends_the_window, a_delay_is_told_once_for_each_threshold,
        an_expiration_tells_what_was_last_said, wishes_are_honoured, what_is_not_ascii_arrives)
