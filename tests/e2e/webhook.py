#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records to HTTP servers that behave, and to some that do not."""
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import threading
import time
from email.utils import formatdate

import http_peer
import lib


def settings(peer, **changes):
    values = {"notice.enable": [], "webhook.w.url": peer.url, "webhook.w.retry_interval": "20ms",
              "webhook.w.max_retry_interval": "40ms"}
    values.update({"webhook.w." + key.replace("__", "."): value for key, value in changes.items()})
    return values


def post(daemon, numbers, **changes):
    numbers = list(numbers)
    answer = daemon.post([lib.record(number, **changes) for number in numbers])[1]
    lib.expect(answer["accepted"], len(numbers), "accepted")


class Turns:
    """Answers one after the other; then 200."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.times = []

    def __call__(self, _request):
        self.times.append(time.monotonic())
        return self.answers.pop(0) if self.answers else 200


def refuses(number, status):
    """Answers 200, but @status to a request with the record of that number."""
    return lambda request: http_peer.Answer(status, b"no such thing\n") if number in request.ids else 200


def program(*arguments, **environment):
    done = subprocess.run([lib.PROGRAM, *arguments], capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=lib.PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def dead(daemon):
    return [entry for entry in daemon.waiting() if entry["state"] == "dead"]


def one_by_one(folder):
    """PING8: one object and a line feed for each."""
    with http_peer.Peer() as peer, lib.Daemon(folder, settings(peer)) as daemon:
        post(daemon, [1, 2, 3])
        lib.wait_until(lambda: len(peer.accepted) == 3, "three requests")
        lib.expect(peer.ids, [1, 2, 3], "records")
        for request in peer.accepted:
            lib.expect(request.line, "POST /events HTTP/1.1", "request line")
            lib.expect(request.body[:1] + request.body[-2:], b"{}\n", "one object and a line feed")
            lib.expect(request.fields["content-type"], "application/json", "type")
            lib.expect("expect" in request.fields, False, "no Expect")
        lib.expect(len({request.key for request in peer.accepted}), 3, "keys")
        lib.expect(peer.connections, 1, "connections")
        lib.wait_until(lambda: daemon.metrics()['dsnarf_webhook_requests_total{result="accepted"}'] == 3,
                       "counted")
        lib.expect(daemon.metrics()['dsnarf_webhook_records_total{result="sent"}'], 3, "counted")


def in_batches(folder):
    with http_peer.Peer() as peer:
        changes = settings(peer, batch_size=10, min_batch_size=10, max_batch_latency="1h")
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(1, 26))
            lib.wait_until(lambda: len(peer.accepted) == 2, "two full batches")
            post(daemon, range(26, 31))
            lib.wait_until(lambda: len(peer.accepted) == 3, "the third")
        lib.expect([len(request.ids) for request in peer.accepted], [10, 10, 10], "sizes")
        lib.expect(peer.ids, list(range(1, 31)), "records")
        lib.expect(all(isinstance(json.loads(request.body), list) for request in peer.accepted), True,
                   "arrays")


def tries_again(folder):
    """Whatever goes wrong, the same bytes come with the same key until they are accepted."""
    turns = Turns(500, 503, 408, 425, 409, 429, 502, http_peer.half, http_peer.silent, http_peer.reset,
                  lambda sock: sock.sendall(b"nonsense\r\n\r\n"), lambda sock: None, 401, 404, 302)
    count = len(turns.answers)
    with http_peer.Peer(turns) as peer:
        with lib.Daemon(folder, settings(peer, batch_size=10, timeout="3s")) as daemon:
            post(daemon, range(1, 4))
            lib.wait_until(lambda: peer.accepted, "the request is accepted")
            lib.expect(len(peer.requests) > count, True, "requests")
            lib.expect(len({request.key for request in peer.requests}), 1, "keys")
            lib.expect(len({request.raw for request in peer.requests}), 1, "contents")
            lib.wait_until(lambda: daemon.logged("webhook w: records are accepted again"), "the end")
            lib.expect(len(daemon.logged("webhook w: 503 Service Unavailable; records wait in the "
                                         "spool$")), 1, "said once")
            lib.expect(len(daemon.logged("ERROR.*|webhook w: 401 .*; records wait in the spool, until "
                                         "the server or the options are changed")) >= 1, True, "said")
            lib.expect(dead(daemon), [], "dead letters")


def when_it_is_asked(folder):
    """Retry-After, in seconds and as a date."""
    turns = Turns(http_peer.Answer(429, Retry_After="1"))
    with http_peer.Peer(turns) as peer:
        with lib.Daemon(folder, settings(peer)) as daemon:
            post(daemon, [1])
            lib.wait_until(lambda: peer.ids == [1], "the first")
            lib.expect(turns.times[1] - turns.times[0] >= 1, True, "a second later")
            times = []

            def at_a_time(_request):
                times.append(time.monotonic())
                date = formatdate(time.time() + 3, usegmt=True)
                return http_peer.Answer(503, Retry_After=date) if len(times) == 1 else 200
            peer.answer = at_a_time
            post(daemon, [2])
            lib.wait_until(lambda: peer.ids == [1, 2], "the second")
            lib.expect(times[1] - times[0] >= 1, True, "at that time")


def looks_for_the_refused(folder):
    """One record that is refused is found and kept, and can be sent again."""
    with http_peer.Peer(refuses(7, 400)) as peer:
        changes = settings(peer, batch_size=16, min_batch_size=16, max_batch_latency="1h")
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(1, 17))
            lib.wait_until(lambda: len(dead(daemon)) == 1, "a dead letter")
            lib.wait_until(lambda: len(peer.ids) == 15, "all others")
            lib.expect(sorted(peer.ids), [n for n in range(1, 17) if n != 7], "each once")
            letter = dead(daemon)[0]
            lib.expect((letter["kind"], letter["record_id"]), ("record", f"{7:032x}"), "the letter")
            lib.expect(letter["reason"], "400 Bad Request: no such thing", "the reason")
            lib.expect(len(daemon.logged(f"{7:032x}: to=\"webhook w\" status=dead")), 1, "logged")

            peer.answer = 200
            lib.expect(daemon.queue("retry", str(letter["entry"]))[0], 0, "status of queue retry")
            lib.wait_until(lambda: 7 in peer.ids, "it comes after all")
            lib.wait_until(lambda: not daemon.waiting(), "the queue is empty")
            lib.expect(isinstance(json.loads(peer.accepted[-1].body), list), True, "an array of one")
            for number, words in ((3, ["200 OK"]), (7, ["400 Bad Request: no such thing", "200 OK"])):
                status, out, _ = program("why", "-c", daemon.configuration, f"{number:032x}")
                lib.expect(status, 0, "status of why")
                lib.expect([word in out and "webhook:w" in out for word in words], [True] * len(words),
                           out)


def letters_take_turns(folder):
    """Many dead letters that are sent again do not keep back what is new."""
    first, go_on = threading.Event(), threading.Event()

    def wait(_request):
        first.set()
        go_on.wait(lib.PATIENCE)
        return 200
    with http_peer.Peer(400) as peer, lib.Daemon(folder, settings(peer)) as daemon:
        post(daemon, range(50))
        lib.wait_until(lambda: len(dead(daemon)) == 50, "dead letters")
        peer.answer = wait
        lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
        lib.expect(first.wait(lib.PATIENCE), True, "the first is sent again")
        post(daemon, [1000])
        go_on.set()
        lib.wait_until(lambda: len(peer.ids) == 51, "all")
        lib.expect(peer.ids.index(1000) <= 2, True, "the new one among the first")


def told_of_what_waits(folder):
    """A record that was sent while one before it waits does not wait."""
    with http_peer.Peer(refuses(7, 500)) as peer:
        changes = settings(peer, retry_interval="1h", max_retry_interval="1h")
        with lib.Daemon(folder, changes) as daemon:
            def why(number):
                return program("why", "-c", daemon.configuration, f"{number:032x}")[1]
            post(daemon, [7])
            lib.wait_until(lambda: peer.requests, "one fails")
            post(daemon, [8])
            lib.wait_until(lambda: "outlet webhook:w has the record: 200 OK" in why(8), "another is sent")
            lib.expect(["waits for outlet webhook:w" in why(number) for number in (7, 8)], [True, False],
                       "which waits")


def hurried(folder):
    """A server that works again need not be waited for."""
    with http_peer.Peer(503) as peer:
        changes = settings(peer, retry_interval="1h", max_retry_interval="1h")
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, [1, 2])
            lib.wait_until(lambda: daemon.metrics()['dsnarf_webhook_requests_total{result="failed"}'] == 2,
                           "both have failed")
            peer.answer = 200
            lib.expect(daemon.queue("retry", "--all")[0], 0, "status of queue retry")
            lib.wait_until(lambda: sorted(peer.ids) == [1, 2], "both")


def together(folder):
    """Many requests that fail at once are one failure: the server is not given a long rest."""
    meeting = threading.Barrier(8)

    def fail(_request):
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(lib.PATIENCE)
        return 503
    with http_peer.Peer(fail) as peer:
        changes = settings(peer, connection_limit=8, retry_interval="2s", max_retry_interval="1h")
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(8))
            lib.wait_until(lambda: len(peer.requests) == 8, "all fail at once")
            peer.answer = 200
            lib.wait_until(lambda: sorted(peer.ids) == list(range(8)), "all")


def one_batch_fails(folder):
    """A record at which the server breaks keeps back no other for ever."""
    with http_peer.Peer(refuses(7, 500)) as peer:
        with lib.Daemon(folder, settings(peer, batch_size=8)) as daemon:
            post(daemon, range(1, 9))

            def others():
                post(daemon, [others.next])
                others.next += 1
                return set(range(1, 9)) - {7} <= set(peer.ids)
            others.next = 100
            lib.wait_until(others, "all others")
            peer.answer = 200
            lib.wait_until(lambda: 7 in peer.ids, "the one")
            lib.wait_until(lambda: len(peer.ids) == 8 + others.next - 100, "the rest")
            lib.expect(len(set(peer.ids)), len(peer.ids), "each once")


def too_old(folder):
    """Records that wait for too long are dead letters, those that were never tried, too."""
    with http_peer.Peer(503) as peer:
        with lib.Daemon(folder, settings(peer, max_age="1s", batch_size=2)) as daemon:
            post(daemon, range(1, 6))
            lib.wait_until(lambda: len(dead(daemon)) == 5, "dead letters")
            for letter in dead(daemon):
                lib.expect("503 Service Unavailable" in letter["reason"], True, letter["reason"])
            lib.wait_until(lambda: daemon.metrics()['dsnarf_webhook_records_total{result="dead"}'] == 5,
                           "counted")
            peer.answer = 200
            daemon.configure(webhook__w__max_age="1h")
            daemon.reload()
            lib.wait_until(lambda: len(daemon.logged("webhook w: sending to")) == 2, "the reload")
            post(daemon, [6])
            lib.wait_until(lambda: peer.ids == [6], "what comes later")


def large_answers(folder):
    """More than anybody reads, after what decides."""
    flood = http_peer.Answer(200, b"x" * 10000000)
    with http_peer.Peer(Turns(flood, http_peer.Answer(200, X_Flood="y" * 200000))) as peer:
        with lib.Daemon(folder, settings(peer)) as daemon:
            post(daemon, [1, 2, 3])
            lib.wait_until(lambda: 3 in peer.ids, "all")
            lib.expect([request for request in peer.ids if request != 2], [1, 3], "each once")
            lib.expect(max(map(len, daemon.log().split("\n"))) < 2000, True, "short lines")


def slowly(folder):
    """A server that reads a large request in small pieces."""
    with http_peer.Peer(pace=lambda: time.sleep(0.005)) as peer:
        with lib.Daemon(folder, settings(peer, batch_size=500)) as daemon:
            post(daemon, range(250), meta={"noise": "x" * 4000})
            lib.wait_until(lambda: len(peer.ids) == 250, "all")
            lib.expect(max(len(request.raw) for request in peer.accepted) > 500000, True, "large")
            lib.expect(daemon.metrics()['dsnarf_webhook_requests_total{result="failed"}'], 0, "failed")


def two_hundred(folder):
    """Many webhooks: each has all records."""
    with http_peer.Peer() as peer:
        changes = {"notice.enable": [], "log.level": "warning"}
        for number in range(200):
            changes[f"webhook.w{number}.url"] = f"{peer.url}/{number}"
            changes[f"webhook.w{number}.batch_size"] = 10
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(5))
            lib.wait_until(lambda: len(peer.ids) == 1000, "all records for all")
        found = {}
        for request in peer.accepted:
            found.setdefault(request.line, []).extend(request.ids)
        lib.expect(set(map(tuple, found.values())), {tuple(range(5))}, "records of each")
        lib.expect(len(found), 200, "webhooks")


def not_elsewhere(folder):
    """A redirect is not followed: secrets and records are for one server."""
    with http_peer.Peer() as other, http_peer.Peer() as peer:
        peer.answer = Turns(http_peer.Answer(307, Location=other.url))
        with lib.Daemon(folder, settings(peer)) as daemon:
            post(daemon, [1])
            lib.wait_until(lambda: peer.ids == [1], "the server itself gets it")
            lib.expect(other.connections, 0, "the other")


def over_tls(folder):
    http_peer.make_certificates(folder)
    with http_peer.Peer(tls=http_peer.server_context(folder, client=True)) as peer:
        with lib.Daemon(folder, settings(peer)) as daemon:
            post(daemon, [1])
            lib.wait_until(lambda: daemon.logged("webhook w: .*certificate.*until the server or the "
                                                 "options are changed"), "it is not trusted")
            daemon.configure(webhook__w__tls_ca=f"{folder}/ca.pem",
                             webhook__w__tls_certificate=f"{folder}/client.pem",
                             webhook__w__tls_key=f"{folder}/client.key")
            daemon.reload()
            lib.wait_until(lambda: peer.ids == [1], "the record")


def by_proxy(folder):
    """The proxy looks the name up."""
    with http_peer.Peer() as peer, http_peer.Socks({"events.invalid": ("127.0.0.1", peer.port)}) as socks:
        changes = settings(peer, proxy=f"socks5://127.0.0.1:{socks.port}")
        changes["webhook.w.url"] = "http://events.invalid/x"
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, [1])
            lib.wait_until(lambda: peer.ids == [1], "the record")
            lib.expect(socks.asked, [("events.invalid", 80)], "asked of the proxy")
            lib.expect(peer.accepted[0].fields["host"], "events.invalid", "Host")


def signed_and_compressed(folder):
    path = os.path.join(lib.EXAMPLES, "verify-webhook.py")
    spec = importlib.util.spec_from_file_location("verify_webhook", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    key = os.path.join(folder, "key")
    with open(key, "w", encoding="utf-8") as file:
        file.write("Bearer top-secret-4711\n")
    with http_peer.Peer() as peer:
        changes = settings(peer, batch_size=100, compression="gzip", secret="a shared secret",
                           http_headers__Authorization_file=key, http_headers__X_Empty="",
                           http_headers__Content_Type="application/vnd.example+json")
        changes = {name.replace("Content_Type", "Content-Type").replace("X_Empty", "X-Empty"): value
                   for name, value in changes.items()}
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(1, 51))
            lib.wait_until(lambda: len(peer.ids) == 50, "the records")
            request = peer.accepted[0]
            lib.expect(request.fields["authorization"], "Bearer top-secret-4711", "Authorization")
            lib.expect(request.fields["x-empty"], "", "an empty field")
            lib.expect(request.fields["content-type"], "application/vnd.example+json", "type")
            lib.expect(len(request.raw) < len(request.body) / 2, True, "smaller")
            signature = request.fields["dsnarf-signature"]
            lib.expect(re.fullmatch("t=[0-9]+,v1=[0-9a-f]{64}", signature) is not None, True, signature)
            patience = 10 * lib.PATIENCE
            lib.expect(example.verify("a shared secret", signature, request.raw, patience), True, "good")
            lib.expect(example.verify("another", signature, request.raw, patience), False, "secret")
            lib.expect(example.verify("a shared secret", signature, request.raw + b" ", patience), False,
                       "content")
            old = signature.replace("t=", "t=1")
            lib.expect(example.verify("a shared secret", old, request.raw, patience), False, "time")
            for forged in ("", "v1", "t=1", "v1=00", "t=x,v1=0", "t=1,v1=\xe9", "t=\xb2,v1=="):
                lib.expect(example.verify("a shared secret", forged, request.raw), False, forged)
            shown = program("config", "show", "-c", daemon.configuration)[1]
            for text in (shown, daemon.log()):
                lib.expect("4711" in text or "shared" in text, False, "secrets in " + text)


def the_same_after_a_kill(folder):
    """What was on its way comes again as it was."""
    with http_peer.Peer(lambda _request: http_peer.silent) as peer:
        with lib.Daemon(folder, settings(peer, batch_size=10)) as daemon:
            post(daemon, range(1, 4))
            lib.wait_until(lambda: peer.requests, "a first attempt")
            post(daemon, range(4, 6))
            daemon.kill9()
            peer.answer = 200
            daemon.start()
            lib.wait_until(lambda: len(peer.ids) == 5, "all")
        first, again = peer.requests[0], peer.accepted[0]
        lib.expect(again.key, first.key, "key")
        lib.expect(again.raw, first.raw, "content")


def kills(folder):
    """Over many kills, with several connections and a server that often fails: all arrive, and a
    record that comes again comes in the same request with the same key."""
    served = [0]

    def moody(_request):
        served[0] += 1
        return {0: 500, 1: http_peer.reset, 2: http_peer.half}.get(served[0] % 7, 200)
    with http_peer.Peer(moody) as peer:
        changes = settings(peer, batch_size=20, connection_limit=4, timeout="5s")
        with lib.Daemon(folder, changes) as daemon:
            number = 0
            for turn in range(6):
                seen = len(peer.requests)
                for _ in range(5):
                    post(daemon, range(number, number + 50))
                    number += 50
                lib.wait_until(lambda: len(peer.requests) > seen + turn, "it is busy")
                daemon.kill9()
                daemon.start()
            lib.wait_until(lambda: len(set(peer.ids)) == number, "all records")
            lib.expect(dead(daemon), [], "dead letters")
        contents = {}
        for request in peer.requests:
            lib.expect(contents.setdefault(request.key, request.raw) == request.raw, True,
                       "one content for a key")
        keys = {}
        for request in peer.accepted:
            for identity in request.ids:
                keys.setdefault(identity, set()).add(request.key)
        lib.expect(max(map(len, keys.values())), 1, "keys of a record that was accepted")


def several_connections(folder):
    """As many requests at once as are allowed, and so many records over each connection."""
    together = threading.Barrier(3)

    def meet(_request):
        together.wait(lib.PATIENCE)
        return 200
    with http_peer.Peer(meet) as peer:
        changes = settings(peer, batch_size=2, min_batch_size=2, max_batch_latency="1h",
                           connection_limit=3, max_deliveries_per_connection=4)
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(1, 37))
            lib.wait_until(lambda: len(peer.ids) == 36, "all")
        lib.expect(sorted(peer.ids), list(range(1, 37)), "each once")
        used = {}
        for request in peer.accepted:
            used[request.connection] = used.get(request.connection, 0) + len(request.ids)
        lib.expect(set(used.values()), {4}, "records over each connection")


def not_too_fast(folder):
    """New connections only as often as is allowed."""
    turns = Turns()
    with http_peer.Peer(turns) as peer:
        changes = settings(peer, idle_timeout=0, max_connection_rate="5/s")
        with lib.Daemon(folder, changes) as daemon:
            post(daemon, range(16))
            lib.wait_until(lambda: len(peer.ids) == 16, "all")
        lib.expect(peer.connections, 16, "connections")
        # 3 s, but our own thread may have been late for the first
        lib.expect(turns.times[-1] - turns.times[0] > 1, True, "time between the first and the last")


def idle(folder):
    """A connection that is not used is closed."""
    with http_peer.Peer() as peer, lib.Daemon(folder, settings(peer, idle_timeout=0)) as daemon:
        for number in (1, 2):
            post(daemon, [number])
            lib.wait_until(lambda: len(peer.ids) == number and peer.open == 0, "sent and closed")
        lib.expect(peer.connections, 2, "connections")


def reloads(folder):
    with http_peer.Peer() as peer, http_peer.Peer() as other:
        with lib.Daemon(folder, settings(peer)) as daemon:
            post(daemon, [1])
            lib.wait_until(lambda: peer.ids == [1], "the first")
            daemon.configure(log__level="info")
            daemon.reload()
            lib.wait_until(lambda: daemon.logged("reload.*: "), "a reload")
            post(daemon, [2])
            lib.wait_until(lambda: peer.ids == [1, 2], "the second")
            lib.expect(peer.connections, 1, "it went on")
            daemon.configure(webhook__w__url=other.url, webhook__w__filter="type == 'Bounce'")
            daemon.reload()
            lib.wait_until(lambda: len(daemon.logged("webhook w: sending to http://localhost")) == 2,
                           "another reload")
            post(daemon, [3], type="Delivery")
            post(daemon, [4])
            lib.wait_until(lambda: other.ids == [4], "the third")
            lib.expect(peer.ids, [1, 2], "the other server")


def templates(folder):
    """Lines, and what a template fails at is a dead letter."""
    changes = {"batch_size": 10, "per_record__Bounce__template": "{{ id }} {{ meta.n + 1 }}",
               "per_record__Delivery__enable": False, "min_batch_size": 2, "max_batch_latency": "1h"}
    with http_peer.Peer() as peer, lib.Daemon(folder, settings(peer, **changes)) as daemon:
        post(daemon, [1], meta={"n": 4})
        post(daemon, [2], meta={"n": "text"})
        lib.expect(daemon.post([lib.record(3, type="Delivery")])[1]["ignored"], 1, "ignored")
        post(daemon, [4], meta={"n": 6})
        lib.wait_until(lambda: peer.accepted, "a request")
        lib.expect(peer.accepted[0].body.decode(), f"{1:032x} 5\n{4:032x} 7\n", "lines")
        lib.wait_until(lambda: len(dead(daemon)) == 1, "a dead letter")
        lib.expect(dead(daemon)[0]["record_id"], f"{2:032x}", "which")


def sample(name, folder, peer, **environment):
    """The daemon with a shipped sample, for this server."""
    path = os.path.join(lib.EXAMPLES, name)
    lib.expect(program("config", "check", "-c", path, **environment), (0, f"{path}: ok\n", ""),
               "config check")
    with open(path, encoding="utf-8") as file:
        text = re.sub('(?m)^url = .*$', f'url = "{peer.url}"', file.read())
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
    os.environ.update(environment)
    return lib.Daemon(folder, {"notice.enable": [], "include": name})


def postmastery(folder):
    """The shape of seed integrations: arrays, with chosen meta, without what is for debugging."""
    with http_peer.Peer() as peer:
        daemon = sample("webhook-postmastery.toml", folder, peer, POSTMASTERY_KEY="k-4711")
        with daemon:
            meta = {"from": "a@b.example", "subject": "hi", "message_id": "<1@x>", "other": 1}
            lib.expect(daemon.post([lib.record(999, type="Reception")])[1]["ignored"], 1, "ignored")
            post(daemon, range(100), meta=meta)
            lib.wait_until(lambda: len(peer.ids) == 100, "a batch of the least size")
            request = peer.accepted[0]
            lib.expect(request.fields["authorization"], "k-4711", "Authorization")
            lib.expect(request.fields["content-type"], "application/json", "type")
            lib.expect(len(peer.accepted), 1, "requests")
            record = json.loads(request.body)[0]
            lib.expect(record["meta"], {"from": "a@b.example", "subject": "hi", "message_id": "<1@x>"},
                       "meta")
            lib.expect(record["recipient"], lib.record(0)["recipient"], "recipient")
            lib.expect("k-4711" in daemon.log(), False, "the key in the log")


def masked(folder):
    """What the comment in that integration's code does."""
    with http_peer.Peer() as peer, lib.Daemon(folder, settings(peer, mask=True)) as daemon:
        post(daemon, [1], recipient="jane@customer.example",
             response={"code": 550, "enhanced_code": None, "command": None,
                       "content": "no mailbox jane here"})
        lib.wait_until(lambda: peer.accepted, "the record")
        record = peer.accepted[0].records[0]
        lib.expect(record["recipient"], "xxxx@customer.example", "recipient")
        lib.expect(record["response"]["content"], "no mailbox xxxx here", "response")
        lib.expect(record["peer_address"] if "peer_address" in record else None,
                   lib.record(1).get("peer_address"), "what is not masked")


