#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The notices that a real Postfix makes, on their way through the milter: of each kind, with each
setting, and when something fails."""
import atexit
import contextlib
import email
import email.policy
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import tempfile
import threading

import http_peer
import lib

ACME = "news@acme.example"
GLOBEX = "sales@globex.example"
NOBODY = "someone@nobody.example"
POSTMASTER = "postmaster@mta1.example.com"
MAILBOXES = (ACME, GLOBEX, NOBODY, POSTMASTER)

ORIGINAL = """From: {sender}
To: reader@example.net
Subject: 8 % off, {number}
Message-ID: <{number}@acme.example>
Date: Fri, 20 Nov 2026 14:02:11 +0000
X-Campaign: spring
X-Boundary: --not-a-boundary

Hello,
.
--
a signature
"""


class Shared:
    """One Postfix for all cases, because its start takes seconds. It ends with this process."""

    mta = None
    socket = None
    far = None
    plain = None
    number = 0
    parameters = {}


def far_host(stage, argument, _mail):
    """What hosts that are not ours answer."""
    if stage == "RCPT" and b"gone" in argument:
        return b"550-5.1.1 No such user here\r\n550 5.1.1 See <https://far.example/>\r\n"
    if stage == "RCPT" and b"later" in argument:
        return b"451 4.3.0 Come again\r\n"
    return None


def postconf(*arguments):
    subprocess.run(["/usr/sbin/postconf", "-c", os.path.join(Shared.mta.folder, "etc"), *arguments],
                   check=True)


def processes(*names):
    """Those of this Postfix, which work in its queue directory, with one of the names."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{process}/comm", encoding="ascii") as file:
                if file.read().strip() in names and \
                        os.readlink(f"/proc/{process}/cwd") == os.path.join(Shared.mta.folder, "queue"):
                    found.add(int(process))
    return found


WORKERS = ("smtpd", "cleanup", "bounce", "qmgr", "smtp", "virtual", "trivial-rewrite", "error")


def reload():
    """As "postfix reload". Returns when nobody works with the old parameters."""
    old = processes(*WORKERS)
    for process in processes("master"):
        os.kill(process, signal.SIGHUP)
    lib.wait_until(lambda: not old & processes(*WORKERS), "Postfix works anew")


def set_parameters(**parameters):
    if Shared.parameters == {**Shared.parameters, **parameters}:
        return
    Shared.parameters.update(parameters)
    postconf("-e", *(f"{name}={value}" for name, value in parameters.items()))
    reload()


DEFAULTS = {
    "internal_mail_filter_classes": "bounce",
    "bounce_notice_recipient": POSTMASTER,
    "2bounce_notice_recipient": POSTMASTER,
    "notify_classes": "",
    "delay_warning_time": "0",
    "maximal_queue_lifetime": "5d",
    "bounce_queue_lifetime": "5d",
    "bounce_template_file": "",
    "bounce_size_limit": "50000",
    "smtpd_relay_restrictions": "permit_mynetworks,reject",
    "smtp_host_lookup": "native",
    "virtual_alias_maps": "inline:{ { both@acme.example = gone.one@far.example gone.two@far.example }, "
                          "{ none@acme.example = reader@nowhere.example } }",
    "virtual_alias_domains": "",
}


