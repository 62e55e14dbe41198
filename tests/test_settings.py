"""What an operator chooses: read once, checked whole, told in one message, and every choice documented."""

import dataclasses
import os
import re
from pathlib import Path

import pytest

from service.settings import ROOT, Settings, SettingsError

DOCUMENT = ROOT / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VIGIE_"):
            monkeypatch.delenv(name)


def test_nothing_needs_to_be_set() -> None:
    assert Settings() == Settings.from_env()


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("host", "::1", "::1"),
        ("port", "8080", 8080),
        ("workers", "8", 8),
        ("proxies", "1", 1),
        ("request_timeout", "5", 5),
        ("database", "postgresql://vigie@/vigie", "postgresql://vigie@/vigie"),
        ("models", "/srv/models", Path("/srv/models")),
        ("policy", "/srv/policy.toml", Path("/srv/policy.toml")),
        ("shadow_model", "2026.11.24", "2026.11.24"),
        ("shadow_policy", "/srv/strict.toml", Path("/srv/strict.toml")),
        ("site", "le-journal", "le-journal"),
        ("sites", "/srv/sites.toml", Path("/srv/sites.toml")),
        ("public_url", "https://vigie.example.org", "https://vigie.example.org"),
        ("time_zone", "America/Montreal", "America/Montreal"),
        ("addresses", "off", "off"),
        ("keep_accepted_days", "0", 0),
        ("keep_held_days", "30", 30),
        ("keep_rejected_days", "30", 30),
        ("keep_acts_days", "30", 30),
        ("webhook_url", "https://example.org/vigie", "https://example.org/vigie"),
        ("webhook_secret", "sixteen characters", "sixteen characters"),
        ("coral_secrets", f"empsec_{'a' * 20},empsec_{'b' * 20}", (f"empsec_{'a' * 20}", f"empsec_{'b' * 20}")),
        ("coral_accept", "approve", "approve"),
        ("coral_hold", "flag", "flag"),
        ("coral_fault", "skip", "skip"),
        ("coral_deadline", "400", 400),
        ("akismet_toxicity", "true", True),
        ("other_languages", "score", "score"),
        ("max_name_bytes", "10", 10),
        ("max_comment_bytes", "1000", 1000),
        ("max_body_bytes", "2000", 2000),
        ("max_batch_bytes", "3000", 3000),
        ("try_page", "off", "off"),
        ("log_format", "console", "console"),
        ("log_level", "debug", "debug"),
    ],
)
def test_every_field_is_read_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, sent: str, expected: object
) -> None:
    monkeypatch.setenv(f"VIGIE_{name.upper()}", sent)
    pair = {"webhook_url": ("webhook_secret", "x" * 16), "webhook_secret": ("webhook_url", "http://x")}.get(name)
    if pair:
        monkeypatch.setenv(f"VIGIE_{pair[0].upper()}", pair[1])

    assert dataclasses.replace(Settings(), **dict([(name, expected), *([pair] if pair else [])])) == Settings.from_env()


def test_every_field_is_in_the_table_above() -> None:
    (table,) = (mark for mark in test_every_field_is_read_from_its_variable.pytestmark if mark.name == "parametrize")

    assert set(Settings.__dataclass_fields__) == {row[0] for row in table.args[1]}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", ""),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("WORKERS", "2.5"),
        ("REQUEST_TIMEOUT", "0"),
        ("DATABASE", ""),
        ("SITE", ""),
        ("SITE", "x" * 101),
        ("WEBHOOK_URL", "ftp://example.org"),
        ("WEBHOOK_URL", "https://example.org:x/"),
        ("WEBHOOK_URL", "https://example.org/modération"),
        ("WEBHOOK_URL", "http://[x/"),
        ("PROXIES", "-1"),
        ("WEBHOOK_SECRET", "short"),
        ("CORAL_SECRETS", "empsec_long_enough_for_that,short"),
        ("CORAL_ACCEPT", "accept"),
        ("CORAL_HOLD", "hold"),
        ("CORAL_FAULT", "accept"),
        ("CORAL_DEADLINE", "5"),
        ("AKISMET_TOXICITY", "maybe"),
        ("OTHER_LANGUAGES", "all"),
        ("PUBLIC_URL", "vigie.example.org"),
        ("TIME_ZONE", "Paris"),
        ("TIME_ZONE", "../etc/passwd"),
        ("ADDRESSES", "some"),
        ("KEEP_HELD_DAYS", "-1"),
        ("MAX_NAME_BYTES", "-1"),
        ("MAX_COMMENT_BYTES", "64k"),
        ("TRY_PAGE", "yes"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "INFO"),
    ],
)
def test_an_impossible_value_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, sent: str) -> None:
    monkeypatch.setenv(f"VIGIE_{name}", sent)

    with pytest.raises(SettingsError, match=f"VIGIE_{name}"):
        Settings.from_env()


def test_an_unknown_variable_is_told_with_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABSE", "sqlite:///x.db")

    with pytest.raises(
        SettingsError, match=r"VIGIE_DATABSE is not a setting of Vigie, expected one of .*VIGIE_DATABASE"
    ):
        Settings.from_env()


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PORT", "x"), ("WORKERS", "x"), ("LOG_LEVEL", "x"), ("X", "x"), ("Y", "x")):
        monkeypatch.setenv(f"VIGIE_{name}", value)

    with pytest.raises(SettingsError) as told:
        Settings.from_env()
    for name in ("PORT", "WORKERS", "LOG_LEVEL", "X", "Y"):
        assert (
            f"VIGIE_{name} " in str(told.value)
            or f"VIGIE_{name}:" in str(told.value)
            or f"VIGIE_{name}'" in str(told.value)
        )


def test_a_variable_of_others_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("MYVIGIE_PORT", "x")

    assert Settings() == Settings.from_env()


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(VIGIE_\w+)` \| (.+?) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE))

    assert {f"VIGIE_{name.upper()}" for name in Settings.__dataclass_fields__} == set(rows)
    for name, default in dataclasses.asdict(Settings()).items():
        shown = str(default).lower() if isinstance(default, bool) else str(default).replace(str(ROOT), "<project>")
        told = "none" if default in (None, ()) else f"`{shown}`"
        assert told == rows[f"VIGIE_{name.upper()}"]


def test_no_document_names_a_setting_that_is_none() -> None:
    known = {f"VIGIE_{name.upper()}" for name in Settings.__dataclass_fields__}
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {name for document in documents for name in re.findall(r"VIGIE_[A-Z_]+\w", document.read_text("utf-8"))}

    assert set() == named - known
