"""Supabase access tokens: who is calling?

Asymmetric tokens (ES256, RS256) are checked with the project's JWKS, HS256 ones with its legacy secret. The kind of key
decides which algorithm is accepted, so a public key can never serve as an HMAC secret.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from flask import g, request

from service.logs import log
from service.problems import INVALID_TOKEN, MISSING_TOKEN, unavailable

_ALGORITHM_OF_KEY_TYPE = {"EC": "ES256", "RSA": "RS256"}
_MAX_TOKEN = 16_384  # characters; Supabase's are around 1,000


@dataclass(frozen=True)
class User:
    """The caller. `token` travels on to PostgREST."""

    id: str
    email: str | None
    token: str


class InvalidToken(Exception):
    """The token fails a check; `check` names it: format, algorithm, key, signature, exp, aud, iss, sub, role, …"""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(detail)
        self.check = check


class KeysUnavailable(Exception):
    """The project's JWKS cannot be had, and the key is not among those that were had before."""


class JwksCache:
    """The project's public keys by `kid`.

    Fetched when first needed and when `lifetime` seconds old; an unknown `kid` fetches at once, by one thread while
    the others wait for its result, and at most `budget` times in `window` seconds, so that made-up kids cannot flood
    Supabase. While Supabase cannot be reached, or answers nonsense, the keys that were had stay good, and of others it
    cannot be said that there are none.

    Not `jwt.PyJWKClient`: that forgets its keys when they are old and cannot be renewed, so an outage of Auth signs
    everybody out; it makes all callers wait for a fetch, those of known keys too; it does not limit fetches that fail;
    and a key made seconds after a fetch waits for its cool-down.
    """

    def __init__(
        self,
        url: str,
        *,
        lifetime: float = 600,
        budget: int = 5,
        window: float = 30,
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._lifetime, self._budget, self._window, self._clock = url, lifetime, budget, window, clock
        self._client = client or httpx.Client(timeout=httpx.Timeout(3.0))
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._attempts: deque[float] = deque()
        self._fetches = 0
        self._has_failed = False  # the last time

    def get(self, kid: str) -> jwt.PyJWK | None:
        """The key, or None if the project has none of that name. Raises KeysUnavailable."""
        key = self._keys.get(kid)
        if key is not None and self._is_fresh():
            return key
        if key is not None:
            # Due for a look, but good until then: one caller looks, nobody waits for it.
            if self._lock.acquire(blocking=False):
                try:
                    if not self._is_fresh():
                        self._fetch()
                finally:
                    self._lock.release()
            return self._keys.get(kid)
        seen = self._fetches
        with self._lock:
            # Somebody else may have tried while this one waited for the lock, and shares what came of it.
            if self._fetches == seen and kid not in self._keys:
                self._fetch()
            if self._fetched_at is None or (self._has_failed and kid not in self._keys):
                raise KeysUnavailable(self._url)
            return self._keys.get(kid)

    def _is_fresh(self) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at < self._lifetime

    def _may_fetch(self) -> bool:
        now = self._clock()
        while self._attempts and now - self._attempts[0] >= self._window:
            self._attempts.popleft()
        if len(self._attempts) >= self._budget:
            return False
        self._attempts.append(now)
        return True

    def _fetch(self) -> None:
        if not self._may_fetch():
            return
        self._has_failed = True
        try:
            document = self._client.get(self._url).raise_for_status().json()
            keys = {kid: _usable_key(key) for key in document["keys"] if (kid := _kid(key)) is not None}
        except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("jwks_unavailable", url=self._url, error=type(error).__name__)
            return
        finally:
            self._fetches += 1
        usable = {kid: key for kid, key in keys.items() if key is not None}
        if document["keys"] and not usable and self._keys:
            log.warning("jwks_unavailable", url=self._url, error="no usable key among them")
            return  # a project may have no keys any more, but not keys of which none is one
        self._keys = usable
        self._fetched_at, self._has_failed = self._clock(), False


def _kid(key: Any) -> str | None:
    kid = key.get("kid") if isinstance(key, dict) else None
    return kid if isinstance(kid, str) else None


def _usable_key(key: dict[str, Any]) -> jwt.PyJWK | None:
    """A public key that signs. One that is of another kind, or damaged, must not spoil the others of its set."""
    algorithm = _ALGORITHM_OF_KEY_TYPE.get(str(key.get("kty")))
    if algorithm is None or key.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK(key, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        log.warning("jwks_key_unusable", kid=str(key["kid"])[:100], error=type(error).__name__)
        return None


class TokenVerifier:
    """Checks access tokens of one Supabase project."""

    def __init__(self, jwks: JwksCache, issuer: str, jwt_secret: str | None = None) -> None:
        self._jwks, self._issuer, self._jwt_secret = jwks, issuer, jwt_secret

    def verify(self, token: str) -> dict[str, Any]:
        """The claims. Raises InvalidToken, or KeysUnavailable.

        Supabase: access tokens carry aud `authenticated`, role `authenticated` and the user's id as sub.
        """
        key, algorithm = self._key_for(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience="authenticated",
                issuer=self._issuer,
                options={"require": ["exp", "aud", "iss", "sub"], "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise _explain(error) from None
        if claims.get("role") != "authenticated":
            raise InvalidToken("role", "The token is not a signed-in user's.")
        try:
            uuid.UUID(claims["sub"])
        except (ValueError, TypeError, AttributeError):
            raise InvalidToken("sub", "The token's sub is not a user id.") from None
        return claims

    def _key_for(self, token: str) -> tuple[Any, str]:
        if len(token) > _MAX_TOKEN:
            raise InvalidToken("format", "The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise InvalidToken("format", "The token is not a JWT.") from None
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._jwt_secret:
            return self._jwt_secret, "HS256"
        if algorithm not in _ALGORITHM_OF_KEY_TYPE.values():
            raise InvalidToken("algorithm", "The token is signed with an algorithm that is not accepted here.")
        kid = header.get("kid")
        key = self._jwks.get(kid) if isinstance(kid, str) and kid else None
        if key is None:
            raise InvalidToken("key", "The token is signed with a key that this project does not have.")
        if key.algorithm_name != algorithm:
            raise InvalidToken("algorithm", "The token's algorithm is not the one of its key.")
        return key.key, algorithm


def _explain(error: jwt.PyJWTError) -> InvalidToken:
    match error:
        case jwt.ExpiredSignatureError():
            return InvalidToken("exp", "The token has expired: sign in again, or refresh the session.")
        case jwt.InvalidAudienceError():
            return InvalidToken("aud", "The token is not meant for signed-in users of this project.")
        case jwt.InvalidIssuerError():
            return InvalidToken("iss", "The token comes from another issuer than this project's Auth.")
        case jwt.MissingRequiredClaimError():
            return InvalidToken(error.claim, f"The token has no {error.claim}.")
        case jwt.ImmatureSignatureError():
            return InvalidToken("nbf", "The token is not valid yet.")
        case jwt.exceptions.InvalidSubjectError():
            return InvalidToken("sub", "The token's sub is not a user id.")
        case jwt.InvalidSignatureError():
            return InvalidToken("signature", "The token's signature is wrong.")
        case jwt.DecodeError() if "(exp)" in str(error):
            return InvalidToken("exp", "The token's exp is not a time.")
        case _:
            return InvalidToken("format", "The token is not a usable JWT.")


def require_user(verifier: TokenVerifier) -> None:
    """Puts the caller into `g.user`, or raises a 401 (RFC 6750) that says which check failed."""
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise MISSING_TOKEN(
            "Send a Supabase access token: Authorization: Bearer …",
            headers={"WWW-Authenticate": 'Bearer realm="supabase"'},
            check="presence",
        )
    try:
        claims = verifier.verify(token)
    except InvalidToken as error:
        challenge = f'Bearer realm="supabase", error="invalid_token", error_description="{error}"'
        raise INVALID_TOKEN(str(error), headers={"WWW-Authenticate": challenge}, check=error.check) from None
    except KeysUnavailable:
        raise unavailable("The keys that sign access tokens cannot be fetched from Supabase.") from None
    email = claims.get("email")
    g.user = User(id=str(claims["sub"]), email=email if isinstance(email, str) else None, token=token)


def current_user() -> User:
    """The caller of this request, once require_user has run."""
    user: User = g.user
    return user
