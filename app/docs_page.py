"""A plain page of the API's document, for developers on their own machine only."""

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, render_template_string

from app import openapi

blueprint = APIBlueprint("docs_page", __name__, enable_openapi=False)

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ spec.info.title }} API</title>
<h1>{{ spec.info.title }} API {{ spec.info.version }}</h1>
<p>{{ spec.info.description }}</p><p><a href="/docs/openapi.json">openapi.json</a></p>
<table>{% for path, operations in spec.paths.items() %}{% for method, said in operations.items() %}
<tr><td>{{ method.upper() }}</td><td><code>{{ path }}</code></td><td>{{ said.summary }}</td>
<td>{{ said.responses.keys() | join(" ") }}</td></tr>{% endfor %}{% endfor %}</table></html>"""


@blueprint.get("/docs")
def show_page() -> str:
    """Show every route on one page."""
    return render_template_string(_PAGE, spec=_app().spec)


@blueprint.get("/docs/openapi.json")
def show_document() -> Response:
    """Show the document."""
    return Response(openapi.as_text(_app()), content_type="application/json")


def _app() -> APIFlask:
    # The proxy hides the type.
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(app, APIFlask)  # noqa: S101 - for the type checker
    return app
