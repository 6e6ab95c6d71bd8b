from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.errors import PolicyError
from data.text.normalise import normalise
from serving.triage.check import overview
from serving.triage.explain import explain
from serving.triage.policy import PolicySet, load
from tests.triage.build import JRT, NOW, SHANGHAI, complaint, policy, prediction, taxonomy


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return Path(shutil.copytree(JRT, tmp_path / "bank"))


def change(pack: Path, name: str, old: str, new: str) -> PolicySet:
    path = pack / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return load(pack, taxonomy())


def test_the_stamp_is_readable_and_follows_the_content(pack: Path) -> None:
    before = load(pack, taxonomy()).at(NOW).stamp
    assert re.fullmatch(r"bank@2026\.11\+[0-9a-f]{12}", before)
    assert load(pack, taxonomy()).at(NOW).stamp == before
    assert change(pack, "review.yaml", "margin: 0.1 ", "margin: 0.2 ").at(NOW).stamp != before


def test_the_version_in_force_is_chosen_by_date(pack: Path) -> None:
    text = (pack / "routing.yaml").read_text(encoding="utf-8")
    later = text.replace("effective: 2020-03-01", "effective: 2027-01-01")
    later = later.replace("alternatives: 2", "alternatives: 0")
    (pack / "routing@2027-01-01.yaml").write_text(later, encoding="utf-8")
    policies = load(pack, taxonomy())
    last_second = datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI)
    assert policies.at(last_second).router.alternatives == 2
    assert policies.at(datetime(2027, 1, 1, tzinfo=SHANGHAI)).router.alternatives == 0
    # 16:00 UTC on New Year's Eve is already the new year in Shanghai.
    assert policies.at(datetime(2026, 12, 31, 16, tzinfo=UTC)).router.alternatives == 0
    assert "routing@2027-01-01.yaml" in policies.at(datetime(2028, 1, 1, tzinfo=UTC)).files
    assert policies.at(last_second).stamp != policies.at(datetime(2028, 1, 1, tzinfo=UTC)).stamp


def test_before_the_first_policy_the_first_holds() -> None:
    policies = load(JRT, taxonomy())
    assert policies.at(datetime(1999, 1, 1, tzinfo=UTC)) is policies.policies[0]


def test_a_holiday_table_in_the_pack_is_used(pack: Path) -> None:
    (pack / "holidays.yaml").write_text(
        "version: '1'\ncomplete_years: [2027]\nholidays: [2027-01-01]\nworkdays: [2027-01-02]\n",
        encoding="utf-8",
    )
    changed = load(pack, taxonomy()).at(NOW)
    assert changed.clocks.calendar.is_working_day(datetime(2027, 1, 2, tzinfo=UTC).date())
    assert changed.stamp.split("+")[1] != policy().stamp.split("+")[1]


BROKEN = [
    ("routing.yaml", "lead: call_center}", "lead: nobody}", "unknown department nobody"),
    ("routing.yaml", "product: [B1201]", "product: [B4711]", "routes.collection_card.when.product"),
    ("routing.yaml", "reason: [C02]", "reason: [C77]", "overlays.reason_system.when.reason"),
    ("routing.yaml", "source: [counter]", "source: [pigeon]", "pigeon"),
    ("routing.yaml", "channel: [A0101]", "channel: [A9]", "expected one of"),
    ("routing.yaml", "segment: [corporate]", "segment: [giants]", "giants"),
    ("routing.yaml", "flags: [extreme, group]", "flags: [mood]", "mood"),
    ("routing.yaml", "urgency: urgency}", "urgency: reason}", "ordinal"),
    ("routing.yaml", "reason: reason", "reason: ground", "roles.reason"),
    (
        "routing.yaml",
        "{id: sorting, lead",
        "{id: sorting, when: {product: [B9999]}, lead",
        "combinations",
    ),
    ("routing.yaml", "alternatives: 2", "alternatives: many", "alternatives"),
    ("routing.yaml", "alternatives: 2", "surprise: 2", "surprise"),
    (
        "routing.yaml",
        "{id: savings, when: {product: [B01]}",
        "{id: savings, when: {product: [B1202]}",
        "collection_loan",
    ),
    ("routing.yaml", "{id: savings,", "{id: loan,", "there twice"),
    ("departments.yaml", "affiliation: e_banking", "affiliation: moon", "moon"),
    ("departments.yaml", "{code: operations,", "{code: legal,", "there twice"),
    ("deadlines.yaml", "unit: minutes", "unit: moons", "clocks.0.limits.0.unit"),
    ("deadlines.yaml", "timezone: Asia/Shanghai", "timezone: Asia/Atlantis", "timezone"),
    ("deadlines.yaml", "id: plan", "id: dispatch", "there twice"),
    ("deadlines.yaml", "urgency: [II]", "urgency: [V]", "expected one of I, II, III, IV"),
    ("review.yaml", "hints: [template]", "hints: [stencil]", "stencil"),
    ("review.yaml", "always: [I]", "always: [O]", "always"),
    ("review.yaml", "audit_share: 0.02", "audit_share: 2", "audit_share"),
    ("rules.yaml", "level: I\n", "level: Z\n", "rules.self_harm.level"),
    ("rules.yaml", "flags: [extreme]\n", "flags: [extremely]\n", "unknown flag extremely"),
    (
        "rules.yaml",
        "guards: [negation, negation_after, third_party, rhetorical]",
        "guards: [nope]",
        "unknown guard nope",
    ),
    ("rules.yaml", "<gather>", "<gathering>", "unknown term gathering"),
    ("rules.yaml", "自尽|", "自尽.*|", "unbounded"),
    ("rules.yaml", "自尽|", "自尽.{0,99}|", "more than 40"),
    ("rules.yaml", "自尽|", "自.{0,40}尽.{0,40}|", "too many ways"),
    ("rules.yaml", "自尽|", "(自尽){2,3}|", "repeats a group"),
    ("rules.yaml", "自尽|", "(自尽|", "not a regular expression"),
    ("rules.yaml", "自尽|", "|", "matches nothing"),
    ("rules.yaml", 'me: ["我"', 'me: ["<me>"', "names itself"),
    (
        "rules.yaml",
        "level: I\n    flags: [mass_leak, leak]",
        "level: I\n    flags: [template]",
        "hint",
    ),
    ("rules.yaml", "flags: [template]\n", "flags: []\n", "expected a level"),
    ("rules.yaml", "effective: 2020-03-01", "effective: someday", "effective"),
    ("rules.yaml", "version:", "{version:", "YAML"),
]


