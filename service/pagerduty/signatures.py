"""PagerDuty's webhook signatures (V3).

`X-PagerDuty-Signature: v1=<hex>[,v1=<hex>…]`: each is the HMAC-SHA256 of the raw request body under one signing
secret; there are several while a secret is rotated. The delivery is genuine if any one matches (PagerDuty: Verifying
signatures).
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

HEADER = "X-PagerDuty-Signature"
MAX_SIGNATURES = 20

_V1 = re.compile(r"v1\s*=\s*([0-9a-fA-F]{64})")


def sign(body: bytes, secret: str) -> str:
    """The header's value for a body under one secret: "v1=<hex>"."""
    return "v1=" + _digest(body, secret)


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether any of the secrets (current and previous) made any of the signatures in the header.

    `body` must be the bytes as they were received. Versions other than v1 and malformed signatures are ignored; at
    most 20 entries of the header are looked at. Empty secrets match nothing. Never raises.
    """
    given = _v1_signatures(header or "")
    expected = [_digest(body, secret) for secret in secrets if secret] if given else []
    return any(hmac.compare_digest(mine, theirs) for mine in expected for theirs in given)


def _v1_signatures(header: str) -> list[str]:
    entries = header.split(",", MAX_SIGNATURES)[:MAX_SIGNATURES]
    matches = (_V1.fullmatch(entry.strip()) for entry in entries)
    return [match.group(1).lower() for match in matches if match]


def _digest(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()
