"""Nothing missed: what no webhook told is read from PagerDuty's log, once, and the subscription is kept true."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from devstack import pagerduty
from devstack.stack import Stack
from tests.api.sandbox_account import SUBSCRIPTION, URL, Account, compare, connect
from tests.api.service_processes import wait_for
from tests.pagerduty_schema import check_request
from tests.world import Organization, Person, World

#: What the log has; of the rest PagerDuty keeps nothing that could be read.
STORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("acknowledge", {}),
    ("annotate", {"content": "It is the disk."}),
    ("annotate", {"content": "No, the network."}),
    ("unacknowledge", {}),
    ("bridge", {"url": "https://meet.example.test/42", "number": "+1 555 0100"}),
    ("escalate", {"level": "2"}),
    ("resolve", {}),
    ("reopen", {}),
)

READ = {"GET /us/log_entries", "GET /us/webhook_subscriptions/{id}", "POST /us/webhook_subscriptions/{id}/enable"}
DUE = "update pagerduty_private.reconciliations set due_at = now() where organization_id = %s"
PINGED = "update pagerduty_private.reconciliations set pinged_at = now() - %s::interval where organization_id = %s"
PROVEN = "update pagerduty.integrations set subscription_proven_at = now() - %s::interval where organization_id = %s"


@pytest.fixture
def account(stack: Stack) -> Account:
    return Account(stack)


def rows(person: Person) -> list[dict[str, Any]]:
    """The inbox, by title."""
    items = person.api.get("/api/notifications?view=all&limit=100").json()["items"]
    return sorted(items, key=lambda row: str(row["title"]))


def history(person: Person, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Oldest first."""
    found: list[dict[str, Any]] = person.api.get(f"/api/notifications/{row['id']}/events").json()["items"]
    return found[::-1]


def told(person: Person) -> list[tuple[Any, ...]]:
    """All that the inbox says, without what differs between two organizations."""
    return [
        (
            *(row[name] for name in ("title", "pagerduty_status", "acknowledged_by", "assignees", "conference_url")),
            *(row[name] for name in ("urgency", "priority", "number", "service_name")),
            [(event["event_type"], event["headline"]) for event in history(person, row)],
        )
        for row in rows(person)
    ]


def lose(organization: Organization, account: Account) -> str:
    """From now on nothing is queued for it: too many refusals, as PagerDuty sees it. Answers the subscription's id."""
    # The round that follows connecting would switch it on again.
    subscription = compare(organization.admin)["subscription"]["id"]
    account.play(f"subscriptions/{subscription}/disable")
    return str(subscription)


def healed(world: World, organization: Organization) -> int:
    """As the API would say, if the service were there."""
    question = "select healed from pagerduty_private.reconciliations where organization_id = %s"
    with world.database() as connection:
        [row] = connection.execute(question, (organization.id,)).fetchall()
    return int(row[0] if isinstance(row, tuple) else row["healed"])