def ping8(folder):
    with http_peer.Peer() as peer:
        with sample("webhook-ping8.toml", folder, peer, PING8_WEBHOOK_TOKEN="t-4711") as daemon:
            post(daemon, [1, 2], egress_pool=None,
                 headers={"Subject": "hi", "X-PING8-Task-Id": "9", "From": "a@b.example"})
            lib.wait_until(lambda: len(peer.ids) == 2, "both")
            request = peer.accepted[0]
            lib.expect(request.fields["x-ping8-kumo-token"], "t-4711", "the token")
            lib.expect(request.body.count(b"\n"), 1, "one line")
            record = json.loads(request.body)
            lib.expect(record["headers"], {"Subject": "hi", "X-PING8-Task-Id": "9"}, "headers")
            lib.expect(record["meta"], {}, "meta")
            lib.expect((record["egress_pool"], "egress_pool" in record), (None, True), "a null")


if __name__ == "__main__":
    lib.run(one_by_one, in_batches, tries_again, when_it_is_asked, looks_for_the_refused,
            letters_take_turns, told_of_what_waits, hurried, together, one_batch_fails, too_old,
            large_answers, slowly, two_hundred, not_elsewhere, over_tls, by_proxy,
            signed_and_compressed, the_same_after_a_kill, kills, several_connections, not_too_fast,
            idle, reloads, templates, postmastery, masked, ping8)
