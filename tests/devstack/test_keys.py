"""The stack's keys: kept, private, and never mistaken for one another."""

import json
import stat
from pathlib import Path

import jwt
import pytest

from devstack.keys import KeyFileError, Keys, UnknownKeyError

ISSUER = "http://127.0.0.1:54321/auth/v1"


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    made = Keys.load_or_create(path, ISSUER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keys.load_or_create(path, "http://another.example") == made
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_a_file_of_keys_that_is_none_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    for content in ("", "[]", '{"kid": "x"}'):
        path.write_text(content)
        with pytest.raises(KeyFileError, match="remove it"):
            Keys.load_or_create(path, ISSUER)


def test_a_file_of_keys_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot be written"):
        Keys.load_or_create(tmp_path / "file" / "keys.json", ISSUER)


def test_keys_do_not_show_in_logs() -> None:
    keys = Keys.create(ISSUER)
    assert keys.jwt_secret not in repr(keys)


def test_api_keys_look_like_supabases() -> None:
    keys = Keys.create(ISSUER)
    assert keys.publishable_key.startswith("sb_publishable_")
    assert keys.secret_key.startswith("sb_secret_")
    for token, role in ((keys.anon_jwt, "anon"), (keys.service_role_jwt, "service_role")):
        assert jwt.get_unverified_header(token)["alg"] == "HS256"
        claims = keys.verify(token)
        assert (claims["role"], claims["iss"]) == (role, ISSUER)


def test_the_public_jwks_verifies_and_holds_no_secret() -> None:
    keys = Keys.create(ISSUER)
    token = keys.sign({"sub": "x"})
    (public,) = keys.jwks()["keys"]
    assert set(public) == {"alg", "crv", "ext", "key_ops", "kid", "kty", "use", "x", "y"}
    assert jwt.decode(token, jwt.PyJWK(public), algorithms=["ES256"]) == {"sub": "x"}


def test_the_verification_jwks_verifies_legacy_tokens_too() -> None:
    keys = Keys.create(ISSUER)
    legacy = jwt.PyJWK(keys.verification_jwks()["keys"][1])
    assert jwt.decode(keys.anon_jwt, legacy, algorithms=["HS256"])["role"] == "anon"
    assert keys.jwt_secret not in json.dumps(keys.jwks())


def test_only_our_tokens_verify() -> None:
    keys, others = Keys.create(ISSUER), Keys.create(ISSUER)
    assert keys.verify(keys.sign({"sub": "x", "aud": "anything"}))["sub"] == "x"
    with pytest.raises(UnknownKeyError):
        keys.verify(others.sign({"sub": "x"}))
    refused = [
        jwt.encode({"sub": "x"}, others._private_key, "ES256", headers={"kid": keys.kid}),
        others.anon_jwt,
        jwt.encode({"sub": "x"}, "", "none"),
        jwt.encode({"sub": "x"}, keys.jwt_secret + "x" * 32, "HS512"),
        keys.sign({"exp": 1}),
        "no token",
    ]
    for token in refused:
        with pytest.raises(jwt.InvalidTokenError):
            keys.verify(token)
    assert keys.verify(keys.sign({"exp": 1}), check_expiry=False) == {"exp": 1}


def test_a_chosen_secret_signs_everything_and_stays(tmp_path: Path) -> None:
    file, issuer, secret = tmp_path / "keys.json", "http://x/auth/v1", "chosen by a person, in 32 characters"
    made = Keys.load_or_create(file, issuer)
    chosen = Keys.load_or_create(file, issuer, secret)
    assert (chosen.publishable_key, chosen.signing_key_pem) == (made.publishable_key, made.signing_key_pem)
    for token in (chosen.anon_jwt, chosen.service_role_jwt, chosen.sign({"role": "anon"})):
        assert jwt.decode(token, secret, algorithms=["HS256"])["role"] in ("anon", "service_role")
        assert chosen.verify(token)
    for again in (Keys.load_or_create(file, issuer, secret), Keys.load_or_create(file, issuer)):
        assert again == chosen
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_from_before_there_was_a_choice_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = Keys.load_or_create(file, "http://x/auth/v1")
    stored = json.loads(file.read_text())
    del stored["algorithm"]
    file.write_text(json.dumps(stored))
    assert Keys.load_or_create(file, "http://x/auth/v1") == made


def test_what_is_only_read_is_ours_whatever_it_says() -> None:
    keys, others = Keys.create(ISSUER), Keys.create(ISSUER)
    claims = {"exp": 1, "nbf": 9_999_999_999, "aud": "anything", "sub": 1, "jti": 2}
    for token in (keys.sign(claims), jwt.api_jws.encode(json.dumps(claims).encode(), keys.jwt_secret)):
        assert keys.read(token) == claims
    named = jwt.api_jws.encode(b"{}", keys.jwt_secret, headers={"kid": keys.kid})
    for token in (others.sign(claims), others.anon_jwt, named):
        with pytest.raises(jwt.InvalidTokenError):
            keys.read(token)
