"""The plugin for WordPress in a real WordPress, the newest and the oldest that it serves, that asks a real Vigie."""

import html
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from tests.browser.chromium import CHROMIUM, DRIVER, FLAGS
from tests.clients.wordpress import (
    PACKAGES,
    PLUGIN,
    Answer,
    Vigie,
    Visitor,
    WordPress,
    click,
    eventually,
    numbers,
    options,
    vigie,
    wordpress,
)

PRAISE = "Merci pour cet article, clair et bien documenté."
INSULT = "Espèce de connard, retourne lécher les bottes de Poutine !"
INSULT_REASON = "Le commentaire adresse une insulte à quelqu'un."
SPAM = "Grand marabout africain, retour de l'être aimé en 48h, résultats garantis. Tél +229 97 00 11 22"
NAME_MISSING = "S'il vous plaît entrez votre nom ici"
COMMENT_MISSING = "S'il vous plaît entrez votre commentaire!"
TRICKY = (
    r"L'été où j'ai mangé 3 < 5 glaces au « café » 🍦👍🏽, \o/ C:\temp\new, \\serveur, l'\'apostrophe et 100 % oui !"
)
SETTINGS = "/wp-admin/options-general.php?page=vigie"


@pytest.fixture(scope="module")
def service() -> Iterator[Vigie]:
    with vigie() as served:
        yield served


@pytest.fixture(scope="module", params=PACKAGES)
def installed(request: pytest.FixtureRequest, service: Vigie) -> Iterator[WordPress]:
    with wordpress(request.param, service) as site:
        yield site
        assert [] == site.complaints()


@pytest.fixture
def site(installed: WordPress) -> WordPress:
    """The site, with nothing chosen but where Vigie is and its key."""
    installed.choose()
    return installed


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    assert CHROMIUM, "Run tests/clients/install first"
    assert DRIVER, "Run tests/clients/install first"
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    with Chrome(options=options, service=Service(DRIVER)) as driver:
        yield driver


@pytest.fixture
def author() -> str:
    """An author of whom nobody has heard before."""
    return f"Émile n° {next(numbers)}"


@pytest.fixture
def editor(site: WordPress) -> Visitor:
    """Anne, who moderates comments, and does not administer the site."""
    return site.visitor("anne")


def cell(visitor: Visitor, number: int) -> str:
    """Return what the comment list says of one comment in Vigie's column."""
    for status in ("", "&comment_status=spam", "&comment_status=trash"):
        page = visitor.get(f"/wp-admin/edit-comments.php?orderby=comment_date{status}")
        row = re.search(rf"<tr id='comment-{number}'.*?</tr>", page.text, re.DOTALL)
        if row:
            found = re.search(r"<td class='vigie column-vigie'[^>]*>(.*?)</td>", row[0], re.DOTALL)
            assert found
            return Answer(200, "", found[1]).words
    raise AssertionError(page.words)


def rest(site: WordPress, author: str, content: str) -> Answer:
    body = {"post": 1, "author_name": author, "author_email": "lecteur@example.org", "content": content}
    return site.visitor().send("POST", "/?rest_route=/wp/v2/comments", body)


# -- a comment comes in ------------------------------------------------------------------------------------------------


def test_an_ordinary_comment_is_published(site: WordPress, service: Vigie, editor: Visitor, author: str) -> None:
    page = site.comment(author, PRAISE)

    assert "1" == site.state(author)
    assert f"#comment-{site.number(author)}" in page.url
    assert PRAISE in page.words
    (sent,) = service.submissions(author)
    assert ("1", f"{site.url}/2") == (sent["article_id"], sent["article_url"][: len(site.url) + 2])
    assert "Bonjour tout le monde\u00a0!" == sent["article_title"]
    assert "Rien à redire" == cell(editor, site.number(author))


