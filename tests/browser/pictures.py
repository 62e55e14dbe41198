"""`make pictures`: the pictures of docs/moderation.md, taken from the console as it runs.

The comments are ours. Run it again when the console looks otherwise.
"""

import tempfile
from datetime import UTC, datetime

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from service import store
from service.accounts import hash_password
from service.app import create_app
from service.settings import ROOT, Settings
from service.store import members
from tests.browser.chromium import CHROMIUM, DRIVER, FLAGS, picture, visit, wait_for
from tests.loopback import served

INTO = ROOT / "docs" / "pictures"
PASSWORD = "correcte-agrafe-cheval"
COMMENTS = (
    ("Claire", "Enquête passionnante, merci. Et les chiffres de l'an dernier ?", "Le budget de la ville"),
    ("Momo73", "Ce maire est un vrai guignol, et ceux qui votent pour lui sont des abrutis.", "Le budget de la ville"),
    ("Hélène", "Pas d'accord : la piscine coûte cher, mais elle sert à tous.", "Le budget de la ville"),
    ("Crédit Facile", "Prêt entre particuliers sans justificatif, contactez-moi sur WhatsApp : +33 6 00 00 00 00",
     "Logement : les loyers baissent"),
    ("pat_le_vrai", "On devrait tous les renvoyer chez eux, ces parasites.", "Logement : les loyers baissent"),
    ("Jeanne", "Mon voisin est imam, et c'est lui qui a organisé la collecte pour les sinistrés.", "Inondations"),
)  # fmt: skip


def main() -> None:
    INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database=f"sqlite:///{folder}/vigie.db")
        engine = store.open_engine(settings.database)
        store.upgrade(engine)
        members.add_moderator(engine, "Anne", "moderator", hash_password(PASSWORD), datetime.now(UTC))
        engine.dispose()
        app = create_app(settings)
        for name, comment, title in COMMENTS:
            body = {"name": name, "comment": comment, "article": {"title": title}}
            app.test_client().post("/v1/comments", json=body)
        with served(app) as address:
            _take(address, folder)
        app.extensions["vigie"].engine.dispose()


def _take(address: str, folder: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={folder}/chromium"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER or ""))
    try:
        visit(browser, f"{address}/moderation/", width=900)
        browser.find_element(By.ID, "name").send_keys("Anne")
        browser.find_element(By.ID, "password").send_keys(PASSWORD + Keys.ENTER)
        wait_for(browser, ".rooms")
        visit(browser, f"{address}/moderation/?ordre=graves", width=900)
        picture(browser, INTO / "file.png")
        visit(browser, f"{address}/moderation/suivant?ordre=graves", width=900)
        picture(browser, INTO / "commentaire.png")
        browser.find_element(By.CSS_SELECTOR, ".choices .reject").click()
        wait_for(browser, ".done")
        visit(browser, f"{address}/moderation/statistiques", width=900)
        picture(browser, INTO / "statistiques.png")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
