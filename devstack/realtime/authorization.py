"""Who may listen to and speak on a private channel: row level security on `realtime.messages` decides.

As Realtime does it, in one transaction that is always rolled back: to ask about reading, a probe row is inserted by
the superuser and selected back as the user; to ask about writing, it is inserted as the user.
"""

import json
import logging
import uuid
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

log = logging.getLogger(__name__)

PROBE: LiteralString = "insert into realtime.messages (id, topic, extension) values (%s, %s, 'broadcast')"
BECOME: LiteralString = """
    select
      set_config('role', %(role)s, true),
      set_config('realtime.topic', %(topic)s, true),
      set_config('request.jwt.claims', %(claims)s, true),
      set_config('request.jwt.claim.sub', %(sub)s::text, true),
      set_config('request.jwt.claim.role', %(role)s, true),
      set_config('request.headers', %(headers)s, true)
"""


class DatabaseUnavailableError(Exception):
    """The database could not be asked."""


class Authorizer:
    """Asks the policies on `realtime.messages`, on connections of the superuser."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def may_read(self, topic: str, claims: dict[str, Any], headers: dict[str, str]) -> bool:
        """Whether the bearer of these claims may listen to the topic. Raises DatabaseUnavailableError."""
        return await self._ask(True, topic, claims, headers)

    async def may_write(self, topic: str, claims: dict[str, Any], headers: dict[str, str]) -> bool:
        """Whether the bearer of these claims may broadcast to the topic. Raises DatabaseUnavailableError."""
        return await self._ask(False, topic, claims, headers)

    async def _ask(self, reading: bool, topic: str, claims: dict[str, Any], headers: dict[str, str]) -> bool:
        user = {
            "role": claims["role"],
            "topic": topic,
            "claims": json.dumps(claims),
            "sub": claims.get("sub"),
            "headers": json.dumps(headers),
        }
        probe = uuid.uuid4()
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                if reading:
                    await connection.execute(PROBE, (probe, topic))
                    await connection.execute(BECOME, user)
                    found = await connection.execute("select 1 from realtime.messages where id = %s", (probe,))
                    return await found.fetchone() is not None
                await connection.execute(BECOME, user)
                await connection.execute(PROBE, (probe, topic))
                return True
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseUnavailableError from error
        except psycopg.Error as error:
            if not isinstance(error, psycopg.errors.InsufficientPrivilege):
                # An unknown role, or a policy that fails: Realtime says no and logs it.
                log.warning("RlsPolicyError: %s", error)
            return False
