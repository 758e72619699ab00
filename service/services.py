"""What the views need, registered in one place; a view gets it by its type: `svcs.flask.container.get(Rest)`."""

import svcs
from flask import Flask

from service.api.health import Readiness
from service.auth import JwksCache, TokenVerifier
from service.config import Settings
from service.crypto import Sealer
from service.rates import Rates
from service.rest import Rest
from service.web import Pages
from service.webhooks.due import Due
from service.webhooks.settings import WebhookSettingsCache
from service.webhooks.together import Together


def init_app(app: Flask, settings: Settings) -> None:
    """Makes each service once for the application."""
    rest = Rest(settings)
    sealer = Sealer.from_base64(settings.sealing_keys)
    secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
    verifier = TokenVerifier(JwksCache(settings.jwks_url), settings.issuer, secret)
    made = (
        settings, rest, sealer, verifier, WebhookSettingsCache(rest, sealer),
        Together(rest, count_recipients=settings.log_level == "debug"), Due(rest),
        Rates(settings.rate_limit_storage_url), Readiness(settings), Pages(settings),
    )  # fmt: skip
    svcs.flask.init_app(app)
    for service in made:
        svcs.flask.register_value(app, type(service), service)
