#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Log segments that are followed: written here after RFC 8878 and KumoMTA's description of them."""
import contextlib
import glob
import json
import os
import random
import re
import subprocess
import time

import lib

MAGIC = b"\x28\xb5\x2f\xfd"
WINDOW = b"\x00\x38"  # no content size, no checksum; a window of 128 KiB
BLOCK_MAX = 128 * 1024
LAST_BLOCK = b"\x01\0\0"


def frame(data, last=True):
    """A frame of raw blocks (RFC 8878 section 3.1.1.2); without its last one, it goes on."""
    return MAGIC + WINDOW + blocks(data) + (LAST_BLOCK if last else b"")


def blocks(data):
    parts = [data[at:at + BLOCK_MAX] for at in range(0, len(data), BLOCK_MAX)]
    return b"".join((len(part) << 3).to_bytes(3, "little") + part for part in parts)


def compressed(data):
    return subprocess.run(["zstd", "-q", "-c", "--no-check"], input=data, capture_output=True,
                          check=True).stdout


def line(number, **changes):
    return json.dumps(lib.record(number, **changes), separators=(",", ":")).encode() + b"\n"


def text(numbers, **changes):
    return b"".join(line(number, **changes) for number in numbers)


class Segment:
    """A file as KumoMTA writes it."""

    def __init__(self, logs, name, content=None):
        os.makedirs(logs, exist_ok=True)
        self.path = os.path.join(logs, name)
        self.file = open(self.path, "ab")
        if content is not None:
            self.append(content)
            self.finish()

    def append(self, data):
        self.file.write(data)
        self.file.flush()

    def finish(self):
        self.file.close()
        os.chmod(self.path, 0o444)


def settings(folder, **changes):
    """Everything that is followed comes out in segments, each once, and nothing makes a notice."""
    values = {"notice.enable": [], "segments.out.log_dir": os.path.join(folder, "out"),
              "segments.out.compression_level": 1,
              "tailer.in.directory": os.path.join(folder, "in"), "tailer.in.start": "beginning"}
    values.update({key.replace("__", "."): value for key, value in changes.items()})
    return values


def out(folder):
    """The numbers of the records that came out."""
    logs = os.path.join(folder, "out")
    found = []
    for name in sorted(os.listdir(logs)) if os.path.isdir(logs) else []:
        if not name.startswith("."):
            text_ = subprocess.run(["zstd", "-dcq", os.path.join(logs, name)], capture_output=True,
                                   check=True).stdout
            found += [int(json.loads(line_)["id"], 16) for line_ in text_.splitlines()]
    return found


def expect_out(folder, numbers):
    numbers = sorted(numbers)
    lib.wait_until(lambda: len(out(folder)) >= len(numbers), f"{len(numbers)} records")
    lib.expect(sorted(out(folder)), numbers, "records")


def wait_read(daemon, files, patience=lib.PATIENCE):
    """Until so many files are done in this run of the daemon."""
    lib.wait_until(lambda: daemon.metrics()["dsnarf_tailer_files_total"] >= files, f"{files} files",
                   patience)


def live_files(folder):
    """What is flushed comes at once; frames, files and names follow one another."""
    logs = os.path.join(folder, "in")
    with lib.Daemon(folder, settings(folder)) as daemon:
        lib.wait_until(lambda: daemon.logged("tailer in: .*in: No such file or directory"),
                       "no directory yet")
        first = Segment(logs, "20260101-000000.000000001")
        first.append(frame(text([1]), last=False))
        expect_out(folder, [1])
        lib.wait_until(lambda: daemon.logged("tailer in: works again"), "the directory is there")
        whole = text([2, 3])
        first.append(blocks(whole[:-10]))
        expect_out(folder, [1, 2])
        first.append(blocks(whole[-10:]) + LAST_BLOCK + compressed(text([4])))
        expect_out(folder, [1, 2, 3, 4])
        Segment(logs, "20260101-000001", b"")  # nothing in it, and done
        third = Segment(logs, "20260101-000002.5_other")
        third.append(compressed(text([5])))
        expect_out(folder, range(1, 6))
        Segment(logs, "20260101-000001.1", compressed(text([6])))  # late, and behind it in order
        Segment(logs, ".hidden", compressed(text([99])))
        expect_out(folder, range(1, 7))
        first.append(frame(text([7])))
        first.finish()
        third.finish()
        wait_read(daemon, 4)
        expect_out(folder, range(1, 8))
        lib.expect(daemon.metrics()['dsnarf_tailer_lines_total{result="record"}'], 7, "lines")
        lib.wait_until(lambda: daemon.metrics()['dsnarf_tailer_behind_bytes{tailer="in"}'] == 0,
                       "nothing to be behind")


