#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A tenant's words in the notices of a real Postfix: what people and programs read of them, and that
not a byte more is different than in the notice of the same Postfix without dsnarf."""
import atexit
import contextlib
import email
import email.policy
import itertools
import os
import re
import shutil
import smtplib
import subprocess
import tempfile

import dkim
import lib

SHOP = "news@shop.example"
HERE = "reader@here.example"

ORIGINAL = """From: Shop <news@shop.example>
To: Jäne <jane@far.example>
Subject: {subject}
Message-ID: <{number}@shop.example>
Date: Fri, 20 Nov 2026 14:02:11 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße,
.
--
The shop
{more}"""
PLAIN = ORIGINAL.replace("Jäne ", "").replace("ü", "ue").replace("ß", "ss").replace("8bit", "7bit")


class Shared:
    """One Postfix for all cases, because its start takes seconds. It ends with this process. Its
    OpenDKIM signs what is submitted."""

    mta = None
    milter = None
    signer = None
    parameters = {}
    number = 0


def far_host(stage, argument, _mail):
    """What a host that is not ours answers."""
    if stage == "RCPT" and b"gone" in argument:
        return b"550-5.1.1 No such user (here)\r\n550 5.1.1 See <https://far.example/?a=b&c>\r\n"
    if stage == "RCPT" and b"later" in argument:
        return b"451 4.3.0 Come again\r\n"
    return None


def start():
    folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Shared.milter = os.path.join(folder, "milter.sock")
    Shared.signer = dkim.OpenDkim(folder, "shop.example", "sign")
    atexit.register(Shared.signer.stop)
    far = lib.Sink(far_host, extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    atexit.register(far.stop)
    Shared.mta = lib.PrivatePostfix(folder, mailboxes=f"{SHOP} {HERE}", milter=Shared.signer.socket)
    atexit.register(Shared.mta.stop)
    postconf("-M", "smtp/unix=smtp unix - - n - - smtp")
    postconf("-e", f"default_transport=smtp:[127.0.0.1]:{far.port}", "delay_warning_time=1s", "bounce_size_limit=1000000",
             "smtpd_relay_restrictions=permit_mynetworks,reject",
             f"non_smtpd_milters={{ unix:{Shared.milter}, default_action=accept }}",
             "virtual_alias_maps=inline:{ "
             "{ list@here.example = reader@here.example jane@far.example } }")
    set_parameters(internal_mail_filter_classes="")


def postconf(*arguments):
    subprocess.run(["/usr/sbin/postconf", "-c", os.path.join(Shared.mta.folder, "etc"), *arguments],
                   check=True)


def set_parameters(**parameters):
    """Starts Postfix anew, so that nobody works with the old ones."""
    if Shared.parameters == parameters:
        return
    Shared.parameters = parameters
    etc = os.path.join(Shared.mta.folder, "etc")
    postconf("-e", *(f"{name}={value}" for name, value in parameters.items()))
    for command in ("stop", "start"):
        subprocess.run(["/usr/sbin/postfix", "-c", etc, command], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lib.wait_until(lambda: lib.answers(Shared.mta.port), "Postfix listens")


@contextlib.contextmanager
def running(folder, **settings):
    """Postfix, which asks dsnarf about its notices."""
    if Shared.mta is None:
        start()
    set_parameters(internal_mail_filter_classes="bounce")
    values = {
        "milter.listen": "unix:" + Shared.milter,
        "milter.socket_group": "postfix",
        "notice.senders": None,
        "tenant.shop.match.sender_domain": ["shop.example"],
        "tenant.shop.from": "Böhm & Söhne <post@shop.example>",
        "tenant.shop.hostname": "mail.shop.example",
        "tenant.shop.languages": ["de"],
        "tenant.shop.html": True,
    }
    values.update({name.replace("__", "."): value for name, value in settings.items()})
    started = len(Shared.mta.log())
    try:
        with lib.Daemon(folder, values) as daemon:
            yield daemon
    except BaseException:
        print("    the end of Postfix's log:\n" + lib.indent(Shared.mta.log()[started:]), flush=True)
        raise


def submit(recipient, text=PLAIN, options=(), wishes=(), more=""):
    Shared.number += 1
    message = text.format(number=Shared.number, subject="Ihre Bestellung", more=more).encode()
    peer = smtplib.SMTP("127.0.0.1", Shared.mta.port, "client.example", timeout=lib.PATIENCE)
    with contextlib.closing(peer):
        peer.ehlo()
        lib.expect(peer.mail(SHOP, list(options))[0], 250, "MAIL")
        lib.expect(peer.rcpt(recipient, list(wishes))[0], 250, "RCPT")
        lib.expect(peer.data(lib.crlf(message))[0], 250, "the message")


def notice():
    """The one that comes, and takes it and what waits away."""
    mails = lib.wait_until(lambda: Shared.mta.mailbox(SHOP), "a notice")
    subprocess.run(["/usr/sbin/postsuper", "-c", os.path.join(Shared.mta.folder, "etc"), "-d", "ALL"],
                   check=True, stderr=subprocess.DEVNULL)
    lib.expect(len(mails), 1, "notices")
    shutil.rmtree(os.path.join(Shared.mta.folder, "mail", SHOP), ignore_errors=True)
    return mails[0]


# ---- what people read ----

def texts_of(mail):
    """What it is in the end: the header, and the texts of the first part by their type."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    first = next(message.iter_parts())
    return message, {part.get_content_type(): part for part in first.walk() if not part.is_multipart()}


