"""Who goes together to the database, who waits, and what becomes of those that meet an error."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from postgrest.exceptions import APIError

from service.rest import Deadline, Nonsense
from service.webhooks import together
from service.webhooks.together import Ingested, NoTurn, Together, Webhook

PATIENCE = 20


def webhook(name: str, events: int = 1) -> Webhook:
    return Webhook(token=name, settings_version=1, events=[{}] * events)  # type: ignore[typeddict-item]


@dataclass
class Database:
    """Answers calls when the test says so; `calls` are the names of the webhooks in each."""

    calls: list[list[str]] = field(default_factory=list)
    open: list[Future[Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def call_as_service(self, deadline: Deadline, function: str, result: Any, **arguments: Any) -> list[Ingested]:
        assert function == "ingest_webhooks"
        names = [str(one["token"]) for one in arguments["webhooks"]]
        answer: Future[list[Ingested]] = Future()
        with self.changed:
            self.calls.append(names)
            self.open.append(answer)
            self.changed.notify_all()
        return answer.result(PATIENCE)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), self.calls

    def answer(self, number: int, *statuses: str) -> None:
        """Answers a call: all done, unless statuses are given."""
        self.wait_for(lambda: len(self.open) > number)
        told = statuses or ["done"] * len(self.calls[number])
        named = zip(told, self.calls[number], strict=True)
        self.open[number].set_result([Ingested(status=status, organization_id=name) for status, name in named])

    def fail(self, number: int, error: Exception) -> None:
        self.wait_for(lambda: len(self.open) > number)
        self.open[number].set_exception(error)


class Senders:
    """Senders of webhooks, each waiting for its answer."""

    def __init__(self) -> None:
        self.database = Database()
        self.together = Together(self.database)  # type: ignore[arg-type]
        self._pool = ThreadPoolExecutor(200)

    def send(self, name: str, lane: str | None = None, *, events: int = 1, size: int = 100) -> "Future[Ingested]":
        """Returns when this webhook waits, or is on its way."""
        sent = self._pool.submit(
            self.together.ingest, lane or name, webhook(name, events), size, Deadline.within(PATIENCE)
        )
        while not self._is_known(name) and not sent.done():
            threading.Event().wait(0.001)
        return sent

    def _is_known(self, name: str) -> bool:
        with self.together._lock:
            waiting = [one.webhook["token"] for lane in self.together._lanes.values() for one in lane]
        return name in waiting or any(name in call for call in self.database.calls)


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> Senders:
    """Nobody loses patience, unless a test says so."""
    monkeypatch.setattr(together, "_HANGS", float(PATIENCE))
    monkeypatch.setattr(together, "_PATIENCE", 2.0 * PATIENCE)
    return Senders()


def occupied(senders: Senders) -> list["Future[Ingested]"]:
    """As many calls are on their way as go at once; they are the first of `database.calls`."""
    sent = []
    for number in range(together._CALLS):
        sent.append(senders.send(f"first {number}"))
        senders.database.wait_for(lambda number=number: len(senders.database.calls) == number + 1)  # type: ignore[misc]
    return sent


def test_alone_one_goes_at_once(senders: Senders) -> None:
    sent = senders.send("alone")
    senders.database.answer(0)
    assert sent.result(PATIENCE).organization_id == "alone"
    assert senders.database.calls == [["alone"]]


def test_those_that_wait_go_together(senders: Senders) -> None:
    first = occupied(senders)
    sent = [senders.send(f"{number}") for number in range(10)]
    senders.database.answer(0)
    senders.database.answer(together._CALLS)
    assert [one.result(PATIENCE).organization_id for one in sent] == [f"{number}" for number in range(10)]
    assert senders.database.calls[together._CALLS] == [f"{number}" for number in range(10)]
    assert first[0].result(PATIENCE).status == "done"


def test_an_integration_has_one_call_at_a_time(senders: Senders) -> None:
    """It would only wait for its own lock; another goes past it."""
    senders.send("a0", "a")
    senders.database.wait_for(lambda: len(senders.database.calls) == 1)
    waiting = [senders.send(f"a{number}", "a") for number in (1, 2, 3)]
    other = senders.send("b0", "b")
    senders.database.answer(1)
    assert other.result(PATIENCE).organization_id == "b0"
    assert senders.database.calls == [["a0"], ["b0"]]
    senders.database.answer(0)
    senders.database.answer(2)
    assert [one.result(PATIENCE).organization_id for one in waiting] == ["a1", "a2", "a3"]
    assert senders.database.calls[2] == ["a1", "a2", "a3"]


def test_the_lanes_take_turns(senders: Senders) -> None:
    """Fifty of one storm do not come before the one of another."""
    occupied(senders)
    for number in range(50):
        senders.send(f"storm {number}", "storm")
    senders.send("other")
    senders.database.answer(0)
    senders.database.wait_for(lambda: len(senders.database.calls) > together._CALLS)
    assert senders.database.calls[together._CALLS][:3] == ["storm 0", "other", "storm 1"]


@pytest.mark.parametrize(
    ("events", "size", "most"),
    [(1, 100, together._MOST_WEBHOOKS), (30, 100, 3), (1, 300_000, 3), (100, 10, 1)],
    ids=["webhooks", "events", "bytes", "a large one"],
)
def test_a_call_has_bounds(senders: Senders, events: int, size: int, most: int) -> None:
    occupied(senders)
    for number in range(most + 5):
        senders.send(f"{number}", events=events, size=size)
    senders.database.answer(0)
    senders.database.wait_for(lambda: len(senders.database.calls) > together._CALLS)
    assert senders.database.calls[together._CALLS] == [f"{number}" for number in range(most)]


def test_one_that_failed_is_tried_alone_and_the_others_are_answered(senders: Senders) -> None:
    first, *_ = occupied(senders)
    good, bad, fine = (senders.send(name) for name in ("good", "bad", "fine"))
    senders.database.answer(0)
    first.result(PATIENCE)
    senders.database.answer(together._CALLS, "done", "failed", "done")
    assert good.result(PATIENCE).status == fine.result(PATIENCE).status == "done"
    senders.database.wait_for(lambda: len(senders.database.calls) > together._CALLS + 1)
    assert senders.database.calls[together._CALLS + 1] == ["bad"]
    refused = APIError({"message": "no", "code": "XX001"})
    senders.database.fail(together._CALLS + 1, refused)
    with pytest.raises(APIError):
        bad.result(PATIENCE)


def test_where_the_database_refuses_a_call_each_is_tried_alone(senders: Senders) -> None:
    """It may be the fault of one of them: a statement that takes too long, a lock at the end."""
    occupied(senders)
    sent = [senders.send(name) for name in "abc"]
    senders.database.answer(0)
    senders.database.fail(together._CALLS, APIError({"message": "canceled", "code": "57014"}))
    for number in range(3):
        senders.database.answer(together._CALLS + 1 + number)
    assert [one.result(PATIENCE).organization_id for one in sent] == ["a", "b", "c"]
    assert sorted(senders.database.calls[together._CALLS + 1 :]) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("error", [httpx.ConnectError("gone"), Nonsense("nothing of ours"), RuntimeError("ours")])
def test_what_is_nobodys_fault_is_told_to_all(senders: Senders, error: Exception) -> None:
    occupied(senders)
    sent = [senders.send(name) for name in "ab"]
    senders.database.answer(0)
    senders.database.fail(together._CALLS, error)
    for one in sent:
        with pytest.raises(type(error)):
            one.result(PATIENCE)
    after = senders.send("after")
    senders.database.answer(together._CALLS + 1)
    assert after.result(PATIENCE).status == "done", "and it goes on"


def test_too_few_answers_are_nonsense(senders: Senders) -> None:
    sent = senders.send("one")
    senders.database.wait_for(lambda: len(senders.database.open) == 1)
    senders.database.open[0].set_result([])
    with pytest.raises(Nonsense):
        sent.result(PATIENCE)


def test_calls_that_hang_hold_up_nobody(senders: Senders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_HANGS", 0.05)
    hanging = occupied(senders)
    other = senders.send("other")
    senders.database.answer(together._CALLS)
    assert other.result(PATIENCE).organization_id == "other"
    assert not any(one.done() for one in hanging)


def test_who_has_no_turn_for_long_is_told_to_come_again(senders: Senders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_HANGS", 0.01)
    monkeypatch.setattr(together, "_PATIENCE", 0.05)
    monkeypatch.setattr(together, "_MOST_CALLS", together._CALLS)
    occupied(senders)
    with pytest.raises(NoTurn):
        senders.send("late").result(PATIENCE)
    senders.database.answer(0)
    after = senders.send("after", "late")
    senders.database.answer(together._CALLS)
    assert after.result(PATIENCE).organization_id == "after"
    assert senders.database.calls[together._CALLS] == ["after"], "who was told to come again is not taken as well"


def test_an_integration_has_so_many_waiting(senders: Senders) -> None:
    occupied(senders)
    for number in range(together._MOST_WAITING):
        senders.send(f"{number}", "storm")
    with pytest.raises(NoTurn):
        senders.send("one too many", "storm").result(PATIENCE)
    assert not senders.send("another's", "other").done()


def test_a_deadline_is_kept(senders: Senders) -> None:
    with pytest.raises(httpx.ReadTimeout):
        senders.together.ingest("slow", webhook("slow"), 1, Deadline.within(0.05))
