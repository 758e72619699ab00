"""The body of a request: how large it may be, that it is a JSON object, and how its fields are spelled."""

from typing import Any

from flask import Flask, Request, request
from gevent import Timeout  # type: ignore[import-untyped]
from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from service.logs import log
from service.problems import BAD_REQUEST, NOT_JSON, TOO_LARGE, unavailable
from service.unread import leave_unread

MAX_BODY = 256 * 1024  # bytes; PagerDuty sends nothing larger (Webhooks overview), and no form does
_LONGEST = 10.0  # seconds that a body may take; PagerDuty waits 5 for the answer


class Input(BaseModel):
    """A request body: snake_case, with camelCase spellings accepted; nothing unknown."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )

    def given(self) -> dict[str, Any]:
        """The fields that the caller sent: an absent one is not a null one."""
        return self.model_dump(mode="json", include=self.model_fields_set)


def read_body() -> bytes:
    """The request's body.

    Raises Problem: too-large beyond MAX_BODY, bad-request if it cannot be read, unavailable if it comes too slowly,
    which another time it may not.
    """
    # One byte more is let in, since werkzeug cuts a body without a Content-Length at the limit and says nothing.
    request.max_content_length = MAX_BODY + 1
    try:
        with Timeout(_LONGEST):  # for all reads together; werkzeug takes an error of its own for a client that left
            body = request.get_data(cache=True)
    except RequestEntityTooLarge:
        body = None
    except Timeout:
        leave_unread(request.environ)
        raise unavailable(f"The body did not come within {_LONGEST:.0f} seconds.") from None
    except Exception as error:
        # Each server has errors of its own for a body that is cut off, or whose chunks are none.
        log.info("body_not_read", error=type(error).__name__)
        leave_unread(request.environ)
        raise BAD_REQUEST("The body could not be read: it ended early, or its chunks are malformed.") from None
    if body is None or len(body) > MAX_BODY:
        leave_unread(request.environ)
        raise TOO_LARGE(f"A body is at most {MAX_BODY // 1024} KiB.")
    return body


class JsonRequest(Request):
    """A request whose body is JSON whatever its Content-Type says, and `{}` if there is none."""

    def get_json(self, force: bool = True, silent: bool = False, cache: bool = True) -> Any:
        """The body. Raises BadRequest, unless `silent`: then None."""
        return super().get_json(force=True, silent=silent, cache=cache) if self.get_data(cache=True) else {}


def require_json_object() -> None:
    """Before a route that takes a body: 400 unless the body is a JSON object (or there is none)."""
    if request.method not in ("POST", "PATCH"):
        return
    read_body()
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise NOT_JSON("The body must be a JSON object.")


def init_app(app: Flask) -> None:
    """Every request's body has a limit, and is JSON whatever it is called."""
    app.request_class = JsonRequest
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