def test_what_was_lost_is_there_afterwards_as_if_webhooks_had_told_it(
    acme: Organization, globex: Organization, account: Account
) -> None:
    for organization in (acme, globex):
        connect(organization, account)
        compare(organization.admin)
    lose(acme, account)
    user = account.ask("GET", "/users").json()["users"][0]["id"]
    priority = account.ask("GET", "/priorities").json()["priorities"][0]["id"]
    incident = account.play("incidents", title="Checkout is down", details="Disk full on db-1")["incident"]["id"]
    for action, form in STORY:
        account.play(f"incidents/{incident}/{action}", who=user, **form)
    account.play(f"incidents/{incident}/priority", who=user, priority=priority)
    # An assignment within two seconds of another change is a part of that one.
    done = datetime.now(UTC) + timedelta(seconds=3)
    wait_for(lambda: datetime.now(UTC) > done)
    account.play(f"incidents/{incident}/reassign", who=user, user=user)
    other = account.play("incidents", title="Another one")["incident"]["id"]
    wait_for(lambda: len(rows(globex.viewer)) == 2 and len(told(globex.viewer)[1][-1]) == len(STORY) + 3)
    assert rows(acme.viewer) == []
    saved = compare(acme.admin)
    assert saved["subscription"]["state"] == "proven"
    # All that happened is told, in the same words.
    healed, received = told(acme.viewer), told(globex.viewer)
    assert healed[0] == received[0]
    assert healed[1][:-1] == received[1][:-1]
    assert [event[0] for event in healed[1][-1]] == [event[0] for event in received[1][-1]]
    snapshots = ("incident.escalated",)  # the log does not say to whom: who has it now is told
    assert [e for e in healed[1][-1] if e[0] not in snapshots] == [e for e in received[1][-1] if e[0] not in snapshots]
    tally = saved["reconciliation"]
    assert tally["changes"] == tally["healed"] == len(STORY) + 4
    assert tally["mended_at"] is not None
    # Once more: nothing is told twice, and what webhooks tell now is confirmed, not healed.
    account.play(f"incidents/{other}/acknowledge", who=user)
    wait_for(lambda: rows(acme.viewer)[0]["pagerduty_status"] == "acknowledged")
    tally = compare(acme.admin)["reconciliation"]
    assert (tally["changes"], tally["healed"]) == (len(STORY) + 5, len(STORY) + 4)
    assert told(acme.viewer)[1] == healed[1]
    # The other organization missed nothing.
    tally = compare(globex.admin)["reconciliation"]
    assert (tally["changes"], tally["healed"], tally["mended_at"]) == (len(STORY) + 5, 0, None)
    assert len(told(globex.viewer)[1][-1]) == len(STORY) + 3


def test_a_wrong_refusal_by_force_loses_nothing(acme: Organization, account: Account, world: World) -> None:
    connect(acme, account)
    compare(acme.admin)
    # Somebody saves another signing secret: three alerts are refused, the subscription is off, the rest is not queued.
    acme.admin.api.post(URL, json={"signing_secret": "not-the-one-that-PagerDuty-told"}).raise_for_status()
    with world.database() as connection:
        connection.execute(
            "update pagerduty.credentials set previous_signing_secret = null where organization_id = %s", (acme.id,)
        )
    for number in range(5):
        account.play("incidents", title=f"Lost {number}")
    wait_for(lambda: acme.admin.api.get(SUBSCRIPTION).json()["state"] == "suspended")
    connect(acme, account)
    compare(acme.admin)
    assert [row["title"] for row in rows(acme.viewer)] == [f"Lost {number}" for number in range(5)]
    assert all(row["events"] == 1 for row in rows(acme.viewer))


def test_what_comes_late_is_told_once(acme: Organization, account: Account, stack: Stack, world: World) -> None:
    """The log is read while PagerDuty still tries to deliver: our service was down for a while."""
    connect(acme, account)
    compare(acme.admin)
    stack.stop_process("service")
    try:
        incident = account.play("incidents", title="While we were away")["incident"]["id"]
        account.play(f"incidents/{incident}/annotate", content="A note")
        wait_for(lambda: any(delivery["attempts"] for delivery in account.state["deliveries"][-2:]))
        with world.database() as connection:
            connection.execute(DUE, (acme.id,))

        wait_for(lambda: healed(world, acme) == 2, 20)
    finally:
        stack.start_service()
    account.play("retry")
    wait_for(lambda: all(delivery["state"] != "waiting" for delivery in account.state["deliveries"]), 20)
    (row,) = rows(acme.viewer)
    assert (row["title"], row["unread"]) == ("While we were away", True)
    assert [event["event_type"] for event in history(acme.viewer, row)] == ["incident.triggered", "incident.annotated"]
    # That is no second feed.
    assert acme.admin.api.get(URL).json()["health"]["recent_events"]["repeated"] == 0


def test_only_what_the_subscription_covers_is_read(acme: Organization, account: Account) -> None:
    services = account.ask("GET", "/services").json()["services"]
    connect(acme, account, scope={"type": "service", "id": services[0]["id"]})
    lose(acme, account)
    for service, title in zip(services, ("Covered", "Not covered"), strict=False):
        account.play("incidents", title=title, service=service["id"])
    tally = compare(acme.admin)["reconciliation"]
    assert [row["title"] for row in rows(acme.viewer)] == ["Covered"]
    assert (tally["changes"], tally["healed"]) == (1, 1)


