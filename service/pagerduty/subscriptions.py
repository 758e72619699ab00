"""Webhook subscriptions in a PagerDuty account, made and ended with its API key (PagerDuty docs:
Webhook Subscriptions).

One is made inactive, so that nothing is sent before its secret is known here, and then switched on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from service.pagerduty.account import Account, NotThere, Refused, Unreachable, segment
from service.pagerduty.fields import obj, objects, text
from service.vocabulary import ID_LIMIT, SIGNING_SECRET_LIMIT, SubscriptionCheckState

_A_PAGE, _MOST_LISTED = 100, 1000


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that was made: its id, and its signing secret, which PagerDuty tells this once."""

    id: str
    secret: str


class Subscriptions:
    """The subscriptions of an account. Every method raises what Account.ask raises."""

    def __init__(self, account: Account) -> None:
        self._account = account

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
        answer = self._account.ask("POST", "/webhook_subscriptions", json={"webhook_subscription": body})
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
        self._account.ask("PUT", f"/webhook_subscriptions/{segment(subscription_id)}", json=body)

    def ping(self, subscription_id: str) -> None:
        """Has PagerDuty send a test event, which proves the way from there to here."""
        self._account.ask("POST", f"/webhook_subscriptions/{segment(subscription_id)}/ping")

    def enable(self, subscription_id: str) -> None:
        """Ends a suspension before its day is over."""
        self._account.ask("POST", f"/webhook_subscriptions/{segment(subscription_id)}/enable")

    def remove(self, subscription_id: str) -> None:
        """One that is gone already is no error."""
        try:
            self._account.ask("DELETE", f"/webhook_subscriptions/{segment(subscription_id)}")
        except NotThere:
            return

    def remove_others(self, url: str, description: str, kept: str) -> None:
        """Removes what an earlier attempt left behind: what goes by this description to this URL, but for one."""
        for offset in range(0, _MOST_LISTED, _A_PAGE):
            page = obj(self._account.ask("GET", "/webhook_subscriptions", params={"limit": _A_PAGE, "offset": offset}))
            for found in objects(page.get("webhook_subscriptions")):
                found_id, target = text(found.get("id"), ID_LIMIT), obj(found.get("delivery_method")).get("url")
                if found_id and found_id != kept and target == url and found.get("description") == description:
                    self.remove(found_id)
            if page.get("more") is not True:
                return

    def state(self, subscription_id: str, event_types: Iterable[str]) -> SubscriptionCheckState:
        """How it stands in PagerDuty.

        `off` by hand, `suspended` by PagerDuty for a day after too many refusals, `changed` without some of the types.
        """
        try:
            answer = self._account.ask("GET", f"/webhook_subscriptions/{segment(subscription_id)}")
        except NotThere:
            return "gone"
        found = obj(obj(answer).get("webhook_subscription"))
        method, events = obj(found.get("delivery_method")), found.get("events")
        if found.get("active") is False:
            return "off"
        if method.get("temporarily_disabled") is True:
            return "suspended"
        return "on" if isinstance(events, list) and set(event_types) <= set(map(str, events)) else "changed"

    def name_of(self, scope: Mapping[str, Any]) -> str | None:
        """What PagerDuty calls the service or the team that a scope names; None for an account."""
        if scope["type"] == "account":
            return None
        plural, kind = f"{scope['type']}s", scope["type"]
        if kind == "team":
            teams = obj(self._account.ask("GET", "/teams", params={"limit": 100})).get("teams")
            found = next((t for t in map(obj, teams or []) if t.get("id") == scope["id"]), None)
            if found is None:
                raise Refused(404, "There is no such team in this PagerDuty account.")
            return text(found.get("name"), ID_LIMIT)
        try:
            answer = self._account.ask("GET", f"/{plural}/{segment(scope['id'])}")
        except NotThere:
            raise Refused(404, f"There is no such {kind} in this PagerDuty account.") from None
        return text(obj(obj(answer).get(kind)).get("name"), ID_LIMIT)
