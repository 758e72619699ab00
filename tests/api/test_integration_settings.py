"""An organization's PagerDuty settings: who may do what, what is refused, and that secrets never come back."""

import json
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from tests.world import Organization, World

URL = "/api/integrations/pagerduty"
API_KEY = "u+marked-api-key-ABCD"
SIGNING_SECRET = "marked-signing-secret-WXYZ"
NO_EVENTS: dict[str, Any] = {"received": 0, "ignored": 0, "invalid": 0, "repeated": 0, "since": None, "reasons": {}}


def test_before_anything_is_saved(world: World) -> None:
    fresh = world.organization("Fresh", ("owner", "viewer"), integration=False)
    expected = {
        "configured": False, "can_edit": True, "enabled": False, "region": "us", "event_types": None,
        "services": None, "seen_services": None, "integration_key": None, "api_key": {"set": False, "last4": None},
        "signing_secret": {"set": False, "last4": None}, "webhook_url": None, "bare_webhook_url": None,
        "subscription": None, "acting_email": None,
        "sync_status": "both", "sync_notes": "both", "outbox": None, "reconciliation": None,
        "paging_service_id": None, "paging_criticality": "critical",
        "previous_webhook_url_expires_at": None,
        "health": {"state": "not_configured", "recent_events": NO_EVENTS, "last_event_at": None, "last_error": None,
                   "last_error_at": None},
        "updated_at": None,
    }  # fmt: skip
    assert fresh.owner.api.get(URL).json() == expected
    assert fresh.viewer.api.get(URL).json() == {**expected, "can_edit": False}


def test_the_first_save_answers_the_webhook_url(world: World, stack: Stack) -> None:
    fresh = world.organization("Fresh", ("owner",), integration=False)
    saved = fresh.owner.api.post(URL, json={"enabled": True, "region": "eu", "api_key": API_KEY})
    assert saved.status_code == 200, saved.text
    answer = saved.json()
    assert (answer["configured"], answer["enabled"], answer["region"]) == (True, True, "eu")
    assert answer["webhook_url"].startswith(f"{stack.service_url}/api/webhooks/pagerduty/")
    assert answer == fresh.owner.api.get(URL).json()
    assert httpx.get(answer["webhook_url"]).json() == {"status": "ok", "known": True, "enabled": True}


def test_absent_stays_and_null_removes(acme: Organization) -> None:
    everything = {
        "enabled": True, "region": "eu", "event_types": ["incident.triggered"], "integration_key": "KEY1",
        "services": ["Ledger", "PSVC001"], "api_key": API_KEY, "signing_secret": SIGNING_SECRET,
    }  # fmt: skip
    full = acme.admin.api.post(URL, json=everything).json()
    assert full["api_key"] == {"set": True, "last4": "ABCD"}
    assert full["signing_secret"] == {"set": True, "last4": "WXYZ"}
    assert full["integration_key"] == "KEY1"
    assert full["event_types"] == ["incident.triggered"]
    assert full["services"] == ["Ledger", "PSVC001"]
    same = acme.owner.api.post(URL, json={}).json()
    assert {**same, "updated_at": None} == {**full, "updated_at": None}
    changed = acme.admin.api.post(URL, json={"region": "us"}).json()
    assert {**changed, "updated_at": None} == {**full, "region": "us", "updated_at": None}
    emptied = acme.admin.api.post(
        URL,
        json={"event_types": None, "services": None, "integration_key": None, "api_key": None, "signing_secret": None},
    ).json()
    assert (emptied["event_types"], emptied["services"], emptied["integration_key"]) == (None, None, None)
    assert emptied["api_key"] == emptied["signing_secret"] == {"set": False, "last4": None}


def test_services_are_lines_and_each_stands_once(acme: Organization) -> None:
    sent = {"services": [" Ledger ", "Payments,\n EU", "Ledger", "PSVC001"]}
    assert acme.admin.api.post(URL, json=sent).json()["services"] == ["Ledger", "PSVC001", "Payments, EU"]


