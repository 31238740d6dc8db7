"""A signature that cannot be one is refused, and no text from outside breaks the check."""

from collections.abc import Iterator

import pytest

from kit.alipay import AlipayApi
from tests.doubles.alipay import make_api, notice_fields, sign
from tests.doubles.http import ScriptedServer

HALF_A_PAIR = "\ud800"  # JSON can spell it, UTF-8 cannot


@pytest.fixture(scope="module")
def api() -> Iterator[AlipayApi]:
    """Return a client."""
    with ScriptedServer() as server:
        yield make_api(server)


class TestIsSigned:
    def test_accepts_the_platforms_signature_of_this_very_text(self, api: AlipayApi) -> None:
        assert api.is_signed("团卡", sign("团卡"))
        assert not api.is_signed("团卡 ", sign("团卡"))

    @pytest.mark.parametrize(
        "signature", ["", "a", "====", "团", HALF_A_PAIR, "AAAA", "A" * 344, "A" * 100_000]
    )
    def test_a1_refuses_what_is_no_signature(self, api: AlipayApi, signature: str) -> None:
        assert not api.is_signed("text", signature)

    @pytest.mark.parametrize("junk", ["\n", " ", "!", "="])
    def test_a2_refuses_junk_around_the_signature(self, api: AlipayApi, junk: str) -> None:
        assert not api.is_signed("text", sign("text") + junk)
        assert not api.is_signed("text", junk + sign("text"))

    def test_i143_refuses_a_text_that_cannot_be_sent(self, api: AlipayApi) -> None:
        assert not api.is_signed(HALF_A_PAIR, sign("text"))

    def test_a4_refuses_another_key(self, api: AlipayApi) -> None:
        assert not api.is_signed("text", sign("text", "merchant"))


class TestIsAuthentic:
    @pytest.mark.parametrize("sign_type", ["RSA", "MD5", "rsa2", "", "none", HALF_A_PAIR])
    def test_a19_the_algorithm_is_ours(self, api: AlipayApi, sign_type: str) -> None:
        fields = notice_fields()
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        assert api.is_authentic(fields | {"sign": sign(text), "sign_type": "RSA2"})
        assert not api.is_authentic(fields | {"sign": sign(text), "sign_type": sign_type})

    def test_i143_refuses_a_value_that_cannot_be_sent(self, api: AlipayApi) -> None:
        fields = notice_fields(subject=HALF_A_PAIR)
        assert not api.is_authentic(fields | {"sign": sign("text"), "sign_type": "RSA2"})
