#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tenants of one daemon: each with its own name, senders, posters and relay, also after a reload."""
import email
import os
import signal
import socket

import lib


def settings(**more):
    """Two tenants: acme by its senders, shop by its queue."""
    return {"notice.senders": [], "notice.trust": ["token", "tenant", "any"],
            "tenant.acme.match.sender_domain": ["acme.example", "*.acme.example"],
            "tenant.acme.hostname": "bounces.acme.example",
            "tenant.acme.from": "Acme Mail <postmaster@acme.example>",
            "tenant.shop.match.queue": ["shop"],
            "tenant.shop.match.sender_domain": ["shop.example"],
            "tenant.shop.from": "Shop <help@shop.example>",
            **{key.replace("__", "."): value for key, value in more.items()}}


def element(number, sender, queue="customer.example"):
    """A bounce of a message that was not queued for any tenant."""
    return lib.element(number, sender=sender, queue=queue)


def ignored(answer, reason):
    return answer[1]["reasons"].get(reason, 0)


def fields(mail):
    """From and Reporting-MTA of a notice."""
    message = email.message_from_bytes(mail.data)
    report = next(part for part in message.walk()
                  if part.get_content_type() == "message/delivery-status")
    return message["From"], report.get_payload()[0]["Reporting-MTA"]


def each_has_its_own_name_and_relay(folder):
    with lib.Sink() as acme, lib.Sink() as rest, \
            lib.Daemon(folder, settings(relay__default__hosts=[rest.address],
                                        relay__acme__hosts=[acme.address],
                                        tenant__acme__relay="acme")) as daemon:
        answer = daemon.post([element(1, "news@acme.example"), element(2, "news@eu.acme.example"),
                              element(3, "news@shop.example"),
                              element(4, "news@shop.example", "spring:shop@customer.example"),
                              element(5, "news@elsewhere.example")])
        lib.expect(ignored(answer, "sender-not-ours"), 1, "senders that are nobody's")
        lib.wait_until(lambda: len(acme.mails) == 2 and len(rest.mails) == 2, "all notices arrive")
        lib.expect({fields(mail) for mail in acme.mails},
                   {("Acme Mail <postmaster@acme.example>", "dns; bounces.acme.example")},
                   "what acme's say")
        lib.expect({fields(mail) for mail in rest.mails},
                   {("Shop <help@shop.example>", "dns; mta1.example.com")}, "what the shop's say")


def each_has_its_turn(folder):
    """Ten notices of one tenant do not wait behind thousands of another."""
    many = 20000
    port = lib.free_port()

    def of_the_few(sink):
        return [place for place, mail in enumerate(list(sink.mails))
                if "news@shop.example" in str(mail.recipients)]

    with lib.Daemon(folder, settings(log__level="info",
                                     relay__default__hosts=[f"127.0.0.1:{port}"])) as daemon:
        for first in range(0, many, 1000):
            answer = daemon.post([element(number, "news@acme.example")
                                  for number in range(first, first + 1000)])
            lib.expect(answer[1]["accepted"], 1000, "elements that were accepted")
        lib.expect(daemon.post([element(many + number, "news@shop.example")
                                for number in range(10)])[1]["accepted"], 10, "of the other one")
        with lib.Sink(port=port) as sink:
            lib.wait_until(lambda: len(of_the_few(sink)) == 10, "the notices of the other one")
            before = of_the_few(sink)[-1]
        if before > many / 10:  # of those that were on their way
            raise lib.Failure(f"{before} notices went before the last of ten of another tenant")


def a_tenant_gets_no_notice_of_another(folder):
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address])) as daemon:
        answer = daemon.post([element(1, "news@acme.example", "spring:shop@customer.example")])
        lib.expect(ignored(answer, "sender-not-ours"), 1, "acme's senders in the queue of the shop")


def a_client_posts_for_its_tenants(folder):
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        notice__trust=["token"],
                                        http__client__shop__token="of-shop",
                                        http__client__shop__tenants=["shop"])) as daemon:
        of_shop = {"Authorization": "Bearer of-shop"}
        answer = daemon.post([element(1, "news@acme.example"), element(2, "news@shop.example")],
                             of_shop)
        lib.expect(ignored(answer, "sender-not-bound"), 1, "of another tenant")
        lib.wait_until(lambda: len(sink.mails) == 1, "the notice of its own")
        answer = daemon.post([element(3, "news@shop.example")])
        lib.expect(ignored(answer, "sender-not-trusted"), 1, "of somebody who is not bound")


