"""The try page in a real browser: Debian's Chromium, with and without JavaScript, wide and on a phone."""

import base64
import dataclasses
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import make_server

from service.policy import Limits, Policy
from service.schemas import COMMENT_MISSING, NAME_MISSING

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=fr",
)
HELD = "Quel 😀 connard, ce <b>ministre</b> !\nQu'il parte."
WIDE, PHONE = 1280, 360

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and os.environ.get("CI") != "true",
    reason="needs chromium and chromedriver (Debian: chromium, chromium-driver); with CI=true this fails instead",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    assert CHROMIUM, "CI needs Debian's chromium and chromium-driver"
    assert DRIVER, "CI needs Debian's chromium and chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Serve the app with a policy that holds whatever it reads, and says so of insults."""
    state = app.extensions["vigie"]
    policy = Policy("of-this-test", {"toxicity": Limits(hold=1e-6)}, {"insult_words": Limits(hold=1)})
    moderation = dataclasses.replace(state.moderation, policy=policy)
    app.extensions["vigie"] = dataclasses.replace(state, moderation=moderation)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def visit(browser: WebDriver, url: str, *, width: int = WIDE, script: bool = True, dark: bool = False) -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    browser.get(url)


def send(browser: WebDriver, **typed: str) -> None:
    for field in ("comment", "name"):
        element = browser.find_element(By.ID, field)
        element.clear()
        element.click()
        if field in typed:
            browser.execute_cdp_cmd("Input.insertText", {"text": typed[field]})  # send_keys knows no emoji
    browser.find_element(By.ID, "send").click()


def wait_for(browser: WebDriver, selector: str) -> str:
    def words(driver: WebDriver) -> str:
        return " ".join(element.text for element in driver.find_elements(By.CSS_SELECTOR, selector))

    # A form that is sent without script replaces the page, perhaps between finding an element and reading it.
    return str(WebDriverWait(browser, 5, 0.05, ignored_exceptions=[StaleElementReferenceException]).until(words))


def picture(browser: WebDriver, path: Path) -> None:
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))


def overflow(browser: WebDriver) -> int:
    """Return by how many pixels the page is wider than the screen."""
    metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
    return int(metrics["cssContentSize"]["width"] - metrics["cssLayoutViewport"]["clientWidth"])


def complaints(browser: WebDriver) -> list[str]:
    """Return what the browser has written on its console since it was last asked."""
    log = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium has no type for it
    return [entry["message"] for entry in log]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_an_empty_form_shows_both_messages_beside_their_fields(
    browser: WebDriver, address: str, tmp_path: Path, script: bool, width: int
) -> None:
    visit(browser, f"{address}/essai", script=script, width=width)
    send(browser)

    assert wait_for(browser, "#name-message") == NAME_MISSING
    assert wait_for(browser, "#comment-message") == COMMENT_MISSING
    assert browser.current_url.endswith("#commenter") is not script  # only without it is the form itself sent
    for field in ("name", "comment"):
        box, message = (browser.find_element(By.ID, found).rect for found in (field, f"{field}-message"))
        assert 0 <= message["y"] - (box["y"] + box["height"]) < 20
    assert not browser.find_elements(By.CSS_SELECTOR, "#result *")
    assert overflow(browser) == 0
    picture(browser, tmp_path / "empty.png")


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_held_comment_shows_why_and_the_same_with_and_without_script(
    browser: WebDriver, address: str, tmp_path: Path, width: int
) -> None:
    shown = {}
    for script in (True, False):
        visit(browser, f"{address}/essai", script=script, width=width, dark=not script)
        send(browser, name="Zoé", comment=HELD)
        assert wait_for(browser, ".outcome") == "En attente de modération"
        assert "connard" in [mark.text for mark in browser.find_elements(By.CSS_SELECTOR, "#result mark")]
        assert wait_for(browser, "#result .versions").endswith("of-this-test")
        assert overflow(browser) == 0
        shown[script] = {part: wait_for(browser, f"#result {part}") for part in (".comment", ".reasons", "mark")}
        bars = browser.find_elements(By.CSS_SELECTOR, "#result .bar rect")
        shown[script]["bars"] = " ".join(f"{bar.rect['x']:.0f}+{bar.rect['width']:.0f}" for bar in bars)
        picture(browser, tmp_path / f"held-{script}.png")

    assert shown[True] == shown[False]
    assert "Le commentaire contient une injure." in shown[True][".reasons"]
    assert HELD in shown[True][".comment"]


def test_a_corrected_comment_loses_its_messages_and_is_published(browser: WebDriver, app: Flask, address: str) -> None:
    state = app.extensions["vigie"]
    policy = Policy("that-holds-nothing", {}, {})
    app.extensions["vigie"] = dataclasses.replace(
        state, moderation=dataclasses.replace(state.moderation, policy=policy)
    )
    visit(browser, f"{address}/essai")
    send(browser, name="Zoé")
    assert wait_for(browser, "#comment-message") == COMMENT_MISSING
    send(browser, name="Zoé", comment="Merci pour cet article.")

    assert wait_for(browser, ".outcome") == "Publié"
    assert wait_for(browser, "#result .author") == "Zoé"
    assert browser.find_element(By.ID, "comment-message").text == ""
    assert browser.find_element(By.ID, "comment").get_attribute("aria-invalid") == "false"


def test_a_service_that_is_gone_is_said_and_the_text_is_kept(browser: WebDriver, address: str) -> None:
    visit(browser, f"{address}/essai")
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        send(browser, name="Zoé", comment="Merci.")
        assert wait_for(browser, "#form-message").startswith("Le service de modération ne répond pas.")
        assert browser.find_element(By.ID, "comment").get_attribute("value") == "Merci."
    finally:
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})


@pytest.mark.parametrize("path", ["/essai", "/docs"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_page_asks_nothing_of_anybody_else(browser: WebDriver, address: str, path: str, width: int) -> None:
    complaints(browser)
    visit(browser, address + path, width=width)
    if path == "/essai":
        send(browser, name="Zoé", comment="Merci.")
        wait_for(browser, ".outcome")
    asked = browser.execute_script("return performance.getEntries().map((entry) => entry.name)")
    named = browser.execute_script(
        "return [...document.querySelectorAll('[src], [href], [action]')].map((e) => e.src || e.href || e.action)"
    )
    addresses = [name for name in asked if "://" in name]

    assert address + "/static/vigie.css" in addresses
    assert all(name.startswith(address + "/") for name in addresses + named)
    assert overflow(browser) == 0
    assert complaints(browser) == []  # nothing that the content security policy refused
