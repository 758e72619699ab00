"""The inbox: what it shows, and what a user does with it."""

from functools import partial
from typing import Any

from pydantic import BaseModel, TypeAdapter

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.organization import Organization, current_organization
from service.api.paging import page_of, read_cursor, read_seq_cursor, with_cursor, with_seq_cursor
from service.api.schemas import (
    IdPath,
    MarkInput,
    MarkManyInput,
    Notification,
    NotificationEventList,
    NotificationItems,
    NotificationList,
    NotificationQuery,
    OrganizationHeader,
    Page,
    ReadAllAnswer,
    SnoozeInput,
    SnoozeManyInput,
    UnreadCount,
)
from service.problems import INVALID_FIELDS, NOT_FOUND, not_found
from service.rest import Row, call, row_of, rows

_COUNT_TO, _COUNT_ELSEWHERE_TO = 1000, 100


class _Found(BaseModel):
    """What get_notifications() answers."""

    items: list[dict[str, Any]]
    newest_seq: int


class _Counted(BaseModel):
    """What unread_counts() answers."""

    count: int
    others: list[dict[str, Any]]


_FOUND, _COUNTED = TypeAdapter(_Found), TypeAdapter(_Counted)
_NUMBER = TypeAdapter(int)
_MARKED = {200: Notification, **problem_responses(NOT_FOUND, INVALID_FIELDS)}
_MARKED_ALL = {200: NotificationItems, **problem_responses(INVALID_FIELDS)}

blueprint = user_blueprint("notifications", "/api/notifications", "The inbox")


@blueprint.get(
    "",
    responses={200: NotificationList, **problem_responses(INVALID_FIELDS)},
    summary="By the last loud change, newest first, by keyset; or what changed since",
)
def listing(header: OrganizationHeader, query: NotificationQuery) -> dict[str, Any]:
    organization = current_organization()
    found = call(
        rest_as_user(),
        "get_notifications",
        _FOUND,
        organization_id=organization.id,
        view=query.view,
        before=read_seq_cursor(query.before, "before") if query.before else None,
        at_most=query.limit + 1,
        unread=query.unread,
        status=query.status.split(",") if query.status else None,
        urgency=query.urgency,
        service=_words(query.service),
        without_incident=query.without_incident,
        words=_words(query.q),
        changed_since=query.changed_since,
    )
    if not found.items:
        organization.require_membership()
    page = page_of([Row(row) for row in found.items], query.limit, with_seq_cursor)
    is_catching_up = query.changed_since is not None and page.next is not None
    following = str(page.items[-1]["seq"]) if is_catching_up else page.next
    return {"items": page.items, "next": following, "newest_seq": found.newest_seq}


def _words(text: str | None) -> str | None:
    return text.strip() or None if text else None


@blueprint.get("/unread-count", responses={200: UnreadCount}, summary="For the badge")
def unread_count(header: OrganizationHeader) -> dict[str, Any]:
    organization = current_organization()
    counted = call(
        rest_as_user(),
        "unread_counts",
        _COUNTED,
        get=True,
        organization_id=organization.id,
        at_most=_COUNT_TO,
        elsewhere_at_most=_COUNT_ELSEWHERE_TO,
    )
    if not counted.count:
        organization.require_membership()
    others = [{**one, "capped": Row(one)["count"] >= _COUNT_ELSEWHERE_TO} for one in counted.others]
    return {"count": counted.count, "capped": counted.count >= _COUNT_TO, "others": others}


@blueprint.post("/read-all", responses={200: ReadAllAnswer, **problem_responses(INVALID_FIELDS)}, summary="Read all")
def read_all(header: OrganizationHeader, body: MarkInput) -> dict[str, Any]:
    organization = current_organization()
    read = call(rest_as_user(), "read_all_notifications", _NUMBER, organization_id=organization.id, up_to=body.up_to)
    if not read:
        organization.require_membership()
    return {"read": read}


@blueprint.get("/<id>", responses={200: Notification, **problem_responses(NOT_FOUND)}, summary="One notification")
def read_one(path: IdPath) -> dict[str, Any]:
    return with_seq_cursor(_find(path.id))


