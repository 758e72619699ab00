"""The service: receives PagerDuty's webhooks, serves the API and the web app."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_openapi3 import Info, OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from service import errors, logs, metrics, web
from service.api import docs, health, incidents, integrations, me, notifications, webhooks
from service.api.requests import MAX_BODY, JsonRequest
from service.auth import JwksCache, TokenVerifier
from service.config import Settings, load_settings
from service.crypto import Sealer
from service.rest import Rest
from service.webhook_settings import WebhookSettingsCache

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Without settings, they are read from the environment (raises ConfigError)."""
    settings = settings or load_settings()
    logs.configure_logging(settings.log_level)
    app = OpenAPI(
        "service",
        info=Info(title="supabase-pagerduty", version="0.1.0", description=docs.DESCRIPTION),
        security_schemes={"access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        validation_error_model=errors.ProblemBody,
        validation_error_callback=errors.from_validation,
        doc_ui=False,
        static_folder=None,
    )
    app.request_class = JsonRequest
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    app.url_map.merge_slashes = False  # a slash too many is a wrong address, not one to redirect to
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    logs.init_app(app)
    errors.init_app(app)
    metrics.init_app(app)
    Compress(app)
    limiter = Limiter(get_remote_address, app=app, storage_uri=settings.rate_limit_storage_url)
    _register_api(app, settings, limiter)
    return app


def _register_api(app: OpenAPI, settings: Settings, limiter: Limiter) -> None:
    rest = Rest(settings)
    sealer = Sealer.from_base64([key.get_secret_value() for key in settings.credentials_keys])
    secret = settings.supabase_jwt_secret
    jwks = JwksCache(f"{settings.supabase_url}/auth/v1/.well-known/jwks.json")
    verifier = TokenVerifier(jwks, settings.issuer, secret.get_secret_value() if secret else None)
    app.extensions["rest"] = rest
    app.extensions["pagerduty_api_urls"] = settings.pagerduty_api_urls
    for blueprint in (
        webhooks.create_blueprint(settings, rest, WebhookSettingsCache(rest, sealer), limiter),
        me.create_blueprint(verifier),
        integrations.create_blueprint(settings, verifier, sealer),
        notifications.create_blueprint(verifier),
        incidents.create_blueprint(verifier),
        health.create_blueprint(settings, rest),
    ):
        app.register_api(blueprint)
    docs.init_app(app, settings)
    app.register_blueprint(web.create_blueprint(settings))
