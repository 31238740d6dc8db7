"""The legal pages, and the page for a link that leads nowhere."""

import base64
import hashlib
import re

import pytest

from tests.miniprogram_api.world import World


class TestPages:
    """GET /legal and below."""

    @pytest.mark.parametrize(
        ("path", "word"),
        [("/legal", "关于团卡"), ("/legal/terms", "用户协议"), ("/legal/privacy", "隐私政策")],
    )
    def test_are_whole_pages_in_chinese(self, world: World, path: str, word: str) -> None:
        """With a title, a viewport, the licence, and links to each other."""
        answer = world.visitor().get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert answer.content_type == "text/html; charset=utf-8"
        assert f"<h1>{word}</h1>" in page
        assert '<html lang="zh-CN">' in page
        assert 'name="viewport"' in page
        assert "Apache License 2.0" in page
        assert set(re.findall(r'href="([^"]+)"', page)) == {
            "/legal",
            "/legal/terms",
            "/legal/privacy",
        }

    def test_the_policy_lets_the_style_through_and_nothing_else(self, world: World) -> None:
        """The digest in the header is the digest of the page's one style sheet; no script."""
        answer = world.visitor().get("/legal/terms")
        page = answer.get_data(as_text=True)
        (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = answer.headers["Content-Security-Policy"]
        assert f"style-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "<script" not in page
        assert " style=" not in page

    def test_unknown_documents_are_404(self, world: World) -> None:
        """A name is one of ours or nothing; it never becomes a path."""
        for name in ("x", "..%2fframe", "frame.html", "legal_terms.html"):
            assert world.visitor().get(f"/legal/{name}").status_code == 404


class TestNotFound:
    """Everything that is not there."""

    def test_people_get_a_page(self, world: World) -> None:
        """With the way back."""
        answer = world.visitor().get(
            "/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        )
        assert answer.status_code == 404
        assert answer.content_type == "text/html; charset=utf-8"
        assert "页面不存在" in answer.get_data(as_text=True)

    @pytest.mark.parametrize("path", ["/v1/nothing", "/callbacks/nothing", "/metrics"])
    def test_programs_get_a_problem(self, world: World, path: str) -> None:
        """Even when they claim to be browsers."""
        answer = world.visitor().get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"
