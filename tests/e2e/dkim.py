# SPDX-License-Identifier: BSD-2-Clause
"""A real OpenDKIM for the end-to-end tests, as a milter and as a judge of messages.

    with dkim.OpenDkim(folder, "shop.example", "sign") as signer:
        mta = lib.PrivatePostfix(folder, milter=signer.socket, ...)
        ...
        lib.expect(signer.verify(mail), True, "the signature")

The keys are in one folder and found in a file, never in the DNS. Two of the same folder and domain
share their key.
"""
import os
import re
import shutil
import subprocess
import tempfile

import lib

MODES = {"sign": "s", "verify": "v", "both": "sv"}
SELECTOR = "test"


class OpenDkim:
    """OpenDKIM as a milter, which signs what is From: the domain, or verifies and reports as
    authserv_id in Authentication-Results. settings: more of opendkim.conf(5)."""

    def __init__(self, folder, domain, mode, authserv_id="mta1.example.com", start=True, **settings):
        for program in ("opendkim", "opendkim-genkey"):
            if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin"):
                raise lib.Skip(f"{program} is not installed")
        self.folder = os.path.join(folder, "dkim")
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        self.key = self._key(domain)
        self.port = lib.free_port()
        self.socket = f"inet:127.0.0.1:{self.port}"  # as Postfix writes it
        self.child = None
        self.log_file = os.path.join(self.folder, f"{domain}-{mode}-{self.port}")
        self.configuration = self.log_file + ".conf"
        self._write(self.configuration, {
            "AuthservID": authserv_id,
            "Background": "no",
            "Canonicalization": "relaxed/simple",
            "Domain": domain,
            "InternalHosts": "127.0.0.1" if "s" in MODES[mode] else "192.0.2.1",  # are not verified
            "KeyFile": self.key,
            "LogWhy": "yes",
            "Mode": MODES[mode],
            "RequireSafeKeys": "no",  # the folder lies in /tmp
            "Selector": SELECTOR,
            "Socket": f"inet:{self.port}@127.0.0.1",
            "SubDomains": "yes",
            "Syslog": "yes",
            "TestPublicKeys": os.path.join(self.folder, "public"),
            **settings})
        self.judge = os.path.join(self.folder, "judge.conf")
        self._write(self.judge, {"Mode": "v", "RequireSafeKeys": "no",
                                  "TestPublicKeys": os.path.join(self.folder, "public")})
        if start:
            self.start()

    @staticmethod
    def _write(path, settings):
        with open(path, "w", encoding="ascii") as file:
            for name, value in settings.items():
                file.write(f"{name} {value}\n")

    def _key(self, domain):
        """The path of the private key; the public one gets into the file that stands for the DNS."""
        place = os.path.join(self.folder, domain)
        path = os.path.join(place, SELECTOR + ".private")
        if os.path.exists(path):
            return path
        os.makedirs(place)
        subprocess.run(["opendkim-genkey", "-b", "1024", "-D", place, "-d", domain, "-s", SELECTOR],
                       check=True)
        with open(os.path.join(place, SELECTOR + ".txt"), encoding="ascii") as file:
            record = "".join(file.read().split('"')[1::2])
        with open(os.path.join(self.folder, "public"), "a", encoding="ascii") as file:
            file.write(f"{SELECTOR}._domainkey.{domain} {record}\n")
        return path

    def start(self):
        self.child = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", self.configuration],
                                      stdin=subprocess.DEVNULL)
        lib.wait_until(lambda: self.child.poll() is not None or lib.answers(self.port),
                       "OpenDKIM listens")
        if self.child.poll() is not None:
            raise lib.Failure(f"opendkim ended with status {self.child.returncode}")

    def stop(self):
        """It keeps nothing, and an orderly end would take libmilter's five seconds."""
        child, self.child = self.child, None
        if child is not None:
            child.kill()
            child.wait()

    def results(self, message):
        """The result of each signature of a message as it was delivered: "pass", "fail", ..."""
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(lib.crlf(message))
            file.flush()
            done = subprocess.run(["/usr/sbin/opendkim", "-vv", "-x", self.judge, "-t", file.name],
                                  check=True, capture_output=True, text=True, timeout=lib.PATIENCE)
        return re.findall(r"(?<![\w-])dkim=([a-z]+)", done.stdout)

    def verify(self, message):
        """Whether it has a signature, and each of them is good."""
        results = self.results(message)
        return bool(results) and set(results) == {"pass"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
