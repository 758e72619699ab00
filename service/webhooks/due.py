"""Tells organizations, when it is due, of what a storm kept back (tell_due)."""

import threading
import time

import httpx
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.logs import log
from service.rest import Deadline, Rest

_FIRST = 1.0  # seconds after a webhook: nothing is due earlier, as a topic's shortest interval is
_AFTER_FAILURE = 5.0  # seconds
_MOST_FAILURES = 6  # in a row: after 30 seconds everybody has read again anyway
_LONGEST_CALL = 4.5  # seconds
_SECONDS: TypeAdapter[float | None] = TypeAdapter(float | None)


class Due:
    """One thread a process at most, and only while there is something to tell or a webhook came a moment ago."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._lock = threading.Lock()
        self._is_running, self._is_expected = False, False

    def expect(self) -> None:
        """Something may have been kept back."""
        with self._lock:
            self._is_expected = True
            if self._is_running:
                return
            self._is_running = True
        # A process that stops does not wait for it: any other process, or the next event, tells what it leaves.
        threading.Thread(target=self._run, name="due", daemon=True).start()

    def _run(self) -> None:
        while self._goes_on():
            left: float | None = _FIRST
            failures = 0
            while left is not None and failures < _MOST_FAILURES:
                time.sleep(left)
                try:
                    left, failures = self._tell(), 0
                except (APIError, httpx.HTTPError) as error:
                    log.warning("due_not_told", error=type(error).__name__)
                    left, failures = _AFTER_FAILURE, failures + 1

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_running, self._is_expected = self._is_expected, False
            return self._is_running

    def _tell(self) -> float | None:
        """In how many seconds the next is due. At least a moment: what another one holds is due and stays so."""
        left = self._rest.call_as_service(Deadline.within(_LONGEST_CALL), "tell_due", _SECONDS)
        return None if left is None else max(left, 0.05)
