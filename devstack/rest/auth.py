"""Who a request runs as: the role and the claims of its bearer token.

Source: PostgREST, "Authentication", and Auth/Jwt.hs; the messages as recorded.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from devstack.keys import UnknownKeyError
from devstack.rest.answers import ApiError, jwt_error

#: Answers the claims of a token whose signature holds, or raises one of `jwt.exceptions`.
Verify = Callable[[str], dict[str, Any]]

#: Seconds by which the clocks of who signs and who reads may differ.
LEEWAY = 30
NO_KEY = "No suitable key or wrong key type"


@dataclass(frozen=True)
class Identity:
    """The database role, and the claims as JSON text (with the role among them)."""

    role: str
    claims: str


def identify(authorization: str | None, verify: Verify, audience: str | None, anon_role: str) -> Identity:
    """The identity for an `Authorization` header; without a bearer token, or a role in it, the anonymous role.

    Raises PGRST301 for a token that cannot be decoded and PGRST303 for one whose claims are refused. Without an
    `audience`, every one is ours.
    """
    scheme, _, token = (authorization or "").partition(" ")
    claims: dict[str, Any] = {}
    if scheme.lower() == "bearer":
        claims = _decode(token.strip(), verify)
        _check_times(claims, int(time.time()))
        _check_audience(claims.get("aud"), audience)
    role = claims.get("role", anon_role)
    role = role if isinstance(role, str) else json.dumps(role)
    return Identity(role, json.dumps({**claims, "role": role}))


def _decode(token: str, verify: Verify) -> dict[str, Any]:
    if not token:
        raise jwt_error("PGRST301", "Empty JWT is sent in Authorization header")
    parts = token.count(".") + 1
    if parts != 3:
        raise jwt_error("PGRST301", f"Expected 3 parts in JWT; got {parts}")
    try:
        if jwt.get_unverified_header(token).get("alg") == "none":
            details = "JWT is unsecured but expected 'alg' was not 'none'"
            raise jwt_error("PGRST301", "Wrong or unsupported encoding algorithm", details)
        return verify(token)
    except jwt.exceptions.PyJWTError as error:
        raise _refusal(error) from error


def _refusal(error: jwt.exceptions.PyJWTError) -> ApiError:
    if isinstance(error, UnknownKeyError | jwt.exceptions.InvalidAlgorithmError):
        return jwt_error("PGRST301", NO_KEY, "No suitable key was found to decode the JWT")
    if isinstance(error, jwt.exceptions.InvalidSignatureError | jwt.exceptions.InvalidKeyError):
        return jwt_error("PGRST301", NO_KEY, "None of the keys was able to decode the JWT")
    if "payload string" in str(error):  # PyJWT has no exception of its own for it
        return jwt_error("PGRST303", "Parsing claims failed")
    return jwt_error("PGRST301", "JWT cryptographic operation failed")


def _check_times(claims: dict[str, Any], now: int) -> None:
    """Raises PGRST303 for the first of the claims that is over, not yet true, or no number."""
    expires_at = _seconds(claims, "exp")
    if expires_at is not None and expires_at < now - LEEWAY:
        raise jwt_error("PGRST303", "JWT expired")
    for name, message in (("nbf", "JWT not yet valid"), ("iat", "JWT issued at future")):
        moment = _seconds(claims, name)
        if moment is not None and moment > now + LEEWAY:
            raise jwt_error("PGRST303", message)


def _seconds(claims: dict[str, Any], name: str) -> int | None:
    """A claim in seconds since 1970. One that is not whole counts as 0: an `exp` with a fraction is long over."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise jwt_error("PGRST303", f"The JWT '{name}' claim must be a number")
    return int(value) if value == value // 1 and abs(value) < 2**63 else 0


def _check_audience(claim: object, wanted: str | None) -> None:
    """Raises PGRST303 for an audience that is another, or no audience."""
    given = [claim] if isinstance(claim, str) else claim
    if given is None:
        return
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise jwt_error("PGRST303", "The JWT 'aud' claim must be a string or an array of strings")
    if given and wanted is not None and wanted not in given:
        raise jwt_error("PGRST303", "JWT not in audience")
