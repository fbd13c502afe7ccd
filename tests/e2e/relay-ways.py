#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The ways to a relay's hosts: names and MX from the DNS, local addresses, SOCKS5 and LMTP."""
import base64
import json
import os
import smtplib
import socket
import subprocess

import dns_server
import lib
import smtp_peer
import socks_server
from dns_server import A, AAAA, CNAME, MX
from smtp_peer import Peer, peers, say_and_close

DRIVER = os.path.join(os.environ.get("DSNARF_BUILD", "."), "tests", "e2e", "smtp-driver")
BOTH, V4_ONLY, V6_ONLY, V6_THEN_V4, V4_THEN_V6 = range(5)
DISABLED, OPPORTUNISTIC, OPPORTUNISTIC_INSECURE, REQUIRED, REQUIRED_INSECURE = range(5)
CONTENT = b"Subject: x\r\n\r\n.hello\r\n"

# Without the times of a fault, in which a test that goes wrong would wait for minutes.
TIMES = {"connect": 30, "greeting": 30, "command": 30, "data": 30, "block": 30, "dot": 30, "quit": 30}


def message(number=1):
    return {"to": base64.b64encode(b"r%d@example.com" % number).decode(),
            "content": base64.b64encode(CONTENT).decode()}


def send(host, runs=None, times=None, options=None, **target):
    """Runs the driver; returns what became of each run."""
    given = {"host": host, "ehlo": "client.example", "tls": DISABLED, "deliveries": 100,
             "times": {**TIMES, **(times or {})}, "options": options or {},
             "runs": runs or [[message()]], **target}
    done = subprocess.run([DRIVER], input=json.dumps(given).encode(), stdout=subprocess.PIPE,
                          check=True, timeout=lib.PATIENCE)
    return json.loads(done.stdout)


def expect_sent(run, peer, what=""):
    lib.expect([outcome for outcome, _ in run["messages"]], ["sent"], f"{what}: {run}")
    lib.expect(run["peer"], peer, what)


def expect_fault(run, word, what=""):
    lib.expect(run["run"], "unopened", f"{what}: {run}")
    if word not in run["error"]:
        raise lib.Failure(f"{what}: {word!r} is not in {run['error']!r}")


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


# ---- names ----

def each_address_of_a_name_is_tried(_):
    """One where nobody listens, one that says no, one that talks nonsense, then one that works."""
    with peers(("127.0.0.5", {}), ("127.0.0.3", {"banner": "554 5.7.1 no"}),
               ("127.0.0.4", {"banner": b"HTTP/1.1 400 Bad\r\n"})) as (good, *_), \
            dns_server.Server({("mx.test", A): ["127.0.0.2", "127.0.0.3", "127.0.0.4",
                                                "127.0.0.5"]}) as dns:
        run, = send("mx.test", options={"resolver": dns.where, "port": good.port})
        expect_sent(run, f"mx.test[127.0.0.5]:{good.port}")


def what_failed_is_tried_last(_):
    """Each message over a connection of its own: the others do not pay for the first address."""
    bad = {"banner": "421 4.3.2 busy"}
    with peers(("127.0.0.3", {}), ("127.0.0.2", bad)) as (good, busy), \
            dns_server.Server({("mx.test", A): ["127.0.0.2", "127.0.0.3"]}) as dns:
        runs = send(f"mx.test:{good.port}", [[message(n)] for n in range(5)], deliveries=1,
                    options={"resolver": dns.where})
        for run in runs:
            expect_sent(run, f"mx.test[127.0.0.3]:{good.port}")
        lib.expect(busy.connections, 1)
        # and the name was looked up once, for its TTL is not over
        lib.expect(dns.asked.count(("mx.test", A, False)), 1)


def the_last_fault_is_told(_):
    port = lib.free_port()
    with dns_server.Server({("mx.test", A): ["127.0.0.2", "127.0.0.3"]}) as dns:
        run, = send(f"mx.test:{port}", options={"resolver": dns.where})
        expect_fault(run, f"mx.test[127.0.0.3]:{port}: cannot connect: Connection refused")