def senders_are_read_again(folder):
    path = os.path.join(folder, "senders")

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write("# ours\nnews@list.example\n")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        tenant__list__match__senders_file=path)) as daemon:
        lib.expect(ignored(daemon.post([element(1, "Info@list.example")]), "sender-not-ours"), 1,
                   "before it is listed")
        write("news@list.example\ninfo@list.example\n")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(ignored(daemon.post([element(2, "Info@list.example")]), "sender-not-ours"), 0,
                   "when it is listed")
        write("news@list.example\nx@acme@example\n")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged(r"error: reload: \S*/senders:2: "
                                             r"tenant\.list\.match\.senders_file: expected"),
                       "what is wrong with the list")
        lib.expect(ignored(daemon.post([element(3, "info@list.example")]), "sender-not-ours"), 0,
                   "with the list as it was")
        lib.wait_until(lambda: len(sink.mails) == 2, "their notices")


def relays_come_and_go(folder):
    with lib.Sink() as acme, lib.Sink() as rest, \
            lib.Daemon(folder, settings(relay__default__hosts=[rest.address],
                                        relay__acme__hosts=["127.0.0.1:1"],
                                        tenant__acme__relay="acme")) as daemon:
        daemon.post([element(1, "news@acme.example")])
        lib.wait_until(lambda: daemon.logged(r"host 127\.0\.0\.1:1 paused"), "acme's host fails")
        lib.expect(len(rest.mails), 0, "notices of acme by the default relay")
        for key in ("relay.acme.hosts", "tenant.acme.relay"):
            del daemon.settings[key]
        daemon.configure()
        daemon.reload()
        lib.wait_until(lambda: len(rest.mails) == 1, "what waited goes by the default relay")
        lib.wait_until(lambda: daemon.logged("reload: .* is in force"), "the reload")
        lib.expect(len(daemon.logged("relay: 1 notices waited for relays that are no longer "
                                     "configured")), 1, "lines about it")
        daemon.configure(relay__acme__hosts=[acme.address], tenant__acme__relay="acme")
        daemon.reload()
        lib.wait_until(lambda: len(daemon.logged("reload: .* is in force")) == 2, "the reload")
        daemon.post([element(2, "news@acme.example")])
        lib.wait_until(lambda: len(acme.mails) == 1, "a relay that is new takes notices")


def a_retry_reaches_every_relay(folder):
    port = lib.free_port()
    with lib.Daemon(folder, settings(relay__acme__hosts=[f"127.0.0.1:{port}"],
                                     relay__acme__retry_interval="1h",
                                     relay__acme__max_retry_interval="1h",
                                     tenant__acme__relay="acme")) as daemon:
        daemon.post([element(1, "news@acme.example")])
        lib.wait_until(lambda: daemon.logged(rf"warning: relay acme: host 127\.0\.0\.1:{port} paused"),
                       "acme's host fails")
        with lib.Sink(port=port) as sink:
            lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
            lib.wait_until(lambda: len(sink.mails) == 1, "the notice arrives after a retry")


def a_faulty_text_is_a_warning(folder):
    texts = os.path.join(folder, "texts")
    os.makedirs(texts)
    with open(os.path.join(texts, "failed.en.txt"), "w", encoding="utf-8") as file:
        file.write("Subject: {{ broken\n\nbody\n")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        tenant__acme__templates=texts)) as daemon:
        lib.expect(len(daemon.logged(r"warning: tenant\.acme\.templates: .*failed\.en\.txt")), 1,
                   "lines at the start")
        daemon.post([element(1, "news@acme.example")])
        lib.wait_until(lambda: len(sink.mails) == 1, "a notice with other words")


def texts(folder, name, body):
    """A directory with a text of one's own for failures."""
    path = os.path.join(folder, name)
    os.makedirs(path)
    with open(os.path.join(path, "failed.en.txt"), "w", encoding="utf-8") as file:
        file.write(f"Subject: {name}\n\n{body}\n")
    return path


