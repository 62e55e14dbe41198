"""The heart: one comment in, one judgement out, and one call of the model for a batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from service.domain import Comment, Decision, Judgement
from service.lexicon import load_lexicon
from service.model import Model
from service.moderation import Moderation
from service.policy import Limits, Policy, load_policy

COMMENTS = [
    Comment("Merci pour cet article, clair et bien documenté.", "Claire"),
    Comment("Espèce d'abruti, tu ne comprends vraiment rien à rien !", "Zoé"),
    Comment(
        "Offre de prêt entre particuliers sans justificatif, contactez-moi sur WhatsApp : +33 6 00 00 00 00", "Jean"
    ),
    Comment("", "Nul"),
    Comment("Merci.", "http://exemple.fr"),
    Comment("Quel c0nnard, ce type ! 😀", "Zoé"),
]


class Counted:
    """A pipeline that remembers how many texts each of its methods was given."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.calls: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        def call(texts: list[str]) -> Any:
            self.calls.append((name, len(texts)))
            return getattr(self.pipeline, name)(texts)

        return call


@pytest.fixture(scope="module")
def moderation(model: Model) -> Moderation:
    return Moderation(load_lexicon(), model, load_policy(model.folder / "policy.toml"))


def counted(model: Model, policy: Policy) -> tuple[Moderation, Counted]:
    pipeline = Counted(model.pipeline)
    counting = Model(model.version, pipeline, model.attributes, model.folder, model.release)  # type: ignore[arg-type]
    return Moderation(load_lexicon(), counting, policy), pipeline


def check(judgement: Judgement, comment: Comment) -> None:
    """Check what is true of any judgement."""
    decisions = [reason.decision for reason in judgement.reasons]
    assert judgement.decision == max(decisions, default=Decision.accept)
    assert bool(judgement.reasons) == (judgement.decision is not Decision.accept)
    assert Decision.accept not in decisions
    assert decisions == sorted(decisions, reverse=True)
    for found in (*judgement.reasons, *judgement.signals):
        for span in found.spans:
            assert span.text == comment.text[span.begin : span.end] != ""


def test_a_batch_is_judged_as_its_members_in_order(moderation: Moderation) -> None:
    judged = moderation.judge_all(COMMENTS)

    assert [moderation.judge(comment) for comment in COMMENTS] == judged
    for judgement, comment in zip(judged, COMMENTS, strict=True):
        check(judgement, comment)


def test_the_model_scores_a_batch_in_one_call(model: Model) -> None:
    moderation, pipeline = counted(model, Policy("none", {}, {}))
    judged = moderation.judge_all(COMMENTS * 50)

    assert [("predict_proba", 300)] == pipeline.calls  # and nothing is explained of what is accepted
    assert {Decision.accept} == {judgement.decision for judgement in judged}


def test_all_scores_of_a_comment_are_explained_together(model: Model) -> None:
    everything = dict.fromkeys(model.attributes, Limits(hold=1e-9))
    moderation, pipeline = counted(model, Policy("all", everything, {}))
    judgement = moderation.judge(COMMENTS[1])

    assert ["predict_proba", "decision_function"] == [name for name, _ in pipeline.calls]
    assert set(model.attributes) == {reason.code for reason in judgement.reasons}


def test_a_signal_alone_asks_for_no_explanation_by_the_model(model: Model) -> None:
    moderation, pipeline = counted(model, Policy("signals", {}, {"insult_words": Limits(hold=1)}))
    judgement = moderation.judge(COMMENTS[5])

    assert ["predict_proba"] == [name for name, _ in pipeline.calls]
    assert [("insult_words", None, ["c0nnard"])] == [
        (reason.code, reason.score, [span.text for span in reason.spans]) for reason in judgement.reasons
    ]


def test_the_first_comments_of_a_batch_are_explained_and_the_others_decided_alike(model: Model) -> None:
    moderation, pipeline = counted(model, Policy("all", {"insult": Limits(hold=0.3)}, {"insult_words": Limits(hold=1)}))
    judged = moderation.judge_all([COMMENTS[5], Comment("Merci.", "Zoé"), *[COMMENTS[5]] * 3], most_explained=2)

    assert ["predict_proba", "decision_function", "decision_function"] == [name for name, _ in pipeline.calls]
    assert [2, 0, 2, 2, 2] == [len(judgement.reasons) for judgement in judged]
    assert {Decision.hold} == {judgement.decision for judgement in judged if judgement.reasons}
    # What the rules saw is always shown.
    assert [["insult", "insult_words"], [], ["insult", "insult_words"], ["insult_words"], ["insult_words"]] == [
        sorted(reason.code for reason in judgement.reasons if reason.spans) for judgement in judged
    ]


def test_no_comments_have_no_judgements(moderation: Moderation) -> None:
    assert [] == moderation.judge_all([])


def test_what_is_accepted_has_no_reasons_but_all_its_scores(moderation: Moderation) -> None:
    judgement = moderation.judge(COMMENTS[0])

    assert (Decision.accept, (), ()) == (judgement.decision, judgement.reasons, judgement.signals)
    assert set(moderation.model.attributes) == set(judgement.scores)


def test_the_words_shown_explain_the_reason(moderation: Moderation) -> None:
    judgement = moderation.judge(COMMENTS[5])
    shown = {reason.code: [span.text for span in reason.spans] for reason in judgement.reasons}

    assert Decision.hold <= judgement.decision
    assert ["c0nnard"] == shown["insult_words"]
    assert any("c0nnard" in words for words in shown["insult"])


def test_a_judgement_names_the_versions_that_made_it(moderation: Moderation) -> None:
    judgement = moderation.judge(COMMENTS[0])

    assert (moderation.model.version, moderation.policy.version) == (judgement.model, judgement.policy)


def test_a_signal_without_consequence_is_kept_and_gives_no_reason(moderation: Moderation) -> None:
    judgement = moderation.judge(Comment("LA RÉUNION DE DEMAIN EST ANNULÉE, MERCI À TOUS.", "Claire"))

    assert ["shouting"] == [signal.code for signal in judgement.signals]
    assert "shouting" not in {reason.code for reason in judgement.reasons}


def test_the_name_is_judged_too_and_shows_no_words_of_the_text(moderation: Moderation) -> None:
    judgement = moderation.judge(COMMENTS[4])

    assert [("name_link", ())] == [(reason.code, reason.spans) for reason in judgement.reasons]


def test_each_step_is_entered_once_for_a_batch(moderation: Moderation) -> None:
    steps = []

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        steps.append(step)
        yield
        steps.append(f"/{step}")

    Moderation(moderation.lexicon, moderation.model, moderation.policy, step=timed).judge_all(COMMENTS)

    assert ["signals", "/signals", "score", "/score", "reasons", "/reasons", "explain", "/explain"] == steps


@given(st.text(st.characters() | st.sampled_from("aé1@*!.\0\u200b\ud800"), max_size=60), st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_comment_is_judged(moderation: Moderation, text: str, name: str) -> None:
    comment = Comment(text, name)

    check(moderation.judge(comment), comment)


@pytest.mark.parametrize("part", ["connard ", "@", "*", "😀", "\ud800", "Привет ", "a.fr ", "tu es un abruti. "])
def test_a_comment_of_the_greatest_length_is_judged(moderation: Moderation, part: str) -> None:
    comment = Comment((part * 65_000)[:65_000], "Zoé")

    check(moderation.judge(comment), comment)
