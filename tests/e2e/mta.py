# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's side of the milter protocol, by hand: for what miltertest cannot do.

    with mta.Mta(folder) as peer:
        lib.expect(peer.message(["<fbl@example.com>"], lib.feedback(1)), [("d", b"")], "answer")
"""
import fcntl
import os
import re
import socket
import struct
import termios

import lib

# libmilter/mfapi.h and mfdef.h
CHANGE_BODY = 0x2
SHOW_BLANK = 0x100000
ALL_ACTIONS, ALL_STEPS = 0x1ff, 0x1fffff
V2_ACTIONS, V2_STEPS = 0x3f, 0x7f


def path_of(folder):
    return os.path.join(folder, "milter.sock")


class Mta:
    """The MTA's side of the protocol."""

    def __init__(self, where, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS, connect=True):
        """where: the folder of the unix socket, or a TCP port."""
        if isinstance(where, int):
            self.peer = socket.create_connection(("127.0.0.1", where))
        else:
            self.peer = socket.socket(socket.AF_UNIX)
            self.peer.connect(path_of(where))
        self.peer.settimeout(lib.PATIENCE)
        self.asked = 0  # how many messages it has sent to their end
        self.send("O", struct.pack(">III", version, actions, steps))
        self.offered = struct.unpack(">III", self.receive("O")[:12])
        if connect:
            self.connect()

    def connect(self, name=b"client.example", address=b"192.0.2.7"):
        self.send("C", name + b"\0" + b"4" + struct.pack(">H", 4025) + address + b"\0")

    def send(self, command, data=b""):
        self.peer.sendall(struct.pack(">I", len(data) + 1) + command.encode() + data)

    def wait_read(self):
        """Until the daemon has read all that was sent."""
        def unread():
            return struct.unpack("i", fcntl.ioctl(self.peer, termios.TIOCOUTQ, bytes(4)))[0]
        lib.wait_until(lambda: unread() == 0, "all is read")

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.peer.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def packet(self):
        size, = struct.unpack(">I", self.read(4))
        data = self.read(size)
        return chr(data[0]), data[1:]

    def receive(self, wanted):
        command, data = self.packet()
        lib.expect(command, wanted, "reply")
        return data

    def changes(self):
        """The packets up to the one that ends the message."""
        packets = []
        while True:
            packets.append(self.packet())
            if packets[-1][0] in "acdrty":
                return packets

    def envelope(self, recipients, sender="<>", queue_id="Q1"):
        self.send("M", sender.encode() + b"\0SIZE=3000\0")
        for recipient in recipients:
            self.send("R", recipient.encode() + b"\0")
        self.send("D", b"Ei\0" + queue_id.encode() + b"\0")

    def header(self, message):
        """Sends the header and its end; returns the body, and how many packets that were."""
        head, body = lib.crlf(message).split(b"\r\n\r\n", 1)
        fields = re.sub(rb"\r\n([ \t])", rb"\n\1", head).split(b"\r\n")
        for field in fields:
            name, value = field.split(b":", 1)
            self.send("L", name + b"\0" + value + b"\0")
        self.send("N")
        return body, len(fields) + 1

    def message(self, recipients, message, **envelope):
        """A whole message of ours."""
        self.envelope(recipients, **envelope)
        self.send("T")
        self.receive("c")
        body, _ = self.header(message)
        self.send("B", body)
        self.send("E")
        self.asked += 1
        return self.changes()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()
