from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from serving.security.encryption import TextKeyError, TextKeys, new_key

OLD, NEW = new_key(), new_key()


@given(st.binary(max_size=2000))
def test_what_is_encrypted_comes_back(plain: bytes) -> None:
    keys = TextKeys.parse(NEW)
    sealed = keys.encrypt(plain, "a.b")
    assert keys.decrypt(sealed, "a.b") == plain
    assert len(plain) < 8 or plain not in sealed


def test_the_same_words_never_look_the_same() -> None:
    keys = TextKeys.parse(NEW)
    assert keys.encrypt(b"x", "a.b") != keys.encrypt(b"x", "a.b")


def test_a_new_key_writes_and_an_old_one_still_reads() -> None:
    before = TextKeys.parse(OLD).encrypt(b"words", "a.b")
    both = TextKeys.parse(f"{NEW}, {OLD}")
    assert both.decrypt(before, "a.b") == b"words"
    after = both.encrypt(b"words", "a.b")
    assert TextKeys.parse(NEW).decrypt(after, "a.b") == b"words"
    with pytest.raises(TextKeyError, match="not among"):
        TextKeys.parse(NEW).decrypt(before, "a.b")


def test_altered_or_moved_words_are_refused() -> None:
    keys = TextKeys.parse(NEW)
    sealed = keys.encrypt(b"words", "a.b")
    for place in range(4, len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(TextKeyError):
            keys.decrypt(bytes(altered), "a.b")
    with pytest.raises(TextKeyError):
        keys.decrypt(sealed, "other.column")
    with pytest.raises(TextKeyError):
        keys.decrypt(sealed[:10], "a.b")


@pytest.mark.parametrize(
    "value",
    ["", "secret", NEW[:-4], f"{NEW},", base64.b64encode(b"x" * 16).decode(), "口令" * 22],
    ids=["empty", "word", "cut", "comma", "short", "foreign"],
)
def test_a_bad_key_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(InputError, match="SUDA_TEXT_KEY") as caught:
        TextKeys.parse(value)
    assert not value or value[:8] not in str(caught.value).replace("suda keys", "")


def test_keys_are_not_shown_by_accident() -> None:
    assert NEW not in repr(TextKeys.parse(NEW))
