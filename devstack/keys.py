"""The keys of the embedded stack: what signs its tokens, and the API keys that clients are given.

They are made once and kept in the stack's state folder, so that sessions and configured keys survive a restart.
"""

import functools
import json
import os
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

#: How long the legacy keys live, in seconds: ten years, as Supabase's.
LEGACY_KEY_LIFETIME = 10 * 365 * 24 * 3600
#: PyJWT's options for a token of which only the signature is checked.
_UNJUDGED = dict.fromkeys([f"verify_{claim}" for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")], False)


class KeyFileError(Exception):
    """The file of keys cannot be used; the message is one sentence for a person."""


class UnknownKeyError(jwt.InvalidTokenError):
    """A token names a signing key (`kid`) that is not ours."""

    def __init__(self, kid: str) -> None:
        super().__init__(f"no signing key has the kid {kid!r}")
        self.kid = kid


@dataclass(frozen=True, repr=False)
class Keys:
    """Signing keys and API keys of one stack.

    `signing_key_pem` is an EC P-256 private key (PKCS 8), which the JWKS names `kid`; `jwt_secret` is the legacy
    HS256 secret. `publishable_key` (`sb_publishable_…`) and `anon_jwt` stand for the role `anon`, `secret_key`
    (`sb_secret_…`) and `service_role_jwt` for `service_role`. `algorithm` is what tokens are signed with: ES256 by the
    key, HS256 by the secret, where a person chose that.
    """

    signing_key_pem: str
    kid: str
    jwt_secret: str
    publishable_key: str
    secret_key: str
    anon_jwt: str
    service_role_jwt: str
    algorithm: str = "ES256"

    @classmethod
    def load_or_create(cls, path: Path, issuer: str, chosen_secret: str | None = None) -> "Keys":
        """The keys in the file at `path` (mode 0600), which is made on first use.

        `issuer` goes into the legacy keys' `iss`. A `chosen_secret` becomes the JWT secret, now and from now on, and
        signs all tokens, so that whoever must verify them can be told beforehand. Raises KeyFileError.
        """
        keys = cls._stored(path, issuer)
        if chosen_secret and (keys.jwt_secret, keys.algorithm) != (chosen_secret, "HS256"):
            keys = replace(keys, algorithm="HS256", **_legacy_keys(issuer, chosen_secret))
            _write_private(path, asdict(keys))
        return keys

    @classmethod
    def _stored(cls, path: Path, issuer: str) -> "Keys":
        if not path.exists():
            try:
                _write_private(path, asdict(cls.create(issuer)))
            except OSError as error:
                raise KeyFileError(f"The file of keys {path} cannot be written: {error.strerror}.") from error
        try:
            stored = json.loads(path.read_text())
            return cls(**{field.name: str(stored[field.name]) for field in fields(cls) if field.name in stored})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeyFileError(f"The file of keys {path} cannot be read; remove it to get new keys.") from error

    @classmethod
    def create(cls, issuer: str) -> "Keys":
        """New keys, kept nowhere."""
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(
            signing_key_pem=pem.decode(),
            kid=str(uuid.uuid4()),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(16)}_{secrets.token_hex(4)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(16)}_{secrets.token_hex(4)}",
            **_legacy_keys(issuer, secrets.token_urlsafe(48)),
        )

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `/auth/v1/.well-known/jwks.json` shows them (never the HS256 secret)."""
        public: dict[str, Any] = ECAlgorithm.to_jwk(self._private_key.public_key(), as_dict=True)
        return {
            "keys": [
                {
                    "alg": "ES256",
                    "crv": "P-256",
                    "ext": True,
                    "key_ops": ["verify"],
                    "kid": self.kid,
                    "kty": "EC",
                    "use": "sig",
                    "x": public["x"],
                    "y": public["y"],
                }
            ]
        }

    def verification_jwks(self) -> dict[str, Any]:
        """Everything that verifies a token, the legacy HS256 secret included: for a PostgREST's `jwt-secret`."""
        legacy = {"alg": "HS256", "k": base64url_encode(self.jwt_secret.encode()).decode(), "kty": "oct"}
        return {"keys": [*self.jwks()["keys"], legacy]}

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims."""
        if self.algorithm == "HS256":
            return jwt.encode(claims, self.jwt_secret, algorithm="HS256")
        return jwt.encode(claims, self._private_key, algorithm="ES256", headers={"kid": self.kid})

    def verify(self, token: str, *, check_expiry: bool = True) -> dict[str, Any]:
        """The claims of a token that one of our keys signed and that has not expired.

        The algorithm decides which key is tried, so that a public key can never pass for a secret. Raises the
        exceptions of PyJWT (all are `jwt.InvalidTokenError`), and UnknownKeyError, which is one too.
        """
        return self._decode(token, {"verify_aud": False, "verify_exp": check_expiry})

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of our keys signed, whatever they say: who asks judges them.

        Keys are found as PostgREST finds them in `verification_jwks`: an HS256 token that names a key has none.
        Raises what `verify` raises for the signature.
        """
        header = jwt.get_unverified_header(token)
        if header.get("alg") == "HS256" and header.get("kid") is not None:
            raise UnknownKeyError(header["kid"])
        return self._decode(token, _UNJUDGED)

    def _decode(self, token: str, options: Any) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        key: Any
        if algorithm == "ES256":
            kid = header.get("kid")
            if kid is not None and kid != self.kid:
                raise UnknownKeyError(kid)
            key = self._private_key.public_key()
        elif algorithm == "HS256":
            key = self.jwt_secret
        else:
            raise jwt.InvalidAlgorithmError("The specified alg value is not allowed")
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=options)
        return claims

    @functools.cached_property
    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self.signing_key_pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyFileError("The signing key is not an EC key.")
        return key


def _legacy_keys(issuer: str, secret: str) -> dict[str, str]:
    """The JWT secret, and the API keys that it signs, by the names of their fields."""
    now = int(time.time())
    times = {"iat": now, "exp": now + LEGACY_KEY_LIFETIME}
    made = {
        role: jwt.encode({"iss": issuer, "role": role, **times}, secret, algorithm="HS256")
        for role in ("anon", "service_role")
    }
    return {"jwt_secret": secret, "anon_jwt": made["anon"], "service_role_jwt": made["service_role"]}


def _write_private(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    partial.replace(path)
