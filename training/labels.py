"""What the annotators of each public corpus decided, in our attributes, and no more than that."""

from collections.abc import Mapping
from typing import Final

from training.examples import TOXIC_BY_DEFINITION, CorpusError, Labels

Row = Mapping[str, str]
"""Column to cell."""
Meanings = Mapping[str, Labels]
"""What each answer of a yes/no or multiple-choice column says."""

TOXIC: Final[Meanings] = {"0": {"toxicity": 0.0}, "1": {"toxicity": 1.0}}
SPAM: Final[Meanings] = {"0": {"spam": 0.0}, "1": {"spam": 1.0}}
HAM_OR_SPAM: Final[Meanings] = {"ham": {"spam": 0.0}, "spam": {"spam": 1.0}}
# Where the question was "is this hate", a no says nothing about rudeness.
HATE: Final[Meanings] = {"0": {"identity_attack": 0.0}, "1": {"identity_attack": 1.0, "toxicity": 1.0}}
# The class is what most annotators chose. An offensive tweet may still attack women, which they rarely counted as hate,
# and whether it swears they were not asked.
DAVIDSON: Final[Meanings] = {
    "0": {"toxicity": 1.0, "identity_attack": 1.0},
    "1": {"toxicity": 1.0},
    "2": {"toxicity": 0.0, "identity_attack": 0.0},
}
JIGSAW: Final = {
    "toxic": "toxicity",
    "severe_toxic": "severe_toxicity",
    "obscene": "profanity",
    "threat": "threat",
    "insult": "insult",
    "identity_hate": "identity_attack",
}
MLMA_TYPES: Final = {"normal", "offensive", "abusive", "disrespectful", "hateful", "fearful"}
MLMA_IDENTITIES: Final = {"origin", "religion", "gender", "sexual_orientation", "disability"}
TOLD_IDENTITIES: Final = ("homophobia", "racism", "misogyny", "xenophobia")
# Without hate and, by our guide, without toxicity. Abuse of a profession or of a public role is left open: some of it
# is fair criticism, some is not, and the suite does not ask.
HATECHECK_HARMLESS: Final = {
    "ident_neutral_nh",
    "ident_pos_nh",
    "negate_neg_nh",
    "counter_quote_nh",
    "counter_ref_nh",
    "target_obj_nh",
}


def meaning(cell: str, meanings: Meanings, where: str) -> Labels:
    """Return what *cell* says, however its corpus writes 0 and 1; *where* begins the message when it says nothing."""
    answer = cell.strip().lower()
    answer = {"0.0": "0", "false": "0", "1.0": "1", "true": "1"}.get(answer, answer)
    if answer not in meanings:
        raise CorpusError(f"{where}: found the label {cell[:20]!r}, expected {' or '.join(meanings)}")
    return meanings[answer]


def jigsaw(row: Row, where: str) -> Labels:
    """Return the labels of a row with six yes/no columns."""
    labels = {name: meaning(row[column], TOXIC, where)["toxicity"] for column, name in JIGSAW.items()}
    # "Not toxic, but an insult": by our guide that cannot be, so the first is unknown.
    if not labels["toxicity"] and any(labels[name] for name in TOXIC_BY_DEFINITION):
        del labels["toxicity"]
    return labels


def mlma(row: Row, where: str) -> Labels:
    """Return the labels of a tweet with the types of hostility that its annotators chose, and its target."""
    types = set(row["sentiment"].split("_"))
    if types - MLMA_TYPES:
        raise CorpusError(f"{where}: found the types {sorted(types)}, expected some of {sorted(MLMA_TYPES)}")
    if types == {"normal"}:
        return {"toxicity": 0.0, "identity_attack": 0.0}
    # Annotators who chose different types are joined into one list. With "normal" among them they were not of one
    # mind, and about half of such tweets read harmless: the share of hostile types is the best that can be said.
    if "normal" in types:
        return {"toxicity": len(types - {"normal"}) / len(types)}
    # Only "hateful" is trusted for identity attacks: every tweet has a target, the merely offensive and abusive too,
    # and most of those name a group without attacking it.
    if "hateful" in types and row["target"] in MLMA_IDENTITIES:
        return {"toxicity": 1.0, "identity_attack": 1.0}
    return {"toxicity": 1.0}


def told_br(row: Row) -> Labels:
    """Return the labels of a tweet with zero to three votes per kind."""
    votes = {kind: float(row[kind]) for kind in ("obscene", "insult", *TOLD_IDENTITIES)}
    most = max(votes.values())
    return {
        # Votes are counted per kind only: two of three for one kind is a majority, one for each of two may be one
        # person's. A single vote stays the share that it is.
        "toxicity": 1.0 if most >= 2 else most / 3,
        "insult": votes["insult"] / 3,
        "profanity": votes["obscene"] / 3,
        "identity_attack": max(votes[kind] for kind in TOLD_IDENTITIES) / 3,
    }


def hatecheck(row: Row, where: str) -> Labels:
    """Return the labels of a test case, which follow from what it tests."""
    functionality = row["functionality"]
    hateful = {"hateful": {"identity_attack": 1.0}, "non-hateful": {"identity_attack": 0.0}}
    labels = dict(meaning(row["label_gold"], hateful, where))
    if labels["identity_attack"] or functionality == "target_indiv_nh":
        labels["toxicity"] = 1.0
    elif functionality in HATECHECK_HARMLESS:
        labels["toxicity"] = 0.0
    if functionality.startswith("threat_"):
        labels["threat"] = 1.0
    if functionality.startswith("profanity_"):
        labels["profanity"] = 1.0
    return labels
