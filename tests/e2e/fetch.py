#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of dsnarf-fetch(7), as they are shipped, against a private Dovecot: a feedback-loop
mailbox is fetched by IMAP or POP3, and its reports become records."""
import os
import re
import shutil
import signal
import subprocess
import time

import lib

RECIPES = os.path.join(lib.EXAMPLES, "fetch")
ACCOUNT = "fbl@example.com"
SECRET = "a secret, 'quoted'"

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.crt
ssl_key = <{folder}/server.key
ssl_dh =
disable_plaintext_auth = yes
auth_mechanisms = plain
mail_location = maildir:{folder}/mailbox
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/passwd
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3}
    ssl = yes
  }}
}}
"""


def need(*programs):
    if os.getuid() != 0:
        raise lib.Skip("only root can start a Dovecot")
    for program in programs:
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
            raise lib.Skip(f"{program} is not installed")


class Dovecot:
    """A server with one account over TLS, all of it in one folder."""

    def __init__(self, folder):
        need("dovecot", "openssl")
        self.folder = os.path.join(folder, "dovecot")
        for name in ("", "run", "home"):
            os.mkdir(os.path.join(self.folder, name), 0o755)
        shutil.chown(os.path.join(self.folder, "home"), "nobody")
        self.mailbox = os.path.join(self.folder, "mailbox")
        lib.make_maildir(self.mailbox, "nobody")
        self.imap, self.pop3 = lib.free_port(), lib.free_port()
        self.certificate = os.path.join(self.folder, "server.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", os.path.join(self.folder, "server.key"), "-out",
                        self.certificate], check=True, capture_output=True)
        self.write("passwd", f"{ACCOUNT}:{SECRET}:\n")
        self.configuration = self.write("dovecot.conf", CONFIGURATION.format(
            folder=self.folder, imap=self.imap, pop3=self.pop3))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def __enter__(self):
        self.child = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.configuration],
                                      stdin=subprocess.DEVNULL)
        lib.wait_until(lambda: self.listens(self.imap) and self.listens(self.pop3), "Dovecot listens")
        return self

    def listens(self, port):
        lib.expect(self.child.poll(), None, "status of Dovecot")
        return any(re.match(rf" *\d+: 0100007F:{port:04X} 00000000:0000 0A", line)
                   for line in open("/proc/net/tcp", encoding="ascii"))

    def __exit__(self, kind, *_):
        self.child.terminate()
        self.child.wait(lib.PATIENCE)
        if kind is not None:
            with open(os.path.join(self.folder, "dovecot.log"), encoding="utf-8") as file:
                print(file.read())

    def deliver(self, name, message):
        path = os.path.join(self.mailbox, "tmp", name)
        with open(path, "wb") as file:
            file.write(message)
        shutil.chown(path, "nobody")
        os.rename(path, os.path.join(self.mailbox, "new", name))

    def stored(self):
        return sorted(name.split(":")[0] for part in ("new", "cur")
                      for name in os.listdir(os.path.join(self.mailbox, part)))


class Place:
    """A recipe with the names of this machine filled in, and nothing else."""

    def __init__(self, folder, dovecot, daemon, recipe, owner="root"):
        self.state = os.path.join(folder, "state")
        self.maildir = os.path.join(folder, "fbl")
        os.mkdir(self.state)
        lib.make_maildir(self.maildir, owner)
        password = os.path.join(folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write(SECRET + "\n")
        with open(os.path.join(RECIPES, recipe), encoding="utf-8") as file:
            text = file.read()
        for name, value in (("/etc/ssl/certs/ca-certificates.crt", dovecot.certificate),
                            ("/etc/dsnarf/fbl-password", password),
                            ("/etc/dsnarf/dsnarf.toml", daemon.configuration),
                            ("/usr/bin/dsnarf", os.path.abspath(lib.PROGRAM)),
                            ("/var/mail/fbl", self.maildir), ("/var/lib/fbl", self.state),
                            ("SECRET", SECRET), ("imap.example.com", "localhost"),
                            ("993", str(dovecot.imap)), ("995", str(dovecot.pop3))):
            text = text.replace(name, value)
        self.path = os.path.join(folder, recipe)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, 0o600)
        for path in (self.state, self.path):
            shutil.chown(path, owner)


def daemon_for(folder):
    return lib.Daemon(folder, {"file.out.path": os.path.join(folder, "out"),
                               "file.out.types": ["Feedback", "OOB"]}, start=False)


def watch(daemon, place):
    daemon.configure(maildir__fbl__path=place.maildir)
    daemon.start()


def wait_records(folder, count):
    def look():
        found = lib.json_lines(os.path.join(folder, "out"))
        return len(found) >= count and found

    found = lib.wait_until(look, f"{count} records")
    lib.expect(len(found), count, "records")
    lib.expect(len({record["id"] for record in found}), count, "different records")


