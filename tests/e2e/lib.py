# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests share: the daemon, a private Postfix, a sink, posting and sending.

A test is a script of functions that it hands to run(). Each gets an empty folder that every user
may enter. Whatever it starts is ended when it returns, by leaving a "with" or by Cleanup.

    import lib

    def a_bounce_makes_a_notice(folder):
        with lib.Sink() as sink, lib.Daemon(folder, {"relay.default.hosts": [sink.address]}) as daemon:
            lib.expect(daemon.post([lib.element(1)])[1]["accepted"], 1)
            lib.wait_until(lambda: len(sink.mails) == 1, "the notice arrives")

    lib.run(a_bounce_makes_a_notice)
"""
import contextlib
import copy
import email
import email.policy
import http.client
import json
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAM = os.path.join(os.environ.get("DSNARF_BUILD", "."), "dsnarf")
EXAMPLES = os.path.join(SOURCE, "packaging", "examples")

# How long anything may take on a busy machine, with sanitizers.
PATIENCE = 180
STARTED = int(time.time())


class Failure(Exception):
    """What a test found wrong."""


class Skip(Exception):
    """Why a test cannot run here."""


def expect(found, wanted, what="value"):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


def wait_until(condition, what, patience=PATIENCE):
    """Polls until condition() is true, and returns what it said."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience} s in vain: {what}")
        time.sleep(0.02)


_reserved = []


def free_port():
    """A port that no other test is given before this one ends, and no client by the kernel."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    while True:
        port = random.randrange(10000, max(first, 20000))
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0dsnarf-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _reserved.append(mark)
        return port


def example(name):
    with open(os.path.join(EXAMPLES, name), "rb") as file:
        return file.read()


def crlf(text):
    return re.sub(rb"\r?\n", b"\r\n", text)


def record(number, **changes):
    """The example of a bounce with an id of its own, a moment ago; of one number always the same."""
    now = STARTED
    value = json.loads(example("bounce.json"))
    value.update(id=f"{number:032x}", sender=f"news+{number}@shop.example", timestamp=now,
                 event_time=stamp(now), created=now - 3, created_time=stamp(now - 3))
    value.update(changes)
    return value


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def original(number):
    return (example("original.eml").replace(b"news+4711@", b"news+%d@" % number)
            .replace(b".4711@", b".%d@" % number))


def element(number, **changes):
    """What POST /v1/records takes: the record of a bounce and its original."""
    return {"log_record": record(number, **changes), "message": original(number).decode()}


def feedback(number, **fields):
    """The example of a feedback mail with a Message-ID of its own."""
    text = example("feedback.eml").replace(b"fbl-88213@", b"fbl-%d@" % number)
    for name, value in fields.items():
        text = re.sub(rb"(?m)^%s: .*$" % name.encode(), name.encode() + b": " + value, text, 1)
    return text


def json_lines(path):
    """The complete lines of a file that may not exist yet."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def make_maildir(path, owner=None):
    for part in ("", "tmp", "new", "cur"):
        os.makedirs(os.path.join(path, part), exist_ok=True)
        if owner is not None:
            shutil.chown(os.path.join(path, part), owner)


class Notice:
    """A delivered notice, as Python's email package reads it."""

    def __init__(self, data):
        self.message = email.message_from_bytes(data, policy=email.policy.default)
        expect(self.message.defects, [], "defects of a notice")
        expect(self.message.get_content_type(), "multipart/report", "type of a notice")
        parts = list(self.message.iter_parts())
        self.words, self.status = parts[0], parts[1]
        self.returned = parts[2] if len(parts) > 2 else None
        self.about, *self.recipients = self._groups()

    def _groups(self):
        if self.status.get_content_type() == "message/delivery-status":
            return self.status.get_payload()
        first = self.status.get_payload(0)  # email takes message/global-delivery-status for a mail
        rest = first.get_payload().strip().replace("\r\n", "\n")
        return [first] + [email.message_from_string(group, policy=email.policy.SMTPUTF8)
                          for group in rest.split("\n\n")]

    @property
    def text(self):
        """The words, in plain text, of all languages."""
        return "\n".join(part.get_content() for part in self.words.walk()
                         if part.get_content_type() == "text/plain")

    def original(self):
        """The returned message, or its header."""
        if self.returned.get_content_type() in ("message/rfc822", "message/global"):
            return self.returned.get_payload(0)
        return email.message_from_bytes(self.returned.get_payload(decode=True),
                                        policy=email.policy.default)


# ---- the daemon ----

