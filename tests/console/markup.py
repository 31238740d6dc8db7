"""Pages read as a browser reads them: which elements there are, and what they would run or load."""

from html.parser import HTMLParser

NONE_OF_OURS = frozenset({"img", "svg", "iframe", "object", "embed", "style", "base"})


class Reader(HTMLParser):
    """Collects what a page must not have, and the texts that it shows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.dangers: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = {name: value or "" for name, value in attrs}
        if tag in NONE_OF_OURS or (tag == "script" and "src" not in given):
            self.dangers.append(f"<{tag}>")
        for name, value in given.items():
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.dangers.append(f"<{tag} {name}>")
            if name in ("href", "src", "action", "formaction") and not is_ours(value):
                self.dangers.append(f"<{tag} {name}={value}>")
            self.texts.append(value)

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


def is_ours(place: str) -> bool:
    """Say whether an address stays inside the console."""
    return place.startswith(("/console", "#main"))


def read(page: str) -> Reader:
    """Return what there is to say of a page."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader
