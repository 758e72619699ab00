"""The stand-in for Supabase Auth, from outside: GoTrue's shapes, statuses and error codes."""

import json
import re
import uuid

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.devstack.gateway_fixtures import ANNA, PASSWORD, Gateway

NEW_VERSION = {"X-Supabase-Api-Version": "2024-01-01"}


def sign_in(gateway: Gateway, email: str = "anna@example.com", password: str = PASSWORD) -> httpx.Response:
    with gateway.client() as client:
        return client.post("/auth/v1/token?grant_type=password", json={"email": email, "password": password})


def refresh(gateway: Gateway, token: object, **headers: str) -> httpx.Response:
    with gateway.client(**headers) as client:
        return client.post("/auth/v1/token?grant_type=refresh_token", json={"refresh_token": token})


def get_user(gateway: Gateway, token: str, **headers: str) -> httpx.Response:
    with gateway.client(Authorization=f"Bearer {token}", **headers) as client:
        return client.get("/auth/v1/user")


def age_token(gateway: Gateway, token: str, seconds: int) -> None:
    gateway.database.execute(
        "update auth.refresh_tokens set updated_at = updated_at - make_interval(secs => %s) where token = %s",
        (seconds, token),
    )


def test_signing_in_answers_a_session_with_its_user(gateway: Gateway) -> None:
    answer = sign_in(gateway, "Anna@Example.com")
    assert answer.status_code == 200
    session = answer.json()
    assert session["token_type"] == "bearer"
    assert session["expires_in"] == 3600
    assert re.fullmatch(r"[a-z0-9]{12}", session["refresh_token"])
    user = session["user"]
    assert (user["id"], user["aud"], user["role"], user["email"]) == (
        ANNA,
        "authenticated",
        "authenticated",
        "anna@example.com",
    )
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert user["identities"][0]["provider"] == "email"
    assert user["identities"][0]["id"] == ANNA
    assert user["last_sign_in_at"].endswith("Z")
    assert "encrypted_password" not in json.dumps(session)


def test_access_tokens_are_es256_with_gotrues_claims(gateway: Gateway) -> None:
    session = sign_in(gateway).json()
    jwks = httpx.get(f"{gateway.url}/auth/v1/.well-known/jwks.json").json()
    (key,) = jwks["keys"]
    assert "d" not in key
    claims = jwt.decode(
        session["access_token"],
        jwt.PyJWK(key),
        algorithms=["ES256"],
        audience="authenticated",
        issuer=f"{gateway.url}/auth/v1",
    )
    assert jwt.get_unverified_header(session["access_token"])["kid"] == key["kid"]
    assert claims["sub"] == ANNA
    assert claims["role"] == "authenticated"
    assert claims["email"] == "anna@example.com"
    assert claims["aal"] == "aal1"
    assert claims["amr"][0]["method"] == "password"
    assert claims["is_anonymous"] is False
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["exp"] == session["expires_at"]
    found = gateway.database.execute("select user_id::text from auth.sessions where id = %s", (claims["session_id"],))
    assert found == [(ANNA,)]


