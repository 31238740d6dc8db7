"""Pictures lent to WeCom: uploaded, named by an id, gone after three days."""

import secrets
import sqlite3
from datetime import datetime, timedelta
from typing import Any

from flask import Request

from sandbox.wecom.answers import WecomError

LIFE = timedelta(days=3)
LARGEST, SMALLEST = 10 * 1024 * 1024, 6
IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
WRONG_KIND = 40004


def keep(connection: sqlite3.Connection, request: Request, now: datetime) -> dict[str, Any]:
    """`media/upload` of an image: a multipart form with one file called `media`."""
    if request.args.get("type") != "image":
        raise WecomError(WRONG_KIND, "only images are simulated")
    file = request.files.get("media")
    if file is None:
        raise WecomError(44001)
    content = file.read(LARGEST + 1)
    if not SMALLEST <= len(content) <= LARGEST:
        raise WecomError(40009)
    if not content.startswith(IMAGE_STARTS):
        raise WecomError(40005)
    media_id = secrets.token_urlsafe(60)
    connection.execute(
        "INSERT INTO wc_media VALUES (?, 'image', ?)", (media_id, (now + LIFE).isoformat())
    )
    return {"type": "image", "media_id": media_id, "created_at": str(int(now.timestamp()))}
