"""The webhook URL without a token: one integration of a deployment may own it."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from devstack.stack import DEMO_PASSWORD, Stack
from service.pagerduty.signatures import sign
from tests.world import Organization, World, v3

ACME = "a0000000-0000-4000-8000-00000000000a"

# Word for word what the project promises, but for the port and one line break.
CURL = """
curl -sS -X POST http://localhost:3000/api/webhooks/pagerduty -H "Content-Type: application/json" -d '{
  "messages": [{"id": "test-123", "type": "incident.triggered", "created_on": "2025-01-15T12:00:00Z",
    "data": {"incident": {"id": "test-incident-456", "title": "Test Database Alert",
      "description": "This is a test alert",
      "status": "triggered", "urgency": "high", "created_at": "2025-01-15T12:00:00Z",
      "html_url": "https://test.pagerduty.com/incidents/test-incident-456",
      "service": {"id": "test-service-789", "name": "Test Database Service"}}}}]}'
"""


def bell_of(stack: Stack, email: str) -> list[dict[str, Any]]:
    """The seeded person's notifications in Acme."""
    session = httpx.post(
        f"{stack.supabase_url}/auth/v1/token?grant_type=password",
        headers={"apikey": stack.publishable_key},
        json={"email": email, "password": DEMO_PASSWORD},
    ).json()
    headers = {"Authorization": f"Bearer {session['access_token']}", "X-Organization-Id": ACME}
    answer = httpx.get(f"{stack.service_url}/api/notifications?limit=100", headers=headers)
    items: list[dict[str, Any]] = answer.json().get("items", [])
    return items


def test_the_promised_curl_reaches_every_member_of_the_seeded_organization(stack: Stack) -> None:
    command = CURL.replace("http://localhost:3000", stack.service_url)
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert '"outcomes"' in answer, answer
    members = ("olivia@acme.test", "adam@acme.test", "rita@acme.test", "victor@acme.test", "sam@example.test")
    for email in members:
        alerts = [one for one in bell_of(stack, email) if one["pagerduty_incident_id"] == "test-incident-456"]
        assert len(alerts) == 1, email
        assert alerts[0]["title"] == "Test Database Alert"
        assert alerts[0]["service_name"] == "Test Database Service"
        assert alerts[0]["prefill"]["description"].startswith("This is a test alert\n\n")
    for email in ("gina@globex.test", "gus@globex.test"):
        assert bell_of(stack, email) == [], "Acme's, and they are not in it"


@contextmanager
def bare_url_of(world: World, organization: Organization | None) -> Iterator[str]:
    """Hands the bare URL to an organization (or to none) for a while."""

    def hand_to(organization_id: str | None) -> None:
        with world.database() as connection:
            connection.execute("update pagerduty.integrations set accept_bare_url = false where accept_bare_url")
            connection.execute(
                "update pagerduty.integrations set accept_bare_url = true where organization_id = %s",
                (organization_id,),
            )

    hand_to(organization.id if organization else None)
    try:
        yield f"{world.stack.service_url}/api/webhooks/pagerduty"
    finally:
        hand_to(ACME)


def test_without_an_owner_the_bare_url_is_refused(world: World) -> None:
    """Though its settings were remembered a moment ago."""
    with bare_url_of(world, None) as url:
        answer = httpx.post(url, json=v3())
        assert answer.status_code == 404, answer.text
        assert answer.json()["type"] == "/problems/no-bare-url"
        assert httpx.get(url).json() == {"status": "ok"}


def test_the_bare_url_follows_its_owner_at_once(world: World, acme: Organization, globex: Organization) -> None:
    secret = f"bare-{uuid.uuid4()}"
    globex.admin.api.post("/api/integrations/pagerduty", json={"signing_secret": secret})
    with bare_url_of(world, acme) as url:
        assert acme.owner.api.get("/api/integrations/pagerduty").json()["bare_webhook_url"] == url
        assert acme.viewer.api.get("/api/integrations/pagerduty").json()["bare_webhook_url"] is None
        assert globex.owner.api.get("/api/integrations/pagerduty").json()["bare_webhook_url"] is None
        assert httpx.post(url, json=v3()).status_code == 202
    with bare_url_of(world, globex) as url:
        assert httpx.post(url, json=v3()).status_code == 401, "Globex signs"
        assert "not signed" in globex.admin.api.get("/api/integrations/pagerduty").json()["health"]["last_error"]
        body = httpx.Request("POST", url, json=v3()).content
        signed = httpx.post(url, content=body, headers={"X-PagerDuty-Signature": sign(body, secret)})
        assert signed.status_code == 202
    assert len(acme.viewer.api.get("/api/notifications").json()["items"]) == 1
    assert len(globex.viewer.api.get("/api/notifications").json()["items"]) == 1


def test_no_member_can_take_the_bare_url(acme: Organization) -> None:
    refused = acme.owner.api.post("/api/integrations/pagerduty", json={"accept_bare_url": True})
    assert refused.status_code == 422
    direct = acme.owner.rest.patch(f"/integrations?organization_id=eq.{acme.id}", json={"accept_bare_url": True})
    assert direct.status_code == 403, direct.text
