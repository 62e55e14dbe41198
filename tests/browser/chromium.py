"""Debian's Chromium, as the tests of the pages drive it."""

import base64
import os
import shutil
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

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
WIDE, PHONE = 1280, 360

needed = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and os.environ.get("CI") != "true",
    reason="needs chromium and chromedriver (Debian: chromium, chromium-driver); with CI=true this fails instead",
)


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

    # A form that is sent without script replaces the page, perhaps between finding an element and reading it; Chromium
    # calls the element stale then, or says that its node belongs to no document.
    return str(WebDriverWait(browser, 5, 0.05, ignored_exceptions=[WebDriverException]).until(words))


def picture(browser: WebDriver, path: Path) -> None:
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))


def barriers(browser: WebDriver) -> list[str]:
    """Return what keeps a page from somebody, of any weight, by axe: WCAG 2.1 at level AA and axe's best practices."""
    found = Axe().run(browser)["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def overflow(browser: WebDriver) -> int:
    """Return by how many pixels the page is wider than the screen."""
    metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
    return int(metrics["cssContentSize"]["width"] - metrics["cssLayoutViewport"]["clientWidth"])


def complaints(browser: WebDriver) -> list[str]:
    """Return what the browser has written on its console since it was last asked."""
    log = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium has no type for it
    return [entry["message"] for entry in log]
