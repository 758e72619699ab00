"""What the service must know of an integration before it takes a webhook, remembered for seconds.

The database stays the authority: the ingest function takes nothing that was verified with settings that are not its own
(`settings_version`), and a webhook that fails with remembered settings is tried again with fresh ones.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache
from pydantic import BaseModel, TypeAdapter

from service.crypto import Sealer
from service.rest import Deadline, Rest

# What a token looks like (integrations.webhook_token): nothing else is worth a look-up.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_LIFETIME = 5.0  # seconds
_MOST = 10_000  # tokens remembered at once


class _Found(BaseModel):
    """What get_webhook() answers."""

    organization_id: str
    enabled: bool
    settings_version: int
    signing_secrets: list[str]


_FOUND: TypeAdapter[_Found | None] = TypeAdapter(_Found | None)


@dataclass(frozen=True)
class WebhookSettings:
    """`signing_secrets`: the current one and, for a while after a rotation, the previous one; empty if none is set."""

    organization_id: str
    enabled: bool
    version: int
    signing_secrets: tuple[str, ...]


class WebhookSettingsCache:
    """Settings by webhook token; None stands for the bare URL. Unknown tokens are never remembered."""

    def __init__(self, rest: Rest, sealer: Sealer, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest, self._sealer = rest, sealer
        self._lock = threading.Lock()
        self._remembered: TTLCache[str | None, WebhookSettings] = TTLCache(_MOST, _LIFETIME, clock)

    def remembered(self, token: str | None) -> WebhookSettings | None:
        """The settings if they were fetched a moment ago."""
        with self._lock:
            return self._remembered.get(token)

    def fetch(self, token: str | None, deadline: Deadline) -> WebhookSettings | None:
        """The settings as they are now; None: there is no such integration.

        Raises APIError and httpx.HTTPError as PostgREST does, and CannotOpen if a signing secret cannot be opened.
        """
        if token is not None and not _TOKEN.fullmatch(token):
            return None
        found = self._rest.call_as_service(deadline, "get_webhook", _FOUND, token=token)
        if found is None:
            self.forget(token)
            return None
        organization = found.organization_id
        settings = WebhookSettings(
            organization_id=organization,
            enabled=found.enabled,
            version=found.settings_version,
            signing_secrets=tuple(
                self._sealer.open(sealed, organization, "signing_secret") for sealed in found.signing_secrets
            ),
        )
        with self._lock:
            self._remembered[token] = settings
        return settings

    def forget(self, token: str | None) -> None:
        """Next time, ask."""
        with self._lock:
            self._remembered.pop(token, None)
