"""A browser for all tests of this folder, and an app that holds whatever it reads, served on loopback."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from selenium import webdriver
from selenium.webdriver.chrome.webdriver import WebDriver

from service.policy import Limits, Policy
from tests.browser.chromium import CHROMIUM, DRIVER, FLAGS, complaints
from tests.loopback import served


@pytest.fixture(scope="session")
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
    with served(app) as where:
        yield where


@pytest.fixture(autouse=True)
def nothing_said_yet(browser: WebDriver) -> None:
    """What the browser complained of in another test is that test's."""
    complaints(browser)
