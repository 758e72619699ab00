"""People who listen, with Supabase's own Python client."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from realtime.types import RealtimeSubscribeStates
from supabase import AsyncClient, acreate_client

from tests.world import PASSWORD, Organization, Person

#: Seconds that the product has for a push.
SOON = 1.0
#: The options of a private channel; the client's types ask for more than it needs.
PRIVATE: Any = {"config": {"private": True}}
EVENTS = ("notification", "incident", "incident_update", "changes", "more", "moved", "receipt", "removed")
_PATIENCE = 15


@dataclass
class Listener:
    """One connection of a person: joins private channels and keeps what they hear, in order."""

    person: Person
    client: AsyncClient
    queue: "asyncio.Queue[tuple[str, dict[str, Any]]]" = field(default_factory=asyncio.Queue)
    states: "asyncio.Queue[tuple[str, RealtimeSubscribeStates]]" = field(default_factory=asyncio.Queue)

    async def try_to_join(self, topic: str) -> RealtimeSubscribeStates:
        """The state that the channel gets into."""
        channel = self.client.channel(topic, PRIVATE)
        for event in EVENTS:
            channel.on_broadcast(event, lambda message: self._hear(message["event"], message["payload"]))
        await channel.subscribe(lambda state, _: self.states.put_nowait((topic, state)))
        return await self.next_state(topic)

    def _hear(self, event: str, payload: dict[str, Any]) -> None:
        """What changed together is heard one by one."""
        if event != "changes":
            self.queue.put_nowait((event, payload))
            return
        for kind in ("notification", "incident", "incident_update"):
            for row in payload[f"{kind}s"]:
                self.queue.put_nowait((kind, row))

    async def join(self, topic: str) -> None:
        assert await self.try_to_join(topic) == RealtimeSubscribeStates.SUBSCRIBED

    async def next_state(self, topic: str) -> RealtimeSubscribeStates:
        """The next change of a channel's state."""
        while True:
            of, state = await asyncio.wait_for(self.states.get(), _PATIENCE)
            if of == topic:
                return state

    async def next(self, seconds: float = _PATIENCE) -> tuple[str, dict[str, Any]]:
        """The next event and its payload."""
        return await asyncio.wait_for(self.queue.get(), seconds)

    async def next_of(self, event: str) -> dict[str, Any]:
        """The payload of the next such event; others are passed over."""
        while True:
            heard, payload = await self.next()
            if heard == event:
                return payload

    async def refresh(self) -> None:
        """A new access token, as the client gets one once an hour."""
        session = (await self.client.auth.refresh_session()).session
        assert session is not None
        await self.client.realtime.set_auth(session.access_token)

    async def close(self) -> None:
        await self.client.remove_all_channels()
        await self.client.realtime.close()


@dataclass
class Follower:
    """Somebody who goes on listening when the others have moved, as the pages do; knows the titles of alerts."""

    listener: Listener
    organization: Organization
    topic: str | None = None
    heard: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Moves to where the organization is, and on with it, for as long as the person is in it."""
        await self._move()
        while self.topic:
            event, payload = await self.listener.queue.get()
            if event == "moved":
                await self._move()
            elif event == "notification":
                self.heard.append(payload["title"])
                self.known.add(payload["title"])
                self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until it is so, looking at every change of what is known."""
        async with asyncio.timeout(_PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def _move(self) -> None:
        """Looks again after each join: the next move may have been told between the answer and the join."""
        person = self.listener.person
        while (topic := await asyncio.to_thread(self.organization.topic_for, person)) != self.topic:
            if topic and await self.listener.try_to_join(topic) != RealtimeSubscribeStates.SUBSCRIBED:
                continue
            self.topic = topic
            if topic:
                self.known.update(await asyncio.to_thread(_titles, person))
                self.changed.set()


def _titles(person: Person) -> set[str]:
    """Of all that there is to read: in a storm, more than a page comes while one moves."""
    titles: set[str] = set()
    before = ""
    while True:
        read = person.api.get(f"/api/notifications?limit=100{before}").raise_for_status().json()
        titles.update(item["title"] for item in read["items"])
        if not read["next"]:
            return titles
        before = f"&before={read['next']}"


async def listener_of(person: Person, *topics: str) -> Listener:
    """A new connection of this person, signed in, in these channels."""
    client = await acreate_client(person.stack.supabase_url, person.stack.publishable_key)
    signed_in = await client.auth.sign_in_with_password({"email": person.email, "password": PASSWORD})
    assert signed_in.session is not None
    await client.realtime.set_auth(signed_in.session.access_token)
    made = Listener(person, client)
    for topic in topics:
        await made.join(topic)
    return made
