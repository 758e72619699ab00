"""Broadcasts from the database: rows of `realtime.messages`, told of by a notification when they are committed.

Real Realtime reads them by logical replication; what a client sees is the same, losses included: what is sent while
the connection is broken is lost without a word.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from devstack.realtime.channels import Hub
from devstack.realtime.protocol import UserBroadcast

log = logging.getLogger(__name__)

CHANNEL: LiteralString = "realtime_messages"
BATCH = 500
RECONNECT_AFTER = 0.2  # seconds
CONNECT_TIMEOUT = 10.0  # seconds

FETCH: LiteralString = """
    select messages.id::text, messages.topic, messages.event, messages.private,
      messages.payload::text, messages.binary_payload
    from unnest(%s::uuid[], %s::timestamp[]) with ordinality as wanted (id, inserted_at, position)
    join realtime.messages using (id, inserted_at)
    where messages.event is not null
      and messages.private is not null
      and (messages.binary_payload is not null or jsonb_typeof(messages.payload) = 'object')
    order by wanted.position
"""

#: Replay is of private channels only, the newest `limit` of them (Supabase: Realtime.Messages). Times are in the
#: session's zone, as the column's default is; Supabase's databases are in UTC.
REPLAY: LiteralString = """
    select id::text, event, payload::text, binary_payload
    from realtime.messages
    where topic = %s
      and private
      and extension = 'broadcast'
      and event is not null
      and inserted_at >= to_timestamp(%s)::timestamp
      and inserted_at < localtimestamp + interval '1 minute'
    order by inserted_at desc
    limit %s
"""


@dataclass(frozen=True)
class StoredBroadcast:
    """A row of `realtime.messages`: JSON text or bytes."""

    id: str
    event: str
    payload: str | None
    binary: bytes | None


class Listener:
    """Passes committed rows of `realtime.messages` on to a hub, in the order of their commits."""

    def __init__(self, dsn: str, pool: AsyncConnectionPool, hub: Hub) -> None:
        self._dsn = dsn
        self._pool = pool
        self._hub = hub
        self._noticed: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.connected = asyncio.Event()

    async def start(self) -> None:
        """Starts listening; returns when the database is connected, or has not answered for a while."""
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._deliver())]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.connected.wait(), CONNECT_TIMEOUT)

    async def stop(self) -> None:
        """Stops listening."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    self.connected.set()
                    async for notice in connection.notifies():
                        self._noticed.put_nowait(notice.payload)
            except psycopg.Error as error:
                log.warning("Realtime's connection broke, trying again: %s", error)
            self.connected.clear()
            await asyncio.sleep(RECONNECT_AFTER)

    async def _deliver(self) -> None:
        while True:
            notices = [await self._noticed.get()]
            while len(notices) < BATCH and not self._noticed.empty():
                notices.append(self._noticed.get_nowait())
            try:
                await self._broadcast(notices)
            except (psycopg.Error, PoolTimeout, ValueError) as error:
                log.warning("%d broadcasts are lost: %s", len(notices), error)

    async def _broadcast(self, notices: Sequence[str]) -> None:
        stamps, ids = [], []
        for notice in notices:
            stamp, _, row = notice.partition(" ")
            stamps.append(stamp)
            ids.append(uuid.UUID(row))
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(FETCH, (ids, stamps), prepare=True)).fetchall()
        for row, topic, event, private, payload, binary in rows:
            stored = StoredBroadcast(row, event, payload, binary)
            if self._hub.events.exceeded:
                log.info("MessagePerSecondRateLimitReached: a broadcast is dropped")
            else:
                self._hub.broadcast(topic, private, as_broadcast(stored))


def as_broadcast(stored: StoredBroadcast) -> UserBroadcast:
    """A row as it is sent live: bytes win over JSON, and `meta` names the row."""
    meta = {"id": stored.id}
    if stored.binary is not None:
        return UserBroadcast(stored.event, stored.binary, is_json=False, meta=meta)
    return UserBroadcast(stored.event, (stored.payload or "null").encode(), meta=meta)


async def replay(pool: AsyncConnectionPool, topic: str, since_ms: int, limit: int) -> list[StoredBroadcast]:
    """A private topic's last broadcasts since then (milliseconds of Unix time), oldest first, at most 25."""
    limit = max(1, min(limit, 25))
    async with pool.connection() as connection:
        rows = await (await connection.execute(REPLAY, (topic, since_ms / 1000, limit))).fetchall()
    return [StoredBroadcast(*row) for row in reversed(rows)]
