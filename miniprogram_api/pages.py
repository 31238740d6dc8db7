"""Answers: plain JSON, and reads with an ETag, the server's time and when to ask again."""

import base64
import hashlib
from datetime import datetime
from typing import Any, Final

from flask import Response, jsonify, request

from miniprogram_api.schemas.answers import Read

ETAG_CHARACTERS: Final = 24
KEPT_FOR_CLIENT: Final = "private, no-cache"


def answer_json(body: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON response."""
    response = jsonify(body)
    response.status_code = status
    return response


def answer_read(read: Read, *, is_personal: bool = True) -> Response:
    """Return the read with an ETag over everything but the time, or 304 when the client has it."""
    body = read.model_dump(mode="json")
    etag = etag_of(body)
    headers = {"ETag": f'"{etag}"'}
    if not is_personal:
        # May be kept, but asked about each time; what is personal is kept by the client alone.
        headers["Cache-Control"] = KEPT_FOR_CLIENT
    if request.if_none_match.contains_weak(etag):
        return Response(status=304, headers=headers)
    response = answer_json(body)
    response.headers.update(headers)
    return response


def keep_read(read: Read) -> str:
    """Return the read as text to be kept and answered many times: its ETag, then its JSON."""
    body = read.model_dump(mode="json")
    etag = etag_of(body)
    del body["server_time"]
    return etag + jsonify(body).get_data(as_text=True)


def answer_kept(kept: str, *, server_time: datetime) -> Response:
    """Answer what `keep_read` made, with the server's time of now, or 304."""
    etag = kept[:ETAG_CHARACTERS]
    headers = kept_headers(etag)
    if request.if_none_match.contains_weak(etag):
        return Response(status=304, headers=headers)
    body = kept_body(kept, server_time=server_time)
    return Response(body, headers=headers, content_type="application/json")


def kept_headers(etag: str) -> dict[str, str]:
    """Return the headers of a kept read: it may be kept by clients, too, and asked about."""
    return {"ETag": f'"{etag}"', "Cache-Control": KEPT_FOR_CLIENT}


def kept_body(kept: str, *, server_time: datetime) -> str:
    """Return the JSON that `keep_read` made, with the server's time of now."""
    at = server_time.isoformat().replace("+00:00", "Z")
    return f'{{"server_time":"{at}",{kept[ETAG_CHARACTERS + 1 :]}'


def etag_of(body: dict[str, Any]) -> str:
    """Return a short digest of the content; `server_time` alone makes no new version."""
    content = {name: value for name, value in body.items() if name != "server_time"}
    canonical = jsonify(content).get_data()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()[:18]).decode()
