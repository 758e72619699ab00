"""Invitations into an organization: by address and role, until a time. Nothing is mailed."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, make_response
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.organization import current_organization
from service.api.paging import read_page, with_cursor
from service.api.schemas import (
    IdPath,
    Invitation,
    InvitationInput,
    InvitationList,
    OrganizationAnswer,
    OrganizationHeader,
    Page,
)
from service.problems import CONFLICT, FORBIDDEN, INVALID_FIELDS, INVITATION_OVER, NOT_FOUND, not_found
from service.rest import Row, call, is_id, rows

_COLUMNS = ("id", "organization_id", "organization_name", "email", "role", "invited_by", "invited_by_name",
            "expires_at", "created_at")  # fmt: skip
_ROW: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_ORGANIZATION = TypeAdapter(OrganizationAnswer)
_REVOKED = TypeAdapter(bool)

blueprint = user_blueprint("invitations", "/api/invitations", "Who may join an organization")


@blueprint.get(
    "", responses={200: InvitationList}, summary="The organization's open ones, newest first; for owners and admins"
)
def listing(header: OrganizationHeader, query: Page) -> dict[str, Any]:
    organization = current_organization()
    listed = (
        rest_as_user()
        .table("invitations")
        .select(",".join(_COLUMNS))
        .eq("organization_id", organization.id)
        .is_("is_open", "true")
        .gt("expires_at", datetime.now(UTC).isoformat())
    )
    page = read_page(listed, query.limit, before=query.before)
    if not page.items:
        organization.require_membership()
    return {"items": page.items, "next": page.next}


@blueprint.post(
    "",
    responses={201: Invitation, **problem_responses(CONFLICT, INVALID_FIELDS)},
    summary="Invite an address; an open invitation of it gets the new role and time",
)
def invite(header: OrganizationHeader, body: InvitationInput) -> Response:
    organization = current_organization()
    try:
        made = call(rest_as_user(), "invite_member", _ROW, organization_id=organization.id, **body.given())
    except APIError as error:
        organization.require_membership()
        if error.code == "42501":
            raise FORBIDDEN("Only owners and admins invite, and only owners invite owners.") from None
        raise
    return make_response(jsonify(shown(made)), 201)


@blueprint.delete(
    "/<id>", responses={204: None, **problem_responses(NOT_FOUND, CONFLICT)}, summary="Withdraw an open one"
)
def withdraw(path: IdPath) -> tuple[str, int]:
    call(rest_as_user(), "revoke_invitation", _REVOKED, invitation_id=_id(path))
    return "", 204


@blueprint.post(
    "/<id>/accept",
    responses={200: OrganizationAnswer, **problem_responses(NOT_FOUND, INVITATION_OVER)},
    summary="Join, as the user whose verified address is invited",
)
def accept(path: IdPath) -> dict[str, Any]:
    return call(rest_as_user(), "accept_invitation", _ORGANIZATION, invitation_id=_id(path)).model_dump()


def open_for_me() -> list[dict[str, Any]]:
    """What the caller can accept, newest first."""
    return [shown(row) for row in rows(rest_as_user().rpc("my_invitations", {}, get=True))]


def shown(invitation: dict[str, Any]) -> dict[str, Any]:
    """An invitation's row as the API answers it."""
    row = Row(invitation)
    return with_cursor({column: row[column] for column in _COLUMNS})


def _id(path: IdPath) -> str:
    if not is_id(path.id):
        raise not_found("invitation")
    return path.id
