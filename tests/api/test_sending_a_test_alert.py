"""A test alert by the API: for owners and admins of the organization, where somebody would be told of it."""

import pytest

from tests.world import Organization, World

URL = "/api/integrations/pagerduty/test-alert"


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_it_arrives_as_an_alert_does(acme: Organization, globex: Organization, role: str) -> None:
    sent = getattr(acme, role).api.post(URL, json={})
    assert sent.status_code == 201, sent.text
    (row,) = acme.viewer.api.get("/api/notifications").json()["items"]
    assert (row["id"], row["unread"]) == (sent.json()["notification_id"], True)
    assert row["title"].startswith("Test alert")
    assert globex.viewer.api.get("/api/notifications").json()["items"] == []


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_others_may_not(acme: Organization, role: str) -> None:
    refused = getattr(acme, role).api.post(URL, json={})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert acme.viewer.api.get("/api/notifications").json()["items"] == []


def test_in_another_organization_nobody_may(acme: Organization, globex: Organization) -> None:
    refused = acme.owner.api.post(URL, json={}, headers={"X-Organization-Id": globex.id})
    assert refused.status_code == 403
    assert globex.viewer.api.get("/api/notifications").json()["items"] == []


def test_beyond_five_a_minute_it_says_when_to_come_again(acme: Organization, globex: Organization) -> None:
    answers = [acme.owner.api.post(URL, json={}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [*[201] * 5, 429]
    assert answers[-1].json()["type"] == "/problems/too-many-requests"
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert globex.owner.api.post(URL, json={}).status_code == 201


def test_where_nobody_would_be_told_it_says_why(acme: Organization, world: World) -> None:
    acme.owner.api.post("/api/integrations/pagerduty", json={"enabled": False}).raise_for_status()
    refused = acme.owner.api.post(URL, json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    fresh = world.organization("Fresh", ("owner",), integration=False)
    assert fresh.owner.api.post(URL, json={}).status_code == 404
