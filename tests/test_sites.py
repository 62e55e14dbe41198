"""Several sites: what is different for each, checked whole at the start."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from service.settings import Settings, SettingsError
from service.sites import Site, load_sites

SECRET = "empsec_0123456789abcdef"


def test_without_a_file_there_is_the_site_of_the_settings() -> None:
    settings = Settings(site="journal", akismet_toxicity=True, coral_secrets=(SECRET,))

    assert {"journal": Site(name="journal", akismet_toxicity=True, coral_secrets=(SECRET,))} == load_sites(settings)


def test_a_table_goes_before_the_settings_and_secrets_are_not_shared(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(f'''
        [journal]
        other_languages = "score"
        [gazette]
        policy = "gazette.toml"
        akismet_toxicity = true
        webhook_url = "https://gazette.example/vigie"
        webhook_secret = "sixteen characters"
        coral_secrets = ["{SECRET}"]
        [revue]
    ''')
    told = {"webhook_url": "https://journal.example/", "webhook_secret": "sixteen characters"}
    sites = load_sites(Settings(site="journal", sites=file, coral_fault="skip", coral_secrets=("x" * 16,), **told))

    assert ["journal", "gazette", "revue"] == list(sites)
    assert Site(name="revue", coral_fault="skip") == sites["revue"]
    assert ("score", ("x" * 16,), True) == (
        sites["journal"].other_languages, sites["journal"].coral_secrets, sites["journal"].is_told,
    )  # fmt: skip
    assert (tmp_path / "gazette.toml", (SECRET,), "skip") == (
        sites["gazette"].policy, sites["gazette"].coral_secrets, sites["gazette"].coral_fault,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[journal", "expected a readable TOML file"),
        ("journal = 1", "expected a table for each site"),
        ("[journal]\ncolour = 1", "'colour': ['Unknown field.']"),
        ('[journal]\ncoral_fault = "accept"', "'coral_fault'"),
        ('[journal]\nwebhook_url = "ftp://x"', "expected an address"),
        ('[journal]\nwebhook_url = "https://x.example"', "expected webhook_url and webhook_secret, found one"),
        ('[journal]\ncoral_secrets = ["short"]', "at least 16 characters"),
        (f'["{"x" * 101}"]', "expected a table for each site"),
    ],
)
def test_a_faulty_file_is_refused_by_place(tmp_path: Path, written: str, told: str) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(written)

    with pytest.raises(SettingsError) as error:
        load_sites(Settings(sites=file))
    assert str(error.value).startswith(str(file))
    assert told in str(error.value)


def test_each_site_is_judged_by_its_own_policy(
    tmp_path: Path, make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    (tmp_path / "sites.toml").write_text('[gazette]\npolicy = "gazette.toml"')
    (tmp_path / "gazette.toml").write_text("[signals.links]\nhold = 1")
    state = make_app(dataclasses.replace(settings, sites=tmp_path / "sites.toml")).extensions["vigie"]

    assert 3 == state.moderation_of("default").policy.signals["links"].hold
    assert 1 == state.moderation_of("gazette").policy.signals["links"].hold
    assert state.moderation_of("gazette").policy.version.startswith(f"{state.moderation.policy.version}+")
