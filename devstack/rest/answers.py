"""Errors with PostgREST's codes, statuses and JSON shape.

Source of the tables: PostgREST, "Errors" (https://docs.postgrest.org/en/latest/references/errors.html).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from starlette.responses import Response

JSON_TYPE = "application/json; charset=utf-8"

#: SQLSTATE, or the beginning of it, to HTTP status; the longest match counts, and 400 is for everything else.
STATUS_OF_SQLSTATE = {
    "08": 503,
    "09": 500,
    "0L": 403,
    "0P": 403,
    "21000": 500,
    "23503": 409,
    "23505": 409,
    "25": 500,
    "25006": 405,
    "28": 403,
    "2D": 500,
    "38": 500,
    "39": 500,
    "3B": 500,
    "40": 500,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53": 503,
    "53400": 500,
    "54": 500,
    "55": 500,
    "57": 500,
    "57P01": 503,
    "58": 500,
    "F0": 500,
    "HV": 500,
    "P0": 500,
    "P0001": 400,
    "XX": 500,
}


@dataclass
class ApiError(Exception):
    """A request that is refused: what goes into the answer's status, JSON body and headers."""

    status: int
    code: str
    message: str
    details: str | None = None
    hint: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The JSON that tells of it."""
        told = {"code": self.code, "details": self.details, "hint": self.hint, "message": self.message}
        return json.dumps(told, ensure_ascii=False)

    def response(self) -> Response:
        """The answer, with `Proxy-Status` as PostgREST sets it."""
        headers = {"Proxy-Status": f"PostgREST; error={self.code}", **self.headers}
        return Response(self.body, self.status, headers, media_type=JSON_TYPE)


def unsupported(what: str) -> ApiError:
    """The answer to what this stand-in cannot do and PostgREST can."""
    return ApiError(501, "LOCAL501", f"Not supported by the local stand-in for PostgREST: {what}")


def body_too_large(limit: int) -> ApiError:
    """PostgREST leaves this to the proxy before it; so does its code."""
    return ApiError(413, "LOCAL413", f"The request body is larger than {limit} bytes")


def jwt_error(code: str, message: str, details: str | None = None) -> ApiError:
    """A bearer token that was refused. Codes: PGRST301 (cannot be decoded), PGRST303 (claims refused)."""
    challenge = f'Bearer error="invalid_token", error_description="{message}"'
    return ApiError(401, code, message, details, headers={"WWW-Authenticate": challenge})


def not_single(rows: int) -> ApiError:
    """The client asked for one object and the result has another number of rows."""
    return ApiError(
        406, "PGRST116", "Cannot coerce the result to a single JSON object", f"The result contains {rows} rows"
    )


def not_embedded(resource: str) -> ApiError:
    """A filter or an order on a resource that the select list does not embed."""
    return ApiError(
        400,
        "PGRST108",
        f"'{resource}' is not an embedded resource in this request",
        hint=f"Verify that '{resource}' is included in the 'select' query parameter.",
    )


def invalid_body(message: str) -> ApiError:
    """A body that cannot be read as what its Content-Type says."""
    return ApiError(400, "PGRST102", message)


def range_error(details: str) -> ApiError:
    """A limit, an offset or a Range header that cannot be satisfied."""
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details)


def of_postgres(error: psycopg.Error, *, anonymous: bool) -> ApiError:
    """The answer for an error that PostgreSQL (or the driver) raised while the request's transaction ran."""
    state = error.sqlstate
    if state is None:
        return _of_driver(error)
    message = error.diag.message_primary or str(error)
    if state == "PGRST":
        return _of_custom_error(message, error.diag.message_detail)
    status = _status(state, message, anonymous=anonymous)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return ApiError(status, state, message, error.diag.message_detail, error.diag.message_hint, headers)


def _of_driver(error: psycopg.Error) -> ApiError:
    if isinstance(error, psycopg.DataError):  # the driver refuses NUL in a body before the server sees it
        return ApiError(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ApiError(503, "PGRST001", "Database client error. Retrying the connection.")
    return ApiError(500, "PGRSTX00", "Unexpected error of the database driver")


def is_status(number: int) -> bool:
    """Whether it can be the status of an answer: PostgREST takes what HTTP has not given a meaning, too."""
    return 200 <= number <= 999


def _status(state: str, message: str, *, anonymous: bool) -> int:
    if state.startswith("PT"):  # raise sqlstate 'PT409': the last three digits are the status
        return int(state[2:]) if state[2:].isdigit() and is_status(int(state[2:])) else 500
    if state == "42501":
        return 401 if anonymous else 403
    if state == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
    if state == "21000" and message.endswith("requires a WHERE clause"):
        return 400
    return STATUS_OF_SQLSTATE.get(state) or STATUS_OF_SQLSTATE.get(state[:2]) or 400


def _of_custom_error(message: str, detail: str | None) -> ApiError:
    """`raise sqlstate 'PGRST'`: the message is the body as JSON, the detail has status and headers as JSON."""
    try:
        body, answer = json.loads(message), json.loads(detail or "")
        status = int(answer["status"])
        headers = {str(name): str(value) for name, value in answer["headers"].items()}
        if not is_status(status):
            raise ValueError("no HTTP status")
        return ApiError(status, str(body["code"]), str(body["message"]), body.get("details"), body.get("hint"), headers)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(500, "PGRST121", "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
