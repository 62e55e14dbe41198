"""A release in service: what is checked before it is unpickled, how it scores, and how it explains."""

import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES
from service.model import LIBRARIES, PARTS, SHOWN, Model, ModelError, current, digest, load_model

TEXTS = [
    "Merci pour cet article.",
    "Quel connard, ce ministre !",
    "",
    "\u200b",
    "Prêt entre particuliers, contactez-moi sur WhatsApp +33 6 00 00 00 00",
    "Чудесно 😀\0\ud800",
    "Bien dit. " * 6500,
]


@pytest.fixture
def models(model: Model, tmp_path: Path) -> Path:
    """A copy of the release in service, to be spoilt."""
    shutil.copytree(model.folder, tmp_path / "models" / model.version)
    shutil.copy(model.folder.parent / "current.toml", tmp_path / "models")
    return tmp_path / "models"


def rewrite(models: Path, version: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change release.json and put it into service, as somebody would who may write current.toml too."""
    path = models / version / "release.json"
    release = json.loads(path.read_text("utf-8"))
    change(release)
    path.write_text(json.dumps(release), "utf-8")
    (models / "current.toml").write_text(f'version = "{version}"\nsha256 = "{digest(path)}"\n', "utf-8")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


class Calls:
    """A pipeline that counts its calls and the texts given."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.texts: list[int] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.pipeline, name)

        def counted(texts: list[str]) -> Any:
            self.texts.append(len(texts))
            return method(texts)

        return counted


def counting(model: Model) -> tuple[Model, Calls]:
    calls = Calls(model.pipeline)
    return Model(model.version, calls, model.attributes, model.folder, model.release), calls  # type: ignore[arg-type]


# Loading.


def test_the_release_in_service_is_the_one_that_current_names(model: Model) -> None:
    version, expected = current(model.folder.parent)

    assert (version, expected) == (model.version, digest(model.folder / "release.json"))
    assert set(model.attributes) <= set(ATTRIBUTES)
    assert set(LIBRARIES) == set(model.release["libraries"])
    assert model.card().startswith("# Model card")


def test_every_file_of_the_release_is_accounted_for(model: Model) -> None:
    files = {str(path.relative_to(model.folder)) for path in model.folder.rglob("*") if path.is_file()}

    assert files == {*model.release["files"], "release.json"}


def test_a_release_loads_from_any_folder_and_scores_alike(model: Model, models: Path) -> None:
    assert (
        load_model(models).score(TEXTS[:3])
        == load_model(models, model.version).score(TEXTS[:3])
        == model.score(TEXTS[:3])
    )


@pytest.mark.parametrize("file", ["model.joblib", "policy.toml", "card.md", "metrics.json", "params.toml"])
def test_a_flipped_byte_is_refused(model: Model, models: Path, file: str) -> None:
    flip(models / model.version / file)

    with pytest.raises(ModelError, match=rf"{file}: expected sha256 \w{{16}}…, found \w{{16}}…: changed since"):
        load_model(models)


def test_a_flipped_byte_of_the_list_of_digests_is_refused(model: Model, models: Path) -> None:
    flip(models / model.version / "release.json")

    with pytest.raises(ModelError, match=r"release\.json: expected sha256 "):
        load_model(models)


@pytest.mark.parametrize("file", ["model.joblib", "policy.toml", "release.json", "figures/decisions.svg"])
def test_a_missing_file_is_refused(model: Model, models: Path, file: str) -> None:
    (models / model.version / file).unlink()

    with pytest.raises(ModelError, match=rf"{file}: expected a readable file of the release, found No such file"):
        load_model(models)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"version = ", b'version = "1"', b'sha256 = "0"', b"\xff"],
    ids=["absent", "empty", "broken", "no digest", "no version", "not UTF-8"],
)
def test_a_current_that_names_no_release_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "current.toml").write_bytes(content)

    with pytest.raises(
        ModelError, match=r"current\.toml: expected version and sha256 of the release in service, found"
    ):
        load_model(tmp_path)


def test_an_unknown_version_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match=r"release\.json: expected a readable release\.json, found .*No such file"):
        load_model(models, "1999.01.01")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\udcff"])
