"""The main job from end to end: an alert reaches the bell of its organization, and becomes an incident."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from realtime.types import RealtimeSubscribeStates

from tests.api.listeners import SOON, listener_of
from tests.world import Organization, World, v3

SECRET = "acme-signing-secret"
# The form's fields; the rest of a prefill says where it comes from.
FORM = ("title", "description", "criticality", "urgency", "status", "customer", "tags")


async def run(blocking: Callable[[], httpx.Response], expected: int) -> Any:
    """A request in a thread, so that the listeners go on; answers its JSON."""
    answer = await asyncio.to_thread(blocking)
    assert answer.status_code == expected, answer.text
    return answer.json()


async def whole_story(acme: Organization, globex: Organization) -> None:
    member, other = acme.responder, globex.responder
    for organization in (acme, globex):
        secret = {"signing_secret": SECRET + organization.id}
        await run(partial(organization.owner.api.post, "/api/integrations/pagerduty", json=secret), 200)

    def alert(organization: Organization, payload: dict[str, Any]) -> Callable[[], httpx.Response]:
        return lambda: organization.send(payload, secret=SECRET + organization.id)

    first = await listener_of(member, f"pagerduty:org:{acme.id}", f"pagerduty:user:{member.id}")
    second = await listener_of(member, f"pagerduty:user:{member.id}")
    stranger = await listener_of(other, f"pagerduty:org:{globex.id}", f"pagerduty:user:{other.id}")
    try:
        # A signed webhook reaches the member within a second.
        started = time.monotonic()
        sent = asyncio.create_task(run(alert(acme, v3()), 202))
        event, pushed = await first.next()
        assert time.monotonic() - started < SOON
        assert event == "notification"
        (outcome,) = (await sent)["outcomes"]
        assert pushed["id"] == outcome["notification_id"]

        # The other organization hears its own, and only that.
        await run(alert(globex, v3(title="Of Globex", incident_id="PGLOBEX")), 202)
        event, theirs = await stranger.next()
        assert (event, theirs["title"], theirs["organization_id"]) == ("notification", "Of Globex", globex.id)
        assert stranger.queue.empty()

        # The member lists what was pushed, and reads it; the second connection sees the receipt.
        (listed,) = (await run(lambda: member.api.get("/api/notifications"), 200))["items"]
        assert {**pushed, "cursor": listed["cursor"]} == listed
        assert await run(lambda: member.api.get("/api/notifications/unread-count"), 200) == {
            "count": 1,
            "capped": False,
        }
        read = await run(lambda: member.api.post(f"/api/notifications/{listed['id']}/read"), 200)
        event, receipt = await second.next()
        assert (event, receipt["notification_ids"]) == ("receipt", [listed["id"]])
        assert receipt["read_at"] == read["read_at"]
        assert await first.next() == (event, receipt)
        assert (await run(lambda: member.api.get("/api/notifications/unread-count"), 200))["count"] == 0

        # The incident is made from the prefill.
        incident = await run(lambda: member.api.post("/api/incidents", json=listed["prefill"]), 201)
        assert {field: incident[field] for field in FORM} == {field: listed["prefill"][field] for field in FORM}
        assert (incident["status"], incident["pagerduty_incident_id"]) == ("open", "PINC001")
        assert (await first.next_of("incident"))["id"] == incident["id"]
        found = await run(lambda: member.api.get(f"/api/notifications/{listed['id']}"), 200)
        assert found["incident_id"] == incident["id"]

        # PagerDuty moves it on.
        address = f"/api/incidents/{incident['id']}"
        for kind, status, at in (("acknowledged", "investigating", "10:05"), ("resolved", "resolved", "10:10")):
            payload = v3(f"incident.{kind}", occurred_at=f"2026-11-23T{at}:00Z")
            (outcome,) = (await run(alert(acme, payload), 202))["outcomes"]
            assert outcome["incident_id"] == incident["id"]
            heard = await first.next_of("incident")
            assert (heard["id"], heard["status"]) == (incident["id"], status)
            assert (await run(lambda: member.api.get(address), 200))["status"] == status
        timeline = await run(lambda: member.api.get(f"{address}/updates"), 200)
        told = [(one["kind"], one["status_from"], one["status_to"]) for one in timeline["items"]]
        assert told == [
            ("created", None, "open"),
            ("pagerduty", "open", "investigating"),
            ("pagerduty", "investigating", "resolved"),
        ]

        # Nothing of all that was for the other organization: what it hears next is its own again.
        await run(alert(globex, v3(title="Of Globex again", incident_id="PGLOBEX")), 202)
        event, theirs = await stranger.next()
        assert (event, theirs["title"]) == ("notification", "Of Globex again")
        titles = [one["title"] for one in (await run(lambda: other.api.get("/api/notifications"), 200))["items"]]
        assert titles == ["Of Globex again", "Of Globex"]
    finally:
        for listener in (first, second, stranger):
            await listener.close()


def test_from_alert_to_resolved_incident(acme: Organization, globex: Organization) -> None:
    asyncio.run(whole_story(acme, globex))


async def strangers(acme: Organization, globex: Organization) -> None:
    topics = (
        f"pagerduty:org:{globex.id}",
        f"pagerduty:user:{acme.owner.id}",
        "pagerduty:org:",
        f"pagerduty:ORG:{acme.id}",
    )
    # A refusal is held back for seconds: each on a connection of its own.
    listeners = await asyncio.gather(*(listener_of(acme.viewer) for _ in topics))
    try:
        joins = (listener.try_to_join(topic) for listener, topic in zip(listeners, topics, strict=True))
        states = dict(zip(topics, await asyncio.gather(*joins), strict=True))
        assert set(states.values()) == {RealtimeSubscribeStates.CHANNEL_ERROR}, states
        await listeners[0].join(f"pagerduty:org:{acme.id}")
    finally:
        await asyncio.gather(*(listener.close() for listener in listeners))


def test_channels_of_others_cannot_be_joined(acme: Organization, globex: Organization) -> None:
    asyncio.run(strangers(acme, globex))


async def leaving(acme: Organization, globex: Organization, world: World) -> None:
    leaver, stays = acme.responder, acme.viewer
    world.join(globex, leaver, "viewer")
    acme_topic, globex_topic = f"pagerduty:org:{acme.id}", f"pagerduty:org:{globex.id}"
    listener = await listener_of(leaver, acme_topic, globex_topic)
    witness = await listener_of(stays, acme_topic)
    try:
        await run(lambda: acme.send(v3(title="While a member")), 202)
        assert (await listener.next())[1]["title"] == "While a member"
        assert (await witness.next())[1]["title"] == "While a member"

        where = f"/memberships?organization_id=eq.{acme.id}&user_id=eq.{leaver.id}"
        removed = await asyncio.to_thread(acme.owner.rest.delete, where)
        assert removed.status_code == 204, removed.text
        await listener.refresh()
        assert await listener.next_state(acme_topic) == RealtimeSubscribeStates.CHANNEL_ERROR

        await run(lambda: acme.send(v3(title="After that")), 202)
        assert (await witness.next())[1]["title"] == "After that"
        await run(lambda: globex.send(v3(title="Of Globex")), 202)
        assert (await listener.next())[1]["title"] == "Of Globex", "and nothing of Acme's before it"
        assert listener.queue.empty()
        # Nor by joining again, nor by asking.
        again = await listener_of(leaver)
        try:
            assert await again.try_to_join(acme_topic) == RealtimeSubscribeStates.CHANNEL_ERROR
        finally:
            await again.close()
        asked = await asyncio.to_thread(leaver.api.get, "/api/notifications")
        assert asked.status_code == 403
    finally:
        await listener.close()
        await witness.close()


def test_who_was_removed_hears_nothing_more(acme: Organization, globex: Organization, world: World) -> None:
    asyncio.run(leaving(acme, globex, world))
