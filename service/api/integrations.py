"""An organization's PagerDuty settings."""

from dataclasses import asdict
from typing import Any

from flask import current_app
from flask_openapi3 import APIBlueprint
from postgrest.exceptions import APIError

from service.api.blueprint import problems, user_blueprint
from service.api.requests import Organization, current_organization, rest_as_user
from service.api.schemas import (
    IntegrationAnswer,
    IntegrationInput,
    KeyTestAnswer,
    KeyTestInput,
    OrganizationHeader,
)
from service.auth import TokenVerifier
from service.config import Settings
from service.crypto import CannotOpen, Sealer
from service.errors import forbidden
from service.pagerduty.client import Region, check_api_key
from service.rest import call

_SECRETS = ("api_key", "signing_secret")
_EDITORS = ("owner", "admin")


def create_blueprint(settings: Settings, verifier: TokenVerifier, sealer: Sealer) -> APIBlueprint:
    blueprint = user_blueprint(
        "integrations", "/api/integrations/pagerduty", "The organization's PagerDuty settings", verifier
    )

    @blueprint.get("", responses={200: IntegrationAnswer}, summary="The settings; secrets only as hints")
    def read(header: OrganizationHeader) -> dict[str, Any]:
        organization = current_organization()
        saved = call(rest_as_user(), "get_integration", get=True, organization_id=organization.id)
        return _answer(settings, organization, saved)

    @blueprint.post(
        "", responses={200: IntegrationAnswer, **problems(422)}, summary="Save or change; answers the webhook URL"
    )
    def save(header: OrganizationHeader, body: IntegrationInput) -> dict[str, Any]:
        organization = current_organization()
        given = body.given()
        credentials = {
            name: None
            if given[name] is None
            else {"sealed": sealer.seal(given[name], organization.id, name), "last4": given[name][-4:]}
            for name in _SECRETS
            if name in given
        }
        changes = {name: value for name, value in given.items() if name not in _SECRETS}
        try:
            saved = call(
                rest_as_user(),
                "save_integration",
                organization_id=organization.id,
                settings=changes,
                credentials=credentials,
            )
        except APIError as error:
            if error.code == "42501":
                raise forbidden("Only owners and admins of the organization may change its integration.") from None
            raise
        return _answer(settings, organization, saved)

    @blueprint.post("/test", responses={200: KeyTestAnswer, **problems(422)}, summary="Is this API key good?")
    def test(header: OrganizationHeader, body: KeyTestInput) -> dict[str, Any]:
        organization = current_organization()
        if organization.role not in _EDITORS:
            raise forbidden("Only owners and admins of the organization may test its API key.")
        key, region = body.api_key, body.region
        if not key:
            try:
                key = _saved_api_key(sealer, organization)
            except CannotOpen:
                return _not_tested("not_set", "The saved API key cannot be read any more: enter it again.")
            if key is None:
                return _not_tested("not_set", "No API key is saved yet: enter one and test it.")
            region = region or _saved_region(organization)
        answer = asdict(check_api_key(key, region, current_app.extensions["pagerduty_api_urls"]))
        del answer["abilities_count"]
        return answer

    return blueprint


def _saved_api_key(sealer: Sealer, organization: Organization) -> str | None:
    sealed = call(rest_as_user(), "get_sealed_api_key", get=True, organization_id=organization.id)
    return sealer.open(str(sealed), organization.id, "api_key") if sealed else None


def _saved_region(organization: Organization) -> Region:
    saved = call(rest_as_user(), "get_integration", get=True, organization_id=organization.id)
    return "eu" if saved["region"] == "eu" else "us"


def _not_tested(status: str, message: str) -> dict[str, Any]:
    return {
        "ok": False, "status": status, "message": message, "region": None, "account": None,
        "can_write": None, "user_email": None, "retry_after": None,
    }  # fmt: skip


def _answer(settings: Settings, organization: Organization, saved: Any) -> dict[str, Any]:
    row: dict[str, Any] = saved or {}
    admin: dict[str, Any] = row.get("admin") or {}
    webhooks = f"{settings.public_url}/api/webhooks/pagerduty"
    return {
        "configured": bool(row),
        "can_edit": organization.role in _EDITORS,
        "enabled": row.get("enabled", False),
        "region": row.get("region", "us"),
        "event_types": row.get("event_types"),
        "integration_key": admin.get("integration_key"),
        "api_key": {"set": row.get("api_key_set", False), "last4": admin.get("api_key_last4")},
        "signing_secret": {"set": row.get("signing_secret_set", False), "last4": admin.get("signing_secret_last4")},
        "webhook_url": f"{webhooks}/{admin['webhook_token']}" if admin else None,
        "bare_webhook_url": webhooks if admin.get("accept_bare_url") else None,
        "health": {name: row.get(name) for name in ("last_event_at", "last_error", "last_error_at")},
        "updated_at": row.get("updated_at"),
    }
