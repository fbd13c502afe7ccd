# SPDX-License-Identifier: BSD-2-Clause
"""A real OpenDMARC for the end-to-end tests, as a milter that checks SPF and DMARC.

    with dmarc.OpenDmarc(folder, {("shop.example", dns_server.TXT): ["v=spf1 ip4:192.0.2.1 -all"]}) as judge:
        chain = f"{verifier.socket}, {judge.socket}, ..."

It asks a DNS server of its own, which needs root: the file that names the servers is another one for
this process alone.
"""
import os
import random
import shutil
import subprocess

import dns_server
import lib


class OpenDmarc:
    """OpenDMARC, which reports as authserv_id, and believes what that said of DKIM. records: of the
    DNS, as dns_server has them."""

    def __init__(self, folder, records, authserv_id="mta1.example.com"):
        if os.geteuid() != 0 or not shutil.which("unshare"):
            raise lib.Skip("a DNS of its own needs root")
        if not os.access("/usr/sbin/opendmarc", os.X_OK):
            raise lib.Skip("opendmarc is not installed")
        self.folder = os.path.join(folder, "dmarc")
        os.makedirs(self.folder, mode=0o755)
        self.port = lib.free_port()
        self.socket = f"inet:127.0.0.1:{self.port}"
        address = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        resolver = self._write("resolv.conf", f"nameserver {address}\noptions timeout:20 attempts:1\n")
        alone = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver]
        if subprocess.run([*alone, "true"], check=False).returncode != 0:
            raise lib.Skip("a process cannot have a file of its own here")
        try:
            self.dns = dns_server.Server(records, address=(address, 53))
        except OSError as error:
            raise lib.Skip(f"no DNS server at {address}: {error}") from error
        nobody = self._write("nobody", "192.0.2.255\n")
        configuration = self._write("opendmarc.conf", "".join(f"{name} {value}\n" for name, value in {
            "AuthservID": authserv_id,
            "Background": "false",
            "IgnoreHosts": nobody,
            "RejectFailures": "false",
            "SPFSelfValidate": "true",
            "Socket": f"inet:{self.port}@127.0.0.1",
            "Syslog": "true",
            "TrustedAuthservIDs": authserv_id}.items()))
        self.child = subprocess.Popen([*alone, "/usr/sbin/opendmarc", "-f", "-c", configuration],
                                      stdin=subprocess.DEVNULL)
        try:
            lib.wait_until(lambda: self.child.poll() is not None or lib.answers(self.port),
                           "OpenDMARC listens")
            if self.child.poll() is not None:
                raise lib.Failure(f"opendmarc ended with status {self.child.returncode}")
        except lib.Failure:
            self.__exit__()
            raise

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()  # it keeps nothing, and an orderly end would take libmilter's five seconds
        self.child.wait()
        self.dns.__exit__()
