"""A thousand known codes go through the whole shop, and are found nowhere but in their reveal."""

import base64
import logging
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import make_url

from app import process
from app.commands.cards import group
from app.machine.programs import postgres_program
from kit.db import Begin
from shop.cards.vault import normalise
from tests.miniprogram_api.world import World
from tests.shop.cards.code_files import text_file

# No hex digit among them, so that no ciphertext can look like a piece of a code.
LETTERS = "GHJKLMNPQRSTUVWXYZ"
CODES = 1000
PIECE = 8


def windows(text: str, size: int = PIECE) -> Iterator[str]:
    return (text[at : at + size] for at in range(len(text) - size + 1))


def needles(code: str) -> set[str]:
    """Return every piece of a code of 8 characters, in every form in which it could lie about."""
    found: set[str] = set()
    for form in (code, code.lower(), normalise(code), code.replace("-", "")):
        found.update(windows(form))
        found.update(windows(form[::-1]))
        for shift in range(3):
            # Base64 of the same text looks different at each of three places.
            encoded = base64.b64encode(b"\0" * shift + form.encode()).decode()
            found.update(windows(encoded[4:-4]))
    return found


def dump(owner_url: str) -> str:
    """Return everything that the database holds, as `pg_dump` writes it."""
    url = make_url(owner_url).set(drivername="postgresql")
    program = postgres_program("pg_dump")
    done = subprocess.run(
        [str(program), "--inserts", url.render_as_string(hide_password=False)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.fixture
def world(real_begin: Begin, redis: "Redis", now: object) -> World:
    """Return the shop over a database that can be dumped."""
    return World(real_begin, redis, now)  # type: ignore[arg-type]  # the fixture of that name


class TestCanaries:
    def test_e78_e79_i21_a_code_is_nowhere_but_in_its_reveal(
        self,
        world: World,
        owner_url: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        # Statements with their parameters: what the database is given, the log would hold.
        caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
        known = ["-".join(group_of_four() for _ in range(5)) for _ in range(CODES)]
        spoiled = [f"={known[0]}", f"{known[1]},{'x' * 200}", known[2], f"{known[3]},p,1999-01-01"]
        path = text_file(tmp_path, "\n".join([*known, *spoiled]))
        errors = tmp_path / "errors.csv"
        monkeypatch.setattr(process, "ports", lambda: world.ports)
        sku_id = world.make_sku(stock=0)
        words = ["import", str(path), "--sku", str(sku_id), "--errors-to", str(errors)]
        refused = CliRunner().invoke(group, words)
        assert refused.exit_code == 1, refused.output
        done = CliRunner().invoke(group, [*words, "--skip-bad"])
        assert f"{CODES} imported" in done.output
        seen, export = self.buy_and_look(world, str(sku_id))
        assert len(seen) == 10
        assert seen <= set(known)
        told = CliRunner().invoke(group, ["verify", "--sample", "50"]).output
        places = {
            "database": dump(owner_url),
            "logs": caplog.text + "".join(str(record.args) for record in caplog.records),
            "redis": self.redis_text(world.redis),
            "commands": refused.output + done.output + told,
            "error file": errors.read_text(),
            "export": export,
        }
        assert places["database"].count("INSERT INTO public.cards ") == CODES
        assert places["database"].count("'cards.revealed'") == 10
        assert all(places.values())
        wanted = set().union(*map(needles, known))
        for place, text in places.items():
            hits = {piece for piece in windows(text) if piece in wanted}
            assert not hits, f"{len(hits)} pieces of codes in the {place}"
        for code in known:
            assert code.encode().hex()[:16] not in places["database"]
            assert normalise(code).encode().hex()[:16] not in places["database"]

    def test_the_search_sees_a_planted_piece(self) -> None:
        code = "GHJK-LMNP-QRST-UVWX-YZGH"
        for text in (
            f"x{code[3:12]}x",
            f"x{code[::-1]}x",
            base64.b64encode(f'["{code}", null]'.encode()).decode(),
            f"ab{normalise(code)}",
        ):
            assert needles(code) & set(windows(text))

    @staticmethod
    def buy_and_look(world: World, sku_id: str) -> tuple[set[str], str]:
        """Sell twenty, show ten of them, take the others back."""
        member = world.member()
        seen: set[str] = set()
        for _ in range(10):
            order = world.bought(member, sku_id, 2)  # type: ignore[arg-type]  # text will do
            cards = member.get(f"/v1/cards?order_id={order['id']}").get_json()["items"]
            shown = member.post(f"/v1/cards/{cards[0]['id']}/reveal", key="a" * 20)
            assert shown.status_code == 200
            seen.add(shown.get_json()["code"])
            member.post(f"/v1/orders/{order['id']}/refunds", {}, key=order["id"])
        export = member.post("/v1/me/export")
        assert export.status_code == 200
        return seen, export.get_data(as_text=True)

    @staticmethod
    def redis_text(redis: "Redis") -> str:
        return "".join(f"{key!r} {redis.dump(key)!r}" for key in redis.scan_iter())


def group_of_four() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(4))
