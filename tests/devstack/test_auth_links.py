"""The stand-in for Supabase Auth, where it would send mail: signing up, recovery, magic links, and what they open."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from supabase import create_client
from supabase.lib.client_options import SyncClientOptions
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from tests.devstack.gateway_fixtures import PASSWORD, Gateway

SITE = "http://localhost:3000"


def post(gateway: Gateway, path: str, **body: Any) -> httpx.Response:
    with gateway.client() as client:
        return client.post(f"/auth/v1/{path}", json=body)


def mails(gateway: Gateway, to: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.get(f"{gateway.url}/mail.json", params={"to": to}).json()
    return found


def opened(link: str) -> tuple[str, dict[str, str]]:
    """Where a link leads, and what the fragment says there."""
    answer = httpx.get(link)
    assert answer.status_code == 303
    target, _, fragment = answer.headers["location"].partition("#")
    assert parse_qs(fragment, keep_blank_values=True)["sb"] == [""]
    return target, {name: values[0] for name, values in parse_qs(fragment).items()}


def age(gateway: Gateway, email: str, seconds: int) -> None:
    gateway.database.execute(
        "update auth.one_time_tokens set created_at = created_at - make_interval(secs => %s) where relates_to = %s",
        (seconds, email),
    )


def test_signing_up_is_confirmed_by_a_link_that_works_once(gateway: Gateway) -> None:
    answer = post(
        gateway, "signup?redirect_to=" + f"{SITE}/sign-in?next=%2Finbox", email="New@Example.com", password="secret-1"
    )
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["role"], len(answer.json()["identities"])) == (
        "new@example.com", "authenticated", 1,
    )  # fmt: skip
    refused = post(gateway, "token?grant_type=password", email="new@example.com", password="secret-1")
    assert refused.json()["error_code"] == "email_not_confirmed"
    (mail,) = mails(gateway, "new@example.com")
    target, told = opened(mail["link"])
    assert target == f"{SITE}/sign-in?next=/inbox"
    assert (told["type"], told["token_type"], told["expires_in"]) == ("signup", "bearer", "3600")
    with gateway.client(Authorization=f"Bearer {told['access_token']}") as client:
        user = client.get("/auth/v1/user").json()
    assert user["email_confirmed_at"]
    assert user["user_metadata"]["email_verified"] is True
    assert post(gateway, "token?grant_type=refresh_token", refresh_token=told["refresh_token"]).status_code == 200
    assert post(gateway, "token?grant_type=password", email="new@example.com", password="secret-1").status_code == 200
    _, told = opened(mail["link"])
    assert told == {
        "error": "access_denied", "error_code": "otp_expired",
        "error_description": "Email link is invalid or has expired",
    }  # fmt: skip


def test_nobody_learns_who_has_an_account(gateway: Gateway) -> None:
    known = post(gateway, "signup", email="anna@example.com", password="secret-1")
    unknown = post(gateway, "signup", email="stranger@example.com", password="secret-1")
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert known.json().keys() == unknown.json().keys()
    assert known.json()["identities"] == []
    assert mails(gateway, "anna@example.com") == []
    assert post(gateway, "token?grant_type=password", email="anna@example.com", password=PASSWORD).status_code == 200
    for email in ("anna@example.com", "nobody@example.com"):
        answer = post(gateway, "recover", email=email)
        assert (answer.status_code, answer.json()) == (200, {})
    assert mails(gateway, "nobody@example.com") == []
    assert post(gateway, "otp", email="nobody@example.com", create_user=False).json()["error_code"] == "otp_disabled"


def test_recovery_opens_a_session_that_may_set_a_password(gateway: Gateway) -> None:
    post(gateway, "signup", email="lost@example.com", password="secret-1")
    opened(mails(gateway, "lost@example.com")[0]["link"])
    assert post(gateway, "recover", email="lost@example.com").status_code == 200
    target, told = opened(mails(gateway, "lost@example.com")[0]["link"])
    assert (target, told["type"]) == (SITE, "recovery")
    with gateway.client(Authorization=f"Bearer {told['access_token']}") as client:
        assert client.put("/auth/v1/user", json={"password": "secret-2"}).status_code == 200
    assert post(gateway, "token?grant_type=password", email="lost@example.com", password="secret-1").status_code == 400
    assert post(gateway, "token?grant_type=password", email="lost@example.com", password="secret-2").status_code == 200


def test_a_magic_link_signs_in_and_its_token_can_be_verified(gateway: Gateway) -> None:
    post(gateway, "otp", email="magic@example.com")  # there is nobody yet: it signs up
    link = mails(gateway, "magic@example.com")[0]["link"]
    assert parse_qs(urlsplit(link).query)["type"] == ["signup"]
    opened(link)
    post(gateway, "otp", email="magic@example.com", create_user=False)
    query = parse_qs(urlsplit(mails(gateway, "magic@example.com")[0]["link"]).query)
    answer = post(gateway, "verify", type="magiclink", token_hash=query["token"][0])
    assert answer.json()["user"]["email"] == "magic@example.com"


def test_links_run_out_and_are_not_asked_for_all_the_time(gateway: Gateway) -> None:
    post(gateway, "signup", email="slow@example.com", password="secret-1")
    again = post(gateway, "resend", type="signup", email="slow@example.com")
    assert (again.status_code, again.json()["error_code"]) == (429, "over_email_send_rate_limit")
    age(gateway, "slow@example.com", 2)
    assert post(gateway, "resend", type="signup", email="slow@example.com").status_code == 200
    newest, first = mails(gateway, "slow@example.com")
    assert opened(first["link"])[1]["error_code"] == "otp_expired"  # the second has taken its place
    age(gateway, "slow@example.com", 3601)
    assert opened(newest["link"])[1]["error_code"] == "otp_expired"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        "//evil.test",
        "javascript:alert(1)",
        f"{SITE}.evil.test/",
        f"{SITE}@evil.test/",
        "http://localhost:3001/",
    ],
)
def test_a_link_leads_nowhere_but_into_the_app(gateway: Gateway, elsewhere: str) -> None:
    email = f"u{abs(hash(elsewhere))}@example.com"
    with gateway.client() as client:
        client.post("/auth/v1/signup", params={"redirect_to": elsewhere}, json={"email": email, "password": "secret-1"})
    link = mails(gateway, email)[0]["link"]
    assert opened(f"{link.partition('&redirect_to=')[0]}&redirect_to={elsewhere}")[0] == SITE


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("signup", {"email": "x@example.com", "password": "short"}, 422, "weak_password"),
        ("signup", {"email": "x@example.com"}, 400, "validation_failed"),
        ("signup", {"email": "no address", "password": "secret-1"}, 400, "validation_failed"),
        ("signup", {"email": "x@example.com", "password": "secret-1", "data": []}, 200, None),
        ("signup", {"email": "x@example.com", "password": "secret-1", "data": "x"}, 400, "bad_json"),
        ("signup", {"email": "x@example.com", "password": "secret-1", "code_challenge": "x"}, 501, "not_implemented"),
        ("recover", {}, 400, "validation_failed"),
        ("resend", {"type": "sms", "email": "x@example.com"}, 501, "not_implemented"),
        ("verify", {"type": "signup", "token_hash": "nonsense"}, 403, "otp_expired"),
        ("otp", {"email": "x@example.com", "data": "x"}, 400, "bad_json"),
        ("verify", {"type": "nonsense", "token_hash": "x"}, 400, "validation_failed"),
        ("verify", {"token_hash": "x"}, 400, "validation_failed"),
        ("verify", {"type": "email", "token_hash": "x"}, 501, "not_implemented"),
        ("verify", {"type": "email", "email": "x@example.com", "token": "123456"}, 501, "not_implemented"),
    ],
)
def test_what_is_refused(gateway: Gateway, path: str, body: dict[str, Any], status: int, code: str | None) -> None:
    answer = post(gateway, path, **body)
    assert (answer.status_code, answer.json().get("error_code")) == (status, code)


def test_links_that_no_mail_has(gateway: Gateway) -> None:
    verify = f"{gateway.url}/auth/v1/verify"
    assert opened(f"{verify}?type=signup&token=nonsense") == (
        SITE,
        {
            "error": "access_denied",
            "error_code": "otp_expired",
            "error_description": "Email link is invalid or has expired",
        },
    )
    assert opened(f"{verify}?type=nonsense&token=x")[1]["error"] == "invalid_request"
    for query, status in (("type=signup", 400), ("type=invite&token=x", 501)):
        assert httpx.get(f"{verify}?{query}").status_code == status


def test_the_official_client_signs_up_recovers_and_takes_a_link(gateway: Gateway) -> None:
    client = create_client(gateway.url, gateway.keys.publishable_key, SyncClientOptions(flow_type="implicit"))
    email = "official@example.com"
    with pytest.raises(AuthWeakPasswordError) as weak:
        client.auth.sign_up({"email": email, "password": "short"})
    assert weak.value.reasons == ["length"]
    made = client.auth.sign_up({"email": email, "password": "secret-1", "options": {"email_redirect_to": f"{SITE}/x"}})
    assert (made.session, made.user and made.user.email) == (None, email)
    target, told = opened(mails(gateway, email)[0]["link"])
    assert target == f"{SITE}/x"
    session = client.auth.set_session(told["access_token"], told["refresh_token"])
    assert session.user is not None
    assert session.user.email_confirmed_at is not None

    client.auth.reset_password_for_email(email)
    (token,) = parse_qs(urlsplit(mails(gateway, email)[0]["link"]).query)["token"]
    recovered = client.auth.verify_otp({"type": "recovery", "token_hash": token})
    assert recovered.session is not None
    client.auth.update_user({"password": "secret-2"})
    assert client.auth.sign_in_with_password({"email": email, "password": "secret-2"}).session is not None
    with pytest.raises(AuthApiError) as nobody:
        client.auth.sign_in_with_otp({"email": "nobody@example.com", "options": {"should_create_user": False}})
    assert nobody.value.code == "otp_disabled"


def test_the_page_of_mails_escapes_what_it_shows(gateway: Gateway) -> None:
    post(gateway, "signup", email="<b>x</b>@example.com", password="secret-1")
    page = httpx.get(f"{gateway.url}/mail").text
    assert "&lt;b&gt;x&lt;/b&gt;@example.com" in page
    assert "<b>x" not in page
