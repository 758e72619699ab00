"""Receiving PagerDuty's webhooks.

The status codes follow PagerDuty's retry rules (PagerDuty: Webhooks overview): a 4xx other than 429 is final and, three
times in a row, switches the customer's subscription off. So 4xx answers only what no retry could cure, 503 and 429
whatever one can, and 202 everything that was understood, the ignored included.
"""

import time
from collections.abc import Sequence
from typing import Any

import httpx
from flask import Response, g, jsonify, make_response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_openapi3 import APIBlueprint, Tag
from postgrest.exceptions import APIError

from service.api.blueprint import problems
from service.api.requests import read_body
from service.api.schemas import TokenPath, WebhookAlive, WebhookAnswer
from service.config import Settings
from service.crypto import CannotOpen
from service.errors import Problem, not_found, unavailable
from service.logs import log
from service.metrics import WEBHOOK_EVENTS, WEBHOOKS_REFUSED
from service.pagerduty import payloads, signatures
from service.pagerduty.mapping import ingest_record
from service.pagerduty.masking import mask
from service.rest import Rest, call
from service.webhook_settings import WebhookSettings, WebhookSettingsCache

# PagerDuty waits 5 s (Webhooks overview): seconds that all our calls for one webhook may take together.
_ANSWER_WITHIN = 4.5
# Wrong tokens and signatures from one address. Far above what a misconfigured subscription sends.
_FAILURES = "600 per minute"
_MAX_DELIVERY_ID = 300
_RETRY_SOON = 5  # seconds


def create_blueprint(settings: Settings, rest: Rest, cache: WebhookSettingsCache, limiter: Limiter) -> APIBlueprint:
    blueprint = APIBlueprint(
        "webhooks",
        __name__,
        url_prefix="/api/webhooks/pagerduty",
        abp_tags=[Tag(name="webhooks", description="What PagerDuty calls")],
    )
    by_url = limiter.shared_limit(
        settings.webhook_rate_limit, scope="webhooks", key_func=lambda: (request.view_args or {}).get("token", "bare")
    )
    by_failures = limiter.shared_limit(
        _FAILURES,
        scope="failures",
        key_func=get_remote_address,
        deduct_when=lambda response: response.status_code in (401, 404),
    )
    answers: dict[Any, Any] = {202: WebhookAnswer, **problems(400, 401, 404, 413, 429, 503)}
    receiver = _Receiver(rest, cache)

    @blueprint.post("/<token>", responses=answers, summary="Receive a webhook")
    @by_url
    @by_failures
    def receive(path: TokenPath) -> Response:
        return receiver.receive(path.token)

    @blueprint.post("", responses=answers, summary="Receive a webhook, where one integration serves the bare URL")
    @by_url
    @by_failures
    def receive_bare() -> Response:
        return receiver.receive(None)

    @blueprint.get("", responses={200: WebhookAlive}, summary="Is the endpoint alive?")
    def alive() -> dict[str, Any]:
        return {"status": "ok"}

    @blueprint.get("/<token>", responses={200: WebhookAlive, **problems(429, 503)}, summary="Is this token known?")
    @limiter.limit("120 per minute")
    def verify(path: TokenPath) -> dict[str, Any]:
        try:
            found = cache.fetch(path.token)
        except CannotOpen:
            return {"status": "ok", "known": True}
        return {"status": "ok", "known": found is not None, **({"enabled": found.enabled} if found else {})}

    @blueprint.after_request
    def count(response: Response) -> Response:
        if request.method == "POST" and response.status_code != 202:
            WEBHOOKS_REFUSED.labels(response.status_code).inc()
        return response

    return blueprint


