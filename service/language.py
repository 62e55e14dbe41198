"""In which language a text is written, for callers that do not say."""

import functools
from collections.abc import Sequence
from typing import Any

LANGUAGES = (
    "fr", "en", "de", "es", "it", "pt", "nl", "ar", "ru", "uk", "pl", "tr", "ro", "zh", "ja", "ko", "eu", "ca", "br",
    "oc", "vi", "el", "he", "fa", "sv", "da", "no", "cs", "hu",
)  # fmt: skip
SURE = 0.9
"""From this probability on, a text is not French. Of 7,650 comments of ours 80 were not, all of them rightly."""


def detect(text: str) -> Sequence[str]:
    """Return codes of the languages that *text* may be written in, the likeliest first; none when it has no letters.

    A few words or slang are taken for French, which is what a French site's readers write.
    """
    if not any(map(str.isalpha, text)):
        return ()
    (language, probability), (second, _) = _identifier().rank(text)[:2]
    if language == "fr":
        return ("fr",)
    return (language,) if probability >= SURE else ("fr", *(other for other in (language, second) if other != "fr"))


@functools.cache
def _identifier() -> Any:
    """Load the model of py3langid: half a second and 80 MB, once it is asked for."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
