"""The console's words: Chinese first, English beside it; names of every status, and of findings."""

from typing import Any, Final

from console import cookies
from console.labels.catalog import CATALOG_LABELS
from console.labels.money import MONEY_LABELS
from console.labels.operators import OPERATOR_LABELS
from console.labels.outreach import OUTREACH_LABELS
from console.labels.people import PEOPLE_LABELS
from console.labels.sales import SALES_LABELS
from console.labels.tones import TONES

LANGUAGES: Final = ("zh", "en")

# Kind of thing → its codes → what people call them.
LABELS: Final[dict[str, dict[str, Any]]] = {
    **SALES_LABELS,
    **CATALOG_LABELS,
    **PEOPLE_LABELS,
    **OPERATOR_LABELS,
    **MONEY_LABELS,
    **OUTREACH_LABELS,
}


def label(kind: str, code: Any) -> str:
    """Return what people call it; what has no name shows its code."""
    text = str(getattr(code, "value", code))
    return str(LABELS.get(kind, {}).get(text, text))


def tone(code: Any) -> str:
    """Return the colour of a status."""
    return TONES.get(str(getattr(code, "value", code)), "secondary")


def select_language() -> str:
    """Return the language somebody chose, or Chinese."""
    chosen = cookies.read(cookies.LANGUAGE)
    return chosen if chosen in LANGUAGES else LANGUAGES[0]
