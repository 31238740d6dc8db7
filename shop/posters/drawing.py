"""Draws a poster: a PNG of one palette, made of nothing but what it is given."""

import hashlib
import io
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import segno
from PIL import Image, ImageDraw, ImageFont

from shop.posters.letters import clean, fit, wrap

VERSION: Final = 1  # a poster of another version is drawn anew
WIDTH: Final = 750
HEIGHT: Final = 1200
MARGIN: Final = 60
CODE_PIXELS: Final = 280
MOST_WARES: Final = 3
# What an invite to everything says instead of a price.
PROMISES: Final = ("拼团未成，全额退回", "付款后自动发放卡密", "邀请码不影响您的价格")
FONT: Final = Path(__file__).parent / "fonts" / "poster-sans.otf"

# A ramp is 8 colours of the palette, from its ground to its ink: that is how a text's edges are
# smooth without looking for the best colours afterwards.
STEPS: Final = 8
PAPER_HUE: Final = (255, 255, 255)
ACCENT_HUE: Final = (10, 107, 75)
RAMPS: Final = {
    "ink": (PAPER_HUE, (31, 35, 40)),
    "quiet": (PAPER_HUE, (110, 119, 129)),
    "price": (PAPER_HUE, (200, 30, 30)),
    "band": (ACCENT_HUE, PAPER_HUE),
}
_FIRST: Final = {name: number * STEPS for number, name in enumerate(RAMPS)}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is sold."""

    title: str
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a poster shows; two of equal facts are the same picture."""

    inviter: str
    title: str
    price: str | None
    list_price: str | None  # struck out; None when it is no higher
    opens: str | None
    ends: str | None
    wares: tuple[Line, ...]
    invite_code: str
    hint: str  # how to use the code
    url: str  # in the QR code when there is no picture of a platform's code
    code: bytes | None  # a grey PNG


