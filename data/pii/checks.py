"""Whether a string of digits can be this kind of number, and whether its check holds.

The checks return None for "cannot be", else whether the check digit or numbering plan confirms it.
"""

from __future__ import annotations

import re

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric

_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[1-3])"
_IDENTITY = re.compile(rf"{_PROVINCE}\d{{4}}(?:19|20)\d\d{_DAY}\d{{3}}[\dx]")
_OLD_IDENTITY = re.compile(rf"{_PROVINCE}\d{{4}}\d\d{_DAY}\d{{3}}")
_MOBILE = re.compile(r"(?:00)?(?:86)?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"(?:0|(?:00)?86)((?:10|2\d|[3-9]\d\d)\d{7,8})")
# 400/800 lines, 95xxx and 96xxx of banks and insurers, 12xxx of authorities, carriers, and the
# 106… senders of text messages.
_SERVICE = re.compile(
    r"[48]00\d{7}|95\d{3}(?:\d{1,3})?|96\d{3,4}|123\d\d|12110|12122|12580|100(?:10|86)|106\d{5,15}"
)


def identity(digits: str, before: str) -> bool | None:
    """Resident identity card (居民身份证). The old 15-digit form has no check digit: false.

    A number of the right shape whose check digit is wrong is one with a typing error, unless it is
    a card number that begins like the province 62.
    """
    if len(digits) == 15 and _OLD_IDENTITY.fullmatch(digits):
        return None if luhn.is_valid(digits) and "卡" in before else False
    if not _IDENTITY.fullmatch(digits):
        return None
    if ric.calc_check_digit(digits.upper()) == digits[-1].upper():
        return True
    return None if luhn.is_valid(digits) and digits.startswith("62") else False


def card(digits: str) -> bool | None:
    """Bank card: 13 to 19 digits with Luhn's check digit."""
    if not (13 <= len(digits) <= 19 and digits.isdecimal()) or digits[0] in "0127":
        return None
    return luhn.is_valid(digits)


def mobile(digits: str) -> bool | None:
    """Mobile number, with or without 86. New segments may be unknown to the numbering plan."""
    match = _MOBILE.fullmatch(digits)
    return _planned(match[1]) if match else None


def landline(digits: str) -> bool:
    """Fixed line with area code or with 86, as the numbering plan has it."""
    match = _LANDLINE.fullmatch(digits)
    return match is not None and _planned(f"0{match[1]}")


def service(digits: str) -> bool:
    """Hotlines of banks, authorities and carriers."""
    return bool(_SERVICE.fullmatch(digits))


def _planned(digits: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(digits, "CN"))
