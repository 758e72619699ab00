"""How often somebody may call: counted in memory, or in a store that several processes share."""

import functools
import time

from flask import request
from limits import RateLimitItem, parse_many
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from service import problems
from service.logs import log

_LONGEST_WAIT = 10  # seconds; a rate over an hour would ask for more patience than PagerDuty has
_ASK_AGAIN = 10.0  # seconds after which a store that failed is tried again


class Rates:
    """Counts calls. A store that is down must not cost a webhook: this process counts by itself then."""

    def __init__(self, storage_url: str) -> None:
        """`storage_url` is the setting RATE_LIMIT_STORAGE_URL."""
        self._shared = FixedWindowRateLimiter(storage_from_string(storage_url, wrap_exceptions=True))
        self._own = FixedWindowRateLimiter(storage_from_string("memory://"))
        self._shared_from = 0.0

    def hit(self, rate: str, *whose: str) -> bool:
        """Counts a call; False if it is one too many. `rate` is written as 1200 per minute."""
        return self._breach(rate, *whose) is None

    def require(self, rate: str, *whose: str) -> None:
        """Counts a call. Raises the problem too-many-requests if it is one too many."""
        breach = self._breach(rate, *whose)
        if breach is not None:
            wait = {"Retry-After": str(min(breach.get_expiry(), _LONGEST_WAIT))}
            raise problems.TOO_MANY_REQUESTS(f"At most {breach}; slow down.", headers=wait)

    def _breach(self, rate: str, *whose: str) -> RateLimitItem | None:
        return next((limit for limit in _limits(rate) if not self._hit(limit, *whose)), None)

    def _hit(self, limit: RateLimitItem, *whose: str) -> bool:
        if time.monotonic() >= self._shared_from:
            try:
                return self._shared.hit(limit, *whose)
            except Exception as error:  # each kind of store has errors of its own
                log.warning("rates_not_shared", error=type(error).__name__)
                self._shared_from = time.monotonic() + _ASK_AGAIN
        return self._own.hit(limit, *whose)


@functools.cache
def _limits(rate: str) -> list[RateLimitItem]:
    return sorted(parse_many(rate))


def caller() -> str:
    """The address that a request comes from, as the trusted proxies tell it."""
    return request.remote_addr or "127.0.0.1"
