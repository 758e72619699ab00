"""Who am I?"""

from typing import Any

from service.api.blueprint import rest_as_user, user_blueprint
from service.api.invitations import open_for_me
from service.api.schemas import MeAnswer
from service.auth import current_user
from service.rest import rows

blueprint = user_blueprint("me", "/api/me", "The caller")


@blueprint.get(
    "", responses={200: MeAnswer}, summary="The caller, their organizations and roles, and what they can join"
)
def me() -> dict[str, Any]:
    user = current_user()
    rest = rest_as_user()
    roles = rows(rest.table("memberships").select("organization_id,role").eq("user_id", user.id).limit(100))
    names = rows(rest.table("organizations").select("id,name").limit(100))
    name_of = {str(row["id"]): str(row["name"]) for row in names}
    role_in = {str(row["organization_id"]): row["role"] for row in roles}
    organizations = [{"id": one, "name": name_of.get(one, ""), "role": role} for one, role in role_in.items()]
    return {
        "user": {"id": user.id, "email": user.email},
        "organizations": sorted(organizations, key=lambda one: (one["name"].lower(), one["id"])),
        "invitations": open_for_me(),
    }
