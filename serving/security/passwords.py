"""Passwords: what may be one, and how they are kept (argon2id)."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from data.errors import InputError

SHORTEST, LONGEST = 12, 128

# The beginnings that people in Chinese offices fall back on, with what follows them: whole lists of
# leaked passwords are of no use at twelve characters, where few of them are that long.
_HABITS = (
    "123456", "654321", "111111", "000000", "666666", "888888", "112233", "123123", "5201314",
    "password", "passw0rd", "p@ssw0rd", "qwerty", "asdfgh", "zxcvbn", "1qaz2wsx", "qazwsx",
    "abc123", "abcd1234", "a123456", "aa123456", "admin", "root", "welcome", "letmein", "iloveyou",
    "woaini", "wodemima", "mima", "nihao", "zhongguo", "yinhang", "bank", "gongshang", "jianshe",
    "nongye", "zhaoshang", "suda", "tousu", "fuhe", "huanying", "beijing", "shanghai", "guangzhou",
    "shenzhen", "chengdu", "caonima", "wangluo", "guanli", "ceshi", "test", "temp", "changeme",
)  # fmt: skip
_RUNS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "!qaz@wsx#edc$rfv",
)  # fmt: skip
# Letters, digits and signs that stand for one another.
_LEET = str.maketrans("@$!013457", "asioieast")
_DATE = re.compile(r"(?:19|20)\d{2}(?:0?[1-9]|1[0-2])?(?:[0-2]?\d|3[01])?")
# How much of a password must be left when habits, runs and dates are taken out of it.
_OWN = 6


@lru_cache(maxsize=1)
def hasher() -> PasswordHasher:
    """Argon2id at RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes."""
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hasher().hash(secrets.token_urlsafe(16))


def hashed(password: str) -> str:
    """What is kept of a password."""
    return hasher().hash(password)


def verified(kept: str | None, password: str) -> bool:
    """Whether it is the password; takes as long for somebody who does not exist (None)."""
    try:
        hasher().verify(kept or _nobody(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Whether it was kept with other parameters than today's."""
    return hasher().check_needs_rehash(kept)


def generated() -> str:
    """A random password of 96 bits, readable over a telephone: groups without look-alikes."""
    signs = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(signs) for _ in range(5)) for _ in range(4))


def check_password(password: str, *about: str) -> None:
    """Raise InputError unless it may be a password of somebody with the login and name `about`.

    Length instead of classes of characters (NIST SP 800-63B §5.1.1.2), and nothing that is guessed
    first: the login, the name, habits, runs, repetitions, dates.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"expected {SHORTEST} to {LONGEST} characters", field="password")
    plain = password.lower()
    names = {part for text in about for part in re.split(r"[\s@._-]+", text.lower())}
    if any(len(name) > 2 and name in plain for name in names):
        raise InputError("expected none that holds the login or name", field="password")
    if len(set(plain)) < 5 or min(_own_part(plain), _own_part(plain.translate(_LEET))) < _OWN:
        raise InputError(
            "expected one that is harder to guess: not a common word, row of keys, date or "
            "repetition with something added",
            field="password",
        )


def _own_part(password: str) -> int:
    """How many different characters are left when what is guessed first is taken out."""
    left = password
    for habit in sorted(_HABITS, key=len, reverse=True):
        left = left.replace(habit, " ")
    for run in _RUNS:
        left = _without_runs(left, run)
        left = _without_runs(left, run[::-1])
    left = _DATE.sub(" ", left)
    left = re.sub(r"(.)\1{2,}", " ", left)
    return len(set(left) - set(" .!@#$%^&*_-+=?~"))


def _without_runs(text: str, run: str) -> str:
    for length in range(len(run), 3, -1):
        for begin in range(len(run) - length + 1):
            text = text.replace(run[begin : begin + length], " ")
    return text
