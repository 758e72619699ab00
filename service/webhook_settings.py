"""What the service must know of an integration before it takes a webhook, remembered for seconds.

The database stays the authority: the ingest function takes nothing that was verified with settings that are not its own
(`settings_version`), and a webhook that fails with remembered settings is tried again with fresh ones.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from service.crypto import Sealer
from service.rest import Rest, call

# What a token looks like (integrations.webhook_token): nothing else is worth a look-up.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_LIFETIME = 5.0  # seconds
_LONGEST_TOKEN = 128  # characters, as in the table
_MOST = 10_000  # integrations remembered at once


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
        self._rest, self._sealer, self._clock = rest, sealer, clock
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str | None, tuple[float, WebhookSettings]] = OrderedDict()

    def remembered(self, token: str | None) -> WebhookSettings | None:
        """The settings if they were fetched a moment ago."""
        with self._lock:
            at, settings = self._remembered.get(token, (0.0, None))
        return settings if settings is not None and self._clock() - at < _LIFETIME else None

    def fetch(self, token: str | None) -> WebhookSettings | None:
        """The settings as they are now; None: there is no such integration.

        Raises APIError and httpx.HTTPError as PostgREST does, and CannotOpen if a signing secret cannot be opened.
        """
        if token is not None and (len(token) > _LONGEST_TOKEN or "\0" in token):  # Postgres takes no NUL
            return None
        if token is not None and not _TOKEN.fullmatch(token):
            return None
        found = call(self._rest.as_service(), "get_webhook", token=token)
        if not found:
            self.forget(token)
            return None
        organization = found["organization_id"]
        settings = WebhookSettings(
            organization_id=organization,
            enabled=found["enabled"],
            version=found["settings_version"],
            signing_secrets=tuple(
                self._sealer.open(sealed, organization, "signing_secret") for sealed in found["signing_secrets"]
            ),
        )
        with self._lock:
            self._remembered[token] = (self._clock(), settings)
            self._remembered.move_to_end(token)
            while len(self._remembered) > _MOST:
                self._remembered.popitem(last=False)
        return settings

    def forget(self, token: str | None) -> None:
        """Next time, ask."""
        with self._lock:
            self._remembered.pop(token, None)