def test_an_unreadable_release_is_refused(model: Model, models: Path, content: str) -> None:
    (models / model.version / "release.json").write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ModelError, match=r"release\.json: expected "):
        load_model(models, model.version)


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_of_a_library_is_refused(model: Model, models: Path, library: str) -> None:
    rewrite(models, model.version, lambda release: release["libraries"].update({library: "0.1"}))

    with pytest.raises(ModelError, match=rf"expected {library} 0\.1, with which it was trained, found \d"):
        load_model(models)


def test_a_library_that_is_not_installed_is_refused(model: Model, models: Path) -> None:
    rewrite(models, model.version, lambda release: release["libraries"].update(zigomar="1.0"))

    with pytest.raises(ModelError, match=r"expected zigomar 1\.0, with which it was trained, found none"):
        load_model(models)


def test_other_scores_than_at_the_release_are_refused(model: Model, models: Path) -> None:
    rewrite(models, model.version, lambda release: release["probes"][0]["scores"].update(toxicity=0.999))

    with pytest.raises(ModelError, match=r"expected the scores .*0\.999.* for its probe text, found "):
        load_model(models)


def put(models: Path, version: str, content: object) -> None:
    """Make *content* the model of a release whose digests all agree."""
    path = models / version / "model.joblib"
    joblib.dump(content, path)
    rewrite(models, version, lambda release: release["files"].update({"model.joblib": digest(path)}))


@pytest.mark.parametrize("content", [LogisticRegression(), {"pipeline": None}])
def test_what_is_no_pipeline_is_refused(model: Model, models: Path, content: object) -> None:
    put(models, model.version, content)

    with pytest.raises(ModelError, match=rf"expected a scikit-learn Pipeline, found {type(content).__name__}"):
        load_model(models)


class Trap:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.path, "caught")


def test_nothing_is_unpickled_whose_digest_is_wrong(model: Model, models: Path, tmp_path: Path) -> None:
    caught = tmp_path / "caught"
    (models / model.version / "model.joblib").write_bytes(pickle.dumps(Trap(caught)))

    with pytest.raises(ModelError, match=r"model\.joblib: expected sha256"):
        load_model(models)
    with pytest.raises(ModelError, match=r"model\.joblib: expected sha256"):
        load_model(models, model.version)

    assert not caught.exists()


def test_nothing_is_unpickled_before_everything_else_was_checked(model: Model, models: Path, tmp_path: Path) -> None:
    """The trap has the right digest here; another file, then a library, is wrong."""
    caught = tmp_path / "caught"
    put(models, model.version, Trap(caught))
    params = models / model.version / "params.toml"  # the last of the files
    kept = params.read_bytes()
    params.write_bytes(kept + b"#")
    with pytest.raises(ModelError, match=r"params\.toml: expected sha256"):
        load_model(models)
    params.write_bytes(kept)
    rewrite(models, model.version, lambda release: release["libraries"].update(numpy="0.1"))
    with pytest.raises(ModelError, match=r"expected numpy 0\.1"):
        load_model(models)

    assert not caught.exists()
    # Without a fault the trap would have sprung: what was checked is what protected.
    rewrite(
        models, model.version, lambda release: release["libraries"].update(numpy=model.release["libraries"]["numpy"])
    )
    with pytest.raises(ModelError, match=r"expected a scikit-learn Pipeline, found int"):
        load_model(models)
    assert caught.exists()


# Scoring.


def test_a_batch_scores_as_its_members(model: Model) -> None:
    """Up to the last digits: the encoder reads a batch at once."""
    for alone, together, turned in zip(
        [model.score([text])[0] for text in TEXTS], model.score(TEXTS), model.score(TEXTS[::-1])[::-1], strict=True
    ):
        assert alone == pytest.approx(together, abs=1e-4)
        assert alone == pytest.approx(turned, abs=1e-4)


def test_scores_are_probabilities_of_every_attribute(model: Model) -> None:
    for scores in model.score(TEXTS):
        assert list(model.attributes) == list(scores)
        assert all(0 <= score <= 1 for score in scores.values())


def test_no_texts_have_no_scores_and_ask_nothing(model: Model) -> None:
    counted, calls = counting(model)

    assert [] == counted.score([])
    assert [] == calls.texts


