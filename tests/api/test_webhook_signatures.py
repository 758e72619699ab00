"""Signed webhooks: several signatures, rotation, raw bytes; remembered settings never decide alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from service.pagerduty.signatures import sign
from tests.world import Organization, World, v3

SECRET = "first-signing-secret"
SECOND = "second-signing-secret"
THIRD = "third-signing-secret"
SETTINGS = "/api/integrations/pagerduty"


def set_secret(organization: Organization, secret: str | None) -> None:
    answer = organization.admin.api.post(SETTINGS, json={"signing_secret": secret})
    assert answer.status_code == 200, answer.text


def send(organization: Organization, body: bytes, signature: str | None) -> httpx.Response:
    headers = {} if signature is None else {"X-PagerDuty-Signature": signature}
    return organization.send(body, headers=headers)


def raw(**changes: Any) -> bytes:
    return json.dumps(v3(**changes)).encode()


@pytest.fixture
def signed(acme: Organization) -> Organization:
    """An organization whose webhooks are signed with SECRET."""
    set_secret(acme, SECRET)
    return acme


def test_signed_is_accepted(signed: Organization) -> None:
    assert signed.send(v3(), secret=SECRET).status_code == 202


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "v1=",
        "v1=" + "0" * 64,
        "v2={right}",
        "{right}x",
        "{right_of_other_body}",
        "{right_of_other_secret}",
        "v1=" + "g" * 64,
        "nonsense",
    ],
)
def test_everything_else_is_refused_and_shown_to_the_admin(signed: Organization, signature: str | None) -> None:
    body = raw()
    if signature is not None:
        signature = signature.format(
            right=sign(body, SECRET).removeprefix("v1=") if signature.startswith("v2") else sign(body, SECRET),
            right_of_other_body=sign(raw(), SECRET),
            right_of_other_secret=sign(body, SECOND),
        )
    answer = send(signed, body, signature)
    assert answer.status_code == 401, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/bad-signature"
    assert answer.headers["WWW-Authenticate"]
    assert signed.viewer.api.get("/api/notifications").json()["items"] == []
    health = signed.admin.api.get(SETTINGS).json()["health"]
    assert "sign" in health["last_error"]
    assert health["last_error_at"] is not None
    assert health["last_event_at"] is None
    # The next good one clears it.
    assert signed.send(v3(), secret=SECRET).status_code == 202
    assert signed.admin.api.get(SETTINGS).json()["health"]["last_error"] is None


@pytest.mark.parametrize(
    "template", ["{wrong},{right}", "{right},{wrong}", "v9=abc, {right}", "{wrong}, junk,,{right}"]
)
def test_any_of_several_signatures_will_do(signed: Organization, template: str) -> None:
    body = raw()
    signature = template.format(right=sign(body, SECRET), wrong=sign(body, "another-secret"))
    assert send(signed, body, signature).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(v3(), indent=2).encode(),
        json.dumps(v3(title="Größe 🚨 \\u00e9 日本"), ensure_ascii=False).encode(),
        json.dumps(v3(title="Größe 🚨 日本")).encode(),
        b"\r\n  " + json.dumps(v3(), separators=(",", ":")).encode() + b" \n\n",
        b"\xef\xbb\xbf" + json.dumps(v3()).encode(),
        json.dumps(v3()).encode().replace(b'"title"', b'"title": "first of two", "title"'),
    ],
    ids=["indented", "raw unicode", "escaped unicode", "surrounded", "byte order mark", "key twice"],
)
def test_the_signature_is_over_the_bytes_as_received(signed: Organization, body: bytes) -> None:
    assert send(signed, body, sign(body, SECRET)).status_code == 202
    changed = body.replace(b": ", b":", 1) if b": " in body else body + b" "
    assert send(signed, changed, sign(body, SECRET)).status_code == 401


def test_without_a_secret_the_token_is_enough(acme: Organization) -> None:
    assert acme.send(v3()).status_code == 202
    assert acme.send(v3(), headers={"X-PagerDuty-Signature": "v1=" + "0" * 64}).status_code == 202


def test_a_rotation_refuses_nothing_that_is_right(signed: Organization) -> None:
    """Right after each change, while settings are remembered, in both orders."""
    assert signed.send(v3(), secret=SECRET).status_code == 202
    set_secret(signed, SECOND)
    assert signed.send(v3(), secret=SECOND).status_code == 202, "the new one at once"
    assert signed.send(v3(), secret=SECRET).status_code == 202, "the previous one for PagerDuty's retries"
    set_secret(signed, THIRD)
    assert signed.send(v3(), secret=SECRET).status_code == 401, "the one before the previous never"
    assert signed.send(v3(), secret=SECOND).status_code == 202
    assert signed.send(v3(), secret=THIRD).status_code == 202


def test_a_removed_secret_leaves_nothing_behind(signed: Organization) -> None:
    set_secret(signed, SECOND)
    assert signed.send(v3(), secret=SECRET).status_code == 202
    set_secret(signed, None)
    assert signed.send(v3()).status_code == 202, "unsigned is accepted again"
    set_secret(signed, THIRD)
    assert signed.send(v3(), secret=SECOND).status_code == 401
    assert signed.send(v3(), secret=SECRET).status_code == 401
    assert signed.send(v3(), secret=THIRD).status_code == 202


def test_a_secret_holds_from_the_moment_it_is_saved(acme: Organization) -> None:
    """The settings without a secret are remembered; the database knows better."""
    for number in range(5):
        assert acme.send(v3()).status_code == 202
        set_secret(acme, f"secret-number-{number}")
        assert acme.send(v3()).status_code == 401
        assert acme.send(v3(), secret=f"secret-number-{number}").status_code == 202
        set_secret(acme, None)


def test_a_webhook_takes_part_in_no_rotation_that_it_races(signed: Organization) -> None:
    """While the secret changes, what is signed with the old or the new one passes; what is not never does."""

    def storm(secret: str | None) -> list[int]:
        return [signed.send(v3(), secret=secret).status_code for _ in range(12)]

    with ThreadPoolExecutor(4) as pool:
        old, wrong, unsigned = (pool.submit(storm, secret) for secret in (SECRET, "a wrong one", None))
        rotation = pool.submit(set_secret, signed, SECOND)
        rotation.result()
    assert set(old.result()) == {202}
    assert set(wrong.result()) == {401}
    assert set(unsigned.result()) == {401}


def test_an_expired_previous_secret_is_refused(signed: Organization, world: World) -> None:
    set_secret(signed, SECOND)
    with world.database() as connection:
        connection.execute(
            "update pagerduty.credentials set previous_signing_secret_expires_at = now() where organization_id = %s",
            (signed.id,),
        )
    assert signed.send(v3(), secret=SECRET).status_code == 401
    assert signed.send(v3(), secret=SECOND).status_code == 202


def test_a_secret_of_another_organization_does_not_open_the_door(signed: Organization, globex: Organization) -> None:
    set_secret(globex, SECOND)
    assert signed.send(v3(), secret=SECOND).status_code == 401


def test_a_stored_secret_that_cannot_be_opened_is_a_case_for_a_retry(
    signed: Organization, globex: Organization, world: World
) -> None:
    """Moved from another organization: it does not open, and nothing passes meanwhile."""
    set_secret(globex, SECOND)
    with world.database() as connection:
        connection.execute(
            "update pagerduty.credentials c set signing_secret ="
            " (select o.signing_secret from pagerduty.credentials o where o.organization_id = %s)"
            " where c.organization_id = %s",
            (globex.id, signed.id),
        )
    answer = signed.send(v3(), secret=SECOND)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "signing secret" in signed.admin.api.get(SETTINGS).json()["health"]["last_error"]


def test_verification_says_whether_a_token_is_known(stack: Stack, acme: Organization) -> None:
    base = f"{stack.service_url}/api/webhooks/pagerduty"
    assert httpx.get(base).json() == {"status": "ok"}
    assert httpx.get(f"{base}/{acme.token}").json() == {"status": "ok", "known": True, "enabled": True}
    assert httpx.get(f"{base}/{'0' * 64}").json() == {"status": "ok", "known": False}
    acme.admin.api.post(SETTINGS, json={"enabled": False})
    assert httpx.get(f"{base}/{acme.token}").json() == {"status": "ok", "known": True, "enabled": False}
