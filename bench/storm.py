"""What the storm of one organization costs another: `python -m bench.storm [SECONDS]`.

Realtime delivers so much a second for a whole project (the stand-in's limit is that of a small one). One organization
gets 1,000 alerts a minute and 30 of its members listen; another gets one alert every 5 seconds. Printed is how soon
those of the other hear of each, with the limit that a topic keeps and without it. Exits with 1 if one of them, with
the limit, is heard later than 2 seconds after it was sent, or the first organization misses the end of its storm.
"""

import asyncio
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx
import psycopg

from bench.product import running
from devstack.stack import Stack
from tests.api.listeners import Listener, listener_of
from tests.world import Organization, World, v3

ALERTS_A_MINUTE, LISTENERS, EVERY = 1000, 30, 5.0
WITHIN = 2.0  # seconds
_PATIENCE = 10.0  # seconds in which an alert may still be heard
_TOLD = """
select t.due_at is null and t.told_seq = t.kept_seq, (select count(*) from realtime.messages where topic = %(topic)s)
from pagerduty_private.topics t
where t.organization_id = %(organization)s
"""
_LIMIT = "insert into pagerduty_private.settings (deliveries_per_second, shortest_interval) values (%s, %s)"


@dataclass
class Outcome:
    """Seconds until each of the other's listeners heard each of its alerts (None: never), and the storm's own end."""

    alerts: int = 0
    messages: int = 0
    heard: list[float | None] = field(default_factory=list)
    end_is_told: bool = False

    @property
    def is_good(self) -> bool:
        return self.end_is_told and all(seconds is not None and seconds <= WITHIN for seconds in self.heard)

    def __str__(self) -> str:
        late = [seconds for seconds in self.heard if seconds is not None and seconds > WITHIN]
        never = self.heard.count(None)
        slowest = max((seconds for seconds in self.heard if seconds is not None), default=0.0)
        return (
            f"{self.alerts} alerts were {self.messages} messages on the storm's topic; of the other organization's,"
            f" {len(self.heard) - len(late) - never} of {len(self.heard)} were heard within {WITHIN:.0f} s,"
            f" {len(late)} later, {never} never (slowest {slowest:.1f} s)"
        )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    kept = measure(seconds)
    print(f"with the limit:    {kept}", flush=True)
    print(f"without the limit: {measure(seconds, limited=False)}")
    if not kept.is_good:
        sys.exit(1)


def measure(seconds: float, *, limited: bool = True) -> Outcome:
    """A storm of so many seconds, in a product of its own."""
    with running(environment={"WEBHOOK_RATE_LIMIT": "100000 per minute"}) as (stack, _), World(stack) as world:
        return asyncio.run(weather(stack, world, seconds, limited=limited))


async def weather(stack: Stack, world: World, seconds: float, *, limited: bool = True) -> Outcome:
    """A storm of so many seconds in one organization, and quiet days in another."""
    if not limited:
        with psycopg.connect(stack.database_dsn) as connection:
            connection.execute(_LIMIT, (1_000_000, 0))
    stormy, quiet = world.organization("Stormy", ("owner",)), world.organization("Quiet")
    people = [world.person(f"Listener {number}") for number in range(LISTENERS)]
    for person in people:
        world.join(stormy, person, "viewer")
    outcome = Outcome()
    # Joining is limited, too: one after the other.
    topics = [organization.topic_for(organization.owner) or "" for organization in (stormy, quiet)]
    here = [await listener_of(person, topics[0]) for person in people]
    there = [await listener_of(person, topics[1]) for person in quiet.people.values()]
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            storm = asyncio.create_task(_storm(client, stormy, seconds, outcome))
            await _quiet_days(client, quiet, there, seconds, outcome)
            await storm
            outcome.messages, outcome.end_is_told = await _aftermath(world, stormy, topics[0], here)
    finally:
        await asyncio.gather(*(listener.close() for listener in (*here, *there)))
    return outcome


async def _send(client: httpx.AsyncClient, organization: Organization, title: str) -> None:
    url = f"{organization.stack.service_url}/api/webhooks/pagerduty/{organization.token}"
    answer = await client.post(url, json=v3(title=title, incident_id=title.replace(" ", "-")))
    assert answer.status_code == 202, answer.text


async def _storm(client: httpx.AsyncClient, organization: Organization, seconds: float, outcome: Outcome) -> None:
    """As many alerts a minute as are asked for, whether or not the ones before are answered."""
    started, number, pace = time.monotonic(), round(ALERTS_A_MINUTE * seconds / 60), 60 / ALERTS_A_MINUTE
    async with asyncio.TaskGroup() as tasks:
        for index in range(number):
            await asyncio.sleep(max(0.0, started + index * pace - time.monotonic()))
            tasks.create_task(_send(client, organization, f"Storm {index}"))
    outcome.alerts = number


async def _quiet_days(
    client: httpx.AsyncClient, organization: Organization, listeners: Iterable[Listener], seconds: float,
    outcome: Outcome,
) -> None:  # fmt: skip
    started = time.monotonic()
    for index in range(int(seconds / EVERY)):
        await asyncio.sleep(max(0.0, started + (index + 0.5) * EVERY - time.monotonic()))
        title, sent = f"Quiet {index}", time.monotonic()
        await _send(client, organization, title)
        outcome.heard += await asyncio.gather(*(_hears(listener, title, sent) for listener in listeners))


async def _hears(listener: Listener, title: str, sent: float) -> float | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            while (await listener.next_of("notification"))["title"] != title:
                pass
    except TimeoutError:
        return None
    return time.monotonic() - sent


async def _aftermath(
    world: World, organization: Organization, topic: str, listeners: Iterable[Listener]
) -> tuple[int, bool]:
    """How many messages the storm's topic carried, and whether the end was told and every listener heard them all."""
    told, messages = False, 0
    try:
        async with asyncio.timeout(_PATIENCE):
            while not told:
                await asyncio.sleep(0.1)
                told, messages = await asyncio.to_thread(_told, world, organization, topic)
            while any(listener.queue.qsize() < messages for listener in listeners):
                await asyncio.sleep(0.1)
    except TimeoutError:
        return messages, False
    return messages, True


def _told(world: World, organization: Organization, topic: str) -> tuple[bool, int]:
    """Whether nothing is kept back, and how many messages there were."""
    with world.database() as connection:
        row = connection.execute(_TOLD, {"organization": organization.id, "topic": topic}).fetchone()
    assert row is not None
    return row[0], row[1]


if __name__ == "__main__":
    main()
