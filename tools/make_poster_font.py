"""Makes the font of posters: Debian's Noto Sans CJK SC, cut down to what a poster can show.

`.venv/bin/python tools/make_poster_font.py` writes shop/posters/fonts/poster-sans.otf; only needed
when `shop/posters/letters.py` covers other characters. It needs Debian's fonts-noto-cjk.
"""

import sys
from pathlib import Path

from debian_packages import install
from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
TARGET = ROOT / "shop" / "posters" / "fonts" / "poster-sans.otf"
FACE = "Noto Sans CJK SC"
# Copyright, family, style, licence and its address; nothing that names another file.
NAMES = [0, 1, 2, 13, 14]
# Vertical and alternative forms, which a poster does not use.
UNUSED = ["BASE", "VORG", "vhea", "vmtx", "GSUB", "GPOS", "GDEF"]


def main() -> int:
    """Write the font; return the exit code."""
    if not SOURCE.exists() and install(["fonts-noto-cjk"], need="the font of posters needs"):
        return 1
    sys.path.insert(0, str(ROOT))
    from shop.posters.letters import COVERED  # noqa: PLC0415 - found only by the line above

    font = _face()
    options = subset.Options()
    options.layout_features, options.hinting, options.notdef_outline = [], False, True
    options.name_IDs = NAMES
    options.drop_tables += UNUSED
    # The same bytes each time: no date of making.
    font.recalcTimestamp = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(character) for character in COVERED])
    cutter.subset(font)
    font.save(TARGET)
    kilobytes = TARGET.stat().st_size // 1024
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}: {len(COVERED)} characters, {kilobytes} KB\n")
    return 0


def _face() -> TTFont:
    for number in range(10):
        font = TTFont(SOURCE, fontNumber=number)
        if font["name"].getDebugName(1) == FACE:
            return font
    raise SystemExit(f"no {FACE} in {SOURCE}")


if __name__ == "__main__":
    sys.exit(main())
