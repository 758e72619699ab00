"""Making an organization."""

from flask import Response, jsonify, make_response
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.api.blueprint import problem_responses, rest_as_user, user_blueprint
from service.api.schemas import OrganizationAnswer, OrganizationInput
from service.problems import CONFLICT, FORBIDDEN, INVALID_FIELDS
from service.rest import call

_ORGANIZATION = TypeAdapter(OrganizationAnswer)

blueprint = user_blueprint("organizations", "/api/organizations", "Organizations")


@blueprint.post(
    "",
    responses={201: OrganizationAnswer, **problem_responses(CONFLICT, INVALID_FIELDS)},
    summary="Make one, with the caller as owner; where the host lets its users",
)
def create(body: OrganizationInput) -> Response:
    try:
        made = call(rest_as_user(), "create_organization", _ORGANIZATION, name=body.name)
    except APIError as error:
        if error.code == "42501":
            raise FORBIDDEN("Only people with a confirmed address make one, where this app lets them.") from None
        raise
    return make_response(jsonify(made.model_dump()), 201)
