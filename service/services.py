"""What the views need, registered in one place; a view gets it by its type: `svcs.flask.container.get(Rest)`."""

import svcs
from flask import Flask

from service.auth import JwksCache, TokenVerifier
from service.config import Settings
from service.crypto import Sealer
from service.rest import Rest
from service.web import Pages
from service.webhooks.settings import WebhookSettingsCache


def init_app(app: Flask, settings: Settings) -> None:
    """Makes each service once for the application."""
    rest = Rest(settings)
    sealer = Sealer.from_base64([key.get_secret_value() for key in settings.credentials_keys])
    secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
    verifier = TokenVerifier(JwksCache(settings.jwks_url), settings.issuer, secret)
    svcs.flask.init_app(app)
    for service in (settings, rest, sealer, verifier, WebhookSettingsCache(rest, sealer), Pages(settings)):
        svcs.flask.register_value(app, type(service), service)
