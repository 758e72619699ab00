"""Incidents and their timelines."""

from typing import Any

from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint
from postgrest.exceptions import APIError

from service.api.blueprint import problems, user_blueprint
from service.api.requests import current_organization, cursor_of, is_id, newer_than, older_than, rest_as_user
from service.api.schemas import (
    IdPath,
    Incident,
    IncidentChange,
    IncidentInput,
    IncidentList,
    IncidentQuery,
    OrganizationHeader,
    Update,
    UpdateInput,
    UpdateList,
    UpdatesQuery,
)
from service.auth import TokenVerifier
from service.errors import Problem, forbidden, not_found
from service.rest import rows

_COLUMNS = (
    "id,organization_id,title,description,criticality,urgency,status,customer,tags,notification_id,"
    "pagerduty_incident_id,pagerduty_url,created_by,created_at,updated_at"
)
_UPDATE_COLUMNS = "id,kind,body,status_from,status_to,author_id,created_at"
_RESPONDERS = "Only responders, admins and owners may change incidents."


def create_blueprint(verifier: TokenVerifier) -> APIBlueprint:
    blueprint = user_blueprint("incidents", "/api/incidents", "Incidents and their timelines", verifier)

    @blueprint.get("", responses={200: IncidentList, **problems(422)}, summary="Newest first, by keyset")
    def listing(header: OrganizationHeader, query: IncidentQuery) -> dict[str, Any]:
        listed = rest_as_user().table("incidents").select(_COLUMNS).eq("organization_id", current_organization().id)
        if query.status:
            listed = listed.in_("status", query.status.split(","))
        if query.criticality:
            listed = listed.in_("criticality", query.criticality.split(","))
        if query.q and query.q.strip():
            pattern = _like(query.q.strip())
            listed = listed.or_(f"title.ilike.{pattern},customer.ilike.{pattern}")
        if query.before:
            listed = listed.or_(older_than(query.before))
        found = rows(listed.order("created_at", desc=True).order("id", desc=True).limit(query.limit + 1))
        items = [_answer(row) for row in found[: query.limit]]
        return {"items": items, "next": items[-1]["cursor"] if len(found) > query.limit else None}

    @blueprint.post(
        "",
        responses={201: Incident, **problems(404, 409, 422)},
        summary="Create; with notification_id, linked to PagerDuty's",
    )
    def create(header: OrganizationHeader, body: IncidentInput) -> Response:
        organization = current_organization()
        row = {"organization_id": organization.id, **body.model_dump(mode="json")}
        try:
            made = rows(rest_as_user().table("incidents").insert(row).select(_COLUMNS))[0]
        except APIError as error:
            if error.code == "23505" and body.notification_id:
                raise _exists_already(organization.id, body.notification_id) from None
            raise _explain(error) from None
        response = make_response(jsonify(_answer(made)), 201)
        response.headers["Location"] = f"/api/incidents/{made['id']}"
        return response

    @blueprint.get("/<id>", responses={200: Incident, **problems(404)}, summary="One incident")
    def read(path: IdPath) -> dict[str, Any]:
        return _answer(_find(path.id))

    @blueprint.patch("/<id>", responses={200: Incident, **problems(404, 422)}, summary="Change some fields")
    def change(path: IdPath, body: IncidentChange) -> dict[str, Any]:
        given = body.given()
        current = _find(path.id)
        if not given:
            return _answer(current)
        try:
            changed = rows(rest_as_user().table("incidents").update(given).eq("id", path.id).select(_COLUMNS))
        except APIError as error:
            raise _explain(error) from None
        if not changed:  # visible, but RLS lets the caller change nothing
            raise forbidden(_RESPONDERS)
        return _answer(changed[0])

    @blueprint.get("/<id>/updates", responses={200: UpdateList, **problems(404)}, summary="The timeline, oldest first")
    def updates(path: IdPath, query: UpdatesQuery) -> dict[str, Any]:
        _find(path.id)
        listed = rest_as_user().table("incident_updates").select(_UPDATE_COLUMNS).eq("incident_id", path.id)
        if query.after:
            listed = listed.or_(newer_than(query.after))
        found = rows(listed.order("created_at").order("id").limit(query.limit + 1))
        items = [_answer(row) for row in found[: query.limit]]
        return {"items": items, "next": items[-1]["cursor"] if len(found) > query.limit else None}

    @blueprint.post("/<id>/updates", responses={201: Update, **problems(404, 422)}, summary="Write a comment")
    def comment(path: IdPath, body: UpdateInput) -> Response:
        row = {
            "incident_id": path.id, "organization_id": _find(path.id)["organization_id"], "body": body.body,
        }  # fmt: skip
        try:
            made = rows(rest_as_user().table("incident_updates").insert(row).select(_UPDATE_COLUMNS))[0]
        except APIError as error:
            raise _explain(error) from None
        return make_response(jsonify(_answer(made)), 201)

    return blueprint


def _find(incident_id: str) -> dict[str, Any]:
    found = is_id(incident_id) and rows(rest_as_user().table("incidents").select(_COLUMNS).eq("id", incident_id))
    if not found:
        raise not_found("incident")
    return found[0]


def _exists_already(organization_id: str, notification_id: str) -> Problem:
    """Somebody was quicker with the same PagerDuty incident: say where it is."""
    feed = rest_as_user().table("notification_feed").select("incident_id").eq("organization_id", organization_id)
    found = rows(feed.eq("id", notification_id))
    existing = found[0]["incident_id"] if found else None
    return Problem(
        409, "incident-exists", "There is an incident already",
        "An incident was already made of this PagerDuty incident.",
        incident_id=existing, headers={"Location": f"/api/incidents/{existing}"} if existing else None,
    )  # fmt: skip


def _explain(error: APIError) -> Exception:
    return forbidden(_RESPONDERS) if error.code == "42501" else error


def _like(words: str) -> str:
    """A quoted PostgREST `ilike` pattern that finds the words anywhere.

    PostgREST turns every `*` into `%`, so a literal one cannot be asked for: it matches any character instead.
    """
    literal = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "_")
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"%{quoted}%"'


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "cursor": cursor_of(row)}
