"""Fields as they were typed, each read with a message where it makes no sense."""

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from kit.money import MOST_FEN, Fen, from_yuan


@dataclass
class Typed:
    """What was typed, and what is wrong with it, by field."""

    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, *, most: int, least: int = 0) -> str:
        """Return a text of so many characters."""
        found = self.typed[name].strip()
        if not least <= len(found) <= most:
            self.errors[name] = _("请填写 %(least)s 到 %(most)s 个字", least=least, most=most)
        return found

    def count(self, name: str, *, least: int, most: int) -> int:
        """Return a whole number."""
        found = self.typed[name].strip()
        if found.isascii() and found.isdecimal() and least <= int(found[:12]) <= most:
            return int(found[:12])
        self.errors[name] = _("请填写 %(least)s 到 %(most)s 的整数", least=least, most=most)
        return least

    def count_or_none(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number, or None where nothing is typed."""
        return self.count(name, least=least, most=most) if self.typed[name].strip() else None

    def amount(self, name: str, *, least: int = 1) -> Fen:
        """Return an amount that was typed in yuan."""
        try:
            fen = from_yuan(self.typed[name])
        except ValueError:
            fen = Fen(-1)
        if least <= fen <= MOST_FEN:
            return fen
        self.errors[name] = _("请填写金额（元），最多两位小数")
        return Fen(1)

    def amount_or_none(self, name: str) -> Fen | None:
        """Return an amount, or None where nothing is typed."""
        return self.amount(name) if self.typed[name].strip() else None

    def one_of(self, name: str, kind: Any) -> Any:
        """Return one of the members of an enumeration."""
        found = self.typed[name]
        if found in set(kind):
            return kind(found)
        self.errors[name] = _("请选择一项")
        return next(iter(kind))
