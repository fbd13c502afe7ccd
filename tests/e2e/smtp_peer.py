# SPDX-License-Identifier: BSD-2-Clause
"""An SMTP server that answers as a test tells it to, and keeps what it was given.

A script maps a stage (banner, ehlo, helo, starttls, auth, mail, rcpt, data, dot, rset, quit) to what
happens there:
  "250 ok"            this reply; several lines are written with \\n between them
  b"..."              these bytes
  a function          is called with the session, and may use its methods
  a list of those     one for each time the stage is reached, over all connections; the last one stays
What is not in the script is answered as a good server does.
"""
import base64
import contextlib
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

GOOD = {
    "banner": "220 peer.example ESMTP",
    "helo": "250 peer.example",
    "starttls": "220 2.0.0 go on",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "dot": "250 2.0.0 Ok: queued",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}
ALL = ("PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


class Gone(Exception):
    """The connection is over."""


def close(session):
    """Ends the connection in order."""
    session.shutdown()
    raise Gone


def reset(session):
    """Ends the connection with RST."""
    session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    session.sock.close()
    raise Gone


def silent(session):
    """Says nothing until the client goes."""
    try:
        while session.sock.recv(65536):
            pass
    except OSError:
        pass
    raise Gone


def say_and_close(reply):
    def act(session):
        session.say(reply)
        close(session)
    return act


def late(seconds, reply):
    def act(session):
        time.sleep(seconds)
        session.say(reply)
        return reply
    return act


def trickle(reply, seconds=0.0):
    """The reply byte by byte."""
    def act(session):
        for byte in session.wire(reply):
            session.sock.sendall(bytes([byte]))
            time.sleep(seconds)
        return reply
    return act


def make_certificate(folder, name="localhost", address="127.0.0.1", file="cert"):
    """A self-signed certificate and its key, as PEM files in the folder."""
    cert, key = os.path.join(folder, file + ".pem"), os.path.join(folder, file + "-key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-keyout", key, "-out", cert, "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name},IP:{address}"],
        check=True, capture_output=True)
    return cert, key


