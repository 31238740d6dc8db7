"""Every form of the console, found in its pages: hostile, missing and huge values break nothing."""

from collections.abc import Iterator
from itertools import cycle, islice

from console.refusals import SECRET_FIELDS
from kit.crypto import new_token
from tests.console.bench import Bench
from tests.console.forms import Form, forms_of
from tests.console.markup import read

HOSTILE = (
    "",
    "<script>alert(1)</script>",
    "x" * 5000,
    "-1",
    "9" * 400,
    "a\x00b",
    "'; DROP TABLE orders; --",
    "١٢",
    "NaN",
    "a\r\nSet-Cookie: x=1",
    "javascript:alert(1)",
    "\u202e\ufeff\U0001f600",
    "2026-02-30T25:61",
    "../../etc/passwd",
    "{{7*7}}%s%(x)s",
    "00000000-0000-0000-0000-000000000000",
    '"><img src=x onerror=alert(1)>',
    "1e999",
)
EACH = 1  # values for each field, in turn: over all fields every value is met many times
AT_ONCE = 4  # values that stand in all fields at once
LONGEST_KEPT = 80
UNSENT = frozenset({"csrf"})


def tries(form: Form) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield which field is bad, and what is sent."""
    values = cycle(HOSTILE)
    names = [name for name in form.fields if name not in UNSENT]
    for name in names:
        for value in islice(values, EACH):
            yield name, {**form.fields, "form_key": new_token(), name: value}
        yield "", {one: value for one, value in form.fields.items() if one != name}
    for value in islice(values, AT_ONCE):
        yield "", dict.fromkeys(names, value)


def test_every_form_withstands_whatever_is_sent(bench: Bench) -> None:
    forms, token, before = bench.forms(), bench.clerk.csrf(), bench.deeds()
    assert len([form for form in forms if form.method == "post"]) > 20
    refused = 0
    for form in forms:
        for name, fields in tries(form):
            with bench.undone():
                answer = bench.send(form, fields, token)
                where = (form.method, form.action, name, fields.get(name, "")[:40])
                assert answer.status_code < 500, (*where, answer.status_code)
                if answer.mimetype != "text/html":
                    continue
                page = read(answer.text)
                assert page.dangers == [], where
                if answer.status_code < 400:
                    continue
                refused += 1
                assert bench.deeds() == before, where
                assert 'role="alert"' in answer.text or "empty-title" in answer.text, where
                if answer.status_code == 422 and name in form.typed:
                    kept = fields[name].strip()[:LONGEST_KEPT]
                    assert any(kept in text for text in page.texts), where
    assert refused > 250


def test_what_was_typed_outlives_the_session(bench: Bench) -> None:
    token = bench.clerk.csrf()
    forms = [form for form in bench.forms() if form.method == "post" and form.typed]
    assert len(forms) > 6
    for form in forms:
        if "sign-in" in form.action or form.is_file:
            continue
        fields = {**form.fields, **dict.fromkeys(form.typed, "写了很久")}
        bench.clerk.client.delete_cookie("console", path="/console")
        answer = bench.clerk.post(form.action, **{**fields, "csrf": token})
        assert answer.status_code == 401, form.action
        again = next(one for one in forms_of(answer.text) if one.action == form.action)
        hidden = UNSENT | SECRET_FIELDS
        sent = {name: value for name, value in fields.items() if name not in hidden}
        assert {name: again.fields[name] for name in sent} == sent, form.action
        # Signed in in another tab, the same button sends it; its old token asks once more.
        bench.clerk.client.set_cookie("console", bench.clerk.token, path="/console")
        with bench.undone():
            answer = bench.clerk.post(form.action, **again.fields)
            assert answer.status_code in (200, 303, 403, 409, 422), form.action


def test_a_body_too_large_is_refused_with_a_page(bench: Bench) -> None:
    for form in bench.forms():
        if form.method == "post" and not form.is_file and form.typed:
            huge = {**form.fields, **dict.fromkeys(form.typed, "x" * 2_000_000)}
            answer = bench.clerk.post(form.action, **{**huge, "csrf": "0" * 64})
            assert answer.status_code == 413, form.action
            assert "内容过大" in answer.text
