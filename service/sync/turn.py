"""One turn of the worker with one thing of the outbox: what it is, who acts, and PagerDuty's incident."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cachetools import TTLCache
from pydantic import BaseModel

from service.pagerduty.account import Account, NotThere, segment
from service.pagerduty.fields import identifier, obj, objects, text
from service.vocabulary import EMAIL_LIMIT, OutboxThing, Region

#: Clocks differ by as much, and PagerDuty tells whole seconds.
CLOCKS = timedelta(seconds=60)
#: How long PagerDuty is not asked with a key that it refuses, unless there is another before that; in seconds.
REFUSED_FOR = 3600.0
_KNOWN_FOR = 600  # seconds that an address is remembered as one of PagerDuty's, or as none


class Job(BaseModel):
    """What claim_outbox() answers: one thing, of one incident of one organization, and what is needed to tell it."""

    id: str
    organization_id: str
    version: int
    thing: OutboxThing
    wanted: str
    attempts: int
    last_error: str | None
    changed_at: datetime
    incident_id: str
    pagerduty_incident_id: str | None
    title: str | None
    description: str | None
    urgency: str | None
    actor_email: str | None
    actor_pagerduty_id: str | None
    default_email: str | None
    region: Region
    api_key: str | None
    is_on: bool


class Overtaken(Exception):
    """It is not to be told any more; the message says why."""


class Nobody(Exception):
    """There is no PagerDuty user as whom it could be told; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Created:
    """An incident that PagerDuty made of ours: its id, and its page."""

    id: str
    url: str | None


class People:
    """Which addresses are PagerDuty users', and their ids."""

    def __init__(self) -> None:
        self._known: TTLCache[tuple[str, str], str | None] = TTLCache(10_000, _KNOWN_FOR)

    def sender(self, account: Account, job: Job) -> tuple[str, str]:
        """Address and id of whom to act as: the member, if PagerDuty has them, or the organization's default.

        Whom an admin has said the member to be comes first, and is nobody else.
        """
        if job.actor_pagerduty_id:
            return self._address(account, job.organization_id, job.actor_pagerduty_id), job.actor_pagerduty_id
        for email in (job.actor_email, job.default_email):
            if email and (user_id := self._user(account, job.organization_id, email)):
                return email, user_id
        who = f"nobody with the address {job.actor_email}" if job.actor_email else "nobody to act as"
        raise Nobody(f"PagerDuty has {who}, and no address to act as is set: an admin can, in the settings.")

    def _address(self, account: Account, organization_id: str, user_id: str) -> str:
        place = organization_id, f"id:{user_id}"
        if place not in self._known:
            try:
                answer = account.ask("GET", f"/users/{segment(user_id)}")
            except NotThere:
                raise Nobody(
                    "The PagerDuty user that this member is linked to is not there: an admin mends it, under Members."
                ) from None
            self._known[place] = text(obj(obj(answer).get("user")).get("email"), EMAIL_LIMIT)
        email = self._known.get(place)
        if email is None:
            raise Nobody("The PagerDuty user that this member is linked to has no address.")
        return email

    def _user(self, account: Account, organization_id: str, email: str) -> str | None:
        place = organization_id, email
        if place not in self._known:
            answer = account.ask("GET", "/users", params={"query": email, "limit": 100})
            users = objects(obj(answer).get("users"))
            same = (user for user in users if str(user.get("email", "")).lower() == email.lower())
            self._known[place] = next(filter(None, (identifier(user.get("id")) for user in same)), None)
        return self._known.get(place)


class Turn:
    """A turn with one thing. `home` is where our pages are; `created` is what PagerDuty made, once it has.

    Its methods raise what Account.ask raises.
    """

    def __init__(self, account: Account, job: Job, people: People, home: str) -> None:
        self.account, self.job, self.home = account, job, home
        self.created: Created | None = None
        self._people = people

    @property
    def path(self) -> str:
        """Of the linked incident in PagerDuty."""
        return f"/incidents/{segment(self.job.pagerduty_incident_id or '')}"

    def incident(self) -> dict[str, Any]:
        """As it stands in PagerDuty."""
        return obj(obj(self.account.ask("GET", self.path)).get("incident"))

    def sender(self) -> str:
        """The address to act as. Raises Nobody."""
        return self._people.sender(self.account, self.job)[0]

    def requester_id(self) -> str:
        """The user's id, where PagerDuty wants that. Raises Nobody."""
        return self._people.sender(self.account, self.job)[1]

    def put(self, changes: dict[str, Any]) -> str:
        """Changes the incident, as the sender; answers their address. Raises Nobody."""
        sender = self.sender()
        self.account.ask("PUT", self.path, json={"incident": {"type": "incident"} | changes}, headers={"From": sender})
        return sender


def is_later(told: Any, than: datetime) -> bool:
    """Whether PagerDuty tells a time that is later, whatever the clocks."""
    at = moment_of(told)
    return at is not None and at > than + CLOCKS


def is_earlier(told: Any, than: datetime) -> bool:
    """Whether PagerDuty tells a time that is earlier, whatever the clocks."""
    at = moment_of(told)
    return at is not None and at < than - CLOCKS


def moment_of(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
