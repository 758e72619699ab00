"""Is the service alive, and can it work?"""

from typing import Any

import httpx
from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint, Tag

from service.api.schemas import Alive, Ready
from service.config import Settings
from service.rest import Rest


def create_blueprint(settings: Settings, rest: Rest) -> APIBlueprint:
    blueprint = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="For those who run it")])

    @blueprint.get("/healthz", responses={200: Alive}, summary="The process answers")
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @blueprint.get("/readyz", responses={200: Ready, 503: Ready}, summary="What it needs can be reached")
    def readyz() -> Response:
        down = [] if rest.is_up() else ["database"]
        try:
            httpx.get(f"{settings.supabase_url}/auth/v1/.well-known/jwks.json", timeout=2).raise_for_status()
        except httpx.HTTPError:
            down.append("auth")
        return make_response(jsonify({"status": "down" if down else "ok", "down": down}), 503 if down else 200)

    return blueprint
