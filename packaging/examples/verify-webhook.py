# SPDX-License-Identifier: BSD-2-Clause
"""How a receiver of webhooks knows that dsnarf has sent a request, and when."""
import hashlib
import hmac
import time


def verify(secret, field, body, tolerance=300):
    """secret: webhook.NAME.secret, field: the value of Dsnarf-Signature, body: the bytes of the
    request as they came, compressed if they were. False for what is forged or older than so many
    seconds."""
    parts = dict(part.partition("=")[::2] for part in field.split(","))
    moment, found = parts.get("t", "").encode(), parts.get("v1", "").encode()
    wanted = hmac.new(secret.encode(), moment + b"." + body, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(wanted, found) and abs(time.time() - int(moment)) <= tolerance
