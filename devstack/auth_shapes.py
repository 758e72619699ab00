"""What Supabase Auth (GoTrue) says: users, errors, and how it reads a request's body."""

import datetime
import functools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)

Row = dict[str, Any]

MAX_BODY = 64 * 1024
API_VERSION_HEADER = "x-supabase-api-version"
API_VERSION = "2024-01-01"


class AuthError(Exception):
    """An error answer: HTTP status, GoTrue's error code, message, and more members of the body."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.members = status, code, message, members

    def response(self, api_version: str) -> Response:
        """The body as that API version has it: from 2024-01-01 `code` is the code, before it was the status."""
        body: dict[str, Any] = {"code": self.status, "error_code": self.code, "msg": self.message, **self.members}
        headers = {"x-sb-error-code": self.code}
        if api_version >= API_VERSION:
            body = {"code": self.code, "message": self.message, **self.members}
            headers["X-Supabase-Api-Version"] = API_VERSION
        return JSONResponse(body, status_code=self.status, headers=headers)


def user_body(user: Row) -> dict[str, Any]:
    """A user as GoTrue shows them; times that are not set are left out."""
    body: dict[str, Any] = {
        "id": str(user["id"]),
        "aud": user["aud"] or "",
        "role": user["role"] or "",
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "identities": [_identity_body(identity) for identity in user["identities"]],
        "created_at": _timestamp(user["created_at"]),
        "updated_at": _timestamp(user["updated_at"]),
        "is_anonymous": user["is_anonymous"],
    }
    for field in ("email_confirmed_at", "phone_confirmed_at", "confirmed_at", "last_sign_in_at", "banned_until"):
        if user[field] is not None:
            body[field] = _timestamp(user[field])
    return body


def _identity_body(identity: Row) -> dict[str, Any]:
    """An identity, as rows of auth.identities come out of to_jsonb."""
    return {
        "identity_id": identity["id"],
        "id": identity["provider_id"],
        "user_id": identity["user_id"],
        "identity_data": identity["identity_data"],
        "provider": identity["provider"],
        "last_sign_in_at": _timestamp(identity["last_sign_in_at"]),
        "created_at": _timestamp(identity["created_at"]),
        "updated_at": _timestamp(identity["updated_at"]),
        "email": identity["email"] or "",
    }


def endpoint(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Turns AuthError into its answer, in the version of the API that the client asks for."""

    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except AuthError as error:
            refusal = error
        except psycopg.DataError as error:  # a text that PostgreSQL cannot hold
            refusal = AuthError(400, "validation_failed", str(error).partition("\n")[0])
        except (psycopg.Error, PoolTimeout):
            log.exception("the database failed")
            refusal = AuthError(500, "unexpected_failure", "Database error querying schema")
        return refusal.response(request.headers.get(API_VERSION_HEADER, ""))

    return answer


def not_implemented(what: str) -> AuthError:
    """The answer to what GoTrue can do and this cannot."""
    return AuthError(501, "not_implemented", f"{what} is not supported by the local stand-in for Supabase Auth")


async def json_body(request: Request) -> dict[str, Any]:
    """The body, an object. Raises AuthError."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY:
            raise AuthError(413, "request_entity_too_large", f"Request body too large (max {MAX_BODY} bytes)")
    try:
        body = json.loads(content)
    except ValueError as error:
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {error}") from error
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: expected an object")
    return body


def text(body: dict[str, Any], field: str) -> str:
    """A text of the body, empty where there is none. Raises AuthError."""
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {field} must be a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {field} is not text") from error
    return value


def _timestamp(value: datetime.datetime | str | None) -> str | None:
    """RFC 3339 in UTC with a `Z`."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z") if value else None
