"""Which access tokens Realtime takes, and what it says of those it does not (Supabase: Realtime's UserSocket,
RealtimeChannel and JwtVerification).

One refusal has three wordings: the HTTP answer to a connect, the reason of a refused join, and the `system` message
that closes a channel after a refresh.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from devstack.keys import Keys

HMAC = ("HS256", "HS384", "HS512")
#: The `kty` of the keys that an algorithm takes, by how its name begins.
KEY_TYPES = {"RS": "RSA", "ES": "EC", "Ed": "OKP"}
NOT_A_JWT = "The token provided is not a valid JWT"
BAD_SIGNATURE = "Failed to validate JWT signature"
MISSING_CLAIMS = "Fields `role` and `exp` are required in JWT"


class TokenError(Exception):
    """A token was refused."""

    def __init__(self, code: str, message: str, *, on_connect: str | None = None, on_refresh: str | None = None):
        super().__init__(message)
        self.join_reason = f"{code}: {message}"
        self.connect_error = on_connect or message
        self.refresh_message = on_refresh or message


@dataclass(frozen=True)
class Token:
    """A token that holds: its text, its claims (`role` and `exp` are there), and its expiry in Unix seconds."""

    text: str
    claims: dict[str, Any]
    expires_at: int


def check_token(text: str, keys: Keys, now: Callable[[], float] = time.time) -> Token:
    """The token's claims, if one of our keys signed it and it has not expired. Raises TokenError.

    Of the times only `exp` counts: what was issued in the future is taken.
    """
    try:
        claims = json.loads(_signed_content(text, keys))
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError) as error:
        raise TokenError("JwtSignatureError", BAD_SIGNATURE, on_refresh=":signature_error") from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise TokenError("MalformedJWT", NOT_A_JWT) from error
    if not isinstance(claims, dict):
        raise TokenError("MalformedJWT", NOT_A_JWT)
    expires_at, role = claims.get("exp"), claims.get("role")
    if isinstance(expires_at, int | float) and expires_at <= now():
        raise expired(int(expires_at), now)
    if not isinstance(expires_at, int | float) or not isinstance(role, str):
        raise TokenError("InvalidJWTToken", MISSING_CLAIMS)
    return Token(text, claims, round(expires_at))


def _signed_content(text: str, keys: Keys) -> bytes:
    """What was signed. The legacy secret needs no `kid`; a key of the JWKS is found by nothing else."""
    header = jwt.get_unverified_header(text)
    algorithm, kid = str(header.get("alg")), header.get("kid")
    kind = KEY_TYPES.get(algorithm[:2])
    key: Any = keys.jwt_secret
    if algorithm not in HMAC:
        if kind is None or kid is None:
            raise _no_signer()
        ours = (jwk for jwk in keys.jwks()["keys"] if (jwk["kty"], jwk["kid"]) == (kind, kid))
        key = next((jwt.PyJWK(jwk).key for jwk in ours), None)
        if key is None:
            raise _no_signer(kid)
    content: bytes = jwt.PyJWS().decode(text, key, algorithms=[algorithm])
    return content


def _no_signer(kid: str | None = None) -> TokenError:
    which = "" if kid is None else f' for key ID (kid) "{kid}"'
    message = f"Failed to generate JWT signer{which}, check your JWT secret or JWKS configuration"
    return TokenError("JwtSignerError", message, on_refresh=":error_generating_signer" if kid is None else message)


def expired(expires_at: int, now: Callable[[], float] = time.time) -> TokenError:
    """What is said of a token that expired then."""
    message = f"Token has expired {max(0, int(now()) - expires_at)} seconds ago"
    return TokenError("InvalidJWTToken", message, on_connect="Token has expired")
