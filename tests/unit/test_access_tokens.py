"""Which access tokens are believed, and what is said about the others."""

import base64
import hashlib
import hmac
import json
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.auth import InvalidToken, JwksCache, TokenVerifier, require_user
from tests.unit.signing_keys import (
    ISSUER,
    USER,
    JwksServer,
    SigningKey,
    claims,
    ec_key,
    jwks_server,
    raw_token,
    rsa_key,
    unpadded,
)

SECRET = "legacy-jwt-secret-of-at-least-32-characters"
EC, RSA = ec_key(), rsa_key()


@pytest.fixture(scope="module")
def server() -> Iterator[JwksServer]:
    with jwks_server(EC, RSA) as running:
        oct_key = {"kty": "oct", "k": unpadded(b"an oct key that the JWKS should never have"), "kid": "oct-1"}
        running.keys.append({**oct_key, "alg": "HS256"})
        yield running


@pytest.fixture(scope="module")
def verifier(server: JwksServer) -> TokenVerifier:
    return TokenVerifier(JwksCache(server.url, budget=1000), ISSUER)


@pytest.fixture(scope="module")
def legacy(server: JwksServer) -> TokenVerifier:
    return TokenVerifier(JwksCache(server.url, budget=1000), ISSUER, SECRET)


def refused(verifier: TokenVerifier, token: str) -> str:
    """The check that refuses the token."""
    with pytest.raises(InvalidToken) as error:
        verifier.verify(token)
    return error.value.check


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
def test_the_projects_keys_are_believed(verifier: TokenVerifier, key: SigningKey) -> None:
    assert verifier.verify(key.sign(claims()))["sub"] == USER


def test_hs256_is_believed_with_the_legacy_secret_only(verifier: TokenVerifier, legacy: TokenVerifier) -> None:
    token = jwt.encode(claims(), SECRET, "HS256")
    assert legacy.verify(token)["sub"] == USER
    assert refused(verifier, token) == "algorithm"
    assert refused(legacy, jwt.encode(claims(), SECRET + "x", "HS256")) == "signature"
    assert legacy.verify(EC.sign(claims()))["sub"] == USER, "a project in the middle of its migration uses both"
    for algorithm in ("HS384", "HS512"):
        assert refused(legacy, jwt.encode(claims(), SECRET * 2, algorithm)) == "algorithm"


def hmac_token(key: bytes, header: dict[str, Any]) -> str:
    """Signed by hand: PyJWT refuses to use a public key as an HMAC secret."""
    signed = f"{unpadded(json.dumps(header).encode())}.{unpadded(json.dumps(claims()).encode())}"
    return f"{signed}.{unpadded(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("key", [EC, RSA], ids=["EC", "RSA"])
def test_a_public_key_is_no_hmac_secret(verifier: TokenVerifier, legacy: TokenVerifier, key: SigningKey) -> None:
    for secret in (key.public_pem, key.public_pem.strip(), json.dumps(key.jwk).encode()):
        for header in ({"alg": "HS256", "kid": key.kid}, {"alg": "HS256"}, {"alg": "HS256", "kid": "oct-1"}):
            token = hmac_token(secret, header)
            assert refused(verifier, token) == "algorithm"
            assert refused(legacy, token) == "signature"


def test_an_oct_key_in_the_jwks_is_no_key(verifier: TokenVerifier, legacy: TokenVerifier) -> None:
    token = hmac_token(b"an oct key that the JWKS should never have", {"alg": "HS256", "kid": "oct-1"})
    assert refused(verifier, token) == "algorithm"
    assert refused(legacy, token) == "signature"
    assert refused(verifier, raw_token({"alg": "ES256", "kid": "oct-1"}, claims())) == "key"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, [], "ES256 ", "es256", "PS256", "EdDSA"])
def test_no_other_algorithm(verifier: TokenVerifier, legacy: TokenVerifier, algorithm: Any) -> None:
    for signature in (b"", b"x"):
        token = raw_token({"alg": algorithm, "kid": EC.kid}, claims(), signature)
        assert refused(verifier, token) in ("algorithm", "format")
        assert refused(legacy, token) in ("algorithm", "format")


def test_a_key_is_used_with_its_own_algorithm_only(verifier: TokenVerifier) -> None:
    assert refused(verifier, raw_token({"alg": "RS256", "kid": EC.kid}, claims())) == "algorithm"
    assert refused(verifier, raw_token({"alg": "ES256", "kid": RSA.kid}, claims())) == "algorithm"
    assert refused(verifier, SigningKey(EC.kid, RSA.private, "RS256").sign(claims())) == "algorithm"


