"""PostgREST, as the calling user or as the service."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import httpx
from postgrest import SyncPostgrestClient, SyncSelectRequestBuilder
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.config import Settings
from service.vocabulary import ID_PATTERN

#: Where everything of ours is; PostgREST must expose it (Supabase: API settings → Exposed schemas).
SCHEMA = "pagerduty"
TIMEOUT = httpx.Timeout(4.0, connect=2.0)
_MOST_CONNECTIONS = 64

T = TypeVar("T")


class Nonsense(httpx.DecodingError):
    """An answer in Supabase's name that is none of PostgREST's: no JSON, or of another shape. A retry may cure it."""


class Row(dict[str, Any]):
    """A row of an answer: one that lacks what was asked for is nonsense."""

    def __missing__(self, column: str) -> Any:
        raise Nonsense(f"a row without {column}")


#: What functions answer that answer nothing: PostgREST sends no body, which the client makes an empty list of.
NOTHING: TypeAdapter[Any] = TypeAdapter(Any)
_ROWS: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[dict[str, Any]])


class SchemaNotExposed(Exception):
    """PostgREST does not serve our schema; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            f'PostgREST does not expose the schema "{SCHEMA}". Add it in the dashboard under API settings → Exposed '
            f"schemas; or under [api] schemas in supabase/config.toml; or by SQL: alter role authenticator set "
            f"pgrst.db_schemas = 'public, graphql_public, {SCHEMA}'; notify pgrst, 'reload config'."
        )


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, by time.monotonic(), by which everything that is given it must be over."""

    at: float

    @classmethod
    def within(cls, seconds: float) -> "Deadline":
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds; 0 once it has passed."""
        return max(self.at - time.monotonic(), 0.0)


class _Query(Protocol):
    def execute(self) -> Any: ...


def rows(query: _Query) -> list[Row]:
    """Runs a query and answers its rows. Raises postgrest's APIError and httpx.HTTPError, as `call` does."""
    return _understood(lambda: [Row(row) for row in _ROWS.validate_python(query.execute().data)])


def made_row(query: _Query) -> Row:
    """Runs a query that makes one row, and answers it."""
    made = rows(query)
    if len(made) != 1:
        raise Nonsense(f"{len(made)} rows in the place of the one that was made")
    return made[0]


def is_id(text: str) -> bool:
    """Can this be a row's id?"""
    return re.fullmatch(ID_PATTERN, text) is not None


def row_of(query: SyncSelectRequestBuilder, row_id: str) -> Row | None:
    """The row with this id, if there is one to see. A text that cannot be an id needs no query."""
    if not is_id(row_id):
        return None
    return next(iter(rows(query.eq("id", row_id))), None)


def call(
    client: SyncPostgrestClient, function: str, result: TypeAdapter[T], *, get: bool = False, **arguments: Any
) -> T:
    """Calls a database function, with `get` in a read-only transaction; answers its result, which is of that type."""
    query = client.rpc(function, arguments, get=get)
    return _understood(lambda: result.validate_python(query.execute().data))


def _understood(read: Callable[[], T]) -> T:
    """What `read` answers. Raises Nonsense for an answer that cannot be read, and for one that is nested too deeply."""
    try:
        return read()
    except (ValueError, TypeError, RecursionError) as error:
        raise Nonsense(f"an answer that cannot be read: {type(error).__name__}") from None


class Rest:
    """One pool of connections; every client made from it speaks for somebody."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.supabase_url}/rest/v1"
        self._publishable_key = settings.supabase_publishable_key
        self._secret_key = settings.supabase_secret_key.get_secret_value()
        limits = httpx.Limits(max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS // 2)
        self._http = httpx.Client(timeout=TIMEOUT, limits=limits)
        self._callers = ThreadPoolExecutor(_MOST_CONNECTIONS, "rest")

    def as_user(self, access_token: str) -> SyncPostgrestClient:
        """With the user's own token: RLS decides."""
        return self._client({"apikey": self._publishable_key, "Authorization": f"Bearer {access_token}"})

    def as_service(self) -> SyncPostgrestClient:
        """With the secret key: for receiving webhooks and for the worker, never in a user's request.

        Supabase: a new-style key goes into `apikey` alone; a legacy one is a JWT and goes into both headers.
        """
        headers = {"apikey": self._secret_key}
        if not self._secret_key.startswith("sb_"):
            headers["Authorization"] = f"Bearer {self._secret_key}"
        return self._client(headers)

    def call_as_service(self, deadline: Deadline, function: str, result: TypeAdapter[T], **arguments: Any) -> T:
        """Calls a database function with the secret key. Raises httpx.TimeoutException when the deadline passes.

        httpx's timeouts are for one read each: a server that sends a byte now and then would never meet one. So a
        thread of its own makes the call, and the deadline is for how long its result is waited for.
        """
        running = self._callers.submit(lambda: call(self.as_service(), function, result, **arguments))
        try:
            return running.result(deadline.left)
        except StillRunning:
            running.cancel()  # if it has not begun, it never will
            raise httpx.ReadTimeout(f"{function} took too long") from None

    def check(self) -> None:
        """Does PostgREST answer, and our schema behind it? Raises SchemaNotExposed, APIError, httpx.HTTPError."""
        try:
            rows(self.as_service().table("organizations").select("id").limit(1))
        except APIError as error:
            if error.code == "PGRST106":  # PostgREST docs: Errors
                raise SchemaNotExposed from None
            raise

    def close(self) -> None:
        """Closes the connections, those in use, too: it makes no calls any more."""
        self._http.close()
        self._callers.shutdown(wait=False)

    def _client(self, headers: dict[str, str]) -> SyncPostgrestClient:
        # No retries: a user retries by hand, PagerDuty by its own schedule, and both wait for us meanwhile.
        return SyncPostgrestClient(
            self._url, schema=SCHEMA, headers=headers, http_client=self._http, retry_enabled=False
        )