def expect_texts(mail, subject, *phrases):
    """Both forms say so, in the tenant's name."""
    message, parts = texts_of(mail)
    lib.expect(message["Subject"], subject, "Subject")
    lib.expect(str(message["From"]), "Böhm & Söhne <post@shop.example>", "From")
    lib.expect(message["To"], SHOP, "To")
    lib.expect(sorted(parts), ["text/html", "text/plain"], "the texts")
    for kind, part in parts.items():
        lib.expect(part["Content-Language"], "de", f"the language of {kind}")
        text = re.sub(r"\s+", " ", re.sub("<wbr>", "", part.get_content()))
        for phrase in phrases + ("mail.shop.example",):
            if phrase not in text:
                raise lib.Failure(f"{kind} lacks {phrase!r}:\n{text}")


def words_of_each_kind(folder):
    """All that Postfix can make: MIME-04, MIME-31, MIME-32."""
    with running(folder):
        submit("gone@far.example", options=["RET=HDRS"])
        expect_texts(notice(), "Nicht zugestellt: Ihre Bestellung",
                     "konnte diesem Empfänger nicht zugestellt werden", "gone@far.example",
                     "No such user (here)", "5.1.1", "Der Kopf Ihrer Nachricht ist angehängt")
        submit("later@far.example")
        expect_texts(notice(), "Verzögert: Ihre Bestellung", "later@far.example", "Come again",
                     "Wir versuchen es bis 20")
        for recipient, subject in ((HERE, "Zugestellt"), ("jane@far.example", "Weitergeleitet"),
                                   ("list@here.example", "An eine Gruppe weitergeleitet")):
            submit(recipient, wishes=["NOTIFY=SUCCESS"])
            expect_texts(notice(), f"{subject}: Ihre Bestellung", recipient)


def texts_of_the_tenant(folder):
    """Those of a folder, and the shipped ones where one of them fails."""
    templates = os.path.join(folder, "templates")
    os.mkdir(templates)
    files = {
        "failed.de.txt": "Subject: Böhm: {{ original.subject }}\n\nOh weh.\n"
                         "{{ recipients[0].diagnostic }}\n{{ default_text }}",
        "delayed.de.txt": "Subject: nie\n\n{% if recipients[0].address == 'later@far.example' %}"
                          "{{ nothing.at.all }}{% endif %}",
    }
    for name, text in files.items():
        with open(os.path.join(templates, name), "w", encoding="utf-8") as file:
            file.write(text)
    with running(folder, tenant__shop__templates=templates, tenant__shop__html=False) as daemon:
        submit("gone@far.example")
        message, parts = texts_of(notice())
        lib.expect(message["Subject"], "Böhm: Ihre Bestellung", "Subject")
        lib.expect(list(parts), ["text/plain"], "the texts")
        text = parts["text/plain"].get_content()
        if not text.startswith("Oh weh.\n550") or "Was Sie tun können:" not in text:
            raise lib.Failure(text)
        submit("later@far.example")
        lib.expect(texts_of(notice())[0]["Subject"], "Verzögert: Ihre Bestellung", "Subject")
        lib.wait_until(lambda: daemon.logged("delayed.de.txt"), "a line about the fault")