def test_what_was_before_it_was_connected_was_not_missed(acme: Organization, account: Account) -> None:
    account.play("incidents", title="Long known")
    begun = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    wait_for(lambda: datetime.now(UTC) >= begun)  # the log tells whole seconds
    connect(acme, account)
    tally = compare(acme.admin)["reconciliation"]
    assert (rows(acme.viewer), tally["changes"]) == ([], 0)


def test_what_is_over_wakes_nobody(acme: Organization, account: Account) -> None:
    connect(acme, account)
    lose(acme, account)
    over = account.play("incidents", title="Over by now")["incident"]["id"]
    account.play(f"incidents/{over}/resolve")
    account.play("incidents", title="Still burning")
    compare(acme.admin)
    found = {row["title"]: (row["unread"], row["pagerduty_status"]) for row in rows(acme.viewer)}
    assert found == {"Over by now": (False, "resolved"), "Still burning": (True, "triggered")}


def test_a_linked_incident_follows_what_was_lost(acme: Organization, account: Account) -> None:
    connect(acme, account)
    incident = account.play("incidents", title="Linked")["incident"]["id"]
    row = wait_for(lambda: rows(acme.viewer))[0]
    ours = acme.responder.api.post("/api/incidents", json={"notification_id": row["id"]}).json()["id"]
    lose(acme, account)
    account.play(f"incidents/{incident}/annotate", content="Found it")
    account.play(f"incidents/{incident}/resolve")
    compare(acme.admin)
    assert acme.viewer.api.get(f"/api/incidents/{ours}").json()["status"] == "resolved"
    updates = acme.viewer.api.get(f"/api/incidents/{ours}/updates").json()["items"]
    assert any("Found it" in update["body"] for update in updates)
    assert [update["status_to"] for update in updates if update["status_to"]].count("resolved") == 1


@pytest.mark.parametrize(("what", "state"), [("inactive", "off"), ("gone", "gone"), ("changed", "changed")])
def test_what_became_of_the_subscription_is_noticed_without_asking(
    acme: Organization, account: Account, what: str, state: str
) -> None:
    connect(acme, account)
    saved = compare(acme.admin)
    path = f"/webhook_subscriptions/{saved['subscription']['id']}"
    bodies = {"inactive": {"active": False}, "changed": {"events": ["incident.triggered"]}}
    if what == "gone":
        account.ask("DELETE", path)
    else:
        account.ask("PUT", path, json={"webhook_subscription": bodies[what]})
    acme.admin.api.post(f"{URL}/reconcile", json={})
    wait_for(lambda: acme.viewer.api.get(URL).json()["subscription"]["state"] == state)
    account.play("incidents", title="Meanwhile")
    connect(acme, account)
    compare(acme.admin)
    assert [row["title"] for row in rows(acme.viewer)] == ["Meanwhile"]
    assert acme.viewer.api.get(URL).json()["subscription"]["state"] == "proven"


def test_a_refused_key_is_said_and_another_one_goes_on(acme: Organization, account: Account) -> None:
    connect(acme, account)
    lose(acme, account)
    account.play("incidents", title="Missed")
    acme.admin.api.post(URL, json={"api_key": pagerduty.REVOKED_KEY}).raise_for_status()
    error = compare(acme.admin)["reconciliation"]["error"]
    assert error == "PagerDuty does not accept the saved API key any more."
    acme.admin.api.post(URL, json={"api_key": account.key}).raise_for_status()
    wait_for(lambda: rows(acme.viewer), 20)
    wait_for(lambda: acme.viewer.api.get(URL).json()["reconciliation"]["error"] is None)


