"""Who a request runs as: the role and the claims of its bearer token.

Source: PostgREST, "Authentication"; the messages as recorded.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from devstack.rest.answers import ApiError, jwt_error

Verify = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Identity:
    """The database role, and the claims as JSON text (with the role among them)."""

    role: str
    claims: str


def identify(authorization: str | None, verify: Verify, anon_role: str) -> Identity:
    """The identity for an `Authorization` header; without a bearer token, or a role in it, the anonymous role.

    Raises PGRST301 for a token that cannot be decoded and PGRST303 for one whose claims are refused.
    """
    scheme, _, token = (authorization or "").partition(" ")
    claims = _claims(token.strip(), verify) if scheme.lower() == "bearer" else {}
    role = claims.get("role", anon_role)
    role = role if isinstance(role, str) else json.dumps(role)
    return Identity(role, json.dumps({**claims, "role": role}))


def _claims(token: str, verify: Verify) -> dict[str, Any]:
    if not token:
        raise jwt_error("PGRST301", "Empty JWT is sent in Authorization header")
    parts = token.count(".") + 1
    if parts != 3:
        raise jwt_error("PGRST301", f"Expected 3 parts in JWT; got {parts}")
    try:
        return verify(token)
    except jwt.exceptions.PyJWTError as error:
        raise _refusal(error) from error


def _refusal(error: jwt.exceptions.PyJWTError) -> ApiError:
    if isinstance(error, jwt.exceptions.ExpiredSignatureError):
        return jwt_error("PGRST303", "JWT expired")
    if isinstance(error, jwt.exceptions.ImmatureSignatureError):
        return jwt_error("PGRST303", "JWT issued at future" if "iat" in str(error) else "JWT not yet valid")
    if isinstance(error, jwt.exceptions.InvalidAudienceError):
        return jwt_error("PGRST303", "JWT not in audience")
    if isinstance(error, jwt.exceptions.InvalidAlgorithmError):
        return jwt_error("PGRST301", "Wrong or unsupported encoding algorithm")
    if isinstance(error, jwt.exceptions.InvalidSignatureError | jwt.exceptions.InvalidKeyError):
        details = "None of the keys was able to decode the JWT"
        return jwt_error("PGRST301", "No suitable key or wrong key type", details)
    if isinstance(error, jwt.exceptions.DecodeError | jwt.exceptions.PyJWKClientError | jwt.exceptions.PyJWKError):
        return jwt_error("PGRST301", "JWT cryptographic operation failed")
    return jwt_error("PGRST303", "Parsing claims failed")
