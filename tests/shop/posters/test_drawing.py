"""Posters: what is on them, how small they are, and what nobody can make of them."""

import io
from collections.abc import Callable

import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sandbox.pictures import code_picture
from shop.posters.drawing import HEIGHT, WIDTH, Facts, Line, draw, key_of, picture_of_code

HOSTILE = (
    "\u202e\x00\u200b مرحبا שלום 😀👨‍👩‍👧 Z̴̢̛a̷l̷g̸o 𠮷野家",
    "W" * 5_000,
    "<script>alert(1)</script>\"'&",
    "../../../etc/passwd\r\n%s%n",
    "",
    "\ud800",
)


class TestDraw:
    """draw: a small PNG of one palette."""

    def test_is_a_picture_that_a_phone_reads(
        self, facts: Callable[..., Facts], scan: Callable[[bytes], str]
    ) -> None:
        """The QR code leads to the page."""
        picture = draw(facts())
        image = Image.open(io.BytesIO(picture))
        assert (image.format, image.mode, image.size) == ("PNG", "P", (WIDTH, HEIGHT))
        assert len(picture) <= 40 * 1024
        assert scan(picture) == "https://shop.example/s/ABCDE12345"

    def test_bears_the_platforms_code_when_there_is_one(
        self, facts: Callable[..., Facts], scan: Callable[[bytes], str]
    ) -> None:
        """Instead of our own, and still small."""
        code = picture_of_code(code_picture("pages/invite/index?scene=ABCDE12345", width=430))
        picture = draw(facts(code=code))
        assert scan(picture) == "pages/invite/index?scene=ABCDE12345"
        assert len(picture) <= 40 * 1024

    def test_equal_facts_are_the_same_bytes(self, facts: Callable[..., Facts]) -> None:
        """So the hash of the facts may name the picture."""
        assert draw(facts()) == draw(facts())

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_texts_are_laid_out(
        self, facts: Callable[..., Facts], scan: Callable[[bytes], str], text: str
    ) -> None:
        """They stay in their place: the code is still read, and the margins are paper."""
        wares = tuple(Line(text, text) for _ in range(9))
        picture = draw(
            facts(inviter=text, title=text, price="99999999.99", list_price=text, wares=wares)
        )
        assert scan(picture) == "https://shop.example/s/ABCDE12345"
        image = Image.open(io.BytesIO(picture)).convert("L")
        right = image.crop((WIDTH - 20, 160, WIDTH, HEIGHT))
        assert right.getextrema() == (255, 255)

    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(alphabet=st.characters(exclude_categories=()), max_size=150))
    def test_no_text_breaks_it(self, facts: Callable[..., Facts], text: str) -> None:
        """Whatever it is, the poster is as large as ever."""
        picture = draw(facts(inviter=text, title=text[::-1], wares=(Line(text, "1"),)))
        assert Image.open(io.BytesIO(picture)).size == (WIDTH, HEIGHT)


class TestKey:
    """key_of: a name for everything that is drawn."""

    def test_every_fact_makes_another_key(self, facts: Callable[..., Facts]) -> None:
        """Sixty-four hex digits, none of them the facts' own."""
        changed = [
            facts(),
            facts(inviter="小红"),
            facts(title="x"),
            facts(price="8.00"),
            facts(list_price=None),
            facts(opens="x"),
            facts(ends="x"),
            facts(wares=()),
            facts(invite_code="X"),
            facts(hint="x"),
            facts(url="https://x"),
            facts(code=b"1"),
            facts(code=b"2"),
        ]
        keys = [key_of(one) for one in changed]
        assert len(set(keys)) == len(keys)
        assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)

    def test_texts_cannot_be_moved_from_one_fact_to_another(
        self, facts: Callable[..., Facts]
    ) -> None:
        """Quotes and commas in a name make no other poster's key."""
        one = facts(inviter='a", "title": "b', title="c")
        other = facts(inviter="a", title='b", "title": "c')
        assert key_of(one) != key_of(other)


class TestPictureOfCode:
    """picture_of_code: what a platform sent, drawn anew."""

    def test_is_small_and_still_read(self) -> None:
        """And nothing that came with it stays."""
        raw = code_picture("pages/invite/index?scene=ABCDE12345", width=1280)
        kept = picture_of_code(raw + b"<script>")
        assert b"script" not in kept
        assert len(kept) < 8_000
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(kept)))
        assert found.text == "pages/invite/index?scene=ABCDE12345"

    def test_what_is_clear_becomes_paper(self) -> None:
        """WeChat may send a code without ground."""
        clear = io.BytesIO()
        Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(clear, "PNG")
        kept = Image.open(io.BytesIO(picture_of_code(clear.getvalue())))
        assert kept.getextrema() == (255, 255)

    @pytest.mark.parametrize(
        "raw",
        [b"", b"<html>", b"GIF89a" + bytes(50), code_picture("x", width=300)[:200]],
        ids=["nothing", "a page", "another format", "cut off"],
    )
    def test_refuses_what_is_no_picture(self, raw: bytes) -> None:
        """One kind of failure for all."""
        with pytest.raises(ValueError, match="no picture"):
            picture_of_code(raw)

    @pytest.mark.parametrize("size", [(50, 50), (2001, 300)])
    def test_refuses_other_sizes(self, size: tuple[int, int]) -> None:
        """Before a pixel is unpacked."""
        raw = io.BytesIO()
        Image.new("L", size).save(raw, "PNG")
        with pytest.raises(ValueError, match="size"):
            picture_of_code(raw.getvalue())
