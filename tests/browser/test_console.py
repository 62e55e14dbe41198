"""A moderator's day in a real browser: by keyboard, without JavaScript, on a phone, and two at once."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from service.accounts import hash_password
from service.store import members, verdicts
from tests.browser.chromium import PHONE, WIDE, barriers, complaints, needed, overflow, picture, visit, wait_for

pytestmark = needed
PASSWORD = "correcte-agrafe-cheval"
TEXTS = (
    "Quel connard, ce ministre ! Qu'il parte, et vite.",
    "Merci à la rédaction pour cette enquête 😀",
    "Gagnez 500 € par jour depuis chez vous, écrivez-moi sur Telegram !",
    "Un très long mot : " + "anticonstitutionnellement" * 12,
)


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    digest = hash_password(PASSWORD)
    for name, role in (("Anne", "administrator"), ("Bruno", "moderator")):
        members.add_moderator(app.extensions["vigie"].engine, name, role, digest, datetime.now(UTC))


@pytest.fixture
def held(address: str) -> list[str]:
    """Four comments that wait."""
    return [send_comment(address, text) for text in TEXTS]


@pytest.fixture(autouse=True)
def nobody_is_signed_in(browser: WebDriver) -> Iterator[None]:
    yield
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})


def send_comment(address: str, text: str) -> str:
    article = {"title": "Réforme des retraites", "url": "https://example.org/retraites"}
    body = json.dumps({"name": "Zoé Lefèvre", "comment": text, "author_id": "7", "article": article}).encode()
    request = Request(f"{address}/v1/comments", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return str(told["id"])


def sign_in(browser: WebDriver, address: str, name: str = "Anne", **screen: Any) -> None:
    visit(browser, f"{address}/moderation/", **screen)
    browser.find_element(By.ID, "name").send_keys(name)
    browser.find_element(By.ID, "password").send_keys(PASSWORD + Keys.ENTER)
    wait_for(browser, ".rooms")


def press(browser: WebDriver, key: str) -> None:
    """Hit a key and wait for the page that it leads to."""
    before = browser.find_element(By.TAG_NAME, "html")
    browser.find_element(By.TAG_NAME, "body").send_keys(key)
    WebDriverWait(browser, 5, 0.05).until(lambda driver: driver.find_element(By.TAG_NAME, "html") != before)


def standing(app: Flask, ids: list[str]) -> list[str | None]:
    engine = app.extensions["vigie"].engine
    kept = [[given for given in verdicts.history(engine, one)[0] if given.withdrawn_at is None] for one in ids]
    return [given[0].verdict.decision.name if given else None for given in kept]


def test_a_days_work_by_keyboard(browser: WebDriver, app: Flask, address: str, held: list[str]) -> None:
    sign_in(browser, address)
    for key in ("n", "a", "u", "r", "s", "a"):
        press(browser, key)

    # Accepted by mistake, taken back, rejected; then spam, then accepted. The fourth is on the screen.
    assert ["reject", "reject", "accept", None] == standing(app, held)
    assert browser.current_url.split("?")[0].endswith(held[3])
    assert "Commentaire accepté. Annuler" in wait_for(browser, ".done")
    press(browser, "f")
    assert "Un commentaire attend." in wait_for(browser, ".lead")
    browser.find_element(By.TAG_NAME, "body").send_keys("?")
    assert "indésirable" in wait_for(browser, ".keys dl")
    assert [] == complaints(browser)


def test_keys_typed_into_a_field_are_text(browser: WebDriver, app: Flask, address: str, held: list[str]) -> None:
    sign_in(browser, address)
    press(browser, "n")
    browser.find_element(By.CSS_SELECTOR, ".judge details summary").click()
    browser.find_element(By.ID, "note").send_keys("assurance ?")

    assert "assurance ?" == browser.find_element(By.ID, "note").get_attribute("value")
    assert [None] * 4 == standing(app, held)


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_without_javascript_nothing_is_missing(
    browser: WebDriver, app: Flask, address: str, held: list[str], width: int
) -> None:
    sign_in(browser, address, script=False, width=width)
    boxes = browser.find_elements(By.CSS_SELECTOR, ".entries input[type=checkbox]")
    for box in boxes[:2]:
        box.click()
    browser.find_element(By.CSS_SELECTOR, ".bulk .accept").click()
    wait_for(browser, ".done")
    browser.find_element(By.CSS_SELECTOR, "a.start").click()
    wait_for(browser, ".judge")
    browser.find_element(By.CSS_SELECTOR, ".choices button[value=reject]").click()
    wait_for(browser, ".done")
    browser.find_element(By.CSS_SELECTOR, ".done button").click()  # undo

    assert "attend un verdict" in wait_for(browser, ".by .state")
    assert ["accept", "accept", None, None] == standing(app, held)


def test_two_moderators_read_different_comments(browser: WebDriver, app: Flask, address: str, held: list[str]) -> None:
    seen = []
    for name in ("Anne", "Bruno"):
        sign_in(browser, address, name)
        press(browser, "n")
        seen.append(browser.current_url)
        browser.delete_all_cookies()

    assert seen[0] != seen[1]


PAGES = (
    "/",
    "/commentaires/{id}",
    "/recherche?q=ministre",
    "/essai",
    "/statistiques",
    "/membres",
    "/envois",
    "/modele",
    "/listes",
    "/cles",
    "/recherche?q=rien+de+tel",
)


@pytest.mark.parametrize(("path", "width", "dark"), list(itertools.product(PAGES, [WIDE, PHONE], [False, True])))
def test_a_page_can_be_read_by_everybody(
    browser: WebDriver, address: str, held: list[str], path: str, width: int, dark: bool, tmp_path: Path
) -> None:
    sign_in(browser, address)
    visit(browser, f"{address}/moderation{path.format(id=held[0])}", width=width, dark=dark)
    for details in browser.find_elements(By.CSS_SELECTOR, "details:not([open]) > summary"):
        details.click()
    picture(browser, tmp_path / "page.png")

    assert 0 == overflow(browser)
    assert [] == barriers(browser)
    assert [] == complaints(browser)


def test_everything_can_be_reached_by_the_tab_key(browser: WebDriver, address: str, held: list[str]) -> None:
    sign_in(browser, address)
    visit(browser, f"{address}/moderation/commentaires/{held[0]}")
    seen = []
    for _ in range(40):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.switch_to.active_element.text)

    for wanted in (
        "File d’attente",
        "Accepter a",
        "Refuser r",
        "Indésirable s",
        "Motif, explication pour l’auteur, note",
    ):
        assert wanted in seen


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_door_can_be_read_by_everybody(browser: WebDriver, address: str, width: int) -> None:
    browser.delete_all_cookies()
    visit(browser, f"{address}/moderation", width=width)

    assert browser.find_element(By.CSS_SELECTOR, "input[type=password]")
    assert 0 == overflow(browser)
    assert [] == barriers(browser)
