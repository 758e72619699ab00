"""How many events a second there were, and whether that is too many (Supabase: Realtime's RateCounter)."""

import time
from collections import deque
from collections.abc import Callable


class RateCounter:
    """Counts events into buckets of `tick` seconds and averages them over the last `ticks` buckets.

    The verdict changes only when a bucket is full: a burst passes until then, and what is over the limit stays so until
    the average has fallen below it. `limit` is in events a second.
    """

    def __init__(
        self, limit: float, tick: float = 5.0, ticks: int = 12, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._tick = tick
        self._ticks = ticks
        self._now = now
        self._buckets: deque[int] = deque([0], maxlen=ticks)
        self._count = 0
        self._bucket_ends = now() + tick

    @property
    def average(self) -> float:
        """Events a second, over the buckets that are full."""
        self._fill()
        return sum(self._buckets) / len(self._buckets) / self._tick

    @property
    def exceeded(self) -> bool:
        """Whether there were too many."""
        return self.average >= self._limit

    def add(self, events: int = 1) -> None:
        """Counts events that happened now."""
        self._fill()
        self._count += events

    def _fill(self) -> None:
        """Closes the bucket whose time is over, and an empty one for each that passed since without an event."""
        late = self._now() - self._bucket_ends
        if late < 0:
            return
        passed = int(late // self._tick)
        self._buckets.extend([self._count, *[0] * min(passed, self._ticks)])
        self._count = 0
        self._bucket_ends += (passed + 1) * self._tick