def families_are_looked_up_as_configured(_):
    if not has_ipv6():
        raise lib.Skip("there is no IPv6 loopback")
    rows = [
        # strategy, records, which family is used, what was asked
        (BOTH, (A, AAAA), "::1", [AAAA, A]),
        (V4_ONLY, (A, AAAA), "127.0.0.1", [A]),
        (V6_ONLY, (A, AAAA), "::1", [AAAA]),
        (V6_THEN_V4, (A, AAAA), "::1", [AAAA]),
        (V4_THEN_V6, (A, AAAA), "127.0.0.1", [A]),
        (V6_THEN_V4, (A,), "127.0.0.1", [AAAA, A]),
        (V4_THEN_V6, (AAAA,), "::1", [A, AAAA]),
        (V4_ONLY, (AAAA,), None, [A]),
        (V6_ONLY, (A,), None, [AAAA]),
    ]
    with peers(("127.0.0.1", {}), ("::1", {})) as (v4, _):
        for strategy, kinds, used, asked in rows:
            records = {("mx.test", kind): ["127.0.0.1" if kind == A else "::1"] for kind in kinds}
            with dns_server.Server(records) as dns:
                run, = send(f"mx.test:{v4.port}",
                            options={"resolver": dns.where, "lookup": strategy})
                what = f"strategy {strategy}, {kinds}"
                if used is None:
                    expect_fault(run, "mx.test: no such host, or no address of it", what)
                else:
                    expect_sent(run, f"mx.test[{used}]:{v4.port}", what)
                lib.expect([kind for _, kind, _ in dns.asked], asked, what)


def faults_of_the_dns_are_told(_):
    short = b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x02mx"
    with dns_server.Server({("none.test", 16): []}, {"bad.test": dns_server.SERVFAIL},
                           {("odd.test", A): short, ("odd.test", AAAA): short}) as dns:
        for name, word in (("unknown.test", "unknown.test: no such host, or no address of it"),
                           ("none.test", "none.test: no such host, or no address of it"),
                           ("bad.test", "bad.test: no DNS server answers")):
            run, = send(name, options={"resolver": dns.where, "port": 25})
            expect_fault(run, word, name)
    run, = send("mx.test", options={"resolver": f"127.0.0.1:{lib.free_port()}", "port": 25})
    expect_fault(run, "mx.test: no DNS server answers")


def aliases_and_long_answers_are_followed(_):
    """What does not fit into a datagram comes over TCP; of many addresses the first are tried."""
    with Peer(at="127.0.0.9") as peer, \
            dns_server.Server({("mx.test", CNAME): ["other.test"],
                               ("other.test", A): ["127.0.0.9"] + ["127.0.0.8"] * 200}) as dns:
        run, = send("mx.test", options={"resolver": dns.where, "port": peer.port})
        expect_sent(run, f"mx.test[127.0.0.9]:{peer.port}")
        lib.expect(("mx.test", A, True) in dns.asked, True)


def the_system_knows_localhost(_):
    with Peer() as peer:
        run, = send("localhost", options={"port": peer.port, "lookup": V4_ONLY})
        expect_sent(run, f"localhost[127.0.0.1]:{peer.port}")


# ---- MX ----

def exchangers(**more):
    return {("example.test", MX): [(20, "second.test"), (10, "first.test"), (30, "third.test")],
            ("first.test", A): ["127.0.0.2"], ("second.test", A): ["127.0.0.3"],
            ("third.test", A): ["127.0.0.4"], **more}


def exchangers_are_tried_by_preference(_):
    with dns_server.Server(exchangers()) as dns, \
            peers(("127.0.0.2", {}), ("127.0.0.3", {}), ("127.0.0.4", {})) as (first, second, third):
        host = f"mx:example.test:{first.port}"
        options = {"resolver": dns.where}
        for peer, name, address in ((first, "first", 2), (second, "second", 3), (third, "third", 4)):
            run, = send(host, options=options)
            expect_sent(run, f"{name}.test[127.0.0.{address}]:{first.port}")
            peer.close()
        run, = send(host, options=options)
        expect_fault(run, f"third.test[127.0.0.4]:{first.port}: cannot connect")


def equal_exchangers_take_turns(_):
    """Not the same one forty times; that it happens by chance takes longer than the universe."""
    records = {("example.test", MX): [(10, "a.test"), (10, "b.test")], ("a.test", A): ["127.0.0.2"],
               ("b.test", A): ["127.0.0.3"]}
    with dns_server.Server(records) as dns, peers(("127.0.0.2", {}), ("127.0.0.3", {})) as (a, b):
        send(f"mx:example.test:{a.port}", [[message(n)] for n in range(100)], deliveries=1,
             options={"resolver": dns.where})
        lib.expect(len(a.messages) + len(b.messages), 100)
        if not a.messages or not b.messages:
            raise lib.Failure(f"{len(a.messages)} and {len(b.messages)}")


