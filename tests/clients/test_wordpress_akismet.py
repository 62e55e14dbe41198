"""WordPress with Akismet's own plugin, which asks a real Vigie by the filter that docs/migrate.md has to be copied."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from service import keys
from service.store import keys as store_keys
from service.store import open_engine
from tests.clients.wordpress import PACKAGES, ROOT, Answer, Vigie, WordPress, click, numbers, options, vigie, wordpress

PRAISE = "C'est l'été : merci pour cet article, clair et bien documenté."
TRICKY = r"""L'été où j'ai mangé 3 glaces au "café" 🍦, \o/ C:\temp\new, \\serveur, l'\'apostrophe et 100 % oui !"""
LATE = r"""D'après \o/ mon voisin, l'\'école "Jules Ferry" rouvrira en septembre."""
BY_REST = r"Le fichier s'appelle C:\photos\été.jpg, d'après l'auteur."
MISSED = r"""J'ai lu "Germinal" au lycée ; c'était \o/ long, mais beau."""
INSULT = "Espèce de connard, retourne lécher les bottes de Poutine !"
SPAM = "Grand marabout africain, retour de l'être aimé en 48h, résultats garantis. Tél +229 97 00 11 22"
DUBIOUS = "J'ai trouvé mieux : https://a.example https://b.example https://c.example"
PAGE = "/wp-admin/options-general.php?page=akismet-key-config"
WRONG = "000000000000"
RECHECK = "akismet_schedule_cron_recheck"
KEY_OF_FILE = """<?php
// As if wp-config.php named a key: PHP keeps that file in memory, and a test wants to change the key.
if ( $key = file_get_contents( __DIR__ . '/key' ) ) {
	define( 'WPCOM_API_KEY', $key );
}
"""


