"""PostgREST, as the calling user or as the service."""

import time
from typing import Any, Protocol

import httpx
from flask import g, has_app_context
from postgrest import SyncPostgrestClient

from service.config import Settings

#: Where everything of ours is; PostgREST must expose it (Supabase: API settings → Exposed schemas).
SCHEMA = "pagerduty"
TIMEOUT = httpx.Timeout(4.0, connect=2.0)


class _Query(Protocol):
    def execute(self) -> Any: ...


def rows(query: _Query) -> list[dict[str, Any]]:
    """Runs a query and answers its rows. Raises postgrest's APIError and httpx.HTTPError, as `call` does."""
    found: list[dict[str, Any]] = query.execute().data
    return found


def call(client: SyncPostgrestClient, function: str, *, get: bool = False, **arguments: Any) -> Any:
    """Calls a database function, with `get` in a read-only transaction; answers its result as JSON."""
    return client.rpc(function, arguments, get=get).execute().data


def _keep_to_deadline(request: httpx.Request) -> None:
    """A route that must answer by `g.answer_by` (of time.monotonic) waits for no call longer than what is left."""
    answer_by = g.get("answer_by") if has_app_context() else None
    if answer_by is None:
        return
    left = answer_by - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("No time is left for this call", request=request)
    request.extensions["timeout"] = httpx.Timeout(left * 0.8, connect=left * 0.2).as_dict()


class Rest:
    """One pool of connections; every client made from it speaks for somebody."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.supabase_url}/rest/v1"
        self._publishable_key = settings.supabase_publishable_key
        self._secret_key = settings.supabase_secret_key.get_secret_value()
        self._http = httpx.Client(
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            event_hooks={"request": [_keep_to_deadline]},
        )

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

    def is_up(self) -> bool:
        """Does PostgREST answer, and its database behind it?"""
        try:
            self.as_service().table("organizations").select("id").limit(1).execute()
        except Exception:
            return False
        return True

    def _client(self, headers: dict[str, str]) -> SyncPostgrestClient:
        # No retries: a user retries by hand, PagerDuty by its own schedule, and both wait for us meanwhile.
        return SyncPostgrestClient(
            self._url, schema=SCHEMA, headers=headers, http_client=self._http, retry_enabled=False
        )