def make_expired_certificate(folder, file="expired"):
    """The same for localhost, from a day that is long over."""
    cert, key = make_certificate(folder, file=file)
    at = os.path.join(folder, file)
    with open(at + ".cnf", "w", encoding="ascii") as settings:
        settings.write(f"""[ca]
default_ca = own
[own]
database = {at}.db
serial = {at}.serial
new_certs_dir = {folder}
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
""")
    with open(at + ".db", "w", encoding="ascii"), \
            open(at + ".serial", "w", encoding="ascii") as serial:
        serial.write("01\n")
    request = at + ".csr"
    for command in (["req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", request],
                    ["ca", "-config", at + ".cnf", "-selfsign", "-batch", "-notext", "-in", request,
                     "-keyfile", key, "-startdate", "20200101000000Z",
                     "-enddate", "20200102000000Z", "-out", cert]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return cert, key


class Session(threading.Thread):
    def __init__(self, peer, sock):
        super().__init__(daemon=True)
        self.peer = peer
        self.sock = sock
        self.buffer = b""
        self.tls = False
        self.offered = ()
        self.mail = self.recipients = None
        self.given = None  # the command at hand
        self.at_end = lambda: None

    @staticmethod
    def wire(reply):
        return reply if isinstance(reply, bytes) else reply.replace("\n", "\r\n").encode() + b"\r\n"

    def say(self, reply):
        self.sock.sendall(self.wire(reply))

    def shutdown(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def fill(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise Gone
        self.buffer += data

    def pending(self):
        """True if the client has said more than was read."""
        if self.buffer or self.tls:
            return bool(self.buffer or self.sock.pending())
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            self.peer.wrong(f"bare LF after {line!r}")
        return line.rstrip(b"\r")

    def act(self, stage, default=None):
        """Does what the script says, and returns the reply that was given, if it was one."""
        action = self.peer.action(stage)
        if action is None:
            action = GOOD[stage] if default is None else default
        if callable(action):
            return action(self) or ""
        self.say(action)
        return action if isinstance(action, str) else action.decode("latin-1")

    def run(self):
        try:
            self.serve()
        except (Gone, OSError):
            pass
        finally:
            self.shutdown()
            self.at_end()
            self.peer.ended(self)

    def serve(self):
        self.act("banner")
        while True:
            line = self.line()
            verb = line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
            self.given = line.decode("utf-8", "surrogateescape")
            self.peer.seen.append(self.given)
            if "PIPELINING" not in self.offered and self.pending():
                self.peer.wrong(f"more than {line!r} at once without PIPELINING")
            handler = getattr(self, "do_" + verb.lower(), None)
            if verb in ("EHLO", "HELO", "LHLO") and (verb == "LHLO") != self.peer.lmtp:
                handler = None
            if handler is None:
                self.say("500 5.5.2 what?")
            else:
                handler(line)

    def do_ehlo(self, line):
        offered = list(self.peer.tls_keywords if self.tls else self.peer.keywords)
        self.offered = [word.split(" ")[0] for word in offered]
        lines = ["peer.example"] + offered
        text = "\n".join(f"250-{line}" for line in lines[:-1])
        self.act("ehlo", text + ("\n" if text else "") + "250 " + lines[-1])

    def do_lhlo(self, line):
        self.do_ehlo(line)

    def do_helo(self, line):
        self.offered = ()
        self.act("helo")

    def do_starttls(self, line):
        if not self.act("starttls").startswith("220"):
            return
        self.sock = self.peer.context.wrap_socket(self.sock, server_side=True)
        self.tls = True
        self.buffer = b""

    def do_auth(self, line):
        words = line.split(b" ")
        if words[1].upper() == b"PLAIN":
            if len(words) < 3:
                self.say("334 ")
                words.append(self.line())
            given = base64.b64decode(words[2]).decode().split("\0")[1:]
        else:
            self.say("334 VXNlcm5hbWU6")
            given = [base64.b64decode(self.line()).decode()]
            self.say("334 UGFzc3dvcmQ6")
            given.append(base64.b64decode(self.line()).decode())
        self.peer.auth.append((words[1].decode(), *given, self.tls))
        self.act("auth", "235 2.7.0 good" if tuple(given) == self.peer.credentials
                 else "535 5.7.8 bad credentials")

    def do_mail(self, line):
        if self.mail is not None:
            self.peer.wrong("nested MAIL")
            self.say("503 5.5.1 nested MAIL")
            return
        if self.act("mail").startswith("2"):
            self.mail, self.recipients = line.decode(), []

    def do_rcpt(self, line):
        if self.mail is None:
            self.say("503 5.5.1 need MAIL")
        elif self.act("rcpt").startswith("2"):
            self.recipients.append(line.decode())

    def do_data(self, line):
        if self.pending():
            self.peer.wrong("DATA was not the last command of its group")
        scripted = self.peer.scripted("data")
        if not self.recipients and not scripted:
            self.say("554 5.5.1 no valid recipients" if self.mail else "503 5.5.1 need RCPT")
            return
        if not self.act("data").startswith("354"):
            return
        raw = self.content()
        self.peer.last_raw = raw
        mail, recipients = self.mail, self.recipients
        self.mail = self.recipients = None
        if not recipients:
            self.peer.lone_dots.append(raw)
            self.act("dot", "554 5.5.1 no valid recipients")
            return
        message = {"mail": mail, "rcpt": recipients, "content": unstuff(raw), "tls": self.tls}
        self.peer.messages.append(message)
        message["reply"] = self.act("dot")

    def content(self):
        """What comes before the final dot, as it came."""
        if not self.buffer:
            self.fill()
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            self.fill()
        if self.buffer.startswith(b".\r\n"):
            self.buffer = self.buffer[3:]
            return b""
        at = self.buffer.index(b"\r\n.\r\n") + 2
        raw, self.buffer = self.buffer[:at], self.buffer[at + 3:]
        return raw

    def do_rset(self, line):
        self.mail = self.recipients = None
        self.act("rset")

    def do_quit(self, line):
        self.act("quit")
        raise Gone


def unstuff(raw):
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in raw.split(b"\r\n"))


class Peer:
    """Listens on a port of its own until close(); .messages, .seen and .faults are what came.

    at is an address, an address with a port, or the path of a unix socket."""

    def __init__(self, script=None, keywords=ALL, tls_keywords=None, certificate=None,
                 credentials=("user", "secret"), backlog=50, at=("127.0.0.1", 0), lmtp=False):
        self.script = dict(script or {})
        self.keywords = keywords
        self.tls_keywords = keywords if tls_keywords is None else tls_keywords
        self.credentials = credentials
        self.context = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.lock = threading.Lock()
        self.counts = {}
        self.sessions = set()
        self.connections = 0
        self.messages, self.seen, self.faults, self.auth, self.lone_dots = [], [], [], [], []
        self.last_raw = None
        self.lmtp = lmtp
        self.clients = []
        if isinstance(at, str) and at.startswith("/"):
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(at)
            self.listener.listen(backlog)
            self.port = None
        else:
            at = (at, 0) if isinstance(at, str) else at
            family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
            self.listener = socket.create_server(at, family=family, backlog=backlog)
            self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        while True:
            try:
                sock, client = self.listener.accept()
            except OSError:
                return
            if self.port is not None:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.clients.append(client[0])
            session = Session(self, sock)
            with self.lock:
                self.connections += 1
                self.sessions.add(session)
                session.start()

    def ended(self, session):
        with self.lock:
            self.sessions.discard(session)

    def wrong(self, text):
        self.faults.append(text)

    def scripted(self, stage):
        return stage in self.script

    def action(self, stage):
        with self.lock:
            action = self.script.get(stage)
            if isinstance(action, list):
                at = self.counts.get(stage, 0)
                self.counts[stage] = at + 1
                action = action[min(at, len(action) - 1)]
            return action

    def close(self):
        if self.listener.fileno() < 0:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        with self.lock:
            sessions = list(self.sessions)
        for session in sessions:
            session.shutdown()
        for session in sessions:
            session.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


@contextlib.contextmanager
def peers(*given):
    """Servers at several addresses, all at the same port: the one that the first has got. It may be
    in use elsewhere: then another is taken."""
    for attempt in range(20):
        with contextlib.ExitStack() as stack:
            found, port = [], 0
            try:
                for at, script in given:
                    found.append(stack.enter_context(Peer(script, at=(at, port))))
                    port = found[0].port
            except OSError:
                if attempt == 19:
                    raise
                continue
            yield found
            return
