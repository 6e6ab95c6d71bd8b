"""Hiding keeps every span in its place; cutting loses nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.review.marks import Mark, pieces
from serving.review.masking import hide

PERSONAL = "我叫张建国，电话13800138000，身份证11010519491231002X，打95588没人理"


def test_personal_data_are_hidden_sign_for_sign_and_hotlines_stay() -> None:
    hidden = hide(PERSONAL)
    assert len(hidden.text) == len(PERSONAL)
    assert "13800138" not in hidden.text
    assert "1949" not in hidden.text
    assert "建国" not in hidden.text
    assert "95588" in hidden.text
    assert "8000" in hidden.text
    for finding in hidden.findings:
        assert "＊" in hidden.text[finding.start : finding.end]


@given(st.text(max_size=120))
def test_hiding_changes_no_length(text: str) -> None:
    assert len(hide(text).text) == len(text)


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(-3, 45), st.integers(-3, 45)), max_size=8),
)
def test_pieces_joined_are_the_text_and_carry_all_their_marks(
    text: str, spans: list[tuple[int, int]]
) -> None:
    marks = [Mark("evidence", "product", a, b, 2) for a, b in spans]
    found = pieces(text, marks)
    assert "".join(piece.text for piece in found) == text
    at = 0
    for piece in found:
        inside = [
            m for m in marks if 0 <= m.start <= at and at + len(piece.text) <= m.end <= len(text)
        ]
        assert list(piece.marks) == inside
        at += len(piece.text)