def documented(url: str) -> str:
    """Return the filter that docs/migrate.md tells to put into mu-plugins, for a Vigie at *url*."""
    section = (ROOT / "docs" / "migrate.md").read_text("utf-8").partition("### A filter for the Akismet plugin\n")[2]
    [code] = re.findall(r"```php\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert 1 == code.count("'https://vigie.example'")
    return str(code).replace("https://vigie.example", url)


@pytest.fixture(scope="module", params=PACKAGES)
def site(request: pytest.FixtureRequest) -> Iterator[WordPress]:
    # Every visitor comes from this machine: with addresses, that would be a flood of comments.
    with vigie(VIGIE_ADDRESSES="off") as served, wordpress(request.param, served, plugin=False) as installed:
        own = installed.site / "wp-content" / "mu-plugins"
        (own / "vigie-akismet.php").write_text(documented(served.url), "utf-8")
        (own / "key").write_text(served.key, "utf-8")
        (own / "key.php").write_text(KEY_OF_FILE, "utf-8")
        assert installed.php("return activate_plugin('akismet/akismet.php');") is None
        installed.configure(akismet_strictness="0")
        yield installed
        for about in ("plugins/akismet", "mu-plugins/vigie-akismet", "Fatal error"):
            assert [] == installed.complaints(about)


@pytest.fixture
def service(site: WordPress) -> Vigie:
    return site.vigie


@pytest.fixture
def author() -> str:
    return f"Jeanne d'Arc n° {next(numbers)}"


@contextmanager
def key_in_configuration(site: WordPress, key: str | None) -> Iterator[None]:
    """Let wp-config.php name *key*, or none, for a while."""
    path = site.site / "wp-content" / "mu-plugins" / "key"
    path.write_text(key or "", "utf-8")
    try:
        yield
    finally:
        path.write_text(site.vigie.key, "utf-8")


def spoken(page: Answer) -> str:
    assert 200 == page.status
    assert "critical error" not in page.text
    assert "</html>" in page.text
    return page.words.replace("’", "'")


def meta(site: WordPress, author: str, name: str) -> str:
    return str(site.php("return get_comment_meta($number, $name, true);", number=site.number(author), name=name))


def history(site: WordPress, author: str) -> list[str]:
    """Return what the plugin says it has done with an author's comment, the oldest first."""
    told = site.php("return get_comment_meta($number, 'akismet_history');", number=site.number(author))
    return [each["event"] for each in told]


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_plugin_tells_a_key_from_a_wrong_one_and_from_silence(site: WordPress, service: Vigie) -> None:
    def verified(key: str) -> str:
        return str(site.php("return Akismet::verify_key($key);", key=key))

    assert ["valid", "invalid"] == [verified(service.key), verified(WRONG)]
    with key_in_configuration(site, WRONG):
        assert "valid" == verified(service.key), "though it has another one"
    with service.away():
        assert "failed" == verified(service.key)


def test_an_owner_types_a_key_on_the_plugin_s_page(site: WordPress, service: Vigie) -> None:
    typable = f"{next(numbers):0>4}5a5b5c5d"
    engine = open_engine(f"sqlite:///{service.folder}/vigie.db")
    digest = keys.digest(typable)
    store_keys.add(engine, digest, "default", keys.USUAL_SCOPES, keys.USUAL_RATE, "", "test", datetime.now(UTC))
    engine.dispose()
    with service.away():  # it knows of the key from the start
        pass
    owner = site.visitor("admin")

    def typed(key: str) -> str:
        nonce = re.search(r'name="_wpnonce" value="(\w+)"', owner.get(PAGE).text)
        assert nonce
        return spoken(owner.post(PAGE, action="enter-key", key=key, akismet_strictness=0, _wpnonce=nonce[1]))

    with key_in_configuration(site, None):
        assert "The key you entered is invalid" in typed(WRONG)
        assert "The key you entered is invalid" in typed("ghijklmnopqr" if service.key.isdigit() else service.key)
        assert not site.php("return get_option('wordpress_api_key');")
        assert "Akismet is now protecting your site from spam" in typed(typable)
        assert typable == site.php("return get_option('wordpress_api_key');")
        site.php("return delete_option('wordpress_api_key');")


def test_the_plugin_says_that_a_key_is_wrong(site: WordPress) -> None:
    owner = site.visitor("admin")
    with key_in_configuration(site, WRONG):
        page = spoken(owner.get(PAGE))

    assert "Your API key is no longer valid" in page
    assert "can't connect" not in page


def test_with_a_wrong_key_comments_wait(site: WordPress, service: Vigie, author: str) -> None:
    with key_in_configuration(site, WRONG):
        site.comment(author, "Le conseil municipal s'est réuni hier soir, j'y étais.")

    assert ("0", []) == (site.state(author), service.submissions(author))
    assert history(site, author)[0] == "check-error"


# -- a comment comes in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [PRAISE, TRICKY])
def test_an_ordinary_comment_is_published_and_kept_as_it_was_written(
    text: str, site: WordPress, service: Vigie, author: str
) -> None:
    page = site.comment(author, text)

    assert "1" == site.state(author)
    assert f"#comment-{site.number(author)}" in page.url
    [kept] = service.submissions(author)
    assert (text, None, "default") == (kept["comment"], kept["ip"], kept["site"])
    assert kept["article_url"].startswith(f"{site.url}/20")
    assert "false" == meta(site, author, "akismet_result")


@pytest.mark.parametrize("text", [SPAM, DUBIOUS])
def test_spam_goes_to_spam_even_when_it_is_blatant(text: str, site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, text)

    assert "spam" == site.state(author)
    assert 1 == len(service.submissions(author))
    assert ("discard" if text == SPAM else "") == meta(site, author, "akismet_pro_tip")


def test_blatant_spam_is_discarded_where_the_owner_wants_that(site: WordPress, service: Vigie, author: str) -> None:
    with options(site, akismet_strictness="1"):
        pages = [site.comment(author, SPAM), site.comment(f"{author} bis", DUBIOUS)]

    assert [200, 200] == [page.status for page in pages]
    assert [] == site.comments(author)
    assert "spam" == site.state(f"{author} bis")
    assert 1 == len(service.submissions(author)), "Vigie keeps it all the same"


def test_what_is_toxic_is_not_spam(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, INSULT)

    assert "1" == site.state(author)
    [judged] = service.rows(
        "SELECT judgements.decision FROM judgements JOIN submissions ON submissions.id = submission_id WHERE name = ?",
        author,
    )
    assert "accept" != judged["decision"]


def test_comments_of_the_rest_api_are_checked(site: WordPress, service: Vigie, author: str) -> None:
    for name, text in ((author, BY_REST), (f"{author} bis", SPAM)):
        body = {"post": 1, "author_name": name, "author_email": "lecteur@example.org", "content": text}
        assert 201 == site.visitor().send("POST", "/?rest_route=/wp/v2/comments", body).status

    assert ["1", "spam"] == [site.state(author), site.state(f"{author} bis")]
    assert [BY_REST] == [kept["comment"] for kept in service.submissions(author)]


# -- what people decide ------------------------------------------------------------------------------------------------


def test_what_the_owner_chooses_is_a_verdict(site: WordPress, service: Vigie, author: str) -> None:
    missed, alarm = author, f"{author} bis"
    site.comment(missed, MISSED)
    site.comment(alarm, SPAM)
    owner = site.visitor("admin")

    click(owner, site.number(missed), "spamcomment")
    click(owner, site.number(alarm), "unspamcomment")

    assert ["spam", "0"] == [site.state(missed), site.state(alarm)], "WordPress itself lets it wait for approval"
    for name, expected in ((missed, ("reject", '{"spam": 1}')), (alarm, ("accept", '{"spam": 0}'))):
        [kept] = service.submissions(name)  # the verdict is about what was checked
        [given] = service.rows("SELECT * FROM verdicts WHERE submission_id = ?", kept["id"])
        assert (*expected, "akismet") == (given["decision"], given["labels"], given["actor"])

    click(owner, site.number(missed), "unspamcomment")
    assert [("reject", "SPAM", False), ("accept", None, True)] == service.verdicts(missed)


def test_what_is_held_or_trashed_says_nothing_about_spam(site: WordPress, service: Vigie, author: str) -> None:
    site.comment(author, "Les horaires du marché ont changé depuis lundi.")
    owner = site.visitor("admin")

    for choice in ("unapprovecomment", "approvecomment", "trashcomment"):
        click(owner, site.number(author), choice)

    assert ("trash", []) == (site.state(author), service.verdicts(author))


# -- Vigie is away -----------------------------------------------------------------------------------------------------


def test_when_vigie_is_away_comments_wait_and_are_checked_later(site: WordPress, service: Vigie, author: str) -> None:
    good, bad = author, f"{author} bis"
    with service.away():
        site.comment(good, LATE)
        site.comment(bad, SPAM)
        site.run_cron(RECHECK)  # it is still away
        assert ["0", "0"] == [site.state(good), site.state(bad)]
        assert site.php("return wp_next_scheduled($event);", event=RECHECK)
        assert "Akismet has detected a problem" in spoken(site.visitor("admin").get("/wp-admin/edit-comments.php"))

    site.run_cron(RECHECK)

    assert ["1", "spam"] == [site.state(good), site.state(bad)]
    assert ["cron-retry-ham", "cron-retry-spam"] == [history(site, good)[-1], history(site, bad)[-1]]
    assert [[LATE], [SPAM]] == [[kept["comment"] for kept in service.submissions(each)] for each in (good, bad)]
    assert site.php("return wp_next_scheduled($event);", event=RECHECK) is False

    click(site.visitor("admin"), site.number(bad), "unspamcomment")
    assert [("accept", None, True)] == service.verdicts(bad)
    assert 1 == len(service.submissions(bad))


def test_when_vigie_cannot_judge_comments_wait(site: WordPress, service: Vigie, author: str) -> None:
    slow = service.new_key("--rate", "1")
    with key_in_configuration(site, slow):
        assert "valid" == site.php("return Akismet::verify_key($key);", key=slow)
        site.comment(author, "La photo d'ouverture a été prise au mois de mai.")

    assert ("0", []) == (site.state(author), service.submissions(author))
    site.run_cron(RECHECK)
    assert "1" == site.state(author)


# -- what the owner sees -----------------------------------------------------------------------------------------------


def test_the_plugin_s_pages_open(site: WordPress, author: str) -> None:
    site.comment(author, SPAM)
    owner = site.visitor("admin")

    settings = spoken(owner.get(PAGE))
    assert "can't connect" not in settings
    assert "no longer valid" not in settings
    assert "Silently discard the worst" in settings
    assert "tools.akismet.com" not in owner.get(PAGE).text
    for page in (f"{PAGE}&view=stats", f"{PAGE}&view=start", "/wp-admin/", "/wp-admin/edit-comments.php"):
        assert "Akismet" in spoken(owner.get(page))
    with key_in_configuration(site, None), options(site, wordpress_api_key=site.vigie.key):
        account = spoken(owner.get(PAGE))
    assert re.search(r"Subscription type Vigie Status Active", account, re.IGNORECASE)


def test_the_plugin_can_go(site: WordPress, service: Vigie) -> None:
    assert "deactivated" == site.php("return Akismet::deactivate_key($key);", key=service.key)
    site.php("deactivate_plugins('akismet/akismet.php'); return 1;")
    assert site.php("return activate_plugin('akismet/akismet.php');") is None


def test_nothing_is_asked_of_akismet_itself(site: WordPress) -> None:
    seen = site.php(
        """$told = $asked = array();
        add_filter('pre_http_request', function ($answer, $args, $url) use (&$asked) {
            if (false === $answer) $asked[] = wp_parse_url($url, PHP_URL_HOST);
            return $answer;
        }, 99, 3);
        foreach (array('https://rest.akismet.com', 'http://abcdefabcdef.rest.akismet.com') as $url)
            $told[] = wp_remote_retrieve_body(wp_remote_get("$url/1.1/test"));
        return array($told, $asked);"""
    )

    assert [["connected"] * 2, ["127.0.0.1"] * 2] == seen
