"""Incidents and their timelines."""

from typing import Any

from flask import Response, jsonify, make_response
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.organization import current_organization
from service.api.paging import read_page, with_cursor
from service.api.schemas import (
    AskInput,
    IdPath,
    Incident,
    IncidentChange,
    IncidentInput,
    IncidentList,
    IncidentQuery,
    LinkInput,
    OrganizationHeader,
    OutboxList,
    OutboxPath,
    Update,
    UpdateInput,
    UpdateList,
    UpdatesQuery,
)
from service.problems import (
    CONFLICT,
    FORBIDDEN,
    INCIDENT_EXISTS,
    INCIDENT_LINKED,
    INCIDENT_TAKEN,
    INVALID_FIELDS,
    NOT_FOUND,
    FieldError,
    Problem,
    invalid_fields,
    not_found,
)
from service.rest import Row, call, is_id, made_row, row_of, rows

_COLUMNS = (
    "id,organization_id,title,description,criticality,urgency,status,customer,tags,notification_id,"
    "pagerduty_incident_id,pagerduty_url,assignee_id,created_by,created_at,updated_at"
)
_UPDATE_COLUMNS = "id,kind,body,status_from,status_to,assignee_from,assignee_to,author_id,created_at"
_OUTBOX_COLUMNS = "id,thing,update_id,state,attempts,last_error,due_at,sent_at,acted_as"
_MOST_TOLD = 101
_DONE = TypeAdapter(bool)
_ASKED = TypeAdapter(str)
_RESPONDERS = "Only responders, admins and owners may change incidents."

blueprint = user_blueprint("incidents", "/api/incidents", "Incidents and their timelines")


@blueprint.get(
    "", responses={200: IncidentList, **problem_responses(INVALID_FIELDS)}, summary="Newest first, by keyset"
)
def listing(header: OrganizationHeader, query: IncidentQuery) -> dict[str, Any]:
    organization = current_organization()
    listed = rest_as_user().table("incidents").select(_COLUMNS).eq("organization_id", organization.id)
    if query.status:
        listed = listed.in_("status", query.status.split(","))
    if query.criticality:
        listed = listed.in_("criticality", query.criticality.split(","))
    if query.assignee == "none":
        listed = listed.is_("assignee_id", "null")
    elif query.assignee:
        listed = listed.eq("assignee_id", query.assignee)
    if query.q and query.q.strip():
        pattern = _like(query.q.strip())
        listed = listed.or_(f"title.ilike.{pattern},customer.ilike.{pattern}")
    page = read_page(listed, query.limit, before=query.before)
    if not page.items:
        organization.require_membership()
    return {"items": page.items, "next": page.next}


@blueprint.post(
    "",
    responses={201: Incident, **problem_responses(NOT_FOUND, INCIDENT_EXISTS, CONFLICT, INVALID_FIELDS)},
    summary="Create; with notification_id, linked to PagerDuty's",
)
def create(header: OrganizationHeader, body: IncidentInput) -> Response:
    organization = current_organization()
    if body.title is None and body.notification_id is None:
        raise _untitled()
    row = {"organization_id": organization.id, **body.row()}
    try:
        made = made_row(rest_as_user().table("incidents").insert(row).select(_COLUMNS))
    except APIError as error:
        organization.require_membership()
        if error.code == "23505" and body.notification_id:
            raise _exists_already(organization.id, body.notification_id) from None
        if error.code == "23502" and body.title is None:  # a notification of no incident has no title for one
            raise _untitled() from None
        raise _explain(error) from None
    response = make_response(jsonify(with_cursor(made)), 201)
    response.headers["Location"] = f"/api/incidents/{made['id']}"
    return response


@blueprint.get("/<id>", responses={200: Incident, **problem_responses(NOT_FOUND)}, summary="One incident")
def read(path: IdPath) -> dict[str, Any]:
    return with_cursor(_find(path.id))


@blueprint.patch(
    "/<id>",
    responses={200: Incident, **problem_responses(NOT_FOUND, INCIDENT_TAKEN, INVALID_FIELDS)},
    summary="Change some fields",
)
def change(path: IdPath, body: IncidentChange) -> dict[str, Any]:
    given = body.given()
    current = _find(path.id)
    if not given:
        return with_cursor(current)
    changing = rest_as_user().table("incidents").update(given).eq("id", path.id)
    if body.expects_assignee():
        seen = body.assignee_was
        changing = changing.is_("assignee_id", "null") if seen is None else changing.eq("assignee_id", seen)
    try:
        changed = rows(changing.select(_COLUMNS))
    except APIError as error:
        raise _explain(error) from None
    if changed:
        return with_cursor(changed[0])
    if body.expects_assignee() and (holder := _find(path.id)["assignee_id"]) != body.assignee_was:
        raise INCIDENT_TAKEN("Somebody else works on it by now.", assignee_id=holder)
    raise FORBIDDEN(_RESPONDERS)  # visible, but RLS lets the caller change nothing