@pytest.mark.parametrize(
    ("email", "password"), [("anna@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("anna@example.com", "")]
)
def test_wrong_credentials_are_not_told_apart(gateway: Gateway, email: str, password: str) -> None:
    answer = sign_in(gateway, email, password)
    assert answer.status_code == 400
    assert answer.json() == {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
    assert answer.headers["x-sb-error-code"] == "invalid_credentials"


def test_errors_have_the_shape_of_the_asked_api_version(gateway: Gateway) -> None:
    with gateway.client(**NEW_VERSION) as client:
        answer = client.post("/auth/v1/token?grant_type=password", json={"email": "a@example.com", "password": "x"})
    assert answer.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"


def test_an_unconfirmed_or_banned_user_may_not_sign_in(gateway: Gateway) -> None:
    gateway.database.add_user("unconfirmed@example.com", confirmed=False)
    assert sign_in(gateway, "unconfirmed@example.com").json()["error_code"] == "email_not_confirmed"
    banned = gateway.database.add_user("banned@example.com")
    gateway.database.execute("update auth.users set banned_until = now() + interval '1 hour' where id = %s", (banned,))
    assert sign_in(gateway, "banned@example.com").json()["error_code"] == "user_banned"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{not json", 400, "bad_json"),
        (b"", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b'"text"', 400, "bad_json"),
        (b'{"email": 1, "password": "x"}', 400, "bad_json"),
        (b'{"email": "\\ud800@x", "password": "x"}', 400, "bad_json"),
        (b'{"email": "a\\u0000b", "password": "x"}', 400, "validation_failed"),
        (b'{"password": "x"}', 400, "validation_failed"),
        (b'{"phone": "123", "password": "x"}', 501, "not_implemented"),
        (b'{"email": "' + b"a" * 70_000 + b'"}', 413, "request_entity_too_large"),
    ],
)
def test_bodies_that_cannot_be_used(gateway: Gateway, content: bytes, status: int, code: str) -> None:
    with gateway.client() as client:
        answer = client.post("/auth/v1/token?grant_type=password", content=content)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
@pytest.mark.parametrize("field", ["email", "password", "refresh_token"])
def test_no_value_of_a_field_breaks_the_server(gateway: Gateway, field: str, body: object) -> None:
    grant = "refresh_token" if field == "refresh_token" else "password"
    with gateway.client() as client:
        answer = client.post(
            f"/auth/v1/token?grant_type={grant}",
            content=json.dumps({"email": "x@example.com", field: body}),
        )
    assert answer.status_code == 400


def test_grants_that_are_not_there(gateway: Gateway) -> None:
    with gateway.client() as client:
        unknown = client.post("/auth/v1/token?grant_type=nonsense", json={})
        pkce = client.post("/auth/v1/token?grant_type=pkce", json={})
    assert (unknown.status_code, unknown.json()["msg"]) == (400, "unsupported_grant_type")
    assert (pkce.status_code, "grant_type=pkce" in pkce.json()["msg"]) == (501, True)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/magiclink"), ("GET", "/admin/users"), ("POST", "/factors"), ("GET", "/authorize")]
)
def test_what_is_not_supported_says_so(gateway: Gateway, method: str, path: str) -> None:
    with gateway.client() as client:
        answer = client.request(method, f"/auth/v1{path}")
    assert answer.status_code == 501
    assert path in answer.json()["msg"]


def test_refreshing_rotates_the_token_and_keeps_the_session(gateway: Gateway) -> None:
    first = sign_in(gateway).json()
    second = refresh(gateway, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    of = [gateway.keys.verify(session["access_token"])["session_id"] for session in (first, second)]
    assert of[0] == of[1]
    tokens = gateway.database.execute(
        "select token, revoked, parent from auth.refresh_tokens where session_id = %s order by id", (of[0],)
    )
    assert tokens == [
        (first["refresh_token"], True, None),
        (second["refresh_token"], False, first["refresh_token"]),
    ]


def test_a_client_that_lost_the_answer_gets_the_same_token_again(gateway: Gateway) -> None:
    first = sign_in(gateway).json()["refresh_token"]
    second = refresh(gateway, first).json()["refresh_token"]
    age_token(gateway, first, 3600)
    assert refresh(gateway, first).json()["refresh_token"] == second


def test_reuse_of_an_old_token_revokes_the_whole_session(gateway: Gateway) -> None:
    first = sign_in(gateway).json()["refresh_token"]
    second = refresh(gateway, first).json()["refresh_token"]
    third = refresh(gateway, second).json()["refresh_token"]
    age_token(gateway, first, 11)
    reused = refresh(gateway, first, **NEW_VERSION)
    assert reused.status_code == 400
    assert reused.json() == {"code": "refresh_token_already_used", "message": "Invalid Refresh Token: Already Used"}
    age_token(gateway, third, 11)
    assert refresh(gateway, third).json()["error_code"] == "refresh_token_already_used"


def test_an_old_token_may_be_used_again_within_ten_seconds(gateway: Gateway) -> None:
    first = sign_in(gateway).json()["refresh_token"]
    second = refresh(gateway, first).json()["refresh_token"]
    third = refresh(gateway, second).json()["refresh_token"]
    again = refresh(gateway, first).json()["refresh_token"]
    assert again not in (first, second, third)
    assert refresh(gateway, again).status_code == 200


@pytest.mark.parametrize(
    ("token", "code"),
    [("never-issued", "refresh_token_not_found"), ("", "validation_failed"), (None, "validation_failed")],
)
def test_refresh_tokens_that_are_none(gateway: Gateway, token: object, code: str) -> None:
    answer = refresh(gateway, token)
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


def test_an_expired_session_cannot_be_refreshed(gateway: Gateway) -> None:
    session = sign_in(gateway).json()
    session_id = gateway.keys.verify(session["access_token"])["session_id"]
    gateway.database.execute("update auth.sessions set not_after = now() where id = %s", (session_id,))
    assert refresh(gateway, session["refresh_token"]).json()["error_code"] == "session_expired"


def test_the_user_is_the_bearers(gateway: Gateway) -> None:
    session = sign_in(gateway).json()
    answer = get_user(gateway, session["access_token"])
    assert answer.status_code == 200
    assert answer.json() == session["user"]


def test_tokens_that_give_no_user(gateway: Gateway) -> None:
    def code(token: str) -> tuple[int, str]:
        answer = get_user(gateway, token)
        return answer.status_code, answer.json()["error_code"]

    assert code("nonsense") == (403, "bad_jwt")
    assert code(gateway.token(lifetime=-1)) == (403, "bad_jwt")
    assert code(jwt.encode({"sub": ANNA, "exp": 9_999_999_999}, "x" * 40, "HS256")) == (403, "bad_jwt")
    assert code(jwt.encode({"sub": ANNA}, "", "none")) == (403, "bad_jwt")
    assert code(gateway.token("no-uuid")) == (400, "bad_jwt")
    assert code(gateway.token(str(uuid.uuid4()))) == (403, "user_not_found")
    assert code(gateway.token(session_id=str(uuid.uuid4()))) == (403, "session_not_found")
    assert code(gateway.token(session_id="no-uuid")) == (403, "bad_jwt")
    with gateway.client() as client:  # the gateway puts the anonymous role's token there
        answer = client.get("/auth/v1/user")
    assert (answer.status_code, answer.json()["msg"]) == (403, "invalid claim: missing sub claim")


def test_the_public_key_cannot_pass_for_a_secret(gateway: Gateway) -> None:
    """Algorithm confusion: HS256 with the public key as its secret."""
    import base64
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = jwt.PyJWK(gateway.keys.jwks()["keys"][0]).key
    public_pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = part(json.dumps({"alg": "HS256", "kid": gateway.keys.kid}).encode())
    signed = f"{header}.{part(json.dumps({'sub': ANNA, 'exp': 9_999_999_999}).encode())}"
    forged = f"{signed}.{part(hmac.digest(public_pem, signed.encode(), hashlib.sha256))}"
    assert get_user(gateway, forged).status_code == 403


@pytest.mark.parametrize(
    ("scope", "own", "other"), [("local", False, True), ("others", True, False), ("global", False, False)]
)
def test_signing_out_ends_the_sessions_of_its_scope(gateway: Gateway, scope: str, own: bool, other: bool) -> None:
    gateway.database.add_user(f"out-{scope}@example.com")
    here, there = (sign_in(gateway, f"out-{scope}@example.com").json() for _ in range(2))
    with gateway.client(Authorization=f"Bearer {here['access_token']}") as client:
        assert client.post("/auth/v1/logout?scope=nonsense").status_code == 400
        answer = client.post(f"/auth/v1/logout?scope={scope}")
    assert (answer.status_code, answer.content) == (204, b"")
    for session, remains in ((here, own), (there, other)):
        user = get_user(gateway, session["access_token"])
        assert user.status_code == (200 if remains else 403)
        if not remains:
            assert user.json()["error_code"] == "session_not_found"
        refreshed = refresh(gateway, session["refresh_token"])
        assert refreshed.status_code == (200 if remains else 400)


def test_a_new_password_ends_the_other_sessions(gateway: Gateway) -> None:
    gateway.database.add_user("password@example.com")
    here, there = (sign_in(gateway, "password@example.com").json() for _ in range(2))
    with gateway.client(Authorization=f"Bearer {here['access_token']}") as client:
        assert client.put("/auth/v1/user", json={"password": "short"}).json()["error_code"] == "weak_password"
        assert client.put("/auth/v1/user", json={"password": PASSWORD}).json()["error_code"] == "same_password"
        assert client.put("/auth/v1/user", json={"email": "new@example.com"}).status_code == 501
        changed = client.put("/auth/v1/user", json={"password": "another one", "data": {"team": "x", "name": None}})
    assert changed.status_code == 200
    assert changed.json()["user_metadata"] == {"team": "x"}
    assert get_user(gateway, here["access_token"]).status_code == 200
    assert get_user(gateway, there["access_token"]).status_code == 403
    assert sign_in(gateway, "password@example.com").status_code == 400
    assert sign_in(gateway, "password@example.com", "another one").status_code == 200


def test_settings_and_health(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert client.get("/auth/v1/settings").json()["external"]["email"] is True
    assert httpx.get(f"{gateway.url}/auth/v1/health").json()["name"] == "GoTrue"
