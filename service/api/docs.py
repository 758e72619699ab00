"""The API's description: the OpenAPI document, a page to read it, and a page for each kind of problem."""

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, jsonify, make_response, render_template
from flask_openapi3 import Info, OpenAPI
from svcs.flask import container

from service.api.blueprint import problem_responses
from service.config import Settings
from service.problems import INVALID_FIELDS, KINDS
from service.web.security import page_headers

INFO = Info(
    title="supabase-pagerduty",
    version="0.1.0",
    description=(
        "PagerDuty's alerts in the notification bell of a web app that runs on Supabase. Input fields may be spelled "
        "in camelCase. Errors are application/problem+json (RFC 9457) with a stable `type`."
    ),
)
SECURITY_SCHEMES: dict[str, Any] = {"access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}

blueprint = Blueprint("docs", __name__)


@blueprint.get("/api/openapi.json")
def openapi_json() -> Response:
    text = _made_once("openapi.json", lambda: jsonify(_document()).get_data(as_text=True))
    return Response(text, mimetype="application/json")


@blueprint.get("/api/docs")
def openapi_page() -> Response:
    return _answer(_made_once("docs.html", lambda: _page("docs.html", document=_document())))


@blueprint.get("/problems")
def all_problems() -> Response:
    return _answer(_page("problems.html", kinds=KINDS.values()))


@blueprint.get("/problems/<slug>")
def one_problem(slug: str) -> Response:
    if slug not in KINDS:
        abort(404)
    return _answer(_page("problems.html", kinds=[KINDS[slug]]))


def _document() -> dict[str, Any]:
    """The OpenAPI 3.1 document. The library describes validation errors as plain JSON; ours are problems."""
    described: dict[str, Any] = cast(OpenAPI, current_app).api_doc
    for path_item in described["paths"].values():
        for operation in path_item.values():
            operation["responses"].pop("422", None)
            if "parameters" in operation or "requestBody" in operation:
                operation["responses"]["422"] = problem_responses(INVALID_FIELDS)[422]
    return described


def _made_once(name: str, make: Callable[[], str]) -> str:
    """What does not change while the process runs, and takes long enough to make that some who ask delay webhooks."""
    made: dict[str, str] = current_app.extensions.setdefault("docs", {})
    if name not in made:
        made[name] = make()
    return made[name]


def _page(template: str, **context: Any) -> str:
    return render_template(template, product_name=container.get(Settings).product_name, **context)


def _answer(page: str) -> Response:
    response = make_response(page)
    response.headers.extend(page_headers(container.get(Settings).supabase_url))
    return response
