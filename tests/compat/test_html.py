"""The text that a reader sees of a comment in HTML."""

import pytest

from service.compat.html import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Bonjour à tous", "Bonjour à tous"),
        ("  Bonjour\nà tous ", "Bonjour\nà tous"),
        ("<div>Bonjour &agrave; tous</div>", "Bonjour à tous"),
        ("<p>Un</p><p>Deux</p>", "Un\nDeux"),
        ("Un<br>Deux<br/>Trois", "Un\nDeux\nTrois"),
        ("c<b>onn</b>ard", "connard"),
        ("L&#39;&eacute;t&#xe9; &amp; l'hiver", "L'été & l'hiver"),
        ("<3 et 2 < 3, a & b", "<3 et 2 < 3, a & b"),
        ('<a href="https://pub.example/x">ici</a>', "ici (https://pub.example/x)"),
        ('<a href="https://pub.example/x">https://pub.example/x</a>', "https://pub.example/x"),
        ('<a href="javascript:alert(1)">ici</a>', "ici"),
        ("<blockquote>Il a dit</blockquote>Non", "Il a dit\nNon"),
        ("<script>alert('x')</script><style>p{}</style>Oui", "alert('x')p{}Oui"),
        ("<noscript>Achetez</noscript><title>ici</title>", "Achetezici"),
        ("<script src=x>insulte", "insulte"),
        ('<a href="HTTPS://pub.example/x">ici</a>', "ici (HTTPS://pub.example/x)"),
        ("<a href=' //pub.example/x'>ici", "ici (//pub.example/x)"),
        (
            "<a href=https://a.example>un<a href=https://b.example>deux",
            "un (https://a.example)deux (https://b.example)",
        ),
        ("<b>non fermé", "non fermé"),
        ("</div></p>Oui", "Oui"),
        ("<!-- caché -->Oui", "Oui"),
        ("Oui <", "Oui <"),
        ("si x<y alors z>y", "si x<y alors z>y"),
        ("Lire <https://pub.example/x> vite", "Lire <https://pub.example/x> vite"),
        ("Écrivez à <moi@pub.example>", "Écrivez à <moi@pub.example>"),
        ("<DIV CLASS=x>Oui</DIV >", "Oui"),
        ("<image>", "<image>"),
        ("Dupont & Cie &copy", "Dupont & Cie ©"),
        ("", ""),
    ],
)
def test_what_is_seen(html: str, text: str) -> None:
    assert text == plain_text(html)


@pytest.mark.parametrize(
    "piece", ["<a href='https://x.example'>", "<div>", "&", "<", "<!--", "</a>", "<a href=x>y</a>"]
)
def test_a_hostile_page_comes_to_an_end(piece: str) -> None:
    assert "<div>" not in plain_text(piece * 60_000)  # one that ran away would hang here
