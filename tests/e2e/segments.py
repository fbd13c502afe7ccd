#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records as log segments, read by the zstd program and by Python."""
import json
import os
import shutil
import stat
import subprocess

import lib


def read(path):
    """The text of a segment; it must be whole at any time."""
    found = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=False)
    lib.expect(found.returncode, 0, f"status of zstd: {found.stderr.decode()}")
    return found.stdout.decode()


def segments(folder):
    """The files below @folder that are there for everybody, in the order of their names."""
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder)
                  for name in names if not name.startswith("."))


def lines(folder, suffix=""):
    return [line for path in segments(folder) if path.endswith(suffix)
            for line in read(path).splitlines()]


def ids(folder):
    return [int(json.loads(line)["id"], 16) for line in lines(folder)]


def is_finished(path):
    return stat.S_IMODE(os.stat(path).st_mode) & 0o222 == 0


def settings(folder, **changes):
    values = {"notice.enable": [], "segments.all.log_dir": os.path.join(folder, "logs")}
    values.update({"segments.all." + key.replace("__", "."): value
                   for key, value in changes.items()})
    return values


def post(daemon, numbers, **changes):
    numbers = list(numbers)
    answer = daemon.post([lib.record(number, **changes) for number in numbers])[1]
    lib.expect(answer["accepted"], len(numbers), "accepted")


def by_type(folder):
    logs = os.path.join(folder, "logs")
    other = os.path.join(folder, "other")
    changes = settings(folder, per_record__Bounce__suffix="_bounce",
                       per_record__Delivery__log_dir=other,
                       per_record__Expiration__enable=False,
                       per_record__Reception__suffix="/in/short",
                       per_record__Reception__template="{{ id }},{{ log_record.recipient }}",
                       per_record__Reception__segment_header="id,recipient\n",
                       per_record__Any__suffix="_any")
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1, 2])
        post(daemon, [3], type="Delivery")
        post(daemon, [4], type="Reception")
        post(daemon, [5], type="AdminBounce")
        lib.expect(daemon.post([lib.record(6, type="Expiration")])[1]["ignored"], 1, "ignored")
        lib.wait_until(lambda: len(segments(logs)) == 3 and len(lines(logs)) == 5, "the lines")
        lib.wait_until(lambda: segments(other) and ids(other) == [3], "the other directory")
        lib.expect(len(lines(logs, "_bounce")), 2, "bounces")
        lib.expect(lines(logs, "/in/short"),
                   ["id,recipient", f"{4:032x},jane@customer.example"], "a template")
        lib.expect(len(lines(logs, "_any")), 1, "others")
        lib.expect(any(map(is_finished, segments(logs))), False, "finished while it runs")
        lib.wait_until(lambda: daemon.metrics()["dsnarf_segment_lines_total"] == 5, "counted")
    lib.expect(all(map(is_finished, segments(logs) + segments(other))), True, "finished at the end")


def python_reads_them_while_they_grow(folder):
    try:
        import zstandard  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise lib.Skip("the package python3-zstandard is not installed") from None
    logs = os.path.join(folder, "logs")
    with lib.Daemon(folder, settings(folder)) as daemon:
        for first in (1, 11, 21):  # a frame each
            post(daemon, range(first, first + 10))
            lib.wait_until(lambda: segments(logs) and len(lines(logs)) == first + 9, "the lines")
            (path,) = segments(logs)
            with open(path, "rb") as file:
                lib.expect(zstandard.get_frame_parameters(file.read(18)).has_checksum, True,
                           "a checksum")
                file.seek(0)
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                lib.expect(reader.read().decode(), read(path), "what Python reads")


