"""The text that a reader sees of a comment in HTML."""

import re
from html.parser import HTMLParser

BLOCKS = frozenset(
    "address article blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li ol p pre "  # noqa: SIM905
    "section table tbody td tfoot th thead tr ul".split()
)
INLINE = frozenset(
    "a abbr b bdi bdo big center cite code del dfn em font i iframe img input ins kbd label mark q s samp small "  # noqa: SIM905
    "span strike strong sub sup svg tt u var video audio embed object button form select option textarea".split()
)
UNSEEN = frozenset(("script", "style", "template", "title", "head", "noscript"))
TAG = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS | INLINE | UNSEEN))})(?=[\s/>])|<!--", re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.links: list[tuple[str, int]] = []
        """Of each link that is open, where it leads and at which of the pieces it began."""
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag in UNSEEN
        if tag in BLOCKS:
            self.pieces.append("\n")
        if tag == "a":
            self.links.append((dict(attrs).get("href") or "", len(self.pieces)))

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN and self.unseen > 0
        if tag in BLOCKS:
            self.pieces.append("\n")
        if tag == "a" and self.links:
            self._show(*self.links.pop())

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.pieces.append(data)

    def _show(self, link: str, begun: int) -> None:
        """Write out where a link leads, when its words do not say so: what spam hides must be read, too."""
        if link.startswith(("http://", "https://")) and link not in "".join(self.pieces[begun:]):
            self.pieces.append(f" ({link})")


def plain_text(html: str) -> str:
    """Return what a reader sees of *html*: no tags, entities resolved, one line a block, links written out.

    Some callers send plain text, and do not say so. What only looks like a tag (`a<b`, `<https://…>`) therefore stays,
    or it would be a way to hide an address.
    """
    if "<" not in html and "&" not in html:
        return html.strip()
    reader = _Reader()
    reader.feed(re.sub(r"<", lambda found: "<" if TAG.match(html, found.start()) else "&lt;", html))
    reader.close()
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)
