"""A refusal has a code for programs and words for people, and carries details."""

import pytest

from kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)


class CardGone(Conflict):
    """A refusal of a room."""

    code = "test.card_gone"
    title = "The card is gone"
    message = "卡券已失效"


class TestDomainError:
    def test_keeps_its_details(self) -> None:
        assert CardGone(sku_id="1", left=0).details == {"sku_id": "1", "left": 0}

    def test_reads_as_its_title_or_else_its_code(self) -> None:
        class Bare(Conflict):
            code = "test.bare"

        assert str(CardGone()) == "The card is gone"
        assert str(Bare()) == "test.bare"

    def test_l187_does_not_show_its_details_in_its_text(self) -> None:
        assert "hidden" not in str(CardGone(code="hidden"))

    @pytest.mark.parametrize(
        "kind",
        [Unauthenticated, NotFound, Forbidden, Conflict, Malformed, RateLimited, Unavailable],
    )
    def test_kinds_are_refusals_and_none_is_another(self, kind: type[DomainError]) -> None:
        assert kind.__mro__[1] is DomainError

    @pytest.mark.parametrize("kind", [NotFound, RateLimited, Unavailable])
    def test_kinds_that_are_raised_as_they_are_have_words(self, kind: type[DomainError]) -> None:
        assert kind.code
        assert kind.title
        assert kind.message
