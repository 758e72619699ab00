"""What becomes of deliveries: every payload family, duplicates, filters, batches."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.pagerduty_examples import NAMES, delivery
from tests.world import Organization, World, v3


def notifications(organization: Organization) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = organization.viewer.api.get("/api/notifications?limit=100").json()["items"]
    return items


def events(world: World, organization: Organization) -> list[dict[str, Any]]:
    columns = "event_id,delivery_id,family,event_type,outcome,reason,deliveries,payload,pagerduty_incident_id"
    rows = organization.owner.rest.get(f"/events?select={columns}&order=received_at").json()
    assert isinstance(rows, list), rows
    return rows


CHECKOUT = "https://acme.pagerduty.com/incidents/PGR0VU2"
CPU = (
    "CPU Load High on xdb_production_echo",
    "Production XDB Cluster",
    "https://webdemo.pagerduty.com/incidents/PRORDTY",
)
MINE = ("My new incident", "Production XDB Cluster", "https://webdemo.pagerduty.com/incidents/PRORDTY")
BUMP = "A little bump in the road"
#: What each documented delivery must show: event type, title, service, URL.
EXPECTED = {
    "documented-01-incident-triggered": (
        "incident.triggered", "Database Connection Issues", "Database Service",
        "https://your-org.pagerduty.com/incidents/incident-123",
    ),
    "v1-01-incident-trigger": ("incident.triggered", *CPU),
    "v1-02-incident-acknowledge": ("incident.acknowledged", *CPU),
    "v1-03-incident-unacknowledge": ("incident.unacknowledged", *CPU),
    "v1-04-incident-resolve": ("incident.resolved", *CPU),
    "v1-05-incident-assign": ("incident.reassigned", *CPU),
    "v1-06-incident-escalate": ("incident.escalated", *CPU),
    "v1-07-incident-delegate": ("incident.delegated", *CPU),
    "v2-01-incident-trigger": ("incident.triggered", *MINE),
    "v2-02-incident-acknowledge": ("incident.acknowledged", *MINE),
    "v2-03-incident-resolve": ("incident.resolved", *MINE),
    "v2-04-incident-assign": ("incident.reassigned", *MINE),
    "v3-02-webhook-payload": ("incident.priority_updated", BUMP, "API Service", CHECKOUT),
    "v3-03-webhook-payload": (
        "service.updated", "testing service updates", "testing service updates", "https://acme.pagerduty.com/services/PF9KMXH",
    ),
    "v3-04-incident": ("incident.triggered", BUMP, "API Service", CHECKOUT),
    "v3-05-incident-conference-bridge": (
        "incident.conference_bridge.updated", "Major incident - customer shopping cart screen", None, CHECKOUT,
    ),
    "v3-06-incident-field-values": (
        "incident.custom_field_values.updated", "PagerDuty incident PBAZLIU", None,
        "https://acme.pagerduty.com/incidents/PBAZLIU",
    ),
    "v3-07-incident-note": ("incident.annotated", BUMP, None, CHECKOUT),
    "v3-08-incident-role-assignment": (
        "incident.role.assigned", "PagerDuty incident PBAZLIU", None, "https://acme.pagerduty.com/incidents/PBAZLIU",
    ),
    "v3-09-incident-status-update": ("incident.status_update_published", BUMP, None, CHECKOUT),
    "v3-10-incident-responder": ("incident.responder.added", BUMP, None, CHECKOUT),
    "v3-11-incident-task": (
        "incident.task.created", "PagerDuty incident Q0SDD3HB6SGFTI", None,
        "https://acme.pagerduty.com/incidents/Q0SDD3HB6SGFTI",
    ),
    "v3-12-incident-workflow-instance": (
        "incident.workflow.started", BUMP, "A service", "https://acme.pagerduty.com/incidents/PBAZLIU",
    ),
    "v3-13-service": (
        "service.created", "testing service updates", "testing service updates", "https://acme.pagerduty.com/services/PF9KMXH",
    ),
    "v3-14-service-field-values": (
        "service.custom_field_values.updated", "PagerDuty service PY0TW31", None,
        "https://acme.pd-staging.com/services/PY0TW31",
    ),
    "v3-15-incident-action-invocation": (
        "incident.action_invocation.created", "An Incident", None, "https://acme.pagerduty.com/incidents/PBAZLIU",
    ),
}  # fmt: skip


def test_no_example_is_left_out() -> None:
    assert sorted(EXPECTED) == NAMES


@pytest.fixture
def quiet(world: World) -> Organization:
    """An organization that knows nothing of the examples' incidents yet."""
    return world.organization("Examples", ("owner", "viewer"))


