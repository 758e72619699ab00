"""What a worker costs the database while there is nothing to do."""

from typing import Any, cast

import pytest

from service.config import Settings
from service.crypto import Sealer
from service.rest import Rest
from service.sync import reconciling, worker

MINUTES = 60


class Nobody:
    """Supabase, where nothing is to be done: counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def as_service(self) -> None:
        return None

    def call(self, *_: Any, **__: Any) -> None:
        self.asked += 1


def clock_for(minutes: float) -> Any:
    """Waits in no time; stops after so many minutes."""
    waited = 0.0

    def pause(seconds: float) -> bool:
        nonlocal waited
        waited += seconds
        return waited >= minutes * 60

    return pause


def test_it_asks_fewer_than_ten_times_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    supabase = Nobody()
    for module in (worker, reconciling):
        monkeypatch.setattr(module, "call", supabase.call)
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    settings = Settings.model_construct(**usual)
    rest, sealer = cast(Rest, supabase), cast(Sealer, None)
    worker.Worker(rest, sealer, settings, clock_for(MINUTES)).run()
    reconciler = reconciling.Reconciler(rest, sealer, settings, clock_for(MINUTES))
    reconciler.run(worker.LOOKS_A_ROUND * settings.outbox_interval)
    assert 5 < supabase.asked / MINUTES < 10
