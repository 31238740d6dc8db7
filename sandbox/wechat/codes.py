"""Mini-program codes and URL links: the rules by which one is made, and where a link leads."""

import re
import secrets
import sqlite3
from datetime import datetime, timedelta
from typing import Any

from sandbox.pictures import code_picture
from sandbox.wechat.answers import WechatError

SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]*", re.ASCII)
QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*", re.ASCII)
LONGEST_SCENE = 32
LONGEST_QUERY = 1024
VERSIONS = ("release", "trial", "develop")
WIDTHS = range(280, 1281)
USUAL_WIDTH = 430
MOST_DAYS = 30
SOONEST = timedelta(minutes=1)
LINK = "https://wxaurl.cn/"

BAD_ARGUMENTS, BAD_SCENE, SCENE_LENGTH, BAD_PAGE = 40097, 40129, 40169, 41030
BAD_PATH, BAD_QUERY, BAD_EXPIRY, BAD_VERSION = 40165, 40212, 85401, 85402

CODE_FIELDS = {
    "scene": str,
    "page": str,
    "check_path": bool,
    "env_version": str,
    "width": int,
    "auto_color": bool,
    "line_color": dict,
    "is_hyaline": bool,
}
LINK_FIELDS = {
    "path": str,
    "query": str,
    "env_version": str,
    "is_expire": bool,
    "expire_type": int,
    "expire_time": int,
    "expire_interval": int,
}


def picture(body: dict[str, Any], pages: list[str]) -> bytes:
    """The picture of an unlimited code; it says `<page>?scene=<scene>` to whoever scans it."""
    _check_types(body, CODE_FIELDS)
    scene = body.get("scene", "")
    if not 1 <= len(scene) <= LONGEST_SCENE:
        raise WechatError(SCENE_LENGTH)
    if not SCENE.fullmatch(scene):
        raise WechatError(BAD_SCENE)
    page = body.get("page", pages[0])
    if page.startswith("/") or "?" in page or (body.get("check_path", True) and page not in pages):
        raise WechatError(BAD_PAGE)
    width = body.get("width", USUAL_WIDTH)
    if width not in WIDTHS or body.get("env_version", "release") not in VERSIONS:
        raise WechatError(BAD_ARGUMENTS)
    return code_picture(f"{page}?scene={scene}", width=width)


def make_link(
    connection: sqlite3.Connection, body: dict[str, Any], pages: list[str], now: datetime
) -> str:
    """A new link into the mini-program, which ends when it was told to."""
    _check_types(body, LINK_FIELDS)
    path, query = body.get("path", ""), body.get("query", "")
    if path and path not in pages:
        raise WechatError(BAD_PATH)
    if len(query) > LONGEST_QUERY or not QUERY.fullmatch(query):
        raise WechatError(BAD_QUERY)
    if body.get("env_version", "release") not in VERSIONS:
        raise WechatError(BAD_VERSION)
    url = f"{LINK}{secrets.token_urlsafe(8)}"
    connection.execute(
        "INSERT INTO wx_links VALUES (?, ?, ?, ?)",
        (url, path or pages[0], query, _end_of(body, now).isoformat()),
    )
    return url


def follow(connection: sqlite3.Connection, url: str, now: datetime) -> dict[str, str] | None:
    """Where a link leads whoever opens it; None when it has ended or never was."""
    row = connection.execute("SELECT * FROM wx_links WHERE url = ?", (url,)).fetchone()
    if row is None or datetime.fromisoformat(row["expires_at"]) <= now:
        return None
    return {"path": row["path"], "query": row["query"]}


def _end_of(body: dict[str, Any], now: datetime) -> datetime:
    """The moment of `expire_time`, or days from now; thirty days at most either way."""
    kind = body.get("expire_type", 0)
    if kind == 1:
        days = body.get("expire_interval", 0)
        if not 1 <= days <= MOST_DAYS:
            raise WechatError(BAD_EXPIRY)
        return now + timedelta(days=days)
    last = now + timedelta(days=MOST_DAYS)
    seconds = body.get("expire_time", 0)
    is_soon_enough = (now + SOONEST).timestamp() <= seconds <= last.timestamp()
    if kind != 0 or not is_soon_enough:
        raise WechatError(BAD_EXPIRY)
    return now + timedelta(seconds=seconds - now.timestamp())


def _check_types(body: dict[str, Any], fields: dict[str, type]) -> None:
    """Every field known, and of its type: a number is no text, and a truth no number."""
    for name, value in body.items():
        if name not in fields or type(value) is not fields[name]:
            raise WechatError(BAD_ARGUMENTS)
