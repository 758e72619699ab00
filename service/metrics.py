"""Prometheus metrics. With several gunicorn processes, set PROMETHEUS_MULTIPROC_DIR to an empty folder."""

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUEST_SECONDS = Histogram("http_request_duration_seconds", "Time to answer", ["method", "route", "status"])
WEBHOOK_EVENTS = Counter("pagerduty_webhook_events_total", "Received events by outcome", ["outcome"])
WEBHOOKS_REFUSED = Counter("pagerduty_webhooks_refused_total", "Webhooks that were not taken", ["status"])


def init_app(app: Flask) -> None:
    """Measures every request and serves `/metrics`."""

    @app.after_request
    def measure(response: Response) -> Response:
        if request.url_rule is not None and "started" in g:
            REQUEST_SECONDS.labels(request.method, request.url_rule.rule, response.status_code).observe(
                time.perf_counter() - g.started
            )
        return response

    @app.route("/metrics")
    def metrics() -> Response:
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
