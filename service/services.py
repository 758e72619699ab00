"""What the views need, registered in one place; a view gets it by its type: `svcs.flask.container.get(Rest)`."""

import svcs
from flask import Flask

from service.api.health import Readiness
from service.auth import JwksCache, TokenVerifier
from service.config import Settings
from service.crypto import Sealer
from service.rest import Rest
from service.web import Pages
from service.webhooks.due import Due
from service.webhooks.settings import WebhookSettingsCache
from service.webhooks.turns import Turns

# Of one integration, in this process. A storm's webhooks wait for each other; who sends faster than we take is told to
# come again (429, which PagerDuty retries), and leaves the rest of the process to other organizations.
_AT_ONCE, _WAITING, _PATIENCE = 4, 60, 2.0


def init_app(app: Flask, settings: Settings) -> None:
    """Makes each service once for the application."""
    rest = Rest(settings)
    sealer = Sealer.from_base64([key.get_secret_value() for key in settings.credentials_keys])
    secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
    verifier = TokenVerifier(JwksCache(settings.jwks_url), settings.issuer, secret)
    made = (
        settings, rest, sealer, verifier, WebhookSettingsCache(rest, sealer), Turns(_AT_ONCE, _WAITING, _PATIENCE),
        Due(rest), Readiness(settings), Pages(settings),
    )  # fmt: skip
    svcs.flask.init_app(app)
    for service in made:
        svcs.flask.register_value(app, type(service), service)
