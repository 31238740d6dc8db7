"""Request bodies: JSON read strictly, within limits of size, depth and sense."""

import json
from io import BytesIO
from typing import IO, Any, Final

from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from kit.errors import Malformed

MOST_BODY_BYTES: Final = 64 * 1024
MOST_NOTICE_BYTES: Final = 1024 * 1024
MOST_DEPTH: Final = 16
NOTICES_UNDER: Final = "/callbacks/"
MOST_IMPORT_BYTES: Final = 8 * 1024 * 1024  # larger files of codes go by the command
IMPORTS_AT: Final = "/console/stock/import"


class MalformedBody(Malformed):
    """The body is not JSON that we accept, or its fields make no sense; `errors` says which."""

    code = "malformed"
    title = "The request is malformed"
    message = "请求内容有误"


class StrictJson(DefaultJSONProvider):
    """JSON without the surprises: UTF-8, no duplicate names, no NaN, nothing that is no text."""

    ensure_ascii = False
    compact = True

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Read JSON; raises `ValueError` as `read_json`."""
        return read_json(s)


class ShopRequest(Request):
    """A request whose JSON body is an object, and is said to be JSON."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body's object; an absent body is an empty one."""
        if not self.mimetype and not self.get_data(cache=True):
            return {}
        if not self.is_json:
            raise UnsupportedMediaType
        body = super().get_json(force=force, silent=silent, cache=cache)
        if not isinstance(body, dict):
            raise MalformedBody
        return body

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Keep what is uploaded in memory: files of codes must not come to lie on a disk."""
        return BytesIO()

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Refuse what `StrictJson` refused."""
        raise MalformedBody from e


def read_json(given: str | bytes) -> Any:
    """Read JSON; raises `ValueError` on anything two readers could understand differently."""
    text = given.decode("utf-8") if isinstance(given, bytes) else given
    try:
        value = json.loads(text, object_pairs_hook=_unique_names, parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    _check(value, depth=0)
    return value


def limit_body(request: Request) -> None:
    """Set the limit of the request's body, and refuse at once what says it is larger."""
    most = _most_of(request.path)
    request.max_content_length = most
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge


def _most_of(path: str) -> int:
    if path == IMPORTS_AT:
        return MOST_IMPORT_BYTES
    return MOST_NOTICE_BYTES if path.startswith(NOTICES_UNDER) else MOST_BODY_BYTES


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check(value: Any, *, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check(item, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth=depth + 1)


def _check_text(text: str) -> None:
    # The database keeps neither NUL nor half a surrogate pair.
    if "\x00" in text:
        raise ValueError("NUL in a text")
    text.encode("utf-8")
