"""Sealing credentials before they reach the database.

A sealed value is `v1.<key id>.<base64url(nonce + ciphertext)>`: AES-256-GCM with a random nonce, and the organization
and the field's name as associated data, so that a value moved to another row or column does not open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes; NIST SP 800-38D


class CannotOpen(Exception):
    """A sealed value is damaged, was sealed for something else, or its key is not among ours."""


class Sealer:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    @classmethod
    def from_base64(cls, keys: Sequence[str]) -> "Sealer":
        """From the setting CREDENTIALS_KEYS: base64 of 32 bytes each."""
        return cls([base64.b64decode(key, validate=True) for key in keys])

    def seal(self, secret: str, organization_id: str, field: str) -> str:
        """The secret, for this organization and field only."""
        nonce = os.urandom(_NONCE)
        box = self._keys[self._current].encrypt(nonce, secret.encode(), _bound_to(organization_id, field))
        return f"v1.{self._current}.{base64.urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, organization_id: str, field: str) -> str:
        """The secret again. Raises CannotOpen, which says no more than that."""
        try:
            version, key_id, encoded = sealed.split(".")
            if version != "v1":
                raise ValueError(version)
            data = base64.urlsafe_b64decode(encoded)
            opened = self._keys[key_id].decrypt(data[:_NONCE], data[_NONCE:], _bound_to(organization_id, field))
            return opened.decode()
        except (ValueError, KeyError, binascii.Error, InvalidTag):
            raise CannotOpen("The credential cannot be opened with any of CREDENTIALS_KEYS.") from None

    def is_current(self, sealed: str) -> bool:
        """Was it sealed with the first key?"""
        return sealed.startswith(f"v1.{self._current}.")


def new_key() -> str:
    """A key for CREDENTIALS_KEYS."""
    return base64.b64encode(AESGCM.generate_key(256)).decode()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"key id" + key).hexdigest()[:8]


def _bound_to(organization_id: str, field: str) -> bytes:
    return f"{organization_id}/{field}".encode()