# Makes descriptors those from 3 on, as sd_listen_fds(3) has them, and becomes a program.
HAND_OVER = """
import os, sys
numbers = [os.dup(int(number)) for number in sys.argv[1].split(",")]
numbers = [os.dup2(number, 100 + place) for place, number in enumerate(numbers)]
for place, number in enumerate(numbers):
    os.dup2(number, 3 + place, inheritable=True)
os.closerange(3 + len(numbers), 200)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Daemon:
    """dsnarf serve with its spool, log and configuration in one folder.

    settings: dotted keys and values of dsnarf.toml(5), over the defaults of a test. A value of None
    takes a default away.
    """

    def __init__(self, folder, settings=None, start=True, wrapper=(), sockets=()):
        """sockets: that listen, and are handed over as a service manager does."""
        self.folder = folder
        self.wrapper = list(wrapper)
        self.sockets = list(sockets)
        self.port = free_port()
        self.child = None
        self.settings = {
            "hostname": "mta1.example.com",
            "log.level": "debug",
            "spool.directory": os.path.join(folder, "spool"),
            "http.listen": f"127.0.0.1:{self.port}",
            "http.token": "none",
            "notice.senders": ["*"],
            "notice.trust": ["any"],
            "notice.coalesce": "0s",
            "relay.default.hosts": ["127.0.0.1:1"],
            "relay.default.retry_interval": "1s",
            "relay.default.max_retry_interval": "2s",
        }
        self.settings.update(settings or {})
        self.settings = {key: value for key, value in self.settings.items() if value is not None}
        self.configuration = os.path.join(folder, "dsnarf.toml")
        self.log_file = os.path.join(folder, "log")
        self.configure()
        if start:
            self.start()

    def configure(self, **changes):
        """Writes the configuration; keys with "__" for ".". Takes effect at start() or reload()."""
        self.settings.update({key.replace("__", "."): value for key, value in changes.items()})
        with open(self.configuration + ".new", "w", encoding="utf-8") as file:
            for key, value in self.settings.items():
                file.write(f"{key} = {json.dumps(value, ensure_ascii=False)}\n")
        os.replace(self.configuration + ".new", self.configuration)

    def launch(self):
        """Starts it and does not wait."""
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = tempfile.mktemp(prefix="dsnarf-notify-")
        self.notify.bind("\0" + address)
        environment = dict(os.environ, NOTIFY_SOCKET="@" + address)
        numbers = [one.fileno() for one in self.sockets]
        wrapper = self.wrapper
        if numbers:
            wrapper = [sys.executable, "-c", HAND_OVER, ",".join(map(str, numbers))] + wrapper
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen(
                wrapper + [PROGRAM, "serve", "-c", self.configuration], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment, pass_fds=numbers)

    def start(self):
        self.launch()
        self.wait_ready()

    def wait_ready(self):
        self.notify.settimeout(0.2)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(socket.timeout):
                if b"READY=1" in self.notify.recv(4096).split(b"\n"):
                    break
            if self.child.poll() is not None:
                raise Failure(f"dsnarf serve ended with status {self.child.returncode}:\n" + self.log())
            if time.monotonic() > deadline:
                raise Failure("dsnarf serve does not become ready")
        self.notify.close()

    def reload(self):
        self.child.send_signal(signal.SIGUSR1)

    def stop(self, wanted=0):
        """Asks it to end, and checks that it does so in order."""
        if self.child is not None:
            self.child.terminate()
            self.ends(wanted)

    def ends(self, wanted=0):
        """Waits for the end that it was asked for: a second signal would end it at once."""
        child, self.child = self.child, None
        try:
            status = child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise Failure("dsnarf serve does not stop") from None
        expect(status, wanted, "exit status of dsnarf serve")

    def kill9(self):
        """Kills it, and checks that it had not ended before."""
        child, self.child = self.child, None
        child.kill()
        status = child.wait()
        if status != -signal.SIGKILL:
            raise Failure(f"dsnarf serve ended by itself with status {status}")

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def logged(self, pattern):
        """The lines of the log that match."""
        return [line for line in self.log().split("\n") if re.search(pattern, line)]

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """One request over a connection of its own: status, header fields, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def post(self, elements, headers=None, timeout=PATIENCE):
        """POST /v1/records: status and what the answer says."""
        status, _, body = self.request("POST", "/v1/records", json.dumps(elements),
                                       {"Content-Type": "application/json", **(headers or {})},
                                       timeout)
        return status, json.loads(body) if status == 200 else body

    def metrics(self):
        status, _, body = self.request("GET", "/metrics")
        expect(status, 200, "status of /metrics")
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in body.decode().split("\n")
                 if line and not line.startswith("#"))}

    def fill_spool(self, headers=None):
        """Posts what ends as files in the spool until nothing more fits, also after it has tidied up.
        It is to have a spool.max_size of a few MiB, and a spool.large of a few kB."""
        full_since = None

        def is_full():
            nonlocal full_since
            if self.request("GET", "/readyz")[0] == 503:
                full_since = full_since or time.monotonic()
                return time.monotonic() - full_since > 2.5
            full_since = None
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.request("POST", "/v1/records", os.urandom(150000).hex(), headers, 1)
            return False

        wait_until(is_full, "the spool is full")

    def queue(self, *arguments):
        """Runs dsnarf queue: status, standard output, standard error."""
        action, *rest = arguments
        done = subprocess.run([PROGRAM, "queue", action, "-c", self.configuration, *rest],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

    def waiting(self):
        """What dsnarf queue list shows, as JSON objects."""
        status, out, err = self.queue("list", "--json")
        if status != 0:
            raise Failure(f"dsnarf queue list ended with status {status}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.child is not None:
            self.child.kill()
            self.child.wait()


# ---- a private Postfix ----

class PrivatePostfix:
    """See packaging/private-postfix. settings: its NAME=VALUE arguments."""

    def __init__(self, folder, **settings):
        if os.geteuid() != 0:
            raise Skip("a private Postfix needs root")
        if not shutil.which("postfix", path=os.environ.get("PATH", "") + ":/usr/sbin"):
            raise Skip("the package postfix is not installed")
        self.folder = os.path.join(folder, "postfix")
        self.tool = os.path.join(SOURCE, "packaging", "private-postfix")
        settings.setdefault("until", os.getpid())
        settings.setdefault("smtp", free_port())
        settings.setdefault("reinject", free_port())
        subprocess.run([self.tool, "start", self.folder] +
                       [f"{name}={value}" for name, value in settings.items()],
                       check=True, stdout=subprocess.DEVNULL)
        self.port, self.reinject = settings["smtp"], settings["reinject"]

    def log(self):
        with open(os.path.join(self.folder, "maillog"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def logged(self, pattern):
        return [line for line in self.log().split("\n") if re.search(pattern, line)]

    def queue(self):
        """What waits in it, one JSON object a message."""
        out = subprocess.run(["/usr/sbin/postqueue", "-c", os.path.join(self.folder, "etc"), "-j"],
                             check=True, capture_output=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def flush(self):
        """Tries at once what waits: to hosts that were down, too. A queue manager that is busy may
        hang up on whoever asks."""
        kick = ["/usr/sbin/postkick", "-c", os.path.join(self.folder, "etc"), "public", "qmgr", "FD"]
        wait_until(lambda: subprocess.run(kick, check=False).returncode == 0,
                   "the queue manager to listen")

    def processes(self, *names):
        """Those with one of the names; they work in its queue directory."""
        found = set()
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{process}/comm", encoding="ascii") as file:
                    if file.read().strip() in names and \
                            os.readlink(f"/proc/{process}/cwd") == os.path.join(self.folder, "queue"):
                        found.add(int(process))
        return found

    def reload(self):
        """As "postfix reload". Returns when nobody works with the old configuration."""
        old = self.processes("smtpd", "cleanup")
        for process in self.processes("master"):
            os.kill(process, signal.SIGHUP)
        wait_until(lambda: not old & self.processes("smtpd", "cleanup"), "Postfix works anew")

    def mailbox(self, address):
        """The delivered messages as bytes, in order of arrival."""
        new = os.path.join(self.folder, "mail", address, "new")
        mails = []
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(os.scandir(new), key=lambda entry: entry.stat().st_mtime_ns):
                with open(entry.path, "rb") as file:
                    mails.append(file.read())
        return mails

    def stop(self):
        subprocess.run([self.tool, "stop", self.folder], check=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("    the end of Postfix's log:\n" + indent(self.log()), flush=True)
        self.stop()


def send(port, recipients, message, sender="", lmtp=False, options=()):
    """Sends one message over a connection of its own. Returns the code and the text that decided:
    of the first refusal, or of what followed the message. Lost connections raise OSError or
    smtplib.SMTPServerDisconnected."""
    peer = (smtplib.LMTP if lmtp else smtplib.SMTP)(timeout=PATIENCE, local_hostname="client.example")
    try:
        code, text = peer.connect("127.0.0.1", port)
        if code == 220:
            code, text = peer.ehlo()
        if code == 250:
            code, text = peer.mail(sender, list(options))
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            if code < 300:
                code, text = peer.rcpt(recipient)
        if code < 300:
            try:
                code, text = peer.data(crlf(message))
            except smtplib.SMTPDataError as refusal:  # of the command itself
                code, text = refusal.smtp_code, refusal.smtp_error
        with contextlib.suppress(smtplib.SMTPException):
            peer.quit()
        return code, text.decode("utf-8", "replace")
    finally:
        peer.close()


# ---- a sink ----

class Mail:
    """One message that a sink took or refused after its last byte."""

    def __init__(self, sender, recipients, data):
        self.sender, self.recipients, self.data = sender, recipients, data
        self.time = time.monotonic()  # when its reply was about to be written
        self.code = 0                 # of the reply, 0 while there is none
        self.lost = False             # it was taken, and the client cannot know
        self.replied = False          # the kernel took the reply


class Drop(Exception):
    """What a script raises to close the connection without an answer."""


class Sink:
    """An SMTP server that keeps what it gets.

    script(stage, argument, mail) is asked first, where there is one. stage is "connect", "EHLO",
    "MAIL", "RCPT", "DATA", "." or another verb; it answers None for what an orderly server says, or
    bytes that go out as they are, or raises Drop. An answer to "." or "RCPT" that does not begin
    with "2" means that this was refused; one to "." without line feed is the last. Scripts run in the threads of the connections.
    """

    EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 50000000")

    def __init__(self, script=None, port=0, extensions=EXTENSIONS, delay=0):
        self.script = script
        self.extensions = extensions
        self.delay = delay  # seconds between a message and its reply
        self.mails = []     # those that were accepted
        self.refused = []
        self.connections = 0
        self.lock = threading.Lock()
        self.stopping = False
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.threads = [threading.Thread(target=self._listen, daemon=True)]
        self.threads[0].start()

    def _listen(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.stopping:
                    peer.close()
                    return
                self.connections += 1
                self.sockets.add(peer)
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self.threads.append(thread)
            thread.start()

    def _serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _Session(self, peer).run()
        except (OSError, Drop, EOFError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(peer)
            peer.close()

    def keep(self, mail):
        with self.lock:
            (self.mails if mail.code < 300 else self.refused).append(mail)

    def stop(self):
        with self.lock:
            self.stopping = True
            for peer in self.sockets:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class _Session:
    def __init__(self, sink, peer):
        self.sink, self.peer = sink, peer
        self.input = b""
        self.output = []
        self.sender, self.recipients = None, []

    def read_more(self):
        self.flush()
        piece = self.peer.recv(65536)
        if not piece:
            raise EOFError
        self.input += piece

    def line(self):
        while b"\n" not in self.input:
            self.read_more()
        line, self.input = self.input.split(b"\n", 1)
        return line.rstrip(b"\r")

    def message(self):
        while not (self.input.startswith(b".\r\n") or b"\r\n.\r\n" in self.input):
            self.read_more()
        if self.input.startswith(b".\r\n"):
            self.input = self.input[3:]
            return b""
        data, self.input = self.input.split(b"\r\n.\r\n", 1)
        data = (data + b"\r\n").replace(b"\r\n..", b"\r\n.")
        return data[1:] if data.startswith(b"..") else data

    def flush(self):
        if self.output:
            data, self.output = b"".join(self.output), []
            self.peer.sendall(data)

    def say(self, stage, argument, usual, mail=None):
        """Answers, and returns what was said."""
        said = self.sink.script and self.sink.script(stage, argument, mail)
        if said is None or self.sink.script is None:
            said = usual
        self.output.append(said)
        return said

    def run(self):
        self.say("connect", b"", b"220 sink.example ESMTP\r\n")
        while True:
            verb, _, argument = self.line().partition(b" ")
            verb = verb.upper().decode("latin-1")
            if verb in ("EHLO", "HELO"):
                lines = ("sink.example",) + tuple(self.sink.extensions)
                self.say(verb, argument, "".join(
                    f"250{'-' if n < len(lines) - 1 else ' '}{text}\r\n"
                    for n, text in enumerate(lines)).encode())
            elif verb == "MAIL":
                if self.say(verb, argument, b"250 2.1.0 Ok\r\n").startswith(b"2"):
                    self.sender, self.recipients = argument, []
            elif verb == "RCPT":
                usual = b"250 2.1.5 Ok\r\n" if self.sender is not None else b"503 5.5.1 MAIL?\r\n"
                if self.say(verb, argument, usual).startswith(b"2"):
                    self.recipients.append(argument)
            elif verb == "DATA":
                usual = b"354 Go on\r\n" if self.recipients else b"554 5.5.1 RCPT?\r\n"
                if self.say(verb, argument, usual).startswith(b"3"):
                    self.take()
            elif verb in ("RSET", "NOOP"):
                self.say(verb, argument, b"250 2.0.0 Ok\r\n")
                if verb == "RSET":
                    self.sender, self.recipients = None, []
            elif verb == "QUIT":
                self.say(verb, argument, b"221 2.0.0 Bye\r\n")
                self.flush()
                return
            else:
                self.say(verb, argument, b"500 5.5.1 What?\r\n")

    def take(self):
        mail = Mail(self.sender, self.recipients, self.message())
        self.sender, self.recipients = None, []
        if self.sink.delay:
            time.sleep(self.sink.delay)
        try:
            said = self.say(".", b"", b"250 2.0.0 Ok: kept\r\n", mail)
        except Drop:
            mail.code = 400
            self.sink.keep(mail)
            raise
        mail.code = int(said[:3]) if said[:3].isdigit() else 400
        mail.time = time.monotonic()
        mail.lost = not said.endswith(b"\n")
        self.sink.keep(mail)
        self.flush()
        if mail.lost:
            raise Drop
        mail.replied = True


@contextlib.contextmanager
def smtp_sink(*options):
    """Postfix's smtp-sink, which is fast; yields its address."""
    program = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise Skip("smtp-sink of the package postfix is not installed")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    child = subprocess.Popen([program, *user, *options, f"127.0.0.1:{port}", "100"])
    try:
        wait_until(lambda: answers(port), "smtp-sink listens")
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


def answers(port):
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


# ---- disks ----

@contextlib.contextmanager
def small_disk(path, size):
    """A file system of so many bytes."""
    if os.geteuid() != 0:
        raise Skip("mounting a small file system needs root")
    os.mkdir(path)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "dsnarf-test", path],
                      check=False).returncode != 0:
        raise Skip("tmpfs cannot be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def fill(path, leave):
    """A file that leaves so many bytes on the file system."""
    with open(path, "wb") as file:
        space = os.statvfs(os.path.dirname(path))
        count = max(space.f_bavail * space.f_frsize - leave, 0)
        os.posix_fallocate(file.fileno(), 0, max(count, 1))


# ---- the runner ----

def indent(text, lines=40):
    return "".join(f"    | {line}\n" for line in text.rstrip("\n").split("\n")[-lines:])


def _logs(folder, lines=40):
    """The ends of the logs in a folder of a test that failed, and the warnings before them."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name == "log":
                with open(os.path.join(place, name), encoding="utf-8", errors="replace") as file:
                    log = file.read().rstrip("\n").split("\n")
                warnings = [line for line in log[:-lines] if re.search(": (?:warning|error): ", line)]
                if warnings:
                    print("    warnings in dsnarf's log:\n" + indent("\n".join(warnings)), end="")
                print("    the end of dsnarf's log:\n" + indent("\n".join(log), lines), end="")


def _one(case):
    """How it ended, and the first line of why it failed."""
    folder = tempfile.mkdtemp(prefix="dsnarf-e2e-")
    os.chmod(folder, 0o755)
    started = time.monotonic()
    result, why = "failed", ""
    try:
        case(folder)
        result = "passed"
    except Skip as skip:
        result = "skipped"
        print(f"skipped: {case.__name__}: {skip}")
    except Failure as failure:
        print(f"    {failure}")
        why = str(failure).split("\n", 1)[0]
        _logs(folder)
    except Exception as problem:  # pylint: disable=broad-except
        print(indent(traceback.format_exc()), end="")
        place = traceback.extract_tb(problem.__traceback__)[-1]
        why = f"{problem!r} at {os.path.basename(place.filename)}:{place.lineno}"
        _logs(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{result}: {case.__name__.replace('_', ' ')}, {time.monotonic() - started:.1f} s",
          flush=True)
    return result, why


def run(*cases):
    """Runs each, prints a line for each and the sum, and ends the program. Arguments of the script
    choose among them by name."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    if not os.access(PROGRAM, os.X_OK):
        sys.exit(f"there is no {PROGRAM}")
    chosen = [case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    ends = [_one(case) for case in chosen]
    results = [result for result, _ in ends]
    failed, skipped = results.count("failed"), results.count("skipped")
    print(f"{results.count('passed')} passed, {failed} failed, {skipped} skipped")
    for case, (result, why) in zip(chosen, ends):  # what is shown of a long output is its end
        if result == "failed":
            print(f"{case.__name__}: {why[:1000]}")
    sys.exit(1 if failed else 77 if skipped == len(results) else 0)
