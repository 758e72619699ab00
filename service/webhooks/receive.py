"""The way of one webhook, from its bytes to the outcomes: authenticate → parse → record → ingest."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from postgrest.exceptions import APIError

from service.crypto import CannotOpen
from service.logs import log
from service.metrics import WEBHOOK_EVENTS
from service.pagerduty import payloads, signatures
from service.pagerduty.events import Event, InvalidEvent
from service.pagerduty.mapping import IngestRecord, ingest_record
from service.pagerduty.masking import mask
from service.problems import BAD_SIGNATURE, NO_BARE_URL, NOT_JSON, NOTHING_USABLE, Problem, not_found, unavailable
from service.rest import NOTHING, Deadline, Nonsense, Rest, Row
from service.webhooks.settings import WebhookSettings, WebhookSettingsCache
from service.webhooks.together import Ingested, Together, Webhook

_RETRY_SOON = 5  # seconds
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it came. `token` is its URL's last part, None for the bare URL; the rest are its headers."""

    token: str | None
    body: bytes
    signature: str | None
    delivery_id: str | None
    integration_key: str | None
    subscription_id: str | None
    deadline: Deadline


class Receiver:
    """Takes webhooks."""

    def __init__(
        self, rest: Rest, cache: WebhookSettingsCache, together: Together, count: Callable[[str], None]
    ) -> None:
        """`count` gets an organization's id, and raises Problem if that has sent too many."""
        self._rest, self._cache, self._together, self._count = rest, cache, together, count

    def receive(self, delivery: Delivery) -> list[dict[str, Any]]:
        """What became of each event, once that is committed. Raises Problem and NoTurn."""
        try:
            settings = self._authenticate(delivery)
            # Only now: what anybody may send, unsigned and to the bare URL, uses up no integration's rate.
            self._count(settings.organization_id)
            events = self._parse(delivery)
            _log_payloads(settings, events)
            return self._ingest(delivery, settings, _record(delivery, events))
        except CannotOpen:
            self._report(delivery, "The saved signing secret cannot be read any more: enter it again.")
            raise unavailable("The signing secret of this integration cannot be read.", retry_after=60) from None
        except (APIError, httpx.HTTPError) as error:
            # Whatever the database says against one of our own calls, a retry may find it cured.
            log.error("webhook_not_stored", error=type(error).__name__, code=getattr(error, "code", None))
            raise unavailable("The webhook could not be stored.", retry_after=_RETRY_SOON) from None

    def _authenticate(self, delivery: Delivery) -> WebhookSettings:
        """The integration's settings, once the body's signature holds. Remembered settings may admit, never refuse."""
        remembered = self._cache.remembered(delivery.token)
        if remembered is not None and _is_signed(delivery, remembered):
            return remembered
        settings = self._cache.fetch(delivery.token, delivery.deadline)
        if settings is None:
            raise _unknown(delivery)
        if not _is_signed(delivery, settings):
            problem = "The webhook is not signed" if delivery.signature is None else "The webhook's signature is wrong"
            self._report(delivery, f"{problem}: compare the signing secret here with the subscription's in PagerDuty.")
            raise BAD_SIGNATURE(f"{problem}.", headers={"WWW-Authenticate": 'Signature realm="pagerduty"'})
        return settings

    def _parse(self, delivery: Delivery) -> list[Event | InvalidEvent]:
        """The events, of which at least one can be used."""
        try:
            events = payloads.parse(delivery.body)
        except (payloads.NotJSON, payloads.NothingUsable) as error:
            self._report(delivery, f"A webhook could not be used: {error}")
            kind = NOT_JSON if isinstance(error, payloads.NotJSON) else NOTHING_USABLE
            raise kind(str(error)) from None
        invalid = [event.reason for event in events if isinstance(event, InvalidEvent)]
        if len(invalid) == len(events):
            self._report(delivery, f"A webhook could not be used: {invalid[0]}")
            raise NOTHING_USABLE("; ".join(invalid[:5]))
        return events

    def _ingest(
        self, delivery: Delivery, settings: WebhookSettings, records: Sequence[IngestRecord]
    ) -> list[dict[str, Any]]:
        """One transaction. Nothing is taken that was verified with settings that no longer hold."""
        for _ in range(_MOST_TRIES):
            webhook = Webhook(
                token=delivery.token,
                settings_version=settings.version,
                events=records,
                subscription_id=delivery.subscription_id,
            )
            answer = self._together.ingest(settings.organization_id, webhook, len(delivery.body), delivery.deadline)
            if answer.status == "done":
                return _outcomes(answer, len(records))
            self._cache.forget(delivery.token)
            settings = self._authenticate(delivery)
        raise unavailable("The integration's settings are changing.", retry_after=1)

    def _report(self, delivery: Delivery, problem: str) -> None:
        """For the settings page. A problem that cannot be written must not change the answer."""
        log.warning("webhook_refused", problem=problem)
        try:
            self._rest.call_as_service(
                delivery.deadline, "report_problem", NOTHING, token=delivery.token, problem=problem
            )
        except (APIError, httpx.HTTPError) as error:
            log.warning("problem_not_reported", error=type(error).__name__)


def _is_signed(delivery: Delivery, settings: WebhookSettings) -> bool:
    """An integration with a signing secret accepts nothing unsigned; one without relies on its token."""
    if not settings.signing_secrets:
        return True
    return signatures.verify(delivery.body, delivery.signature, settings.signing_secrets)


def _unknown(delivery: Delivery) -> Problem:
    if delivery.token is not None:
        return not_found("webhook URL")
    return NO_BARE_URL("No integration serves this URL: use the one shown in the settings.")


def _log_payloads(settings: WebhookSettings, events: Sequence[Event | InvalidEvent]) -> None:
    if log.isEnabledFor(logging.DEBUG):
        shown = mask([event.payload for event in events])
        log.debug("webhook_received", organization_id=settings.organization_id, events=shown)


def _record(delivery: Delivery, events: Sequence[Event | InvalidEvent]) -> list[IngestRecord]:
    extra_keys = [delivery.integration_key] if delivery.integration_key else []
    return [ingest_record(event, delivery.delivery_id, extra_keys) for event in events]


def _outcomes(answer: Ingested, expected: int) -> list[dict[str, Any]]:
    if len(answer.outcomes) != expected:
        raise Nonsense(f"{len(answer.outcomes)} outcomes of {expected} events")
    kinds = [str(Row(outcome)["outcome"]) for outcome in answer.outcomes]
    for kind in kinds:
        WEBHOOK_EVENTS.labels(kind).inc()
    log.info("webhook_ingested", organization_id=answer.organization_id, outcomes=kinds)
    if answer.recipients is not None:
        log.debug("people_notified", recipients=answer.recipients if "created" in kinds else 0)
    return answer.outcomes
