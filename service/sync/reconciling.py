"""What no webhook told is read from PagerDuty's log, and the webhook subscription is kept as it should be.

PagerDuty queues nothing while a subscription is off, and drops what was queued (PagerDuty: Webhooks overview): its log
is the only place that has all of it (PagerDuty: Log Entries).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from postgrest.exceptions import APIError
from pydantic import BaseModel, TypeAdapter

from service.config import Settings
from service.crypto import CannotOpen, Sealer
from service.logs import log
from service.pagerduty.account import UNREADABLE_KEY, Account, Refused, Unreachable, segment
from service.pagerduty.directory import read_directory
from service.pagerduty.events import V3_TYPES
from service.pagerduty.fields import number, obj, objects
from service.pagerduty.log_entries import LogRecord, records_of
from service.pagerduty.subscriptions import Subscriptions
from service.rest import NOTHING, Rest, call
from service.sync.notes import NotedIncident, amendments
from service.sync.turn import REFUSED_FOR
from service.vocabulary import Region, SubscriptionCheckState

_LEASE = 150  # seconds: longer than all that one round asks
_WITHIN = 60.0  # seconds, for all that one round asks of PagerDuty
_BEGINS_NOTHING_AFTER = 40.0  # seconds
_OVERLAP = timedelta(minutes=5)  # clocks differ, and the log may be late itself
_A_PAGE = 100
_MOST_ENTRIES = 1000  # that are read at once
_MOST_PAGED = 10_000  # PagerDuty: Pagination
_MOST_NOTED = 20  # incidents whose notes one round compares
_A_CALL = 50  # events that one call takes
_REFUSED_DATA = ("22", "23")  # PostgreSQL's classes of errors: data exceptions, integrity constraints
_NARROWEST = timedelta(seconds=1)
_UNREACHABLE_FOR = 120.0  # seconds, where PagerDuty does not say


class Round(BaseModel):
    """What claim_reconciliation() answers: an integration that is to be compared, and what is needed for it."""

    integration_id: str
    organization_id: str
    subscription_id: str
    scope: dict[str, Any]
    begun_at: datetime
    read_until: datetime
    pings: bool
    reads_directory: bool
    region: Region
    api_key: str


class _Healed(BaseModel):
    confirmed: int
    healed: int


_CLAIMED: TypeAdapter[Round | None] = TypeAdapter(Round | None)
_NOTED = TypeAdapter(list[NotedIncident])
_HEALED: TypeAdapter[_Healed | None] = TypeAdapter(_Healed | None)


class Reconciler:
    """Compares one integration after the other. `pause(seconds)` waits, and answers whether it is to stop."""

    def __init__(self, rest: Rest, sealer: Sealer, settings: Settings, pause: Callable[[float], bool]) -> None:
        self._rest, self._sealer, self._settings, self._pause = rest, sealer, settings, pause

    def run(self, between: float) -> None:
        """Until it is to stop, with so many seconds between looks for what is due."""
        while not self._pause(between):
            try:
                while self.take_round():
                    if self._pause(0):
                        return
            except (APIError, httpx.HTTPError) as error:
                log.warning("reconciliation_not_reached", error=type(error).__name__)

    def take_round(self) -> bool:
        """Compares one integration, if one is due; answers whether to look again at once."""
        due = call(self._rest.as_service(), "claim_reconciliation", _CLAIMED, lease_seconds=_LEASE)
        if due is not None:
            _Comparison(self._rest, self._settings, due).run(self._sealer)
        return due is not None


class _Comparison:
    """One round of one integration."""

    def __init__(self, rest: Rest, settings: Settings, due: Round) -> None:
        self._rest, self._settings, self._due = rest, settings, due
        self._state: SubscriptionCheckState | None = None
        self._is_mended = False

    def run(self, sealer: Sealer) -> None:
        try:
            key = sealer.open(self._due.api_key, self._due.organization_id, "api_key")
            with Account(key, self._settings.pagerduty_api_urls[self._due.region], _WITHIN) as account:
                is_whole = self._compare(account)
        except CannotOpen:
            self._finish(UNREADABLE_KEY, REFUSED_FOR)
        except Refused as refused:
            self._finish(refused.words, REFUSED_FOR)
        except Unreachable as silent:
            self._finish(silent.words, silent.retry_after or _UNREACHABLE_FOR)
        else:
            self._finish(None, self._next_in() if is_whole else 0.0)

    def _next_in(self) -> float:
        """Seconds until the next round: one that was connected a moment ago has nothing that could be compared yet."""
        every, after = self._settings.reconcile_every, self._settings.reconcile_after
        is_new = self._due.read_until > datetime.now(UTC) - timedelta(seconds=after)
        return min(every, after + 1) if is_new else every

    def _compare(self, account: Account) -> bool:
        """Answers whether all of the log is compared; else there is more of it than one round reads."""
        due, subscriptions = self._due, Subscriptions(account)
        self._state = subscriptions.state(due.subscription_id, V3_TYPES)
        if self._state == "suspended":
            # By PagerDuty, after too many refusals, and by nobody: nothing is lost by switching it on.
            subscriptions.enable(due.subscription_id)
            self._state, self._is_mended = "on", True
            log.info("subscription_enabled", organization_id=due.organization_id)
        if self._state in ("off", "gone"):
            return True  # somebody wants it so, or has to connect again: then what was missed is read
        if due.pings:
            subscriptions.ping(due.subscription_id)
        if due.reads_directory:
            entries = read_directory(account)
            call(
                self._rest.as_service(),
                "write_directory",
                NOTHING,
                integration_id=due.integration_id,
                entries=entries,
            )
        is_whole = self._read(account)
        self._compare_notes(account)
        return is_whole

    def _compare_notes(self, account: Account) -> None:
        due = self._due.integration_id
        noted = call(self._rest.as_service(), "noted_incidents", _NOTED, integration_id=due, most=_MOST_NOTED)
        for incident in noted:
            try:
                answer = account.ask("GET", f"/incidents/{segment(incident.pagerduty_id)}/notes")
            except Refused:
                continue  # one that is not there any more, or whose id is none of PagerDuty's
            if changes := amendments(incident.events, objects(obj(answer).get("notes"))):
                call(self._rest.as_service(), "amend_notes", NOTHING, integration_id=due, changes=changes)

    def _read(self, account: Account) -> bool:
        began = time.monotonic()
        until = datetime.now(UTC) - timedelta(seconds=self._settings.reconcile_after)
        since, read_until = max(self._due.read_until - _OVERLAP, self._due.begun_at), self._due.read_until
        while read_until < until:
            if time.monotonic() > began + _BEGINS_NOTHING_AFTER:
                return False
            since = read_until = self._read_window(account, since, read_until, until)
        return True

    def _read_window(self, account: Account, since: datetime, read_until: datetime, until: datetime) -> datetime:
        """Compares what the log has since then, and some of what is after `read_until`; answers until when it is."""
        page = _page(account, since, until, 0)
        while (number(page.get("total")) or 0) > _MOST_ENTRIES and until > read_until + _NARROWEST:
            until = max(since + (until - since) / 2, read_until + _NARROWEST)
            page = _page(account, since, until, 0)
        entries = objects(page.get("log_entries"))
        while page.get("more") is True and len(entries) + _A_PAGE <= _MOST_PAGED:
            page = _page(account, since, until, len(entries))
            entries += objects(page.get("log_entries"))
        self._heal(records_of(entries, self._due.scope), until)
        return until

    def _heal(self, records: list[LogRecord], until: datetime) -> None:
        for start in range(0, len(records), _A_CALL):
            self._take(records[start : start + _A_CALL])
        self._take([], until)

    def _take(self, records: list[LogRecord], until: datetime | None = None) -> None:
        """Has the database take them; what it refuses to store, whatever else comes with it, is left out."""
        try:
            answer = call(
                self._rest.as_service(),
                "heal_events",
                _HEALED,
                integration_id=self._due.integration_id,
                events=records,
                read_until=until and until.isoformat(),
            )
        except APIError as error:
            if not records or (error.code or "")[:2] not in _REFUSED_DATA:
                raise
            if len(records) > 1:
                for record in records:
                    self._take([record])
                return
            log.error("event_not_healed", organization_id=self._due.organization_id, code=error.code)
            return
        if answer and answer.healed:
            log.info("events_healed", organization_id=self._due.organization_id, events=answer.healed)

    def _finish(self, error: str | None, seconds: float) -> None:
        if error:
            log.warning("reconciliation_failed", organization_id=self._due.organization_id, reason=error)
        call(
            self._rest.as_service(),
            "finish_reconciliation",
            NOTHING,
            integration_id=self._due.integration_id,
            subscription_state=self._state,
            mended=self._is_mended,
            error=error,
            seconds=seconds,
        )


def _page(account: Account, since: datetime, until: datetime, offset: int) -> dict[str, Any]:
    """A page of the log, newest first; the first one has the `total`."""
    params = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "limit": _A_PAGE,
        "offset": offset,
        "total": "true" if offset == 0 else "false",
        "include[]": ["incidents", "channels"],
    }
    return obj(account.ask("GET", "/log_entries", params=params))
