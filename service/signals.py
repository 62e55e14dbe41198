"""Rules that need no training: each looks for one kind of fact in a comment and shows the words."""

import bisect
import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service import text
from service.domain import Comment, Memory, Signal, Span
from service.lexicon import Hit, Lexicon
from service.sitelists import SiteLists
from service.text import Word, fold

# Every pattern reads the folded text and has bounded repetitions: a hostile comment must not cost more than a long one.
URL = re.compile(r"(?:h(?:tt|xx)ps?://|www\.)[^\s<>\"'\])]*[^\s<>\"'\]).,;:!?]")
TLD = (
    r"(?:com|fr|net|org|info|biz|be|ch|ca|eu|io|co|me|tv|ru|cn|xyz|top|site|online|shop|store|club|live|pro|link|click"
    r"|buzz|icu|app|dev|vip|win|bet|casino|loan|credit|finance|space|website|fun|life|world|today|agency|news|gg|to|ly)"
)
# Endings that are also French words ("le point info", "à ce point pro") do not show a link that is hidden in words.
SPOKEN_TLD = r"(?:com|fr|net|org|be|ch|ca|eu|io|ru|xyz|site|shop|click|bet)"
LABEL = r"[a-z0-9-]{1,63}"
DOMAIN = re.compile(rf"(?<![@\w.-]){LABEL}(?:\.{LABEL}){{0,4}}\.{TLD}(?![\w.-]*\w)(?:/[^\s<>\"']*)?")
EMAIL = re.compile(rf"[a-z0-9._%+-]{{1,64}}@{LABEL}(?:\.{LABEL}){{0,5}}\.[a-z]{{2,12}}\b")
SHORTENER = re.compile(
    r"\b(?:bit\.ly|tinyurl\.com|t\.ly|cutt\.ly|is\.gd|v\.gd|goo\.gl|rb\.gy|ow\.ly|shorturl\.at|urlz\.fr|urlr\.me|lc\.cx"
    r"|s\.id|rebrand\.ly|shorte\.st|adf\.ly|tiny\.cc|bl\.ink|t2m\.io)/[\w-]+"
)
LINK_MARKUP = re.compile(r"\[(?:url|link)\s*[=\]]|<a\s[^>]{0,200}?href|\[[^\]\n]{1,80}\]\(https?:")
HIDDEN_LINK = re.compile(
    rf"""
      \b[a-z0-9-]{{2,40}}[ ]?[(\[{{ ](?:point|dot|\.)[)\]}} ][ ]?{SPOKEN_TLD}\b   # monsite point com, monsite [.] com
    | \b[a-z0-9-]{{3,40}}[ ]\.[ ]?{SPOKEN_TLD}\b                                   # monsite . com
    | \bhxxps?\b
    | \bh[ ]?t[ ]?t[ ]?p[ ]?s?[ ]?:[ ]?/[ ]?/[ ](?=\w)                     # h t t p : / / monsite
    """,
    re.VERBOSE,
)
HIDDEN_EMAIL = re.compile(
    r"""
    \b[a-z0-9._-]{2,40}[ ]?[(\[]?[ ]?(?:arobase|arobas|\bat\b(?=[)\]]))[ ]?[)\]]?   # jean (arobase)
    [ ]?[a-z0-9-]{2,40}[ ]?(?:\.|\(?\bpoint\b\)?|\bdot\b)[ ]?[a-z]{2,10}\b           # exemple point fr
    """,
    re.VERBOSE,
)
PHONE = re.compile(r"(?<![\w.,/])(?:(?:\+|00) ?[1-9]|0[1-9])(?:[ .\-/]{0,2}(?:\(0\))?\d){7,13}(?!\w)")
MESSAGING = r"\b(?:whats ?app|whatsap|watsap|telegram|telegramme|viber|snapchat|snap)\b"
INVITES = r"\b(?:contact|ecri|joi|appel|ajout|rejoin|discut)\w{0,12}|\b(?:mp|dm|add|numero|groupe|canal|via|sur)"
MESSAGING_CONTACT = re.compile(
    rf"""
      \b(?:wa|t)\.me/\S+
    | {MESSAGING}[^\n]{{0,25}}?(?:\d[\d .-]{{4,18}}\d|@\w{{3,30}})    # WhatsApp : +33 6 …, Telegram @nom
    | \d{{2}}[ .-]?\d{{2}}[^\n\d]{{0,15}}{MESSAGING}                  # 06 … 78 (WhatsApp)
    | (?:{INVITES})[ ](?:\w{{1,20}}[ ]){{0,3}}?{MESSAGING}[ ]?:      # écrivez-moi sur Telegram :
    """,
    re.VERBOSE,
)
RUN = re.compile(r"([^\s.\-_=*#~0-9])\1{5,}")
QUOTED = re.compile(r"«[^«»\n]{1,300}»|“[^“”\n]{1,300}”|\"[^\"\n]{1,300}\"")
REPORTED = frozenset({"insult", "identity_attack", "threat"})
"""Attributes whose words, between quotation marks, tell what somebody else said. An advertisement stays one."""
OWN_LETTERS = 15
"""Letters outside of quotation marks from which on a comment says something itself, and reports what it quotes."""
TYPING = 3.0
"""Seconds below which nobody has read and filled in a form."""
STAFF = frozenset(
    ("staff", "moderator", "admin", "administrator", "editor", "author", "journalist", "rédaction", "redaction",
     "équipe", "equipe", "journaliste", "modérateur", "modératrice", "moderateur", "administrateur", "administratrice")
)  # fmt: skip
"""Roles of those who write for the site, as Coral, WordPress and French newsrooms call them."""
# An insult, written § here, and what makes it an address: "tu n'es qu'un §", "bande de §", "pauvre §", "quel §".
ADDRESSED_INSULT = re.compile(
    r"""
    (?<!\S)\**(?:(?:tu|t|vous|vs)[ ](?:n[ ])?(?:es|etes)|tes|toi[ ]et[ ]ta|espece[ ]de?|bande[ ]de?|tas[ ]de?
        |quel(?:le)?s?|sales?|pauvres?|gros(?:se)?s?)
    (?:[ ](?:un|une|des|de?|du|que?|qu[ ]une?|vraiment|trop|juste|bien|tous|toutes|gros|grosse|petite?|sales?|pauvres?
        |vieux|vieille|vraie?s?|sacree?s?|putain|espece|bande|tas|quand|meme|surtout)){0,4}
    [ ]§
    # or said of whom the article is about, by a comment of which it is all
    |\A(?:(?:les?|la|ces?|cet|cette|mdr|ptdr|lol|encore|une?)[ ]){0,2}§
    (?=(?:[ ](?:va|toi|tous|toutes|finie?s?|de|premiere|lol|mdr|ptdr|§)){0,3}[ ]\Z)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A comment as the rules read it: once folded, once cut into words, the lexicon's hits found once.

    Hits in what the comment merely quotes are left out.
    """

    comment: Comment
    words: Sequence[Word]
    hits: Sequence[Hit]
    name_hits: Sequence[Hit]
    folded: str
    origins: Sequence[int]

    def span(self, begin: int, end: int) -> Span:
        return Span(begin, end, self.comment.text[begin:end])

    def spans(self, pattern: re.Pattern[str]) -> tuple[Span, ...]:
        """Return where *pattern* stands in the folded text, as spans of the original."""
        return tuple(
            self.span(self.origins[found.start()], self.origins[found.end() - 1] + 1)
            for found in pattern.finditer(self.folded)
            if found.end() > found.start()
        )


def observe(
    comment: Comment, lexicon: Lexicon, memory: Memory | None = None, lists: SiteLists | None = None
) -> tuple[Signal, ...]:
    """Return what the rules see in *comment*, in the order of `RULES`, then what is known of it; each code once."""
    reading = read(comment, lexicon)
    seen = [signal for rule in RULES for signal in rule(reading)]
    own = listed(reading, lists) if lists else ()
    return (*seen, *own, *circumstances(comment, memory or Memory()))


def read(comment: Comment, lexicon: Lexicon) -> Reading:
    """Prepare *comment* for the rules."""
    folded = fold(comment.text)
    words = text.words(comment.text)
    return Reading(
        comment,
        words,
        _not_reported(comment.text, lexicon.find(comment.text, words)),
        lexicon.find(comment.name),
        folded.text,
        folded.origins,
    )


def _not_reported(text: str, hits: Sequence[Hit]) -> Sequence[Hit]:
    """Return *hits* without abuse that a text only reports ("on m'a traité de « connard »"): the model judges it alone.

    Of our own examples with such words in quotation marks only, 106 are harmless and 7 are not; without the marks it is
    24 and 741.
    """
    quoted = [found.span() for found in QUOTED.finditer(text)] if hits else []
    letters = sum(sign.isalnum() for sign in QUOTED.sub("", text)) if quoted else 0
    if letters < OWN_LETTERS:
        return hits

    def reported(hit: Hit) -> bool:
        at = bisect.bisect_right(quoted, hit.begin, key=lambda span: span[0]) - 1
        return hit.entry.attribute in REPORTED and at >= 0 and hit.end <= quoted[at][1]

    return [hit for hit in hits if not reported(hit)]


def links(reading: Reading) -> Iterator[Signal]:
    """Links, written out or as bare domains; shorteners, markup and hidden forms are told apart."""
    domains = _apart(reading.spans(DOMAIN), _merge(reading.spans(EMAIL)))
    found = _merge((*reading.spans(URL), *domains))
    yield from _signal("links", found)
    yield from _signal("link_shortener", reading.spans(SHORTENER))
    yield from _signal("link_markup", reading.spans(LINK_MARKUP))
    yield from _signal("hidden_link", _apart(reading.spans(HIDDEN_LINK), found))


def contacts(reading: Reading) -> Iterator[Signal]:
    """Ways to reach someone: telephone numbers, messaging accounts, e-mail addresses, also written in words."""
    yield from _signal("contact_phone", reading.spans(PHONE))
    yield from _signal("contact_messaging", reading.spans(MESSAGING_CONTACT))
    yield from _signal("contact_email", _merge((*reading.spans(EMAIL), *reading.spans(HIDDEN_EMAIL))))


def shouting(reading: Reading) -> Iterator[Signal]:
    """Capitals: at least 20 letters, of which 70 % are capitals. The value is their share in percent."""
    letters = [sign for sign in reading.comment.text if sign.isalpha() and sign.lower() != sign.upper()]
    capitals = sum(sign.isupper() for sign in letters)
    if len(letters) >= 20 and capitals >= 0.7 * len(letters):
        shown = [reading.span(word.begin, word.end) for word in reading.words]
        loud = [span for span in shown if len(span.text) > 1 and span.text.isupper()]
        yield Signal("shouting", 100 * capitals // len(letters), _joined(reading, loud))


def repetition(reading: Reading) -> Iterator[Signal]:
    """One sign six times or more in a row (value: the longest run); one line or sentence three times (value: times)."""
    runs = reading.spans(RUN)
    if runs:
        yield Signal("repeated_characters", max(span.end - span.begin for span in runs), runs)
    lines = Counter(line for line in (part.strip() for part in re.split(r"[\n.!?]+", reading.folded)) if len(line) > 3)
    line, times = lines.most_common(1)[0] if lines else ("", 0)
    if times >= 3:
        yield Signal("repeated_lines", times, reading.spans(re.compile(re.escape(line)))[:5])


def scripts(reading: Reading) -> Iterator[Signal]:
    """Letters that French does not use (value: their share in percent), and words that mix alphabets (value: count)."""
    kinds = [(place, _script(sign)) for place, sign in enumerate(reading.comment.text) if sign.isalpha()]
    foreign = [place for place, script in kinds if script != "LATIN"]
    if not foreign:
        return
    if len(foreign) >= 5 and 2 * len(foreign) >= len(kinds):
        yield Signal("foreign_script", 100 * len(foreign) // len(kinds), (reading.span(foreign[0], foreign[-1] + 1),))
    mixed = [
        reading.span(word.begin, word.end)
        for word in reading.words
        if {"LATIN"}
        < {_script(sign) for sign in reading.comment.text[word.begin : word.end] if sign.isalpha()} & ALPHABETS
    ]
    yield from _signal("mixed_scripts", mixed)


def word_lists(reading: Reading) -> Iterator[Signal]:
    """Strong words of the lexicon, one signal for each attribute: `insult_words`, `spam_words`, …"""
    by_attribute: dict[str, list[Span]] = {}
    for hit in reading.hits:
        if hit.entry.strength == "strong":
            by_attribute.setdefault(hit.entry.attribute, []).append(reading.span(hit.begin, hit.end))
    for attribute, spans in sorted(by_attribute.items()):
        yield from _signal(f"{attribute}_words", spans)


def direct_insult(reading: Reading) -> Iterator[Signal]:
    """An insult of the lexicon, mild ones too, said to somebody ("tu es un …", "bande de …") or all that is said."""
    ends = {hit.begin: hit.end for hit in reading.hits if hit.entry.attribute in {"insult", "identity_attack"}}
    if not ends:
        return
    sentence, starts, inside = "", {}, 0
    for word in reading.words:
        if word.begin >= inside:
            starts[len(sentence)] = word.begin
            inside = ends.get(word.begin, 0)
            sentence += ("§" if inside else word.form) + " "
    found = [match.span() for match in ADDRESSED_INSULT.finditer(sentence)]
    yield from _signal("direct_insult", [reading.span(starts[begin], ends[starts[end - 1]]) for begin, end in found])


def author_name(reading: Reading) -> Iterator[Signal]:
    """A name that advertises, links or insults; the words are in the name, so no span of the text shows them."""
    folded = fold(reading.comment.name).text
    if any(pattern.search(folded) for pattern in (URL, DOMAIN, EMAIL, PHONE)):
        yield Signal("name_link", 1)
    if strong := sum(hit.entry.strength == "strong" for hit in reading.name_hits):
        yield Signal("name_words", strong)


def listed(reading: Reading, lists: SiteLists) -> Iterator[Signal]:
    """Words of the site's own lists, in the text or in the name."""
    for code, own in (("listed_hold", lists.hold), ("listed_reject", lists.reject)):
        found = own.find(reading.comment.text, reading.words)
        named = own.find(reading.comment.name)
        if found or named:
            spans = [reading.span(hit.begin, hit.end) for hit in found]
            yield Signal(code, len(found) + len(named), tuple(spans[:SHOWN]))


def circumstances(comment: Comment, memory: Memory) -> Iterator[Signal]:
    """What speaks for or against a comment outside its text: how it was sent, and what came before it."""
    facts = {
        "repeated_text": memory.repeats,
        "near_repeated_text": memory.near_repeats,
        "author_flood": memory.author_lately,
        "address_flood": memory.address_lately,
        "first_comment": int(memory.author_before == 0),
        "author_rejected": memory.author_rejected,
        "honeypot": int(comment.honeypot is not None),
        "sent_at_once": int(comment.seconds is not None and comment.seconds < TYPING),
        "staff": int((comment.role or "").casefold() in STAFF),
        "trusted_author": memory.author_before or 0 if memory.author_clean else 0,
    }
    yield from (Signal(code, value) for code, value in facts.items() if value)


RULES = (links, contacts, shouting, repetition, scripts, word_lists, direct_insult, author_name)
SHOWN = 20
"""A signal shows at most this many spans; its value counts all."""
ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def _apart(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Return the *spans* that touch none of *others*; both are in order and none inside another."""
    kept, place = [], 0
    for span in spans:
        while place < len(others) and others[place].end <= span.begin:
            place += 1
        if place == len(others) or span.end <= others[place].begin:
            kept.append(span)
    return kept


def _signal(code: str, spans: Sequence[Span]) -> Iterator[Signal]:
    if spans:
        yield Signal(code, len(spans), tuple(spans[:SHOWN]))


def _merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return *spans* in order without those that begin inside an earlier one."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.begin, -span.end)):
        if not kept or span.begin >= kept[-1].end:
            kept.append(span)
    return tuple(kept)


def _joined(reading: Reading, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return neighbouring *spans*, at most one sign apart, as one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.begin - joined[-1].end <= 1:
            joined[-1] = reading.span(joined[-1].begin, span.end)
        else:
            joined.append(span)
    return tuple(joined)


@functools.lru_cache(maxsize=65536)
def _script(sign: str) -> str:
    if sign.isascii():
        return "LATIN"
    name = unicodedata.name(sign, "")
    script = name.split(" ", 1)[0]
    return (
        "LATIN"
        if script in {"LATIN", "FULLWIDTH", "MATHEMATICAL", "CIRCLED", "MODIFIER", "FEMININE", "MASCULINE"}
        else script
    )
