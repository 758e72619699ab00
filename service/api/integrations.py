"""An organization's PagerDuty settings."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from flask import Response, jsonify, make_response
from postgrest.exceptions import APIError
from pydantic import BaseModel, TypeAdapter
from svcs.flask import container

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.organization import Organization, current_organization
from service.api.paging import read_page
from service.api.schemas import (
    AuditList,
    Directory,
    IntegrationAnswer,
    IntegrationInput,
    KeyTestAnswer,
    KeyTestInput,
    OrganizationHeader,
    Page,
    SubscriptionCheck,
    SubscriptionInput,
    TestAlertAnswer,
)
from service.config import Settings
from service.crypto import CannotOpen, Sealer
from service.pagerduty.account import UNREADABLE_KEY, Account, Refused, Unreachable
from service.pagerduty.client import check_api_key
from service.pagerduty.events import V3_TYPES
from service.pagerduty.subscriptions import Subscriptions
from service.problems import (
    CONFLICT,
    FORBIDDEN,
    INVALID_FIELDS,
    NOT_FOUND,
    PAGERDUTY_REFUSED,
    TOO_MANY_REQUESTS,
    Problem,
    not_found,
    unavailable,
)
from service.rest import call, rows
from service.vocabulary import Direction, HealthState, Level, SubscriptionCheckState, SubscriptionState

_SECRETS = ("api_key", "signing_secret")
_MOST_CHOICES = 4000
_ASK_AGAIN = 10  # seconds
_PING_TAKES = timedelta(minutes=5)  # at most, until something is wrong
_NO_KEY = "No API key is saved yet: enter one, save it, and connect then."
_ADMINS_CONNECT = "Only owners and admins of the organization may connect PagerDuty."
_CHECKED: dict[SubscriptionCheckState, str] = {
    "on": "PagerDuty has it, and it is on.",
    "suspended": "PagerDuty has switched it off for a day, after too many refusals. It is switched on again from here, "
    "and what was missed is read from PagerDuty's log.",
    "off": "PagerDuty has switched it off: alerts do not arrive, and are not kept. Connect again to mend it.",
    "gone": "PagerDuty does not have it any more: alerts do not arrive. Connect again to mend it.",
    "changed": "In PagerDuty its events were changed: some do not arrive. Connect again to have all of them.",
}
_AUDIT_COLUMNS = "id,created_at,actor_id,actor_name,subject,member_id,member_name,setting,change,old_value,new_value"


class _AdminFields(BaseModel):
    webhook_token: str
    previous_webhook_token_expires_at: str | None
    accept_bare_url: bool
    subscription_is_current: bool | None
    integration_key: str | None
    api_key_last4: str | None
    signing_secret_last4: str | None
    seen_services: list[dict[str, str | None]]


class _RecentEvents(BaseModel):
    received: int = 0
    ignored: int = 0
    invalid: int = 0
    repeated: int = 0
    since: str | None = None
    reasons: dict[str, int] = {}


class _Subscription(BaseModel):
    id: str
    scope: dict[str, Any]
    made_at: str
    proven_at: str | None


class _Reconciliation(BaseModel):
    changes: int
    healed: int
    healed_at: str | None
    since: str
    read_until: str
    subscription_state: SubscriptionCheckState | None
    checked_at: str | None
    mended_at: str | None
    pinged_at: str | None
    error: str | None


class _Saved(BaseModel):
    """What get_integration() and save_integration() answer."""

    configured: bool
    can_edit: bool
    enabled: bool = False
    region: Literal["us", "eu"] = "us"
    event_types: list[str] | None = None
    services: list[str] | None = None
    api_key_set: bool = False
    signing_secret_set: bool = False
    last_event_at: str | None = None
    last_error: str | None = None
    last_error_at: str | None = None
    recent_events: _RecentEvents = _RecentEvents()
    subscription: _Subscription | None = None
    acting_email: str | None = None
    sync_status: Direction = "both"
    sync_notes: Direction = "both"
    paging_service_id: str | None = None
    paging_criticality: Level = "critical"
    outbox: dict[str, Any] | None = None
    reconciliation: _Reconciliation | None = None
    updated_at: str | None = None
    admin: _AdminFields | None = None


class _SavedSubscription(BaseModel):
    """What save_subscription() answers."""

    integration: _Saved
    replaced: str | None


_SAVED = TypeAdapter(_Saved)
_SAVED_SUBSCRIPTION = TypeAdapter(_SavedSubscription)
_FOUND: TypeAdapter[_Saved | None] = TypeAdapter(_Saved | None)
_SENT = TypeAdapter(TestAlertAnswer)
_DONE = TypeAdapter(bool)
_SEALED: TypeAdapter[str | None] = TypeAdapter(str | None)

blueprint = user_blueprint("integrations", "/api/integrations/pagerduty", "The organization's PagerDuty settings")


@blueprint.get("", responses={200: IntegrationAnswer}, summary="The settings; secrets only as hints")
def read(header: OrganizationHeader) -> dict[str, Any]:
    return _answer(_saved(current_organization()))


@blueprint.post(
    "",
    responses={200: IntegrationAnswer, **problem_responses(INVALID_FIELDS)},
    summary="Save or change; answers the webhook URL",
)
def save(header: OrganizationHeader, body: IntegrationInput) -> dict[str, Any]:
    organization = current_organization()
    given = body.given()
    credentials = {name: _sealed(given[name], organization, name) for name in _SECRETS if name in given}
    changes = {name: value for name, value in given.items() if name not in _SECRETS}
    rest = rest_as_user()
    with _for_admins(organization):
        saved = call(
            rest,
            "save_integration",
            _SAVED,
            organization_id=organization.id,
            settings=changes,
            credentials=credentials,
        )
    return _answer(saved)


@blueprint.post(
    "/rotate-url",
    responses={200: IntegrationAnswer, **problem_responses(NOT_FOUND)},
    summary="A new webhook URL; the one before it is taken for 48 hours more, and a subscription moves over",
)
def rotate_url(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    with _for_admins(organization):
        saved = call(rest_as_user(), "rotate_webhook_url", _SAVED, organization_id=organization.id)
    if not saved.configured:
        raise not_found("integration")
    if saved.subscription:
        # What was made from here moves over by itself. If it cannot now, its state says so, and the old URL is taken.
        with suppress(Problem):
            saved = _connect(organization, saved, saved.subscription.scope)
    return _answer(saved)


@blueprint.post(
    "/test-alert",
    responses={201: TestAlertAnswer, **problem_responses(NOT_FOUND, CONFLICT, TOO_MANY_REQUESTS)},
    summary="Tell everybody of a test alert, as of one of PagerDuty's; five a minute",
)
def test_alert(header: OrganizationHeader) -> Response:
    organization = current_organization()
    try:
        with _for_admins(organization):
            sent = call(rest_as_user(), "send_test_alert", _SENT, organization_id=organization.id)
    except APIError as error:
        if error.code == "PT404":
            raise not_found("integration") from None
        if error.code == "PT409":
            raise CONFLICT("PagerDuty is switched off: nobody would be told. Switch it on first.") from None
        if error.code == "PT429":
            detail = "Five test alerts a minute are enough; wait a moment."
            raise TOO_MANY_REQUESTS(detail, headers={"Retry-After": "60"}) from None
        raise
    return make_response(jsonify(sent.model_dump()), 201)


@blueprint.get(
    "/subscription",
    responses={200: SubscriptionCheck, **problem_responses(NOT_FOUND, CONFLICT, PAGERDUTY_REFUSED)},
    summary="Ask PagerDuty how the webhook subscription stands there",
)
def check_subscription(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    saved, made = _connected(organization)
    with _asking(organization, saved) as subscriptions:
        state = subscriptions.state(made.id, V3_TYPES)
    return {"state": state, "message": _CHECKED[state]}


@blueprint.post(
    "/subscription",
    responses={200: IntegrationAnswer, **problem_responses(INVALID_FIELDS, CONFLICT, PAGERDUTY_REFUSED)},
    summary="Connect: make the webhook subscription in PagerDuty, keep its secret, and ping it",
)
def connect(header: OrganizationHeader, body: SubscriptionInput) -> dict[str, Any]:
    """One that is there already is replaced: the new one is on before the old one is removed."""
    organization = current_organization()
    saved = _for_connecting(organization)
    scope = {"type": body.scope.type, "id": body.scope.id}
    return _answer(_connect(organization, saved, scope))


@blueprint.post(
    "/ping",
    responses={200: IntegrationAnswer, **problem_responses(NOT_FOUND, CONFLICT, PAGERDUTY_REFUSED)},
    summary="Have PagerDuty send a test event through the webhook subscription",
)
def ping(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    saved, made = _connected(organization)
    with _asking(organization, saved) as subscriptions:
        subscriptions.ping(made.id)
    return _answer(saved)


@blueprint.post(
    "/reconcile",
    responses={200: IntegrationAnswer, **problem_responses(NOT_FOUND)},
    summary="Have the worker compare with PagerDuty's log now: what no webhook told is taken from there",
)
def reconcile(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    saved = _saved(organization)
    if not saved.can_edit:
        raise FORBIDDEN("Only owners and admins of the organization may have it compared with PagerDuty.")
    if not call(rest_as_user(), "reconcile_now", _DONE, organization_id=organization.id):
        raise not_found("subscription")
    return _answer(saved)


@blueprint.delete(
    "/subscription",
    responses={200: IntegrationAnswer, **problem_responses(NOT_FOUND, CONFLICT, PAGERDUTY_REFUSED)},
    summary="Remove the webhook subscription from PagerDuty; no alert arrives through it any more",
)
def disconnect(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    saved, made = _connected(organization)
    with _asking(organization, saved) as subscriptions:
        subscriptions.remove(made.id)
    return _answer(_save_subscription(organization, None).integration)


@blueprint.get(
    "/directory",
    responses={200: Directory},
    summary="What the PagerDuty account has to choose from: services, escalation policies, priorities, users",
)
def directory(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    listed = rest_as_user().table("directory").select("kind,id:pagerduty_id,name")
    found = rows(listed.eq("organization_id", organization.id).order("place").limit(_MOST_CHOICES))
    if not found:
        organization.require_membership()
    plurals = {
        "service": "services",
        "escalation_policy": "escalation_policies",
        "priority": "priorities",
        "user": "users",
    }
    return {
        plural: [{"id": one["id"], "name": one["name"]} for one in found if one["kind"] == kind]
        for kind, plural in plurals.items()
    }


@blueprint.get(
    "/audit",
    responses={200: AuditList, **problem_responses(INVALID_FIELDS)},
    summary="Who changed which setting from what to what: newest first, by keyset",
)
def audit(header: OrganizationHeader, query: Page) -> dict[str, Any]:
    organization = current_organization()
    listed = rest_as_user().table("audit").select(_AUDIT_COLUMNS).eq("organization_id", organization.id)
    page = read_page(listed, query.limit, before=query.before)
    if not page.items:
        organization.require_membership()
        if not _saved(organization).can_edit:
            raise FORBIDDEN("Only owners and admins of the organization may read its audit.")
    return {"items": page.items, "next": page.next}


@blueprint.post(
    "/test", responses={200: KeyTestAnswer, **problem_responses(INVALID_FIELDS)}, summary="Is this API key good?"
)
def test(header: OrganizationHeader, body: KeyTestInput) -> dict[str, Any]:
    organization = current_organization()
    saved = _saved(organization)
    if not saved.can_edit:
        raise FORBIDDEN("Only owners and admins of the organization may test its API key.")
    key, region = body.api_key, body.region
    if not key:
        try:
            key = _saved_api_key(organization)
        except CannotOpen:
            return _not_tested("not_set", UNREADABLE_KEY)
        if key is None:
            return _not_tested("not_set", "No API key is saved yet: enter one and test it.")
        region = region or saved.region
    answer = asdict(check_api_key(key, region, container.get(Settings).pagerduty_api_urls))
    del answer["abilities_count"]
    return answer


def _for_connecting(organization: Organization) -> _Saved:
    """The settings, for those who may connect. Raises Problem for others, and where there is nothing to connect."""
    saved = _saved(organization)
    if not saved.can_edit:
        raise FORBIDDEN(_ADMINS_CONNECT)
    if not saved.api_key_set:
        raise CONFLICT(_NO_KEY)
    return saved


def _connected(organization: Organization) -> tuple[_Saved, _Subscription]:
    """The settings and the subscription that was made from here. Raises Problem where there is none."""
    saved = _for_connecting(organization)
    if saved.subscription is None:
        raise not_found("subscription")
    return saved, saved.subscription


@contextmanager
def _asking(organization: Organization, saved: _Saved) -> Iterator[Subscriptions]:
    """PagerDuty, asked with the saved key. Raises Problem for what PagerDuty refuses, or if it cannot be reached."""
    try:
        key = _saved_api_key(organization)
    except CannotOpen:
        raise CONFLICT(UNREADABLE_KEY) from None
    if key is None:
        raise CONFLICT(_NO_KEY)
    try:
        with Account(key, container.get(Settings).pagerduty_api_urls[saved.region]) as account:
            yield Subscriptions(account)
    except Refused as refused:
        raise PAGERDUTY_REFUSED(refused.words) from None
    except Unreachable as silent:
        raise unavailable(silent.words, retry_after=silent.retry_after or _ASK_AGAIN) from None


def _connect(organization: Organization, saved: _Saved, scope: dict[str, Any]) -> _Saved:
    """Makes a subscription in PagerDuty; one that was there is removed once the new one is on.

    It tells all event types: filters decide who is told, never what is known.
    """
    if saved.admin is None:
        raise FORBIDDEN(_ADMINS_CONNECT)
    settings = container.get(Settings)
    with _asking(organization, saved) as subscriptions:
        scope = scope | {"name": subscriptions.name_of(scope)}
        url = f"{settings.public_url}/api/webhooks/pagerduty/{saved.admin.webhook_token}"
        made = subscriptions.make(url, scope, V3_TYPES, settings.product_name)
        try:
            secret = _sealed(made.secret, organization, "signing_secret")
            connected = _save_subscription(organization, {"id": made.id, "scope": scope}, secret)
        except BaseException:
            with suppress(Refused, Unreachable):
                subscriptions.remove(made.id)
            raise
        subscriptions.activate(made.id)
        subscriptions.ping(made.id)
        if connected.replaced:
            subscriptions.remove(connected.replaced)
        subscriptions.remove_others(url, settings.product_name, made.id)
    return connected.integration


def _save_subscription(
    organization: Organization, subscription: dict[str, Any] | None, secret: dict[str, str] | None = None
) -> _SavedSubscription:
    with _for_admins(organization):
        return call(
            rest_as_user(),
            "save_subscription",
            _SAVED_SUBSCRIPTION,
            organization_id=organization.id,
            subscription=subscription,
            credentials={"signing_secret": secret} if secret else {},
            settings={"enabled": True} if subscription else {},
        )


@contextmanager
def _for_admins(organization: Organization) -> Iterator[None]:
    """What only owners and admins may do. Raises Problem (forbidden) if the database refuses it to the caller."""
    try:
        yield
    except APIError as error:
        organization.require_membership()
        if error.code == "42501":
            raise FORBIDDEN("Only owners and admins of the organization may change its integration.") from None
        raise


def _saved(organization: Organization) -> _Saved:
    """The settings as the caller may see them. Raises Problem (forbidden) if they are in another organization."""
    saved = call(rest_as_user(), "get_integration", _FOUND, get=True, organization_id=organization.id)
    if saved is None:
        organization.require_membership()
        raise not_found("organization")  # left in this moment
    return saved


def _sealed(secret: str | None, organization: Organization, field: str) -> dict[str, str] | None:
    if secret is None:
        return None
    return {"sealed": container.get(Sealer).seal(secret, organization.id, field), "last4": secret[-4:]}


def _saved_api_key(organization: Organization) -> str | None:
    sealed = call(rest_as_user(), "get_sealed_api_key", _SEALED, get=True, organization_id=organization.id)
    return container.get(Sealer).open(sealed, organization.id, "api_key") if sealed else None


def _not_tested(status: str, message: str) -> dict[str, Any]:
    return {
        "ok": False, "status": status, "message": message, "region": None, "account": None,
        "can_write": None, "user_email": None, "retry_after": None,
    }  # fmt: skip


def _health_state(saved: _Saved) -> HealthState:
    recent = saved.recent_events
    if saved.last_error:
        return "failing"
    if not saved.configured:
        return "not_configured"
    if not saved.enabled:
        return "disabled"
    if not saved.last_event_at:
        return "waiting"
    return "all_ignored" if recent.ignored and recent.ignored + recent.invalid == recent.received else "good"


def _subscription(saved: _Saved) -> dict[str, Any] | None:
    found = saved.subscription
    return {**found.model_dump(), "state": _subscription_state(saved, found)} if found else None


def _subscription_state(saved: _Saved, found: _Subscription) -> SubscriptionState:
    """As far as is known here: what the worker was told last counts before what has arrived."""
    if saved.admin is not None and saved.admin.subscription_is_current is False:
        return "old_url"
    compared = saved.reconciliation
    if compared and compared.subscription_state in ("off", "gone", "changed"):
        return compared.subscription_state
    if found.proven_at is None:
        return "waiting"
    pinged = datetime.fromisoformat(compared.pinged_at) if compared and compared.pinged_at else None
    is_silent = pinged and pinged > datetime.fromisoformat(found.proven_at) and datetime.now(UTC) - pinged > _PING_TAKES
    return "silent" if is_silent else "proven"


def _reconciliation(saved: _Saved) -> dict[str, Any] | None:
    found = saved.reconciliation
    return found.model_dump(exclude={"subscription_state"}) if found else None


def _answer(saved: _Saved) -> dict[str, Any]:
    admin = saved.admin
    webhooks = f"{container.get(Settings).public_url}/api/webhooks/pagerduty"
    return {
        "configured": saved.configured,
        "can_edit": saved.can_edit,
        "enabled": saved.enabled,
        "region": saved.region,
        "event_types": saved.event_types,
        "services": saved.services,
        "seen_services": admin and admin.seen_services,
        "integration_key": admin and admin.integration_key,
        "api_key": {"set": saved.api_key_set, "last4": admin and admin.api_key_last4},
        "signing_secret": {"set": saved.signing_secret_set, "last4": admin and admin.signing_secret_last4},
        "webhook_url": f"{webhooks}/{admin.webhook_token}" if admin else None,
        "previous_webhook_url_expires_at": admin and admin.previous_webhook_token_expires_at,
        "bare_webhook_url": webhooks if admin and admin.accept_bare_url else None,
        "subscription": _subscription(saved),
        "acting_email": saved.acting_email,
        "sync_status": saved.sync_status,
        "sync_notes": saved.sync_notes,
        "paging_service_id": saved.paging_service_id,
        "paging_criticality": saved.paging_criticality,
        "outbox": saved.outbox,
        "reconciliation": _reconciliation(saved),
        "health": {
            "state": _health_state(saved),
            "recent_events": saved.recent_events.model_dump(),
            "last_event_at": saved.last_event_at,
            "last_error": saved.last_error,
            "last_error_at": saved.last_error_at,
        },
        "updated_at": saved.updated_at,
    }
