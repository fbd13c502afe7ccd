#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tenants of one daemon: each with its own name, senders, posters and relay, also after a reload."""
import email
import os
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
        lib.wait_until(lambda: daemon.logged(rf"host 127\.0\.0\.1:{port} paused"), "acme's host fails")
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


lib.run(each_has_its_own_name_and_relay, a_tenant_gets_no_notice_of_another,
        a_client_posts_for_its_tenants, senders_are_read_again, relays_come_and_go,
        a_retry_reaches_every_relay, a_faulty_text_is_a_warning,
        unknown_hosts_are_a_warning)
