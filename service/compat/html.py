"""The text that a reader sees of a comment in HTML."""

import re
from html.parser import HTMLParser

BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "div",
        "dd",
        "dl",
        "dt",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "table",
        "td",
        "tr",
        "ul",
    ]
)
UNSEEN = frozenset(("script", "style", "template", "title"))


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
    """Return what a reader sees of *html*: no tags, entities resolved, one line a block, links written out."""
    if "<" not in html and "&" not in html:
        return html.strip()
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)
