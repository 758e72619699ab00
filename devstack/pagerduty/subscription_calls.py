"""REST: webhook subscriptions. The secret is told once, and where a subscription delivers to never changes."""

from typing import Any
from urllib.parse import urlsplit

from devstack.pagerduty.account import public
from devstack.pagerduty.calls import Answer, Call, as_object
from devstack.pagerduty.deliveries import MOST_A_FILTER, new_secret
from devstack.pagerduty.errors import invalid
from devstack.pagerduty.store import Document
from service.pagerduty.events import V3_TYPES

_FILTERS = ("account_reference", "service_reference", "team_reference")


def list_subscriptions(call: Call) -> Answer:
    kind, filter_id = call.query.get("filter_type"), call.query.get("filter_id")
    found = call.account.all(
        "webhook_subscription",
        lambda s: (
            (not kind or s["filter"]["type"] == f"{kind}_reference")
            and (not filter_id or s["filter"].get("id") == filter_id)
        ),
    )
    return 200, call.page("webhook_subscriptions", found, public)


def get_subscription(call: Call) -> Answer:
    return 200, {"webhook_subscription": public(call.addressed("webhook_subscription"))}


def create_subscription(call: Call) -> Answer:
    given = call.given("webhook_subscription")
    wanted, method = _filter(call, given.get("filter")), as_object(given.get("delivery_method"))
    same = call.account.all("webhook_subscription", lambda s: s["filter"] == wanted)
    if len(same) >= MOST_A_FILTER:
        raise invalid(f"At most {MOST_A_FILTER} subscriptions may have the same filter")
    secret = new_secret()
    made = call.account.made("webhook_subscription", None)
    subscription = {
        "id": made["id"], "type": "webhook_subscription", "active": bool(given.get("active", True)),
        "description": str(given.get("description") or ""), "events": _events(given.get("events")), "filter": wanted,
        "delivery_method": {
            "id": f"D{made['id'][1:]}", "type": "http_delivery_method", "secret": None, "temporarily_disabled": False,
            "url": _url(method.get("url")), "custom_headers": _headers(method.get("custom_headers")),
        },
        "_secret": secret, "_drops": 0, "_off_until": None,
    }  # fmt: skip
    call.account.put("webhook_subscription", subscription)
    told = public(subscription) | {"delivery_method": subscription["delivery_method"] | {"secret": secret}}
    return 200, {"webhook_subscription": told}


def update_subscription(call: Call) -> Answer:
    """Description, events, filter and whether it is active; whatever is said of its delivery is passed over."""
    subscription, given = call.addressed("webhook_subscription"), call.given("webhook_subscription")
    changes: Document = {}
    if "description" in given:
        changes["description"] = str(given["description"])
    if "events" in given:
        changes["events"] = _events(given["events"])
    if "filter" in given:
        changes["filter"] = _filter(call, given["filter"])
    if "active" in given:
        changes["active"] = bool(given["active"])
    changed = subscription | changes
    call.account.put("webhook_subscription", changed)
    return 200, {"webhook_subscription": public(changed)}


def delete_subscription(call: Call) -> Answer:
    subscription = call.addressed("webhook_subscription")
    call.deliveries.forget(subscription)
    call.account.store.delete(call.account.kind("webhook_subscription"), [subscription["id"]])
    return 204, None


def ping(call: Call) -> Answer:
    call.deliveries.ping(call.addressed("webhook_subscription"))
    return 202, None


def enable(call: Call) -> Answer:
    subscription = call.addressed("webhook_subscription")
    call.deliveries.enable(subscription)
    return 200, {"webhook_subscription": public(call.addressed("webhook_subscription"))}


def _events(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        raise invalid("Events must be a list of event types, each of them once")
    unknown = [str(event) for event in value if event not in V3_TYPES]
    if unknown:
        raise invalid(*(f"Event {event} is not supported" for event in unknown))
    return [str(event) for event in value]


def _filter(call: Call, value: Any) -> Document:
    given = as_object(value)
    kind = given.get("type")
    if kind not in _FILTERS:
        raise invalid(f"Filter type must be one of {', '.join(_FILTERS)}")
    if kind == "account_reference":
        return {"type": kind}
    found = call.found(str(kind).removesuffix("_reference"), given.get("id"))
    return {"type": kind, "id": found["id"]}


def _url(value: Any) -> str:
    url = value if isinstance(value, str) else ""
    parts = urlsplit(url)
    # PagerDuty takes https only; here the service is on this machine.
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise invalid("Delivery method url must be an https url")
    return url


def _headers(value: Any) -> list[Document]:
    headers = value if isinstance(value, list) else []
    return [{"name": str(as_object(h).get("name")), "value": str(as_object(h).get("value"))} for h in headers]
