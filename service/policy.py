"""From scores and signals to reasons: versioned limits, each with its consequence, and the French words for it."""

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.domain import ATTRIBUTES, Decision, Memory, Reason, Scores, Signal

SIGNALS: Mapping[str, tuple[str | None, str]] = {
    "links": ("spam", "Le commentaire contient {value} lien(s)."),
    "link_shortener": ("spam", "Le commentaire contient un lien raccourci qui cache sa destination."),
    "link_markup": ("spam", "Le commentaire contient du code de mise en forme de liens ([url], HTML)."),
    "hidden_link": ("spam", "Le commentaire contient une adresse de site déguisée."),
    "contact_phone": ("spam", "Le commentaire contient un numéro de téléphone."),
    "contact_messaging": ("spam", "Le commentaire invite à poursuivre sur une messagerie (WhatsApp, Telegram…)."),
    "contact_email": ("spam", "Le commentaire contient une adresse électronique."),
    "shouting": (None, "Le commentaire est écrit presque entièrement en majuscules."),
    "repeated_characters": (None, "Le commentaire répète un même signe de nombreuses fois."),
    "repeated_lines": ("spam", "Le commentaire répète {value} fois la même phrase."),
    "foreign_script": (None, "Le commentaire est écrit dans un autre alphabet que celui du français."),
    "mixed_scripts": (None, "Le commentaire mêle plusieurs alphabets dans un mot, comme pour le déguiser."),
    "insult_words": ("insult", "Le commentaire contient une injure."),
    "identity_attack_words": ("identity_attack", "Le commentaire contient un terme injurieux visant une origine, une "
                              "religion, un sexe, une orientation ou un handicap."),
    "profanity_words": ("profanity", "Le commentaire contient des mots grossiers."),
    "threat_words": ("threat", "Le commentaire contient une menace ou souhaite du mal à quelqu'un."),
    "sexually_explicit_words": ("sexually_explicit", "Le commentaire contient des termes sexuellement explicites."),
    "spam_words": ("spam", "Le commentaire contient une formule publicitaire ou frauduleuse connue."),
    "direct_insult": ("insult", "Le commentaire adresse une insulte à quelqu'un."),
    "name_link": ("spam", "Le nom contient une adresse ou un numéro."),
    "name_words": ("spam", "Le nom contient une formule publicitaire ou une injure."),
    "listed_hold": (None, "Le commentaire contient un mot que ce site fait retenir."),
    "listed_reject": (None, "Le commentaire contient un mot que ce site fait refuser."),
    "repeated_text": ("spam", "Le commentaire reprend un texte déjà envoyé {value} fois en sept jours."),
    "near_repeated_text": ("spam", "Le commentaire ressemble à un texte déjà envoyé {value} fois en sept jours."),
    "author_flood": (None, "Le commentaire suit {value} autres du même auteur en une minute."),
    "address_flood": (None, "Le commentaire suit {value} autres de la même adresse en une minute."),
    "first_comment": (None, "Le commentaire est le premier de cet auteur."),
    "author_rejected": (None, "Le commentaire vient d'un auteur dont {value} % des derniers ont été refusés."),
    "honeypot": ("spam", "Le commentaire remplit un champ caché du formulaire, comme le font les robots."),
    "sent_at_once": ("spam", "Le commentaire a été envoyé plus vite qu'on ne peut l'écrire."),
    "staff": (None, "Le commentaire vient de la rédaction du site."),
    "trusted_author": (None, "Le commentaire vient d'un auteur dont les {value} précédents sont connus et les derniers "
                       "tous acceptés."),
}  # fmt: skip
"""Code of a signal to the attribute it speaks for (None: none of them) and what it means, in French."""

MEANINGS: Mapping[str, str] = {
    "toxicity": "Le ton du commentaire semble irrespectueux ou agressif.",
    "severe_toxicity": "Le commentaire semble très agressif ou haineux.",
    "insult": "Le commentaire semble rabaisser une personne ou un groupe.",
    "identity_attack": "Le commentaire semble hostile à des personnes pour ce qu'elles sont (origine, religion, "
    "sexe, orientation, handicap, âge).",
    "threat": "Le commentaire semble menacer quelqu'un ou lui souhaiter du mal.",
    "profanity": "Le commentaire semble grossier.",
    "sexually_explicit": "Le commentaire semble sexuellement explicite.",
    "spam": "Le commentaire ressemble à de la publicité ou à une tentative d'escroquerie.",
}
"""Attribute of the model to what a high score means, in French."""


class PolicyError(ValueError):
    """A policy that cannot be applied; the message names the place, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which score (or value of a signal) to act; infinity means never."""

    hold: float = math.inf
    reject: float = math.inf
    waive: float = math.inf
    """From this value of a signal on, nothing is held; what is rejected stays so."""
    throttle: float = math.inf
    """From this value of a flood on, the caller is told to come back later, and nothing is kept."""

    def decide(self, value: float) -> Decision:
        """Return what *value* leads to; a higher value never leads to less."""
        if value >= self.reject:
            return Decision.reject
        return Decision.hold if value >= self.hold else Decision.accept

    def reached(self, value: float) -> float:
        """Return the limit that *value* has reached."""
        return self.reject if value >= self.reject else self.hold