def each_way_to_know_a_tenant(folder):
    """The first of queue, meta, sender, domain, the domain above, and the submitter's network."""
    ways = {"queued": {"match.queue": ["Queued"]}, "asked": {"match.meta.customer": "42"},
            "one": {"match.sender": ["One@exact.example"]},
            "exact": {"match.sender_domain": ["exact.example", "bücher.example"]},
            "below": {"match.sender_domain": ["*.exact.example"]},
            "deeper": {"match.sender_domain": ["*.deep.exact.example"]},
            "near": {"match.client": ["192.0.2.0/24", "2001:db8::/32"]},
            "nearer": {"match.client": ["192.0.2.128/25"]}}
    known = (
        ("queued", {"queue": "news:Queued@x.example!r", "sender": "one@exact.example",
                    "meta": {"customer": 42}}),
        ("asked", {"meta": {"customer": "42"}, "sender": "one@exact.example"}),
        ("asked", {"meta": {"customer": 42}}),
        ("one", {"sender": "ONE@Exact.example", "meta": {"received_from": "192.0.2.1"}}),
        ("exact", {"sender": "two@exact.example"}),
        ("exact", {"sender": "two@xn--bcher-kva.example"}),
        ("below", {"sender": "one@a.exact.example"}),
        ("deeper", {"sender": "one@a.deep.exact.example"}),
        ("near", {"meta": {"received_from": "192.0.2.1:25"}}),
        ("near", {"meta": {"received_from": "[2001:db8::1]:25"}}),
        ("nearer", {"meta": {"received_from": "192.0.2.200"}}),
        (None, {"meta": {"received_from": "192.0.3.1", "customer": "421"}, "queue": "queued@x.example"}),
    )
    tenants = {f"tenant.{name}.{key}": value for name, match in ways.items()
               for key, value in match.items()}
    with lib.Daemon(folder, {"notice.senders": ["*"], **tenants}) as daemon:
        for number, (name, changes) in enumerate(known, 1):
            changes = {"queue": "x.example", "meta": {}, "sender": "a@elsewhere.example", **changes}
            lib.expect(daemon.post([lib.element(number, **changes)])[1]["reasons"], {}, "reasons")
            (line,) = daemon.logged(f"{number:032x}: type=Bounce")
            lib.expect(" tenant=" in line and line.partition(" tenant=")[2].split(" ")[0] or None, name,
                       f"tenant of {changes}")
            (entry,) = [entry for entry in daemon.waiting() if entry["record_id"] == f"{number:032x}"]
            lib.expect(entry["tenant"], name, "tenant of the notice")


def each_has_its_own_words_and_rules(folder):
    fine = texts(folder, "Acme says no", "{{ recipients[0].address }} did not get it. Ask {{ postmaster }}.")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        tenant__acme__templates=fine,
                                        tenant__acme__postmaster="help@acme.example",
                                        tenant__acme__include_original="full",
                                        tenant__shop__languages=["de", "fr"],
                                        tenant__shop__all_languages=True, tenant__shop__html=True,
                                        tenant__shop__enable=["Bounce", "AdminBounce"])) as daemon:
        answer = daemon.post([element(1, "news@acme.example"), element(2, "news@shop.example"),
                              {**element(3, "news@acme.example"),
                               "log_record": lib.record(3, sender="news@acme.example",
                                                        queue="x.example", type="AdminBounce")}])
        lib.expect(ignored(answer, "type-not-enabled"), 1, "what acme has not enabled")
        lib.wait_until(lambda: len(sink.mails) == 2, "the notices")
        acme, shop = sorted((lib.Notice(mail.data) for mail in sink.mails),
                            key=lambda notice: notice.message["To"])
        lib.expect(acme.message["Subject"], "Acme says no", "Subject")
        lib.expect(acme.text.strip(), "jane@customer.example did not get it. Ask help@acme.example.",
                   "words of acme")
        lib.expect(acme.returned.get_content_type(), "message/rfc822", "what acme returns")
        lib.expect(shop.message["Subject"].startswith("Nicht zugestellt"), True, "Subject of the shop")
        languages = [(part.get_content_type(), part["Content-Language"])
                     for part in shop.words.walk() if part["Content-Language"]]
        lib.expect(set(languages) >= {(kind, language) for kind in ("text/plain", "text/html")
                                      for language in ("de", "fr")}, True, f"words {languages}")
        lib.expect(shop.returned.get_content_type(), "text/rfc822-headers", "what the shop returns")


