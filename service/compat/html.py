"""The text that a reader may see of a comment in HTML, and what a database can keep of a text."""

import html as entities
import re

BLOCKS = frozenset(
    "address article blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li ol p pre "  # noqa: SIM905
    "section table tbody td tfoot th thead tr ul".split()
)
INLINE = frozenset(
    "a abbr b bdi bdo big center cite code del dfn em font i iframe img input ins kbd label mark q s samp small "  # noqa: SIM905
    "span strike strong sub sup svg tt u var video audio embed object button form select option textarea script style "
    "template title head body html noscript".split()
)
TAG = re.compile(
    rf"<!--[^<>]*-->|<(/?)({'|'.join(sorted(BLOCKS | INLINE, key=len, reverse=True))})(?=[\s/>])([^<>]*)>",
    re.IGNORECASE,
)
HREF = re.compile(r"\bhref\s*=\s*[\"']?\s*((?:https?:)?//[^\s\"'>]+)", re.IGNORECASE)
LONGEST = 262_144
"""Characters that are read; four times the longest comment."""


def plain_text(html: str) -> str:
    """Return what a reader may see of *html*: no tags, entities resolved, one line a block, links written out.

    Some callers send plain text, and do not say so: what only looks like a tag (`a<b`, `<https://…>`) stays, or it
    would be a way to hide an address. For the same reason nothing between tags is left out, scripts and styles neither:
    a site may strip such a tag and show its words.
    """
    html = html[:LONGEST]
    if "<" not in html and "&" not in html:
        return html.strip()
    pieces: list[str] = []
    place, link, begun = 0, "", 0
    for found in TAG.finditer(html):
        pieces.append(entities.unescape(html[place : found.start()]))
        place, tag = found.end(), (found[2] or "").lower()
        if tag == "a":
            pieces.append(_written_out(link, pieces[begun:]))
            href = None if found[1] else HREF.search(found[3])
            link, begun = entities.unescape(href[1]) if href else "", len(pieces)
        elif tag in BLOCKS:
            pieces.append("\n")
    pieces.append(entities.unescape(html[place:]))
    pieces.append(_written_out(link, pieces[begun:]))
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)


def storable(text: str, most_bytes: int) -> str:
    """Return what a database can keep of *text*: no NUL, no half of a surrogate pair, not more than so many bytes."""
    return text.replace("\0", "").encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore").strip()


def _written_out(link: str, words: list[str]) -> str:
    """Return where a link leads, unless its own words say so: what spam hides must be read, too."""
    return f" ({link})" if link and link not in "".join(words) else ""
