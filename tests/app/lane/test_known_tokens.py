"""Tokens that were looked at before are known again, as long as they are good."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.lane import known_tokens
from app.lane.known_tokens import KnownTokens
from flash_sale import tokens
from flash_sale.tokens import BadToken, PurchaseToken

KEY = b"k" * 32
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def header(*, key: bytes = KEY, lasts: timedelta = timedelta(minutes=5)) -> str:
    """Return the header of a new token."""
    token = PurchaseToken(uuid4(), uuid4(), b"d" * 9, 0, False, NOW + lasts)
    return f"Bearer {tokens.issue(token, key=key)}"


class TestKnownTokens:
    def test_says_the_same_again(self) -> None:
        known, given = KnownTokens(KEY), header()
        assert known.read(given, now=NOW) == known.read(given, now=NOW)
        assert known.read(given, now=NOW) is known.read(given, now=NOW)

    def test_knows_none_whose_time_is_over(self) -> None:
        known, given = KnownTokens(KEY), header()
        assert known.read(given, now=NOW) is not None
        with pytest.raises(BadToken):
            known.read(given, now=NOW + timedelta(minutes=5))

    def test_knows_none_that_is_not_ours(self) -> None:
        known, given = KnownTokens(KEY), header(key=b"x" * 32)
        for _ in range(2):
            with pytest.raises(BadToken):
                known.read(given, now=NOW)
        assert known.read("Bearer of-a-sign-in", now=NOW) is None

    def test_forgets_all_when_there_are_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(known_tokens, "MOST_KNOWN", 3)
        known, given = KnownTokens(KEY), [header() for _ in range(10)]
        for one in given:
            assert known.read(one, now=NOW) is not None
        assert len(known._known) <= 3
