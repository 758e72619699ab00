"""The webhook routes, and how often they may be called."""

from functools import partial
from typing import Any

from flask import Response, jsonify, make_response, request
from flask_openapi3 import APIBlueprint, Tag
from svcs.flask import container

from service import problems
from service.api.blueprint import problem_responses
from service.api.body import read_body
from service.api.schemas import TokenPath, WebhookAlive, WebhookAnswer
from service.config import Settings
from service.crypto import CannotOpen
from service.metrics import WEBHOOKS_REFUSED
from service.pagerduty.signatures import HEADER as SIGNATURE_HEADER
from service.rates import Rates, caller
from service.rest import Deadline, Rest
from service.webhooks.due import Due
from service.webhooks.receive import Delivery, Receiver
from service.webhooks.settings import WebhookSettingsCache
from service.webhooks.together import NoTurn, Together

# PagerDuty waits 5 s (Webhooks overview): seconds that all our calls for one webhook may take together.
_ANSWER_WITHIN = 4.5
# Wrong tokens and signatures from one address. Far above what a misconfigured subscription sends.
_FAILURES = "600 per minute"
_CHECKS = "120 per minute"  # of URLs that are none, from one address
_LONGEST_HEADER = 300  # characters

_ANSWERS: dict[Any, Any] = {
    202: WebhookAnswer,
    **problem_responses(
        problems.NOT_JSON, problems.NOTHING_USABLE, problems.BAD_SIGNATURE, problems.NOT_FOUND, problems.NO_BARE_URL,
        problems.TOO_LARGE, problems.TOO_MANY_REQUESTS, problems.UNAVAILABLE,
    ),
}  # fmt: skip

blueprint = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/api/webhooks/pagerduty",
    abp_tags=[Tag(name="webhooks", description="What PagerDuty calls")],
)


@blueprint.post("/<token>", responses=_ANSWERS, summary="Receive a webhook", strict_slashes=False)
def receive(path: TokenPath) -> Response:
    return _receive(path.token)


@blueprint.post(
    "",
    responses=_ANSWERS,
    summary="Receive a webhook, where one integration serves the bare URL",
    strict_slashes=False,
)
def receive_bare() -> Response:
    return _receive(None)


@blueprint.get("", responses={200: WebhookAlive}, summary="Is the endpoint alive?", strict_slashes=False)
def alive() -> dict[str, Any]:
    return {"status": "ok"}


@blueprint.get(
    "/<token>",
    responses={200: WebhookAlive, **problem_responses(problems.TOO_MANY_REQUESTS, problems.UNAVAILABLE)},
    summary="Is this token known?",
    strict_slashes=False,
)
def verify(path: TokenPath) -> dict[str, Any]:
    try:
        found = container.get(WebhookSettingsCache).fetch(path.token, Deadline.within(_ANSWER_WITHIN))
    except CannotOpen:
        return {"status": "ok", "known": True}
    if found is None:
        container.get(Rates).require(_CHECKS, "checks", caller())
        return {"status": "ok", "known": False}
    return {"status": "ok", "known": True, "enabled": found.enabled}


@blueprint.after_request
def slow_down_guesses(response: Response) -> Response:
    """After so many failures, more of them are answered 429. What is right is taken, whoever else fails beside it."""
    if response.status_code not in (401, 404) or container.get(Rates).hit(_FAILURES, "failures", caller()):
        return response
    detail = "Too many wrong tokens or signatures came from this address."
    return problems.TOO_MANY_REQUESTS(detail, headers={"Retry-After": "60"}).response()


@blueprint.after_request
def count(response: Response) -> Response:
    if request.method == "POST" and response.status_code != 202:
        WEBHOOKS_REFUSED.labels(response.status_code).inc()
    return response


def _receive(token: str | None) -> Response:
    deadline = Deadline.within(_ANSWER_WITHIN)
    delivery = Delivery(
        token=token,
        body=read_body(),
        signature=request.headers.get(SIGNATURE_HEADER),
        delivery_id=_header("X-Webhook-Id"),
        integration_key=_header("X-PagerDuty-Integration-Key"),
        subscription_id=_header("X-Webhook-Subscription"),
        deadline=deadline,
    )
    count_webhook = partial(container.get(Rates).require, container.get(Settings).webhook_rate_limit, "webhooks")
    receiver = Receiver(
        container.get(Rest), container.get(WebhookSettingsCache), container.get(Together), count_webhook
    )
    try:
        outcomes = receiver.receive(delivery)
    except NoTurn:
        detail = "More webhooks of this integration came at once than are taken."
        raise problems.TOO_MANY_REQUESTS(detail, headers={"Retry-After": "1"}) from None
    container.get(Due).expect()
    return make_response(jsonify({"outcomes": outcomes}), 202)


def _header(name: str) -> str | None:
    value = request.headers.get(name, "").strip()[:_LONGEST_HEADER]
    return value.replace("\0", "") or None
