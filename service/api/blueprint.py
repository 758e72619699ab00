"""How a blueprint for users is made: who calls, PostgREST speaking for them, and its part of the OpenAPI document."""

from collections.abc import Sequence
from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from postgrest import SyncPostgrestClient
from svcs.flask import container

from service.api.body import require_json_object
from service.auth import TokenVerifier, current_user, require_user
from service.problems import FORBIDDEN, INVALID_TOKEN, MISSING_TOKEN, NOT_JSON, UNAVAILABLE, Kind
from service.rest import Rest

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}}


def problem_responses(*kinds: Kind) -> dict[Any, Any]:
    """OpenAPI responses for problems of these kinds, by status."""
    return {status: {"description": _described(status, kinds), **_PROBLEM} for status in {one.status for one in kinds}}


def _described(status: int, kinds: Sequence[Kind]) -> str:
    return " ".join(f"{kind.title} ({kind.slug}): {kind.text}" for kind in kinds if kind.status == status)


def user_blueprint(name: str, prefix: str, description: str) -> APIBlueprint:
    """A blueprint whose routes need a signed-in user (`current_user()`) and take JSON objects."""
    blueprint = APIBlueprint(
        name,
        __name__,
        url_prefix=prefix,
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"access_token": []}],
        abp_responses=problem_responses(NOT_JSON, MISSING_TOKEN, INVALID_TOKEN, FORBIDDEN, UNAVAILABLE),
    )

    @blueprint.before_request
    def check() -> None:
        require_user(container.get(TokenVerifier))
        require_json_object()

    return blueprint


def rest_as_user() -> SyncPostgrestClient:
    """PostgREST with the caller's token: RLS decides."""
    return container.get(Rest).as_user(current_user().token)
