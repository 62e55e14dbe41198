"""The try page in a real browser: Debian's Chromium, with and without JavaScript, wide and on a phone."""

import dataclasses
from pathlib import Path

import pytest
from flask import Flask
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from service.policy import Policy
from service.schemas import COMMENT_MISSING, NAME_MISSING
from tests.browser.chromium import PHONE, WIDE, barriers, complaints, needed, overflow, picture, send, visit, wait_for

HELD = "Quel 😀 connard, ce <b>ministre</b> !\nQu'il parte."

pytestmark = needed


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
    assert barriers(browser) == []
    assert complaints(browser) == []  # nothing that the content security policy refused
