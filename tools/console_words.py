"""Gathers the console's words into the English catalogue, and compiles it.

`python tools/console_words.py`; then whatever has no English yet is named, and the exit code is 1.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "console" / "translations" / "en" / "LC_MESSAGES" / "messages"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "_l": None, "gettext": None}


def gather() -> Catalog:
    """Return a catalogue of every word that the console says."""
    catalog = Catalog()
    found = extract_from_dir(ROOT / "console", METHODS, keywords=KEYWORDS)
    for file, _line, message, comments, context in found:
        # Lines move with every change; that a file says it is worth knowing.
        catalog.add(message, locations=[(file, 0)], auto_comments=comments, context=context)
    return catalog


def read() -> Catalog:
    """Return the English catalogue as it is kept."""
    with PLACE.with_suffix(".po").open("rb") as file:
        return read_po(file, locale="en")


def main() -> int:
    """Bring both files up to date; return the exit code."""
    kept = read()
    made_at = kept.creation_date
    kept.update(gather(), no_fuzzy_matching=True)
    kept.creation_date = made_at  # the file changes with its words alone
    kept.obsolete.clear()
    kept.header_comment = "# The console's words in English."
    kept.project, kept.version, kept.msgid_bugs_address = "Tuanka", "1", ""
    with PLACE.with_suffix(".po").open("wb") as file:
        write_po(file, kept, no_location=True, omit_header=False, sort_output=True, width=110)
    with PLACE.with_suffix(".mo").open("wb") as file:
        write_mo(file, kept)
    missing = [str(message.id) for message in kept if message.id and not message.string]
    for words in missing:
        sys.stderr.write(f"no English: {words}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