def odd_exchangers(_):
    """RFC 5321 section 5.1, RFC 7505, and what nobody should have written."""
    with Peer(at="127.0.0.2") as peer, dns_server.Server({
            ("none.test", A): ["127.0.0.2"],
            ("null.test", MX): [(0, ".")],
            ("lost.test", MX): [(1, "nowhere.test")],
            ("half.test", MX): [(1, "nowhere.test"), (2, "mx.test")],
            ("evil.test", MX): [(1, "a b.test"), (2, "x@y.test"), (3, "a\r\nb.test"), (4, "mx.test")],
            ("foul.test", MX): [(1, "a b.test")],
            ("many.test", MX): [(n, f"n{n}.test") for n in range(90)] + [(0, "mx.test")],
            ("mx.test", A): ["127.0.0.2"]}, {"bad.test": dns_server.SERVFAIL}) as dns:
        options = {"resolver": dns.where, "port": peer.port}
        run, = send("mx:none.test", options=options)
        expect_sent(run, f"none.test[127.0.0.2]:{peer.port}", "without MX")
        for domain in ("half.test", "evil.test", "many.test"):
            run, = send(f"mx:{domain}", options=options)
            expect_sent(run, f"mx.test[127.0.0.2]:{peer.port}", domain)
        for domain, word in (("null.test", "null.test: takes no mail, its MX says (RFC 7505)"),
                             ("lost.test", "nowhere.test: no such host"),
                             ("foul.test", "foul.test: no MX of it is a host name"),
                             ("bad.test", "bad.test: no DNS server answers"),
                             ("unknown.test", "unknown.test: no such host")):
            run, = send(f"mx:{domain}", options=options)
            expect_fault(run, word, domain)


# ---- where connections come from ----

def connections_come_from_the_source_address(_):
    with Peer() as peer:
        run, = send(peer.host, options={"source_address": "127.0.0.7"})
        expect_sent(run, f"127.0.0.1[127.0.0.1]:{peer.port}")
        lib.expect(peer.clients, ["127.0.0.7"])
        run, = send(peer.host, options={"source_address": "192.0.2.7"})
        expect_fault(run, "cannot use source_address: ")
        run, = send(peer.host, options={"source_address": "::1"})
        expect_fault(run, "not of the family of the source address")
    with dns_server.Server({("mx.test", A): ["127.0.0.1"]}) as dns:
        run, = send("mx.test:25", options={"source_address": "::1", "resolver": dns.where})
        expect_fault(run, "mx.test: no address of the family of the source address")


def connections_go_through_a_proxy(folder):
    certificate = smtp_peer.make_certificate(folder)
    with Peer(keywords=("STARTTLS", "PIPELINING"), certificate=certificate) as peer, \
            socks_server.Proxy() as proxy:
        run, = send(peer.host, tls=REQUIRED, tls_ca=certificate[0],
                    options={"socks5_proxy_server": proxy.where})
        expect_sent(run, f"127.0.0.1[127.0.0.1]:{peer.port}")
        lib.expect(proxy.requests, [("connect", "127.0.0.1", peer.port)])
        lib.expect([given["tls"] for given in peer.messages], [True])
        lib.expect(peer.messages[0]["content"], CONTENT)


def the_proxy_connects_from_its_source_address(_):
    with Peer() as peer, socks_server.Proxy(credentials=("user", "secret")) as proxy:
        options = {"socks5_proxy_server": proxy.where, "socks5_proxy_source_address": "127.0.0.8",
                   "socks5_proxy_username": "user", "socks5_proxy_password": "secret"}
        run, = send(peer.host, options=options)
        expect_sent(run, f"127.0.0.1[127.0.0.1]:{peer.port}")
        lib.expect(peer.clients, ["127.0.0.8"])
        lib.expect(proxy.requests, [("bind", "127.0.0.8", 0), ("connect", "127.0.0.1", peer.port)])
        lib.expect(proxy.logins, [("user", "secret")])
        run, = send(peer.host, options={**options, "socks5_proxy_password": "wrong"})
        expect_fault(run, "SOCKS5: the proxy refuses user name and password")
        run, = send(peer.host, options={"socks5_proxy_server": proxy.where})
        expect_fault(run, "SOCKS5: the proxy wants another proof of who we are")


