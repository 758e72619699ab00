"""The bell."""

from datetime import datetime
from typing import Any

from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.organization import current_organization
from service.api.paging import read_page, with_cursor
from service.api.schemas import (
    IdPath,
    Notification,
    NotificationList,
    NotificationQuery,
    OrganizationHeader,
    ReadAllAnswer,
    ReadAllInput,
    UnreadCount,
)
from service.problems import INVALID_FIELDS, NOT_FOUND, FieldError, invalid_fields, not_found
from service.rest import call, row_of, rows

_COUNT_TO = 1000
_NUMBER = TypeAdapter(int)

blueprint = user_blueprint("notifications", "/api/notifications", "The notification bell")


@blueprint.get("", responses={200: NotificationList}, summary="Newest first, by keyset")
def listing(header: OrganizationHeader, query: NotificationQuery) -> dict[str, Any]:
    organization = current_organization()
    feed = rest_as_user().table("notification_feed").select("*").eq("organization_id", organization.id)
    if query.unread:
        feed = feed.is_("read_at", "null")
    page = read_page(feed, query.limit, before=query.before, after=query.after)
    if not page.items:
        organization.require_membership()
    newest = page.items[0]["cursor"] if page.items else query.after
    return {"items": page.items, "next": page.next, "newest": newest}


@blueprint.get("/unread-count", responses={200: UnreadCount}, summary="For the badge")
def unread_count(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    rest = rest_as_user()
    count = call(
        rest, "count_unread_notifications", _NUMBER, get=True, organization_id=organization.id, at_most=_COUNT_TO
    )
    if not count:
        organization.require_membership()
    return {"count": count, "capped": count >= _COUNT_TO}


@blueprint.post("/read-all", responses={200: ReadAllAnswer, **problem_responses(INVALID_FIELDS)}, summary="Read all")
def read_all(header: OrganizationHeader, body: ReadAllInput) -> dict[str, Any]:
    organization = current_organization()
    until = None if body.until is None else _moment(body.until, "until")
    read = call(rest_as_user(), "read_all_notifications", _NUMBER, organization_id=organization.id, until=until)
    if not read:
        organization.require_membership()
    return {"read": read}


@blueprint.get("/<id>", responses={200: Notification, **problem_responses(NOT_FOUND)}, summary="One notification")
def read_one(path: IdPath) -> dict[str, Any]:
    return _find(path.id)


@blueprint.post("/<id>/read", responses={200: Notification, **problem_responses(NOT_FOUND)}, summary="I have read it")
def read(path: IdPath) -> dict[str, Any]:
    found = _find(path.id)
    if found["read_at"] is not None:
        return found
    try:
        rows(
            rest_as_user()
            .table("receipts")
            .upsert({"notification_id": path.id}, on_conflict="notification_id,user_id", ignore_duplicates=True)
        )
    except APIError as error:
        if error.code == "42501":  # it was withdrawn from the caller's sight in this moment
            raise not_found("notification") from None
        raise
    return _find(path.id)


def _find(notification_id: str) -> dict[str, Any]:
    found = row_of(rest_as_user().table("notification_feed").select("*"), notification_id)
    if found is None:
        raise not_found("notification")
    return with_cursor(found)


def _moment(text: str, field: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid_fields([FieldError(field=field, message="is not an ISO 8601 time with a zone")])
    return moment.isoformat()
