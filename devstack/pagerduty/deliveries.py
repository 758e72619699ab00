"""Webhook subscriptions and their deliveries, as PagerDuty makes them (PagerDuty docs: V3 Webhooks Overview)."""

import asyncio
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from devstack.pagerduty.account import Account
from devstack.pagerduty.clock import Clock, parsed, precise
from devstack.pagerduty.store import Document

ANSWER_WITHIN = 5.0  # seconds
RETRIED_FOR = timedelta(hours=48)
MOST_DROPS = 3  # in a row; then the subscription is off
OFF_FOR = timedelta(hours=24)
MOST_A_FILTER = 10
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 3600.0  # seconds between attempts; how PagerDuty spaces them is not documented
_KEPT = 500


class Deliveries:
    """The webhooks of one account: queued, sent in order for each incident, tried again, dropped or given up.

    `duplicates`: every webhook is sent twice. `same_ids`: overlapping subscriptions send the same X-Webhook-Id.
    """

    def __init__(
        self, account: Account, clock: Clock, duplicates: Callable[[], bool], same_ids: Callable[[], bool]
    ) -> None:
        self._account, self._clock = account, clock
        self._duplicates, self._same_ids = duplicates, same_ids
        self._in_flight: set[str] = set()
        self._sending: set[asyncio.Task[None]] = set()

    def emit(
        self, event_type: str, data: Document, incident: Document | None, agent: Document | None, at: datetime
    ) -> None:
        """Queues an event for every subscription that wants it. What is off queues nothing."""
        event = {
            "id": str(uuid.uuid4()), "event_type": event_type, "resource_type": event_type.partition(".")[0],
            "occurred_at": precise(at), "agent": agent, "client": None, "data": data,
        }  # fmt: skip
        shared_id = str(uuid.uuid4())
        for subscription in self._account.all("webhook_subscription"):
            if event_type in subscription["events"] and self._is_on(subscription) and _concerns(subscription, incident):
                self._queue(subscription, event, incident, shared_id if self._same_ids() else str(uuid.uuid4()))

    def ping(self, subscription: Document) -> None:
        """A test delivery."""
        event = {
            "id": str(uuid.uuid4()), "event_type": "pagey.ping", "resource_type": "pagey", "client": None,
            "occurred_at": precise(self._clock.now()), "agent": None,
            "data": {"message": "Hello from your friend Pagey!", "type": "ping"},
        }  # fmt: skip
        self._queue(subscription, event, None, str(uuid.uuid4()))

    def enable(self, subscription: Document) -> None:
        method = subscription["delivery_method"] | {"temporarily_disabled": False}
        changed = subscription | {"active": True, "delivery_method": method, "_drops": 0, "_off_until": None}
        self._account.put("webhook_subscription", changed)

    def disable(self, subscription: Document) -> None:
        """Off for a day: what is queued is lost, and what happens meanwhile is not queued."""
        method = subscription["delivery_method"] | {"temporarily_disabled": True}
        until = precise(self._clock.now() + OFF_FOR)
        self._account.put("webhook_subscription", subscription | {"delivery_method": method, "_off_until": until})
        lost = [d | {"state": "lost"} for d in self._waiting() if d["subscription_id"] == subscription["id"]]
        self._account.put("delivery", *lost)

    def forget(self, subscription: Document) -> None:
        """Its subscription is deleted: nothing more is sent."""
        lost = [d | {"state": "lost"} for d in self._waiting() if d["subscription_id"] == subscription["id"]]
        self._account.put("delivery", *lost)

    def retry_now(self) -> None:
        now = precise(self._clock.now())
        self._account.put("delivery", *(delivery | {"next_at": now} for delivery in self._waiting()))

    def send_due(self, client: httpx.AsyncClient) -> datetime | None:
        """Sends what is due, the oldest of each queue; answers when the next one is."""
        self._end_of_off()
        now, heads, later = self._clock.now(), set(), []
        for delivery in self._waiting():
            queue = (delivery["subscription_id"], delivery["incident_id"])
            if queue in heads:
                continue
            heads.add(queue)
            due = parsed(delivery["next_at"])
            if delivery["id"] in self._in_flight:
                continue
            if due > now:
                later.append(due)
                continue
            self._in_flight.add(delivery["id"])
            task = asyncio.get_running_loop().create_task(self._send(client, delivery))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return min(later, default=None)

    def _waiting(self) -> list[Document]:
        return self._account.all("delivery", lambda delivery: delivery["state"] == "waiting")

    def _is_on(self, subscription: Document) -> bool:
        return subscription["active"] and not subscription["delivery_method"]["temporarily_disabled"]

    def _end_of_off(self) -> None:
        for subscription in self._account.all("webhook_subscription", lambda s: s["_off_until"] is not None):
            if parsed(subscription["_off_until"]) <= self._clock.now():
                self.enable(subscription)

    def _queue(self, subscription: Document, event: Document, incident: Document | None, webhook_id: str) -> None:
        now = precise(self._clock.now())
        delivery = {
            "id": str(uuid.uuid4()), "webhook_id": webhook_id, "subscription_id": subscription["id"],
            "incident_id": incident and incident["id"], "event": event, "state": "waiting", "attempts": [],
            "created_at": now, "next_at": now, "copies": 2 if self._duplicates() else 1,
        }  # fmt: skip
        self._account.put("delivery", delivery)
        finished = self._account.all("delivery", lambda d: d["state"] != "waiting")
        self._account.store.delete(self._account.kind("delivery"), (d["id"] for d in finished[:-_KEPT]))
        self._clock.wake()

    async def _send(self, client: httpx.AsyncClient, delivery: Document) -> None:
        subscription = self._account.get("webhook_subscription", delivery["subscription_id"])
        try:
            if subscription is not None:
                status = await self._post(client, subscription, delivery)
                self._done(delivery, status)
        finally:
            self._in_flight.discard(delivery["id"])
            self._clock.wake()

    async def _post(self, client: httpx.AsyncClient, subscription: Document, delivery: Document) -> int | None:
        """The status of the answer; None if there was none in time."""
        body = json.dumps({"event": delivery["event"]}).encode()
        signature = hmac.new(subscription["_secret"].encode(), body, hashlib.sha256).hexdigest()
        method = subscription["delivery_method"]
        headers = {header["name"]: header["value"] for header in method["custom_headers"]} | {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": f"v1={signature}",
            "X-Webhook-Id": delivery["webhook_id"],
            "X-Webhook-Subscription": subscription["id"],
        }
        status = None
        for _ in range(delivery["copies"]):
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    status = (await client.post(method["url"], content=body, headers=headers)).status_code
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
                status = None
        return status

    def _done(self, sent: Document, status: int | None) -> None:
        now = self._clock.now()
        delivery = self._account.get("delivery", sent["id"])
        if delivery is None:
            return
        attempts = [*delivery["attempts"], {"at": precise(now), "status": status}]
        changed = delivery | {"attempts": attempts}
        subscription = self._account.get("webhook_subscription", delivery["subscription_id"])
        with self._account.store.together():
            if status is not None and 200 <= status < 300:
                self._account.put("delivery", changed | {"state": "delivered"})
                if subscription and subscription["_drops"]:
                    self._account.put("webhook_subscription", subscription | {"_drops": 0})
            elif status is None or status >= 500 or status == 429:
                self._try_again(changed, now)
            else:
                self._account.put("delivery", changed | {"state": "dropped"})
                self._dropped(subscription)

    def _try_again(self, delivery: Document, now: datetime) -> None:
        if delivery["state"] != "waiting":  # lost meanwhile
            self._account.put("delivery", delivery)
            return
        wait = timedelta(seconds=min(_FIRST_WAIT * 2 ** (len(delivery["attempts"]) - 1), _LONGEST_WAIT))
        given_up = now + wait > parsed(delivery["created_at"]) + RETRIED_FOR
        state = "given up" if given_up else "waiting"
        self._account.put("delivery", delivery | {"next_at": precise(now + wait), "state": state})

    def _dropped(self, subscription: Document | None) -> None:
        if subscription is None:
            return
        counted = subscription | {"_drops": subscription["_drops"] + 1}
        self._account.put("webhook_subscription", counted)
        if counted["_drops"] >= MOST_DROPS:
            self.disable(counted)


def new_secret() -> str:
    """A signing secret of a subscription."""
    return secrets.token_urlsafe(48)


def _concerns(subscription: Document, incident: Document | None) -> bool:
    wanted = subscription["filter"]
    if wanted["type"] == "account_reference":
        return True
    if incident is None:
        return False
    if wanted["type"] == "service_reference":
        return bool(incident["service"]["id"] == wanted["id"])
    return wanted["id"] in [team["id"] for team in incident["teams"]]