def faults_of_a_proxy_are_told(_):
    nothing = bytes(8)
    rows = [
        ({"method": None}, "SOCKS5: the proxy hung up"),
        ({"method": b"HTTP/1.1 400 Bad Request\r\n"}, "SOCKS5: no answer of a SOCKS5 proxy"),
        ({"method": b"\x05\x02"}, "SOCKS5: the proxy wants a user name and a password"),
        ({"method": ""}, "SOCKS5: no answer of the proxy within 3 s"),
        ({"bind": b"\x05\x07\x00\x01" + nothing},
         "SOCKS5: socks5_proxy_source_address: the proxy does not know this command"),
        ({"connect": b"\x05\x05\x00\x01" + nothing}, "SOCKS5: the proxy's connection was refused"),
        ({"connect": b"\x05\x63"}, "SOCKS5: the proxy refuses, for no known reason"),
        ({"connect": b"\x05\x00\x00\x09" + nothing}, "SOCKS5: no answer of a SOCKS5 proxy"),
        ({"connect": None}, "SOCKS5: the proxy hung up"),
    ]
    for script, word in rows:
        with Peer() as peer, socks_server.Proxy(script) as proxy:
            run, = send(peer.host, times={"connect": 3} if "within" in word else None,
                        options={"socks5_proxy_server": proxy.where,
                                 "socks5_proxy_source_address": "127.0.0.8"})
            expect_fault(run, word, str(script))
            lib.expect(peer.messages, [])
    # an answer with a name in it, byte for byte, and the host's first words right behind it
    with Peer() as peer, socks_server.Proxy(
            {"connect": b"\x05\x00\x00\x03\x05proxy\x00\x19" + b"220 hi\r\n"}) as proxy:
        run, = send(peer.host, options={"socks5_proxy_server": proxy.where})
        expect_sent(run, f"127.0.0.1[127.0.0.1]:{peer.port}")
    run, = send("127.0.0.1:25", options={"socks5_proxy_server": f"127.0.0.1:{lib.free_port()}"})
    expect_fault(run, "SOCKS5: cannot connect: Connection refused")


# ---- certificates ----

def certificates_are_for_the_name(folder):
    """Of a host with name and address it is the name, of an MX its own and not that of the domain."""
    name = smtp_peer.make_certificate(folder, "mx.example.test", "192.0.2.1")
    with Peer(keywords=("STARTTLS",), certificate=name) as peer, dns_server.Server({
            ("example.test", MX): [(1, "mx.example.test")], ("other.test", MX): [(1, "mx2.test")],
            ("mx.example.test", A): ["127.0.0.1"], ("mx2.test", A): ["127.0.0.1"]}) as dns:
        options = {"resolver": dns.where, "port": peer.port}
        for host, good in ((f"mx.example.test[127.0.0.1]:{peer.port}", True),
                           ("mx.example.test", True), ("mx:example.test", True),
                           ("mx:other.test", False), ("mx2.test", False),
                           (f"mx2.test[127.0.0.1]:{peer.port}", False), ("[127.0.0.1]", False)):
            run, = send(host, tls=REQUIRED, tls_ca=name[0], options=options)
            lib.expect(run["run"], "done" if good else "unopened", f"{host}: {run}")
            run, = send(host, tls=REQUIRED_INSECURE, options=options)
            lib.expect(run["run"], "done", f"{host}, any certificate: {run}")


def every_policy_meets_every_server(folder):
    """What goes in the clear, what through TLS, and what not at all."""
    good = smtp_peer.make_certificate(folder, file="good")
    wrong = smtp_peer.make_certificate(folder, "other.test", "192.0.2.1", file="wrong")
    expired = smtp_peer.make_expired_certificate(folder)
    with open(os.path.join(folder, "ca.pem"), "w", encoding="ascii") as trusted:
        for certificate, _ in (good, wrong, expired):
            with open(certificate, encoding="ascii") as file:
                trusted.write(file.read())
    stranger = smtp_peer.make_certificate(folder, file="stranger")
    broken = {"starttls": lambda session: (session.say("220 go on"), session.say(b"\x15garbage"),
                                           smtp_peer.close(session))}
    servers = [
        # label, certificate, script, offered; by policy: p(lain), t(ls) or - for nothing
        ("good", good, {}, True, "ptttt"),
        ("for another name", wrong, {}, True, "p-t-t"),
        ("expired", expired, {}, True, "p-t-t"),
        ("of a stranger", stranger, {}, True, "p-t-t"),
        ("STARTTLS refused", good, {"starttls": "454 4.7.0 not now"}, True, "ppp--"),
        ("STARTTLS stripped", good, {}, False, "ppp--"),
        ("the handshake fails", good, broken, True, "p----"),
    ]
    for label, certificate, script, offered, wanted in servers:
        with Peer(script, keywords=("STARTTLS",) if offered else (), certificate=certificate) as peer:
            for policy, way in enumerate(wanted):
                before = len(peer.messages)
                run, = send(peer.host, tls=policy, tls_ca=trusted.name)
                what = f"{label}, policy {policy}: {run}"
                lib.expect(run["run"], "unopened" if way == "-" else "done", what)
                came = [given["tls"] for given in peer.messages[before:]]
                lib.expect(came, {"p": [False], "t": [True], "-": []}[way], what)


