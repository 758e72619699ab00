"""How one thing of the outbox is told to PagerDuty, whatever became of an attempt before.

Level-triggered: what stands in PagerDuty is read first, and only a difference is sent, so that a message that is taken
twice, or again after a worker was killed, does nothing twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cachetools import TTLCache
from pydantic import BaseModel

from service.pagerduty.account import Account, segment
from service.pagerduty.fields import obj, objects
from service.vocabulary import OutboxThing, Region

#: Clocks differ by as much, and PagerDuty tells whole seconds.
_CLOCKS = timedelta(seconds=60)
_KNOWN_FOR = 600  # seconds that an address is remembered as one of PagerDuty's, or as none


class Job(BaseModel):
    """What claim_outbox() answers: one thing, of one incident of one organization, and what is needed to tell it."""

    id: str
    organization_id: str
    version: int
    thing: OutboxThing
    wanted: str
    attempts: int
    changed_at: datetime
    pagerduty_incident_id: str
    actor_email: str | None
    default_email: str | None
    region: Region
    api_key: str | None
    is_on: bool


class Overtaken(Exception):
    """PagerDuty was changed later than our side: that stands."""


class Nobody(Exception):
    """There is no PagerDuty user as whom it could be told; the message says what to do."""


class People:
    """Which addresses are PagerDuty users'."""

    def __init__(self) -> None:
        self._known: TTLCache[tuple[str, str], bool] = TTLCache(10_000, _KNOWN_FOR)

    def sender(self, account: Account, job: Job) -> str:
        """The address to act as: the member's own, if PagerDuty has it, or the organization's default."""
        for email in (job.actor_email, job.default_email):
            if email and self._is_user(account, job.organization_id, email):
                return email
        who = f"nobody with the address {job.actor_email}" if job.actor_email else "nobody to act as"
        raise Nobody(f"PagerDuty has {who}, and no address to act as is set: an admin can, in the settings.")

    def _is_user(self, account: Account, organization_id: str, email: str) -> bool:
        known = self._known.get((organization_id, email))
        if known is None:
            answer = account.ask("GET", "/users", params={"query": email, "limit": 100})
            users = objects(obj(answer).get("users"))
            known = any(str(user.get("email", "")).lower() == email.lower() for user in users)
            self._known[organization_id, email] = known
        return known


def tell(account: Account, job: Job, people: People) -> str | None:
    """Tells it; answers the address as whom, or None where PagerDuty had it already.

    Raises Overtaken and Nobody, and what Account.ask raises.
    """
    return _TELLERS[job.thing](account, job, people)


def _tell_status(account: Account, job: Job, people: People) -> str | None:
    path = f"/incidents/{segment(job.pagerduty_incident_id)}"
    stands = obj(obj(account.ask("GET", path)).get("incident"))
    if stands.get("status") == job.wanted:
        return None
    if _is_later(stands.get("last_status_change_at"), job.changed_at):
        raise Overtaken(f"PagerDuty changed it later, to {stands.get('status')}: that stands.")
    sender = people.sender(account, job)
    account.ask("PUT", path, json={"incident": {"type": "incident", "status": job.wanted}}, headers={"From": sender})
    return sender


def _tell_note(account: Account, job: Job, people: People) -> str | None:
    path = f"/incidents/{segment(job.pagerduty_incident_id)}/notes"
    if job.attempts > 1:  # the one before may have arrived
        notes = objects(obj(account.ask("GET", path)).get("notes"))
        if any(note.get("content") == job.wanted and not _is_earlier(note, job.changed_at) for note in notes):
            return None
    sender = people.sender(account, job)
    account.ask("POST", path, json={"note": {"content": job.wanted}}, headers={"From": sender})
    return sender


_TELLERS: dict[OutboxThing, Callable[[Account, Job, People], str | None]] = {"status": _tell_status, "note": _tell_note}


def _is_later(told: Any, than: datetime) -> bool:
    at = _moment(told)
    return at is not None and at > than + _CLOCKS


def _is_earlier(note: dict[str, Any], than: datetime) -> bool:
    at = _moment(note.get("created_at"))
    return at is not None and at < than - _CLOCKS


def _moment(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
