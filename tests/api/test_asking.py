"""What PagerDuty is asked for from an incident: as the member who asks, once, and by its own schema."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from tests.api.sandbox_account import URL, Account, connect
from tests.api.service_processes import wait_for
from tests.api.test_telling import heard, move, outbox, raise_and_make, told
from tests.pagerduty_schema import check_request
from tests.world import Organization, Person, World

PRIORITY, URGENT = {"thing": "priority", "priority": "PPRIO02"}, {"thing": "urgency", "urgency": "low"}


@pytest.fixture
def account(stack: Stack) -> Account:
    return Account(stack)


@pytest.fixture
def connected(acme: Organization, account: Account) -> Organization:
    """Acme; its responder and its admin are users in the account, too."""
    for name, person in (("Rita in PagerDuty", acme.responder), ("Adam in PagerDuty", acme.admin)):
        account.play("users", name=name, email=person.email)
    connect(acme, account)
    wait_for(lambda: directory(acme.viewer)["services"], 20)
    return acme


@pytest.fixture
def linked(connected: Organization, account: Account) -> str:
    return raise_and_make(connected, account)


def directory(person: Person) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = person.api.get(f"{URL}/directory").json()
    return found


def ids(person: Person, kind: str) -> dict[str, str]:
    """By name."""
    return {one["name"]: one["id"] for one in directory(person)[kind]}


def ask(person: Person, incident: str, **body: Any) -> httpx.Response:
    return person.api.post(f"/api/incidents/{incident}/pagerduty", json=body)


def asked(person: Person, incident: str, **body: Any) -> None:
    answer = ask(person, incident, **body)
    assert answer.status_code == 202, answer.text
    assert body["thing"] in [item["thing"] for item in answer.json()["items"]]


def create(person: Person, **fields: Any) -> dict[str, Any]:
    made = person.api.post("/api/incidents", json={"title": "Checkout is slow", **fields})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def test_what_there_is_to_choose_from(connected: Organization, globex: Organization) -> None:
    found = directory(connected.viewer)
    assert [one["name"] for one in found["priorities"]] == ["P1", "P2", "P3"]
    assert "Rita in PagerDuty" in ids(connected.viewer, "users")
    assert found["services"]
    assert found["escalation_policies"]
    assert set(map(len, directory(globex.viewer).values())) == {0}


def test_everything_that_can_be_asked_is_done_there_as_who_asked(
    connected: Organization, account: Account, linked: str
) -> None:
    rita, users = connected.responder, ids(connected.viewer, "users")
    priorities = ids(rita, "priorities")
    asked(rita, linked, thing="priority", priority=priorities["P2"])
    asked(rita, linked, thing="urgency", urgency="low")
    asked(rita, linked, thing="responders", users=[users["Adam in PagerDuty"]], message="Please have a look")
    asked(rita, linked, thing="status_update", message="We are on it")
    asked(rita, linked, thing="snooze", seconds=3600)
    sent = told(rita, linked)
    assert {item["acted_as"] for item in sent} == {rita.email}
    (theirs,) = account.incidents
    assert (theirs["priority"]["summary"], theirs["urgency"], theirs["status"]) == ("P2", "low", "acknowledged")
    ends = datetime.fromisoformat(theirs["snoozed_until"]) - datetime.fromisoformat(theirs["last_status_change_at"])
    assert abs(ends - timedelta(hours=1)) < timedelta(minutes=1)
    assert [one["user"]["summary"] for one in theirs["incidents_responders"]] == ["Adam in PagerDuty"]
    asked(rita, linked, thing="escalation", level=2)
    told(rita, linked)
    asked(rita, linked, thing="assignment", users=[users["Adam in PagerDuty"]])
    told(rita, linked)
    (theirs,) = account.incidents
    assert [one["assignee"]["summary"] for one in theirs["assignments"]] == ["Adam in PagerDuty"]
    assert account.incidents[0]["priority"]["summary"] == "P2"
    # PagerDuty tells of it as hers, once each, on our timeline.
    heard(account, "incident.reassigned")
    heard(account, "incident.priority_updated")

    def lines() -> list[str]:
        return [one["body"] for one in rita.api.get(f"/api/incidents/{linked}/updates").json()["items"]]

    wait_for(lambda: "Reassigned to Adam in PagerDuty by Rita in PagerDuty" in lines())
    for line in (
        "Priority changed to P2 by Rita in PagerDuty",
        "Status update by Rita in PagerDuty: We are on it",
        "Reassigned to Adam in PagerDuty by Rita in PagerDuty",
    ):
        assert lines().count(line) == 1, line
    [row] = rita.api.get("/api/notifications").json()["items"]
    assert (row["priority"], row["assignees"]) == ("P2", ["Adam in PagerDuty"])


def test_asked_twice_the_last_one_counts(connected: Organization, account: Account, linked: str, stack: Stack) -> None:
    priorities = ids(connected.viewer, "priorities")
    stack.stop_process("worker")
    for name in ("P1", "P3", "P2"):
        asked(connected.responder, linked, thing="priority", priority=priorities[name])
    asked(
        connected.responder,
        linked,
        thing="responders",
        users=[ids(connected.viewer, "users")["Adam in PagerDuty"]],
        message="1",
    )
    asked(
        connected.responder,
        linked,
        thing="responders",
        users=[ids(connected.viewer, "users")["Adam in PagerDuty"]],
        message="2",
    )
    waiting = outbox(connected.viewer, linked)
    assert sorted(item["thing"] for item in waiting) == ["priority", "responders", "responders"]
    stack.start_worker()
    told(connected.viewer, linked)
    heard(account, "incident.priority_updated")
    changes = [d for d in account.state["deliveries"] if d["event"]["event_type"] == "incident.priority_updated"]
    assert [d["event"]["data"]["priority"]["summary"] for d in changes] == ["P2"]
    assert len(account.incidents[0]["incidents_responders"]) == 2


def test_an_incident_of_ours_pages_a_service(connected: Organization, account: Account, stack: Stack) -> None:
    rita, services = connected.responder, ids(connected.viewer, "services")
    ours = create(rita, description="Since noon", urgency="critical", status="investigating")
    asked(rita, ours["id"], thing="incident", service=services["Checkout"])
    found = wait_for(
        lambda: (one := rita.api.get(f"/api/incidents/{ours['id']}").json())["pagerduty_incident_id"] and one
    )
    told(rita, ours["id"])
    (theirs,) = account.incidents
    assert (theirs["id"], theirs["html_url"]) == (found["pagerduty_incident_id"], found["pagerduty_url"])
    assert (theirs["title"], theirs["urgency"]) == ("Checkout is slow", "high")
    assert (theirs["service"]["summary"], theirs["incident_key"]) == ("Checkout", ours["id"])
    link = f"{stack.service_url}/incidents/{ours['id']}"
    assert theirs["body"]["details"] == {"description": "Since noon", "link": link}
    # It is known there at once where ours stands; and their event of it is no alarm here.
    assert wait_for(lambda: account.incidents[0]["status"] == "acknowledged")
    heard(account, "incident.triggered")
    [row] = wait_for(lambda: rita.api.get("/api/notifications?view=all").json()["items"])
    assert (row["incident_id"], row["unread"]) == (ours["id"], False)
    assert rita.api.get(f"/api/incidents/{ours['id']}").json()["status"] == "investigating"
    move(rita, ours["id"], "resolved")
    told(rita, ours["id"])
    assert account.incidents[0]["status"] == "resolved"
    assert ask(rita, ours["id"], thing="incident", service=services["Checkout"]).status_code == 409


def test_the_rule_pages_of_what_is_critical_enough(
    connected: Organization, globex: Organization, account: Account
) -> None:
    service = ids(connected.viewer, "services")["Checkout"]
    body = {"paging_service_id": service, "paging_criticality": "high"}
    saved = connected.admin.api.post(URL, json=body).json()
    assert (saved["paging_service_id"], saved["paging_criticality"]) == (service, "high")
    mild, theirs = (
        create(connected.responder, title="Mild"),
        create(globex.responder, title="Theirs", criticality="critical"),
    )
    create(connected.responder, title="Grave", criticality="critical")
    wait_for(lambda: account.incidents)
    # What becomes worse later pages as well, and what does so twice pages once.
    for criticality in ("high", "low", "critical"):
        connected.responder.api.patch(f"/api/incidents/{mild['id']}", json={"criticality": criticality})
    told(connected.viewer, mild["id"])
    assert sorted(one["title"] for one in account.incidents) == ["Grave", "Mild"]
    assert outbox(globex.viewer, theirs["id"]) == []
    # An alert's incident is PagerDuty's already.
    alert = raise_and_make(connected, account, "An alert")
    connected.responder.api.patch(f"/api/incidents/{alert}", json={"criticality": "critical"})
    assert "incident" not in [item["thing"] for item in outbox(connected.viewer, alert)]


@pytest.mark.parametrize("is_open", [True, False])
def test_an_answer_that_is_lost_pages_nobody_twice(
    connected: Organization, account: Account, world: World, is_open: bool
) -> None:
    """As after a worker that was killed before it could write down what PagerDuty had made."""
    ours = create(connected.responder)["id"]
    asked(connected.responder, ours, thing="incident", service=ids(connected.viewer, "services")["Checkout"])
    told(connected.viewer, ours)
    if not is_open:
        account.play(f"incidents/{account.incidents[0]['id']}/resolve")
        heard(account, "incident.resolved")
    with world.database() as connection:
        connection.execute("update pagerduty.incidents set pagerduty_incident_id = null where id = %s", (ours,))
        connection.execute(
            "update pagerduty.outbox set state = 'waiting', attempts = 1 where incident_id = %s", (ours,)
        )
        connection.execute("select pagerduty_private.wake_outbox(%s)", (connected.id,))
    told(connected.viewer, ours)
    (theirs,) = account.incidents
    found = connected.viewer.api.get(f"/api/incidents/{ours}").json()
    assert found["pagerduty_incident_id"] == theirs["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"thing": "nonsense"}, "thing"),
        ({"thing": "incident"}, "service"),
        ({"thing": "priority"}, "priority"),
        ({"thing": "incident", "service": "../users"}, "service"),
        ({"thing": "escalation", "level": 0}, "level"),
        ({"thing": "assignment"}, "users"),
        ({"thing": "assignment", "users": ["a b"]}, "users"),
        ({"thing": "snooze", "seconds": 604_801}, "seconds"),
        ({"thing": "responders", "message": "Please"}, "users"),
        ({"thing": "responders", "users": ["PUSER01"]}, "message"),
        ({"thing": "status_update", "message": "x" * 1001}, "message"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(acme: Organization, body: dict[str, Any], field: str) -> None:
    answer = ask(acme.responder, create(acme.responder)["id"], **body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].split(".")[0] == field


def test_who_may_ask_and_of_what(connected: Organization, globex: Organization, account: Account, linked: str) -> None:
    assert ask(connected.viewer, linked, **URGENT).status_code == 403
    assert ask(globex.responder, linked, **URGENT).status_code == 404
    unlinked = create(connected.responder)["id"]
    answer = ask(connected.responder, unlinked, **PRIORITY)
    assert (answer.status_code, answer.json()["detail"]) == (409, "It is not linked to a PagerDuty incident.")
    connected.admin.api.post(URL, json={"enabled": False}).raise_for_status()
    answer = ask(connected.responder, linked, **URGENT)
    assert answer.status_code == 409
    assert "switched off" in answer.json()["detail"]
    assert account.incidents[0]["urgency"] == "high"


def test_what_pagerduty_refuses_is_said_in_its_words(connected: Organization, account: Account, linked: str) -> None:
    asked(connected.responder, linked, thing="escalation", level=9)
    [item] = told(connected.viewer, linked, "dead")
    assert "Escalation level" in item["last_error"]
    # A member whom PagerDuty does not know cannot ask it for anything.
    unknown = connected.owner
    asked(unknown, linked, **URGENT)
    dead = wait_for(
        lambda: [
            one for one in outbox(connected.viewer, linked) if one["thing"] == "urgency" and one["state"] == "dead"
        ],
        20,
    )
    assert unknown.email in dead[0]["last_error"]
    assert account.incidents[0]["urgency"] == "high"


def test_what_is_asked_is_valid_by_pagerdutys_schema(connected: Organization, account: Account, linked: str) -> None:
    rita, users = connected.responder, ids(connected.viewer, "users")
    adam = users["Adam in PagerDuty"]
    for body in (
        PRIORITY, URGENT, {"thing": "escalation", "level": 2}, {"thing": "assignment", "users": [adam]},
        {"thing": "snooze", "seconds": 60}, {"thing": "responders", "users": [adam], "message": "Help"},
        {"thing": "status_update", "message": "On it"},
    ):  # fmt: skip
        if body["thing"] == "priority":
            body = body | {"priority": ids(rita, "priorities")["P2"]}
        asked(rita, linked, **body)
    ours = create(rita)["id"]
    asked(rita, ours, thing="incident", service=ids(rita, "services")["Checkout"])
    told(rita, linked)
    told(rita, ours)
    written = [
        one
        for one in httpx.get(f"{account.url}/console/traffic").json()
        if "python-httpx/" not in one["headers"]["user-agent"]
        and one["method"] != "GET"
        and one["body"] not in ("", "{}")
    ]
    calls = {one["call"].removeprefix("POST /us/incidents") for one in written if one["call"].startswith("POST")}
    assert {"", "/{id}/snooze", "/{id}/responder_requests", "/{id}/status_updates"} <= calls
    for one in written:
        check_request(one)
