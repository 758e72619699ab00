"""Is the service alive, and can it work?"""

import threading
from typing import Any

import httpx
from flask import Flask, Response, jsonify, make_response
from flask_openapi3 import APIBlueprint, Tag
from postgrest.exceptions import APIError
from svcs.flask import container

from service.api.schemas import Alive, Ready
from service.config import Settings
from service.logs import log
from service.rest import Rest, SchemaNotExposed

blueprint = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="For those who run it")])


@blueprint.get("/healthz", responses={200: Alive}, summary="The process answers")
def healthz() -> dict[str, Any]:
    return {"status": "ok"}


@blueprint.get("/readyz", responses={200: Ready, 503: Ready}, summary="What it needs can be reached")
def readyz() -> Response:
    down, problems = _database()
    try:
        httpx.get(container.get(Settings).jwks_url, timeout=2).raise_for_status()
    except httpx.HTTPError:
        down.append("auth")
    answer = {"status": "down" if down else "ok", "down": down, **({"problems": problems} if problems else {})}
    return make_response(jsonify(answer), 503 if down else 200)


def _database() -> tuple[list[str], list[str]]:
    """What is down, and what to do about it where that is known."""
    try:
        container.get(Rest).check()
    except SchemaNotExposed as error:
        return ["database"], [str(error)]
    except (APIError, httpx.HTTPError):
        return ["database"], []
    return [], []


def report_at_start(app: Flask) -> None:
    """Logs what will keep the service from working, without making its start wait for Supabase."""
    with app.app_context():
        rest = container.get(Rest)
    threading.Thread(target=_report, args=(rest,), daemon=True).start()


def _report(rest: Rest) -> None:
    try:
        rest.check()
    except SchemaNotExposed as error:
        log.error("schema_not_exposed", problem=str(error))
    except (APIError, httpx.HTTPError) as error:
        log.warning("database_not_reached", error=type(error).__name__)
