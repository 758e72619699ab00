"""Structured logs: one JSON object a line on standard error, each with the id of its request."""

import logging
import re
import sys
import time
import uuid

import structlog
from flask import Flask, Response, g, request

log = structlog.stdlib.get_logger("service")

# What a caller may bring along as its own request id; anything else gets a fresh one.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# The last path segment of a webhook URL is a secret, also where the URL before it was copied wrongly.
_WEBHOOK_TOKEN = re.compile(r"(/api/webhooks/pagerduty/)[^/?\s]+|[0-9A-Za-z]{32,}")


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
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("service").setLevel(level.upper())
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "hpack"):  # they log URLs
        logging.getLogger(noisy).setLevel(logging.WARNING)


def redact_path(path: str) -> str:
    """A path without the webhook token that it may end in."""
    return _WEBHOOK_TOKEN.sub(lambda found: f"{found.group(1) or ''}***", path)


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
