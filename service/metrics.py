"""Prometheus metrics. With several gunicorn processes, set PROMETHEUS_MULTIPROC_DIR to an empty folder."""

import errno
import os
import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

REQUEST_SECONDS = Histogram("http_request_duration_seconds", "Time to answer", ["method", "route", "status"])
WEBHOOK_EVENTS = Counter("pagerduty_webhook_events_total", "Received events by outcome", ["outcome"])
WEBHOOKS_REFUSED = Counter("pagerduty_webhooks_refused_total", "Webhooks that were not taken", ["status"])


def init_app(app: Flask, bind: str | None) -> None:
    """Measures every request and serves `/metrics`, on an address of its own if `bind` names one (HOST:PORT)."""

    @app.after_request
    def measure(response: Response) -> Response:
        if request.url_rule is not None and "started" in g:
            REQUEST_SECONDS.labels(request.method, request.url_rule.rule, response.status_code).observe(
                time.perf_counter() - g.started
            )
        return response

    if bind:
        _serve_apart(bind)
    else:
        app.add_url_rule("/metrics", view_func=_metrics)


def _metrics() -> Response:
    return Response(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    if not _of_several_processes():
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _of_several_processes() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def _serve_apart(bind: str) -> None:
    host, _, port = bind.rpartition(":")
    try:
        start_http_server(int(port), host, _registry())
    except OSError as error:
        # Any of several processes can tell of all of them; one of them has the address.
        if error.errno != errno.EADDRINUSE or not _of_several_processes():
            raise
