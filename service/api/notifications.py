"""The bell."""

from datetime import datetime
from typing import Any

from flask_openapi3 import APIBlueprint
from postgrest.exceptions import APIError

from service.api.blueprint import problems, user_blueprint
from service.api.requests import current_organization, cursor_of, is_id, newer_than, older_than, rest_as_user
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
from service.auth import TokenVerifier
from service.errors import FieldError, invalid_fields, not_found
from service.rest import call, rows

_COUNT_TO = 1000


def create_blueprint(verifier: TokenVerifier) -> APIBlueprint:
    blueprint = user_blueprint("notifications", "/api/notifications", "The notification bell", verifier)

    @blueprint.get("", responses={200: NotificationList}, summary="Newest first, by keyset")
    def listing(header: OrganizationHeader, query: NotificationQuery) -> dict[str, Any]:
        feed = rest_as_user().table("notification_feed").select("*").eq("organization_id", current_organization().id)
        if query.unread:
            feed = feed.is_("read_at", "null")
        if query.before:
            feed = feed.or_(older_than(query.before))
        if query.after:
            feed = feed.or_(newer_than(query.after))
        found = rows(feed.order("created_at", desc=True).order("id", desc=True).limit(query.limit + 1))
        items = [_answer(row) for row in found[: query.limit]]
        return {
            "items": items,
            "next": items[-1]["cursor"] if len(found) > query.limit else None,
            "newest": items[0]["cursor"] if items else query.after,
        }

    @blueprint.get("/unread-count", responses={200: UnreadCount}, summary="For the badge")
    def unread_count(header: OrganizationHeader) -> dict[str, Any]:
        organization_id = current_organization().id
        count = call(
            rest_as_user(), "count_unread_notifications", get=True, organization_id=organization_id, at_most=_COUNT_TO
        )
        return {"count": count, "capped": count >= _COUNT_TO}

    @blueprint.post("/read-all", responses={200: ReadAllAnswer, **problems(422)}, summary="Read all")
    def read_all(header: OrganizationHeader, body: ReadAllInput) -> dict[str, Any]:
        arguments: dict[str, Any] = {"organization_id": current_organization().id}
        if body.until is not None:
            try:
                moment = datetime.fromisoformat(body.until)
            except ValueError:
                moment = None
            if moment is None or moment.tzinfo is None:
                raise invalid_fields([FieldError(field="until", message="is not an ISO 8601 time with a zone")])
            arguments["until"] = moment.isoformat()
        return {"read": call(rest_as_user(), "read_all_notifications", **arguments)}

    @blueprint.get("/<id>", responses={200: Notification, **problems(404)}, summary="One notification")
    def read_one(path: IdPath) -> dict[str, Any]:
        return _find(path.id)

    @blueprint.post("/<id>/read", responses={200: Notification, **problems(404)}, summary="I have read it")
    def read(path: IdPath) -> dict[str, Any]:
        found = _find(path.id)
        if found["read_at"] is None:
            try:
                rest_as_user().table("receipts").upsert(
                    {"notification_id": path.id}, on_conflict="notification_id,user_id", ignore_duplicates=True
                ).execute()
            except APIError as error:
                if error.code == "42501":  # it was withdrawn from the caller's sight in this moment
                    raise not_found("notification") from None
                raise
            found = _find(path.id)
        return found

    return blueprint


def _find(notification_id: str) -> dict[str, Any]:
    found = is_id(notification_id) and rows(
        rest_as_user().table("notification_feed").select("*").eq("id", notification_id)
    )
    if not found:
        raise not_found("notification")
    return _answer(found[0])


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "cursor": cursor_of(row)}
