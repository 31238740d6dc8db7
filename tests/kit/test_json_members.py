"""The text of members is what was written, to the byte."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.json_members import member_texts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=5),
    st.sampled_from([(",", ":"), (" , ", " : "), ("\n,\t", "\r:")]),
    st.booleans(),
)
def test_every_member_comes_back_as_written(
    told: dict[str, Any], separators: tuple[str, str], is_ascii: bool
) -> None:
    text = " " + json.dumps(told, separators=separators, ensure_ascii=is_ascii) + "\n"
    members = member_texts(text)
    assert list(members) == list(told)
    for name, value in told.items():
        written = json.dumps(value, separators=separators, ensure_ascii=is_ascii)
        assert members[name] == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        '{"a":1',
        '{"a":1}}',
        '{"a":1} x',
        '{"a":1,}',
        '{,"a":1}',
        '{"a" 1}',
        "{a:1}",
        '{"a":}',
        '{"a":1 "b":2}',
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"a":' + "[" * 100_000,
        '{"a',
    ],
)
def test_anything_but_one_whole_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        member_texts(text)
