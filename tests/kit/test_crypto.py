"""What is sealed opens only with its own key and its own place; secrets are compared safely."""

import hashlib
import hmac
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import crypto
from kit.crypto import CannotOpen, keyed_hash, new_key, new_token, same, seal, unseal

KEY = bytes(range(32))


class TestNewKey:
    def test_e88_is_32_bytes_and_never_twice(self) -> None:
        made = {new_key() for _ in range(1_000)}
        assert len(made) == 1_000
        assert {len(key) for key in made} == {32}


class TestNewToken:
    def test_e88_is_43_url_safe_characters_and_never_twice(self) -> None:
        made = {new_token() for _ in range(1_000)}
        assert len(made) == 1_000
        for token in made:
            assert len(token) == 43
            assert token.replace("-", "").replace("_", "").isalnum()


class TestKeyedHash:
    def test_is_hmac_over_the_framed_parts(self) -> None:
        framed = (2).to_bytes(8, "big") + b"ab" + (0).to_bytes(8, "big")
        assert keyed_hash(KEY, b"ab", b"") == hmac.new(KEY, framed, hashlib.sha256).digest()

    @given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
    def test_keeps_apart_what_only_reads_the_same(
        self, left: list[bytes], right: list[bytes]
    ) -> None:
        assert (keyed_hash(KEY, *left) == keyed_hash(KEY, *right)) is (left == right)

    def test_differs_by_key(self) -> None:
        assert keyed_hash(KEY, b"a") != keyed_hash(KEY[::-1], b"a")


class TestSame:
    @pytest.mark.parametrize(
        ("left", "right", "expected"),
        [
            ("a", "a", True),
            ("a", "b", False),
            ("a", "ab", False),
            ("", "", True),
            (b"a", "a", True),
            ("团", "团".encode(), True),
            ("团", "圈", False),
            (b"\xff", b"\xff", True),
            ("\ud800", "\ud800", True),
            ("\ud800", "?", False),
            ("\ud800", "\udfff", False),
        ],
    )
    def test_compares_bytes_and_text(
        self, left: bytes | str, right: bytes | str, expected: bool
    ) -> None:
        assert same(left, right) is expected

    def test_a18_takes_its_time_from_hmac(self) -> None:
        assert "compare_digest" in inspect.getsource(crypto.same)


class TestSeal:
    @given(st.binary(max_size=200), st.binary(max_size=40))
    def test_opens_to_what_was_sealed(self, plaintext: bytes, place: bytes) -> None:
        assert unseal(KEY, seal(KEY, plaintext, bound_to=place), bound_to=place) == plaintext

    def test_never_looks_the_same_twice(self) -> None:
        assert len({seal(KEY, b"code", bound_to=b"") for _ in range(1_000)}) == 1_000

    def test_e78_shows_nothing_of_what_is_in_it(self) -> None:
        assert b"CODE-1234" not in seal(KEY, b"CODE-1234", bound_to=b"a")


class TestUnseal:
    def test_e77_refuses_another_place(self) -> None:
        with pytest.raises(CannotOpen):
            unseal(KEY, seal(KEY, b"code", bound_to=b"card 1"), bound_to=b"card 2")

    def test_e81_refuses_another_key(self) -> None:
        with pytest.raises(CannotOpen):
            unseal(KEY[::-1], seal(KEY, b"code", bound_to=b""), bound_to=b"")

    def test_refuses_every_flipped_bit_and_every_cut(self) -> None:
        sealed = seal(KEY, b"code", bound_to=b"a")
        for index in range(len(sealed)):
            for bit in range(8):
                changed = bytearray(sealed)
                changed[index] ^= 1 << bit
                with pytest.raises(CannotOpen):
                    unseal(KEY, bytes(changed), bound_to=b"a")
            with pytest.raises(CannotOpen):
                unseal(KEY, sealed[:index], bound_to=b"a")

    def test_e81_refuses_a_key_of_the_wrong_length(self) -> None:
        with pytest.raises(CannotOpen):
            unseal(KEY[:5], seal(KEY, b"code", bound_to=b""), bound_to=b"")

    def test_e79_tells_nothing_of_what_it_was_given(self) -> None:
        with pytest.raises(CannotOpen) as refusal:
            unseal(KEY, b"CODE-1234-CODE-1234-CODE-1234-CODE", bound_to=b"")
        assert "CODE" not in repr(refusal.value)