def test_the_test_event_of_the_day(acme: Organization, account: Account, world: World) -> None:
    connect(acme, account)
    pinged = compare(acme.admin)["reconciliation"]["pinged_at"]
    assert compare(acme.admin)["reconciliation"]["pinged_at"] == pinged, "once a day"
    before = acme.viewer.api.get(URL).json()["subscription"]["proven_at"]
    with world.database() as connection:
        connection.execute(PINGED, ("25 hours", acme.id))
    assert datetime.fromisoformat(compare(acme.admin)["reconciliation"]["pinged_at"]) > datetime.fromisoformat(pinged)
    wait_for(lambda: acme.viewer.api.get(URL).json()["subscription"]["proven_at"] > before)
    # One that does not arrive is said.
    with world.database() as connection:
        connection.execute(PINGED, ("6 minutes", acme.id))
        connection.execute(PROVEN, ("1 day", acme.id))
    assert acme.viewer.api.get(URL).json()["subscription"]["state"] == "silent"


def test_comparing_is_for_admins_and_for_what_is_connected(
    acme: Organization, globex: Organization, account: Account
) -> None:
    assert acme.admin.api.post(f"{URL}/reconcile", json={}).status_code == 404
    connect(acme, account)
    assert acme.responder.api.post(f"{URL}/reconcile", json={}).status_code == 403
    assert globex.admin.api.get(URL).json()["reconciliation"] is None
    assert acme.viewer.api.get(URL).json()["reconciliation"]["changes"] == 0
    acme.admin.api.delete(SUBSCRIPTION).raise_for_status()
    assert acme.viewer.api.get(URL).json()["reconciliation"] is None


def test_all_of_a_storm_is_read(acme: Organization, account: Account) -> None:
    """More than one page of the log, and more than one call takes."""
    connect(acme, account)
    lose(acme, account)
    for _ in range(4):
        account.play("storm")
    began = datetime.now(UTC)
    tally = compare(acme.admin)["reconciliation"]
    assert (tally["changes"], tally["healed"]) == (160, 160)
    assert datetime.fromisoformat(tally["read_until"]) >= began
    assert acme.viewer.api.get("/api/notifications/unread-count").json()["count"] >= 99


def test_what_is_asked_is_valid_by_pagerdutys_schema(acme: Organization, account: Account) -> None:
    connect(acme, account)
    lose(acme, account)
    account.play("incidents", title="Missed")
    compare(acme.admin)
    asked = [one for one in httpx.get(f"{account.url}/console/traffic").json() if one["call"] in READ]
    assert {one["call"] for one in asked} == READ
    for one in asked:
        # Its schema wants a body's type of requests that have no body.
        check_request(one | {"headers": one["headers"] | {"content-type": "application/json"}})


def test_notes_are_whole_and_say_what_became_of_them(acme: Organization, account: Account) -> None:
    connect(acme, account)
    incident = account.play("incidents", title="Noted")["incident"]["id"]
    row = wait_for(lambda: rows(acme.viewer))[0]
    ours = acme.responder.api.post("/api/incidents", json={"notification_id": row["id"]}).json()["id"]
    long = "Seen in the log: " + "x" * 1000
    for content in (long, "Will be edited", "Will be deleted", "Stays"):
        account.play(f"incidents/{incident}/annotate", content=content, who="PSAM001")

    def lines() -> list[str]:
        items = acme.viewer.api.get(f"/api/incidents/{ours}/updates").json()["items"]
        return [one["body"].partition(": ")[2] for one in items if one["body"].startswith("Note added")]

    wait_for(lambda: len(lines()) == 4)
    assert lines()[0].endswith("…")
    notes = {note["content"]: note["id"] for note in account.incidents[0]["notes"]}
    account.play(f"incidents/{incident}/edit-note", note=notes["Will be edited"], content="Was edited")
    account.play(f"incidents/{incident}/edit-note", note=notes["Will be deleted"])
    # A note of a moment ago may not be listed yet: these are of before.
    compare(acme.admin)
    wait_for(lambda: lines()[:2] == [long, "Was edited (edited in PagerDuty)"])
    assert lines()[2:] == ["Will be deleted", "Stays"]
    assert [event["headline"].partition(": ")[2] for event in history(acme.viewer, row)][1:3] == lines()[:2]
    compare(acme.admin)
    assert lines()[:2] == [long, "Was edited (edited in PagerDuty)"]