@blueprint.post(
    "/<id>/link",
    responses={200: Incident, **problem_responses(NOT_FOUND, INCIDENT_EXISTS, INCIDENT_LINKED, INVALID_FIELDS)},
    summary="Link it to a notification's PagerDuty incident",
)
def link(path: IdPath, body: LinkInput) -> dict[str, Any]:
    current = _find(path.id)
    try:
        given = {"incident_id": path.id, "notification_id": body.notification_id}
        linked = rows(rest_as_user().rpc("link_notification", given))
    except APIError as error:
        if error.code == "23505":
            raise _exists_already(current["organization_id"], body.notification_id) from None
        if error.code == "PT409":
            raise INCIDENT_LINKED("It is linked to another PagerDuty incident.") from None
        raise _explain(error) from None
    return with_cursor({column: linked[0][column] for column in _COLUMNS.split(",")} if linked else current)


@blueprint.get(
    "/<id>/updates", responses={200: UpdateList, **problem_responses(NOT_FOUND)}, summary="The timeline, oldest first"
)
def updates(path: IdPath, query: UpdatesQuery) -> dict[str, Any]:
    _find(path.id)
    listed = rest_as_user().table("incident_updates").select(_UPDATE_COLUMNS).eq("incident_id", path.id)
    page = read_page(listed, query.limit, after=query.after, newest_first=False)
    return {"items": page.items, "next": page.next}


@blueprint.post(
    "/<id>/updates", responses={201: Update, **problem_responses(NOT_FOUND, INVALID_FIELDS)}, summary="Write a comment"
)
def comment(path: IdPath, body: UpdateInput) -> Response:
    row = {"incident_id": path.id, "organization_id": _find(path.id)["organization_id"], "body": body.body}
    try:
        made = made_row(rest_as_user().table("incident_updates").insert(row).select(_UPDATE_COLUMNS))
    except APIError as error:
        raise _explain(error) from None
    return make_response(jsonify(with_cursor(made)), 201)


@blueprint.get(
    "/<id>/outbox",
    responses={200: OutboxList, **problem_responses(NOT_FOUND)},
    summary="What PagerDuty is told of it: the status, and the last hundred notes",
)
def outbox(path: IdPath) -> dict[str, Any]:
    return _outbox(_find(path.id)["id"])


@blueprint.post(
    "/<id>/outbox/<outbox_id>/retry",
    responses={200: OutboxList, **problem_responses(NOT_FOUND)},
    summary="Have something that PagerDuty was not told tried again now",
)
def retry(path: OutboxPath) -> dict[str, Any]:
    _find(path.id)
    if not is_id(path.outbox_id) or not call(rest_as_user(), "retry_outbox", _DONE, outbox_id=path.outbox_id):
        raise not_found("thing to tell")
    return _outbox(path.id)


@blueprint.post(
    "/<id>/pagerduty",
    responses={202: OutboxList, **problem_responses(NOT_FOUND, CONFLICT, INVALID_FIELDS)},
    summary="Ask PagerDuty for something: to page a service of it, for another priority, for somebody else to have it",
)
def ask(path: IdPath, body: AskInput) -> Response:
    """The worker asks it as the caller; what became of it is in the answer of `…/outbox`."""
    _find(path.id)
    if missing := body.missing():
        raise invalid_fields([FieldError(field=missing, message="is required")])
    try:
        call(
            rest_as_user(),
            "ask_pagerduty",
            _ASKED,
            incident_id=path.id,
            thing=body.thing,
            wanted=body.wanted(),
        )
    except APIError as error:
        if error.code == "PT404":
            raise FORBIDDEN(_RESPONDERS) from None  # visible, but the caller may change nothing
        if error.code == "PT409":
            raise CONFLICT(error.message or "PagerDuty cannot be asked for that now.") from None
        raise
    return make_response(jsonify(_outbox(path.id)), 202)


def _outbox(incident_id: str) -> dict[str, Any]:
    told = rest_as_user().table("outbox").select(_OUTBOX_COLUMNS).eq("incident_id", incident_id)
    return {"items": rows(told.order("created_at", desc=True).limit(_MOST_TOLD))}


def _find(incident_id: str) -> Row:
    found = row_of(rest_as_user().table("incidents").select(_COLUMNS), incident_id)
    if found is None:
        raise not_found("incident")
    return found


def _untitled() -> Problem:
    return invalid_fields([FieldError(field="title", message="is required")])


def _exists_already(organization_id: str, notification_id: str) -> Problem:
    """Somebody was quicker with the same PagerDuty incident: say where it is."""
    feed = rest_as_user().table("notification_feed").select("incident_id").eq("organization_id", organization_id)
    found = row_of(feed, notification_id)
    existing = found["incident_id"] if found else None
    return INCIDENT_EXISTS(
        "An incident was already made of this PagerDuty incident.",
        incident_id=existing,
        headers={"Location": f"/api/incidents/{existing}"} if existing else None,
    )


def _explain(error: APIError) -> Exception:
    if error.code == "23503" and "assignee" in (error.message or ""):
        return invalid_fields([FieldError(field="assignee_id", message="is no member of this organization")])
    return FORBIDDEN(_RESPONDERS) if error.code == "42501" else error


def _like(words: str) -> str:
    """A quoted PostgREST `ilike` pattern that finds the words anywhere.

    PostgREST turns every `*` into `%`, so a literal one cannot be asked for: it matches any character instead.
    """
    literal = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "_")
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"%{quoted}%"'