@pytest.mark.parametrize(("name", "old", "new", "says"), BROKEN)
def test_a_broken_pack_names_file_and_key(
    pack: Path, name: str, old: str, new: str, says: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        change(pack, name, old, new)
    assert name in str(caught.value)
    assert says in str(caught.value)


def test_a_shadowed_route_says_by_which(pack: Path) -> None:
    with pytest.raises(PolicyError, match=r"routes\.business_loan.*because of: .*loan"):
        change(
            pack,
            "routing.yaml",
            "  - {id: savings,",
            "  - {id: all_loans, when: {product: [B02]}, lead: retail_credit}\n  - {id: savings,",
        )


def test_a_missing_file_is_named(pack: Path) -> None:
    (pack / "review.yaml").unlink()
    with pytest.raises(PolicyError, match=r"review\.yaml: is missing"):
        load(pack, taxonomy())


def test_an_unknown_file_is_refused(pack: Path) -> None:
    (pack / "rule.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"rule\.yaml"):
        load(pack, taxonomy())


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="not a directory"):
        load(tmp_path / "nowhere", taxonomy())


def test_the_date_in_a_name_must_be_the_date_inside(pack: Path) -> None:
    shutil.copy(pack / "review.yaml", pack / "review@2027-01-01.yaml")
    with pytest.raises(PolicyError, match="2027-01-01 as in the file's name"):
        load(pack, taxonomy())


def test_two_versions_of_one_day_are_refused(pack: Path) -> None:
    shutil.copy(pack / "review.yaml", pack / "review@2020-03-01.yaml")
    with pytest.raises(PolicyError, match="one day"):
        load(pack, taxonomy())


def test_the_overview_has_no_holes() -> None:
    seen = overview(policy(), taxonomy())
    nodes = len(taxonomy()["product"].labels) * len(taxonomy()["reason"].labels)
    assert seen.combinations == nodes
    assert sum(seen.leads.values()) == nodes
    assert (seen.unresolved, seen.shadowed) == ((), ())
    assert (seen.unused_departments, seen.unused_flags, seen.unused_guards) == ((), (), ())
    assert {clock.clock for clock in seen.clocks} >= {"first_contact", "decide", "leak_report"}
    assert all(clock.basis for clock in seen.clocks)
    assert seen.rules_by_level["I"] >= 8


def test_explain_keeps_every_step() -> None:
    text = "我在城东支行被骗走五万八,没有自杀的念头,要起诉"
    case = complaint(text)
    seen = explain(case, normalise(text), policy(), taxonomy(), prediction("B03015", "C10"))
    assert {fired.rule for fired in seen.fired} >= {"loss", "amount_large", "judicial"}
    assert [(item.hit.text, item.guard) for item in seen.suppressed] == [("自杀", "negation")]
    assert [(item.kind, item.value, item.text) for item in seen.quantities] == [
        ("amount", 58000, "五万八")
    ]
    assert seen.branch == "城东支行"
    assert seen.decision is not None
    assert seen.considered[-1] == seen.decision.routing.rule
    assert "".join(seen.clauses) == seen.normalised


def test_explain_works_without_a_model() -> None:
    seen = explain(complaint("要起诉"), normalise("要起诉"), policy(), taxonomy())
    assert seen.decision is None
    assert seen.considered == ()


def test_retention_is_stated() -> None:
    retention = policy().retention
    assert retention is not None
    assert retention.years >= 3
    assert "第四十四条" in retention.basis


def test_extensions_and_escalation_name_what_is_there(pack: Path) -> None:
    def refused(file: str, old: str, new: str, key: str) -> None:
        with pytest.raises(PolicyError, match=key):
            change(pack, file, old, new)
        change(pack, file, new, old)

    refused("deadlines.yaml", "extends: pbc_answer", "extends: nothing", "pbc_answer_extended")
    refused("deadlines.yaml", "extends: pbc_answer", "extends: decide_complex", "expected an ext")
    refused("deadlines.yaml", "met_by: planned", "met_by: delivered", "met_by")
    refused("routing.yaml", "escalation: consumer_protection", "escalation: nobody", "nobody")
