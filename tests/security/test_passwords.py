from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters

from data.errors import InputError
from serving.security import passwords
from serving.security.passwords import check_password, generated, hashed, outdated, verified

GOOD = (
    "x7-kettle-moon",
    "correct horse battery",
    "苹果香蕉西瓜葡萄橘子梨桃李",
    "three-otters-on-a-raft",
    "Vq8!tzR2#mLpw",
)
BAD = (
    "",
    "short-one",
    "x" * 129,
    "aaaaaaaaaaaaa",
    "abababababab",
    "123456789012",
    "Qwertyuiop123456",
    "1qaz2wsx3edc4rfv",
    "P@ssw0rd2026!!",
    "Password123456",
    "woaini5201314",
    "gongshangyinhang",
    "19880808198808",
    "Suda2026!!Suda",
    "abcdefghijkl",
    "zhang.wei-otters",
    "Zhang-and-otters",
    "张伟的密码很长很长很长很长",
)


@pytest.mark.parametrize("password", GOOD)
def test_good_ones_pass(password: str) -> None:
    check_password(password, "zhang.wei", "张伟局长")


@pytest.mark.parametrize("password", BAD)
def test_what_is_guessed_first_is_refused_without_being_quoted(password: str) -> None:
    with pytest.raises(InputError) as caught:
        check_password(password, "zhang.wei", "张伟的密码")
    assert caught.value.field == "password"
    assert not password or password not in str(caught.value)


def test_generated_ones_are_all_different_and_good() -> None:
    made = {generated() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        check_password(password, "zhang", "张伟")


def test_kept_as_argon2id_of_its_own_salt() -> None:
    one, other = hashed(GOOD[0]), hashed(GOOD[0])
    assert one != other
    assert one.startswith("$argon2id$")
    assert verified(one, GOOD[0])
    assert not verified(one, GOOD[1])
    assert not verified("not a hash", GOOD[0])
    assert not verified(None, GOOD[0])


def test_the_parameters_are_rfc_9106s() -> None:
    found = extract_parameters(passwords.hasher.__wrapped__().hash("x"))
    assert (found.memory_cost, found.time_cost, found.parallelism) == (64 * 1024, 3, 4)


def test_weaker_parameters_are_noticed() -> None:
    assert outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    assert not outdated(hashed("x"))
