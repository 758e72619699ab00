"""Seals every stored credential anew with the first of CREDENTIALS_KEYS, so that an old key can be retired."""

import sys

from postgrest.exceptions import APIError

from service.config import ConfigError, load_settings
from service.crypto import CannotOpen, Sealer
from service.rest import Rest

#: Column of pagerduty_credentials → the field that its value is bound to.
FIELDS = {
    "api_key": "api_key",
    "signing_secret": "signing_secret",
    "previous_signing_secret": "signing_secret",  # sealed as the current one, then moved
}
_PAGE = 200


def reseal_stored_credentials() -> int:
    """Runs over all organizations and prints what it did; answers the exit status (1: some could not be opened)."""
    try:
        settings = load_settings()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    sealer = Sealer.from_base64([key.get_secret_value() for key in settings.credentials_keys])
    rest = Rest(settings).as_service()
    done = failed = start = 0
    while True:
        rows = (
            rest.table("pagerduty_credentials")
            .select("organization_id", *FIELDS)
            .order("organization_id")
            .range(start, start + _PAGE - 1)
            .execute()
            .data
        )
        for row in rows:
            organization = row["organization_id"]
            for column, field in FIELDS.items():
                sealed = row[column]
                if sealed is None or sealer.is_current(sealed):
                    continue
                try:
                    renewed = sealer.seal(sealer.open(sealed, organization, field), organization, field)
                    # Only if nobody has saved another one in the meantime.
                    rest.table("pagerduty_credentials").update({column: renewed}).eq(
                        "organization_id", organization
                    ).eq(column, sealed).execute()
                    done += 1
                except (CannotOpen, APIError) as error:
                    failed += 1
                    print(f"{organization} {column}: {error}", file=sys.stderr)  # noqa: T201
        if len(rows) < _PAGE:
            break
        start += _PAGE
    print(f"{done} sealed anew with the first key, {failed} failed")  # noqa: T201
    return 1 if failed else 0
