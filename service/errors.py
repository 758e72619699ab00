"""Exceptions become problems: pydantic's, PostgREST's, werkzeug's, and our own mistakes."""

import httpx
from flask import Flask, Response, make_response, request
from postgrest.exceptions import APIError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException

from service import problems
from service.logs import log
from service.problems import FieldError, Problem, invalid_fields, not_found, unavailable

_HEADERS_OF_HTTP_ERRORS = ("allow", "retry-after", "www-authenticate")


def from_validation(error: ValidationError) -> Response:
    """pydantic's complaints about a request, as a problem. Input values are not repeated."""
    return invalid_fields(
        [
            FieldError(
                field=".".join(str(part) for part in item["loc"]) or "body",
                message=_in_words(item),
            )
            for item in error.errors(include_input=False, include_url=False)[:20]
        ]
    ).response()


#: What is wrong with a field, by pydantic's type of it (pydantic docs: Validation Errors), with its context filled in.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "string_unicode": "has a character that cannot be kept",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "string_pattern_mismatch": "is not written as it has to be",
    "too_short": "must have at least {min_length} {unit}",
    "too_long": "may have at most {max_length} {unit}",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "datetime_from_date_parsing": "must be a time, as 2026-11-27T12:00:00Z",
    "datetime_object_invalid": "must be a time, as 2026-11-27T12:00:00Z",
    "datetime_parsing": "must be a time, as 2026-11-27T12:00:00Z",
    "datetime_type": "must be a time, as 2026-11-27T12:00:00Z",
    "timezone_aware": "must be a time with its zone, as 2026-11-27T12:00:00Z",
}


def _in_words(item: ErrorDetails) -> str:
    """What is wrong with one field; our own complaints are in words already."""
    context = item.get("ctx", {})
    context["unit"] = "entries" if context.get("field_type") in ("List", "Tuple", "Set") else "characters"
    if item["type"] in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "is required"
    words = _WORDS.get(item["type"])
    return words.format(**context) if words else item["msg"].removeprefix("Value error, ")


def from_rest(error: APIError) -> Problem:
    """A refusal of PostgREST, in our words. Codes: SQLSTATE, or PostgREST's own (PostgREST docs: Errors)."""
    code, message = error.code or "", error.message or ""
    if code == "42501":
        return problems.FORBIDDEN("Your role in this organization does not allow that.")
    if code.startswith("PGRST3"):
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return problems.INVALID_TOKEN(f"Supabase refused the access token: {message}.", headers=challenge)
    if code == "PT404":  # raised by our own SQL, with words for people
        return problems.NOT_FOUND(message)
    if code == "PT409":
        return problems.CONFLICT(message)
    if code == "PT410":
        return problems.INVITATION_OVER(message)
    if code in ("23505", "23503"):
        return problems.CONFLICT("It collides with something that is there already, or is gone.")
    if code.startswith(("22", "23")):
        return problems.INVALID_FIELDS("The database does not accept a value.")
    if code == "PGRST116":
        return not_found("row")
    log.error("rest_error", code=code, message=message)
    return unavailable("The database answered with an error.")


def from_http(error: HTTPException) -> Problem:
    """What werkzeug refuses by itself, such as a method that an address does not take."""
    slug = error.name.lower().replace(" ", "-")
    kind = problems.KINDS.get(slug, problems.BAD_REQUEST if (error.code or 500) < 500 else problems.INTERNAL)
    headers = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name.lower() in _HEADERS_OF_HTTP_ERRORS
    }  # fmt: skip
    return kind(error.description or error.name, headers=headers)


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

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:  # made on purpose, as a redirect or a validation problem is
            return make_response(error.response)
        return from_http(error).response()

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Response:
        log.exception("unhandled", error=type(error).__name__)
        return problems.INTERNAL("Something went wrong here; the request id finds it in the log.").response()
