"""The OpenAPI document, and a page to read it."""

from typing import Any

from flask import Response, jsonify, make_response, render_template
from flask_openapi3 import OpenAPI

from service.config import Settings
from service.web.security import page_headers

DESCRIPTION = (
    "PagerDuty's alerts in the notification bell of a web app that runs on Supabase. Input fields may be spelled in "
    "camelCase. Errors are application/problem+json (RFC 9457) with a stable `type`."
)

_INVALID_FIELDS = {
    "description": "Fields are not valid (`errors` says which)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
}


def init_app(app: OpenAPI, settings: Settings) -> None:
    """Serves `/api/openapi.json` and `/api/docs`."""

    @app.route("/api/openapi.json")
    def openapi_json() -> Response:
        return jsonify(document(app))

    @app.route("/api/docs")
    def openapi_page() -> Response:
        response = make_response(render_template("docs.html", document=document(app)))
        response.headers.extend(page_headers(settings.supabase_url))
        return response


def document(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document. The library describes validation errors as plain JSON; ours are problems."""
    described: dict[str, Any] = app.api_doc
    for path_item in described["paths"].values():
        for operation in path_item.values():
            operation["responses"].pop("422", None)
            if "parameters" in operation or "requestBody" in operation:
                operation["responses"]["422"] = _INVALID_FIELDS
    return described