def fetch(*command, environment=None, wanted=(0,)):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=lib.PATIENCE, check=False,
                          env=dict(os.environ, **(environment or {})))
    if done.returncode not in wanted:
        raise lib.Failure(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def mails(dovecot, numbers):
    for number in numbers:
        dovecot.deliver(f"{number}.report", lib.feedback(number))


def wait_records_of_idle(folder, dovecot):
    """Mail that comes just before getmail waits is only seen with the next, or after five minutes:
    so one is followed by another."""
    delivered = {"number": 3, "next": 0.0}

    def more_has_come():
        if time.monotonic() > delivered["next"]:
            mails(dovecot, [delivered["number"]])
            delivered.update(number=delivered["number"] + 1, next=time.monotonic() + 2)
        return len(lib.json_lines(os.path.join(folder, "out"))) > 3

    lib.wait_until(more_has_come, "mail that comes later is fetched")


# getmail 6.18 delivers in a child and is told of its end, but only if it waits for that by then:
# else it stands still for three minutes and gives up.
GETMAIL_HOOK = '''
import os
import time

def let_the_parent_wait():
    state = ""
    while state != "S":
        time.sleep(0.05)
        with open(f"/proc/{os.getppid()}/stat", encoding="utf-8") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]

os.register_at_fork(after_in_child=let_the_parent_wait)
'''


def getmail_hook(folder):
    """The folder of a module that Python loads at its start."""
    path = os.path.join(folder, "hook")
    os.mkdir(path)
    with open(os.path.join(path, "sitecustomize.py"), "w", encoding="utf-8") as file:
        file.write(GETMAIL_HOOK)
    return path


def getmail_waits_for_mail(folder):
    """IMAP with IDLE into a Maildir; what was fetched is deleted on the server."""
    need("getmail")
    with Dovecot(folder) as dovecot, daemon_for(folder) as daemon:
        place = Place(folder, dovecot, daemon, "getmailrc", "nobody")  # it refuses to be root
        watch(daemon, place)
        mails(dovecot, range(3))
        dovecot.deliver("other", lib.example("original.eml"))
        child = subprocess.Popen(["getmail", f"--getmaildir={place.state}",
                                  f"--rcfile={place.path}", "--idle=INBOX"],
                                 stdin=subprocess.DEVNULL, start_new_session=True,
                                 env=dict(os.environ, PYTHONPATH=getmail_hook(folder)),
                                 user="nobody", group="nogroup", extra_groups=[])
        try:
            wait_records(folder, 3)
            lib.wait_until(lambda: not dovecot.stored(), "the mailbox is empty")
            wait_records_of_idle(folder, dovecot)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(lib.PATIENCE)
        lib.wait_until(lambda: len(os.listdir(os.path.join(place.maildir, "cur"))) == 1,
                       "what is no report is left")


def fetchmail_pipes_to_ingest(folder):
    """POP3, each message to dsnarf ingest; all of it stays on the server, and comes once."""
    need("fetchmail")
    with Dovecot(folder) as dovecot, daemon_for(folder) as daemon:
        place = Place(folder, dovecot, daemon, "fetchmailrc")
        home = {"FETCHMAILHOME": place.state}
        mails(dovecot, range(2))
        daemon.start()
        fetch("fetchmail", "--fetchmailrc", place.path, environment=home)
        wait_records(folder, 2)
        mails(dovecot, range(2, 3))
        dovecot.deliver("other", lib.example("original.eml"))
        fetch("fetchmail", "--fetchmailrc", place.path, environment=home)
        wait_records(folder, 3)
        lib.expect(len(dovecot.stored()), 4, "messages on the server")
        fetch("fetchmail", "--fetchmailrc", place.path, environment=home, wanted=(1,))  # no mail
        wait_records(folder, 3)


def mbsync_pulls_what_is_new(folder):
    """IMAP into a Maildir; what dsnarf takes out of it stays on the server, and does not return."""
    need("mbsync")
    with Dovecot(folder) as dovecot, daemon_for(folder) as daemon:
        place = Place(folder, dovecot, daemon, "mbsyncrc")
        watch(daemon, place)
        mails(dovecot, range(2))
        fetch("mbsync", "--config", place.path, "reports")
        wait_records(folder, 2)
        lib.wait_until(lambda: not os.listdir(os.path.join(place.maildir, "new")), "new is empty")
        mails(dovecot, range(2, 4))
        fetch("mbsync", "--config", place.path, "reports")
        wait_records(folder, 4)
        lib.expect(len(dovecot.stored()), 4, "messages on the server")


lib.run(getmail_waits_for_mail, fetchmail_pipes_to_ingest, mbsync_pulls_what_is_new)