def selected_and_masked(folder):
    changes = settings(folder, filter="type == 'Bounce'", headers=["subject", "X-*"],
                       meta=["tenant"], mask=True)
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1], headers={"Subject": "a", "From": "b", "x-c": "d"},
             meta={"tenant": "t", "secret": "s"})
        post(daemon, [2], type="Delivery")
        logs = os.path.join(folder, "logs")
        lib.wait_until(lambda: segments(logs) and lines(logs), "a line")
        post(daemon, [3])
        lib.wait_until(lambda: len(lines(logs)) == 2, "the next line")
        record = json.loads(lines(logs)[0])
        lib.expect(record["headers"], {"Subject": "a", "x-c": "d"}, "headers")
        lib.expect(record["meta"], {"tenant": "t"}, "meta")
        lib.expect(record["recipient"], "xxxx@customer.example", "recipient")
        lib.expect("jane" in lines(logs)[0], False, "the name anywhere")


def large_and_old(folder):
    logs = os.path.join(folder, "logs")
    changes = settings(folder, max_file_size=5000, max_segment_duration="1s")
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, range(1, 21))
        lib.wait_until(lambda: ids(logs) == list(range(1, 21)), "all lines")
        lib.wait_until(lambda: all(map(is_finished, segments(logs)[:-1])), "large: finished")
        longest = max(map(len, lines(logs))) + 1
        for path in segments(logs):  # the last record may make it too large
            lib.expect(len(read(path)) < 5000 + longest, True, f"size of {path}")
        post(daemon, [21])
        lib.wait_until(lambda: ids(logs)[-1] == 21, "one more")
        lib.wait_until(lambda: is_finished(segments(logs)[-1]), "old: finished")


def each_once_over_kills(folder):
    """Whatever dies when: every record is in the segments once, and in order."""
    logs = os.path.join(folder, "logs")
    with lib.Daemon(folder, settings(folder, max_file_size=100000)) as daemon:
        number = 0
        for turn in range(8):
            for _ in range(5):
                post(daemon, range(number, number + 100))
                number += 100
            if turn % 2 == 0:  # also while it waits, and in the middle of its work
                lib.wait_until(lambda: segments(logs), "a first segment")
            daemon.kill9()
            daemon.start()
        lib.wait_until(lambda: len(ids(logs)) >= number, "all lines")
    lib.expect(ids(logs), list(range(number)), "each once")
    lib.expect(all(map(is_finished, segments(logs))), True, "finished")