def start():
    folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Shared.socket = os.path.join(folder, "milter.sock")
    Shared.far = lib.Sink(far_host)
    Shared.plain = lib.Sink(far_host, extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    atexit.register(Shared.far.stop)
    atexit.register(Shared.plain.stop)
    Shared.mta = lib.PrivatePostfix(folder, mailboxes=" ".join(MAILBOXES))
    atexit.register(Shared.mta.stop)
    postconf("-M", "smtp/unix=smtp unix - - n - - smtp", "pickup/unix=pickup unix n - n 1 1 pickup")
    postconf("-e", "transport_maps=inline:{ "
             f"{{ far.example = smtp:[127.0.0.1]:{Shared.far.port} }}, "
             f"{{ plain.example = smtp:[127.0.0.1]:{Shared.plain.port} }} }}")


def empty():
    """Waits for what is being delivered, and forgets the rest."""
    subprocess.run(["/usr/sbin/postsuper", "-c", os.path.join(Shared.mta.folder, "etc"), "-d", "ALL"],
                   check=True, stderr=subprocess.DEVNULL)
    for address in MAILBOXES:
        shutil.rmtree(os.path.join(Shared.mta.folder, "mail", address), ignore_errors=True)


def milter(default_action="tempfail"):
    return f"{{ unix:{Shared.socket}, default_action={default_action} }}"


@contextlib.contextmanager
def postfix(default_action="tempfail", **parameters):
    if Shared.mta is None:
        start()
    set_parameters(**{**DEFAULTS, "non_smtpd_milters": milter(default_action), **parameters})
    started = len(Shared.mta.log())
    try:
        yield Shared.mta
    except BaseException:
        print("    the end of Postfix's log:\n" + lib.indent(Shared.mta.log()[started:]), flush=True)
        raise
    finally:
        empty()


def dsnarf(folder, **settings):
    values = {
        "milter.listen": "unix:" + Shared.socket,
        "milter.socket_group": "postfix",
        "notice.senders": None,
        "relay.default.hosts": [f"127.0.0.1:{Shared.mta.reinject}"],
        "tenant.acme.match.sender_domain": ["acme.example"],
        "tenant.acme.from": "Acme Mail <postmaster@acme.example>",
        "tenant.acme.languages": ["de"],
        "tenant.globex.match.sender_domain": ["globex.example"],
        "tenant.globex.from": "Globex <help@globex.example>",
        "tenant.globex.languages": ["en"],
    }
    values.update({name.replace("__", "."): value for name, value in settings.items()})
    return lib.Daemon(folder, values)


@contextlib.contextmanager
def running(folder, parameters=None, **settings):
    """Postfix and dsnarf. parameters: of Postfix; settings: of dsnarf, with "__" for "."."""
    with postfix(**(parameters or {})) as mta, dsnarf(folder, **settings) as daemon:
        yield mta, daemon


def submit(recipients, sender=ACME, options=(), wishes=(), text=ORIGINAL, **changes):
    """Sends a message; its queue id."""
    Shared.number += 1
    message = text.format(sender=sender, number=Shared.number, **changes).encode()
    peer = smtplib.SMTP("127.0.0.1", Shared.mta.port, "client.example", timeout=lib.PATIENCE)
    with contextlib.closing(peer):
        peer.ehlo()
        lib.expect(peer.mail(sender, list(options))[0], 250, "MAIL")
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            lib.expect(peer.rcpt(recipient, list(wishes))[0], 250, "RCPT")
        code, reply = peer.data(lib.crlf(message))
        lib.expect(code, 250, "the message")
        return reply.decode().split()[-1]


def one_mail(address=ACME):
    """The one message that is delivered there, and takes it away."""
    mails = lib.wait_until(lambda: Shared.mta.mailbox(address), f"mail for {address}")
    lib.expect(len(mails), 1, f"messages for {address}")
    shutil.rmtree(os.path.join(Shared.mta.folder, "mail", address), ignore_errors=True)
    return mails[0]


def idle():
    """All that Postfix had to do is done."""
    lib.wait_until(lambda: not Shared.mta.queue(), "Postfix's queue is empty")


def counted(daemon, result):
    return daemon.metrics()[f'dsnarf_postfix_notices_total{{result="{result}"}}']


def wait_counted(daemon, **wanted):
    lib.wait_until(lambda: all(counted(daemon, result) == number for result, number in wanted.items()),
                   f"{wanted} notices")


# ---- comparing ----

def plain(mail):
    """With the same names for what differs between two notices about the same."""
    mail = mail.replace(b"\r\n", b"\n")
    boundary = re.search(rb'boundary="(\w+)\.(\d+)/', mail)
    mail = mail.replace(boundary[1], b"ORIGINAL").replace(boundary[2], b"SECONDS")
    mail = re.sub(rb"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}( \(\w+\))?", b"DATE", mail)
    mail = re.sub(rb"(?m)^(Received: .*\n\tid )\w+", rb"\1NOTICE", mail)
    mail = re.sub(rb"(?mi)^Message-Id: <\d+\.\w+@", b"Message-Id: <NOTICE@", mail)
    mail = re.sub(rb"\(Postfix, from userid \d+\)\n\tid \w+", b"(Postfix)\n\tid NOTICE", mail)
    return mail.replace(b"%d@acme" % Shared.number, b"N@acme").replace(b"off, %d" % Shared.number, b"off, N")


CHANGED = (b"from", b"subject", b"in-reply-to", b"references", b"auto-submitted")


def split_fields(header):
    return re.split(rb"\n(?![ \t])", header)


def pieces(mail):
    """Header fields that stay, those that do not, the first part, and the rest."""
    header, body = mail.split(b"\n\n", 1)
    fields = split_fields(header)
    boundary = re.search(rb'boundary="([^"]*)"', header)[1]
    before, first, rest = body.split(b"\n--" + boundary + b"\n", 2)
    name = lambda field: field.split(b":", 1)[0].lower()
    return ([field for field in fields if name(field) not in CHANGED],
            [field for field in fields if name(field) in CHANGED], before, first, rest)


def compare(as_it_was, rewritten):
    """Nothing but the words and the fields that name who speaks are different."""
    kept, old_fields, before, old_words, rest = pieces(plain(as_it_was))
    kept_too, new_fields, before_too, new_words, rest_too = pieces(plain(rewritten))
    lib.expect(kept_too, kept, "fields that stay")
    lib.expect(before_too, before, "what stands before the first part")
    lib.expect(rest_too, rest, "the other parts")
    if old_fields == new_fields or old_words == new_words:
        raise lib.Failure(f"nothing was rewritten: {new_fields}")


def read(mail):
    message = email.message_from_bytes(mail, policy=email.policy.default)
    parts = list(message.iter_parts())
    return message, parts[0].get_content() if not parts[0].is_multipart() else str(parts[0]), parts


# ---- kinds of notices ----

KINDS = {
    "a failure": (["gone@far.example"], {}),
    "several recipients": (["gone@far.example", "gone.too@far.example"], {"options": ["ENVID=a+2Bb"]}),
    "the header only": (["gone@far.example"], {"options": ["RET=HDRS"]}),
    "an alias": (["both@acme.example"], {"wishes": ["ORCPT=rfc822;both+2B1@acme.example"]}),
    "no host": (["none@acme.example"], {}),
    "8-bit": (["gone@far.example"],
              {"options": ["BODY=8BITMIME"], "text": ORIGINAL.replace("Hello", "Hällo")}),
    "SMTPUTF8": (["gone@far.example"],
                 {"options": ["SMTPUTF8"], "text": ORIGINAL.replace("8 %", "9 € für Müller")}),
    "relayed": (["reader@plain.example"], {"wishes": ["NOTIFY=SUCCESS"]}),
    "delivered": ([GLOBEX], {"wishes": ["NOTIFY=SUCCESS"]}),
}


def notices_of_kinds():
    """Those in Postfix's words or ours, of each kind, one after the other."""
    found = {}
    for kind, (recipients, arguments) in KINDS.items():
        submit(recipients, **arguments)
        found[kind] = one_mail()
        Shared.number -= 1
    Shared.number += 1
    idle()
    return found


def each_kind_is_rewritten_and_else_untouched(folder):
    """Parts, boundary and the other fields byte for byte: rules MIME-*, and the promise to touch
    nothing."""
    with running(folder, tenant__acme__postfix_notices="pass") as (_, daemon):
        number = Shared.number
        before = notices_of_kinds()
        wait_counted(daemon, passed=len(KINDS), rewritten=0)
        Shared.number = number
        daemon.configure(tenant__acme__postfix_notices="rewrite")
        daemon.stop()
        daemon.start()
        after = notices_of_kinds()
        wait_counted(daemon, passed=0, rewritten=len(KINDS), failed=0)
        for kind in KINDS:
            print(f"    {kind}", flush=True)
            compare(before[kind], after[kind])
            message, words, parts = read(after[kind])
            lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
            lib.expect(message["To"].addresses[0].addr_spec, ACME, "To")
            lib.expect(len(parts), 3, "parts")
            lib.expect("This is the mail system" in words, False, "Postfix's words")
        lib.expect(len(daemon.logged(r"tenant=acme .*language=de .*notice=rewritten")), len(KINDS),
                   "lines in the log")


def delays_and_expirations_are_rewritten(folder):
    with running(folder, {"delay_warning_time": "1s"},
                 notice__postfix_records=True,
                 **all_records(folder)) as (mta, daemon):
        queue_id = submit("later@far.example")
        message, _, parts = read(one_mail())
        lib.expect(parts[1].get_payload()[1]["Action"], "delayed", "Action")
        lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
        set_parameters(maximal_queue_lifetime="1s", bounce_queue_lifetime="1s")
        mta.flush()
        message, _, parts = read(one_mail())
        lib.expect(parts[1].get_payload()[1]["Action"], "failed", "Action")
        lib.expect(parts[1].get_payload()[1]["Status"], "4.3.0", "Status")
        wait_counted(daemon, rewritten=2)
        records = wait_records(folder, 2)
        lib.expect([record["type"] for record in records], ["TransientFailure", "Expiration"], "types")
        for record in records:
            lib.expect(record["id"], queue_id, "id")
            lib.expect(record["response"]["code"], 451, "code")
            lib.expect(record["response"]["content"], "Come again", "content")


def all_records(folder):
    """An outlet for them."""
    return {"file__all__path": os.path.join(folder, "records"),
            "file__all__types": ["Bounce", "Expiration", "TransientFailure", "Delivery"]}


def wait_records(folder, count):
    path = os.path.join(folder, "records")
    lib.wait_until(lambda: len(lib.json_lines(path)) >= count, f"{count} records")
    return lib.json_lines(path)


def templates_of_postfix_do_not_matter(folder):
    """Words in another language and charset, other From and Subject."""
    path = os.path.join(folder, "bounce.cf")
    with open(path, "wb") as file:
        for name in ("failure", "delay", "success", "verify"):
            file.write(f"""{name}_template = <<EOF
Charset: iso-8859-1
From: Le facteur <facteur@mta1.example.com>
Subject: Votre courrier non distribu\\351
Postmaster-Subject: Copie

Votre message n'est pas arriv\\351: d\\351sol\\351 chez $myhostname.

EOF
""".replace("\\351", "\xe9").encode("latin-1"))
    with running(folder, {"bounce_template_file": path}) as (_, daemon):
        submit("gone@far.example")
        message, words, _ = read(one_mail())
        lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
        lib.expect("courrier" in message["Subject"] or "arriv" in words, False, "their words")
        wait_counted(daemon, rewritten=1)


# ---- whose they are ----

def tenants_have_their_own_words_and_others_are_left_alone(folder):
    with running(folder) as (_, daemon):
        submit("gone@far.example", ACME)
        submit("gone@far.example", GLOBEX)
        submit("gone@far.example", NOBODY)
        for address, sender in ((ACME, "postmaster@acme.example"), (GLOBEX, "help@globex.example"),
                                (NOBODY, "MAILER-DAEMON@mta1.example.com")):
            message, words, _ = read(one_mail(address))
            lib.expect(message["From"].addresses[0].addr_spec, sender, f"From for {address}")
            lib.expect("This is the mail system" in words, address == NOBODY, "Postfix's words")
        wait_counted(daemon, rewritten=2, passed=1)
        lib.expect(len(daemon.logged(f"to=<{NOBODY}> .*notice=passed verdict=accept "
                                     "reason=sender-not-ours")), 1, "lines in the log")


def a_field_of_the_original_names_the_tenant(folder):
    """X-Tenant becomes a key of meta, by which a tenant is known."""
    settings = {"milter__meta__tenant": "X-Tenant", "tenant__acme__match__meta__tenant": "a",
                "tenant__globex__match__meta__tenant": "g", "notice__senders": ["*"]}
    with running(folder, **settings) as (_, daemon):
        submit("gone@far.example", NOBODY, text="X-Tenant: g\n" + ORIGINAL)
        message, _, _ = read(one_mail(NOBODY))
        lib.expect(message["From"].addresses[0].addr_spec, "help@globex.example", "From")
        wait_counted(daemon, rewritten=1)


def an_envelope_id_names_the_tenant(folder):
    settings = {"tenant__globex__match__envid": ["g+"], "notice__senders": ["*"]}
    with running(folder, **settings) as (_, daemon):
        submit("gone@far.example", NOBODY, options=["ENVID=g+2B1"])
        message, _, _ = read(one_mail(NOBODY))
        lib.expect(message["From"].addresses[0].addr_spec, "help@globex.example", "From")
        wait_counted(daemon, rewritten=1)


def what_is_not_for_the_sender_is_left_alone(folder):
    """Copies for the postmaster, notices about notices, and mail with the null sender."""
    with running(folder, {"notify_classes": "bounce,2bounce,delay"}) as (mta, daemon):
        submit("gone@far.example", ACME)
        copy = one_mail(POSTMASTER)
        lib.expect(b"Subject: Postmaster Copy: Undelivered Mail" in copy, True, "a copy")
        one_mail()
        wait_counted(daemon, rewritten=1)
        submit("gone@far.example", "")
        double = one_mail(POSTMASTER)
        lib.expect(b"\nTo: postmaster" in double, True, "a notice about a notice")
        lib.expect(lib.send(mta.port, ACME, ORIGINAL.format(sender=ACME, number=0).encode())[0], 250)
        lib.expect(b"8 % off, 0" in one_mail(), True, "mail with the null sender")
        idle()
        wait_counted(daemon, rewritten=1, passed=0, failed=0)


def notify_never_counts_for_nothing(folder):
    """Postfix begins a message and breaks it off: rule ESMTP-22."""
    with running(folder) as (mta, daemon):
        submit("gone@far.example", wishes=["NOTIFY=NEVER"])
        idle()
        submit("gone@far.example", GLOBEX)
        one_mail(GLOBEX)
        wait_counted(daemon, rewritten=1, passed=0)
        lib.expect(mta.mailbox(ACME), [], "mail for the sender")
        lib.expect(daemon.logged("to=<" + ACME), [], "lines in the log")


# ---- settings ----

def replaced_by_ours_once(folder):
    with running(folder, tenant__acme__postfix_notices="replace",
                 tenant__acme__include_original="full") as (mta, daemon):
        queue_id = submit(["gone@far.example", "gone.too@far.example"], options=["ENVID=a+2Bb"])
        notice = lib.Notice(one_mail())
        idle()
        lib.expect(notice.message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
        lib.expect("ESMTP" in notice.message["Received"], True, "by way of the relay")
        lib.expect(notice.about["Original-Envelope-Id"], "a+b", "ENVID")
        lib.expect(sorted(group["Final-Recipient"] for group in notice.recipients),
                   ["rfc822; gone.too@far.example", "rfc822; gone@far.example"], "recipients")
        lib.expect({group["Action"] for group in notice.recipients}, {"failed"}, "Action")
        lib.expect(notice.original()["Subject"], f"8 % off, {Shared.number}", "the original")
        wait_counted(daemon, replaced=1, rewritten=0)
        lib.wait_until(lambda: mta.logged("milter-discard: END-OF-MESSAGE .*to=<" + ACME),
                       "Postfix drops its own")
        lib.expect("a notice was made" in why(daemon, queue_id), True, "what why says")


def why(daemon, queue_id):
    return subprocess.run([lib.PROGRAM, "why", "-c", daemon.configuration, queue_id],
                          capture_output=True, text=True, check=True).stdout


def types_that_are_not_enabled_are_rewritten_instead(folder):
    """Or nobody would tell the sender: a success, which notice.enable does not list."""
    with running(folder, tenant__acme__postfix_notices="replace") as (_, daemon):
        submit("reader@plain.example", wishes=["NOTIFY=SUCCESS"])
        message, _, _ = read(one_mail())
        lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
        wait_counted(daemon, replaced=0, rewritten=1)


def what_ours_would_not_tell_is_rewritten_instead(folder):
    """That success was asked for is not in the record then."""
    settings = {"tenant__acme__postfix_notices": "replace", "meta__notify": "",
                "tenant__acme__enable": ["Bounce", "Delivery"]}
    with running(folder, **settings) as (_, daemon):
        submit("reader@plain.example", wishes=["NOTIFY=SUCCESS"])
        message, words, _ = read(one_mail())
        lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
        lib.expect("This is the mail system" in words, False, "Postfix's words")
        wait_counted(daemon, rewritten=1, replaced=0)


def suppressed_with_the_reason(folder):
    with running(folder, tenant__acme__postfix_notices="suppress") as (mta, daemon):
        queue_id = submit("gone@far.example")
        wait_counted(daemon, suppressed=1)
        idle()
        lib.expect(mta.mailbox(ACME), [], "mail for the sender")
        told = why(daemon, queue_id)
        lib.expect("(suppressed)" in told and "tenant acme" in told, True, f"why says {told!r}")
        lib.expect(len(daemon.logged(f"original={queue_id} .*tenant=acme .*notice=suppressed "
                                     "verdict=discard reason=suppressed")), 1, "lines in the log")


def records_reach_a_webhook(folder):
    """With each setting; of a notice that passes or is rewritten no second one is made."""
    taken, lock = [], threading.Lock()

    def answer(request):
        with lock:
            taken.extend(request.records)
        return 200

    with http_peer.Peer(answer) as server, running(
            folder, notice__postfix_records=True, webhook__crm__url=server.url,
            webhook__crm__min_batch_size=1, tenant__acme__postfix_notices="pass",
            tenant__globex__postfix_notices="rewrite") as (mta, daemon):
        queue_id = submit(["gone@far.example", "gone.too@far.example"],
                          options=["ENVID=a+2Bb"])
        one_mail()
        lib.wait_until(lambda: len(taken) == 2, "two records")
        record = taken[0]
        for key, wanted in (("type", "Bounce"), ("id", queue_id), ("sender", ACME),
                            ("queue", "far.example")):
            lib.expect(record[key], wanted, key)
        lib.expect(sorted(record["recipient"] for record in taken),
                   ["gone.too@far.example", "gone@far.example"], "recipients")
        lib.expect(record["response"],
                   {"code": 550, "enhanced_code": {"class": 5, "subject": 1, "detail": 1},
                    "content": "No such user here See <https://far.example/>", "command": None},
                   "response")
        lib.expect(record["meta"]["dsn_envid"], "a+2Bb", "ENVID")
        lib.expect(record["meta"]["received_from"], "127.0.0.1", "the client")
        lib.expect(record["headers"]["X-Campaign"], "spring", "a header of the original")
        submit("gone@far.example", GLOBEX)
        one_mail(GLOBEX)
        submit("reader@plain.example", GLOBEX, wishes=["NOTIFY=SUCCESS"])
        one_mail(GLOBEX)
        lib.wait_until(lambda: len(taken) == 4, "four records")
        lib.expect(taken[3]["type"], "Delivery", "type")
        daemon.stop()
        daemon.configure(tenant__globex__postfix_notices="suppress")
        daemon.start()
        submit("gone@far.example", GLOBEX)
        lib.wait_until(lambda: len(taken) == 5, "five records")
        wait_counted(daemon, suppressed=1)
        lib.expect(daemon.metrics()['dsnarf_notices_total{event="made"}'], 0, "notices of ours")
        idle()
        lib.expect(mta.mailbox(GLOBEX), [], "more mail")


# ---- when something fails ----

class Refusing:
    """A milter that has every message sent again, at its end."""

    NO_STEPS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200

    def __init__(self):
        self.ends = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"inet:127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, struct.error), peer, peer.makefile("rb") as stream:
            while True:
                command = stream.read(struct.unpack(">I", stream.read(4))[0])
                if command[:1] == b"O":
                    peer.sendall(struct.pack(">IcIII", 13, b"O", 6, 0, self.NO_STEPS))
                elif command[:1] == b"E":
                    self.ends += 1
                    peer.sendall(struct.pack(">Ic", 1, b"t"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()



def what_cannot_be_kept_is_made_again(folder):
    """The notice alone: the far host is not asked once more, and the records come once."""
    with running(folder, spool__max_size="4MiB", spool__large="4KiB", notice__postfix_records=True,
                 tenant__acme__postfix_notices="suppress", tenant__globex__postfix_records=False,
                 **all_records(folder)) as (mta, daemon):
        daemon.fill_spool()
        asked = Shared.far.connections
        queue_id = submit("gone@far.example")
        lib.wait_until(lambda: counted(daemon, "failed") >= 2, "the notice is made again")
        lib.expect(Shared.far.connections, asked + 1, "connections to the far host")
        lib.wait_until(lambda: [mail["queue_id"] for mail in mta.queue()] == [queue_id],
                       "it alone waits in Postfix")  # who moves is seen twice, or not at all
        submit("gone@far.example", GLOBEX)  # needs no spool
        message, _, _ = read(one_mail(GLOBEX))
        lib.expect(message["From"].addresses[0].addr_spec, "help@globex.example", "From")
        daemon.stop()
        daemon.configure(spool__max_size="1GiB")
        daemon.start()
        mta.flush()
        wait_counted(daemon, suppressed=1)
        idle()
        lib.expect(Shared.far.connections, asked + 2, "connections to the far host")
        lib.expect([record["id"] for record in wait_records(folder, 1)], [queue_id], "records")
        lib.expect(mta.mailbox(ACME), [], "mail for the sender")


def made_again_by_postfix_it_has_one_effect(folder):
    """A filter behind ours refuses it at first: ours was taken in, and is not doubled."""
    with Refusing() as other, running(
            folder, {"non_smtpd_milters": f"{milter()}, {{ {other.address} }}"},
            notice__postfix_records=True, tenant__acme__postfix_notices="replace",
            tenant__acme__include_original="full",
            **all_records(folder)) as (mta, daemon):
        queue_id = submit("gone@far.example", GLOBEX)
        lib.wait_until(lambda: len(mta.logged(f"{queue_id}: .*bounce failed")) > 1,
                       "Postfix makes it again")
        submit("gone@far.example", ACME)
        lib.expect(b"Acme Mail" in one_mail(), True, "ours")
        set_parameters(non_smtpd_milters=milter())
        mta.flush()
        lib.expect(b"Globex" in one_mail(GLOBEX), True, "rewritten")
        idle()
        lib.expect(len(wait_records(folder, 2)), 2, "records")
        lib.expect(mta.mailbox(ACME), [], "more of ours")
        lib.expect(daemon.metrics()['dsnarf_notices_total{event="made"}'], 1, "notices of ours")
        lib.expect(counted(daemon, "failed"), 0, "notices that failed here")
        lib.expect(other.ends > 1, True, "the other filter was asked")


def without_dsnarf_the_default_action_decides(folder):
    with postfix(default_action="accept") as mta:
        submit("gone@far.example")
        _, words, _ = read(one_mail())
        lib.expect("This is the mail system" in words, True, "Postfix's words")
        set_parameters(non_smtpd_milters=milter("tempfail"))
        queue_id = submit("gone@far.example")
        lib.wait_until(lambda: mta.logged(f"{queue_id}: .*bounce failed"), "the notice has to wait")
        lib.expect(mta.mailbox(ACME), [], "mail for the sender")
        with dsnarf(folder) as daemon:
            mta.flush()
            message, _, _ = read(one_mail())
            lib.expect(message["From"].addresses[0].addr_spec, "postmaster@acme.example", "From")
            wait_counted(daemon, rewritten=1)


def what_is_too_large_passes_as_it_came(folder):
    with running(folder, {"bounce_size_limit": "1000000"}, limits__message="64KiB") as (_, daemon):
        submit("gone@far.example", text=ORIGINAL + "0123456789\n" * 10000)
        mail = one_mail()
        lib.expect(b"This is the mail system" in mail and len(mail) > 100000, True, "as it came")
        wait_counted(daemon, passed=1, rewritten=0)
        lib.expect(len(daemon.logged("warning: .*notice=passed verdict=accept reason=too-large")), 1, "lines")


def one_with_more_recipients_than_are_read_passes_as_it_came(folder):
    """A notice of ours would not tell about the others."""
    gone = [f"gone{i}@far.example" for i in range(4)]
    with running(folder, limits__groups=4, tenant__acme__postfix_notices="replace") as (_, daemon):
        submit(gone)  # the fields for the message are a group, too
        mail = one_mail()
        for address in gone:
            lib.expect(f"Final-Recipient: rfc822; {address}".encode() in mail, True, address)
        lib.expect(b"This is the mail system" in mail, True, "as it came")
        submit(gone[:3])
        lib.expect(b"Acme Mail" in one_mail(), True, "ours")
        wait_counted(daemon, passed=1, replaced=1)
        lib.expect(len(daemon.logged("recipients=4 .*notice=passed verdict=accept "
                                     "reason=too-large")), 1, "lines")


def a_long_header_is_not_kept_for_each_recipient(folder):
    """Nor its names in each record: one message of a tenant's must not take all memory."""
    recipients = [f"gone{i}@far.example" for i in range(200)]
    fields = "".join(f"X-{i:02}-{'n' * 1000}: {'v' * 59000}\n" for i in range(60))

    def most_memory():
        with open(f"/proc/{daemon.child.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) << 10

    with running(folder, {"bounce_size_limit": "10000000"},
                 tenant__acme__postfix_notices="replace") as (mta, daemon):
        submit("gone@far.example")
        one_mail()
        before = most_memory()
        submit(recipients, text=fields + ORIGINAL)
        wait_counted(daemon, replaced=2)
        lib.wait_until(lambda: mta.mailbox(ACME), "the notices")
        grown = most_memory() - before
        print(f"    {grown >> 20} MiB", flush=True)
        lib.expect(grown < 700 << 20, True, f"memory grew by {grown >> 20} MiB: that this is little")


# ---- forgeries ----

def resubmit(mail):
    """As a user of the host would, with the null sender."""
    header, body = mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)
    own = re.compile(rb"(?i)(return-path|delivered-to|x-original-to|received|message-id):")
    fields = [field for field in split_fields(header) if not own.match(field)]
    subprocess.run(["/usr/sbin/sendmail", "-C", os.path.join(Shared.mta.folder, "etc"), "-f", "<>",
                    "-i", ACME], input=b"\n".join(fields) + b"\n\n" + body, check=True)


def what_a_local_user_sends_is_not_believed(folder):
    """With a cleanup(8) of its own for bounce(8), nobody can forge a notice; and one of another
    host is none of this Postfix anyway."""
    with running(folder, milter__notices=["bounces"]) as (mta, daemon):
        postconf("-M", "bounces/unix=bounces unix n - n - 0 cleanup -o milter_macro_daemon_name=bounces",
                 *(f"{name}/unix={name} unix - - n - 0 bounce -o cleanup_service_name=bounces"
                   for name in ("bounce", "defer", "trace")))
        reload()
        try:
            submit("gone@far.example")
            real = one_mail()
            lib.expect(b"postmaster@acme.example" in real, True, "a real one is rewritten")
            wait_counted(daemon, rewritten=1)
            resubmit(real)
            one_mail()
            wait_counted(daemon, rewritten=1, passed=0)
            daemon.stop()
            daemon.configure(milter__notices=[])
            daemon.start()
            resubmit(real.replace(b"mta1.example.com", b"mta9.example.com"))
            one_mail()
            wait_counted(daemon, rewritten=0, passed=0)
        finally:
            postconf("-M", *(f"{name}/unix={name} unix - - n - 0 bounce"
                             for name in ("bounce", "defer", "trace")))
            postconf("-MX", "bounces/unix")
            reload()
        idle()


lib.run(each_kind_is_rewritten_and_else_untouched, delays_and_expirations_are_rewritten,
        templates_of_postfix_do_not_matter, tenants_have_their_own_words_and_others_are_left_alone,
        a_field_of_the_original_names_the_tenant,
        an_envelope_id_names_the_tenant, what_is_not_for_the_sender_is_left_alone,
        notify_never_counts_for_nothing, replaced_by_ours_once,
        types_that_are_not_enabled_are_rewritten_instead,
        what_ours_would_not_tell_is_rewritten_instead, suppressed_with_the_reason,
        records_reach_a_webhook, what_cannot_be_kept_is_made_again,
        made_again_by_postfix_it_has_one_effect, without_dsnarf_the_default_action_decides,
        what_is_too_large_passes_as_it_came,
        one_with_more_recipients_than_are_read_passes_as_it_came,
        a_long_header_is_not_kept_for_each_recipient, what_a_local_user_sends_is_not_believed)
