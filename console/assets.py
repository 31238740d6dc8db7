"""What pages are made of, read once: names hold a digest, so browsers keep them for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Response, abort, request

from console.door import OPEN, PREFIX, make_room, may

FOLDER: Final = Path(__file__).resolve().parent / "static"
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER: Final = "public, max-age=31536000, immutable"

blueprint = make_room("assets")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, its digest, and its compressed form."""

    name: str
    digest: str
    kind: str
    plain: bytes
    compressed: bytes

    @property
    def path(self) -> str:
        """Return its address."""
        return f"{PREFIX}/assets/{self.digest}/{self.name}"


def _read(file: Path) -> Asset:
    plain = file.read_bytes()
    digest = hashlib.sha256(plain).hexdigest()[:16]
    compressed = gzip.compress(plain, 9, mtime=0)
    return Asset(file.name, digest, KINDS[file.suffix], plain, compressed)


ASSETS: Final = {
    file.name: _read(file) for file in sorted(FOLDER.iterdir()) if file.suffix in KINDS
}


def asset(name: str) -> str:
    """Return the address of a file; for templates."""
    return ASSETS[name].path


@blueprint.get("/assets/<digest>/<name>")
@may(OPEN)
def show(digest: str, name: str) -> Response:
    """Return a file by its digest; any other address leads nowhere."""
    found = ASSETS.get(name)
    if found is None or found.path != request.path:
        abort(404)
    takes_gzip = request.accept_encodings.best_match(["gzip"]) == "gzip"
    response = Response(
        found.compressed if takes_gzip else found.plain, content_type=f"{found.kind}; charset=utf-8"
    )
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = FOR_EVER
    return response