def offers_starttls(port):
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.ehlo()
            return client.has_extn("starttls")
    except OSError:
        return False


def a_real_postfix_is_reached_through_proxy_and_tls(folder):
    """With a certificate that verifies, for a name that goes with an address; and not for another."""
    certificate, key = smtp_peer.make_certificate(folder, "mx.example.test", "192.0.2.1")
    os.chmod(folder, 0o755)
    with lib.PrivatePostfix(folder, mailboxes="r1@example.com") as postfix, \
            socks_server.Proxy() as proxy:
        etc = os.path.join(postfix.folder, "etc")
        subprocess.run(["/usr/sbin/postconf", "-c", etc, "smtpd_tls_security_level=may",
                        f"smtpd_tls_cert_file={certificate}", f"smtpd_tls_key_file={key}",
                        "smtpd_tls_received_header=yes"], check=True)
        subprocess.run(["/usr/sbin/postconf", "-c", etc, "-M",
                        "tlsmgr/unix=tlsmgr unix - - n 1000? 1 tlsmgr"], check=True)
        subprocess.run(["/usr/sbin/postfix", "-c", etc, "reload"], check=True, capture_output=True)
        lib.wait_until(lambda: offers_starttls(postfix.reinject), "Postfix offers STARTTLS")
        options = {"socks5_proxy_server": proxy.where}
        run, = send(f"other.test[127.0.0.1]:{postfix.reinject}", tls=REQUIRED, tls_ca=certificate,
                    options=options)
        lib.expect(run["run"], "unopened", str(run))
        run, = send(f"mx.example.test[127.0.0.1]:{postfix.reinject}", tls=REQUIRED,
                    tls_ca=certificate, options=options)
        expect_sent(run, f"mx.example.test[127.0.0.1]:{postfix.reinject}")
        mail, = lib.wait_until(lambda: postfix.mailbox("r1@example.com"), "the notice")
        lib.expect(b"using TLSv1" in mail, True, mail)


# ---- LMTP ----

def lmtp_is_spoken(folder):
    path = os.path.join(folder, "lmtp")
    rows = [(path, f"unix:{path}"), ("127.0.0.1", None)]
    for keywords in (smtp_peer.ALL, ()):
        for at, host in rows:
            with Peer(lmtp=True, at=at, keywords=keywords) as peer:
                run, = send(host or peer.host, [[message(n) for n in range(3)]], lmtp=True,
                            tls=OPPORTUNISTIC_INSECURE)
                lib.expect([outcome for outcome, _ in run["messages"]], ["sent"] * 3, str(run))
                lib.expect(run["peer"], host or f"127.0.0.1[127.0.0.1]:{peer.port}")
                lib.expect(peer.seen[0], "LHLO client.example")
                lib.expect({given["content"] for given in peer.messages}, {CONTENT})
                lib.expect(peer.faults, [])
            if os.path.exists(path):
                os.unlink(path)


def lmtp_replies_are_about_the_recipient(_):
    script = {"rcpt": ["250 Ok", "550 5.1.1 unknown", "250 Ok", "250 Ok"],
              "dot": ["452 4.2.2 over quota", "250 Ok"]}
    with Peer(script, lmtp=True) as peer:
        run, = send(peer.host, [[message(n) for n in range(4)]], lmtp=True)
        lib.expect(run["run"], "done", str(run))
        lib.expect([outcome for outcome, _ in run["messages"]],
                   ["tempfail", "permfail", "sent", "sent"], str(run))