# ---- what programs read ----

CHANGED = (b"from", b"subject", b"in-reply-to", b"references")


def pieces(mail):
    """The fields that stay, the lines before the first part, and those behind it; with the same
    names for what differs between two notices about the same."""
    boundary = re.search(rb'boundary="(\w+)\.(\d+)/', mail)
    mail = mail.replace(boundary[1], b"ORIGINAL").replace(boundary[2], b"SECONDS")
    mail = re.sub(rb"\w{3}, +\d{1,2} \w{3} 2\d{3} \d\d:\d\d:\d\d [+-]\d{4} \(\w+\)", b"DATE", mail)
    mail = re.sub(rb"(?m)^(Received: by .*\n\tid )\w+", rb"\1NOTICE", mail)
    mail = re.sub(rb"(?mi)^Message-Id: <\d+\.\w+@", b"Message-Id: <NOTICE@", mail)
    mail = re.sub(rb"(?m)^DKIM-Signature:.*\n(?:[ \t].*\n)+", b"DKIM-Signature: any\n", mail)
    mail = mail.replace(b"<%d@shop" % Shared.number, b"<N@shop")
    header, body = mail.split(b"\n\n", 1)
    fields = [field for field in re.split(rb"\n(?![ \t])", header)
              if field.split(b":", 1)[0].lower() not in CHANGED]
    line = b"\n--" + re.search(rb'boundary="([^"]*)"', header)[1] + b"\n"
    before, _, behind = body.split(line, 2)
    return fields, before.split(b"\n"), behind.split(b"\n")


def original_in(mail):
    """The third part, without what Postfix puts in front of the message."""
    boundary = re.search(rb'boundary="([^"]*)"', mail)[1]
    part = mail.split(b"\n--" + boundary + b"\n")[3].split(b"\n--" + boundary + b"--")[0]
    header, original = part.split(b"\n\n", 1)
    lib.expect(re.search(rb"Content-Type: (message/\w+)", header) is not None, True, "a whole message")
    return original.split(b"\n", 1)[1] if original.startswith(b"Return-Path:") else original


KINDS = {
    "7-bit": {"text": PLAIN},
    "8-bit": {"text": ORIGINAL.replace("Jäne ", ""), "options": ["BODY=8BITMIME"]},
    "SMTPUTF8": {"text": ORIGINAL, "options": ["SMTPUTF8", "BODY=8BITMIME"]},
    "200 KB": {"text": PLAIN, "more": "--\nmore of it, " + "x" * 60 + "\n" * 2000 + "y\n" * 60000},
    "HDRS": {"text": PLAIN, "options": ["RET=HDRS", "ENVID=order+2B1"]},
}


def notices_of_kinds():
    mails = {}
    for kind, message in KINDS.items():
        submit("gone@far.example", **message)
        mail = notice()
        if kind != "HDRS":
            lib.expect(Shared.signer.verify(original_in(mail)), True,
                       f"{kind}: the signature of the original")
        mails[kind] = mail, pieces(mail)
    return mails


def all_else_is_as_postfix_wrote_it(folder):
    """Without dsnarf, then with it: parts two and three, where the original's DKIM signature still
    holds, the boundary and each other field."""
    if Shared.mta is None:
        start()
    set_parameters(internal_mail_filter_classes="")
    without = notices_of_kinds()
    with running(folder):
        rewritten = notices_of_kinds()
    for kind, (mail, wanted) in without.items():
        for found, piece, what in zip(rewritten[kind][1], wanted, ("fields", "front", "other parts")):
            for line, wanted_line in itertools.zip_longest(found, piece):
                lib.expect(line, wanted_line, f"{kind}: {what}")
        lib.expect(texts_of(mail)[0]["Subject"], "Undelivered Mail Returned to Sender", "before")
        lib.expect(texts_of(rewritten[kind][0])[0]["Subject"], "Nicht zugestellt: Ihre Bestellung",
                   "after")


lib.run(words_of_each_kind, texts_of_the_tenant, all_else_is_as_postfix_wrote_it)
