"""Our migrations, copied into another project's folder of migrations, for its own `supabase db push`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

_HERE = Path(__file__).parent
_VERSION = "%Y%m%d%H%M%S"  # as the Supabase CLI writes it


class AdoptError(Exception):
    """The migrations cannot be copied there; the message is for a person."""


def our_migrations() -> list[Path]:
    """Our migrations, oldest first: in an installed package from its own folder, in a checkout from supabase/."""
    packaged = _HERE / "migrations"
    folder = packaged if packaged.is_dir() else _HERE.parent / "supabase" / "migrations"
    return sorted(folder.glob("*.sql"))


def copy_migrations(folder: Path, ours: Sequence[Path] | None = None) -> list[Path]:
    """Copies those that `folder` has not, in order and with versions after its newest; answers the new files.

    `ours`: what to copy, by default all of our migrations. A copy is known by its first line, which names ours, and a
    file copied by other means by its text. `folder` is made if its parent exists. Raises AdoptError, nothing copied.
    """
    if not folder.parent.is_dir():
        raise AdoptError(f"There is no folder {folder.parent}: name the supabase/migrations of your project.")
    theirs = sorted(folder.glob("*.sql"))
    texts = [file.read_text() for file in theirs]
    released = our_migrations() if ours is None else ours
    missing = [file for file in released if not any(_is_copy(text, file) for text in texts)]
    versions = _versions_after([file.name.partition("_")[0] for file in theirs])
    copies = [(folder / f"{next(versions)}_{_name(file)}.sql", file) for file in missing]
    folder.mkdir(exist_ok=True)
    for copy, file in copies:
        copy.write_text(f"{_mark(file)}\n{file.read_text()}")
    return [copy for copy, _ in copies]


def _is_copy(text: str, ours: Path) -> bool:
    return text.partition("\n")[0].rstrip() == _mark(ours) or text == ours.read_text()


def _mark(ours: Path) -> str:
    return f"-- From supabase-pagerduty: {ours.stem}"


def _name(ours: Path) -> str:
    """What is to be seen in a list of migrations, ours and theirs: it begins with pagerduty."""
    name = ours.stem.partition("_")[2]
    return name if name.startswith("pagerduty") else f"pagerduty_{name}"


def _versions_after(theirs: list[str]) -> Iterator[str]:
    """Versions from now on, a second apart, after the newest of theirs. Raises AdoptError if none can be."""
    moment = datetime.now(UTC)
    if theirs:
        newest = max(theirs)
        try:
            moment = max(moment, datetime.strptime(newest, _VERSION).replace(tzinfo=UTC) + timedelta(seconds=1))
        except ValueError:
            if newest > moment.strftime(_VERSION):
                raise AdoptError(f"Version {newest} there is no time, and later than any of ours could be.") from None
    while True:
        yield moment.strftime(_VERSION)
        moment += timedelta(seconds=1)
