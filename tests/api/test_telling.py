"""What is done here is done in PagerDuty, too: as who did it, once, whatever fails meanwhile, and without an echo."""

import threading
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from devstack import pagerduty
from devstack.stack import Stack
from tests.api.sandbox_account import URL, Account, connect
from tests.api.service_processes import wait_for
from tests.pagerduty_schema import check_request
from tests.world import Organization, Person


@pytest.fixture
def account(stack: Stack) -> Account:
    return Account(stack)


@pytest.fixture
def linked(acme: Organization, account: Account) -> str:
    """The id of an incident of Acme's, made of an alert in the account; its responder is a user there, too."""
    account.play("users", name="Rita in PagerDuty", email=acme.responder.email)
    connect(acme, account)
    return raise_and_make(acme, account)


def raise_and_make(organization: Organization, account: Account, title: str = "On fire") -> str:
    account.play("incidents", title=title)
    return make(organization, title)


def make(organization: Organization, title: str) -> str:
    def row() -> Any:
        found = organization.responder.api.get("/api/notifications").json()["items"]
        return next((one for one in found if one["title"] == title), None)

    made = organization.responder.api.post("/api/incidents", json={"notification_id": wait_for(row)["id"]})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def outbox(person: Person, incident: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = person.api.get(f"/api/incidents/{incident}/outbox").json()["items"]
    return items


def told(person: Person, incident: str, state: str = "sent") -> list[dict[str, Any]]:
    """What of it is told, once all of it is in that state."""
    return wait_for(  # type: ignore[no-any-return]
        lambda: (items := outbox(person, incident)) and all(item["state"] == state for item in items) and items, 30
    )


def move(person: Person, incident: str, status: str) -> None:
    assert person.api.patch(f"/api/incidents/{incident}", json={"status": status}).status_code == 200


def comment(person: Person, incident: str, body: str) -> None:
    assert person.api.post(f"/api/incidents/{incident}/updates", json={"body": body}).status_code == 201


def timeline(person: Person, incident: str) -> list[tuple[str, str]]:
    return [(u["kind"], u["body"]) for u in person.api.get(f"/api/incidents/{incident}/updates").json()["items"]]


def heard(account: Account, event_type: str, times: int = 1) -> None:
    """Until PagerDuty has told us of so many such events."""
    wait_for(
        lambda: (
            [d["state"] for d in account.state["deliveries"] if d["event"]["event_type"] == event_type].count(
                "delivered"
            )
            >= times
        )
    )


def test_a_status_is_told_as_the_member_and_its_echo_is_no_news(
    acme: Organization, account: Account, linked: str
) -> None:
    move(acme.responder, linked, "investigating")
    (item,) = told(acme.viewer, linked)
    assert (item["thing"], item["acted_as"], item["last_error"]) == ("status", acme.responder.email, None)
    (theirs,) = account.incidents
    assert (theirs["status"], theirs["acknowledgements"][0]["acknowledger"]["summary"]) == (
        "acknowledged",
        "Rita in PagerDuty",
    )
    heard(account, "incident.acknowledged")
    move(acme.responder, linked, "resolved")
    wait_for(lambda: account.incidents[0]["status"] == "resolved")
    heard(account, "incident.resolved")
    move(acme.responder, linked, "open")
    wait_for(lambda: account.incidents[0]["status"] == "triggered")
    heard(account, "incident.reopened")
    # Each change is on the timeline once: as the member's, not as PagerDuty's again.
    kinds = [kind for kind, _ in timeline(acme.viewer, linked)]
    assert (kinds.count("status"), kinds.count("pagerduty")) == (3, 1)
    assert acme.viewer.api.get(f"/api/incidents/{linked}").json()["status"] == "open"
    # The row follows, and what one did oneself rings for nobody.
    (row,) = acme.viewer.api.get("/api/notifications").json()["items"]
    assert (row["pagerduty_status"], row["seq"] > row["loud_seq"]) == ("triggered", True)


def test_a_comment_becomes_a_note_and_a_note_an_entry(acme: Organization, account: Account, linked: str) -> None:
    text = "Restarted the <b>checkout</b> pods\nand wait. " + "é" * 600
    comment(acme.responder, linked, text)
    told(acme.viewer, linked)
    (theirs,) = account.incidents
    assert [note["content"] for note in theirs["notes"]] == [text]
    heard(account, "incident.annotated")
    account.play(f"incidents/{theirs['id']}/annotate", content="Seen there", who="PRITA01")
    wait_for(lambda: any("Seen there" in body for _, body in timeline(acme.viewer, linked)))
    entries = timeline(acme.viewer, linked)
    assert [kind for kind, _ in entries].count("comment") == 1
    assert sum("Restarted" in body for _, body in entries) == 1
    assert len(account.incidents[0]["notes"]) == 2


def test_what_pagerduty_does_is_not_told_back(acme: Organization, account: Account, linked: str) -> None:
    (theirs,) = account.incidents
    account.play(f"incidents/{theirs['id']}/acknowledge", who="PSAM001")
    wait_for(lambda: acme.viewer.api.get(f"/api/incidents/{linked}").json()["status"] == "investigating")
    account.play(f"incidents/{theirs['id']}/resolve", who="PSAM001")
    wait_for(lambda: acme.viewer.api.get(f"/api/incidents/{linked}").json()["status"] == "resolved")
    assert outbox(acme.viewer, linked) == []


def test_whom_pagerduty_does_not_know_acts_as_the_default_or_not_at_all(
    acme: Organization, account: Account, linked: str
) -> None:
    move(acme.admin, linked, "investigating")
    (item,) = told(acme.viewer, linked, "dead")
    assert acme.admin.email in item["last_error"]
    assert "settings" in item["last_error"]
    assert account.incidents[0]["status"] == "triggered"
    nothing_waits = {"waiting": 0, "dead": 1, "paused_until": None, "paused_because": None}
    assert acme.admin.api.get(URL).json()["outbox"] == nothing_waits
    default = pagerduty.USER_EMAIL
    assert acme.admin.api.post(URL, json={"acting_email": default}).json()["acting_email"] == default
    again = acme.admin.api.post(f"/api/incidents/{linked}/outbox/{item['id']}/retry", json={})
    assert again.status_code == 200
    (item,) = told(acme.viewer, linked)
    assert item["acted_as"] == default
    assert account.incidents[0]["acknowledgements"][0]["acknowledger"]["summary"] == "Earline Greenholt"


def test_what_fails_is_tried_again_and_told_once(
    acme: Organization, account: Account, linked: str, stack: Stack
) -> None:
    sandbox = f"http://localhost:{stack.config['pagerduty_port']}"
    assert httpx.post(f"{sandbox}/console/switches", json={"rest": "down"}).status_code == 200
    try:
        move(acme.responder, linked, "investigating")
        comment(acme.responder, linked, "Down, and up again")
        wait_for(lambda: any(item["last_error"] for item in outbox(acme.viewer, linked)), 20)
        assert {item["state"] for item in outbox(acme.viewer, linked)} == {"waiting"}
    finally:
        httpx.post(f"{sandbox}/console/switches", json={"rest": "up"})
    told(acme.viewer, linked)
    (theirs,) = account.incidents
    assert (theirs["status"], [note["content"] for note in theirs["notes"]]) == ("acknowledged", ["Down, and up again"])


def test_a_refused_key_stops_all_and_says_so_until_there_is_another(
    acme: Organization, account: Account, linked: str
) -> None:
    acme.admin.api.post(URL, json={"api_key": pagerduty.REVOKED_KEY})
    move(acme.responder, linked, "investigating")
    paused = wait_for(lambda: (found := acme.viewer.api.get(URL).json()["outbox"])["paused_until"] and found, 20)
    assert "does not accept the saved API key" in paused["paused_because"]
    assert (paused["waiting"], paused["dead"]) == (1, 0)
    acme.admin.api.post(URL, json={"api_key": account.key})
    told(acme.viewer, linked)
    assert account.incidents[0]["status"] == "acknowledged"
    assert acme.viewer.api.get(URL).json()["outbox"]["paused_until"] is None


def test_a_limit_is_waited_for_as_told(acme: Organization, account: Account, linked: str) -> None:
    acme.admin.api.post(URL, json={"api_key": pagerduty.RATE_LIMITED_KEY})
    move(acme.responder, linked, "investigating")
    paused = wait_for(lambda: (found := acme.viewer.api.get(URL).json()["outbox"])["paused_until"] and found, 20)
    assert "limiting" in paused["paused_because"]
    left = datetime.fromisoformat(paused["paused_until"]) - datetime.now(UTC)
    assert 30 < left.total_seconds() < pagerduty.RATE_LIMIT_RESET + 3
    acme.admin.api.post(URL, json={"api_key": account.key})
    told(acme.viewer, linked)


def test_what_is_changed_while_no_worker_runs_is_told_by_the_next(
    acme: Organization, account: Account, linked: str, stack: Stack
) -> None:
    stack.stop_process("worker")
    try:
        move(acme.responder, linked, "investigating")
        move(acme.responder, linked, "resolved")
        comment(acme.responder, linked, "While nobody told")
        assert {item["state"] for item in outbox(acme.viewer, linked)} == {"waiting"}
    finally:
        stack.start_worker()
    told(acme.viewer, linked)
    (theirs,) = account.incidents
    assert (theirs["status"], len(theirs["notes"])) == ("resolved", 1)
    heard(account, "incident.resolved")
    assert not [d for d in account.state["deliveries"] if d["event"]["event_type"] == "incident.acknowledged"]


def test_two_organizations_of_the_same_ids_tell_each_their_own(
    acme: Organization, globex: Organization, stack: Stack
) -> None:
    accounts = {organization.id: Account(stack) for organization in (acme, globex)}
    incidents = {}
    for organization in (acme, globex):
        account = accounts[organization.id]
        account.play("users", name="Same", email=organization.responder.email)
        connect(organization, account)
        incidents[organization.id] = raise_and_make(organization, account)
    move(acme.responder, incidents[acme.id], "resolved")
    told(acme.viewer, incidents[acme.id])
    assert [accounts[o.id].incidents[0]["status"] for o in (acme, globex)] == ["resolved", "triggered"]
    assert globex.viewer.api.get(f"/api/incidents/{incidents[acme.id]}/outbox").status_code == 404
    (item,) = outbox(acme.viewer, incidents[acme.id])
    there = f"/api/incidents/{incidents[globex.id]}/outbox/{item['id']}/retry"
    assert globex.responder.api.post(there, json={}).status_code == 404


def test_directions(acme: Organization, account: Account, linked: str) -> None:
    off = {"sync_status": "from_pagerduty", "sync_notes": "to_pagerduty"}
    assert acme.admin.api.post(URL, json=off).status_code == 200
    move(acme.responder, linked, "investigating")
    comment(acme.responder, linked, "Only this is told")
    told(acme.viewer, linked)
    (theirs,) = account.incidents
    assert (theirs["status"], len(theirs["notes"])) == ("triggered", 1)
    account.play(f"incidents/{theirs['id']}/annotate", content="Not taken", who="PSAM001")
    account.play(f"incidents/{theirs['id']}/resolve", who="PSAM001")
    wait_for(lambda: acme.viewer.api.get(f"/api/incidents/{linked}").json()["status"] == "resolved")
    assert not any("Not taken" in body for _, body in timeline(acme.viewer, linked))
    assert acme.admin.api.post(URL, json={"sync_status": "sideways"}).status_code == 422
    assert acme.admin.api.post(URL, json={"acting_email": "nobody"}).status_code == 422


def test_a_test_alert_is_told_nobody(acme: Organization, account: Account) -> None:
    connect(acme, account)
    sent = acme.admin.api.post(f"{URL}/test-alert", json={}).json()["notification_id"]
    incident = acme.responder.api.post("/api/incidents", json={"notification_id": sent}).json()["id"]
    move(acme.responder, incident, "resolved")
    comment(acme.responder, incident, "Nothing was wrong")
    assert outbox(acme.viewer, incident) == []


def test_many_changes_at_once_leave_both_sides_equal(acme: Organization, account: Account, linked: str) -> None:
    def work(number: int) -> None:
        for turn in range(3):
            move(acme.responder, linked, ("open", "investigating", "resolved")[(number + turn) % 3])
            comment(acme.responder, linked, f"{number}.{turn}")

    people = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    told(acme.viewer, linked)
    ours = acme.viewer.api.get(f"/api/incidents/{linked}").json()["status"]
    (theirs,) = account.incidents
    assert theirs["status"] == {"open": "triggered", "investigating": "acknowledged", "resolved": "resolved"}[ours]
    assert sorted(note["content"] for note in theirs["notes"]) == sorted(f"{n}.{t}" for n in range(4) for t in range(3))


def test_what_is_told_is_valid_by_pagerdutys_schema(acme: Organization, account: Account, linked: str) -> None:
    move(acme.responder, linked, "investigating")
    comment(acme.responder, linked, "Hello")
    told(acme.viewer, linked)
    asked = httpx.get(f"{account.url}/console/traffic").json()
    ours = [one for one in asked if "python-httpx/" not in one["headers"]["user-agent"] and one["body"] != "{}"]
    assert {"PUT /us/incidents/{id}", "POST /us/incidents/{id}/notes"} <= {one["call"] for one in ours}
    for one in ours:
        check_request(one)


def test_as_whom_an_admin_has_said_the_member_to_be(acme: Organization, account: Account, linked: str) -> None:
    other = account.play("users", name="Rita elsewhere", email="elsewhere@example.test")["user"]["id"]

    def link(person: Person, user_id: str | None) -> int:
        where = {"organization_id": f"eq.{acme.id}", "user_id": f"eq.{acme.responder.id}"}
        headers = {"Prefer": "return=representation"}
        answer = person.rest.patch("/memberships", params=where, json={"pagerduty_user_id": user_id}, headers=headers)
        return len(answer.json()) if answer.is_success else 0

    assert link(acme.responder, other) == 0, "nobody says that of themselves"
    assert link(acme.admin, other) == 1
    move(acme.responder, linked, "investigating")
    [item] = told(acme.viewer, linked)
    assert item["acted_as"] == "elsewhere@example.test"
    assert account.incidents[0]["acknowledgements"][0]["acknowledger"]["summary"] == "Rita elsewhere"
    # One that is not there is nobody else.
    assert link(acme.admin, "PGONE01") == 1
    move(acme.responder, linked, "resolved")
    [item] = told(acme.viewer, linked, "dead")
    assert "linked to is not there" in item["last_error"]
    assert account.incidents[0]["status"] == "acknowledged"
    audit = acme.admin.api.get("/api/integrations/pagerduty/audit").json()["items"]
    lines = [line for line in audit if line["setting"] == "pagerduty_user_id"]
    assert [(line["member_id"], line["new_value"]) for line in lines] == [
        (acme.responder.id, "PGONE01"),
        (acme.responder.id, other),
    ]