def test_an_insult_is_held_and_the_list_says_why(site: WordPress, service: Vigie, editor: Visitor, author: str) -> None:
    text = f"{INSULT} {author}"
    page = site.comment(author, text)

    assert "0" == site.state(author)
    assert "unapproved=" in page.url
    assert text not in site.visitor().get("/?p=1").words
    told = cell(editor, site.number(author))
    assert told.startswith("À vérifier")
    assert INSULT_REASON in told
    assert 1 == len(service.submissions(author))


def test_spam_goes_to_spam(site: WordPress, editor: Visitor, author: str) -> None:
    site.comment(author, SPAM)

    assert "spam" == site.state(author)
    assert cell(editor, site.number(author)).startswith("À refuser")


@pytest.mark.parametrize(("choice", "state"), [("trash", "trash"), ("hold", "0")])
def test_what_is_to_be_refused_goes_where_the_owner_wants(
    choice: str, state: str, site: WordPress, author: str
) -> None:
    site.choose(on_reject=choice)

    site.comment(author, SPAM)

    assert state == site.state(author)


def test_an_author_may_be_refused_with_the_reason(site: WordPress, service: Vigie, author: str) -> None:
    site.choose(on_reject="refuse")

    pages = [site.comment(author, SPAM), site.comment(author, SPAM)]

    assert [403, 403] == [page.status for page in pages]
    assert "Votre commentaire n’a pas été accepté. Le commentaire" in pages[0].words
    assert [] == site.comments(author)
    assert 1 == len(service.submissions(author)), "the same attempt, made twice"


def test_a_refused_call_of_the_rest_api_is_told_the_reason(site: WordPress, author: str) -> None:
    site.choose(on_reject="refuse")

    answer = rest(site, author, SPAM)

    assert (403, "vigie_rejected") == (answer.status, answer.json["code"])
    assert "Le commentaire" in answer.json["message"]


def test_an_owner_may_let_wordpress_decide_and_only_see_the_reason(
    site: WordPress, editor: Visitor, author: str
) -> None:
    site.choose(on_hold="wordpress")

    site.comment(author, INSULT)

    assert "1" == site.state(author)
    assert INSULT_REASON in cell(editor, site.number(author))


def test_what_wordpress_holds_stays_held_though_vigie_has_nothing_to_object(site: WordPress, author: str) -> None:
    with options(site, comment_moderation=1):
        site.comment(author, PRAISE)

    assert "0" == site.state(author)


def test_what_wordpress_bins_stays_binned_and_is_not_sent(site: WordPress, service: Vigie, author: str) -> None:
    with options(site, disallowed_keys="documenté"):
        site.comment(author, PRAISE)

    assert "trash" == site.state(author)
    assert [] == service.submissions(author)


def test_one_comment_makes_one_call(site: WordPress, service: Vigie, author: str) -> None:
    before = service.calls("v1.submit")

    site.comment(author, PRAISE)

    assert before + 1 == service.calls("v1.submit"), "WordPress 6.8 asks its filter twice"
    assert 1 == len(service.submissions(author))


def test_an_attempt_that_failed_before_the_comment_was_kept_makes_no_second_submission(
    site: WordPress, service: Vigie, author: str
) -> None:
    attempt = {"comment_post_ID": 1, "comment_author": author, "comment_author_email": "a@example.org"}
    attempt |= {"comment_content": PRAISE, "comment_author_url": "", "comment_type": "comment", "comment_parent": 0}
    fails = "add_filter('pre_comment_approved', fn() => new WP_Error('broken', 'Broken.'), 99);"
    for _ in range(2):
        site.php(fails + "return is_wp_error(wp_new_comment($attempt, true));", attempt=attempt)

    assert [] == site.comments(author)
    assert 1 == len(service.submissions(author))


