"""A new webhook URL through the API, and webhooks through the old and the new one."""

from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from tests.world import Organization, World, v3

URL = "/api/integrations/pagerduty"
ROTATE = f"{URL}/rotate-url"
SECRET = "marked-signing-secret"


def rotate(organization: Organization) -> dict[str, Any]:
    answer = organization.admin.api.post(ROTATE)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def renewed(organization: Organization, settings: dict[str, Any]) -> Organization:
    """The organization as whoever knows only its new URL."""
    return Organization(organization.stack, organization.id, organization.name, settings["webhook_url"].split("/")[-1])


def pass_48_hours(world: World, organization: Organization) -> None:
    with world.database() as database:
        database.execute(
            "update pagerduty.integrations"
            " set previous_webhook_token_expires_at = previous_webhook_token_expires_at - interval '48 hours'"
            " where organization_id = %s",
            (organization.id,),
        )


def test_the_old_url_is_taken_for_48_hours(world: World, acme: Organization) -> None:
    before = acme.admin.api.get(URL).json()
    assert before["previous_webhook_url_expires_at"] is None
    settings = rotate(acme)
    new = renewed(acme, settings)
    assert settings["previous_webhook_url_expires_at"]
    assert settings == acme.owner.api.get(URL).json()
    changed = {"webhook_url", "previous_webhook_url_expires_at", "updated_at"}
    assert {name for name in settings if settings[name] != before[name]} == changed
    sent = v3()
    answers = [organization.send(sent) for organization in (acme, new)]
    assert [answer.json()["outcomes"][0]["outcome"] for answer in answers] == ["created", "duplicate"]

    pass_48_hours(world, acme)
    assert acme.send(v3()).status_code == 404, "although its settings were remembered a moment ago"
    assert httpx.get(before["webhook_url"]).json() == {"status": "ok", "known": False}
    assert new.send(v3()).status_code == 202
    assert acme.admin.api.get(URL).json()["previous_webhook_url_expires_at"] is None


def test_what_is_remembered_of_one_url_never_outlives_a_change_seen_on_the_other(acme: Organization) -> None:
    new = renewed(acme, rotate(acme))
    assert [organization.send(v3()).status_code for organization in (acme, new)] == [202, 202]
    acme.admin.api.post(URL, json={"signing_secret": SECRET}).raise_for_status()
    for organization in (acme, new):
        assert organization.send(v3()).status_code == 401
        assert organization.send(v3(), secret=SECRET).status_code == 202
    assert acme.admin.api.get(URL).json()["health"]["last_error"] is None
    last = renewed(acme, rotate(acme))
    assert [one.send(v3(), secret=SECRET).status_code for one in (acme, new, last)] == [404, 202, 202]


def test_a_refusal_at_the_old_url_is_shown(acme: Organization) -> None:
    rotate(acme)
    assert acme.send(b"no JSON").status_code == 400
    assert "could not be used" in acme.admin.api.get(URL).json()["health"]["last_error"]


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_only_owners_and_admins_make_one(acme: Organization, role: str) -> None:
    rotate(acme)
    before = acme.owner.api.get(URL).json()
    refused = getattr(acme, role).api.post(ROTATE)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert getattr(acme, role).api.get(URL).json()["previous_webhook_url_expires_at"] is None
    assert acme.owner.api.get(URL).json() == before


def test_there_must_be_one_to_replace(world: World, acme: Organization, globex: Organization) -> None:
    fresh = world.organization("Fresh", ("owner",), integration=False)
    assert fresh.owner.api.post(ROTATE).status_code == 404
    assert acme.owner.api.post(ROTATE, headers={"X-Organization-Id": globex.id}).status_code == 403
    assert globex.owner.api.get(URL).json()["previous_webhook_url_expires_at"] is None


def test_neither_url_is_in_the_log(stack: Stack, acme: Organization) -> None:
    new = renewed(acme, rotate(acme))
    for organization in (acme, new):
        organization.send(v3())
        assert str(organization.token) not in (stack.state_dir / "service.log").read_text()
