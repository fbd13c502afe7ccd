# SPDX-License-Identifier: BSD-2-Clause
"""What milters cost Postfix: several of it, alike but for the milter, take the same work in turn."""
import contextlib
import math
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import lib  # pylint: disable=wrong-import-position

SENDER, READER = "news@shop.example", "reader@mta1.example.com"


def start_postfix(folder, parameters, services=(), **settings):
    """A Postfix whose main.cf has @parameters and whose master.cf has @services, too."""
    os.mkdir(folder, 0o755)
    mta = lib.PrivatePostfix(folder, mailboxes=READER, **settings)
    etc = os.path.join(mta.folder, "etc")
    changes = [["-e", *(f"{name}={value}" for name, value in parameters.items())]]
    for arguments in changes + [["-M", service] for service in services]:
        subprocess.run(["/usr/sbin/postconf", "-c", etc, *arguments], check=True)
    subprocess.run(["/usr/sbin/postfix", "-c", etc, "reload"], check=True, stderr=subprocess.DEVNULL)
    return mta


def rate(mta, size, messages):
    """Messages of @size KB a second that it takes from smtp-source over 20 connections; returns when
    all are delivered."""
    started = time.monotonic()
    subprocess.run(["/usr/sbin/smtp-source", "-s", "20", "-m", str(messages), "-l", str(size * 1000),
                    "-f", SENDER, "-t", READER, f"127.0.0.1:{mta.port}"], check=True)
    taken = time.monotonic() - started
    lib.wait_until(lambda: not mta.queue(), "Postfix's queue is empty")
    return messages / taken


@contextlib.contextmanager
def nothing(program, socket, *arguments):
    """The milter that does nothing."""
    with subprocess.Popen([program, "unix:" + socket, *arguments], umask=0) as child:
        try:
            yield child
        finally:
            child.terminate()


def processor_time(child):
    """Seconds of a process up to now, by the clock that clock_getcpuclockid(3) gives."""
    return time.clock_gettime(~child.pid << 3 | 2)


def interleave(measure, names, rounds):
    """Has each measured once a round, in another order each time, after one round that does not count:
    the rates by name."""
    rates = {name: [] for name in names}
    for name in names:
        measure(name)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            rates[name].append(measure(name))
    return rates


def ratio(ours, theirs):
    """The median of the ratios of all pairs, and the interval in which the true one lies with 95 %:
    the order statistics around it (normal approximation of the binomial)."""
    ratios = sorted(our / their for our, their in zip(ours, theirs))
    low = max(0, math.floor((len(ratios) - 1.96 * math.sqrt(len(ratios))) / 2))
    return (f"{statistics.median(ratios):.3f} ({ratios[low]:.3f} to {ratios[-1 - low]:.3f}, "
            f"{len(ratios)} pairs)")