def test_the_key_is_named_and_known(verifier: TokenVerifier) -> None:
    assert refused(verifier, jwt.encode(claims(), EC.private, "ES256")) == "key"
    for kid in ("", "unknown", "../ec-1", "ec-1 ", "x" * 5000):
        assert refused(verifier, EC.sign(claims(), kid=kid)) == "key"
    odd: tuple[Any, ...] = (7, None, ["ec-1"], {"a": 1})
    for value in odd:
        assert refused(verifier, raw_token({"alg": "ES256", "kid": value}, claims())) in ("key", "format")


def test_keys_that_the_token_brings_along_count_for_nothing(verifier: TokenVerifier) -> None:
    attacker = ec_key(EC.kid)
    for extra in ({"jwk": attacker.jwk}, {"jku": "http://127.0.0.1:1/jwks.json"}, {"x5c": ["AAAA"]}):
        assert refused(verifier, attacker.sign(claims(), **extra)) == "signature"


WRONG_CLAIMS: list[Any] = [
    pytest.param("exp", {"exp": int(time.time()) - 1}, id="exp-a second ago"),
    ("exp", {"exp": ...}),
    ("exp", {"exp": None}),
    ("exp", {"exp": "tomorrow"}),
    ("exp", {"exp": []}),
    ("exp", {"exp": 1e400}),
    ("aud", {"aud": "anon"}),
    ("aud", {"aud": ["anon", "other"]}),
    ("aud", {"aud": []}),
    ("aud", {"aud": ...}),
    ("aud", {"aud": None}),
    ("aud", {"aud": 7}),
    ("iss", {"iss": "https://other.supabase.co/auth/v1"}),
    ("iss", {"iss": ISSUER + "/"}),
    ("iss", {"iss": ...}),
    ("iss", {"iss": None}),
    ("iss", {"iss": [ISSUER]}),
    ("sub", {"sub": ...}),
    ("sub", {"sub": None}),
    ("sub", {"sub": ""}),
    ("sub", {"sub": "nobody"}),
    ("sub", {"sub": 7}),
    ("sub", {"sub": [USER]}),
    ("role", {"role": "anon"}),
    ("role", {"role": "service_role"}),
    ("role", {"role": ...}),
    ("role", {"role": ["authenticated"]}),
    pytest.param("nbf", {"nbf": int(time.time()) + 86_400}, id="nbf-tomorrow"),
]


@pytest.mark.parametrize(("check", "changes"), WRONG_CLAIMS, ids=lambda value: str(value))
def test_each_claim_is_checked_and_named(
    verifier: TokenVerifier, legacy: TokenVerifier, check: str, changes: dict[str, Any]
) -> None:
    assert refused(verifier, sign_anything(changes)) == check
    assert refused(legacy, hs256_of_anything(changes)) == check


def sign_anything(changes: dict[str, Any]) -> str:
    """PyJWT will not encode every wrong claim."""
    content = json.dumps(claims(**changes)).replace("Infinity", "1e400").encode()
    return jwt.api_jws.encode(content, EC.private, "ES256", headers={"kid": EC.kid})


def hs256_of_anything(changes: dict[str, Any]) -> str:
    content = json.dumps(claims(**changes)).replace("Infinity", "1e400").encode()
    return jwt.api_jws.encode(content, SECRET.encode(), "HS256")


def test_what_is_still_good(verifier: TokenVerifier) -> None:
    for changes in ({"aud": ["authenticated", "other"]}, {"iat": int(time.time()) + 5}, {"email": ...}, {"email": ""}):
        assert verifier.verify(EC.sign(claims(**changes)))["sub"] == USER


def test_expiry_is_told_before_what_else_is_wrong(verifier: TokenVerifier) -> None:
    """The web app refreshes its session on `exp`."""
    assert refused(verifier, EC.sign(claims(exp=1))) == "exp"
    tampered = EC.sign(claims(exp=1))[:-4] + "AAAA"
    assert refused(verifier, tampered) == "signature", "but never of a token that is nobody's"


def test_a_changed_payload_breaks_the_signature(verifier: TokenVerifier) -> None:
    header, _, signature = EC.sign(claims()).split(".")
    forged = unpadded(json.dumps(claims(sub="00000000-0000-4000-8000-000000000000")).encode())
    assert refused(verifier, f"{header}.{forged}.{signature}") == "signature"


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.e30.e30.e30", "\x00", "é.é.é", " ", "=.=.=",
        raw_token(b"[" * 11_000, {}), raw_token(b'{"alg":' * 1_500, {}), raw_token(b"1" * 5_000, {}),
        raw_token([], {}), raw_token(None, {}), raw_token("text", {}), raw_token(b"\xff\xfe", {}),
        raw_token({"alg": "ES256", "kid": EC.kid, "crit": ["exp"]}, {}),
        raw_token({"alg": "ES256", "kid": EC.kid, "b64": False}, {}),
        raw_token({"alg": "ES256", "kid": EC.kid}, b"[" * 5_000),
        "x" * 20_000, "x" * 20_000 + ".y.z",
    ],
    ids=lambda token: repr(token[:16]),
)  # fmt: skip
def test_rubbish_is_refused_politely(verifier: TokenVerifier, legacy: TokenVerifier, token: str) -> None:
    assert refused(verifier, token) in ("format", "algorithm", "signature", "key")
    assert refused(legacy, token) in ("format", "algorithm", "signature", "key")


