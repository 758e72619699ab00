"""Webhook subscriptions in a PagerDuty account, made and ended with its API key (PagerDuty docs:
Webhook Subscriptions).

One is made inactive, so that nothing is sent before its secret is known here, and then switched on.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from service.pagerduty.client import Client, NoAnswer, json_of, seconds_to_wait
from service.pagerduty.fields import clean_text, obj, objects, shorten, text
from service.vocabulary import ID_LIMIT, SIGNING_SECRET_LIMIT, SubscriptionCheckState

_WITHIN = 15.0  # seconds, for all that one of our requests asks
_LONGEST = 5.0  # seconds, for one question
_LONGEST_WORDS = 500
_A_PAGE, _MOST_LISTED = 100, 1000


class Refused(Exception):
    """PagerDuty said no, in words for an admin; `status` is its answer's."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Unreachable(Exception):
    """PagerDuty does not answer, or not now; `retry_after` is in seconds, if it said when."""

    def __init__(self, words: str, retry_after: int | None = None) -> None:
        super().__init__(words)
        self.words, self.retry_after = words, retry_after


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that was made: its id, and its signing secret, which PagerDuty tells this once."""

    id: str
    secret: str


class Subscriptions:
    """The subscriptions of the account that a key belongs to; to be used in a `with`.

    Every method raises Refused and Unreachable, and NoSubscription where one is named that there is not.
    """

    def __init__(self, api_key: str, base_url: str) -> None:
        self._client = Client(api_key, base_url, _LONGEST, time.monotonic() + _WITHIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.close()

    def make(self, url: str, scope: Mapping[str, Any], event_types: Iterable[str], description: str) -> Subscription:
        """A subscription, still inactive. `scope` is {"type": account, service or team, "id": for the last two}."""
        wanted = {"type": f"{scope['type']}_reference"} | ({"id": scope["id"]} if scope.get("id") else {})
        body = {
            "type": "webhook_subscription",
            "active": False,
            "description": description,
            "delivery_method": {"type": "http_delivery_method", "url": url},
            "events": sorted(event_types),
            "filter": wanted,
        }
        answer = self._ask("POST", "/webhook_subscriptions", json={"webhook_subscription": body})
        made = obj(obj(answer).get("webhook_subscription"))
        secret = obj(made.get("delivery_method")).get("secret")
        made_id = text(made.get("id"), ID_LIMIT)
        if made_id is None or not isinstance(secret, str) or not re.fullmatch(r"[\x21-\x7e]+", secret):
            raise Unreachable("PagerDuty gave an answer that cannot be understood.")
        if len(secret) > SIGNING_SECRET_LIMIT:
            raise Unreachable("PagerDuty gave a signing secret that is longer than any of its own.")
        return Subscription(made_id, secret)

    def activate(self, subscription_id: str) -> None:
        body = {"webhook_subscription": {"active": True}}
        self._ask("PUT", f"/webhook_subscriptions/{_segment(subscription_id)}", json=body)

    def ping(self, subscription_id: str) -> None:
        """Has PagerDuty send a test event, which proves the way from there to here."""
        self._ask("POST", f"/webhook_subscriptions/{_segment(subscription_id)}/ping")

    def remove(self, subscription_id: str) -> None:
        """One that is gone already is no error."""
        try:
            self._ask("DELETE", f"/webhook_subscriptions/{_segment(subscription_id)}")
        except NoSubscription:
            return

    def remove_others(self, url: str, description: str, kept: str) -> None:
        """Removes what an earlier attempt left behind: what goes by this description to this URL, but for one."""
        for offset in range(0, _MOST_LISTED, _A_PAGE):
            page = obj(self._ask("GET", "/webhook_subscriptions", params={"limit": _A_PAGE, "offset": offset}))
            for found in objects(page.get("webhook_subscriptions")):
                found_id, target = text(found.get("id"), ID_LIMIT), obj(found.get("delivery_method")).get("url")
                if found_id and found_id != kept and target == url and found.get("description") == description:
                    self.remove(found_id)
            if page.get("more") is not True:
                return

    def state(self, subscription_id: str, event_types: Iterable[str]) -> SubscriptionCheckState:
        """How it stands in PagerDuty: `off` by hand or after too many refusals, `changed` without some of the types."""
        try:
            answer = self._ask("GET", f"/webhook_subscriptions/{_segment(subscription_id)}")
        except NoSubscription:
            return "gone"
        found = obj(obj(answer).get("webhook_subscription"))
        method, events = obj(found.get("delivery_method")), found.get("events")
        if found.get("active") is False or method.get("temporarily_disabled") is True:
            return "off"
        return "on" if isinstance(events, list) and set(event_types) <= set(map(str, events)) else "changed"

    def name_of(self, scope: Mapping[str, Any]) -> str | None:
        """What PagerDuty calls the service or the team that a scope names; None for an account."""
        if scope["type"] == "account":
            return None
        plural, kind = f"{scope['type']}s", scope["type"]
        if kind == "team":
            teams = obj(self._ask("GET", "/teams", params={"limit": 100})).get("teams")
            found = next((t for t in map(obj, teams or []) if t.get("id") == scope["id"]), None)
            if found is None:
                raise Refused(404, "There is no such team in this PagerDuty account.")
            return text(found.get("name"), ID_LIMIT)
        try:
            answer = self._ask("GET", f"/{plural}/{_segment(scope['id'])}")
        except NoSubscription:
            raise Refused(404, f"There is no such {kind} in this PagerDuty account.") from None
        return text(obj(obj(answer).get(kind)).get("name"), ID_LIMIT)

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        """The body of a good answer."""
        try:
            response = self._client.ask(method, path, **arguments)
        except NoAnswer:
            raise Unreachable("PagerDuty did not answer. Try again in a moment.") from None
        status = response.status_code
        if 200 <= status < 300:
            return json_of(response)
        if status == 404:
            raise NoSubscription(status, "PagerDuty does not know this subscription any more.")
        if status == 429:
            raise Unreachable(
                "PagerDuty is limiting this API key's requests. Try again later.", seconds_to_wait(response)
            )
        if status >= 500:
            raise Unreachable(f"PagerDuty answered with status {status}. Try again in a moment.")
        raise Refused(status, _words(status, json_of(response)))


class NoSubscription(Refused):
    """PagerDuty knows no subscription of this id."""


def _segment(named: str) -> str:
    """An id as a part of a path. Raises Refused for what cannot be one."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", named):
        raise Refused(400, "This cannot be one of PagerDuty's ids.")
    return named


def _words(status: int, answer: Any) -> str:
    """PagerDuty's own words, for an admin: {"error": {"message", "errors"}}."""
    error = obj(obj(answer).get("error"))
    errors = error.get("errors")
    told = [error.get("message"), *(errors if isinstance(errors, list) else [])]
    said = ": ".join(clean_text(word) for word in told if isinstance(word, str) and word.strip())
    if status == 401:
        return "PagerDuty does not accept the saved API key any more."
    return shorten(
        f"PagerDuty refused: {said}" if said else f"PagerDuty refused, with status {status}.", _LONGEST_WORDS
    )
