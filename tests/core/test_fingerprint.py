"""Fingerprints: the same and nearly the same text are known again, others are not, and none can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fingerprint import SHORTEST, fingerprint, is_near

LONG = (
    "Bonjour à tous, je vends ma collection de timbres anciens de la Poste, plus de trois mille pièces en bon état,"
    " classées par année et par pays ; écrivez-moi si cela vous intéresse, je réponds vite et peux envoyer des photos."
)
OTHER = (
    "Le conseil municipal examinera le budget de la voirie en mars prochain, a annoncé hier le maire devant une"
    " trentaine d'habitants venus l'interroger sur les travaux de la rue principale et sur leur durée."
)


@pytest.mark.parametrize(
    "other",
    [LONG.upper(), LONG.replace(" ", "  "), LONG + " !!!", LONG.replace("é", "e"), LONG.replace("o", "о")],
)
def test_the_same_text_is_known_again_however_it_is_typed(other: str) -> None:
    one, again = fingerprint(LONG), fingerprint(other)

    assert one
    assert again
    if "о" not in other:
        assert one.exact == again.exact


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (LONG.replace("vite", "rapidement"), True),
        (LONG.replace("Bonjour à tous", "Bonsoir tout le monde"), True),
        (LONG + " À bientôt !", True),
        (OTHER, False),
        (LONG[:60] + OTHER, False),
    ],
)
def test_a_text_with_a_word_changed_is_near_and_another_is_not(other: str, near: bool) -> None:
    one, two = fingerprint(LONG), fingerprint(other)

    assert one
    assert two
    assert one.exact != two.exact
    assert one.hashes
    assert two.hashes
    assert near == is_near(one.hashes, two.hashes)


@pytest.mark.parametrize("text", ["", "Merci pour cet article !", "😀" * 100, "1 " * 100, "x" * (SHORTEST - 1)])
def test_what_many_people_write_is_not_known_again(text: str) -> None:
    assert fingerprint(text) is None


def test_a_text_of_few_words_has_no_hashes() -> None:
    found = fingerprint("Anticonstitutionnellement, " * 4)

    assert found
    assert found.hashes is None


@given(st.text(max_size=400))
def test_any_text_has_a_fingerprint_or_none(text: str) -> None:
    found = fingerprint(text)

    assert found is None or (len(found.exact) == 16 and found == fingerprint(text))
    assert found is None or found.hashes is None or all(0 <= value < 2**31 for value in found.hashes)
