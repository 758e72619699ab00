"""Is the service alive, and can it work?"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from flask import Flask, Response, jsonify, make_response
from flask_openapi3 import APIBlueprint, Tag
from postgrest.exceptions import APIError
from svcs.flask import container

from service.api.schemas import Alive, Ready
from service.config import Settings
from service.logs import log
from service.rest import Deadline, Rest, SchemaNotExposed

_LIFETIME = 3.0  # seconds that an answer of /readyz holds
_LONGEST_LOOK = 4.0  # seconds

blueprint = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="For those who run it")])


@blueprint.get("/healthz", responses={200: Alive}, summary="The process answers")
def healthz() -> dict[str, Any]:
    return {"status": "ok"}


@blueprint.get("/readyz", responses={200: Ready, 503: Ready}, summary="What it needs can be reached")
def readyz() -> Response:
    found = container.get(Readiness).now()
    answer = {
        "status": "down" if found.down else "ok",
        "down": found.down,
        **({"problems": found.problems} if found.problems else {}),
    }
    return make_response(jsonify(answer), 503 if found.down else 200)


@dataclass(frozen=True, slots=True)
class Found:
    """What is down, and what to do about it where that is known."""

    down: list[str]
    problems: list[str]


class Readiness:
    """Whether what we need can be reached, as it was at most seconds ago: those who ask share one look.

    It has connections of its own, so that a health check never takes one from a webhook.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._jwks_url = settings, settings.jwks_url
        self._rest, self._http = Rest(settings), httpx.Client(timeout=2)
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._old_at = 0.0

    def now(self) -> Found:
        """Looks, unless somebody has just looked. While somebody looks again, the last answer holds."""
        if self._is_old() and self._lock.acquire(blocking=self._found is None):
            try:
                if self._is_old():
                    self._found, self._old_at = self._look(), time.monotonic() + _LIFETIME
            finally:
                self._lock.release()
        assert self._found is not None
        return self._found

    def _is_old(self) -> bool:
        return self._found is None or time.monotonic() >= self._old_at

    def _look(self) -> Found:
        """At both side by side. httpx's timeouts are for one read each: what lasts longer is left, and cut off."""
        deadline = Deadline.within(_LONGEST_LOOK)
        threads = ThreadPoolExecutor(2, "readiness")
        database, auth = threads.submit(self._rest.check), threads.submit(self._check_auth)
        threads.shutdown(wait=False)
        down, problems = [], []
        try:
            database.result(deadline.left)
        except SchemaNotExposed as error:
            down, problems = ["database"], [str(error)]
        except (APIError, httpx.HTTPError, TimeoutError):
            down = ["database"]
        try:
            auth.result(deadline.left)
        except (httpx.HTTPError, TimeoutError):
            down.append("auth")
        if not (database.done() and auth.done()):
            self._connect_anew()
        return Found(down, problems)

    def _check_auth(self) -> None:
        self._http.get(self._jwks_url).raise_for_status()

    def _connect_anew(self) -> None:
        self._rest.close()
        self._http.close()
        self._rest, self._http = Rest(self._settings), httpx.Client(timeout=2)


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
