"""How calls are counted: up to a rate, by whose they are, and where the shared store is down."""

import pytest

from service.problems import Problem
from service.rates import Rates


class Broken(Exception):
    """Of a store."""


def broken(*_: object) -> bool:
    raise Broken


def test_a_rate_is_kept_for_each() -> None:
    rates = Rates("memory://")
    assert [rates.hit("2 per minute", "acme") for _ in range(3)] == [True, True, False]
    assert rates.hit("2 per minute", "globex")


def test_one_too_many_is_told_when_to_come_again() -> None:
    rates = Rates("memory://")
    rates.require("1 per hour; 5 per day", "acme")
    with pytest.raises(Problem) as raised:
        rates.require("1 per hour; 5 per day", "acme")
    answer = raised.value
    assert answer.kind.status == 429
    assert answer.headers["Retry-After"] == "10"


def test_where_the_store_is_down_this_process_counts_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = Rates("memory://")
    monkeypatch.setattr(rates._shared, "hit", broken)
    assert [rates.hit("2 per minute", "acme") for _ in range(3)] == [True, True, False]