def what_is_no_record(folder):
    logs = os.path.join(folder, "in")
    Segment(logs, "1-header", frame(b"a,{b}\n") + frame(text([1])))
    Segment(logs, "2-glued", frame(b"# made by kumod " + text([2, 3])))
    Segment(logs, "3-template", frame(b"Bounce,4\n\n" + text([4]) + b"x\n" + text([5])))
    Segment(logs, "4-json", frame(text([6]) + b'{"id":"x"}\n{"type":"Bounce"\n' + text([7])))
    Segment(logs, "5-cut", frame(text([8, 9])[:-20], last=False))
    Segment(logs, "6-cut-whole", frame(text([10, 11])[:-1], last=False))
    spoiled = bytearray(compressed(text(range(20, 60))))
    spoiled[len(MAGIC + WINDOW)] |= 6  # a block of a type that there is not
    Segment(logs, "7-damaged", frame(text([12])) + bytes(spoiled) + frame(text([13])))
    Segment(logs, "8-no-zstd", text([99]))
    with lib.Daemon(folder, settings(folder)) as daemon:
        wait_read(daemon, 8)
        lib.wait_until(lambda: set(out(folder)) >= set(range(1, 9)) | {10, 11, 12, 13}, "records")
        lib.expect(9 in out(folder) or 99 in out(folder), False, "what was lost")
        lib.expect(sorted(set(out(folder))), sorted(out(folder)), "each once")
        letters = [entry["reason"] for entry in daemon.waiting()]
        lib.expect(len([reason for reason in letters if f"{logs}/4-json line 2: " in reason]), 1,
                   f"a dead letter: {letters}")
        lib.expect(len([reason for reason in letters if f"{logs}/4-json line 3: " in reason]), 1,
                   f"another dead letter: {letters}")
        for pattern in ("1-header: 1 line is no record, .*the first is line 1",
                        "3-template: 3 lines are no record, .*the first is line 1",
                        "5-cut ends in the middle of line 2",
                        "7-damaged is damaged or cut off at byte",
                        "8-no-zstd is damaged or cut off at byte"):
            lib.expect(len(daemon.logged(pattern)), 1, f"lines of the log about {pattern}")
        metrics = daemon.metrics()
        lib.expect(metrics['dsnarf_tailer_lines_total{result="no-record"}'], 4, "no records")
        lib.expect(metrics['dsnarf_tailer_lines_total{result="cut-off"}'], 1, "cut off")


def long_lines(folder):
    """KumoMTA's own tailer gives up at 131,072 bytes."""
    logs = os.path.join(folder, "in")
    content = []
    for number, size in enumerate((130000, 131072, 10000000), 1):
        plain = len(line(number, meta={"filling": ""}))
        content.append(line(number, meta={"filling": "x" * (size - plain)}))
        lib.expect(len(content[-1]), size, "bytes of a line")
    too_long = b"{" + b"y" * 11000000 + b"\n"
    Segment(logs, "1", compressed(b"".join(content) + too_long + text([4])))
    with lib.Daemon(folder, settings(folder, tailer__in__line_max="10000kB",
                                     limits__record="16MiB")) as daemon:
        expect_out(folder, [1, 2, 3, 4])
        wait_read(daemon, 1)
        lib.expect(len(daemon.logged("1 line 4 is longer than line_max, and was left out")), 1,
                   "told")