def test_a_signed_token_that_is_no_object_is_refused(verifier: TokenVerifier) -> None:
    for content in (b"[]", b'"text"', b"null", b"", b"\xff", b"[" * 6000, b"{" + b'"a":{' * 1500):
        token = jwt.api_jws.encode(content, EC.private, "ES256", headers={"kid": EC.kid})
        assert refused(verifier, token) == "format"


GOOD = EC.sign(claims())
GOOD_HS256 = jwt.encode(claims(), SECRET, "HS256")


@given(st.text(max_size=300))
def test_no_text_raises_anything_else(legacy: TokenVerifier, text: str) -> None:
    refused(legacy, text)


@given(st.data())
def test_no_mutation_is_believed_or_raises_anything_else(legacy: TokenVerifier, data: st.DataObject) -> None:
    token = data.draw(st.sampled_from([GOOD, GOOD_HS256]))
    at = data.draw(st.integers(0, len(token) - 1))
    alphabet = string.ascii_letters + string.digits + "-_.=\x00é"
    changed = token[:at] + data.draw(st.text(alphabet, max_size=3)) + token[at + data.draw(st.integers(0, 3)) :]
    try:
        found = legacy.verify(changed)
    except InvalidToken:
        return
    # base64 has several spellings of some last characters; the bytes must be the same.
    assert decoded(changed) == decoded(token)
    assert found["sub"] == USER


def decoded(token: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "jku"]), JSON | st.just("ES256")), JSON
)
def test_no_header_or_payload_raises_anything_else(legacy: TokenVerifier, header: Any, payload: Any) -> None:
    refused(legacy, raw_token(header, payload))


@given(st.dictionaries(st.sampled_from(["sub", "role", "aud", "iss", "exp", "nbf", "iat", "jti", "email"]), JSON))
def test_no_signed_claims_raise_anything_else(verifier: TokenVerifier, changes: dict[str, Any]) -> None:
    content = json.dumps({**claims(), **changes}).encode()
    try:
        verifier.verify(jwt.api_jws.encode(content, EC.private, "ES256", headers={"kid": EC.kid}))
        check = "none"
    except InvalidToken as error:
        check = error.check
    assert check in {"none", "sub", "role", "aud", "iss", "exp", "nbf", "iat", "jti", "format"}


# How it is answered ---------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    problem: dict[str, Any]
    challenge: str


def ask(verifier: TokenVerifier, authorization: str | None) -> Answer:
    app = Flask("test")
    errors.init_app(app)
    app.before_request(lambda: require_user(verifier))
    app.add_url_rule("/", view_func=lambda: {"id": g.user.id, "email": g.user.email, "token": g.user.token})
    headers = {} if authorization is None else {"Authorization": authorization}
    response = app.test_client().get("/", headers=headers)
    return Answer(response.status_code, response.get_json(), response.headers.get("WWW-Authenticate", ""))


def test_the_caller_is_known(verifier: TokenVerifier) -> None:
    token = EC.sign(claims())
    for scheme in ("Bearer", "bearer", "BEARER"):
        found = ask(verifier, f"{scheme} {token}")
        assert (found.status, found.problem) == (200, {"id": USER, "email": "ann@example.com", "token": token})


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token token=abc"])
def test_no_token_is_a_challenge_without_an_error(verifier: TokenVerifier, authorization: str | None) -> None:
    """RFC 6750: without credentials, no error code."""
    answer = ask(verifier, authorization)
    assert (answer.status, answer.problem["check"]) == (401, "presence")
    assert answer.challenge.startswith("Bearer")
    assert "error" not in answer.challenge


@pytest.mark.parametrize(("check", "changes"), WRONG_CLAIMS, ids=lambda value: str(value))
def test_the_problem_names_the_check(verifier: TokenVerifier, check: str, changes: dict[str, Any]) -> None:
    token = sign_anything(changes)
    answer = ask(verifier, f"Bearer {token}")
    assert (answer.status, answer.problem["check"]) == (401, check)
    assert answer.problem["type"] == "/problems/invalid-token"
    assert answer.challenge.startswith("Bearer ")
    assert 'error="invalid_token"' in answer.challenge
    assert token not in json.dumps(answer.problem) + answer.challenge


def test_without_any_keys_it_is_no_fault_of_the_caller() -> None:
    answer = ask(TokenVerifier(JwksCache("http://127.0.0.1:9/jwks.json"), ISSUER), f"Bearer {EC.sign(claims())}")
    assert (answer.status, answer.problem["type"]) == (503, "/problems/unavailable")
