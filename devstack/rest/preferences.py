"""The `Prefer` header. Source: PostgREST, "Prefer Header"."""

from collections.abc import Iterable
from dataclasses import dataclass

from devstack.rest.answers import ApiError

CHOICES = {
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "missing": ("default", "null"),
    "return": ("representation", "minimal", "headers-only"),
    "count": ("exact", "planned", "estimated"),
    "tx": ("commit", "rollback"),
    "handling": ("strict", "lenient"),
}


@dataclass(frozen=True)
class Preferences:
    """What the client prefers; of a preference that is given twice, the first counts."""

    resolution: str | None = None
    missing: str | None = None
    returning: str | None = None
    count: str | None = None
    tx: str | None = None
    handling: str | None = None
    timezone: str | None = None
    max_affected: int | None = None

    @property
    def strict(self) -> bool:
        """Whether preferences that are not known or not kept to are errors."""
        return self.handling == "strict"

    @property
    def representation(self) -> bool:
        """Whether the rows that were written are to be answered."""
        return self.returning == "representation"

    def applied(self, *names: str) -> str | None:
        """The value of `Preference-Applied`, of the preferences named (count, tx, handling, timezone always)."""
        values = {
            "resolution": self.resolution,
            "missing": self.missing,
            "return": self.returning,
            "count": self.count,
            "tx": self.tx,
            "handling": self.handling,
            "timezone": self.timezone,
            "max-affected": self.max_affected if self.strict else None,
        }
        wanted = {"count", "tx", "handling", "timezone", *names}
        kept = [f"{name}={value}" for name, value in values.items() if name in wanted and value is not None]
        return ", ".join(kept) or None


def parse_preferences(headers: Iterable[str], *, allow_tx_override: bool) -> Preferences:
    """Reads all `Prefer` headers. Raises PGRST122 for one that is not known if `handling=strict` is among them."""
    given: dict[str, str] = {}
    unknown: list[str] = []
    for preference in (part.strip() for header in headers for part in header.split(",")):
        name, _, value = preference.partition("=")
        if value in CHOICES.get(name, ()) or name in ("timezone", "max-affected"):
            given.setdefault(name, value)
        else:
            unknown.append(preference)
    if unknown and given.get("handling") == "strict":
        details = "Invalid preferences: " + ", ".join(unknown)
        raise ApiError(400, "PGRST122", "Invalid preferences given with handling=strict", details)
    affected = given.get("max-affected", "")
    return Preferences(
        resolution=given.get("resolution"),
        missing=given.get("missing"),
        returning=given.get("return"),
        count=given.get("count"),
        tx=given.get("tx") if allow_tx_override else None,
        handling=given.get("handling"),
        timezone=given.get("timezone"),
        max_affected=int(affected) if affected.isascii() and affected.isdigit() and len(affected) < 16 else None,
    )
