"""A request for an organization is one call to PostgREST; only to explain an empty answer it takes a second."""

import uuid
from typing import Any

import httpx
import pytest

from tests.api.conftest import Proxied
from tests.world import Organization, World, v3

SETTINGS = "/api/integrations/pagerduty"
NOBODYS = str(uuid.UUID(int=1))


@pytest.fixture(scope="module")
def busy(world: World) -> Organization:
    """An organization in which there is something of everything."""
    made = world.organization("Busy", ("owner", "viewer"))
    for _ in range(3):
        made.send(v3())
    made.owner.api.post("/api/incidents", json={"title": "Something"})
    return made


def calls(proxied: Proxied) -> list[str]:
    """What was asked of PostgREST, without the path before the table or function; not what follows webhooks."""
    asked = [one.rpartition("/")[2] for one in proxied.proxy.requests if "/rest/v1/" in one]
    return [one for one in asked if one != "tell_due"]


def ask(proxied: Proxied, organization: Organization, method: str, path: str, named: str | None, **body: Any) -> int:
    """As the owner, for the organization that is named; answers the status."""
    headers = {"Authorization": f"Bearer {organization.owner.token}"}
    if named is not None:
        headers["X-Organization-Id"] = named
    sent = body if method == "POST" else None
    return httpx.request(method, f"{proxied.url}{path}", headers=headers, timeout=20, json=sent).status_code


@pytest.mark.parametrize(
    ("method", "path", "body", "asked"),
    [
        ("GET", "/api/notifications", {}, ["get_notifications"]),
        ("GET", "/api/notifications/unread-count", {}, ["unread_counts"]),
        ("GET", "/api/incidents", {}, ["incidents"]),
        ("POST", "/api/incidents", {"title": "x"}, ["incidents"]),
        ("GET", "/api/notifications?changed_since=0", {}, ["get_notifications"]),
        ("GET", SETTINGS, {}, ["get_integration"]),
        ("POST", SETTINGS, {"region": "us"}, ["save_integration"]),
        ("POST", f"{SETTINGS}/rotate-url", {}, ["rotate_webhook_url"]),
        ("GET", f"{SETTINGS}/audit", {}, ["audit"]),
        ("POST", f"{SETTINGS}/test", {"api_key": "no-key-of-anybody"}, ["get_integration"]),
        ("POST", f"{SETTINGS}/test", {}, ["get_integration", "get_sealed_api_key"]),
        ("POST", "/api/notifications/read-all", {}, ["read_all_notifications"]),
        ("POST", "/api/invitations", {"email": "x@example.test", "role": "viewer"}, ["invite_member"]),
        ("GET", "/api/invitations", {}, ["invitations"]),
    ],
)
def test_what_is_named_is_asked_for_at_once(
    proxied: Proxied, busy: Organization, method: str, path: str, body: dict[str, Any], asked: list[str]
) -> None:
    assert ask(proxied, busy, method, path, busy.id, **body) in (200, 201)
    assert calls(proxied) == asked
    proxied.proxy.requests.clear()
    assert ask(proxied, busy, method, path, NOBODYS, **body) == 403
    assert calls(proxied) == [asked[0], "memberships"], "who is not in it is told so"


def test_without_a_name_the_membership_is_asked_for_first_and_once(proxied: Proxied, busy: Organization) -> None:
    assert ask(proxied, busy, "GET", "/api/incidents?q=nothing-is-called-so", None) == 200
    assert calls(proxied) == ["memberships", "incidents"]


def test_an_empty_list_of_ones_own_is_empty(proxied: Proxied, busy: Organization) -> None:
    assert ask(proxied, busy, "GET", "/api/incidents?q=nothing-is-called-so", busy.id) == 200
    assert calls(proxied) == ["incidents", "memberships"]