def key_of(facts: Facts) -> str:
    """Return the name of the picture: a hash of everything that is drawn, as 64 hex digits."""
    told = asdict(facts) | {"code": hashlib.sha256(facts.code or b"").hexdigest()}
    text = json.dumps([VERSION, told], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def draw(facts: Facts) -> bytes:
    """Return the poster; of texts that nobody should have written, too."""
    with _TURN:
        sheet = _Sheet()
        _head(sheet, facts)
        _offer(sheet, facts)
        _foot(sheet, facts)
        return sheet.png()


def picture_of_code(raw: bytes) -> bytes:
    """Return a platform's picture of a code as a small grey PNG; raises `ValueError`.

    Nothing of the platform's bytes is served: the picture is decoded, measured and drawn anew.
    """
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")) as image:
            if max(image.size) > 2000 or min(image.size) < 100:
                raise ValueError("not the size of a code")
            image.draft("L", (CODE_PIXELS, CODE_PIXELS))
            flat = Image.alpha_composite(
                Image.new("RGBA", image.size, PAPER_HUE), image.convert("RGBA")
            )
    except (OSError, SyntaxError, Image.DecompressionBombError) as problem:
        raise ValueError(f"no picture: {type(problem).__name__}") from None
    grey = flat.convert("L").resize((CODE_PIXELS, CODE_PIXELS), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    # Few greys: a code is black and white, and its edges need no more.
    grey.point([step // 36 * 255 // 7 for step in range(256)]).save(kept, "PNG", optimize=True)
    return kept.getvalue()


class _Sheet:
    """The paper, and the pens for it."""

    def __init__(self) -> None:
        self._image = Image.new("P", (WIDTH, HEIGHT), _FIRST["ink"])
        self._image.putpalette(_PALETTE)

    def band(self, top: int, bottom: int) -> None:
        """Fill a band in the accent's colour."""
        self._image.paste(_FIRST["band"], (0, top, WIDTH, bottom))

    def rule(self, top: int) -> None:
        """Draw a thin line."""
        self._image.paste(_FIRST["quiet"] + STEPS // 5, (MARGIN, top, WIDTH - MARGIN, top + 2))

    def write(
        self, text: str, left: int, top: int, size: int, ramp: str = "ink", *, weight: int = 0
    ) -> int:
        """Write a cleaned text and return where it ends."""
        font = _font(size)
        width = min(int(font.getlength(text)) + 2 * weight + 2, WIDTH - left)
        if not text or width <= 0:
            return left
        mask = Image.new("L", (width, size * 3 // 2))
        pen = ImageDraw.Draw(mask)
        pen.text((weight, 0), text, fill=255, font=font, stroke_width=weight)
        self._image.paste(mask.point(_TABLES[ramp]), (left, top), mask.point(_SEEN))
        return left + width

    def strike(self, left: int, right: int, middle: int) -> None:
        """Strike out what was written."""
        self._image.paste(_FIRST["quiet"] + STEPS - 1, (left, middle, right, middle + 3))

    def code(self, grey: Image.Image, left: int, top: int) -> None:
        """Put a code on the paper."""
        turned = grey.point(
            [_FIRST["ink"] + (255 - step) * (STEPS - 1) // 255 for step in range(256)]
        )
        self._image.paste(turned, (left, top))

    def png(self) -> bytes:
        """Return it as a file."""
        kept = io.BytesIO()
        self._image.save(kept, "PNG", compress_level=4)
        return kept.getvalue()


def _head(sheet: _Sheet, facts: Facts) -> None:
    sheet.band(0, 150)
    sheet.write("团卡", MARGIN, 28, 56, "band", weight=1)
    sheet.write("和朋友一起，放心买卡", MARGIN, 100, 24, "band")
    told = f"{fit(clean(facts.inviter), 380, _font(34).getlength)} 邀请您一起买卡"
    sheet.write(told, MARGIN, 186, 34, "quiet")


def _offer(sheet: _Sheet, facts: Facts) -> None:
    size, top, room = 52, 252, WIDTH - 2 * MARGIN
    for line in wrap(clean(facts.title), room - 4, _font(size).getlength, lines=2):
        sheet.write(line, MARGIN, top, size, weight=1)
        top += 72
    if facts.price is None:
        for number, promise in enumerate(PROMISES):
            sheet.write(promise, MARGIN, 460 + number * 64, 32, "quiet")
        return
    top = 420
    end = sheet.write("¥", MARGIN, top + 46, 48, "price", weight=1)
    end = sheet.write(clean(facts.price), end + 6, top, 92, "price", weight=2)
    end = sheet.write("起", end + 10, top + 56, 34, "price")
    before = f"¥{clean(facts.list_price or '')}"
    start = end + 24
    if facts.list_price is not None and start + _font(34).getlength(before) < WIDTH - MARGIN:
        sheet.strike(start, sheet.write(before, start, top + 58, 34, "quiet"), top + 82)
    if facts.opens and facts.ends:
        sheet.write(f"{facts.opens} 开始", MARGIN, 560, 28, "quiet")
        sheet.write(f"{facts.ends} 结束（北京时间）", MARGIN, 602, 28, "quiet")
    sheet.rule(660)
    for number, ware in enumerate(facts.wares[:MOST_WARES]):
        _ware(sheet, ware, 678 + number * 48)


def _ware(sheet: _Sheet, ware: Line, top: int) -> None:
    font = _font(30)
    price = f"¥{clean(ware.price)}"
    width = int(font.getlength(price))
    room = WIDTH - 2 * MARGIN - width - 24
    sheet.write(fit(clean(ware.title), room, font.getlength), MARGIN, top, 30)
    sheet.write(price, WIDTH - MARGIN - width - 2, top, 30, "price")


def _foot(sheet: _Sheet, facts: Facts) -> None:
    top, left = HEIGHT - CODE_PIXELS - MARGIN, MARGIN + CODE_PIXELS + 30
    sheet.rule(top - 28)
    sheet.code(_code_of(facts), MARGIN, top)
    for number, line in enumerate(wrap(clean(facts.hint), 300, _font(30).getlength, lines=3)):
        sheet.write(line, left, top + 24 + number * 44, 30)
    sheet.write("邀请码", left, top + 172, 26, "quiet")
    sheet.write(clean(facts.invite_code), left, top + 208, 40, weight=1)


def _code_of(facts: Facts) -> Image.Image:
    """Return the platform's code, or else a QR code of the page, in grey and of one size."""
    if facts.code is not None:
        return Image.open(io.BytesIO(facts.code), formats=("PNG",)).convert("L")
    qr = segno.make(facts.url, error="m", micro=False, boost_error=False)
    modules = [255 * (not dark) for row in qr.matrix_iter(border=2) for dark in row]
    side = int(qr.symbol_size(border=2)[0])
    small = Image.new("L", (side, side))
    small.putdata(modules)
    scale = CODE_PIXELS // side
    code = Image.new("L", (CODE_PIXELS, CODE_PIXELS), 255)
    margin = (CODE_PIXELS - side * scale) // 2
    code.paste(small.resize((side * scale,) * 2, Image.Resampling.NEAREST), (margin, margin))
    return code


def _font(size: int) -> Any:
    found = _FONTS.get(size)
    if found is None:
        # The basic layout sets letter after letter alike everywhere, whatever else is installed.
        found = ImageFont.truetype(io.BytesIO(_FONT_BYTES), size, layout_engine=_BASIC)
        _FONTS[size] = found
    return found


def _mixed(ground: tuple[int, ...], ink: tuple[int, ...]) -> list[int]:
    last = STEPS - 1
    return [
        (g * (last - step) + i * step) // last
        for step in range(STEPS)
        for g, i in zip(ground, ink, strict=True)
    ]


_BASIC: Final = ImageFont.Layout.BASIC
_FONT_BYTES: Final = FONT.read_bytes()
_FONTS: Final[dict[int, Any]] = {}
_PALETTE: Final = [value for ramp in RAMPS.values() for value in _mixed(*ramp)]
_TABLES: Final = {
    name: [first + step * (STEPS - 1) // 255 for step in range(256)]
    for name, first in _FIRST.items()
}
_INKED: Final = list(reversed(_TABLES["ink"]))
_SEEN: Final = [0, *([255] * 255)]
# A face of FreeType belongs to one thread at a time, and drawing is work for one core anyway.
_TURN: Final = threading.Lock()