def where_it_starts(folder):
    logs = os.path.join(folder, "in")
    old = time.time() - 3600
    for name in ("1", "2"):
        Segment(logs, name, compressed(text([int(name)], event_time=lib.stamp(old))))
        os.utime(os.path.join(logs, name), (old, old))
    third = Segment(logs, "3")
    third.append(frame(text([3], event_time=lib.stamp(old))))
    ahead = lib.stamp(time.time() + 3600)
    changes = {"tailer.in.start": "now", "tailer.all.directory": logs,
               "tailer.all.start": "beginning", "tailer.all.pattern": "[12]"}
    with lib.Daemon(folder, settings(folder, **changes)) as daemon:
        wait_read(daemon, 4)
        expect_out(folder, [1, 2])
        third.append(frame(text([4], event_time=ahead)))
        expect_out(folder, [1, 2, 4])
        lib.expect(len(daemon.logged("tailer in: following .*: begins with what happens from")), 1,
                   "told")
        daemon.stop()
        third.append(frame(text([5], event_time=ahead)))
        third.finish()
        Segment(logs, "4", compressed(text([6], event_time=ahead)))
        daemon.start()
        expect_out(folder, [1, 2, 4, 5, 6])
        lib.expect(len(daemon.logged("tailer in: following .*: goes on in 3 behind line 2")), 1,
                   "told again")
        # a section of another name knows nothing yet
        daemon.configure(tailer__late__directory=logs, tailer__late__pattern="[0-9]",
                         tailer__late__start=lib.stamp(old - 60))
        daemon.reload()
        lib.wait_until(lambda: daemon.logged("tailer late: following .*: begins with what"), "late")
        expect_out(folder, [1, 2, 3, 4, 5, 6])


def a_checkpoint_of_kumomta(folder):
    logs = os.path.join(folder, "in")
    for name in ("1", "2", "3"):
        Segment(logs, name, compressed(text(range(int(name) * 10, int(name) * 10 + 4))))
    checkpoint = os.path.join(logs, ".dsnarf")
    changes = {"tailer.in.checkpoint": checkpoint}
    with lib.Daemon(folder, settings(folder, **changes)) as daemon:
        lib.wait_until(lambda: daemon.logged("tailer in: checkpoint .*: No such file"), "told")
        with open(checkpoint + "-", "w", encoding="utf-8") as file:
            json.dump({"file": "/nonexistent/2", "line": 3}, file)
        os.rename(checkpoint + "-", checkpoint)
        lib.wait_until(lambda: daemon.logged("checkpoint .* is about /nonexistent, not about"),
                       "another directory")
        with open(checkpoint + "-", "w", encoding="utf-8") as file:
            json.dump({"file": f"{folder}/./in/../in//2", "line": 3}, file)
        os.rename(checkpoint + "-", checkpoint)
        expect_out(folder, [23, 30, 31, 32, 33])
        lib.expect(len(daemon.logged("goes on in 2 behind line 3, as .*/.dsnarf says")), 1, "told")
        os.unlink(checkpoint)
        daemon.kill9()
        Segment(logs, "4", compressed(text([40])))
        daemon.start()
        expect_out(folder, [23, 30, 31, 32, 33, 40])


def each_once_over_kills(folder):
    """Records that make notices too, while it is killed in the middle."""
    logs = os.path.join(folder, "in")
    changes = {"notice.enable": ["Bounce"]}
    rest = random.Random(1)
    number = 0
    with lib.Daemon(folder, settings(folder, **changes)) as daemon:
        for turn in range(8):
            for part in range(3):
                numbers = range(number, number + 150)
                number += 150
                content = text(numbers)
                segment = Segment(logs, f"2026-{turn}-{part}")
                half = rest.randrange(len(content))
                segment.append(frame(content[:half], last=False))
                if part == 1:
                    time.sleep(rest.random() / 5)  # whatever it does then
                    daemon.kill9()
                    daemon.start()
                segment.append(blocks(content[half:]))
                segment.finish()
        expect_out(folder, range(number))
        waiting = [entry["record_id"] for entry in daemon.waiting()]
        lib.expect(len(waiting), number, "notices")
        lib.expect(len(set(waiting)), number, "notices for different records")


