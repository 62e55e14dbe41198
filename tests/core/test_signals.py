"""Each rule, with what makes it speak and what comes near without."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Comment
from service.lexicon import ATTRIBUTES, load_lexicon
from service.policy import SIGNALS
from service.signals import RULES, SHOWN, observe, read

LEXICON = load_lexicon()
SIGNS = st.characters() | st.sampled_from("aAeé0136@$€*#?!.-_/:[](){}<>=+ \n\0\u200b\u0301\u202eœ½оѕж😀\ud800")
# Pieces that patterns look for, so that random texts come near to them.
PIECES = st.sampled_from(
    [
        "tu es un ", "*tu es un ", "vous etes des ", "bande de ", "con", "connard", "abruti", "pd", "http", "https://",
        "www.", "exemple", ".fr", " point com", "(.)", "06 00", "+33 6", "WhatsApp", "t.me/", "@", "arobase", "[url=",
        "<a href", "bit.ly/x", "AAAAAAAA", "bien. ", "Привет ", "½", "\u200b", "!!!!!!!", "t.u.e.s", " ",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(SIGNS, max_size=5), max_size=14).map("".join)


def seen(text: str, name: str = "Claire") -> dict[str, tuple[int, list[str]]]:
    return {
        signal.code: (signal.value, [span.text for span in signal.spans])
        for signal in observe(Comment(text, name), LEXICON)
    }


@pytest.mark.parametrize(
    ("text", "code", "value", "shown"),
    [
        ("Voyez https://exemple.fr/a et www.exemple.org", "links", 2, ["https://exemple.fr/a", "www.exemple.org"]),
        ("lire exemple.fr.", "links", 1, ["exemple.fr"]),
        ("hxxp://exemple.fr", "links", 1, ["hxxp://exemple.fr"]),
        ("https://bit.ly/3xYz", "link_shortener", 1, ["bit.ly/3xYz"]),
        ("[url=https://exemple.fr]ici[/url]", "link_markup", 1, ["[url="]),
        ("<a href='https://exemple.fr'>ici</a>", "link_markup", 1, ["<a href"]),
        ("[ici](https://exemple.fr)", "link_markup", 1, ["[ici](https:"]),
        ("Allez sur monsite point com", "hidden_link", 1, ["monsite point com"]),
        ("Allez sur monsite (point) com", "hidden_link", 1, ["monsite (point) com"]),
        ("Allez sur monsite [.] com", "hidden_link", 1, ["monsite [.] com"]),
        ("Allez sur monsite . com", "hidden_link", 1, ["monsite . com"]),
        ("h t t p : / / monsite", "hidden_link", 1, ["h t t p : / / "]),
        ("Appelez le 06 00 00 00 00", "contact_phone", 1, ["06 00 00 00 00"]),
        ("+33 6.00.00.00.00 ou 0600000000", "contact_phone", 2, ["+33 6.00.00.00.00", "0600000000"]),
        ("WhatsApp : +33 6 00 00 00 00", "contact_messaging", 1, ["WhatsApp : +33 6 00 00 00 00"]),
        ("Écrivez-moi sur Telegram : la_voyante", "contact_messaging", 1, ["sur Telegram :"]),
        ("t.me/un_canal", "contact_messaging", 1, ["t.me/un_canal"]),
        ("jean@exemple.fr, puis exemple.fr", "links", 1, ["exemple.fr"]),  # the address holds a domain, but is no link
        ("jean@exemple.fr", "contact_email", 1, ["jean@exemple.fr"]),
        ("jean (arobase) exemple point fr", "contact_email", 1, ["jean (arobase) exemple point fr"]),
        ("CECI EST UN MESSAGE TRÈS IMPORTANT", "shouting", 100, ["CECI EST UN MESSAGE TRÈS IMPORTANT"]),
        ("REGARDEZ CE QUE FAIT NOTRE ministre", "shouting", 73, ["REGARDEZ CE QUE FAIT NOTRE"]),  # 22 of 30 letters
        ("ouiiiiii", "repeated_characters", 6, ["iiiiii"]),
        ("Non !!!!!!!!", "repeated_characters", 8, ["!!!!!!!!"]),
        ("C'est bien. C'est bien. C'est bien.", "repeated_lines", 3, ["C'est bien"] * 3),
        ("Привет всем друзья", "foreign_script", 100, ["Привет всем друзья"]),
        ("Quel cоnnard", "mixed_scripts", 1, ["cоnnard"]),  # the first o is Cyrillic
        ("Quel c0nnard", "insult_words", 1, ["c0nnard"]),
        ("Je vais te tuer", "threat_words", 1, ["Je vais te tuer"]),
        ("Offre de prêt entre particuliers", "spam_words", 1, ["Offre de prêt entre particuliers"]),
        ("Tu n'es qu'un abruti", "direct_insult", 1, ["Tu n'es qu'un abruti"]),
        ("Bande de gros clowns !", "direct_insult", 1, ["Bande de gros clowns"]),
        ("Tocard.", "direct_insult", 1, ["Tocard"]),
        ("mdr le clown fini", "direct_insult", 1, ["mdr le clown"]),
        # A star before the sentence, as after a correction; it once had no beginning.
        ("*tu es un abruti", "direct_insult", 1, ["*tu es un abruti"]),
        ("½ tu es un abruti", "direct_insult", 1, ["tu es un abruti"]),
        # In quotation marks, but nothing else is said; said outside, too; an advertisement is one wherever it stands.
        ("« Sale connard ! » Voilà.", "insult_words", 1, ["connard"]),
        ("On m'a traité de « connard », et le connard, c'est toi.", "insult_words", 1, ["connard"]),
        (
            "Je témoigne : « offre de prêt entre particuliers », ça marche.",
            "spam_words",
            1,
            ["offre de prêt entre particuliers"],
        ),
    ],
)
def test_a_rule_says_what_it_saw(text: str, code: str, value: int, shown: list[str]) -> None:
    found = seen(text)

    assert code in found, found
    assert (value, shown) == found[code]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("La fin.Les autres. M.Dupont, S.N.C.F., 3.14 et p.12", "full stops are no domains"),
        ("Un point c'est tout, un point commun, à ce point.", "a point is no dot"),
        ("Lu dans le point info du jour, à ce point pro et live.", "endings of domains that are French words"),
        ("Si a <b et c> d, alors [voir plus bas] (ou non).", "signs of comparison and brackets are no markup"),
        ("En 2024, 1 500 000 000 euros, le 12/03/2024 de 12 à 14 h.", "figures are no telephone number"),
        ("Pi vaut 3,14159265358 ; IBAN FR7600006000000000000000189.", "long figures are no telephone number"),
        ("J'utilise WhatsApp tous les jours, et le groupe Telegram du ministre a fuité.", "nobody is invited"),
        ("Le signe arobase, à 5 € @ pièce.", "no address"),
        ("ASSEZ DE MENSONGES", "fewer than 20 letters"),
        ("L'ONU, l'OTAN et l'UNESCO se réunissent demain à Paris.", "acronyms"),
        ("REGARDEZ CE QUE fait le ministre", "fewer than 70 % capitals"),
        ("ouiiiii !!!!!", "five in a row"),
        ("----------------- 1000000000 ......... ______ *******", "rules, figures and dots"),
        ("C'est bien. C'est bien.", "twice"),
        ("Oui. Oui. Oui. Non !", "as short as an answer"),
        ("Le mot « Привет » veut dire bonjour en russe.", "a quotation"),
        ("Le théorème de α et β, π.", "single letters"),
        ("Le conseil a consulté.", "con is not in it"),
        ("On m'a crié « sale pute » dans la rue, hier soir.", "reported"),
        ('Écrire "je vais te tuer" à un maire, “connard” à son adjoint.', "reported"),
        ("C'est un abruti, cet élu.", "a mild insult that is said to nobody"),
        ("Un clown dans les chambres.", "more is said than an insult"),
        ("Une bande dessinée pour pauvres lecteurs ; tu es un amour.", "no insult follows"),
        ("Putain, quelle merde ce débat", "coarse words alone are only shown by their score"),
        ("", "nothing"),
        ("\u200b\0\ud800", "nothing to see"),
    ],
)
def test_no_rule_speaks_of_what_only_comes_near(text: str, why: str) -> None:
    assert {} == seen(text), why


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("http://exemple.fr", "name_link"),
        ("exemple.com", "name_link"),
        ("jean@exemple.fr", "name_link"),
        ("06 00 00 00 00", "name_link"),
        ("Offre de prêt", "name_words"),
        ("C0nnard", "name_words"),
        ("Claire", None),
        ("J.-P. Martin", None),
        ("Zoé75", None),
        ("Prêt rapide", None),  # mild
        ("Abruti", None),  # mild
    ],
)
def test_a_name_that_advertises_or_insults_is_seen_without_spans(name: str, code: str | None) -> None:
    assert ({code: (1, [])} if code else {}) == seen("Merci.", name)


def test_a_link_is_told_once_although_it_is_written_out_and_a_domain() -> None:
    assert {"links": (1, ["https://www.exemple.fr"])} == seen("https://www.exemple.fr")
    assert {"contact_email": (1, ["jean@exemple.fr"])} == seen("jean@exemple.fr")


def test_a_signal_counts_all_and_shows_some() -> None:
    value, shown = seen("connard " * (SHOWN + 5))["insult_words"]

    assert (SHOWN + 5, SHOWN) == (value, len(shown))


def test_every_signal_that_a_rule_can_give_has_words_for_it() -> None:
    given_by_lists = {f"{attribute}_words" for attribute in ATTRIBUTES}

    assert given_by_lists <= set(SIGNALS)
    assert set(SIGNALS) >= {
        "links", "link_shortener", "link_markup", "hidden_link", "contact_phone", "contact_messaging", "contact_email",
        "shouting", "repeated_characters", "repeated_lines", "foreign_script", "mixed_scripts", "direct_insult",
        "name_link", "name_words",
    }  # fmt: skip


@given(TEXTS, TEXTS)
@settings(max_examples=400, deadline=None)
def test_any_comment_can_be_observed_and_spans_show_its_own_words(text: str, name: str) -> None:
    signals = observe(Comment(text, name), LEXICON)

    assert len({signal.code for signal in signals}) == len(signals)
    for signal in signals:
        assert signal.code in SIGNALS
        assert signal.value >= 1
        assert list(signal.spans) == sorted(signal.spans)
        for span in signal.spans:
            assert 0 <= span.begin < span.end <= len(text)
            assert span.text == text[span.begin : span.end]


def test_the_same_comment_is_always_seen_alike() -> None:
    comment = Comment("Bande de clowns, https://exemple.fr, 06 00 00 00 00 !!!!!!!", "Zoé")

    assert observe(comment, LEXICON) == observe(comment, LEXICON)


HOSTILE = (
    "a ", "1 ", "@", "*", "#$€£*", "p***n ", "!", ".", "\n", "http://", "www.www.", "[url=", "<a ", "[x](", "a@b.fr ",
    "a.fr ", "a.fr ab (.) fr ", "ab . fr ", "a point ", "ab arobase ", "+33 6 ", "01-", "whatsapp ", "whatsapp 0",
    "sur a b c ", "wa.me/", "h t t p ", "pd ", "tu es un con ", "vous etes des ", "bande de gros ", "con-", "con.nard|",
    "abcd. ", "AB ", "cоn ", "ж", "\u0301", "\ud800", "😀", "a*bc ", "a-b.c_", "fils de ",
)  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_a_hostile_comment_is_observed_within_seconds(part: str) -> None:
    text = (part * (65_000 // len(part) + 1))[:65_000]
    begun = time.thread_time()
    reading = read(Comment(text), LEXICON)
    for rule in RULES:
        list(rule(reading))

    # Most take a tenth of a second, masked words (p*de) a few; a pattern that goes back and forth takes minutes.
    assert time.thread_time() - begun < 15
