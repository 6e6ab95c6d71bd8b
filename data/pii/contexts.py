"""What only the words around it make personal: account numbers, chat names, documents, names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.pii.checks import card, identity, mobile
from data.pii.scan import Hit, Kind

_IS = r"(?:码|号码)?(?:是|为|[: =#(\[])*"
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}(?![a-z0-9-])")
# Spaces only between groups of digits, so that a following word or short number stays out.
_NEXT = r"(?:[-_]?[a-z0-9]|(?<=\d) \d(?=\d{2}))"
_ACCOUNT = re.compile(
    r"(?:(?P<label>账号|卡号|单号|存折号|流水号|交易号|合同编?号|借据号|贷款编号|凭证号|客户号|会员号|社保号|公积金号"
    r"|商户号|设备号)|账户|存折|存单|保单|订单|流水)"
    rf"{_IS}(?P<value>[a-z0-9]{_NEXT}{{5,39}})(?![a-z0-9*])"
)
# 账户100000 may be a balance; without 号 a number must be longer than that.
_UNLABELLED = 9
_SOCIAL = re.compile(
    rf"(?:微信|薇信|威信|v信|(?<![a-z])(?:wechat|weixin|vx|wx))(?P<label>账?号|id)?{_IS}"
    r"(?P<wechat>[a-z][a-z0-9_-]{5,19})(?![a-z0-9*])"
    rf"|(?:qq|扣扣)(?:号|群)?{_IS}(?P<qq>[1-9]\d{{4,10}})(?![\d*])"
)
_PASSPORT = re.compile(
    r"(?<![a-z0-9])(?:[eg]\d{8}|e[a-hj-np-z]\d{7}|c[a-hj-np-z0-9]\d{7}|[hm]\d{8}(?:\d\d)?)(?![a-z0-9])"
    rf"|(?<=护照|行证|胞证|证件)(?:号)?{_IS}(?P<value>[a-z]{{0,2}}\d{{7,10}})(?![a-z0-9*])"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任"
    "沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔"
    "向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌"
    "毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连"
)
_COMPOUND = "欧阳|上官|司马|诸葛|司徒|东方|独孤|南宫|夏侯|慕容|尉迟|皇甫|令狐|端木|公孙|长孙|宇文"
_GIVEN = r"(?!某|女士|先生|小姐|经理|同学|老师|阿姨|总|姐|哥|的)[\u4e00-\u9fff]"
_AFTER = (
    r"(?=[^\u4e00-\u9fff·*]|$|[,，]|身份证|证件|电话|手机|联系|性别|年龄|住址|地址|账号|账户|卡号|开户|银行卡"
    r"|男|女|今年|我|在|要|因|于|的|和|与|是|之|[0-9])"
)
_NAME = re.compile(
    r"(?:(?:户名|姓名|开户人|收款人|付款人|持卡人|联系人|投诉人|申请人|借款人|担保人|被保险人|投保人|法人代表?|"
    r"法定代表人|经办人|客户名称|真实名字|名字)(?:\s?[:：]\s?)|(?:户名|姓名|名字)[是为叫]|我叫|我名叫|本人叫|名叫)"
    rf"(?P<name>(?:{_COMPOUND}|[{_SURNAMES}]){_GIVEN}{{1,2}}?{_AFTER}"
    r"|[\u4e00-\u9fff]{1,8}(?:·[\u4e00-\u9fff]{1,8}){1,3})"
)


def emails(view: str) -> Iterator[Hit]:
    """E-mail addresses."""
    return (Hit("email", *match.span()) for match in _EMAIL.finditer(view))


def accounts(view: str) -> Iterator[Hit]:
    """Numbers that a label names, of whatever kind they turn out to be."""
    for match in _ACCOUNT.finditer(view):
        value = re.sub(r"[-_ ]", "", match["value"])
        enough = len(value) >= _UNLABELLED or match["label"]
        if enough and sum(map(str.isdigit, value)) >= 4:
            kind, valid = _kind_of(value, match["label"] or "")
            yield Hit(kind, *match.span("value"), valid)


def _kind_of(value: str, label: str) -> tuple[Kind, bool | None]:
    if (valid := identity(value, label)) is not None:
        return "id_card", valid
    if (valid := mobile(value)) is not None:
        return "mobile", valid
    if (valid := card(value)) is not None and (valid or label == "卡号" or value[:2] == "62"):
        return "bank_card", valid
    return "account", None


def social(view: str) -> Iterator[Hit]:
    """WeChat names with a digit or mark in them, and QQ numbers; a mobile stays a mobile."""
    for match in _SOCIAL.finditer(view):
        if (wechat := match["wechat"]) and (match["label"] or re.search(r"[\d_-]", wechat)):
            yield Hit("social", *match.span("wechat"))
        elif match["qq"] and mobile(match["qq"]) is None:
            yield Hit("social", *match.span("qq"))


def documents(view: str) -> Iterator[Hit]:
    """Passports and travel permits, by their letter or by the word before."""
    for match in _PASSPORT.finditer(view):
        yield Hit("passport", *match.span("value" if match["value"] else 0))


def names(view: str) -> Iterator[Hit]:
    """Names after a label. 王某某 and 李女士 are not names in full and stay."""
    return (Hit("name", *match.span("name")) for match in _NAME.finditer(view))