def a_text_that_fails_costs_one_tenant(folder):
    faulty = texts(folder, "faulty", "{% if recipients[0].status == '5.1.1' %}{{ no.such }}{% endif %}")
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        tenant__acme__templates=faulty,
                                        tenant__shop__templates=texts(folder, "fine", "Fine."))) as daemon:
        daemon.post([element(1, "news@acme.example"), element(2, "news@shop.example")])
        lib.wait_until(lambda: len(sink.mails) == 2, "the notices")
        words = {notice.message["To"]: notice for notice in (lib.Notice(mail.data) for mail in sink.mails)}
        lib.expect(words["news@acme.example"].message["Subject"],
                   "Not delivered: Your order has been shipped", "the shipped text")
        lib.expect(words["news@shop.example"].message["Subject"], "fine", "the other's")
        lib.expect(len(daemon.logged(r"warning: 0*1: .* tenant=acme .*template_fault=.*failed\.en\.txt:3:")),
                   1, "lines about it")
        lib.expect(daemon.metrics()['dsnarf_notices_total{event="template-fault"}'], 1, "counted")


def tenants_come_and_go(folder):
    """While their notices wait."""
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address],
                                        notice__coalesce="10 minutes")) as daemon:
        reloads = iter(range(1, 10))

        def reload():
            number = next(reloads)
            daemon.configure()
            daemon.child.send_signal(signal.SIGHUP)
            lib.wait_until(lambda: len(daemon.logged("reload: .* is in force")) == number, "the reload")

        def post(number, recipient):
            record = lib.record(number, sender="news@acme.example", queue="x.example",
                                recipient=recipient)
            return daemon.post([record])[1]["reasons"]

        lib.expect(post(1, "a@x.example"), {}, "reasons")
        for key in [key for key in daemon.settings if key.startswith("tenant.acme.")]:
            daemon.settings[key.replace("acme.", "renamed.", 1)] = daemon.settings.pop(key)
        reload()
        lib.expect(post(1, "a@x.example"), {}, "the same once more")
        lib.expect(post(1, "b@x.example"), {}, "another recipient, of the new name")
        lib.expect([entry["tenant"] for entry in daemon.waiting()], ["acme", "renamed"], "what waits")
        for key in [key for key in daemon.settings if key.startswith("tenant.renamed.")]:
            del daemon.settings[key]
        reload()
        lib.expect(post(1, "c@x.example"), {"sender-not-ours": 1}, "when the tenant is gone")
        daemon.settings.update(settings())
        daemon.settings["relay.default.hosts"] = [sink.address]
        reload()
        lib.expect(post(1, "d@x.example"), {}, "when it is back")
        lib.expect([entry["tenant"] for entry in daemon.waiting()], ["acme", "renamed"], "what waits")
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
        lib.wait_until(lambda: len(sink.mails) == 2, "the notices")
        lib.expect(sorted(len(lib.Notice(mail.data).recipients) for mail in sink.mails), [1, 2],
                   "recipients")


def a_relay_that_is_not_there_is_refused(folder):
    with lib.Sink() as sink, \
            lib.Daemon(folder, settings(relay__default__hosts=[sink.address])) as daemon:
        daemon.configure(tenant__acme__relay="acmee")
        daemon.reload()
        lib.wait_until(lambda: daemon.logged(r'tenant\.acme\.relay: there is no section \[relay\.NAME\] '
                                             r'for "acmee"'), "a line about it")
        lib.expect(daemon.metrics()["dsnarf_config_reload_ok"], 0, "config_reload_ok")
        daemon.post([element(1, "news@acme.example")])
        lib.wait_until(lambda: len(sink.mails) == 1, "a notice by what was in force")


def unknown_hosts_are_a_warning(folder):
    """Rule DSN-10, as far as the DNS answers here."""
    try:
        socket.getaddrinfo("mta1.invalid", None)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:
            raise lib.Skip(f"no DNS: {error}") from None
    with lib.Daemon(folder, settings(hostname="mta1.invalid", tenant__acme__hostname="a.invalid",
                                     tenant__shop__hostname="localhost")) as daemon:
        for name in ("mta1", "a"):
            lib.wait_until(lambda name=name: daemon.logged(rf"warning: hostname {name}\.invalid is not"),
                           "a warning")
        lib.expect(daemon.logged("hostname localhost is not"), [], "a name without a dot")


lib.run(each_has_its_own_name_and_relay, each_has_its_turn, a_tenant_gets_no_notice_of_another,
        a_client_posts_for_its_tenants, senders_are_read_again, relays_come_and_go,
        a_retry_reaches_every_relay, a_faulty_text_is_a_warning, each_way_to_know_a_tenant,
        each_has_its_own_words_and_rules, a_text_that_fails_costs_one_tenant, tenants_come_and_go,
        a_relay_that_is_not_there_is_refused,
        unknown_hosts_are_a_warning)
