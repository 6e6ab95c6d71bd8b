"""What is said, in Chinese, of a password that may not be one."""

from __future__ import annotations

from data.errors import InputError
from serving.security.passwords import LONGEST, SHORTEST

RULES = f"{SHORTEST} 至 {LONGEST} 个字符，不含账号或姓名，不用常见词、键盘顺序、日期加数字的组合"

_SAID = {
    "expected none that holds": "密码不能包含账号或姓名",
    "expected one that is harder": "密码过于常见，请避免常用词、键盘顺序、日期或重复字符",
}


def said_of(error: InputError) -> str:
    """The reason of a refusal."""
    for beginning, said in _SAID.items():
        if error.message.startswith(beginning):
            return said
    return f"密码长度应为 {SHORTEST} 至 {LONGEST} 个字符"