def a_full_disk(folder):
    """Records wait in the spool until there is room again."""
    logs = os.path.join(folder, "logs")
    os.mkdir(logs)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", logs],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        raise lib.Skip("no file system can be mounted here")
    try:
        ballast = os.path.join(logs, ".ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(240 * 1024))
        changes = settings(folder, min_free_space=0)
        with lib.Daemon(folder, changes) as daemon:
            for start in range(0, 1000, 250):
                daemon.post([lib.record(number, meta={"noise": os.urandom(100).hex()})
                             for number in range(start, start + 250)])
            lib.wait_until(lambda: daemon.logged("segments all: .*No space left on device; "
                                                 "its records wait in the spool"), "the complaint")
            os.unlink(ballast)
            lib.wait_until(lambda: len(ids(logs)) == 1000, "all lines")
            lib.wait_until(lambda: daemon.logged("segments all: is written again"), "the end of it")
        lib.expect(ids(logs), list(range(1000)), "each once")
    finally:
        subprocess.run(["umount", logs], check=True)


def shared_by_types(folder):
    """Files that several types share, and records that only another outlet wants."""
    logs, other = os.path.join(folder, "logs"), os.path.join(folder, "other")
    changes = settings(folder, max_file_size=1, per_record__Any__enable=False,
                       per_record__Bounce__template="{{ id|length }}",
                       per_record__Bounce__segment_header="length\n",
                       per_record__Delivery__template="{{ 1 // (size - 5) }}",
                       per_record__Delivery__segment_header="size")
    changes["segments.other.log_dir"] = other
    changes["segments.other.per_record.Any.enable"] = False
    changes["segments.other.per_record.Reception.enable"] = True
    with lib.Daemon(folder, changes) as daemon:
        post(daemon, [1], type="Delivery", size=6)
        post(daemon, [2], type="Reception")
        post(daemon, [3])
        post(daemon, range(4, 9), type="Delivery", size=5)
        post(daemon, [9])
        lib.wait_until(lambda: len(segments(logs)) == 3, "the segments")
        lib.wait_until(lambda: segments(other) and ids(other) == [2], "the other outlet")
        lib.expect([read(path) for path in segments(logs)],
                   ["size1\n", "length\n32\n", "length\n32\n"], "each with its header")
        lib.wait_until(lambda: daemon.metrics()["dsnarf_segment_faults_total"] == 5, "faults")
        lib.expect(len(daemon.logged("segments all: a record is left out .*Delivery.template:1:6: ")), 1,
                   "complaints")


def in_any_form_once(folder):
    """A record as KumoMTA writes it is passed on as it is; in another form it is the same."""
    logs = os.path.join(folder, "logs")
    plain = [json.dumps(lib.record(number), separators=(",", ":")) for number in (1, 2)]
    with lib.Daemon(folder, settings(folder)) as daemon:
        for body, wanted in ((plain[0], "accepted"), (json.dumps(lib.record(1)), "duplicate"),
                             (json.dumps(lib.record(2)), "accepted"), (plain[1], "duplicate")):
            answer = daemon.request("POST", "/v1/records", body)[2]
            lib.expect(json.loads(answer)[wanted], 1, f"{wanted} of {body}")
        lib.wait_until(lambda: segments(logs) and len(lines(logs)) == 2, "two lines")
        lib.expect(lines(logs), plain, "the records")


def unprivileged(folder):
    """The files of a daemon that is not root are closed to itself once they are finished."""
    wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise lib.Skip("another user can only be had as root, with setpriv")
    if subprocess.run(wrapper + [lib.PROGRAM, "--version"], capture_output=True,
                      check=False).returncode != 0:
        raise lib.Skip("the program is not there for other users")
    os.chown(folder, 65534, 65534)
    logs = os.path.join(folder, "logs")
    with lib.Daemon(folder, settings(folder), start=False, wrapper=wrapper) as daemon:
        for number in range(4):
            daemon.start()
            post(daemon, [number])
            lib.wait_until(lambda: segments(logs) and ids(logs)[-1] == number, f"line {number}")
            daemon.stop() if number % 2 == 0 else daemon.kill9()
        daemon.start()
        lib.wait_until(lambda: all(map(is_finished, segments(logs))), "all finished")
        lib.expect(daemon.logged("segments all: .*wait in the spool"), [], "complaints")
    lib.expect(ids(logs), list(range(4)), "each once")


def reloads(folder):
    logs, other = os.path.join(folder, "logs"), os.path.join(folder, "other")
    with lib.Daemon(folder, settings(folder)) as daemon:
        post(daemon, [1])
        lib.wait_until(lambda: segments(logs) and ids(logs) == [1], "the first")
        daemon.configure(segments__all__log_dir=other)
        daemon.reload()
        lib.wait_until(lambda: is_finished(segments(logs)[0]), "the old one is finished")
        post(daemon, [2])
        lib.wait_until(lambda: segments(other) and ids(other) == [2], "the second")
    lib.expect(ids(logs), [1], "the old directory")


def refuses(folder):
    for change, complaint in (
            ({"log_dir": None}, "segments.all.log_dir: is missing"),
            ({"filter": "type =="}, "segments.all: segments.all.filter:1:"),
            ({"per_record__Bounce__template": "{{ x"}, "segments.all: segments.all.per_record."
                                                       "Bounce.template:1:"),
            ({"per_record__Bounced__enable": True},
             "segments.all.per_record.Bounced: is no type of record")):
        daemon = lib.Daemon(folder, settings(folder, **{"max_file_size": 1, **change}), start=False)
        found = subprocess.run([lib.PROGRAM, "config", "check", "-c", daemon.configuration],
                               capture_output=True, check=False)
        lib.expect(found.returncode, 2, f"status of {change}")
        lib.expect(complaint in found.stderr.decode(), True, found.stderr.decode())


if __name__ == "__main__":
    lib.run(by_type, python_reads_them_while_they_grow, selected_and_masked, large_and_old,
            each_once_over_kills, a_full_disk, shared_by_types, in_any_form_once, unprivileged,
            reloads, refuses)
