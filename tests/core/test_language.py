"""In which language a text is written: French unless it is surely another."""

import pytest

from service.language import detect


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("Je trouve que cet article oublie l'essentiel.", ["fr"]),
        ("This article misses the point entirely, as usual.", ["en"]),
        ("Dieser Artikel geht völlig am Thema vorbei.", ["de"]),
        ("هذا المقال ممتاز وشكرا للكاتب", ["ar"]),
        ("12 345 !", []),
        ("", []),
    ],
)
def test_a_sentence_tells_its_language(text: str, languages: list[str]) -> None:
    assert languages == list(detect(text))


@pytest.mark.parametrize("text", ["lol", "nul", "ptn t con", "wesh les kheys", "ok boomer", "haha"])
def test_a_few_words_are_french(text: str) -> None:
    assert "fr" == detect(text)[0]
