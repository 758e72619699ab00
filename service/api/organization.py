"""For which organization is a request?

An organization that is named is not looked up before: the database is asked for the thing itself, and RLS answers
nothing to those who are not in it. Only then is the membership looked up, to say why.
"""

import uuid
from dataclasses import dataclass

from flask import request

from service.api.blueprint import rest_as_user
from service.auth import current_user
from service.problems import BAD_ORGANIZATION, FORBIDDEN, ORGANIZATION_REQUIRED
from service.rest import Row, rows

_MOST = 100  # organizations that are listed where one must be chosen


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization that a request is about; `is_mine` once the caller's membership is known."""

    id: str
    is_mine: bool

    def require_membership(self) -> None:
        """After an answer that was empty, or a refusal: raises Problem (forbidden) if the caller is not in it."""
        if not self.is_mine and not _memberships(organization_id=self.id):
            raise FORBIDDEN("You are not a member of that organization.")


def current_organization() -> Organization:
    """The one that X-Organization-Id names, or the caller's only one.

    Raises Problem: bad-organization; without the header, organization-required or forbidden.
    """
    named = request.headers.get("X-Organization-Id", "").strip()
    if not named:
        return _only_organization()
    try:
        return Organization(str(uuid.UUID(named)), is_mine=False)
    except ValueError:
        raise BAD_ORGANIZATION("X-Organization-Id is not an id.") from None


def _only_organization() -> Organization:
    mine = _memberships()
    if not mine:
        raise FORBIDDEN("You are not in any organization.")
    if len(mine) > 1:
        raise ORGANIZATION_REQUIRED(
            "You are in several organizations: name one with the header X-Organization-Id.",
            organization_ids=[row["organization_id"] for row in mine],
        )
    return Organization(mine[0]["organization_id"], is_mine=True)


def _memberships(**narrowed: str) -> list[Row]:
    query = rest_as_user().table("memberships").select("organization_id").eq("user_id", current_user().id)
    for column, value in narrowed.items():
        query = query.eq(column, value)
    return rows(query.order("organization_id").limit(_MOST))