def test_camel_case_is_accepted(acme: Organization) -> None:
    sent = {
        "apiKey": API_KEY,
        "signingSecret": SIGNING_SECRET,
        "integrationKey": "K",
        "eventTypes": ["service.created"],
    }
    answer = acme.owner.api.post(URL, json=sent)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["api_key"]["last4"], found["signing_secret"]["last4"]) == ("ABCD", "WXYZ")
    assert (found["integration_key"], found["event_types"]) == ("K", ["service.created"])


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_members_see_that_it_is_set_but_no_token_and_change_nothing(acme: Organization, role: str) -> None:
    settings = {"api_key": API_KEY, "signing_secret": SIGNING_SECRET, "integration_key": "KEY1"}
    acme.owner.api.post(URL, json=settings)
    seen = getattr(acme, role).api.get(URL).json()
    assert seen["can_edit"] is False
    assert seen["seen_services"] is None
    assert (seen["webhook_url"], seen["bare_webhook_url"], seen["integration_key"]) == (None, None, None)
    assert seen["api_key"] == seen["signing_secret"] == {"set": True, "last4": None}
    for body in ({"enabled": False}, {"api_key": None}, {"signing_secret": "a new one, longer".replace(" ", "-")}, {}):
        refused = getattr(acme, role).api.post(URL, json=body)
        assert (refused.status_code, body) == (403, body)
        assert refused.json()["type"] == "/problems/forbidden"
    assert acme.owner.api.get(URL).json()["api_key"]["set"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"region": "mars"}, "region"),
        ({"region": None}, "region"),
        ({"enabled": None}, "enabled"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["incident.teleported"]}, "event_types"),
        ({"eventTypes": ["incident.triggered"] * 101}, "eventTypes"),
        ({"event_types": "incident.triggered"}, "event_types"),
        ({"event_types": [7]}, "event_types.0"),
        ({"event_types": ["x" * 256]}, "event_types.0"),
        ({"event_types": ["incident.triggered", "nul\x00"]}, "event_types.1"),
        ({"event_types": ["x" * 200] * 100}, "event_types"),
        ({"services": []}, "services"),
        ({"services": "Ledger"}, "services"),
        ({"services": [""]}, "services.0"),
        ({"services": ["Ledger", " \t"]}, "services.1"),
        ({"services": [7]}, "services.0"),
        ({"services": [None]}, "services.0"),
        ({"services": ["x" * 256]}, "services.0"),
        ({"services": ["nul\x00"]}, "services.0"),
        ({"services": ["Ledger"] * 101}, "services"),
        ({"services": ["x" * 200] * 100}, "services"),
        ({"integration_key": "k" * 256}, "integration_key"),
        ({"integrationKey": "two words"}, "integrationKey"),
        ({"api_key": "marked"}, "api_key"),
        ({"apiKey": "marked key with spaces"}, "apiKey"),
        ({"api_key": "marked" * 30}, "api_key"),
        ({"apiKey": {"marked-key": 1}}, "apiKey"),
        ({"api_key": "marked-schlüssel"}, "api_key"),
        ({"api_key": "marked-nul\x00-key"}, "api_key"),
        ({"api_key": "marked-half\ud83d-key"}, "api_key"),
        ({"signing_secret": "marked"}, "signing_secret"),
        ({"signingSecret": "marked" * 100}, "signingSecret"),
        ({"signing_secret": 12345678}, "signing_secret"),
        ({"webhook_token": "x" * 64}, "webhook_token"),
        ({"organization_id": "x"}, "organization_id"),
        ({"acceptBareUrl": True}, "acceptBareUrl"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else value,
)
def test_422_names_the_field_as_it_was_written_and_repeats_no_secret(
    shared: Organization, body: dict[str, Any], field: str
) -> None:
    answer = shared.owner.api.post(URL, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/invalid-fields"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not any("should" in error["message"] for error in problem["errors"])  # as the library says it
    assert "marked" not in answer.text


def test_several_wrong_fields_are_all_named(shared: Organization) -> None:
    answer = shared.owner.api.post(URL, json={"region": "mars", "apiKey": "x", "enabled": None, "nonsense": 1})
    assert {error["field"] for error in answer.json()["errors"]} == {"region", "apiKey", "enabled", "nonsense"}


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    """For what changes nothing."""
    return world.organization("Shared", ("owner", "viewer"))


def test_secrets_are_in_no_answer(acme: Organization, world: World) -> None:
    bodies = [{"api_key": API_KEY, "signing_secret": SIGNING_SECRET}, {"enabled": True}, {"region": "mars"}]
    answers = [acme.owner.api.post(URL, json=body) for body in bodies]
    answers += [acme.owner.api.post(f"{URL}/test", json=body) for body in ({}, {"api_key": API_KEY})]
    for person in acme.people.values():
        answers += [person.api.get(path) for path in (URL, "/api/me", "/api/notifications", "/api/openapi.json")]
        tables = ("integrations", "credentials", "events", "organizations")
        answers += [person.rest.get(f"/{table}?select=*") for table in tables]
        answers += [
            person.rest.post(f"/rpc/{name}", json={"organization_id": acme.id})
            for name in ("get_integration", "get_sealed_api_key")
        ]
    for answer in answers:
        everything = answer.text + str(answer.headers)
        assert API_KEY not in everything, answer.url
        assert SIGNING_SECRET not in everything, answer.url
    with world.database() as connection:
        row = connection.execute(
            "select api_key, signing_secret from pagerduty.credentials where organization_id = %s", (acme.id,)
        ).fetchone()
    assert row is not None
    assert all(sealed.startswith("v1.") and "marked" not in sealed for sealed in row)
    log = (acme.stack.state_dir / "service.log").read_text()
    assert API_KEY not in log
    assert SIGNING_SECRET not in log


def test_the_settings_of_others_are_out_of_reach(acme: Organization, globex: Organization) -> None:
    headers = {"X-Organization-Id": globex.id}
    for answer in (
        acme.owner.api.get(URL, headers=headers),
        acme.owner.api.post(URL, json={"enabled": False}, headers=headers),
        acme.owner.api.post(f"{URL}/test", json={}, headers=headers),
    ):
        assert answer.status_code == 403
    assert globex.owner.api.get(URL).json()["enabled"] is True
