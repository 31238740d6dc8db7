"""A filled shop in which whatever an operator sends is undone at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select
from werkzeug.test import TestResponse

from shop.operators.models import OperatorAction
from tests.console.filled import Filled, pages
from tests.console.forms import Form, forms_of
from tests.console.office import Clerk, Office


@dataclass
class Bench:
    """One of everything, an owner in front of it, and the connection that takes all of it back."""

    office: Office
    clerk: Clerk
    filled: Filled
    connection: Connection

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Leave nothing of what is done inside."""
        point = self.connection.begin_nested()
        try:
            yield
        finally:
            point.rollback()
            self.clerk.client.set_cookie("console", self.clerk.token, path="/console")

    def send(self, form: Form, fields: dict[str, str], token: str) -> TestResponse:
        """Send a form as a browser would."""
        if form.method == "get":
            return self.clerk.get(form.action, query_string=fields)
        return self.clerk.post(form.action, **{**fields, "csrf": token})

    def deeds(self) -> int:
        """Count what stands in the audit log."""
        with self.office.world.begin() as session:
            return session.scalar(select(func.count()).select_from(OperatorAction)) or 0

    def forms(self) -> list[Form]:
        """Return each form that pages have, once for each address but for its ids."""
        found: dict[str, Form] = {}
        rules = self.office.world.app.url_map.bind("localhost")
        for path, text in pages(self.office, self.clerk, self.filled):
            for form in forms_of(text):
                place = urlsplit(form.action).path or urlsplit(path).path
                form.action = place
                endpoint, _ids = rules.match(f"/console{place}", form.method.upper())
                found.setdefault(f"{endpoint} {sorted(form.fields)}", form)
        return list(found.values())