NEVER = Limits()
USUAL = {"listed_hold": Limits(hold=1), "listed_reject": Limits(hold=1, reject=1)}
"""What a site's own words lead to where a policy does not say otherwise."""


FLOODS = ("author_flood", "address_flood")


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits per attribute and per signal."""

    version: str
    attributes: Mapping[str, Limits]
    signals: Mapping[str, Limits]

    def of_signal(self, code: str) -> Limits:
        """Return the limits of a signal; without any it is only shown."""
        return self.signals.get(code, USUAL.get(code, NEVER))

    def throttles(self, memory: Memory) -> bool:
        """Tell whether so much came lately that the next comment is not even judged."""
        lately = {"author_flood": memory.author_lately, "address_flood": memory.address_lately}
        return any(value >= self.of_signal(code).throttle for code, value in lately.items())


def reasons(policy: Policy, scores: Scores, signals: Iterable[Signal]) -> tuple[Reason, ...]:
    """Return every ground on which *policy* holds or rejects, severest first; raising a score never softens one."""
    found, observed = [], tuple(signals)
    for attribute, score in scores.items():
        limits = policy.attributes.get(attribute, NEVER)
        if decision := limits.decide(score):
            found.append(
                Reason(attribute, MEANINGS[attribute], decision, attribute, score, threshold=limits.reached(score))
            )
    for signal in observed:
        if decision := policy.of_signal(signal.code).decide(signal.value):
            attribute_or_none, meaning = SIGNALS[signal.code]
            message = meaning.format(value=signal.value)
            found.append(Reason(signal.code, message, decision, attribute_or_none, spans=signal.spans))
    if any(signal.value >= policy.of_signal(signal.code).waive for signal in observed):
        found = [reason for reason in found if reason.decision is Decision.reject]
    return tuple(sorted(found, key=lambda reason: (-reason.decision, -(reason.score or 0))))


def load_policy(path: Path, site_path: Path | None = None) -> Policy:
    """Read the policy of a release and lay the site's own limits over it.

    The site's file has the same form and names only what differs; `hold = false` switches a consequence off. Its
    digest becomes part of the version, so that two judgements by different limits never claim the same policy.

    Raises PolicyError when a file cannot be read, names something unknown or would reject before it holds.
    """
    tables = _read(path)
    version = tables.get("version")
    if not isinstance(version, str) or not version:
        raise PolicyError(f"{path}: expected a version, found {version!r}")
    if site_path is not None:
        site = _read(site_path)
        digest = hashlib.sha256(site_path.read_bytes()).hexdigest()[:8]
        tables = {part: _overlay(tables.get(part, {}), site.get(part, {})) for part in ("attributes", "signals")}
        version = f"{version}+{digest}"
        path = site_path  # the release's own limits were checked when it was made
    return Policy(
        version,
        {name: _limits(path, name, table, 1.0) for name, table in tables.get("attributes", {}).items()},
        {name: _limits(path, name, table, math.inf) for name, table in tables.get("signals", {}).items()},
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: expected a readable TOML file, found {error}") from error
    for part, known in (("attributes", ATTRIBUTES), ("signals", SIGNALS)):
        if not isinstance(tables.get(part, {}), dict):
            raise PolicyError(f"{path}: expected a table [{part}], found {tables[part]!r}")
        for name in tables.get(part, {}):
            if name not in known:
                raise PolicyError(f"{path}: [{part}.{name}] is unknown, expected one of {', '.join(known)}")
            if not isinstance(tables[part][name], dict):
                raise PolicyError(f"{path}: expected a table [{part}.{name}], found {tables[part][name]!r}")
    if unknown := set(tables) - {"version", "attributes", "signals"}:
        raise PolicyError(
            f"{path}: {', '.join(sorted(unknown))} unknown, expected version, [attributes.*], [signals.*]"
        )
    return tables


def _overlay(release: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {**release.get(name, {}), **site.get(name, {})} for name in {**release, **site}}


def _limits(path: Path, name: str, table: Mapping[str, Any], highest: float) -> Limits:
    values: dict[str, float] = {}
    for key, value in table.items():
        known = (
            {"hold", "reject"} | ({"waive"} if name in SIGNALS else set()) | ({"throttle"} if name in FLOODS else set())
        )
        if key not in known:
            raise PolicyError(f"{path}: [{name}] {key} is unknown, expected one of {', '.join(sorted(known))}")
        if value is False:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= highest:
            raise PolicyError(
                f"{path}: [{name}] {key} = {value!r}, expected false or a number above 0, up to {highest}"
            )
        values[key] = float(value)
    limits = Limits(**values)
    if limits.reject < limits.hold < math.inf:
        raise PolicyError(f"{path}: [{name}] rejects from {limits.reject} but holds from {limits.hold} only")
    return limits
