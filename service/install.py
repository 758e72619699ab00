"""Copies our migrations into another project's, which then pushes them as its own."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

# In a wheel they stand beside this file, in a checkout where the Supabase CLI looks for them.
_PLACES = (Path(__file__).parent / "migrations", Path(__file__).parents[1] / "supabase/migrations")
#: The first line of a copy: under which name we know it, whatever its file is called there.
_MARK = "-- supabase-pagerduty "
_VERSION = "%Y%m%d%H%M%S"  # Supabase CLI: migration new


def copy_migrations(folder: Path) -> int:
    """Copies into `folder` those that it does not have, and prints what it did; answers the exit status."""
    if not folder.parent.is_dir():
        print(f"{folder.parent} is no folder: name the supabase/migrations of your project.", file=sys.stderr)  # noqa: T201
        return 1
    source = next(place for place in _PLACES if place.is_dir())
    folder.mkdir(exist_ok=True)
    had = _copied(folder)
    missing = [file for file in sorted(source.glob("*.sql")) if file.stem not in had]
    for file, version in zip(missing, _fresh_versions(folder), strict=False):
        copy = folder / f"{version}_{_name(file)}.sql"
        copy.write_text(f"{_MARK}{file.stem}\n{file.read_text()}")
        print(f"Wrote {copy}")  # noqa: T201
    if not missing:
        print(f"{folder} has all of them already.")  # noqa: T201
    return 0


def _copied(folder: Path) -> set[str]:
    """The names of those of ours that are there."""
    marked = re.compile(rf"^{re.escape(_MARK)}(\S+)", re.MULTILINE)
    texts = (file.read_text(errors="replace") for file in folder.glob("*.sql"))
    return {name for text in texts for name in marked.findall(text)}


def _fresh_versions(folder: Path) -> Iterator[str]:
    """Now and the seconds after it, or those after the newest migration there, if that is of a later time."""
    moment = datetime.now(UTC).replace(microsecond=0)
    for file in folder.glob("*.sql"):
        version = file.name.partition("_")[0]
        if re.fullmatch(r"[2-9]\d{13}", version) and version >= moment.strftime(_VERSION):
            moment = datetime.strptime(version, _VERSION).replace(tzinfo=UTC) + timedelta(seconds=1)
    while True:
        yield moment.strftime(_VERSION)
        moment += timedelta(seconds=1)


def _name(file: Path) -> str:
    """What it says it does, under our name: `pagerduty`, `pagerduty_add_priority`."""
    name = file.stem.partition("_")[2]
    return name if name.startswith("pagerduty") else f"pagerduty_{name}"
