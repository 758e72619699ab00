"""Static files and the few npm files beside them: versions, import map, and what a page loads.

There is no build step. A page's import map gives every module an address that changes with its content, so that
browsers may keep each file for good and still never run an old one.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_PACKAGES = _HERE / "node_modules"
# What is served of node_modules, and nothing else of it.
_VENDOR = {
    "vendor/supabase.js": "@supabase/supabase-js/dist/umd/supabase.js",
    "vendor/preact.js": "preact/dist/preact.module.js",
    "vendor/preact-hooks.js": "preact/hooks/dist/hooks.module.js",
    "vendor/htm.js": "htm/dist/htm.module.js",
}
_BARE_IMPORTS = {
    "preact": "vendor/preact.js",
    "preact/hooks": "vendor/preact-hooks.js",
    "htm": "vendor/htm.js",
}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class MissingPackage(Exception):
    """A file of node_modules is not there; the message says what to do."""


@dataclass(frozen=True)
class Asset:
    """A file as it is served; `version` is a hash of its content."""

    content: bytes
    content_type: str
    version: str


@dataclass(frozen=True)
class PageAssets:
    """What a page's head names. `script_hash` is the Content-Security-Policy source of the import map."""

    urls: Mapping[str, str]
    modules: tuple[str, ...]
    import_map: str
    script_hash: str

    def url(self, name: str) -> str:
        """Address of a static file, as `/static/css/base.css?v=0123456789`."""
        return self.urls[name]


class Assets:
    """The files under /static/, read again whenever they change on disk."""

    def __init__(self, static: Path = _STATIC, packages: Path = _PACKAGES) -> None:
        self._static, self._packages = static, packages
        self._read: dict[Path, tuple[tuple[int, int], Asset]] = {}

    def read(self, name: str) -> Asset | None:
        """The file of that name; None if there is none. Raises MissingPackage."""
        path = self._path(name)
        if path is None:
            return None
        try:
            state = path.stat()
        except OSError:
            if name in _VENDOR:
                raise MissingPackage(
                    f"{path.relative_to(self._packages.parent)} is missing: run `npm ci` in service/web."
                ) from None
            return None
        known = self._read.get(path)
        if known is not None and known[0] == (state.st_mtime_ns, state.st_size):
            return known[1]
        content = path.read_bytes()
        asset = Asset(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])
        self._read[path] = ((state.st_mtime_ns, state.st_size), asset)
        return asset

    def for_page(self) -> PageAssets:
        """Addresses of everything, with versions. Raises MissingPackage."""
        own = sorted(path.relative_to(self._static).as_posix() for path in self._static.rglob("*") if path.is_file())
        urls = {name: self._url(name) for name in (*own, *_VENDOR)}
        modules = [name for name in own if name.startswith("js/")]
        imports = {bare: urls[name] for bare, name in _BARE_IMPORTS.items()}
        imports |= {f"/static/{name}": urls[name] for name in modules}
        import_map = json.dumps({"imports": imports}, separators=(",", ":"))
        digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
        return PageAssets(
            urls=urls,
            modules=tuple(urls[name] for name in (*_BARE_IMPORTS.values(), *modules)),
            import_map=import_map,
            script_hash=f"'sha256-{digest}'",
        )

    def _url(self, name: str) -> str:
        asset = self.read(name)
        if asset is None:  # deleted in this moment
            return f"/static/{name}"
        return f"/static/{name}?v={asset.version}"

    def _path(self, name: str) -> Path | None:
        """Where a file is, if it is one that may be served."""
        if name in _VENDOR:
            return self._packages / _VENDOR[name]
        path = (self._static / name).resolve()
        if not path.is_relative_to(self._static.resolve()) or path.suffix not in _TYPES or not path.is_file():
            return None
        return path
