"""What a new release changes, in French, for whoever retrained: better, worse, and how to roll out or back."""

from collections.abc import Mapping
from typing import Any

NAMES = {
    "toxicity": "la toxicité",
    "severe_toxicity": "la toxicité grave",
    "insult": "les insultes",
    "identity_attack": "les attaques identitaires",
    "threat": "les menaces",
    "profanity": "les grossièretés",
    "sexually_explicit": "les propos sexuels",
    "spam": "les indésirables",
}
DECISIONS = {
    "good comments held or rejected": "bons commentaires retenus ou refusés",
    "good comments rejected": "bons commentaires refusés",
    "toxic comments held or rejected": "commentaires toxiques retenus ou refusés",
    "spam held or rejected": "indésirables retenus ou refusés",
    "bad comments rejected": "mauvais commentaires refusés",
}


def summary(metrics: Mapping[str, Any], version: str) -> list[str]:
    """Return lines that say what release *version* changes beside the one in service, from its metrics.

    A difference whose 95 % interval holds zero is called none: it may be chance.
    """
    lines = []
    champion = metrics.get("champion")
    if champion:
        lines.append(f"Comparé au modèle {champion['version']}, sur les mêmes textes, qu'aucun des deux n'a appris :")
        better, worse = (
            [NAMES[name] for name, found in champion["attributes"].items() if sign * found[side] > 0]
            for sign, side in ((1, "low"), (-1, "high"))
        )
        lines.append(f"  il reconnaît mieux : {', '.join(better) or 'rien de façon sûre'}")
        lines.append(f"  il reconnaît moins bien : {', '.join(worse) or 'rien de façon sûre'}")
        for name, found in champion["decisions"].items():
            sure = found["low"] > 0 or found["high"] < 0
            change = "" if sure else " (différence peut-être due au hasard)"
            lines.append(
                f"  {DECISIONS[name]} : {_percent(found['champion'])} → {_percent(found['challenger'])}{change}"
            )
    own = metrics["attributes"].get("toxicity", {}).get("sources", {}).get("own")
    if own:
        lines.append(
            f"Sur {own['rows']} de vos verdicts les plus récents, qu'il n'a pas appris, il range un commentaire refusé"
            f" au-dessus d'un accepté {_percent(own['auc'])} du temps."
        )
    lines += [
        f"Sa fiche : models/{version}/card.md",
        f"Pour le mettre en service : vigie model use {version}",
        *([f"Pour revenir en arrière : vigie model use {champion['version']}"] if champion else []),
    ]
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".", ",")
