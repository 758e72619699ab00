"""The pages' scripts, styles and pictures, as esbuild bundled them (build.mjs): which file has what, and its content.

Every name holds a hash of its content, so that browsers may keep a file for good and still never run an old one.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

_DIST = Path(__file__).parent / "dist"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


class MissingBuild(Exception):
    """The bundle is not there; the message says what to do."""


class _Entry(TypedDict):
    """What became of a source: its file, and the files that it imports at once."""

    file: str
    imports: list[str]


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    content: bytes
    content_type: str


class Assets:
    """What is served under /static/. The manifest is read again whenever it was built anew."""

    def __init__(self, folder: Path = _DIST) -> None:
        self._folder = folder
        self._built = 0
        self._manifest: dict[str, _Entry] = {}

    def url(self, source: str) -> str:
        """Address of what a source became, as `/static/app-K7AH2W4B.css` for `css/app.css`. Raises MissingBuild."""
        return f"/static/{self._entry(source)['file']}"

    def imports(self, *sources: str) -> list[str]:
        """Addresses of the scripts that these load at once, themselves included. Raises MissingBuild."""
        files: dict[str, None] = {}  # in order, each once
        for entry in map(self._entry, sources):
            files |= dict.fromkeys([entry["file"], *entry["imports"]])
        return [f"/static/{file}" for file in files]

    def read(self, name: str) -> Asset | None:
        """The file of that name; None if there is none. Raises OSError."""
        # Looked up among what is there, since a name that somebody asks for need not be one that a file can have.
        path = {file.name: file for file in self._folder.glob("*")}.get(name)
        if path is None or path.suffix not in _TYPES or name == "manifest.json":
            return None
        return Asset(path.read_bytes(), _TYPES[path.suffix])

    def of(self, source: str) -> Asset:
        """What a source became. Raises MissingBuild."""
        asset = self.read(self._entry(source)["file"])
        if asset is None:
            raise MissingBuild(f"{source} is not in the bundle: run `make build`.")
        return asset

    def _entry(self, source: str) -> _Entry:
        file = self._folder / "manifest.json"
        try:
            built = file.stat().st_mtime_ns
            if built != self._built:
                self._manifest, self._built = json.loads(file.read_text()), built
            return self._manifest[source]
        except (OSError, KeyError):
            raise MissingBuild(f"{source} is not in the bundle: run `make build`.") from None
