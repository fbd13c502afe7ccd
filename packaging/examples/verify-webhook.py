# SPDX-License-Identifier: BSD-2-Clause
"""How a receiver of webhooks knows that dsnarf has sent a request, and when."""
import hashlib
import hmac
import time


def verify(secret, field, body, tolerance=300):
    """secret: webhook.NAME.secret, field: the value of Dsnarf-Signature, body: the bytes of the
    request as they came, compressed if they were. False for what is forged or older than so many
    seconds."""
    parts = dict(part.split("=", 1) for part in field.split(","))
    wanted = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return (hmac.compare_digest(wanted, parts["v1"])
            and abs(time.time() - int(parts["t"])) <= tolerance)
