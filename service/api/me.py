"""Who am I?"""

from typing import Any

from service.api.blueprint import rest_as_user, user_blueprint
from service.api.schemas import MeAnswer
from service.auth import current_user
from service.rest import rows

blueprint = user_blueprint("me", "/api/me", "The caller")


@blueprint.get("", responses={200: MeAnswer}, summary="The caller, their organizations and roles")
def me() -> dict[str, Any]:
    user = current_user()
    rest = rest_as_user()
    roles = rows(rest.table("memberships").select("organization_id,role").eq("user_id", user.id).limit(100))
    names = rows(rest.table("organizations").select("id,name").limit(100))
    name_of = {row["id"]: str(row["name"]) for row in names}
    organizations = [
        {"id": row["organization_id"], "name": name_of.get(row["organization_id"], ""), "role": row["role"]}
        for row in roles
    ]
    return {
        "user": {"id": user.id, "email": user.email},
        "organizations": sorted(organizations, key=lambda one: (one["name"].lower(), one["id"])),
    }
