"""Structured logs: one JSON object a line on standard error, each with the id of its request, without secrets."""

import functools
import logging
import re
import sys
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, Response, g, request

from service.pagerduty.fields import shorten
from service.redaction import MASK, redact

log = structlog.stdlib.get_logger("service")

# What a caller may bring along as its own request id; anything else gets a fresh one.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Webhook tokens are such runs, also where the URL around them was copied wrongly.
_LONG_RUN = re.compile(r"[0-9A-Za-z]{32,}")
_LONGEST_PATH = 500
_LONGEST_TEXT = 20_000
_OFTEN_SAID = 200  # characters
_AS_THEY_ARE = ("request_id", "events", "timestamp", "level")
# They log what clients sent, in a format of their own.
_SERVERS = ("gunicorn.error", "gunicorn.access", "waitress")
_NOISY = ("httpx", "httpx2", "httpcore", "httpcore2", "hpack", "limits")  # they log URLs and keys


def configure_logging(level: str) -> None:
    """Sends structlog's and the standard library's records through one JSON formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact_line,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("service").setLevel(level.upper())
    for name in _SERVERS:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


@functools.lru_cache(maxsize=1000)
def redact_path(path: str) -> str:
    """A path of at most 500 characters, without the secrets in it: the webhook token above all."""
    return redact(_LONG_RUN.sub(MASK, shorten(path, _LONGEST_PATH)))


def _redact_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Without secrets, whoever wrote the line: exceptions and libraries quote what a client sent.

    A request's id stays as it is, for one looks for it; so does what we put there ourselves, and `events`, which
    service/pagerduty/masking.py has masked.
    """
    return {key: value if key in _AS_THEY_ARE else _redacted(value) for key, value in line.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return _redacted_again(text) if len(text) <= _OFTEN_SAID else redact(_LONG_RUN.sub(MASK, text[:_LONGEST_TEXT]))


@functools.lru_cache(maxsize=1000)
def _redacted_again(text: str) -> str:
    """Most lines say what others said: names of events, outcomes, organizations."""
    return redact(_LONG_RUN.sub(MASK, text))


def init_app(app: Flask) -> None:
    """Gives every request an id, bound to its log lines and answered as `X-Request-Id`, and logs how it went."""

    @app.before_request
    def begin() -> None:
        offered = request.headers.get("X-Request-Id", "")
        g.request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        if "request_id" not in g:
            return response
        response.headers["X-Request-Id"] = g.request_id
        quiet = request.path.startswith("/static/") or request.path in ("/healthz", "/readyz", "/metrics")
        (log.debug if quiet else log.info)(
            "request",
            method=request.method,
            path=redact_path(request.path),
            status=response.status_code,
            milliseconds=round((time.perf_counter() - g.started) * 1000, 1),
        )
        return response
