"""What every route of the API needs to know about its request: is it JSON, for which organization, on which page?"""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Request, current_app, g, request
from postgrest import SyncPostgrestClient
from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from service.auth import current_user
from service.errors import Problem, forbidden
from service.rest import Rest, rows

MAX_BODY = 256 * 1024  # bytes; PagerDuty sends nothing larger (Webhooks overview), and no form does


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Input(BaseModel):
    """A request body: snake_case, with camelCase spellings accepted; nothing unknown."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )

    def given(self) -> dict[str, Any]:
        """The fields that the caller sent: an absent one is not a null one."""
        return self.model_dump(mode="json", include=self.model_fields_set)


def read_body() -> bytes:
    """The request's body. Raises Problem: 413 beyond MAX_BODY."""
    # One byte more is let in, since werkzeug cuts a body without a Content-Length at the limit and says nothing.
    request.max_content_length = MAX_BODY + 1
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > MAX_BODY:
        raise Problem(413, "too-large", "Too large", f"A body is at most {MAX_BODY // 1024} KiB.")
    return body


class JsonRequest(Request):
    """A request whose body is JSON whatever its Content-Type says, and `{}` if there is none."""

    def get_json(self, force: bool = True, silent: bool = False, cache: bool = True) -> Any:
        """The body. Raises BadRequest, unless `silent`: then None."""
        return super().get_json(force=True, silent=silent, cache=cache) if self.get_data(cache=True) else {}


def require_json_object() -> None:
    """Before a route that takes a body: 400 unless the body is a JSON object (or there is none)."""
    if request.method not in ("POST", "PATCH"):
        return
    read_body()
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "not-json", "Not JSON", "The body must be a JSON object.")


def rest_as_user() -> SyncPostgrestClient:
    """PostgREST with the caller's token."""
    rest: Rest = current_app.extensions["rest"]
    return rest.as_user(current_user().token)


@dataclass(frozen=True)
class Organization:
    """The organization that a request is about, and the caller's role there."""

    id: str
    role: str


def current_organization() -> Organization:
    """The one named by X-Organization-Id, or the caller's only one.

    Raises Problem: 400 if several are possible or the header is no id, 403 if the caller is in none or not in that one.
    """
    if "organization" not in g:
        g.organization = _find_organization(request.headers.get("X-Organization-Id", "").strip())
    organization: Organization = g.organization
    return organization


def _find_organization(named: str) -> Organization:
    query = rest_as_user().table("memberships").select("organization_id,role").eq("user_id", current_user().id)
    if named:
        try:
            query = query.eq("organization_id", str(uuid.UUID(named)))
        except ValueError:
            raise Problem(400, "bad-organization", "Bad organization", "X-Organization-Id is not an id.") from None
    mine = rows(query.order("organization_id").limit(100))
    if not mine:
        raise forbidden("You are not a member of that organization." if named else "You are not in any organization.")
    if len(mine) > 1:
        raise Problem(
            400,
            "organization-required",
            "Which organization?",
            "You are in several organizations: name one with the header X-Organization-Id.",
            organization_ids=[row["organization_id"] for row in mine],
        )
    return Organization(id=mine[0]["organization_id"], role=mine[0]["role"])


def is_id(text: str) -> bool:
    """Can this be the id of a row? What cannot is not there, and needs no query."""
    return _UUID.fullmatch(text) is not None


def cursor_of(row: Mapping[str, Any]) -> str:
    """An opaque place in a list that is ordered by created_at and id."""
    return base64.urlsafe_b64encode(f"{row['created_at']}|{row['id']}".encode()).decode().rstrip("=")


def read_cursor(cursor: str, name: str) -> tuple[str, str]:
    """created_at (ISO 8601, in UTC) and id of a cursor. Raises Problem (400) if it is none of ours."""
    try:
        moment, _, row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError(moment)
        return parsed.isoformat(), str(uuid.UUID(row_id))
    except (ValueError, binascii.Error, UnicodeError):
        raise Problem(400, "bad-cursor", "Bad cursor", f"{name} is not a cursor that a list answered.") from None


def older_than(cursor: str) -> str:
    """A PostgREST `or` filter: rows that come after the cursor in a newest-first list."""
    moment, row_id = read_cursor(cursor, "before")
    return f'created_at.lt."{moment}",and(created_at.eq."{moment}",id.lt.{row_id})'


def newer_than(cursor: str) -> str:
    """A PostgREST `or` filter: rows that come before the cursor in a newest-first list."""
    moment, row_id = read_cursor(cursor, "after")
    return f'created_at.gt."{moment}",and(created_at.eq."{moment}",id.gt.{row_id})'
