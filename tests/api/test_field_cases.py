"""Inputs from the field that went wrong once, each as a user meets it: a webhook, then what the API says.

Their kinds have tests of their own, with more inputs: tests/unit/test_pagerduty_field_cases.py for what is read out of
a payload, tests/database/test_living_row.py and test_status_rules.py for what becomes of it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.world import Organization, v3

TITLE = "Ledger writes time out"
LEDGER = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def event(name: str = "triggered", at: str = "2026-11-25T01:00:00Z", **incident: Any) -> dict[str, Any]:
    return v3(f"incident.{name}", "QHOLD1", occurred_at=at, title=TITLE, service=LEDGER, **incident)


def about(name: str, at: str, **data: Any) -> dict[str, Any]:
    """An event that only refers to its incident."""
    sent = event(name, at)
    sent["event"]["data"] = {"incident": {"id": "QHOLD1", "type": "incident_reference", "summary": TITLE}, **data}
    return sent


def send(acme: Organization, payload: Any) -> dict[str, Any]:
    """The outcome of a webhook with one event."""
    answer = acme.send(payload)
    assert answer.status_code == 202
    [outcome] = answer.json()["outcomes"]
    return dict(outcome)


def rows(acme: Organization) -> list[dict[str, Any]]:
    return list(acme.responder.api.get("/api/notifications?view=all").json()["items"])


def linked(acme: Organization, **changes: Any) -> str:
    """An incident that is made from the only notification, as prefilled."""
    [row] = rows(acme)
    made = acme.responder.api.post("/api/incidents", json={"notification_id": row["id"], **changes})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def incident(acme: Organization, incident_id: str) -> dict[str, Any]:
    return dict(acme.responder.api.get(f"/api/incidents/{incident_id}").json())


def timeline(acme: Organization, incident_id: str) -> list[str]:
    """What it says, oldest first."""
    updates = acme.responder.api.get(f"/api/incidents/{incident_id}/updates").json()["items"]
    return [update["body"] for update in sorted(updates, key=lambda update: update["created_at"])]


def save(acme: Organization, **settings: Any) -> None:
    acme.admin.api.post("/api/integrations/pagerduty", json=settings).raise_for_status()


@pytest.mark.parametrize("chosen", ["investigating", "resolved"])
def test_01_a_snapshot_does_not_overwrite_what_a_member_set(acme: Organization, chosen: str) -> None:
    send(acme, event())
    made = linked(acme)
    acme.responder.api.patch(f"/api/incidents/{made}", json={"status": chosen}).raise_for_status()
    priority = {"id": "P2", "type": "priority_reference", "summary": "P2"}
    send(acme, event("priority_updated", "2026-11-25T01:20:00Z", priority=priority))
    assert incident(acme, made)["status"] == chosen
    assert rows(acme)[0]["priority"] == "P2"


def test_03_a_resolve_that_nobody_is_told_of_resolves(acme: Organization) -> None:
    save(acme, event_types=["incident.triggered"])
    send(acme, event())
    made = linked(acme)
    before = timeline(acme, made)
    assert send(acme, event("resolved", "2026-11-25T01:30:00Z"))["outcome"] == "updated"
    assert incident(acme, made)["status"] == "resolved"
    assert len(timeline(acme, made)) == len(before) + 1
    assert len(rows(acme)) == 1


def test_05_where_all_is_ignored_the_health_says_so_and_why(acme: Organization) -> None:
    save(acme, integration_key=KEY)
    assert send(acme, event())["outcome"] == "ignored"
    health = acme.admin.api.get("/api/integrations/pagerduty").json()["health"]
    assert health["state"] == "all_ignored"
    assert "integration_key" in str(health)


def test_06_a_resolve_and_a_note_do_not_ring(acme: Organization) -> None:
    note = about("annotated", "2026-11-25T01:40:00Z", type="incident_note", id="PN1", content="Write-up on Monday")
    sent = [event(), event("resolved", "2026-11-25T01:30:00Z"), note]
    assert [send(acme, one)["outcome"] for one in sent] == ["created", "updated", "updated"]
    [row] = rows(acme)
    assert row["pagerduty_status"] == "resolved"
    history = acme.responder.api.get(f"/api/notifications/{row['id']}/events").json()["items"]
    assert [one["is_loud"] for one in history] == [False, False, True], "newest first"


def test_07_texts_are_shown_in_the_history_and_on_the_timeline_of_an_incident_made_later(acme: Organization) -> None:
    send(acme, event())
    text, update = "Do not restart the primary, replica is behind", "Back by 02:00"
    send(acme, about("annotated", "2026-11-25T01:05:00Z", type="incident_note", id="PN1", content=text))
    told = about("status_update_published", "2026-11-25T01:06:00Z", type="incident_status_update", message=update)
    send(acme, told)
    [row] = rows(acme)
    history = acme.responder.api.get(f"/api/notifications/{row['id']}/events").json()["items"]
    lines = timeline(acme, linked(acme))
    for said in (text, update):
        assert any(said in one["headline"] for one in history)
        assert any(said in line for line in lines)


def test_10_what_came_late_says_when_it_happened(acme: Organization) -> None:
    happened = (datetime.now(UTC) - timedelta(hours=9)).replace(microsecond=0)
    send(acme, event(at=happened.isoformat()))
    [row] = rows(acme)
    assert datetime.fromisoformat(row["occurred_at"]) == happened


@pytest.mark.parametrize(
    "payload",
    [
        {"messages": [{"id": "m1", "type": "incident.triggered"}]},
        {"event": {"id": "e1", "event_type": "incident.triggered", "occurred_at": "2026-11-25T01:00:00Z"}},
        {"event": {"id": "e2", "event_type": "service.updated", "agent": None, "data": None}},
    ],
)
def test_11_nothing_to_show_is_recorded_and_not_shown(acme: Organization, payload: Any) -> None:
    outcome = send(acme, payload)
    assert (outcome["outcome"], outcome["reason"]) == ("ignored", "nothing_to_show")
    assert rows(acme) == []
    recorded = acme.admin.rest.get("/events", params={"select": "reason"}).json()
    assert [one["reason"] for one in recorded] == ["nothing_to_show"]


def test_12_details_and_client_of_v2_are_in_the_description(acme: Organization) -> None:
    channel = {
        "type": "api", "summary": TITLE, "details": "p99 14 s since deploy 4711",
        "client": "Watcher", "client_url": "https://watch.example/9",
    }  # fmt: skip
    told = {
        "id": "QHOLD3", "incident_number": 72, "title": TITLE, "description": TITLE, "status": "triggered",
        "urgency": "high", "service": {"id": "PLEDG", "name": "Ledger"},
    }  # fmt: skip
    entry = {"type": "trigger_log_entry", "channel": channel}
    send(acme, {"messages": [{"id": "m3", "event": "incident.trigger", "log_entries": [entry], "incident": told}]})
    description = rows(acme)[0]["prefill"]["description"]
    for said in ("p99 14 s since deploy 4711", "Watcher", "https://watch.example/9"):
        assert said in description
    assert description.count(TITLE) == 0


def test_13_bridge_teams_fields_and_body_of_v3_are_in_the_description(acme: Organization) -> None:
    sent = event(
        teams=[{"id": "PT", "type": "team_reference", "summary": "Payments core"}],
        conference_bridge={"conference_number": "+1 555 0100", "conference_url": "https://meet.example/9"},
        incident_type={"name": "major_incident"},
        custom_fields=[{"id": "PF", "name": "environment", "display_name": "Environment", "value": "prod-eu"}],
        body={"type": "incident_body", "details": "p99 14 s since deploy 4711"},
    )
    send(acme, sent)
    description = rows(acme)[0]["prefill"]["description"]
    for said in (
        "p99 14 s", "Payments core", "+1 555 0100", "https://meet.example/9", "major_incident", "Environment: prod-eu",
    ):  # fmt: skip
        assert said in description, description


def test_16_a_clock_ahead_blocks_nothing(acme: Organization) -> None:
    send(acme, event(at=(datetime.now(UTC) + timedelta(hours=20)).isoformat()))
    made = linked(acme)
    send(acme, event("resolved", datetime.now(UTC).isoformat()))
    assert incident(acme, made)["status"] == "resolved"


def test_17_one_happening_under_two_ids_is_one_row_and_one_alarm(acme: Organization) -> None:
    first, second = event(at="2026-11-25T01:00:00.000Z"), event(at="2026-11-25T01:00:00.000Z")
    assert [send(acme, one)["outcome"] for one in (first, second)] == ["created", "updated"]
    [row] = rows(acme)
    history = acme.responder.api.get(f"/api/notifications/{row['id']}/events").json()["items"]
    assert sum(one["is_loud"] for one in history) == 1
    assert acme.viewer.api.get("/api/notifications/unread-count").json()["count"] == 1


def test_18_a_title_is_one_line_without_control_characters(acme: Organization) -> None:
    sent = event()
    sent["event"]["data"]["title"] = "one\ntwo\u001b[31m\u0007"
    send(acme, sent)
    [row] = rows(acme)
    for title in (row["title"], row["prefill"]["title"], incident(acme, linked(acme))["title"]):
        assert "one two" in title
        assert title.isprintable()


def test_21_a_trailing_slash_is_taken(acme: Organization) -> None:
    url = f"{acme.stack.service_url}/api/webhooks/pagerduty/{acme.token}/"
    assert httpx.post(url, json=event()).json()["outcomes"][0]["outcome"] == "created"


def test_23_an_id_that_is_a_number_counts_as_its_digits(acme: Organization) -> None:
    sent = [event(), event("resolved", "2026-11-25T01:30:00Z")]
    for one in sent:
        one["event"]["data"]["id"] = 998877
    assert [send(acme, one)["outcome"] for one in sent] == ["created", "updated"]
    [row] = rows(acme)
    told = (row["pagerduty_incident_id"], row["service_name"], row["pagerduty_status"])
    assert told == ("998877", "Ledger", "resolved")
