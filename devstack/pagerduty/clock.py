"""The sandbox's time: the machine's, and as far ahead of it as tests have moved it."""

import asyncio
from datetime import UTC, datetime, timedelta


class Clock:
    """Time that can be moved forward. Whoever waits for a moment is woken when it is moved."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = timedelta(seconds=ahead)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        """Raises ValueError if that is no time ahead, or more than a year of it."""
        if not 0 < seconds <= 366 * 86400:
            raise ValueError("The clock moves forward, by a year at most.")
        self.ahead += timedelta(seconds=seconds)
        self.wake()

    def reset(self) -> None:
        """The machine's own time again."""
        self.ahead = timedelta()
        self.wake()

    def wake(self) -> None:
        """Lets whoever waits look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, until: datetime | None) -> None:
        """Until that moment (None: for ever), or until the clock is moved or somebody wakes it."""
        moved = self._moved
        left = None if until is None else max((until - self.now()).total_seconds(), 0.001)
        try:
            await asyncio.wait_for(moved.wait(), left)
        except TimeoutError:
            return


def stamp(at: datetime) -> str:
    """As the REST API writes times: whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def precise(at: datetime) -> str:
    """As webhooks write times: milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parsed(text: str) -> datetime:
    """The moment that a text of ISO 8601 names; without a zone, in UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