@pytest.mark.parametrize("name", NAMES)
def test_each_documented_delivery_makes_one_right_notification(quiet: Organization, name: str) -> None:
    before = {one["id"] for one in notifications(quiet)}
    document = delivery(name)
    if "event" in document:
        document["event"]["id"] = f"{name}-{uuid.uuid4()}"  # the wrapped ones share an id

    answer = quiet.send(document)

    assert answer.status_code == 202, answer.text
    (outcome,) = answer.json()["outcomes"]
    assert outcome["outcome"] == "created", outcome
    (one,) = [one for one in notifications(quiet) if one["id"] not in before]
    assert one["id"] == outcome["notification_id"]
    event_type, title, service, url = EXPECTED[name]
    assert (one["event_type"], one["title"], one["service_name"], one["pagerduty_url"]) == (
        event_type, title, service, url,
    )  # fmt: skip
    if event_type.startswith("service."):
        assert (one["prefill"], one["pagerduty_incident_id"]) == (None, None)
    else:
        incident_id = url.rpartition("/")[2]
        assert one["pagerduty_incident_id"] == incident_id
        untitled = title.replace("PagerDuty incident", "Incident")
        assert one["prefill"]["title"] == f"[PagerDuty] {untitled}"
        assert one["prefill"]["customer"] == (service or "")
        assert f"pagerduty-id:{incident_id}" in one["prefill"]["tags"]
    assert one["occurred_at"] is not None
    is_recorded = event_type.startswith(("service.", "incident.workflow.", "incident.action_invocation."))
    assert one["unread"] is (not is_recorded and one["pagerduty_status"] != "resolved"), "what is over calls nobody"


def test_a_v3_event_field_by_field(acme: Organization) -> None:
    outcome = acme.send(v3(priority={"id": "P1", "type": "priority_reference", "summary": "P1"})).json()["outcomes"][0]
    (one,) = notifications(acme)
    assert isinstance(one.pop("cursor"), str)
    moments = {name: one.pop(name) for name in ("created_at", "changed_at", "loud_at")}
    assert all(moment.endswith("+00:00") for moment in moments.values())
    assert one.pop("seq") == one.pop("loud_seq") > 0
    assert one == {
        "id": outcome["notification_id"],
        "organization_id": acme.id,
        "event_type": "incident.triggered",
        "title": "Checkout is down",
        "number": 42,
        "body": "Triggered · Checkout API · high urgency",
        "urgency": "high",
        "priority": "P1",
        "service_id": "PSVC001",
        "service_name": "Checkout API",
        "assignees": [],
        "acknowledged_by": None,
        "conference_url": None,
        "pagerduty_incident_id": "PINC001",
        "pagerduty_status": "triggered",
        "pagerduty_status_at": "2026-11-23T10:00:00+00:00",
        "pagerduty_url": "https://acme.pagerduty.com/incidents/PINC001",
        "prefill": {
            "title": "[PagerDuty] Checkout is down",
            "description": "Checkout is down\n\nService: Checkout API\nUrgency: high\nPriority: P1\nStatus: triggered\n"
            "Number: #42\nOpened at: 2026-11-23 10:00:00 UTC\nLink: https://acme.pagerduty.com/incidents/PINC001",
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Checkout API",
            "tags": ["source:pagerduty", "service:Checkout API", "urgency:high", "pagerduty-id:PINC001"],
            "pagerduty_incident_id": "PINC001",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PINC001",
            "notification_id": outcome["notification_id"],
            "pagerduty_status": "triggered",
        },
        "occurred_at": "2026-11-23T10:00:00+00:00",
        "events": 1,
        "is_quiet": False,
        "unread": True,
        "done": False,
        "snoozed_until": None,
        "incident_id": None,
    }