def faults_of_an_lmtp_server_are_told(_):
    many = {"data": ["354 go on"], "rcpt": "550 5.1.1 unknown"}
    rows = [
        ({"banner": "421 4.3.2 busy"}, {}, "421 4.3.2 busy"),
        ({"banner": "554 5.3.2 no"}, {}, "554 5.3.2 no"),
        ({"banner": b"hello\r\n"}, {}, "not an SMTP reply"),
        ({"banner": smtp_peer.close}, {}, "lost connection"),
        ({"banner": smtp_peer.silent}, {"greeting": 3}, "no greeting within 3 s"),
        ({"ehlo": "500 5.5.1 what"}, {}, "500 5.5.1 what"),
        ({"ehlo": smtp_peer.silent}, {"command": 3}, "no answer to LHLO within 3 s"),
        ({"ehlo": "250-x\n" * 101 + "250 x"}, {}, "too many lines"),
        ({"ehlo": say_and_close(b"250-x\r\n")}, {}, "lost connection"),
    ]
    for script, times, word in rows:
        with Peer(script, lmtp=True) as peer:
            run, = send(peer.host, lmtp=True, times=times)
            expect_fault(run, word, str(script))
    # it must not ask for a content that nobody wants (RFC 2033 section 4.2)
    with Peer(many, lmtp=True) as peer:
        run, = send(peer.host, lmtp=True)
        lib.expect(run["run"], "fault", str(run))
        lib.expect(run["messages"], [["permfail", "550 5.1.1 unknown"]])
    # one that speaks SMTP alone
    with Peer() as peer:
        run, = send(peer.host, lmtp=True)
        expect_fault(run, "500 5.5.2 what?")


def a_real_lmtp_server_takes_what_is_sent(folder):
    """Our own intake: what is no report goes to a Maildir."""
    others = os.path.join(folder, "others")
    lib.make_maildir(others)
    path = os.path.join(folder, "lmtp")
    with lib.Daemon(folder, {
            "lmtp.listen": f"unix:{path}", "lmtp.others": others, "lmtp.reports": ["r*@example.com"],
            "file.x.path": os.path.join(folder, "records")}):
        run, = send(f"unix:{path}", [[message(n) for n in range(3)]], lmtp=True)
        lib.expect([outcome for outcome, _ in run["messages"]], ["sent"] * 3, str(run))
        lib.expect(len(os.listdir(os.path.join(others, "new"))), 3)


DOVECOT = """
base_dir = {0}/run
log_path = {0}/dovecot.log
protocols = lmtp
ssl = no
mail_location = maildir:{0}/mail
lda_mailbox_autocreate = yes
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {1}
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={0}/home allow_all_users=yes
}}
"""


def dovecot_takes_what_is_sent(folder):
    if os.geteuid() != 0:
        raise lib.Skip("a private Dovecot needs root")
    if not os.path.exists("/usr/lib/dovecot/lmtp"):
        raise lib.Skip("the package dovecot-lmtpd is not installed")
    port = lib.free_port()
    os.chmod(folder, 0o777)
    settings = os.path.join(folder, "dovecot.conf")
    with open(settings, "w", encoding="ascii") as file:
        file.write(DOVECOT.format(folder, port))
    with subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", settings]) as child:
        try:
            lib.wait_until(lambda: reachable(port, child), "Dovecot listens")
            run, = send(f"127.0.0.1:{port}", [[message(n) for n in range(3)]], lmtp=True)
            lib.expect([outcome for outcome, _ in run["messages"]], ["sent"] * 3, str(run))
            new = os.path.join(folder, "mail", "new")
            lib.expect(len(os.listdir(new)), 3)
            for name in os.listdir(new):
                with open(os.path.join(new, name), "rb") as mail:
                    data = mail.read()
                lib.expect(data.startswith(b"Return-Path: <>\n"), True, data)
                lib.expect(data.endswith(b"\n.hello\n"), True, data)
        finally:
            child.terminate()


def reachable(port, child):
    if child.poll() is not None:
        raise lib.Failure(f"Dovecot ended with status {child.returncode}")
    return lib.answers(port)


lib.run(each_address_of_a_name_is_tried, what_failed_is_tried_last, the_last_fault_is_told,
        families_are_looked_up_as_configured, faults_of_the_dns_are_told,
        aliases_and_long_answers_are_followed, the_system_knows_localhost,
        exchangers_are_tried_by_preference, equal_exchangers_take_turns, odd_exchangers,
        connections_come_from_the_source_address, connections_go_through_a_proxy,
        the_proxy_connects_from_its_source_address, faults_of_a_proxy_are_told,
        certificates_are_for_the_name, every_policy_meets_every_server,
        a_real_postfix_is_reached_through_proxy_and_tls, lmtp_is_spoken,
        lmtp_replies_are_about_the_recipient, faults_of_an_lmtp_server_are_told,
        a_real_lmtp_server_takes_what_is_sent, dovecot_takes_what_is_sent)
