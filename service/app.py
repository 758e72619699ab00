"""The WSGI application: the service's routes, and what each request goes through."""

from flask import Flask
from flask_compress import Compress
from flask_openapi3 import OpenAPI

from service import errors, http, logs, metrics, services, web
from service.api import body, docs, health, incidents, integrations, invitations, me, notifications, organizations
from service.config import Settings, load_settings
from service.problems import ProblemBody
from service.webhooks import routes as webhooks

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Without settings, they are read from the environment (raises ConfigError)."""
    settings = settings or load_settings()
    logs.configure_logging(settings.log_level)
    app = OpenAPI(
        "service",
        info=docs.INFO,
        security_schemes=docs.SECURITY_SCHEMES,
        validation_error_model=ProblemBody,
        validation_error_callback=errors.from_validation,
        doc_ui=False,
        static_folder=None,
    )
    services.init_app(app, settings)
    http.init_app(app, settings.trusted_proxies)
    body.init_app(app)
    logs.init_app(app)
    errors.init_app(app)
    metrics.init_app(app, settings.metrics_bind)
    Compress(app)
    for part in (webhooks, me, organizations, invitations, integrations, notifications, incidents, health):
        app.register_api(part.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(web.blueprint)
    health.report_at_start(app)
    return app