@pytest.mark.parametrize(
    "name", ["documented-01-incident-triggered", "v1-01-incident-trigger", "v2-01-incident-trigger"]
)
def test_sent_twice_is_one_notification(acme: Organization, world: World, name: str) -> None:
    first, second = acme.send(delivery(name)).json(), acme.send(delivery(name)).json()
    assert first["outcomes"][0]["outcome"] == "created"
    assert second["outcomes"][0]["outcome"] == "duplicate"
    assert second["outcomes"][0]["notification_id"] == first["outcomes"][0]["notification_id"]
    assert len(notifications(acme)) == 1
    assert [one["deliveries"] for one in events(world, acme)] == [2]


def test_ten_at_once_are_one_notification(acme: Organization, world: World) -> None:
    payload = v3()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: acme.send(payload), range(10)))
    assert [answer.status_code for answer in answers] == [202] * 10
    outcomes = sorted(answer.json()["outcomes"][0]["outcome"] for answer in answers)
    assert outcomes == ["created", *["duplicate"] * 9]
    assert len(notifications(acme)) == 1
    assert [one["deliveries"] for one in events(world, acme)] == [10]


def test_the_same_event_at_two_organizations_is_one_notification_each(acme: Organization, globex: Organization) -> None:
    payload = v3()
    assert acme.send(payload).json()["outcomes"][0]["outcome"] == "created"
    assert globex.send(payload).json()["outcomes"][0]["outcome"] == "created"
    assert len(notifications(acme)) == len(notifications(globex)) == 1


def test_several_messages_in_one_delivery(acme: Organization) -> None:
    messages = [
        {
            "id": f"m{number}",
            "type": "incident.triggered",
            "created_on": "2026-11-23T10:00:00Z",
            "data": {"incident": {"id": f"P{number}", "title": f"Alert {number}", "urgency": "low"}},
        }
        for number in range(3)
    ]
    messages.insert(1, messages[0])
    answer = acme.send({"messages": messages})
    assert [one["outcome"] for one in answer.json()["outcomes"]] == ["created", "duplicate", "created", "created"]
    assert [one["title"] for one in notifications(acme)] == ["Alert 2", "Alert 1", "Alert 0"]


def test_what_is_invalid_in_a_batch_does_not_spoil_the_rest(acme: Organization, world: World) -> None:
    good = {"id": "good", "event": "incident.trigger", "incident": {"id": "P1", "title": "Good"}}
    answer = acme.send({"messages": [17, {"id": "typeless"}, good, None]})
    assert answer.status_code == 202
    outcomes = answer.json()["outcomes"]
    assert [one["outcome"] for one in outcomes] == ["invalid", "invalid", "created", "invalid"]
    assert all(one["reason"] for one in outcomes if one["outcome"] == "invalid")
    assert [one["title"] for one in notifications(acme)] == ["Good"]
    assert {(one["outcome"], one["event_id"][:8]) for one in events(world, acme)} >= {
        ("created", "good"), ("invalid", "typeless")
    }  # fmt: skip


def test_what_the_database_cannot_store_becomes_storable_or_invalid_never_a_retry(acme: Organization) -> None:
    payload = v3(title="NUL \x00 and half \ud83d a pair", html_url="HTTPS://ACME.example/x", number=10**40)
    answer = acme.send(payload)
    assert answer.status_code == 202, answer.text
    assert answer.json()["outcomes"][0]["outcome"] == "created", answer.json()
    assert [one["title"] for one in notifications(acme)] == ["NUL \ufffd and half \ufffd a pair"]


def test_ping_is_ignored(acme: Organization, world: World) -> None:
    payload = v3("pagey.ping")
    payload["event"]["data"] = {"message": "Hello from your friend Pagey!", "type": "ping"}
    answer = acme.send(payload)
    assert answer.status_code == 202
    assert [(one["outcome"], one["reason"]) for one in answer.json()["outcomes"]] == [("ignored", "ping")]
    assert notifications(acme) == []
    assert [(one["event_type"], one["outcome"]) for one in events(world, acme)] == [("pagey.ping", "ignored")]


def test_unknown_event_types_are_recorded_not_refused(acme: Organization, world: World) -> None:
    answer = acme.send(v3("incident.teleported"))
    assert answer.status_code == 202
    assert answer.json()["outcomes"][0]["outcome"] == "ignored"
    assert notifications(acme) == []
    (event,) = events(world, acme)
    assert (event["event_type"], event["family"], event["reason"]) == (
        "incident.teleported",
        "v3",
        "unknown_event_type",
    )
    assert event["payload"]["data"]["title"] == "Checkout is down"