@given(st.lists(st.text(st.characters() | st.sampled_from("aé1@*!. \0\u200b\ud800"), max_size=40), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_texts_can_be_scored_and_explained(model: Model, texts: list[str]) -> None:
    scores = model.score(texts)

    assert len(texts) == len(scores)
    for text in texts[:1]:
        explained = model.explain(text, ATTRIBUTES)
        assert set(ATTRIBUTES) == set(explained)
        for spans in explained.values():
            assert len(spans) <= SHOWN
            assert all(span.text == text[span.begin : span.end] and span.text.strip() for span in spans)
            assert list(spans) == sorted(spans)


# Explaining.


def test_an_explanation_shows_the_words_that_raise_the_score(model: Model) -> None:
    text = "Je lis votre journal tous les jours et ce ministre est un connard fini, vraiment."
    shown = model.explain(text, ["insult"])["insult"]

    assert any("connard" in span.text for span in shown)
    assert all(span.text == text[span.begin : span.end] for span in shown)
    assert not any("journal" in span.text for span in shown)


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_there_is_nothing_to_show_of_a_text_without_words(model: Model, text: str) -> None:
    assert all(not span.text.strip("\u200b") for span in model.explain(text, ["toxicity"])["toxicity"])


def test_nothing_is_asked_when_nothing_is_to_be_explained(model: Model) -> None:
    counted, calls = counting(model)

    assert {} == counted.explain("Quel connard", [])
    assert [] == calls.texts


@pytest.mark.parametrize("words", [1, 7, PARTS, PARTS + 1, 300, 32_500])
def test_all_attributes_are_explained_by_two_calls_of_bounded_size(model: Model, words: int) -> None:
    counted, calls = counting(model)
    text = ("a " * words)[:65_000]

    assert set(ATTRIBUTES) == set(counted.explain(text, ATTRIBUTES))
    assert len(calls.texts) <= 2
    assert all(texts <= len(ATTRIBUTES) * (PARTS + 1) for texts in calls.texts)


def test_a_long_text_is_explained_without_scoring_it_for_each_word(model: Model) -> None:
    """Leaving out one part of it after the other would score a text of 65,000 signs PARTS times."""
    text = "Merci pour cet article, il est très bien. " * 1500 + "Quel connard fini !"
    given: list[str] = []

    class Recording(Calls):
        def __getattr__(self, name: str) -> Any:
            method = getattr(self.pipeline, name)
            return lambda texts: given.extend(texts) or method(texts)

    recording = Model(model.version, Recording(model.pipeline), model.attributes, model.folder, model.release)  # type: ignore[arg-type]
    recording.explain(text, ATTRIBUTES)

    assert sum(map(len, given)) <= len(text)


@pytest.mark.parametrize("place", [0, 5, 10])
def test_the_clause_that_counts_is_found_wherever_it_stands(model: Model, place: int) -> None:
    clauses = ["Le conseil a voté le budget de la voirie hier soir."] * 10
    clauses.insert(place, "Quel connard fini, ce maire !")
    text = " ".join(clauses)
    (shown, *others) = model.explain(text, ["insult"])["insult"]

    assert "connard" in shown.text
    assert not any("budget" in span.text or "voirie" in span.text for span in (shown, *others))


def test_errors_name_no_more_than_the_place_and_the_values(model: Model, models: Path) -> None:
    flip(models / model.version / "model.joblib")

    with pytest.raises(ModelError) as raised:
        load_model(models)

    assert re.fullmatch(
        r"\S+model\.joblib: expected sha256 \w+…, found \w+…: changed since its release", str(raised.value)
    )


@pytest.mark.parametrize("file", ["model.joblib", "policy.toml"])
def test_nothing_is_unpickled_without_a_digest(model: Model, models: Path, tmp_path: Path, file: str) -> None:
    caught = tmp_path / "caught"
    put(models, model.version, Trap(caught))
    rewrite(models, model.version, lambda release: release["files"].pop(file))

    with pytest.raises(ModelError, match=rf"release\.json: expected a digest of {file} in files, found none"):
        load_model(models)

    assert not caught.exists()