class _Receiver:
    """One webhook, from its bytes to the outcomes."""

    def __init__(self, rest: Rest, cache: WebhookSettingsCache) -> None:
        self._rest, self._cache = rest, cache

    def receive(self, token: str | None) -> Response:
        g.answer_by = time.monotonic() + _ANSWER_WITHIN
        body = read_body()
        try:
            return self._take(token, body)
        except CannotOpen:
            self._report(token, "The saved signing secret cannot be read any more: enter it again.")
            raise unavailable("The signing secret of this integration cannot be read.", retry_after=60) from None
        except (APIError, httpx.HTTPError) as error:
            # Whatever the database says against one of our own calls, a retry may find it cured.
            log.error("webhook_not_stored", error=type(error).__name__, code=getattr(error, "code", None))
            raise unavailable("The webhook could not be stored.", retry_after=_RETRY_SOON) from None

    def _take(self, token: str | None, body: bytes) -> Response:
        settings = self._authenticate(token, body)
        try:
            events = payloads.parse(body)
        except (payloads.NotJSON, payloads.NothingUsable) as error:
            self._report(token, f"A webhook could not be used: {error}")
            slug = "not-json" if isinstance(error, payloads.NotJSON) else "nothing-usable"
            raise Problem(400, slug, "Nothing usable", str(error)) from None
        invalid = [event.reason for event in events if isinstance(event, payloads.InvalidEvent)]
        if len(invalid) == len(events):
            self._report(token, f"A webhook could not be used: {invalid[0]}")
            raise Problem(400, "nothing-usable", "Nothing usable", "; ".join(invalid[:5]))
        if log.isEnabledFor(10):
            log.debug("webhook_received", organization_id=settings.organization_id, events=mask(_payloads(events)))
        delivery_id = _header("X-Webhook-Id")
        extra_keys = [key] if (key := _header("X-PagerDuty-Integration-Key")) else []
        records = [ingest_record(event, delivery_id, extra_keys) for event in events]
        return self._ingest(token, body, settings, records)

    def _authenticate(self, token: str | None, body: bytes) -> WebhookSettings:
        """The integration's settings, once the body's signature holds. Remembered settings may admit, never refuse."""
        remembered = self._cache.remembered(token)
        if remembered is not None and _is_signed(body, remembered):
            return remembered
        settings = self._cache.fetch(token)
        if settings is None:
            raise (
                not_found("webhook URL")
                if token
                else Problem(
                    404,
                    "no-bare-url",
                    "Not found",
                    "No integration serves this URL: use the one shown in the settings.",
                )
            )
        if not _is_signed(body, settings):
            signed = "X-PagerDuty-Signature" in request.headers
            problem = "The webhook's signature is wrong" if signed else "The webhook is not signed"
            self._report(token, f"{problem}: compare the signing secret here with the subscription's in PagerDuty.")
            raise Problem(
                401, "bad-signature", "Not authenticated", f"{problem}.",
                headers={"WWW-Authenticate": 'Signature realm="pagerduty"'},
            )  # fmt: skip
        return settings

    def _ingest(
        self, token: str | None, body: bytes, settings: WebhookSettings, records: Sequence[dict[str, Any]]
    ) -> Response:
        debugging = log.isEnabledFor(10)
        for _ in range(3):
            answer: Any = call(
                self._rest.as_service(),
                "ingest_events",
                token=token,
                settings_version=settings.version,
                events=records,
                count_recipients=debugging,
            )
            if answer["status"] == "done":
                return _accepted(answer)
            # The settings changed since they were read: verify with the ones that hold now.
            self._cache.forget(token)
            settings = self._authenticate(token, body)
        raise unavailable("The integration's settings are changing.", retry_after=1)

    def _report(self, token: str | None, problem: str) -> None:
        """For the settings page. A problem that cannot be written must not change the answer."""
        log.warning("webhook_refused", problem=problem)
        try:
            call(self._rest.as_service(), "report_problem", token=token, problem=problem)
        except (APIError, httpx.HTTPError) as error:
            log.warning("problem_not_reported", error=type(error).__name__)


def _accepted(answer: dict[str, Any]) -> Response:
    outcomes = answer["outcomes"]
    for outcome in outcomes:
        WEBHOOK_EVENTS.labels(outcome["outcome"]).inc()
    kinds = [outcome["outcome"] for outcome in outcomes]
    log.info("webhook_ingested", organization_id=answer["organization_id"], outcomes=kinds)
    if answer["recipients"] is not None:
        log.debug("people_notified", recipients=answer["recipients"] if "created" in kinds else 0)
    return make_response(jsonify({"outcomes": outcomes}), 202)


def _is_signed(body: bytes, settings: WebhookSettings) -> bool:
    """An integration with a signing secret accepts nothing unsigned; one without relies on its token."""
    if not settings.signing_secrets:
        return True
    return signatures.verify(body, request.headers.get("X-PagerDuty-Signature"), settings.signing_secrets)


def _header(name: str) -> str | None:
    value = request.headers.get(name, "").strip()[:_MAX_DELIVERY_ID]
    return value.replace("\0", "") or None


def _payloads(events: Sequence[payloads.Event | payloads.InvalidEvent]) -> list[Any]:
    return [event.payload for event in events]