def many_files(folder):
    logs = os.path.join(folder, "in")
    for number in range(10000):
        Segment(logs, f"{number:06d}", frame(text([number]) if number % 10 == 0 else b"header\n"))
    with lib.Daemon(folder, settings(folder, **{"log.level": "warning"})) as daemon:
        began = time.monotonic()
        wait_read(daemon, 10000, patience=5 * lib.PATIENCE)
        print(f"    10,000 files in {time.monotonic() - began:.1f} s", flush=True)
        expect_out(folder, range(0, 10000, 10))
        Segment(logs, "000000.late", frame(text([20000])))  # before what is known by name
        Segment(logs, "009999.late", frame(text([10000])))
        expect_out(folder, [*range(0, 10000, 10), 10000])
        lib.wait_until(lambda: daemon.logged("000000.late came after 256 files with later names "
                                             "were done, and is not read"), "told")
        daemon.stop()
        daemon.start()
        Segment(logs, "010000", frame(text([10001])))
        expect_out(folder, [*range(0, 10000, 10), 10000, 10001])
        lib.expect(daemon.metrics()["dsnarf_tailer_files_total"], 1, "files read again")


def open_readers(daemon, logs):
    """How many files there it has open: each that it closes must be read again from the start."""
    count = 0
    for number in os.listdir(f"/proc/{daemon.child.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            path = os.readlink(f"/proc/{daemon.child.pid}/fd/{number}")
            count += path.startswith(logs + "/")
    return count


def files_that_grow_together(folder):
    """As many as KumoMTA has types of records stay open, but for decoders that need too much."""
    logs = os.path.join(folder, "in")
    for number in range(14):
        Segment(logs, f"small-{number:02d}").append(frame(text([number])))
    with lib.Daemon(folder, settings(folder)) as daemon:
        expect_out(folder, range(14))
        lib.wait_until(lambda: open_readers(daemon, logs) == 14, "all are open")
        for number in range(14, 28):  # a window of 128 MiB
            data = blocks(text([number]))
            Segment(logs, f"wide-{number}").append(MAGIC + b"\0\x88" + data)
        expect_out(folder, range(28))
        lib.wait_until(lambda: 1 <= open_readers(daemon, logs) <= 4, "512 MiB hold no more")


def is_asleep(daemon):
    """Whether the thread that follows has nothing to do for some time."""
    for _ in range(10):
        states = []
        for path in glob.glob(f"/proc/{daemon.child.pid}/task/*/stat"):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                states += re.findall(r"\(tailer\) (.)", file.read())
        if states != ["S"]:
            return False
        time.sleep(0.02)
    return True


def files_that_nobody_finishes(folder):
    """More than a pass takes: those that have no room wait, and so does the daemon."""
    logs = os.path.join(folder, "in")
    os.mkdir(logs)
    for number in range(10100):
        with open(os.path.join(logs, f"{number:06d}"), "wb") as file:
            file.write(frame(b"header\n"))
    with lib.Daemon(folder, settings(folder, **{"log.level": "warning"})) as daemon:
        lib.wait_until(lambda: daemon.logged("1000 files in .* are not finished or cannot be read: "
                                             "001000 and those behind it wait"), "told")
        lib.wait_until(lambda: is_asleep(daemon), "nothing to do")
        lib.expect(open_readers(daemon, logs), 64, "files held open")


def files_that_change(folder):
    """What is renamed goes on; what is another file is read; what is gone is told of."""
    logs = os.path.join(folder, "in")
    with lib.Daemon(folder, settings(folder, tailer__in__pattern="*.log")) as daemon:
        segment = Segment(logs, "1.log")
        segment.append(frame(text([1])))
        expect_out(folder, [1])
        os.rename(segment.path, os.path.join(logs, "2.log"))
        lib.wait_until(lambda: daemon.logged("in/1.log is now 2.log"), "renamed")
        segment.append(frame(text([2])))
        expect_out(folder, [1, 2])
        # copied over by a program such as rsync
        copy = Segment(logs, "copy")
        copy.append(frame(text([1, 2])) + frame(text([3])))
        os.rename(copy.path, os.path.join(logs, "2.log"))
        expect_out(folder, [1, 2, 3])
        lib.wait_until(lambda: daemon.logged("2.log is another file than before"), "replaced")
        os.truncate(os.path.join(logs, "2.log"), 0)
        lib.wait_until(lambda: daemon.logged("2.log has become shorter"), "cut")
        copy.append(frame(text([4])))
        expect_out(folder, [1, 2, 3, 4])
        os.unlink(os.path.join(logs, "2.log"))
        lib.wait_until(lambda: daemon.logged("2.log was removed before its end was read"), "gone")
        Segment(logs, "3.log", compressed(text([5])))
        expect_out(folder, [1, 2, 3, 4, 5])


def a_file_that_is_closed_to_us(folder):
    """It is in no other's way, and read as soon as it can be."""
    logs = os.path.join(folder, "in")
    as_others = []
    if os.geteuid() == 0:
        as_others = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if subprocess.run(as_others + ["true"], capture_output=True, check=False).returncode != 0:
            raise lib.Skip("root cannot give up its power over files here")
    Segment(logs, "1", compressed(text([1])))
    Segment(logs, "2", compressed(text([2])))
    os.chmod(os.path.join(logs, "1"), 0)
    with lib.Daemon(folder, settings(folder), wrapper=as_others) as daemon:
        expect_out(folder, [2])
        lib.wait_until(lambda: daemon.logged("in/1 cannot be opened: Permission denied"), "told")
        size = os.path.getsize(os.path.join(logs, "1"))
        lib.wait_until(lambda: daemon.metrics()['dsnarf_tailer_behind_bytes{tailer="in"}'] == size,
                       "the lag")
        daemon.stop()
        daemon.start()
        os.chmod(os.path.join(logs, "1"), 0o444)
        expect_out(folder, [1, 2])


def a_full_spool(folder):
    logs = os.path.join(folder, "in")
    changes = {"spool.max_size": "1MiB", "notice.enable": ["Bounce"]}
    Segment(logs, "1", compressed(text(range(2000))))
    with lib.Daemon(folder, settings(folder, **changes)) as daemon:
        lib.wait_until(lambda: daemon.logged("tailer in: waits, for nothing can be kept: .*max_size"),
                       "told")
        daemon.stop()
        daemon.configure(spool__max_size="1GiB")
        daemon.start()
        expect_out(folder, range(2000))
        lib.expect(len(daemon.waiting()), 2000, "notices")


def what_we_write_ourselves(folder):
    """One writes segments, and another follows them."""
    there = os.path.join(folder, "there")
    os.mkdir(there)
    changes = {"tailer.in.directory": os.path.join(there, "out")}
    writer = settings(there, **{"tailer.in.directory": None, "tailer.in.start": None,
                                "segments.out.max_segment_duration": "1s"})
    with lib.Daemon(there, writer) as one, lib.Daemon(folder, settings(folder, **changes)):
        for number in range(0, 300, 100):
            one.post([lib.record(n) for n in range(number, number + 100)])
            expect_out(folder, range(number + 100))
            lib.expect(sorted(out(there)), list(range(number + 100)), "written")


def reloads(folder):
    logs = os.path.join(folder, "in")
    Segment(logs, "1.a", compressed(text([1])))
    Segment(logs, "2.b", compressed(text([2])))
    with lib.Daemon(folder, settings(folder, tailer__in__pattern="*.a")) as daemon:
        expect_out(folder, [1])
        daemon.configure(tailer__in__pattern="*")
        daemon.reload()
        expect_out(folder, [1, 2])
        lib.expect(len(daemon.logged("tailer in: following .*: goes on behind 1.a")), 1, "told")


if __name__ == "__main__":
    lib.run(live_files, what_is_no_record, long_lines, where_it_starts, a_checkpoint_of_kumomta,
            each_once_over_kills, many_files, files_that_grow_together,
            files_that_nobody_finishes, files_that_change, a_file_that_is_closed_to_us, a_full_spool,
            what_we_write_ourselves, reloads)
