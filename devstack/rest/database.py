"""The connections to PostgreSQL and the one transaction that a request runs in.

Source: PostgREST, "Transactions" (access mode, role, transaction-scoped settings) and "Schema Cache" (reloading).
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row
from psycopg.types.string import StrDumperUnknown
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from devstack.rest.answers import ApiError
from devstack.rest.schema import Schema, SchemaCache, read_schema
from devstack.rest.statements import Statement

log = logging.getLogger(__name__)

#: Seconds to wait for a connection, and for a new one to be made.
POOL_TIMEOUT = 5.0
CONNECT_TIMEOUT = 3
#: Where schemas that are searched beside the exposed one stand; Supabase's setting.
EXTRA_SEARCH_PATH = ("public", "extensions")


@dataclass(frozen=True)
class Row:
    """What a statement answers (see `statements`)."""

    total: int | None
    page_rows: int
    body: str
    location: list[str] | None
    headers: str | None
    status: str | None
    inserted: str | None


class Transaction:
    """The transaction of one request."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self.rolled_back = False

    async def run(self, statement: Statement) -> Row:
        """Runs a statement that answers one row."""
        async with psycopg.AsyncRawCursor(self._connection, row_factory=class_row(Row)) as cursor:
            await cursor.execute(statement.text, statement.values)
            row = await cursor.fetchone()
        if row is None:
            raise psycopg.DatabaseError("a statement answered no row")
        return row

    async def planned_rows(self, statement: Statement) -> int:
        """How many rows the planner expects of a statement."""
        async with psycopg.AsyncRawCursor(self._connection, row_factory=tuple_row) as cursor:
            await cursor.execute(psycopg.sql.SQL("explain (format json) ") + statement.text, statement.values)
            row = await cursor.fetchone()
        return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0

    async def set(self, settings: Mapping[str, str]) -> None:
        """Sets settings for the rest of the transaction, in their order."""
        calls = [f"set_config(${2 * i + 1}, ${2 * i + 2}, true)" for i in range(len(settings))]
        values = [part for setting in settings.items() for part in setting]
        async with psycopg.AsyncRawCursor(self._connection) as cursor:
            await cursor.execute(("select " + ", ".join(calls)).encode(), values)

    async def roll_back_at_end(self) -> None:
        """Makes the transaction roll back when the request is done, its deferred constraints checked."""
        await self._connection.execute("set constraints all immediate")
        self.rolled_back = True


class Database:
    """A pool of connections that are logged in as the authenticator, and the schema cache."""

    def __init__(self, dsn: str, schemas: Sequence[str]) -> None:
        self._dsn = dsn
        self.schemas = tuple(schemas)
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] | None = None
        self.cache = SchemaCache(self._read_schema)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Holds the pool open, and listens for `notify pgrst, 'reload schema'`."""
        pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            self._dsn,
            min_size=1,
            max_size=10,
            open=False,
            timeout=POOL_TIMEOUT,
            check=AsyncConnectionPool.check_connection,
            configure=_configure,
            # Statements are not prepared: their plans would outlive the tables that tests and migrations change.
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": CONNECT_TIMEOUT},
        )
        async with pool:
            self._pool = pool
            listener = asyncio.create_task(self._listen())
            try:
                yield
            finally:
                listener.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listener
                self._pool = None

    @contextlib.asynccontextmanager
    async def transaction(self, settings: Mapping[str, str], *, read_only: bool) -> AsyncIterator[Transaction]:
        """A transaction with its settings made (the role among them); an error inside rolls it back.

        Raises psycopg.Error, and ApiError when no connection can be had (PGRST000: unreachable, PGRST003: all busy).
        """
        async with self._connection() as connection:
            await connection.set_read_only(read_only)
            async with connection.transaction() as block:
                transaction = Transaction(connection)
                await transaction.set(settings)
                yield transaction
                if transaction.rolled_back:
                    raise psycopg.Rollback(block)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        if self._pool is None:
            raise RuntimeError("the stand-in's lifespan has not begun")
        try:
            connection = await self._pool.getconn()
        except PoolTimeout as error:
            raise await self._why_no_connection() from error
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def _why_no_connection(self) -> ApiError:
        try:
            probe = await psycopg.AsyncConnection.connect(self._dsn, connect_timeout=CONNECT_TIMEOUT)
            await probe.close()
        except psycopg.Error:
            return ApiError(503, "PGRST000", "Database connection error. Retrying the connection.")
        return ApiError(504, "PGRST003", "Timed out acquiring connection from connection pool.")

    async def _read_schema(self) -> Schema:
        async with self._connection() as connection:
            await connection.set_read_only(True)
            return await read_schema(connection, self.schemas)

    async def _listen(self) -> None:
        """Forgets the schema at every notification, and whenever the connection was lost."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT
                ) as connection:
                    await connection.execute("listen pgrst")
                    self.cache.forget()
                    async for _ in connection.notifies():
                        self.cache.forget()
            except psycopg.Error as error:
                log.debug("the listener for schema reloads lost its connection: %s", error.sqlstate)
            await asyncio.sleep(1)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Sends strings with no type, so that PostgreSQL takes them as what they are compared with."""
    connection.adapters.register_dumper(str, StrDumperUnknown)


def request_settings(
    *,
    schema: str,
    role: str,
    claims: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
    timezone: str | None,
) -> dict[str, str]:
    """The settings of a request's transaction, as PostgREST names them."""
    search_path = ", ".join(psycopg.sql.Identifier(name).as_string() for name in (schema, *EXTRA_SEARCH_PATH))
    settings = {
        "search_path": search_path,
        "role": role,
        "request.jwt.claims": claims,
        "request.method": method,
        "request.path": path,
        "request.headers": json.dumps({name: value for name, value in headers.items() if name != "cookie"}),
        "request.cookies": json.dumps(dict(cookies)),
    }
    return settings if timezone is None else {**settings, "timezone": timezone}
