"""Which access tokens Realtime takes, and what it says of those it does not (Supabase: Realtime's UserSocket,
RealtimeChannel and JwtVerification).

One refusal has three wordings: the HTTP answer to a connect, the reason of a refused join, and the `system` message
that closes a channel after a refresh.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from devstack.keys import Keys, UnknownKeyError

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
    """The token's claims, if one of our keys signed it and it has not expired. Raises TokenError."""
    try:
        claims = keys.verify(text, check_expiry=False)
    except UnknownKeyError as error:
        message = (
            f'Failed to generate JWT signer for key ID (kid) "{error.kid}", check your JWT secret or JWKS configuration'
        )
        raise TokenError("JwtSignerError", message) from error
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise TokenError("JwtSignatureError", BAD_SIGNATURE, on_refresh=":signature_error") from error
    except jwt.InvalidTokenError as error:
        raise TokenError("MalformedJWT", NOT_A_JWT) from error
    expires_at, role = claims.get("exp"), claims.get("role")
    if isinstance(expires_at, int | float) and expires_at <= now():
        raise expired(int(expires_at), now)
    if not isinstance(expires_at, int | float) or not isinstance(role, str):
        raise TokenError("InvalidJWTToken", MISSING_CLAIMS)
    return Token(text, claims, int(expires_at))


def expired(expires_at: int, now: Callable[[], float] = time.time) -> TokenError:
    """What is said of a token that expired then."""
    message = f"Token has expired {max(0, int(now()) - expires_at)} seconds ago"
    return TokenError("InvalidJWTToken", message, on_connect="Token has expired")
