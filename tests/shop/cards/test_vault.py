"""The vault: what opens, what does not, and which spellings are one code."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import update

from kit.crypto import new_key
from kit.ids import new_id
from shop.cards.batches import NewCard
from shop.cards.models import Card
from shop.cards.service import Revealed
from shop.cards.vault import CardSecret, Vault, VaultBroken, WrappedKey, normalise
from tests.shop.cards.stock import Stock, make_vault

SECRET = CardSecret("CANARY-1234-5678", "pw-canary")


class TestBatchKey:
    @pytest.mark.parametrize("secret", [SECRET, CardSecret("CANARY"), CardSecret("卡🎁", "")])
    def test_opens_what_it_sealed(self, secret: CardSecret) -> None:
        vault, batch_id, card_id = make_vault(), new_id(), new_id()
        wrapped = vault.new_batch_key(batch_id)
        sealed = vault.open_batch(batch_id, wrapped).seal(card_id, secret)
        assert b"CANARY" not in sealed
        assert vault.open_batch(batch_id, wrapped).open(card_id, sealed) == secret

    def test_i23_opens_only_as_the_card_and_batch_it_was_sealed_for(self) -> None:
        vault, batch_id, card_id = make_vault(), new_id(), new_id()
        wrapped = vault.new_batch_key(batch_id)
        key = vault.open_batch(batch_id, wrapped)
        sealed = key.seal(card_id, SECRET)
        with pytest.raises(VaultBroken):
            key.open(new_id(), sealed)
        with pytest.raises(VaultBroken):
            vault.open_batch(new_id(), wrapped)
        other = vault.open_batch(batch_id, vault.new_batch_key(batch_id))
        with pytest.raises(VaultBroken):
            other.open(card_id, sealed)

    def test_opens_nothing_that_was_changed(self) -> None:
        vault, batch_id, card_id = make_vault(), new_id(), new_id()
        key = vault.open_batch(batch_id, vault.new_batch_key(batch_id))
        sealed = key.seal(card_id, SECRET)
        for at in range(len(sealed)):
            changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
            with pytest.raises(VaultBroken):
                key.open(card_id, changed)
        for cut in (b"", sealed[:5], sealed[:-1], sealed + b"\0"):
            with pytest.raises(VaultBroken):
                key.open(card_id, cut)

    def test_never_seals_twice_alike(self) -> None:
        vault, batch_id, card_id = make_vault(), new_id(), new_id()
        key = vault.open_batch(batch_id, vault.new_batch_key(batch_id))
        assert len({key.seal(card_id, SECRET) for _ in range(100)}) == 100


class TestVault:
    def test_e81_a_missing_master_key_is_loud(self) -> None:
        batch_id = new_id()
        wrapped = make_vault().new_batch_key(batch_id)
        later = Vault({"v2": new_key()}, current="v2", index_key=new_key())
        for act in (later.open_batch, later.rewrap):
            with pytest.raises(VaultBroken, match="'v1' is gone"):
                act(batch_id, wrapped)
        assert not later.knows("v1")

    def test_e81_another_key_under_the_same_version_is_loud(self) -> None:
        batch_id = new_id()
        wrapped = make_vault().new_batch_key(batch_id)
        with pytest.raises(VaultBroken, match="does not open"):
            make_vault().open_batch(batch_id, wrapped)

    def test_i23_a_wrapped_key_is_bound_to_its_version(self) -> None:
        key, batch_id = new_key(), new_id()
        vault = Vault({"v1": key, "v2": key}, current="v1", index_key=new_key())
        wrapped = vault.new_batch_key(batch_id)
        with pytest.raises(VaultBroken):
            vault.open_batch(batch_id, WrappedKey(wrapped.wrapped, "v2"))

    def test_rewraps_the_same_data_key(self) -> None:
        first, second, batch_id, card_id = new_key(), new_key(), new_id(), new_id()
        old = Vault({"v1": first}, current="v1", index_key=b"i" * 32)
        wrapped = old.new_batch_key(batch_id)
        sealed = old.open_batch(batch_id, wrapped).seal(card_id, SECRET)
        both = Vault({"v1": first, "v2": second}, current="v2", index_key=b"i" * 32)
        again = both.rewrap(batch_id, wrapped)
        assert again.master_key_version == "v2"
        only_new = Vault({"v2": second}, current="v2", index_key=b"i" * 32)
        assert only_new.open_batch(batch_id, again).open(card_id, sealed) == SECRET

    def test_the_current_key_must_be_there(self) -> None:
        with pytest.raises(ValueError, match="not among"):
            Vault({"v1": new_key()}, current="v2", index_key=new_key())

    def test_the_index_depends_on_its_key(self) -> None:
        one, other = make_vault(), make_vault()
        assert one.blind_index("ABCD") == one.blind_index("ABCD") != other.blind_index("ABCD")

    def test_e79_nothing_shows_itself(self, stock: Stock) -> None:
        vault, batch_id = make_vault(), new_id()
        wrapped = vault.new_batch_key(batch_id)
        key = vault.open_batch(batch_id, wrapped)
        shown = [
            SECRET,
            NewCard(1, SECRET),
            Revealed(SECRET.code, SECRET.password, stock.now),
            vault,
            wrapped,
            key,
        ]
        text = " ".join(f"{thing!r} {thing}" for thing in shown)
        assert "CANARY" not in text
        assert "canary" not in text
        assert repr(wrapped.wrapped)[2:-1] not in text
        stock.add("CANARY-IN-A-ROW")
        with stock.begin() as session:
            card = session.query(Card).one()
            assert repr(card) == f"<Card {card.id} free>"


class TestSwappedRows:
    def test_e77_exchanged_ciphertexts_do_not_open(self, stock: Stock) -> None:
        stock.add("first-code", "second-code")
        _, (one, other) = stock.sold(2)
        with stock.begin() as session:
            sealed = {card.id: card.sealed for card in session.query(Card)}
            for card_id, instead in ((one, sealed[other]), (other, sealed[one])):
                session.execute(update(Card).where(Card.id == card_id).values(sealed=instead))
        for card_id in (one, other):
            with pytest.raises(VaultBroken, match=str(card_id)):
                stock.reveal(card_id)
        assert stock.counts() == {"delivered": 2}  # nothing says that anybody saw it


SPELLINGS = [
    "ABCD-1234-EFGH",
    "abcd-1234-efgh",
    "ABCD1234EFGH",
    " ABCD 1234 EFGH ",
    "ＡＢＣＤ－１２３４－ＥＦＧＨ",
    "ABCD–1234—EFGH",
    "ABCD_1234·EFGH",
    "\ufeffABCD1234EFGH\u200b",
    "ABCD\u30001234\u00a0EFGH\u00ad",
    "ABCD\t1234\r\nEFGH",
]


class TestNormalise:
    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_e82_spellings_are_one_code(self, spelling: str) -> None:
        assert normalise(spelling) == "abcd1234efgh"

    def test_e82_other_codes_stay_other(self) -> None:
        others = ["ABCD1234EFGI", "0BCD", "OBCD", "1BCD", "lBCD", "ABCD", "AB.CD", "AB/CD"]
        assert len({normalise(other) for other in others}) == len(others)

    @given(st.text(max_size=40))
    @example("e\u200b\u0301")
    @example("ﬃ\u0345ΐ")
    def test_e82_normalising_twice_changes_nothing(self, text: str) -> None:
        assert normalise(normalise(text)) == normalise(text)

    @given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
    def test_e82_full_width_upper_case_and_gaps_do_not_matter(self, text: str) -> None:
        wide = "".join(chr(ord(char) + 0xFEE0) for char in text)
        assert unicodedata.normalize("NFKC", wide) == text
        expected = normalise(text)
        for spelling in (wide, text.upper(), text.lower(), " ".join(text), "\u200b-".join(text)):
            assert normalise(spelling) == expected
