"""Webhooks that wait at the same moment go to the database in one call, and are committed together.

A webhook that comes alone goes at once. While its integration has a call on its way, those that come wait for that to
end, and go with the next: in the database they would only wait for its lock. Each integration has a lane of its own,
and the lanes take turns: the storm of one does not hold up another.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import httpx
from postgrest.exceptions import APIError
from pydantic import BaseModel, TypeAdapter

from service.pagerduty.mapping import IngestRecord
from service.rest import Deadline, Nonsense, Rest

_CALLS = 2  # on their way, where all goes well
_MOST_CALLS = 16  # where some of them hang
_HANGS = 0.25  # seconds of waiting after which one more call is made
_PATIENCE = 2.0  # seconds that a webhook waits for its turn
_MOST_WAITING = 64  # webhooks of one integration
# One call takes as much as one webhook may bring, however many they are.
_MOST_WEBHOOKS, _MOST_EVENTS, _MOST_BYTES = 32, 100, 1024 * 1024


class NoTurn(Exception):
    """More webhooks of an integration came at once than are taken."""


class Webhook(TypedDict):
    """What ingest_webhooks() takes: what was verified with these settings. The subscription's id is PagerDuty's."""

    token: str | None
    settings_version: int
    events: Sequence[IngestRecord]
    subscription_id: NotRequired[str | None]


class Ingested(BaseModel):
    """What ingest_webhooks() answers for each. Unless `status` is "done", nothing was taken, and the rest is absent."""

    status: str
    organization_id: str | None = None
    outcomes: list[dict[str, Any]] = []
    recipients: int | None = None


_ANSWERS: TypeAdapter[list[Ingested]] = TypeAdapter(list[Ingested])


@dataclass(eq=False, slots=True)
class _Waiting:
    """A webhook, and the answer that its sender waits for; `lane` is its organization, `size` the body's bytes."""

    lane: str
    webhook: Webhook
    size: int
    deadline: Deadline
    is_alone: bool = False  # it, or one that it went with, met an error
    answer: "Future[Ingested]" = field(default_factory=Future)

    @property
    def has_begun(self) -> bool:
        return self.answer.running() or self.answer.done()


class Together:
    """Takes webhooks to the database."""

    def __init__(self, rest: Rest, *, count_recipients: bool = False) -> None:
        """`count_recipients`: each answer says how many people its integration's organization has."""
        self._rest, self._counts = rest, count_recipients
        self._lock = threading.Lock()
        self._lanes: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._under_way: set[str] = set()  # lanes that have a call on its way
        self._calls = 0
        self._callers = ThreadPoolExecutor(_MOST_CALLS, "together")

    def ingest(self, organization_id: str, webhook: Webhook, size: int, deadline: Deadline) -> Ingested:
        """The answer to a webhook, once it is committed. Raises NoTurn, APIError and httpx.HTTPError."""
        waiting = _Waiting(organization_id, webhook, size, deadline)
        self._enter(waiting)
        for seconds in (_HANGS, _PATIENCE - _HANGS):
            try:
                return waiting.answer.result(min(seconds, deadline.left))
            except TimeoutError:
                if not waiting.has_begun:
                    self._call_once_more(_MOST_CALLS)
        if waiting.answer.cancel():
            self._leave(waiting)
            raise NoTurn
        try:
            return waiting.answer.result(deadline.left)
        except TimeoutError:
            raise httpx.ReadTimeout("ingest_webhooks took too long") from None

    def _enter(self, waiting: _Waiting) -> None:
        with self._lock:
            lane = self._lanes.setdefault(waiting.lane, deque())
            if len(lane) >= _MOST_WAITING:
                raise NoTurn
            lane.append(waiting)
        self._call_once_more(_CALLS)

    def _leave(self, waiting: _Waiting) -> None:
        with self._lock:
            lane = self._lanes.get(waiting.lane)
            if lane is not None and waiting in lane:
                lane.remove(waiting)
                if not lane:
                    del self._lanes[waiting.lane]

    def _call_once_more(self, most: int) -> None:
        """One more call, unless there are so many."""
        with self._lock:
            if self._calls >= most:
                return
            self._calls += 1
        self._callers.submit(self._call_until_none_waits)

    def _call_until_none_waits(self) -> None:
        while batch := self._next():
            try:
                self._settle(batch, self._call(batch))
            except Exception as error:  # whatever it is, it is theirs who wait
                self._fail(batch, error)
            with self._lock:
                self._under_way -= {waiting.lane for waiting in batch}

    def _next(self) -> list[_Waiting]:
        """Those that go next: one of each lane in turn, as far as they fit. Empty: this call was the last."""
        batch: list[_Waiting] = []
        with self._lock:
            free = deque(lane for lane in self._lanes if lane not in self._under_way)
            while free and (not batch or _fits(batch, self._lanes[free[0]][0])):
                key = free.popleft()
                waiting = self._lanes[key].popleft()
                if self._lanes[key]:
                    self._lanes.move_to_end(key)
                    free.append(key)
                else:
                    del self._lanes[key]
                if waiting.answer.running() or waiting.answer.set_running_or_notify_cancel():
                    batch.append(waiting)
            self._under_way |= {waiting.lane for waiting in batch}
            if not batch:
                self._calls -= 1
        return batch

    def _call(self, batch: Sequence[_Waiting]) -> list[Ingested]:
        answers = self._rest.call_as_service(
            Deadline(max(waiting.deadline.at for waiting in batch)),
            "ingest_webhooks",
            _ANSWERS,
            webhooks=[waiting.webhook for waiting in batch],
            count_recipients=self._counts,
        )
        if len(answers) != len(batch):
            raise Nonsense(f"{len(answers)} answers to {len(batch)} webhooks")
        return answers

    def _settle(self, batch: Sequence[_Waiting], answers: Sequence[Ingested]) -> None:
        for waiting, answer in zip(batch, answers, strict=True):
            if answer.status == "failed":
                self._try_alone(waiting)
            else:
                waiting.answer.set_result(answer)

    def _fail(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """What the database has against a call may be one webhook's fault; that it did not answer is nobody's."""
        for waiting in batch:
            if isinstance(error, APIError) and len(batch) > 1:
                self._try_alone(waiting)
            else:
                waiting.answer.set_exception(error)

    def _try_alone(self, waiting: _Waiting) -> None:
        waiting.is_alone = True
        with self._lock:
            self._lanes.setdefault(waiting.lane, deque()).appendleft(waiting)


def _fits(batch: Sequence[_Waiting], another: _Waiting) -> bool:
    together = [*batch, another]
    return (
        not any(waiting.is_alone for waiting in together)
        and len(together) <= _MOST_WEBHOOKS
        and sum(len(waiting.webhook["events"]) for waiting in together) <= _MOST_EVENTS
        and sum(waiting.size for waiting in together) <= _MOST_BYTES
    )
