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
    mine = rest.table("memberships").select("organization_id,role").eq("user_id", user.id)
    roles = {str(row["organization_id"]): row["role"] for row in rows(mine.order("organization_id").limit(100))}
    visible = rest.table("organizations").select("id,name,topic")
    # One that is joined or left between the two answers is in one of them only.
    organizations = [
        {"id": row["id"], "name": str(row["name"]), "role": roles[row["id"]], "topic": row["topic"]}
        for row in rows(visible.order("id").limit(100))
        if str(row["id"]) in roles
    ]
    return {
        "user": {"id": user.id, "email": user.email},
        "organizations": sorted(organizations, key=lambda one: (one["name"].lower(), one["id"])),
        "invitations": open_for_me(),
    }
