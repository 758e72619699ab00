"""Everything that goes wrong, as `application/problem+json` (RFC 9457) with a stable `type`."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from flask import Flask, Response, g, jsonify, make_response, request
from flask_limiter import RateLimitExceeded
from postgrest.exceptions import APIError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from service.logs import log


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Stable, relative URI: what kind of problem this is", examples=["/problems/not-found"]
    )
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[FieldError] | None = Field(None, description="With 422: the fields that are wrong")


class Problem(Exception):
    """An answer other than success.

    `slug` names the kind in `type`; `extra` members are added to the body; `headers` to the answer.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.slug, self.title, self.detail = status, slug, title, detail
        self.headers = dict(headers or {})
        self.extra = extra

    def response(self) -> Response:
        """The problem as a response."""
        body = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": g.get("request_id"),
            **self.extra,
        }
        response = make_response(jsonify(body), self.status)
        response.headers.extend(self.headers)
        response.content_type = "application/problem+json"
        return response


def not_found(what: str) -> Problem:
    """There is none, or none that the caller may see: the two are not told apart."""
    return Problem(404, "not-found", "Not found", f"There is no such {what}, or you may not see it.")


def forbidden(detail: str) -> Problem:
    """The caller is known and may not."""
    return Problem(403, "forbidden", "Not allowed", detail)


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    """422 with what is wrong, field by field."""
    return Problem(
        422,
        "invalid-fields",
        "Some fields are not valid",
        "; ".join(f"{error.field}: {error.message}" for error in errors),
        errors=[error.model_dump() for error in errors],
    )


def unavailable(detail: str, *, retry_after: int = 5) -> Problem:
    """503: something that we need cannot be reached; `retry_after` is in seconds."""
    return Problem(503, "unavailable", "Try again shortly", detail, headers={"Retry-After": str(retry_after)})


def from_validation(error: ValidationError) -> Response:
    """pydantic's complaints about a request, as a problem. Input values are not repeated."""
    return invalid_fields(
        [
            FieldError(
                field=".".join(str(part) for part in item["loc"]) or "body",
                message=item["msg"].removeprefix("Value error, "),
            )
            for item in error.errors(include_input=False, include_url=False)[:20]
        ]
    ).response()


def from_rest(error: APIError) -> Problem:
    """A refusal of PostgREST, in our words. Codes: SQLSTATE, or PostgREST's own (PostgREST docs: Errors)."""
    code, message = error.code or "", error.message or ""
    if code == "42501":
        return forbidden("Your role in this organization does not allow that.")
    if code.startswith("PGRST3"):
        return Problem(
            401,
            "invalid-token",
            "Not signed in",
            f"Supabase refused the access token: {message}.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    if code.startswith("PT") and code[2:].isdigit():
        status = int(code[2:])
        return Problem(status, {404: "not-found", 409: "conflict"}.get(status, "refused"), "Not possible", message)
    if code in ("23505", "23503"):
        return Problem(409, "conflict", "Conflict", "It collides with something that is there already, or is gone.")
    if code.startswith(("22", "23")):
        return Problem(422, "invalid-fields", "Some fields are not valid", "The database does not accept a value.")
    if code in ("PGRST116", "406"):
        return not_found("row")
    log.error("rest_error", code=code, message=message)
    return unavailable("The database answered with an error.")


def init_app(app: Flask) -> None:
    """Turns exceptions into problems."""

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @app.errorhandler(APIError)
    def rest_refused(error: APIError) -> Response:
        return from_rest(error).response()

    @app.errorhandler(httpx.HTTPError)
    def rest_unreachable(error: httpx.HTTPError) -> Response:
        log.error("rest_unreachable", error=type(error).__name__)
        return unavailable("Supabase cannot be reached.").response()

    @app.errorhandler(RateLimitExceeded)
    def too_many(error: RateLimitExceeded) -> Response:
        seconds = error.limit.limit.get_expiry() if error.limit else 60
        return Problem(
            429,
            "too-many-requests",
            "Too many requests",
            f"At most {error.description}; slow down.",
            headers={"Retry-After": str(min(seconds, 10))},
        ).response()

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:  # made on purpose, as a redirect or a validation problem is
            return make_response(error.response)
        slug = (error.name or "error").lower().replace(" ", "-")
        headers = {
            name: value
            for name, value in error.get_headers(request.environ)
            if name.lower() in ("allow", "retry-after", "www-authenticate")
        }
        return Problem(error.code or 500, slug, error.name, error.description or error.name, headers=headers).response()

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Response:
        log.exception("unhandled", error=type(error).__name__)
        return Problem(
            500, "internal", "Our fault", "Something went wrong here; the request id finds it in the log."
        ).response()
