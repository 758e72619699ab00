"""How a blueprint of the API is made: its security, its problems in the OpenAPI document."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from service.api.requests import require_json_object
from service.auth import TokenVerifier, require_user
from service.errors import ProblemBody

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}}


def problems(*statuses: int) -> dict[Any, Any]:
    """OpenAPI responses for problems with these statuses."""
    meaning = {
        400: "Not understood", 401: "Not signed in (`check` says which check of the token failed)", 403: "Not allowed",
        404: "Not found, or not visible to the caller", 409: "Conflict", 413: "Body too large",
        422: "Fields are not valid", 429: "Too many requests", 503: "Try again after Retry-After",
    }  # fmt: skip
    return {status: {"description": meaning[status], **_PROBLEM} for status in statuses}


def user_blueprint(name: str, prefix: str, description: str, verifier: TokenVerifier) -> APIBlueprint:
    """A blueprint whose routes need a signed-in user (in `flask.g.user`) and take JSON objects."""
    blueprint = APIBlueprint(
        name,
        __name__,
        url_prefix=prefix,
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"access_token": []}],
        abp_responses=problems(400, 401, 403, 503),
    )

    @blueprint.before_request
    def check() -> None:
        require_user(verifier)
        require_json_object()

    return blueprint


__all__ = ["ProblemBody", "problems", "user_blueprint"]
