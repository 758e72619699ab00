"""The main job from end to end: an alert reaches the bell of its organization, and becomes an incident."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from realtime.types import RealtimeSubscribeStates

from tests.api.listeners import SOON, Follower, listener_of
from tests.world import Organization, World, v3

PATIENCE = 20  # seconds, for a busy machine
SECRET = "acme-signing-secret"
# The form's fields; the rest of a prefill says where it comes from.
FORM = ("title", "description", "criticality", "urgency", "status", "customer", "tags")


async def run(blocking: Callable[[], httpx.Response], expected: int) -> Any:
    """A request in a thread, so that the listeners go on; answers its JSON."""
    answer = await asyncio.to_thread(blocking)
    assert answer.status_code == expected, answer.text
    return answer.json()


def topic_of(organization: Organization) -> str:
    """The topic of an organization, as its owner is told."""
    topic = organization.topic_for(organization.owner)
    assert topic
    return topic


async def whole_story(acme: Organization, globex: Organization) -> None:
    member, other = acme.responder, globex.responder
    for organization in (acme, globex):
        secret = {"signing_secret": SECRET + organization.id}
        await run(partial(organization.owner.api.post, "/api/integrations/pagerduty", json=secret), 200)

    def alert(organization: Organization, payload: dict[str, Any]) -> Callable[[], httpx.Response]:
        return lambda: organization.send(payload, secret=SECRET + organization.id)

    first = await listener_of(member, topic_of(acme), f"pagerduty:user:{member.id}")
    second = await listener_of(member, f"pagerduty:user:{member.id}")
    stranger = await listener_of(other, topic_of(globex), f"pagerduty:user:{other.id}")
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
        assert pushed.pop("loud") is True
        assert {**pushed, "cursor": listed["cursor"]} == listed
        assert await run(lambda: member.api.get("/api/notifications/unread-count"), 200) == {
            "count": 1,
            "capped": False,
            "others": [],
        }
        read = await run(lambda: member.api.post(f"/api/notifications/{listed['id']}/read"), 200)
        event, receipt = await second.next()
        [told] = receipt["notifications"]
        assert (event, told["id"], told["unread"], read["unread"]) == ("receipt", listed["id"], False, False)
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
            ("pagerduty", None, None),
            ("created", None, "open"),
            ("pagerduty", "open", "investigating"),
            ("pagerduty", "investigating", "resolved"),
        ]

        # Nothing of all that was for the other organization: what it hears next is its own again.
        await run(alert(globex, v3(title="Of Globex again", incident_id="PGLOBEX")), 202)
        event, theirs = await stranger.next()
        assert (event, theirs["title"]) == ("notification", "Of Globex again")
        titles = [one["title"] for one in (await run(lambda: other.api.get("/api/notifications"), 200))["items"]]
        assert titles == ["Of Globex again"]
    finally:
        for listener in (first, second, stranger):
            await listener.close()


def test_from_alert_to_resolved_incident(acme: Organization, globex: Organization) -> None:
    asyncio.run(whole_story(acme, globex))


async def strangers(acme: Organization, globex: Organization) -> None:
    topics = (
        topic_of(globex),
        f"pagerduty:user:{acme.owner.id}",
        f"pagerduty:org:{acme.id}",
        topic_of(acme).upper(),
    )
    # A refusal is held back for seconds: each on a connection of its own.
    listeners = await asyncio.gather(*(listener_of(acme.viewer) for _ in topics))
    try:
        joins = (listener.try_to_join(topic) for listener, topic in zip(listeners, topics, strict=True))
        states = dict(zip(topics, await asyncio.gather(*joins), strict=True))
        assert set(states.values()) == {RealtimeSubscribeStates.CHANNEL_ERROR}, states
        await listeners[0].join(topic_of(acme))
    finally:
        await asyncio.gather(*(listener.close() for listener in listeners))


def test_channels_of_others_cannot_be_joined(acme: Organization, globex: Organization) -> None:
    asyncio.run(strangers(acme, globex))


async def leaving(acme: Organization, globex: Organization, world: World) -> None:
    leaver, stays = acme.responder, acme.viewer
    world.join(globex, leaver, "viewer")
    former = topic_of(acme)
    listener = await listener_of(leaver, former, topic_of(globex))
    elsewhere = await listener_of(leaver, f"pagerduty:user:{leaver.id}")
    witness = await listener_of(stays, former)
    try:
        await run(lambda: acme.send(v3(title="While a member")), 202)
        assert (await listener.next())[1]["title"] == "While a member"
        assert (await witness.next())[1]["title"] == "While a member"

        # With the token that they have, good for an hour, and the channel that is open.
        await asyncio.to_thread(acme.remove, leaver)
        sent = asyncio.create_task(run(lambda: acme.send(v3(title="After that")), 202))
        event, told = await elsewhere.next(SOON)
        assert (event, told["organization_id"]) == ("removed", acme.id)
        assert (await witness.next(SOON))[0] == "moved"
        await sent
        topic = topic_of(acme)
        await witness.join(topic)
        await run(lambda: acme.send(v3(title="After the move")), 202)
        assert (await witness.next(SOON))[1]["title"] == "After the move", "who joined later reads the one before"

        await run(lambda: globex.send(v3(title="Of Globex")), 202)
        assert (await listener.next())[0] == "moved", "and nothing of Acme's after it"
        assert (await listener.next())[1]["title"] == "Of Globex"
        assert listener.queue.empty()
        # Nor by joining again, where they were or where the others are, nor by asking.
        again = await listener_of(leaver)
        try:
            for closed in (former, topic):
                assert await again.try_to_join(closed) == RealtimeSubscribeStates.CHANNEL_ERROR
        finally:
            await again.close()
        assert await asyncio.to_thread(acme.topic_for, leaver) is None
        asked = await asyncio.to_thread(leaver.api.get, "/api/notifications")
        assert asked.status_code == 403
    finally:
        await asyncio.gather(*(each.close() for each in (listener, elsewhere, witness)))


def test_who_was_removed_hears_nothing_more(acme: Organization, globex: Organization, world: World) -> None:
    asyncio.run(leaving(acme, globex, world))


async def leaving_in_a_storm(acme: Organization) -> None:
    people = {person.id: person for person in (acme.viewer, acme.responder, acme.admin)}
    listeners = {each: await listener_of(person) for each, person in people.items()}
    followers = {each: Follower(listener, acme) for each, listener in listeners.items()}
    following = {each: asyncio.create_task(follower.follow()) for each, follower in followers.items()}
    sent: list[str] = []
    over = asyncio.Event()

    async def storm() -> None:
        while not over.is_set():
            title = f"Alert {len(sent)}"
            sent.append(title)
            await run(partial(acme.send, v3(title=title, incident_id=title)), 202)

    async def heard_more(each: str) -> None:
        enough = len(followers[each].heard) + 5
        await followers[each].until(lambda: len(followers[each].heard) >= enough)

    storming = [asyncio.create_task(storm()) for _ in range(2)]
    later: dict[str, int] = {}
    try:
        for person in (acme.responder, acme.admin):
            await heard_more(person.id)
            await asyncio.to_thread(acme.remove, person)
            later[person.id] = len(sent)  # what is sent from here on
            await asyncio.wait_for(following[person.id], PATIENCE)
        await heard_more(acme.viewer.id)
        over.set()
        await asyncio.gather(*storming)
        stays = followers[acme.viewer.id]
        await stays.until(lambda: stays.known >= set(sent))
        for each, number in later.items():
            assert not set(followers[each].heard) & set(sent[number:])
            assert listeners[each].queue.empty()
    finally:
        for task in (*storming, *following.values()):
            task.cancel()
        await asyncio.gather(*(listener.close() for listener in listeners.values()))


def test_those_who_stay_miss_nothing_while_others_are_removed(acme: Organization) -> None:
    asyncio.run(leaving_in_a_storm(acme))
