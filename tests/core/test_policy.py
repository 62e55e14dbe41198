"""Limits and their consequences: what a policy decides, how a site lays its own over it, and what is refused."""

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import ATTRIBUTES, Decision, Signal, Span
from service.policy import MEANINGS, SIGNALS, USUAL, Limits, Policy, PolicyError, load_policy, reasons

RELEASE = """
version = "2026.01.01"
[attributes.toxicity]
hold = 0.5
reject = 0.9
[attributes.profanity]
[attributes.spam]
reject = 0.8
[signals.links]
hold = 3
[signals.spam_words]
hold = 1
reject = 2
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return written(tmp_path / "policy.toml", RELEASE)


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def decided(policy: Policy, scores: Mapping[str, float], signals: Mapping[str, int]) -> Decision:
    seen = [Signal(code, value) for code, value in signals.items()]
    return max((reason.decision for reason in reasons(policy, scores, seen)), default=Decision.accept)


# Deciding.


@pytest.mark.parametrize(
    ("limits", "value", "decision"),
    [
        (Limits(0.5, 0.9), 0.4999, Decision.accept),
        (Limits(0.5, 0.9), 0.5, Decision.hold),  # from the limit on
        (Limits(0.5, 0.9), 0.8999, Decision.hold),
        (Limits(0.5, 0.9), 0.9, Decision.reject),
        (Limits(0.5, 0.5), 0.5, Decision.reject),
        (Limits(hold=0.5), 1.0, Decision.hold),
        (Limits(reject=0.5), 0.4, Decision.accept),  # no hold before it rejects
        (Limits(reject=0.5), 0.5, Decision.reject),
        (Limits(), 1e9, Decision.accept),
    ],
)
def test_a_value_is_decided_by_its_limits(limits: Limits, value: float, decision: Decision) -> None:
    assert decision == limits.decide(value)
    assert decision is Decision.accept or limits.reached(value) <= value


LIMITS = st.builds(
    lambda hold, reject: Limits(hold, max(reject, hold) if hold < math.inf else reject),
    st.floats(0.01, 20) | st.just(math.inf),
    st.floats(0.01, 20) | st.just(math.inf),
)
POLICIES = st.builds(
    Policy,
    st.just("any"),
    st.dictionaries(st.sampled_from(ATTRIBUTES), LIMITS),
    st.dictionaries(st.sampled_from(sorted(SIGNALS)), LIMITS),
)
SCORES = st.dictionaries(st.sampled_from(ATTRIBUTES), st.floats(0, 1), min_size=1)
VALUES = st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.integers(1, 30))


@given(POLICIES, SCORES, VALUES, st.data())
def test_raising_a_score_or_a_signal_never_softens_a_decision(
    policy: Policy, scores: dict[str, float], signals: dict[str, int], data: st.DataObject
) -> None:
    before = decided(policy, scores, signals)
    attribute = data.draw(st.sampled_from(sorted(scores)))
    higher = scores | {attribute: data.draw(st.floats(scores[attribute], 1))}
    code = data.draw(st.sampled_from(sorted(SIGNALS)))  # one that is there, or one more
    more = signals | {code: signals.get(code, 0) + data.draw(st.integers(1, 30))}

    assert before <= decided(policy, higher, signals)
    assert before <= decided(policy, scores, more)
    assert before <= decided(policy, higher, more)


@given(POLICIES, SCORES, VALUES)
def test_reasons_are_the_grounds_that_were_reached_severest_first(
    policy: Policy, scores: dict[str, float], signals: dict[str, int]
) -> None:
    found = reasons(policy, scores, [Signal(code, value) for code, value in signals.items()])

    assert [-reason.decision for reason in found] == sorted(-reason.decision for reason in found)
    assert {reason.code for reason in found} == {
        *(name for name, score in scores.items() if policy.attributes.get(name, Limits()).decide(score)),
        *(code for code, value in signals.items() if policy.signals.get(code, USUAL.get(code, Limits())).decide(value)),
    }
    for reason in found:
        assert reason.decision > Decision.accept
        if reason.code in scores:
            assert (reason.attribute, reason.score) == (reason.code, scores[reason.code])
            assert reason.threshold is not None
            assert reason.threshold <= scores[reason.code]
        else:
            assert (None, None) == (reason.score, reason.threshold)


def test_a_reason_says_in_french_what_was_seen_and_shows_it(release: Path) -> None:
    policy = load_policy(release)
    spans = tuple(Span(place, place + 1, "a") for place in range(4))
    spam, toxicity, links = reasons(
        policy,
        {"toxicity": 0.6, "spam": 0.1},
        [Signal("links", 4, spans), Signal("spam_words", 2), Signal("shouting", 90)],
    )

    assert ("spam_words", "spam", Decision.reject) == (spam.code, spam.attribute, spam.decision)
    assert ("toxicity", 0.6, 0.5, Decision.hold) == (
        toxicity.code,
        toxicity.score,
        toxicity.threshold,
        toxicity.decision,
    )
    assert ("links", "Le commentaire contient 4 lien(s).", spans) == (links.code, links.message, links.spans)


def test_every_attribute_and_signal_has_french_words() -> None:
    assert set(ATTRIBUTES) == set(MEANINGS)
    for message in (*MEANINGS.values(), *(meaning.format(value=3) for _, meaning in SIGNALS.values())):
        assert re.fullmatch(r"Le (commentaire|ton|nom) .+\.", message)
        assert "{" not in message
    assert {attribute for attribute, _ in SIGNALS.values()} <= {*ATTRIBUTES, None}


# Reading.


def test_a_release_says_its_limits(release: Path) -> None:
    policy = load_policy(release)

    assert "2026.01.01" == policy.version
    assert {"toxicity": Limits(0.5, 0.9), "profanity": Limits(), "spam": Limits(reject=0.8)} == policy.attributes
    assert {"links": Limits(3, math.inf), "spam_words": Limits(1, 2)} == policy.signals


def test_a_site_names_only_what_differs(release: Path, tmp_path: Path) -> None:
    site = written(
        tmp_path / "site.toml",
        "[attributes.toxicity]\nhold = 0.7\n[attributes.threat]\nhold = 0.4\n[signals.contact_phone]\nhold = 1\n",
    )
    policy = load_policy(release, site)

    assert Limits(0.7, 0.9) == policy.attributes["toxicity"]
    assert Limits(0.4) == policy.attributes["threat"]
    assert Limits(reject=0.8) == policy.attributes["spam"]
    assert {"links", "spam_words", "contact_phone"} == set(policy.signals)


def test_false_switches_a_consequence_off(release: Path, tmp_path: Path) -> None:
    site = written(
        tmp_path / "site.toml",
        "[attributes.toxicity]\nreject = false\n[signals.links]\nhold = false\n[signals.spam_words]\nhold = false\n",
    )
    policy = load_policy(release, site)

    assert Decision.hold == decided(policy, {"toxicity": 1.0}, {})
    assert Decision.accept == decided(policy, {}, {"links": 1000})
    assert [Decision.accept, Decision.reject] == [decided(policy, {}, {"spam_words": value}) for value in (1, 2)]


def test_the_digest_of_a_site_s_file_is_part_of_the_version(release: Path, tmp_path: Path) -> None:
    versions = {load_policy(release).version}
    for text in ("", "# nous\n", "[signals.links]\nhold = 2\n"):
        site = written(tmp_path / "site.toml", text)
        versions.add(version := load_policy(release, site).version)
        assert f"2026.01.01+{hashlib.sha256(text.encode()).hexdigest()[:8]}" == version

    assert 4 == len(versions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = ", "policy.toml: expected a readable TOML file, found "),
        ("", "policy.toml: expected a version, found None"),
        ('version = ""', "policy.toml: expected a version, found ''"),
        ("version = 3", "policy.toml: expected a version, found 3"),
        ("attributes = 1", "policy.toml: expected a table [attributes], found 1"),
        ("signals = [1]", "policy.toml: expected a table [signals], found [1]"),
        (
            "[attributes.rudeness]\nhold = 1",
            "policy.toml: [attributes.rudeness] is unknown, expected one of toxicity, ",
        ),
        ("[signals.toxicity]\nhold = 1", "policy.toml: [signals.toxicity] is unknown, expected one of links, "),
        ("[attributes]\ntoxicity = 0.5", "policy.toml: expected a table [attributes.toxicity], found 0.5"),
        ("seuils = 1\n[x]", "policy.toml: seuils, x unknown, expected version, [attributes.*], [signals.*]"),
        ("[attributes.spam]\nHold = 1", "policy.toml: [spam] Hold is unknown, expected one of hold, reject"),
        (
            "[signals.links]\nthrottle = 3",
            "policy.toml: [links] throttle is unknown, expected one of hold, reject, waive",
        ),
        ("[attributes.spam]\nwaive = 1", "policy.toml: [spam] waive is unknown, expected one of hold, reject"),
        (
            "[attributes.spam]\nhold = 1.01",
            "policy.toml: [spam] hold = 1.01, expected false or a number above 0, up to 1.0",
        ),
        ("[attributes.spam]\nhold = 0", "policy.toml: [spam] hold = 0, expected false or a number above 0"),
        ("[attributes.spam]\nreject = -0.5", "policy.toml: [spam] reject = -0.5, expected false or a number above 0"),
        ("[attributes.spam]\nhold = nan", "policy.toml: [spam] hold = nan, expected false or a number above 0"),
        ("[attributes.spam]\nhold = true", "policy.toml: [spam] hold = True, expected false or a number above 0"),
        ('[attributes.spam]\nhold = "0.5"', "policy.toml: [spam] hold = '0.5', expected false or a number above 0"),
        ("[signals.links]\nhold = []", "policy.toml: [links] hold = [], expected false or a number above 0"),
        (
            "[attributes.spam]\nhold = 0.6\nreject = 0.5",
            "policy.toml: [spam] rejects from 0.5 but holds from 0.6 only",
        ),
    ],
)
def test_a_faulty_policy_is_refused_by_place(tmp_path: Path, text: str, message: str) -> None:
    versioned = text if "version" in text or not text else f'version = "1"\n{text}'
    path = written(tmp_path / "policy.toml", versioned)

    with pytest.raises(PolicyError, match=re.escape(message)):
        load_policy(path)


@pytest.mark.parametrize("content", [None, b"version = '\xff'"])
def test_an_unreadable_policy_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "policy.toml").write_bytes(content)

    with pytest.raises(PolicyError, match=r"policy\.toml: expected a readable TOML file, found "):
        load_policy(tmp_path / "policy.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[attributes.rudeness]\nhold = 1", "site.toml: [attributes.rudeness] is unknown"),
        ("[attributes.toxicity]\nhold = 2", "site.toml: [toxicity] hold = 2, expected false"),
        # The limit that the site left as it was is above the one that it set.
        ("[attributes.toxicity]\nreject = 0.4", "site.toml: [toxicity] rejects from 0.4 but holds from 0.5 only"),
    ],
)
def test_a_faulty_site_s_file_is_the_one_that_is_named(release: Path, tmp_path: Path, text: str, message: str) -> None:
    site = written(tmp_path / "site.toml", text)

    with pytest.raises(PolicyError, match=re.escape(message)):
        load_policy(release, site)
