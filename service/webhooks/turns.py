"""How many webhooks of one integration are worked on at once: no integration keeps the others from their turn."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class NoTurn(Exception):
    """Too many are at work, and none of them finished in time."""


@dataclass(slots=True)
class _Lane:
    turns: threading.Semaphore
    users: int = field(default=0)


class Turns:
    """At most `at_once` turns a key at one time; up to `waiting` more wait for one, `patience` seconds at most."""

    def __init__(self, at_once: int, waiting: int, patience: float) -> None:
        self._at_once, self._most, self._patience = at_once, at_once + waiting, patience
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Holds a turn while the block runs. Raises NoTurn."""
        lane = self._enter(key)
        try:
            if not lane.turns.acquire(timeout=self._patience):
                raise NoTurn
            try:
                yield
            finally:
                lane.turns.release()
        finally:
            self._leave(key, lane)

    def _enter(self, key: str) -> _Lane:
        with self._lock:
            lane = self._lanes.setdefault(key, _Lane(threading.Semaphore(self._at_once)))
            if lane.users >= self._most:
                raise NoTurn
            lane.users += 1
            return lane

    def _leave(self, key: str, lane: _Lane) -> None:
        with self._lock:
            lane.users -= 1
            if not lane.users:
                del self._lanes[key]
