#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records to HTTP servers that behave, and to some that do not."""
import json

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
        lib.wait_until(lambda: daemon.metrics()['dsnarf_webhook_records_total{result="sent"}'] == 3,
                       "counted")
        lib.expect(daemon.metrics()['dsnarf_webhook_requests_total{result="accepted"}'], 3, "counted")


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


if __name__ == "__main__":
    lib.run(one_by_one, in_batches)
