"""One sandbox: its accounts, its clock, its switches, and what it was asked."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devstack.pagerduty.account import SUBDOMAIN, Account
from devstack.pagerduty.clock import Clock
from devstack.pagerduty.deliveries import ANSWER_WITHIN, Deliveries
from devstack.pagerduty.incidents import Incidents
from devstack.pagerduty.keys import KEYS, Key
from devstack.pagerduty.store import Document, Store

REGIONS = ("us", "eu")
#: What PagerDuty does not document, and what goes wrong: the first value of each is the usual one.
SWITCHES: dict[str, tuple[str, ...]] = {
    "agent_of_account_key": ("user", "none"),
    "note_ids": ("equal", "different"),
    "webhook_ids_of_overlaps": ("different", "same"),
    "duplicates": ("off", "on"),
    "rest": ("up", "down"),
    "webhooks": ("sent", "held back"),
}
_MOST_CALLS = 2000


def key_of(account: str) -> str:
    """The API key of an account that was opened beside its region's first, by its subdomain."""
    return f"key-of-{account}"


@dataclass(frozen=True)
class Place:
    """An account and what happens in it."""

    account: Account
    incidents: Incidents
    deliveries: Deliveries


class Sandbox:
    """A sandbox, kept in `file` if it has one.

    `keys` are the API keys that it knows, `calls` the requests that it got, as "GET /us/abilities", oldest first, and
    `traffic` the same with bodies, for whoever validates them. `latency`: seconds that each request takes.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.store = Store(file)
        self.keys: dict[str, Key] = dict(KEYS)
        self.calls: list[str] = []
        self.traffic: list[Document] = []
        self.latency = 0.0
        kept = self.store.get("sandbox", "sandbox") or {"id": "sandbox", "ahead": 0.0, "switches": {}}
        self.clock = Clock(kept["ahead"])
        self.switches = {name: kept["switches"].get(name, values[0]) for name, values in SWITCHES.items()}
        self.places: dict[str, Place] = {}
        self._open_all()
        self._postman: asyncio.Task[None] | None = None

    def open_account(self, region: str, subdomain: str) -> str:
        """An account more; answers an API key of it that may do everything. Raises ValueError."""
        if region not in REGIONS or not subdomain.isalnum() or subdomain in (*REGIONS, SUBDOMAIN):
            raise ValueError("An account has a region and a subdomain of its own, of letters and digits.")
        self.store.put("account", {"id": subdomain, "region": region})
        self._open(subdomain, region, subdomain)
        return key_of(subdomain)

    def place_of(self, region: str, key: Key) -> Place:
        """The account that a key of this region opens."""
        return self.places[key.account or region]

    def switch(self, name: str, value: str) -> None:
        """Raises ValueError for a switch or a position that there is not."""
        if value not in SWITCHES.get(name, ()):
            raise ValueError(f"There is no switch {name} with a position {value}.")
        self.switches[name] = value
        self.keep()
        self.clock.wake()

    def keep(self) -> None:
        """Keeps the clock and the switches."""
        ahead = self.clock.ahead.total_seconds()
        self.store.put("sandbox", {"id": "sandbox", "ahead": ahead, "switches": self.switches})

    def forget(self) -> None:
        """Begins anew: accounts as they were at first, and the machine's own time."""
        self.store.clear()
        self.clock.reset()
        self.switches = {name: values[0] for name, values in SWITCHES.items()}
        self.keys = dict(KEYS)
        self._open_all()
        self.calls.clear()
        self.traffic.clear()

    def asked(self, call: str, **told: Any) -> None:
        self.calls.append(call)
        self.traffic.append({"call": call, **told})
        del self.calls[:-_MOST_CALLS], self.traffic[:-_MOST_CALLS]

    def start(self) -> None:
        """Delivers webhooks from now on, in the loop that is running. Once is enough."""
        loop = asyncio.get_running_loop()
        if self._postman is None or self._postman.done() or self._postman.get_loop() is not loop:
            self._postman = loop.create_task(self._deliver())

    async def stop(self) -> None:
        if self._postman is not None:
            self._postman.cancel()
            with suppress(asyncio.CancelledError):
                await self._postman

    async def _deliver(self) -> None:
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN, limits=limits, trust_env=False) as client:
            while True:
                due = [region.incidents.wake_up() for region in self.places.values()]
                if self.switches["webhooks"] == "sent":
                    due += [region.deliveries.send_due(client) for region in self.places.values()]
                await self.clock.wait(min((at for at in due if at is not None), default=None))

    def _open_all(self) -> None:
        self.places.clear()
        for region in REGIONS:
            self._open(region, region, SUBDOMAIN)
        for account in self.store.all("account"):
            self._open(account["id"], account["region"], account["id"])

    def _open(self, name: str, region: str, subdomain: str) -> None:
        account = Account(name, region, subdomain, self.store, self.clock)
        deliveries = Deliveries(
            account, self.clock,
            duplicates=lambda: self.switches["duplicates"] == "on",
            same_ids=lambda: self.switches["webhook_ids_of_overlaps"] == "same",
        )  # fmt: skip
        incidents = Incidents(account, deliveries.emit, equal_note_ids=lambda: self.switches["note_ids"] == "equal")
        self.places[name] = Place(account, incidents, deliveries)
        if name != region:
            self.keys[key_of(name)] = Key(region=region, account=name)
