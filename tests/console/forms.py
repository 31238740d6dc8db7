"""Forms as they stand in pages: where they go, and what may be typed into them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: its address inside the console, its fields as they are, which of them are typed."""

    action: str
    method: str
    is_file: bool
    fields: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.inside: Form | None = None
        self.choosing = ""
        self.writing = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            place = given.get("action", "").removeprefix("/console").replace("&amp;", "&")
            method, is_file = given.get("method", "get"), "enctype" in given
            self.inside = Form(place, method, is_file)
            self.forms.append(self.inside)
        if self.inside is None:
            return
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") != "file":
            self._take(name, given)
        elif tag == "select":
            self.choosing = name
            self.inside.fields.setdefault(name, "")
        elif tag == "option" and self.choosing and "selected" in given:
            self.inside.fields[self.choosing] = given.get("value", "")
        elif tag == "textarea":
            self.writing = name
            self.inside.fields[name] = ""
            self.inside.typed.add(name)

    def handle_data(self, data: str) -> None:
        if self.inside is not None and self.writing:
            self.inside.fields[self.writing] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None
        elif tag == "select":
            self.choosing = ""
        elif tag == "textarea":
            self.writing = ""

    def _take(self, name: str, given: dict[str, str]) -> None:
        assert self.inside is not None
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in given:
            self.inside.fields.setdefault(name, "")
            return
        self.inside.fields[name] = given.get("value", "")
        if kind not in ("hidden", "checkbox", "radio", "password"):
            self.inside.typed.add(name)


def forms_of(page: str) -> list[Form]:
    """Return the forms of a page."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.forms
