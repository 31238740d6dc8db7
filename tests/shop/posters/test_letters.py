"""Texts of strangers on a poster: what is dropped, boxed, cut; and what the font has."""

import unicodedata

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from shop.posters.drawing import FONT
from shop.posters.letters import COVERED, LONGEST, MISSING, clean, fit, wrap


class TestCovered:
    """What we say the font can show."""

    def test_is_in_the_font(self) -> None:
        """Each of them, so that no letter becomes the font's own mark for what it has not."""
        with TTFont(FONT) as font:
            drawn = {chr(code) for code in font.getBestCmap()}
        assert drawn >= COVERED

    def test_holds_what_names_and_prices_are_written_in(self) -> None:
        """Chinese of both levels of GB2312, Latin with accents, the signs of money."""
        assert set("团卡鑫琪珺睿妍¥€，。「」·…éñüA1") <= COVERED


class TestClean:
    """clean: a line that can be drawn."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\u202e\u2066evil\u2069\u200b", "evil"),
            ("a\x00b\x1b[31m\x7f", "ab[31m"),
            ("小明😀👨‍👩‍👧🏽❤️", "小明"),
            ("Z̴̢̛a̷l̷g̸o", "Zalgo"),
            ("e\u0301t\u00e9", "été"),
            ("  a \n\t b\u3000c\u2029 ", "a b c"),
            ("שלום", MISSING * 4),
            ("𠮷", MISSING),
            ("", ""),
        ],
    )
    def test_keeps_what_can_be_seen(self, text: str, shown: str) -> None:
        """Emoji and marks go, other scripts become boxes."""
        assert clean(text) == shown

    @given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
    def test_whatever_comes_is_one_line_of_letters_that_we_have(self, text: str) -> None:
        """Any text at all, lone surrogates too."""
        shown = clean(text)
        assert set(shown) <= COVERED
        assert len(shown) <= LONGEST
        assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in shown)
        assert clean(shown) == shown


class TestLines:
    """fit and wrap: nothing is wider than its room."""

    @given(st.text(max_size=200), st.integers(20, 700), st.integers(1, 3))
    def test_no_line_is_too_long(self, text: str, room: int, lines: int) -> None:
        """With letters of ten pixels."""

        def length(part: str) -> float:
            return 10 * len(part)

        assert length(fit(text, room, length)) <= max(room, 10)
        wrapped = wrap(clean(text), room, length, lines=lines)
        assert len(wrapped) <= lines
        assert all(length(line) <= room for line in wrapped)

    def test_a_word_is_not_torn_when_there_is_another_place(self) -> None:
        """The line ends before it."""
        found = wrap("buy a gift card", 120, lambda part: 10 * len(part), lines=2)
        assert found == ["buy a gift", "card"]