def test_a_disabled_integration_ignores_and_records(acme: Organization, world: World) -> None:
    assert acme.admin.api.post("/api/integrations/pagerduty", json={"enabled": False}).status_code == 200
    answer = acme.send(v3())
    assert answer.status_code == 202
    assert [(one["outcome"], one["reason"]) for one in answer.json()["outcomes"]] == [
        ("ignored", "integration_disabled")
    ]
    assert notifications(acme) == []
    assert [one["outcome"] for one in events(world, acme)] == ["ignored"]


def test_the_delivery_id_is_recorded(acme: Organization, world: World) -> None:
    acme.send(v3(), headers={"X-Webhook-Id": "delivery-7"})
    assert [one["delivery_id"] for one in events(world, acme)] == ["delivery-7"]


def test_the_event_types_setting_filters(acme: Organization) -> None:
    taken = {"event_types": ["incident.triggered", "incident.resolved"]}
    assert acme.owner.api.post("/api/integrations/pagerduty", json=taken).status_code == 200
    kinds = ("incident.triggered", "incident.acknowledged", "incident.resolved")
    outcomes = [acme.send(v3(kind)).json()["outcomes"][0] for kind in kinds]
    assert [one["outcome"] for one in outcomes] == ["created", "updated", "updated"]
    assert outcomes[1]["reason"] == "event_type_not_taken"
    assert acme.owner.api.post("/api/integrations/pagerduty", json={"event_types": None}).status_code == 200
    assert acme.send(v3("incident.acknowledged")).json()["outcomes"][0]["outcome"] == "updated"


def test_the_integration_key_setting_filters(acme: Organization) -> None:
    assert acme.owner.api.post("/api/integrations/pagerduty", json={"integrationKey": "R0UTE"}).status_code == 200
    refused = acme.send(v3())
    assert refused.status_code == 202
    assert refused.json()["outcomes"][0]["reason"] == "integration_key_mismatch"
    by_header = acme.send(v3(), headers={"X-PagerDuty-Integration-Key": "R0UTE"})
    assert by_header.json()["outcomes"][0]["outcome"] == "created"
    assert acme.owner.api.post("/api/integrations/pagerduty", json={"integration_key": "PSVC001"}).status_code == 200
    by_service = acme.send(v3(incident_id="P2")).json()["outcomes"][0]
    assert by_service["outcome"] == "created", "V3 names the service alone"
    assert acme.owner.api.post("/api/integrations/pagerduty", json={"integration_key": None}).status_code == 200
    assert acme.send(v3(incident_id="P3", service=None)).json()["outcomes"][0]["outcome"] == "created"


def test_health_shows_the_last_event(acme: Organization) -> None:
    assert acme.viewer.api.get("/api/integrations/pagerduty").json()["health"]["last_event_at"] is None
    acme.send(v3())
    health = acme.viewer.api.get("/api/integrations/pagerduty").json()["health"]
    assert health["last_event_at"] is not None
    assert health["last_error"] is None


def test_a_note_is_completed_with_what_is_known_of_its_incident(acme: Organization) -> None:
    """It only refers to its incident; who clicks on it still gets a form that is filled in."""
    acme.send(v3(incident_id="PNOTED", title="Checkout is down"))
    reference = {"id": "PNOTED", "type": "incident_reference", "summary": "Checkout is down (again)"}
    note = {"incident": reference, "id": "PN1", "content": "Rolling back", "trimmed": False, "type": "incident_note"}
    payload = v3("incident.annotated")
    payload["event"]["data"] = note
    before = notifications(acme)[0]
    assert acme.send(payload).json()["outcomes"][0]["outcome"] == "updated"

    (noted,) = notifications(acme)
    assert (noted["title"], noted["service_name"], noted["urgency"]) == ("Checkout is down", "Checkout API", "high")
    assert (noted["pagerduty_status"], noted["prefill"]) == ("triggered", before["prefill"])
    history = acme.viewer.api.get(f"/api/notifications/{noted['id']}/events").json()["items"]
    assert "Rolling back" in history[0]["headline"]