@blueprint.get(
    "/<id>/events",
    responses={200: NotificationEventList, **problem_responses(NOT_FOUND, INVALID_FIELDS)},
    summary="Its history, newest first, by keyset",
)
def events(path: IdPath, query: Page) -> dict[str, Any]:
    before, before_id = read_cursor(query.before, "before") if query.before else (None, None)
    notification = _find(path.id)["id"]
    asked = {"notification_id": notification, "before": before, "before_id": before_id, "at_most": query.limit + 1}
    found = rows(rest_as_user().rpc("notification_events", asked))
    page = page_of(found, query.limit, partial(with_cursor, moment="received_at"))
    return {"items": page.items, "next": page.next}


@blueprint.post("/<id>/read", responses=_MARKED, summary="I have read it")
def read(path: IdPath, body: MarkInput) -> dict[str, Any]:
    return _mark_one(path, body, "read")


@blueprint.post("/<id>/unread", responses=_MARKED, summary="I have not read it")
def unread(path: IdPath, body: MarkInput) -> dict[str, Any]:
    return _mark_one(path, body, "unread")


@blueprint.post("/<id>/done", responses=_MARKED, summary="I am done with it: until the next loud change")
def done(path: IdPath, body: MarkInput) -> dict[str, Any]:
    return _mark_one(path, body, "done")


@blueprint.post("/<id>/undo", responses=_MARKED, summary="Back to the inbox: neither done nor snoozed")
def undo(path: IdPath, body: MarkInput) -> dict[str, Any]:
    return _mark_one(path, body, "undo")


@blueprint.post("/<id>/snooze", responses=_MARKED, summary="I shall see to it then, or at the next loud change")
def snooze(path: IdPath, body: SnoozeInput) -> dict[str, Any]:
    return _mark_one(path, body, "snooze", body.until)


@blueprint.post("/read", responses=_MARKED_ALL, summary="I have read these")
def read_many(header: OrganizationHeader, body: MarkManyInput) -> dict[str, Any]:
    return _mark_many(body, "read")


@blueprint.post("/unread", responses=_MARKED_ALL, summary="I have not read these")
def unread_many(header: OrganizationHeader, body: MarkManyInput) -> dict[str, Any]:
    return _mark_many(body, "unread")


@blueprint.post("/done", responses=_MARKED_ALL, summary="I am done with these")
def done_many(header: OrganizationHeader, body: MarkManyInput) -> dict[str, Any]:
    return _mark_many(body, "done")


@blueprint.post("/undo", responses=_MARKED_ALL, summary="These back to the inbox")
def undo_many(header: OrganizationHeader, body: MarkManyInput) -> dict[str, Any]:
    return _mark_many(body, "undo")


@blueprint.post("/snooze", responses=_MARKED_ALL, summary="I shall see to these then")
def snooze_many(header: OrganizationHeader, body: SnoozeManyInput) -> dict[str, Any]:
    return _mark_many(body, "snooze", body.until)


def _find(notification_id: str) -> Row:
    found = row_of(rest_as_user().table("notification_feed").select("*"), notification_id)
    if found is None:
        raise not_found("notification")
    return found


def _mark_one(path: IdPath, body: MarkInput, action: str, until: str | None = None) -> dict[str, Any]:
    found = _find(path.id)
    marked = _mark(found["organization_id"], [found["id"]], action, until, body.up_to)
    if not marked:  # it was withdrawn from the caller's sight in this moment
        raise not_found("notification")
    return marked[0]


def _mark_many(body: MarkManyInput | SnoozeManyInput, action: str, until: str | None = None) -> dict[str, Any]:
    """Those of the ids that the caller may see: the others might be anybody's."""
    organization: Organization = current_organization()
    items = _mark(organization.id, body.ids, action, until, body.up_to)
    if not items:
        organization.require_membership()
    return {"items": items}


def _mark(
    organization_id: str, ids: list[str], action: str, until: str | None, up_to: int | None
) -> list[dict[str, Any]]:
    given: dict[str, Any] = {
        "organization_id": organization_id,
        "ids": ids,
        "action": action,
        "until": until,
        "up_to": up_to,
    }
    return [with_seq_cursor(row) for row in rows(rest_as_user().rpc("mark_notifications", given))]