def test_what_is_posted_again_after_it_was_binned_is_judged_again(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.comment(author, PRAISE)
    click(editor, site.number(author), "trashcomment")

    site.comment(author, PRAISE)

    first, second = service.submissions(author)
    assert first["external_id"] != second["external_id"]


@pytest.mark.parametrize("way", ["form", "rest"])
def test_accents_emoji_quotes_and_backslashes_arrive_intact(
    way: str, site: WordPress, service: Vigie, author: str
) -> None:
    quoted = f'{author} d\'Été "le Sage"'
    if way == "form":
        site.comment(quoted, TRICKY)
    else:
        assert 201 == rest(site, quoted, TRICKY).status

    (sent,) = service.submissions(quoted)
    assert TRICKY == sent["comment"]


def test_vigie_reads_the_words_that_readers_will_see(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(
        author, 'Tom &amp; <b>Léa</b>, con<i></i>nard, <3 <span>à</span> <a href="https://a.example/">lire</a>'
    )

    (sent,) = service.submissions(author)
    assert "Tom & Léa, connard, <3 à lire (https://a.example/)" == sent["comment"]


def test_a_comment_by_the_rest_api_is_judged(site: WordPress, editor: Visitor, author: str) -> None:
    answers = [rest(site, author, INSULT), rest(site, f"{author} bis", PRAISE)]

    assert [(201, "hold"), (201, "approved")] == [(answer.status, answer.json["status"]) for answer in answers]
    assert INSULT_REASON in cell(editor, site.number(author))


def test_a_trackback_is_judged(site: WordPress, author: str) -> None:
    form = {"title": "Un blog", "url": f"http://blog.example/{next(numbers)}", "blog_name": author, "excerpt": INSULT}

    page = site.visitor().post("/wp-trackback.php/1", **form)

    assert "<error>0</error>" in page.text
    assert "0" == site.state(author)


def test_a_reply_says_to_what_it_replies(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, PRAISE)
    site.comment(f"{author} bis", "Tout à fait d'accord avec vous.", comment_parent=site.number(author))

    (first,), (reply,) = service.submissions(author), service.submissions(f"{author} bis")
    assert first["external_id"] == reply["parent_id"]


def test_a_moderator_is_not_judged(site: WordPress, service: Vigie, editor: Visitor) -> None:
    text = f"{INSULT} (cité par la rédaction, {next(numbers)})"

    editor.post("/wp-comments-post.php", comment_post_ID=1, comment_parent=0, comment=text)

    (comment,) = [each for each in site.comments("anne") if each["comment_content"] == text]
    assert "1" == comment["comment_approved"]
    assert [] == service.rows("SELECT id FROM submissions WHERE comment = ?", text)


def test_a_signed_in_reader_is_judged_with_number_and_role(site: WordPress, service: Vigie) -> None:
    text = f"{INSULT} {next(numbers)}"

    site.visitor("zoe").post("/wp-comments-post.php", comment_post_ID=1, comment_parent=0, comment=text)

    (sent,) = service.rows("SELECT * FROM submissions WHERE comment = ?", text)
    assert ("zoe", "subscriber") == (sent["name"], sent["role"])
    assert sent["author_id"].isdigit()
    assert "0" == next(each for each in site.comments("zoe") if each["comment_content"] == text)["comment_approved"]


def test_email_and_ip_are_sent_only_when_the_owner_ticks_it(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, PRAISE, url="http://claire.example/")
    site.choose(send_email=True, send_ip=True)
    site.comment(author, "Une autre remarque, tout aussi courtoise.", email="claire@example.org")

    private, open_ = service.submissions(author)
    assert (None, None, None) == (private["email"], private["ip"], private["user_agent"])
    assert "http://claire.example/" == private["url"]
    assert ("claire@example.org", "127.0.0.1") == (open_["email"], open_["ip"])
    assert open_["user_agent"]


def test_a_strange_address_does_not_keep_the_words_from_being_judged(
    site: WordPress, service: Vigie, author: str
) -> None:
    site.comment(author, INSULT, url="http://bizarre")
    site.comment(f"{author} bis", INSULT, url="http://[::1::2]/x y")

    assert ["0", "0"] == [site.state(author), site.state(f"{author} bis")]
    assert 1 == len(service.submissions(f"{author} bis"))


# -- the form ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["fr_FR", ""])
@pytest.mark.parametrize(
    ("author_typed", "comment_typed", "told"),
    [
        ("", PRAISE, [NAME_MISSING]),
        ("Claire", "  ", [COMMENT_MISSING]),
        ("", "", [NAME_MISSING, COMMENT_MISSING]),
        ("\u200b", "\u00a0\u2060", [NAME_MISSING, COMMENT_MISSING]),  # nothing that one can see
        ("Claire", "\u3164", [COMMENT_MISSING]),  # a letter to WordPress, nothing to Vigie
    ],
)
def test_a_form_that_lacks_something_is_told_what_in_french(
    author_typed: str, comment_typed: str, told: list[str], locale: str, site: WordPress
) -> None:
    with options(site, WPLANG=locale):
        page = site.comment(author_typed, comment_typed)

    assert 200 == page.status
    assert "wp-comments-post.php" in page.url
    assert told == [message for message in (NAME_MISSING, COMMENT_MISSING) if message in page.words]


def test_a_person_in_a_browser_reads_it_whoever_checks_the_form(site: WordPress, browser: WebDriver) -> None:
    browser.get(f"{site.url}/?p=1")
    by_wordpress = browser.find_element(By.ID, "commentform").get_property("noValidate")
    browser.find_element(By.ID, "email").send_keys("claire@example.org")
    browser.find_element(By.ID, "submit").click()

    if by_wordpress:
        page = eventually(lambda: browser.find_elements(By.CLASS_NAME, "wp-die-message"))
        assert f"{NAME_MISSING}\n{COMMENT_MISSING}" == page[0].text
        return

    fields = [browser.find_element(By.ID, name) for name in ("author", "comment")]
    assert [NAME_MISSING, COMMENT_MISSING] == [field.get_property("validationMessage") for field in fields]
    fields[0].send_keys("Claire")
    fields[1].send_keys(f"{PRAISE} {next(numbers)}")
    browser.find_element(By.ID, "submit").click()
    eventually(lambda: "#comment-" in browser.current_url)


def test_a_call_of_the_rest_api_that_lacks_something_is_told_what(site: WordPress, service: Vigie) -> None:
    before = service.calls("v1.submit")

    nameless, wordless = rest(site, " ", PRAISE), rest(site, "Claire", "")

    assert (400, NAME_MISSING) == (nameless.status, nameless.json["message"])
    assert (400, COMMENT_MISSING) == (wordless.status, wordless.json["message"])
    assert before == service.calls("v1.submit")


def test_where_nobody_has_to_give_a_name_an_anonymous_comment_is_judged(site: WordPress, service: Vigie) -> None:
    text = f"{PRAISE} {next(numbers)}"
    with options(site, require_name_email=0):
        page = site.comment("", text, email="")

    assert "#comment-" in page.url
    (sent,) = service.rows("SELECT name FROM submissions WHERE comment = ?", text)
    assert sent["name"] in {"Anonyme", "Anonymous"}  # WordPress' own word, as far as Debian has translated it


def test_other_errors_of_the_form_stay_wordpress_own(site: WordPress) -> None:
    page = site.comment("Claire", PRAISE, email="")

    assert 200 == page.status
    assert "Erreur" in page.words or "Error" in page.words


def test_the_form_asks_to_leave_a_comment(site: WordPress) -> None:
    page = site.visitor().get("/?p=1")

    assert "LAISSER UN COMMENTAIRE" in page.words.upper()


# -- Vigie is away -----------------------------------------------------------------------------------------------------


def test_while_vigie_is_away_comments_are_held_and_cron_judges_them_later(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    polite, rude, selling = author, f"{author} bis", f"{author} ter"
    with service.away():
        site.comment(polite, PRAISE)
        site.comment(rude, INSULT)
        site.comment(selling, SPAM)
        states = [site.state(name) for name in (polite, rude, selling)]
        told = cell(editor, site.number(polite))
        site.run_cron()  # it is still away
        warning = site.visitor("admin").get("/wp-admin/edit-comments.php").words

    assert ["0", "0", "0"] == states
    assert "Pas encore jugé : Vigie n’a pas répondu" == told
    assert "Vigie ne répond pas à son adresse. Depuis le" in warning

    site.run_cron()

    assert ["1", "0", "spam"] == [site.state(name) for name in (polite, rude, selling)]
    assert INSULT_REASON in cell(editor, site.number(rude))
    assert "Vigie ne répond pas" not in site.visitor("admin").get("/wp-admin/edit-comments.php").words
    assert [1, 1, 1] == [len(service.submissions(name)) for name in (polite, rude, selling)]
    assert [] == service.verdicts(polite), "cron is nobody"
    assert site.php("return wp_next_scheduled('vigie_catch_up');") is False


def test_what_wordpress_held_itself_stays_held_when_it_is_judged_late(site: WordPress, author: str) -> None:
    site.choose(url="http://127.0.0.1:1")
    with options(site, comment_moderation=1):
        site.comment(author, PRAISE)
    site.choose()

    site.run_cron()

    assert "0" == site.state(author)


def test_what_was_published_without_vigie_is_held_after_all(site: WordPress, author: str) -> None:
    site.choose(url="http://127.0.0.1:1", on_away="wordpress")
    site.comment(author, INSULT)
    before = site.state(author)
    site.choose(on_away="wordpress")

    site.run_cron()

    assert ("1", "0") == (before, site.state(author))


def test_what_a_person_has_decided_meanwhile_stays_and_becomes_a_verdict(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.choose(url="http://127.0.0.1:1")
    site.comment(author, SPAM)
    click(editor, site.number(author), "approvecomment")
    site.choose()

    site.run_cron()

    assert "1" == site.state(author)
    assert cell(editor, site.number(author)).startswith("À refuser")
    assert [("accept", None, True)] == service.verdicts(author)


def test_an_author_does_not_wait_longer_than_two_seconds_for_a_vigie_that_hangs(site: WordPress, author: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.choose(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        site.comment(author, PRAISE)
        waited = time.monotonic() - begun

    assert "0" == site.state(author)
    assert 1.9 < waited < 4


def test_a_wrong_key_holds_comments_and_administrators_are_told(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.choose(key="000000000000")

    site.comment(author, PRAISE)

    assert "0" == site.state(author)
    assert "Vigie refuse la clé" in cell(editor, site.number(author))
    page = site.visitor("admin").get("/wp-admin/index.php")
    assert "Vigie refuse la clé. Depuis le" in page.words
    assert "inconnue ou révoquée" in page.words
    assert "Vigie refuse la clé. Depuis" not in editor.get("/wp-admin/index.php").words
    assert [] == service.submissions(author)


# -- people decide -----------------------------------------------------------------------------------------------------


def test_an_editor_s_choices_go_back_as_verdicts_and_the_last_one_counts(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.comment(author, INSULT)
    number = site.number(author)

    click(editor, number, "approvecomment")
    assert [("accept", None, True)] == service.verdicts(author)

    click(editor, number, "spamcomment")
    assert [("accept", None, False), ("reject", "SPAM", True)] == service.verdicts(author)


def test_the_bin_is_a_refusal_without_a_reason(site: WordPress, service: Vigie, editor: Visitor, author: str) -> None:
    site.comment(author, INSULT)

    click(editor, site.number(author), "trashcomment")

    assert [("reject", None, True)] == service.verdicts(author)


def test_many_are_decided_at_once(site: WordPress, service: Vigie, editor: Visitor, author: str) -> None:
    authors = [f"{author} {letter}" for letter in "abc"]
    for each in authors:
        site.comment(each, INSULT)
    page = editor.get("/wp-admin/edit-comments.php")
    nonce = re.search(r'name="_wpnonce" value="(\w+)"', page.text)
    assert nonce

    chosen = "&".join(f"delete_comments[]={site.number(each)}" for each in authors)
    editor.get(f"/wp-admin/edit-comments.php?action=approve&_wpnonce={nonce[1]}&{chosen}")

    assert ["1", "1", "1"] == [site.state(each) for each in authors]
    assert [[("accept", None, True)]] * 3 == [service.verdicts(each) for each in authors]


def test_a_verdict_that_cannot_be_told_is_told_later(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.comment(author, INSULT)
    site.choose(url="http://127.0.0.1:1")
    click(editor, site.number(author), "approvecomment")
    site.choose()
    before = service.verdicts(author)

    site.run_cron()

    assert ([], [("accept", None, True)]) == (before, service.verdicts(author))
    assert [] == site.php("return get_comments(array('meta_key' => '_vigie_verdict', 'status' => 'any'));")


def test_what_a_program_does_to_a_comment_is_no_verdict(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, INSULT)

    site.php("return wp_set_comment_status($number, 'approve');", number=site.number(author))

    assert "1" == site.state(author)
    assert [] == service.verdicts(author)


def test_a_comment_that_vigie_has_forgotten_is_not_asked_about_for_ever(
    site: WordPress, service: Vigie, editor: Visitor, author: str
) -> None:
    site.comment(author, INSULT)
    service.command("author", "erase", "--name", author, "--yes")

    click(editor, site.number(author), "approvecomment")

    assert "1" == site.state(author)
    assert [] == site.php("return get_comments(array('meta_key' => '_vigie_verdict', 'status' => 'any'));")


# -- what the owner sees -----------------------------------------------------------------------------------------------


def save(visitor: Visitor, **typed: Any) -> Answer:
    """Fill in the settings page and send it."""
    page = visitor.get(SETTINGS)
    form = {"option_page": "vigie", "action": "update"}
    nonce = re.search(r'name="_wpnonce" value="(\w+)"', page.text)
    form["_wpnonce"] = nonce[1] if nonce else ""
    form["_wp_http_referer"] = SETTINGS
    return visitor.post("/wp-admin/options.php", **(form | {f"vigie[{name}]": value for name, value in typed.items()}))


def test_an_administrator_chooses_on_the_settings_page_and_sees_that_vigie_answers(
    site: WordPress, service: Vigie
) -> None:
    administrator = site.visitor("admin")

    page = save(administrator, url=f"{service.url}/", key=service.key, on_hold="hold", on_reject="trash", send_ip=1)

    assert "Vigie répond ; son modèle est" in page.words.replace("\u00a0", " ")
    kept = site.php("return get_option('vigie');")
    assert {"url": service.url, "key": service.key, "on_reject": "trash", "send_ip": True, "send_email": False} == {
        name: kept[name] for name in ("url", "key", "on_reject", "send_ip", "send_email")
    }
    assert service.key not in page.text
    assert f"••••••••{service.key[-2:]}" in page.text
    assert 'autocomplete="new-password"' in page.text

    save(administrator, url=service.url, key="")
    assert service.key == site.php("return get_option('vigie');")["key"], "an empty field keeps it"
    save(administrator, url=service.url, key="", forget_key=1)
    assert "" == site.php("return get_option('vigie');")["key"]


def test_what_cannot_be_a_setting_is_not_kept_and_the_page_says_so(site: WordPress, service: Vigie) -> None:
    administrator = site.visitor("admin")

    page = save(administrator, url="file:///etc/passwd", key="Trop Courte", on_reject="delete")

    assert "L’adresse doit commencer par http:// ou https://" in page.words
    assert "Une clé a 12 lettres minuscules et chiffres" in page.words
    kept = site.php("return get_option('vigie');")
    assert (service.url, service.key, "spam") == (kept["url"], kept["key"], kept["on_reject"])


def test_the_settings_are_for_administrators_and_want_their_own_form(site: WordPress, editor: Visitor) -> None:
    administrator = site.visitor("admin")
    before = site.php("return get_option('vigie');")

    seen = editor.get(SETTINGS)
    sent = [save(editor, url="http://evil.example"), save(site.visitor(), url="http://evil.example")]
    forged = administrator.post(
        "/wp-admin/options.php", option_page="vigie", action="update", **{"vigie[url]": "http://evil.example"}
    )

    assert 403 == seen.status
    assert 403 == sent[0].status
    assert "wp-login.php" in sent[1].url
    assert 403 == forged.status
    assert before == site.php("return get_option('vigie');")


def test_the_connection_can_be_tried(site: WordPress, service: Vigie) -> None:
    administrator = site.visitor("admin")

    def tried() -> str:
        link = re.search(r'href="([^"]+vigie_test[^"]+)"', administrator.get(SETTINGS).text)
        assert link
        return administrator.get(html.unescape(link[1])).words.replace("\u00a0", " ")

    assert "Vigie répond ; son modèle est" in tried()
    site.choose(key=service.new_key("--scope", "judge"))
    eventually(lambda: "mais pas de transmettre ce que décident les modérateurs" in tried())
    site.choose(key="000000000000")
    assert "Vigie refuse la clé." in tried()
    site.choose(url="http://127.0.0.1:1")
    assert "Vigie ne répond pas à son adresse." in tried()


def test_a_key_in_the_configuration_goes_first_and_is_not_shown(site: WordPress, service: Vigie, author: str) -> None:
    site.choose(key="")
    constant = site.site / "wp-content" / "mu-plugins" / "key.php"
    constant.write_text(f"<?php define( 'VIGIE_KEY', '{service.key}' );", "utf-8")
    try:
        site.comment(author, PRAISE)
        page = site.visitor("admin").get(SETTINGS)
    finally:
        constant.unlink()

    assert "1" == site.state(author)
    assert "Elle se trouve dans wp-config.php, sous le nom VIGIE_KEY." in page.words
    assert service.key not in page.text


def test_the_key_is_in_no_log(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, PRAISE)
    site.choose(url="http://127.0.0.1:1")
    site.comment(f"{author} bis", PRAISE)

    logs = [path.read_text("utf-8") for path in (site.folder / "debug.log", service.folder / "log") if path.exists()]
    assert not [log for log in logs if service.key in log]


def test_a_redirection_is_not_followed(site: WordPress, service: Vigie, author: str) -> None:
    """A comment, and the key, go where the owner has said and nowhere else."""
    before = service.calls("v1.submit")
    router = site.folder / "router.php"
    router.write_text(f"<?php header('Location: {service.url}' . $_SERVER['REQUEST_URI'], true, 307);", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    elsewhere = subprocess.Popen(["php", "-S", f"127.0.0.1:{port}", router], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        site.choose(url=f"http://127.0.0.1:{port}")
        site.comment(author, PRAISE)
    finally:
        elsewhere.kill()
        elsewhere.wait()

    assert "0" == site.state(author)
    assert before == service.calls("v1.submit")


def test_a_text_for_the_privacy_policy_is_suggested(site: WordPress) -> None:
    page = site.visitor("admin").get("/wp-admin/options-privacy.php?tab=policyguide")

    assert "notre propre service de modération, Vigie" in page.words
    assert "Votre adresse IP" not in page.words

    site.choose(send_ip=True)
    assert "Votre adresse IP" in site.visitor("admin").get("/wp-admin/options-privacy.php?tab=policyguide").words


def test_reasons_are_written_as_text(site: WordPress, editor: Visitor, author: str) -> None:
    site.comment(author, INSULT)
    site.php(
        "$record = get_comment_meta($number, '_vigie', true); $record['reasons'] = array('<script>alert(1)</script>');"
        " return update_comment_meta($number, '_vigie', $record);",
        number=site.number(author),
    )

    page = editor.get("/wp-admin/edit-comments.php")

    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


@pytest.mark.parametrize(("locale", "expected"), [("fr_BE", "Où se trouve Vigie"), ("", "Where Vigie is")])
def test_the_page_speaks_the_site_s_language(locale: str, expected: str, site: WordPress) -> None:
    languages = site.site / "wp-content" / "languages"
    if locale:  # WordPress knows a language by its file
        shutil.copy(languages / "fr_FR.mo", languages / f"{locale}.mo")
    with options(site, WPLANG=locale):
        page = site.visitor("admin").get(SETTINGS)

    assert expected in page.words


# -- it goes -----------------------------------------------------------------------------------------------------------


def test_uninstalling_leaves_nothing(site: WordPress, author: str) -> None:
    site.comment(author, INSULT)
    site.choose(url="http://127.0.0.1:1")
    site.comment(f"{author} bis", PRAISE)  # waits for cron, and leaves a fault to be noticed
    left = """global $wpdb; $options = "SELECT option_name FROM wp_options WHERE option_name LIKE '%vigie%'";
        $meta = "SELECT meta_key FROM wp_commentmeta WHERE meta_key LIKE '%vigie%'";
        $users = "SELECT meta_key FROM wp_usermeta WHERE meta_key LIKE '%vigie%'";
        return array(array_merge($wpdb->get_col($options), $wpdb->get_col($meta), $wpdb->get_col($users)),
            false !== strpos(serialize(_get_cron_array()), 'vigie'));"""
    before = site.php(left)
    administrator = site.visitor("admin")
    nonce = administrator.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
    address = "/?rest_route=/wp/v2/plugins/vigie/vigie"
    try:
        for method, body in (("PUT", {"status": "inactive"}), ("DELETE", None)):
            answer = administrator.send(method, address, body, **{"X-WP-Nonce": nonce})
            assert 200 == answer.status, answer.words

        assert {"vigie", "vigie_fault", "_vigie", "_vigie_waiting"} <= set(before[0])
        assert before[1]
        assert not (site.site / "wp-content" / "plugins" / "vigie").exists()
        # WordPress itself remembers which plugins were active a moment ago
        assert ([], False) == tuple(site.php(left))
        assert 2 == len(site.comments(author)) + len(site.comments(f"{author} bis"))
    finally:
        site.put_plugin()


# -- its files ---------------------------------------------------------------------------------------------------------


def test_every_text_is_translated_and_the_translation_is_compiled(tmp_path: Any) -> None:
    sources = sorted(path for path in PLUGIN.rglob("*.php"))
    words = ["--keyword=__:1,2t", "--keyword=esc_html__:1,2t", "--from-code=UTF-8", "--language=PHP", "--no-wrap"]
    subprocess.run(["xgettext", *words, "-o", tmp_path / "new.pot", *sources], check=True)
    language = PLUGIN / "languages" / "vigie-fr_FR.po"
    done = ["msgfmt", "--check-format", "-o", tmp_path / "new.mo", "--statistics", language]
    told = subprocess.run(done, check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin"})

    assert re.fullmatch(r"\d+ translated messages\.\n", told.stderr), told.stderr
    assert (tmp_path / "new.mo").read_bytes() == (PLUGIN / "languages" / "vigie-fr_FR.mo").read_bytes()

    def texts(path: Any) -> set[str]:
        return set(re.findall(r'^msgid "(.+)"$', path.read_text("utf-8"), re.MULTILINE))

    described = re.search(r"Description: +(.+)", (PLUGIN / "vigie.php").read_text("utf-8"))
    assert described
    assert texts(tmp_path / "new.pot") | {described[1]} == texts(language) == texts(PLUGIN / "languages" / "vigie.pot")


def test_both_of_its_descriptions_say_the_same_of_its_version() -> None:
    header, readme = ((PLUGIN / name).read_text("utf-8") for name in ("vigie.php", "readme.txt"))

    for of_header, of_readme in (("Version", "Stable tag"), ("Requires at least",) * 2, ("Requires PHP",) * 2):
        found = [re.search(rf"\b{name}: +(\S+)", text) for name, text in ((of_header, header), (of_readme, readme))]
        assert found[0]
        assert found[1]
        assert found[0][1] == found[1][1]
