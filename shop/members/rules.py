"""Rules of members: documents they consent to, what a profile may say, how long a sign-in is."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from kit.errors import Conflict, Malformed

SIGN_IN_LASTS: Final = timedelta(days=30)
LONGEST_NICKNAME: Final = 40
LONGEST_AVATAR_URL: Final = 500

_JOINERS: Final = frozenset("\u200c\u200d")  # they hold emoji and some scripts together
# Control, format (direction overrides, invisible letters), surrogates, line and paragraph ends.
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Document(StrEnum):
    """What a member consents to; the texts are on the legal pages."""

    TERMS = "terms"
    PRIVACY = "privacy"


CURRENT_VERSIONS: Final[Mapping[Document, str]] = {
    Document.TERMS: "1.0",
    Document.PRIVACY: "1.0",
}


class UnknownDocument(Malformed):
    """There is no such document."""

    code = "members.unknown_document"
    title = "There is no such document"
    message = "协议不存在"


class DocumentOutdated(Conflict):
    """Consent counts only for the text in force; `details` has its `current_version`."""

    code = "members.document_outdated"
    title = "This is not the version in force"
    message = "协议已更新，请阅读最新版本后再确认"


class NicknameRefused(Malformed):
    """Blank, too long, or with characters that cannot be seen."""

    code = "members.nickname_refused"
    title = "A nickname has 1 to 40 visible characters"
    message = "昵称须为 1 至 40 个字符，且不能包含特殊控制字符"


class AvatarRefused(Malformed):
    """Not a plain https address."""

    code = "members.avatar_refused"
    title = "An avatar is an https address of at most 500 characters"
    message = "头像地址无效"


def find_document(name: str) -> Document:
    """Return the document called `name`; raises `UnknownDocument`."""
    try:
        return Document(name)
    except ValueError:
        raise UnknownDocument from None


def check_version(document: Document, version: str) -> None:
    """Raise `DocumentOutdated` unless `version` is the one in force."""
    if version != CURRENT_VERSIONS[document]:
        raise DocumentOutdated(current_version=CURRENT_VERSIONS[document])


def clean_nickname(text: str) -> str:
    """Return the nickname composed (NFC) and trimmed; raises `NicknameRefused`."""
    nickname = unicodedata.normalize("NFC", text).strip()
    is_visible = bool(set(nickname) - _JOINERS)
    if not is_visible or len(nickname) > LONGEST_NICKNAME or any(map(_is_refused, nickname)):
        raise NicknameRefused
    return nickname


def check_avatar_url(url: str) -> str:
    """Return the address unchanged; raises `AvatarRefused` unless it is a plain https one.

    ASCII alone, no spaces, quotes, angle brackets or backslashes, no user name before the host.
    """
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>\\`")
    if not is_plain or len(url) > LONGEST_AVATAR_URL:
        raise AvatarRefused
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port out of range is found only when it is asked for
    except ValueError:
        raise AvatarRefused from None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise AvatarRefused
    return url


def _is_refused(character: str) -> bool:
    return unicodedata.category(character) in _REFUSED_CATEGORIES and character not in _JOINERS
