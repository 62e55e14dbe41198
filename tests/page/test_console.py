"""The moderators' console as a browser without JavaScript meets it: signing in, reading, deciding, undoing."""

import dataclasses
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from service import accounts
from service.accounts import hash_password
from service.domain import REJECTIONS
from service.model import current
from service.policy import MEANINGS
from service.settings import Settings
from service.sites import Site
from service.store import StoreError, members, tables
from service.store.acts import Who
from service.store.labels import erase_author

PASSWORD = "correcte-agrafe-cheval"
RUDE = "Quel connard, ce <b>ministre</b> 😀 !"
Post = Callable[..., TestResponse]


@pytest.fixture(scope="session")
def digest() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(autouse=True)
def people(app: Flask, digest: str) -> None:
    engine, now = app.extensions["vigie"].engine, datetime.now(UTC)
    for name, role in (("Anne", "administrator"), ("Bruno", "moderator")):
        members.add_moderator(engine, name, role, digest, now)


def signed_in(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    answer = client.post("/moderation/connexion", data={"name": name, "password": PASSWORD})
    assert (302, "/moderation/") == (answer.status_code, answer.location)
    return client


@pytest.fixture
def anne(app: Flask) -> FlaskClient:
    return signed_in(app, "Anne")


@pytest.fixture
def bruno(app: Flask) -> FlaskClient:
    return signed_in(app, "Bruno")


def post(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Send a form as its page would: with the token that the page holds."""
    token = re.search(r'name="form_token" value="([^"]+)"', client.get("/moderation/essai").text)
    assert token
    return client.post(path, data={"form_token": token[1], **fields})


def hold(client: FlaskClient, comment: str = RUDE, **more: Any) -> str:
    answer = client.post("/v1/comments", json={"name": "Zoé", "comment": comment, **more})
    assert answer.json is not None
    assert "hold" == answer.json["decision"], answer.json
    return str(answer.json["id"])


def rows(app: Flask, table: Any) -> list[Any]:
    with app.extensions["vigie"].engine.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


# Who may come in.


@pytest.mark.parametrize("path", ["/", "/suivant", "/recherche?q=a", "/essai", "/membres", "/commentaires/x"])
def test_a_stranger_is_asked_to_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/moderation{path}")

    assert 302 == answer.status_code
    assert answer.location.startswith("/moderation/connexion?suite=")


def test_after_signing_in_one_is_where_one_wanted_to_be(app: Flask, client: FlaskClient) -> None:
    wanted = "/moderation/recherche?q=a"
    answer = client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD, "suite": wanted})

    assert wanted == answer.location


@pytest.mark.parametrize("suite", ["https://example.org/", "//example.org/moderation/", "/essai", "javascript:x"])
def test_signing_in_leads_nowhere_else(client: FlaskClient, suite: str) -> None:
    answer = client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD, "suite": suite})

    assert "/moderation/" == answer.location


@pytest.mark.parametrize(("name", "password"), [("Anne", "fausse"), ("Personne", PASSWORD), ("", ""), ("Anne", "")])
def test_wrong_words_are_refused_without_saying_which(client: FlaskClient, name: str, password: str) -> None:
    answer = client.post("/moderation/connexion", data={"name": name, "password": password})

    assert 403 == answer.status_code
    assert "Nom ou mot de passe inconnu." in answer.text
    assert "Set-Cookie" not in answer.headers


def test_guessing_is_stopped_for_a_quarter_of_an_hour(app: Flask, client: FlaskClient) -> None:
    for _ in range(accounts.TRIES_PER_NAME):
        client.post("/moderation/connexion", data={"name": "Anne", "password": "fausse"})
    answer = client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD})

    assert (429, "900") == (answer.status_code, answer.headers["Retry-After"])
    assert 302 == client.post("/moderation/connexion", data={"name": "Bruno", "password": PASSWORD}).status_code
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(update(tables.acts).values(at=datetime.now(UTC) - accounts.WINDOW - timedelta(seconds=1)))
    assert 302 == client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD}).status_code


def test_the_cookie_is_for_the_console_alone_and_out_of_scripts_reach(client: FlaskClient) -> None:
    data = {"name": "Anne", "password": PASSWORD}
    plain = client.post("/moderation/connexion", data=data).headers["Set-Cookie"]
    behind = client.post("/moderation/connexion", data=data, headers={"X-Forwarded-Proto": "https"})

    assert {"HttpOnly", "SameSite=Strict", "Path=/moderation"} <= set(plain.split("; "))
    assert "Secure" in behind.headers["Set-Cookie"].split("; ")


def test_a_session_that_somebody_planted_is_not_taken_over(app: Flask, client: FlaskClient) -> None:
    client.set_cookie("vigie_session", "known-to-a-thief", path="/moderation")
    client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD})
    planted = app.test_client()
    planted.set_cookie("vigie_session", "known-to-a-thief", path="/moderation")

    assert 200 == client.get("/moderation/").status_code
    assert 302 == planted.get("/moderation/").status_code


def test_the_database_holds_neither_password_nor_secret(app: Flask, client: FlaskClient) -> None:
    cookie = client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD}).headers["Set-Cookie"]
    secret = cookie.split("=", 1)[1].split(";")[0]
    kept = str(rows(app, tables.sessions)) + str(rows(app, tables.moderators)) + str(rows(app, tables.acts))

    assert secret not in kept
    assert PASSWORD not in kept
    assert "$argon2id$" in kept


def test_signing_out_ends_the_session(app: Flask, anne: FlaskClient) -> None:
    cookie = anne.get_cookie("vigie_session", path="/moderation")
    assert cookie
    assert 302 == post(anne, "/moderation/deconnexion").status_code
    anne.set_cookie("vigie_session", cookie.value, path="/moderation")

    assert 302 == anne.get("/moderation/").status_code
    assert [] == rows(app, tables.sessions)


def test_a_session_ends_by_itself(app: Flask, anne: FlaskClient) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(update(tables.sessions).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    assert 302 == anne.get("/moderation/").status_code


def test_who_is_disabled_is_out_at_once(app: Flask, bruno: FlaskClient, client: FlaskClient) -> None:
    members.change_moderator(app.extensions["vigie"].engine, "Bruno", disabled=True)

    assert 302 == bruno.get("/moderation/").status_code
    assert 403 == client.post("/moderation/connexion", data={"name": "Bruno", "password": PASSWORD}).status_code


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),  # no token
        ({"form_token": "x"}, {}),
        ({"form_token": "é"}, {}),
        (None, {"Origin": "https://example.org"}),
        (None, {"Origin": "null"}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_a_form_of_another_site_does_nothing(
    app: Flask, anne: FlaskClient, fields: dict[str, str] | None, headers: dict[str, str]
) -> None:
    held = hold(anne)
    if fields is None:
        [session] = rows(app, tables.sessions)
        fields = {"form_token": session.form_token}
    answer = anne.post(
        f"/moderation/commentaires/{held}/verdict", data={**fields, "decision": "accept"}, headers=headers
    )

    assert 403 == answer.status_code
    assert [] == rows(app, tables.verdicts)


def test_pages_are_not_kept_by_anybody(anne: FlaskClient) -> None:
    assert "no-store" == anne.get("/moderation/").headers["Cache-Control"]
    assert "default-src 'none'" in anne.get("/moderation/").headers["Content-Security-Policy"]


# Reading.


def test_the_queue_shows_what_is_held_and_why(anne: FlaskClient) -> None:
    hold(anne, article={"title": "Réforme & retraites", "url": "https://example.org/a"})
    anne.post("/v1/comments", json={"name": "Luc", "comment": "Merci pour cet article."})
    page = anne.get("/moderation/").text

    assert "Un commentaire attend." in page
    assert "« Réforme &amp; retraites »" in page
    assert "<b>" not in page  # nothing that a reader writes is markup
    assert "&lt;" in page
    assert re.search("<mark>[^<]*connard", page)
    assert "Luc" not in page


def test_an_empty_queue_says_so(anne: FlaskClient) -> None:
    assert "Rien n’attend" in anne.get("/moderation/").text
    assert "/moderation/" == anne.get("/moderation/suivant").location


def test_the_queue_can_be_ordered_and_filtered(anne: FlaskClient) -> None:
    first = hold(anne, "Pauvre type, va te faire soigner.", article={"title": "Un"})
    second = hold(anne, "Sale connard de merde, je vais te crever !", article={"title": "Deux"})

    def worst(held: str) -> float:
        judged = anne.get(f"/v1/comments/{held}").json
        assert judged
        return float(max(reason["score"] or 0.5 for reason in judged["reasons"]))

    def order(query: str) -> list[str]:
        ids = re.findall(r"/moderation/commentaires/([0-9a-f-]{36})", anne.get(f"/moderation/{query}").text)
        return list(dict.fromkeys(ids))

    assert [first, second] == order("")
    assert sorted([first, second], key=worst, reverse=True) == order("?ordre=graves")
    assert [second] == order("?article=Deux")
    assert [] == order("?motif=links")
    assert {first, second} == set(order("?motif=toxicity"))


def test_a_comment_is_shown_with_its_grounds_scores_author_and_history(anne: FlaskClient) -> None:
    before = hold(anne, "Sale con, dégage de ce forum !", author_id="7")
    held = hold(anne, author_id="7")
    page = anne.get(f"/moderation/commentaires/{held}").text

    for expected in (MEANINGS["toxicity"], "Toxicité", "retenu dès", before, "Historique"):
        assert expected in page


@pytest.mark.parametrize("id", ["x", "00000000-0000-0000-0000-000000000000", "'--"])
def test_a_comment_that_is_not_there_is_told_on_a_page(anne: FlaskClient, id: str) -> None:
    answer = anne.get(f"/moderation/commentaires/{id}")

    assert (404, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    assert "Introuvable" in answer.text


def test_the_queue_of_one_site_or_of_all(app: Flask, anne: FlaskClient) -> None:
    state = app.extensions["vigie"]
    app.extensions["vigie"] = dataclasses.replace(state, sites={**state.sites, "gazette": Site(name="gazette")})
    here, there = hold(anne), hold(anne, "Quel autre connard, celui-là !")
    with state.engine.begin() as connection:
        for table in (tables.submissions, tables.queue):
            of = table.c.id if "id" in table.c else table.c.submission_id
            connection.execute(update(table).where(of == there).values(site="gazette"))

    for chosen, shown in (("", {here, there}), ("gazette", {there}), ("default", {here}), ("unknown", {here, there})):
        page = anne.get("/moderation/", query_string={"site": chosen}).text
        assert shown == {one for one in (here, there) if f'value="{one}"' in page}, chosen
    assert f"/moderation/commentaires/{there}?site=gazette" == anne.get("/moderation/suivant?site=gazette").location
    assert "Site gazette" in anne.get(f"/moderation/commentaires/{there}").text


def test_each_site_has_its_own_words(app: Flask, anne: FlaskClient) -> None:
    state = app.extensions["vigie"]
    app.extensions["vigie"] = dataclasses.replace(state, sites={**state.sites, "gazette": Site(name="gazette")})
    post(anne, "/moderation/listes?site=gazette", act="add", word="patate", decision="reject")
    sent = {"name": "Luc", "comment": "Une patate chaude pour le maire."}

    assert "patate" in anne.get("/moderation/listes?site=gazette").text
    assert "patate" not in anne.get("/moderation/listes").text
    assert "accept" == anne.post("/v1/comments:preview", json=sent).json["decision"]
    assert "Refusé" in post(anne, "/moderation/essai?site=gazette", name="Luc", comment=sent["comment"]).text


def test_an_administrator_makes_a_key_sees_it_once_and_ends_it(app: Flask, anne: FlaskClient) -> None:
    sent = {"name": "Luc", "comment": "Merci pour cet article."}
    made = post(anne, "/moderation/cles", act="add", of="default", note="le serveur", scope=["judge", "verdict"]).text
    key = re.search(r"<code>([a-z0-9]{12})</code>", made)
    assert key
    asked = app.test_client()

    assert key[1] not in anne.get("/moderation/cles").text
    assert "le serveur" in anne.get("/moderation/cles").text
    assert key[1] not in str([tuple(row) for row in rows(app, tables.keys)])
    assert 401 == asked.post("/v1/comments", json=sent).status_code
    assert 201 == asked.post("/v1/comments", json=sent, headers={"Authorization": f"Bearer {key[1]}"}).status_code
    assert "révoquée" in post(anne, "/moderation/cles", act="revoke", number="1").text
    assert "plus en vigueur" in post(anne, "/moderation/cles", act="revoke", number="1").text
    assert 401 == asked.post("/v1/comments", json=sent).status_code  # no key in force opens nothing again


def test_a_form_that_is_sent_again_makes_no_second_key(app: Flask, anne: FlaskClient) -> None:
    form = {"act": "add", "of": "default", "scope": "judge"}

    def newest() -> str:
        return re.findall(r'name="newest" value="(\d+)"', anne.get("/moderation/cles").text)[0]

    form["newest"] = newest()
    assert "est faite" in post(anne, "/moderation/cles", **form).text
    assert "a été faite depuis" in post(anne, "/moderation/cles", **form).text
    assert 1 == len(rows(app, tables.keys))
    form["newest"] = newest()
    assert "est faite" in post(anne, "/moderation/cles", **form).text
    assert 2 == len(rows(app, tables.keys))


@pytest.mark.parametrize("fields", [{"of": "unknown", "scope": "judge"}, {"of": "default"}, {}])
def test_a_key_needs_a_site_and_a_scope(app: Flask, anne: FlaskClient, fields: dict[str, str]) -> None:
    assert "Choisissez un site" in post(anne, "/moderation/cles", act="add", **fields).text
    assert [] == rows(app, tables.keys)


def test_keys_are_for_administrators(bruno: FlaskClient) -> None:
    assert 403 == bruno.get("/moderation/cles").status_code


def test_a_moderator_signs_out_everywhere_else(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    elsewhere = signed_in(app, "Anne")
    post(anne, "/moderation/seances")

    assert [200, 302, 200] == [client.get("/moderation/").status_code for client in (anne, elsewhere, bruno)]


def test_an_administrator_sees_what_judges_beside(
    make_app: Callable[[Settings], Flask], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "strict.toml").write_text("[signals.links]\nhold = 1")
    app = make_app(dataclasses.replace(settings, shadow_policy=tmp_path / "strict.toml"))
    anne = signed_in(app, "Anne")
    sent = {"name": "Luc", "comment": "Les chiffres sont ici, tableau 4 : https://www.insee.fr/fr/statistiques"}
    answer = anne.post("/v1/comments", json=sent)
    answer.close()
    assert answer.json
    anne.post(f"/v1/comments/{answer.json['id']}/verdict", json={"decision": "reject"})
    page = anne.get("/moderation/modele").text

    assert "À côté, sans effet" in page
    assert '<th scope="row">Accepté</th><td>0</td><td>1</td><td>0</td>' in page
    assert "0,0 % comme elle ; ce qui juge à côté, 100,0 %" in page


def test_an_edit_shows_its_former_self(anne: FlaskClient) -> None:
    former = hold(anne, external_id="17")
    edit = hold(anne, "Quel sombre connard, ce ministre, vraiment.", external_id="17", edited=True)

    assert former != edit
    assert f'href="/moderation/commentaires/{former}"' in anne.get(f"/moderation/commentaires/{edit}").text
    assert f'value="{former}"' not in anne.get("/moderation/").text


def test_search_finds_words_authors_and_articles(anne: FlaskClient) -> None:
    held = hold(anne, article={"title": "Les 100 % du marché"})
    there, absent = ("ministre", "MINISTRE", "zoe", "ZOÉ", "100 %", "%", "marche"), ("_", "absent")
    for words, found in [*((words, True) for words in there), *((words, False) for words in absent)]:
        assert found == (held in anne.get("/moderation/recherche", query_string={"q": words}).text), words


def test_texts_are_hidden_until_they_are_asked_for(anne: FlaskClient) -> None:
    hold(anne)
    post(anne, "/moderation/preferences", blurs="1")

    assert '<details class="blurred"><summary>Afficher le texte</summary>' in anne.get("/moderation/").text


def test_a_text_that_is_tried_is_not_stored(app: Flask, anne: FlaskClient) -> None:
    answer = post(anne, "/moderation/essai", comment=RUDE)
    empty = post(anne, "/moderation/essai", comment=" ")

    assert "Retenu" in answer.text
    assert (422, True) == (empty.status_code, "S&#39;il vous plaît entrez votre commentaire!" in empty.text)
    assert [] == rows(app, tables.submissions)


# Deciding.


@pytest.mark.parametrize(
    ("fields", "decision", "reason", "labels"),
    [
        ({"decision": "accept"}, "accept", None, {"toxicity": 0, "spam": 0, "threat": 0}),
        ({"decision": "accept", "reason": "SPAM"}, "accept", None, {"spam": 0}),  # a reason belongs to a rejection
        ({"decision": "reject"}, "reject", None, {}),
        ({"decision": "reject", "reason": "HATE_SPEECH"}, "reject", "HATE_SPEECH",
         {"toxicity": 1, "identity_attack": 1}),
        ({"decision": "spam"}, "reject", "SPAM", {"spam": 1}),
        ({"decision": "reject", "precise": "1", "label": ["insult", "toxicity"]}, "reject", None,
         {"toxicity": 1, "insult": 1, "spam": 0}),
    ],
)  # fmt: skip
def test_a_verdict_is_kept_with_what_it_teaches(
    app: Flask, anne: FlaskClient, fields: dict[str, Any], decision: str, reason: str | None, labels: dict[str, int]
) -> None:
    held = hold(anne)
    answer = post(anne, f"/moderation/commentaires/{held}/verdict", note="à revoir", **fields)
    [given] = rows(app, tables.verdicts)

    assert (303, True) == (answer.status_code, f"fait={given.id}" in answer.location)
    assert (held, decision, reason, "Anne", "à revoir") == (
        given.submission_id, given.decision, given.reason, given.actor, given.note,
    )  # fmt: skip
    assert labels.items() <= given.labels.items()
    assert [] == rows(app, tables.queue)
    [act] = [act for act in rows(app, tables.acts) if act.submission_id]
    assert ("Anne", decision, held, "127.0.0.1") == (act.actor, act.act, act.submission_id, act.address)


@pytest.mark.parametrize("fields", [{}, {"decision": "hold"}, {"decision": "reject", "reason": "NONSENSE"}])
def test_a_verdict_that_there_is_not_is_told(app: Flask, anne: FlaskClient, fields: dict[str, str]) -> None:
    answer = post(anne, f"/moderation/commentaires/{hold(anne)}/verdict", **fields)

    assert 422 == answer.status_code
    assert [] == rows(app, tables.verdicts)


def test_a_second_verdict_is_told_and_overwrites_nothing(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    held = hold(anne)
    post(anne, f"/moderation/commentaires/{held}/verdict", decision="accept")
    answer = post(bruno, f"/moderation/commentaires/{held}/verdict", decision="reject")

    assert 409 == answer.status_code
    assert "Un verdict a déjà été rendu" in answer.text
    assert "par Anne" in answer.text
    assert ["accept"] == [given.decision for given in rows(app, tables.verdicts)]


def test_two_moderators_never_get_the_same_comment_from_next(anne: FlaskClient, bruno: FlaskClient) -> None:
    first, second = hold(anne), hold(anne, "Espèce d'abruti fini, tu n'es qu'un idiot !")
    got = [client.get("/moderation/suivant").location for client in (anne, bruno)]

    assert [f"/moderation/commentaires/{held}" for held in (first, second)] == got
    assert got == [client.get("/moderation/suivant").location for client in (anne, bruno)]  # one's own comes again
    assert "Anne lit ce commentaire" in bruno.get(f"/moderation/commentaires/{first}").text
    assert "lu par Anne" in bruno.get("/moderation/").text


def test_a_lease_ends(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    held = hold(anne)
    anne.get("/moderation/suivant")
    assert "/moderation/" == bruno.get("/moderation/suivant").location
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(update(tables.queue).values(leased_until=datetime.now(UTC) - timedelta(seconds=1)))

    assert held in bruno.get("/moderation/suivant").location


def test_a_verdict_can_be_undone_for_a_minute(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    held = hold(anne)
    post(anne, f"/moderation/commentaires/{held}/verdict", decision="accept")
    [given] = rows(app, tables.verdicts)
    undo = f"/moderation/verdicts/{given.id}/annuler"
    shown = anne.get(f"/moderation/?fait={given.id}").text
    others = bruno.get(f"/moderation/?fait={given.id}").text

    assert (True, False) == (undo in shown, undo in others)
    assert 409 == post(bruno, undo).status_code  # not theirs
    assert 303 == post(anne, undo).status_code
    assert 409 == post(anne, undo).status_code  # undone already
    assert [held] == [row.submission_id for row in rows(app, tables.queue)]
    assert [True] == [row.withdrawn_at is not None for row in rows(app, tables.verdicts)]  # kept, not deleted
    assert 303 == post(anne, f"/moderation/commentaires/{held}/verdict", decision="reject").status_code


def test_after_a_minute_it_cannot(app: Flask, anne: FlaskClient) -> None:
    held = hold(anne)
    post(anne, f"/moderation/commentaires/{held}/verdict", decision="accept")
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(update(tables.verdicts).values(given_at=datetime.now(UTC) - timedelta(seconds=61)))
    [given] = rows(app, tables.verdicts)

    assert 409 == post(anne, f"/moderation/verdicts/{given.id}/annuler").status_code
    assert "pendant une minute" not in anne.get(f"/moderation/?fait={given.id}").text


def test_many_are_judged_at_once(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    ids = [hold(anne, f"Bande de connards numéro {number} !") for number in range(3)]
    post(bruno, f"/moderation/commentaires/{ids[0]}/verdict", decision="accept")
    answer = post(anne, "/moderation/lot", id=ids, decision="spam", ordre="graves")

    assert "/moderation/?faits=2&deja=1&ordre=graves" == answer.location
    assert ["accept", "reject", "reject"] == [given.decision for given in rows(app, tables.verdicts)]
    assert "2 commentaire(s) traité(s), 1 déjà jugé(s)" in anne.get(answer.location).text


def test_what_was_published_may_be_rejected_later(app: Flask, anne: FlaskClient) -> None:
    sent = anne.post("/v1/comments", json={"name": "Luc", "comment": "Merci pour cet article."}).json
    assert sent
    post(anne, f"/moderation/commentaires/{sent['id']}/verdict", decision="reject", reason="IRRELEVANT_CONTENT")

    assert ["IRRELEVANT_CONTENT"] == [given.reason for given in rows(app, tables.verdicts)]
    assert "hors sujet" in anne.get(f"/moderation/commentaires/{sent['id']}").text


# Accounts.


def test_only_administrators_open_and_close_accounts(app: Flask, anne: FlaskClient, bruno: FlaskClient) -> None:
    new = {"act": "add", "name": "Chloé", "password": PASSWORD}

    assert 403 == bruno.get("/moderation/membres").status_code
    assert 403 == post(bruno, "/moderation/membres", **new).status_code
    assert "Le compte Chloé est ouvert." in post(anne, "/moderation/membres", **new).text
    assert "déjà pris" in post(anne, "/moderation/membres", **new).text
    assert "au moins 12" in post(anne, "/moderation/membres", **{**new, "name": "Dan", "password": "court"}).text
    assert "est fermé" in post(anne, "/moderation/membres", act="disable", name="Bruno").text
    assert "propre compte" in post(anne, "/moderation/membres", act="disable", name="Anne").text
    assert 302 == bruno.get("/moderation/").status_code
    assert [("Anne", "member_add"), ("Anne", "member_disable")] == [
        (act.actor, act.act) for act in rows(app, tables.acts) if act.act.startswith("member")
    ]


def test_every_reason_of_a_rejection_can_be_chosen(anne: FlaskClient) -> None:
    page = anne.get(f"/moderation/commentaires/{hold(anne)}").text

    for code in REJECTIONS:
        assert f'<option value="{code}">' in page


@pytest.mark.parametrize("path", ["/", "/suivant", "/connexion", "/recherche?q=x"])
def test_a_database_that_is_away_is_told_on_a_page(
    anne: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: Any) -> None:
        raise StoreError("away")

    monkeypatch.setattr(members, "find_session", away)
    answer = anne.get(f"/moderation{path}")

    assert (503, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    assert "rien n&#39;a été enregistré" in answer.text


# Statistics.


def test_statistics_count_what_came_in_and_who_agreed(app: Flask, anne: FlaskClient) -> None:
    ids = [hold(anne, f"Bande de connards numéro {number} !") for number in range(3)]
    anne.post("/v1/comments", json={"name": "Luc", "comment": "Merci pour cet article."})
    for held, decision in zip(ids, ("accept", "reject", "reject"), strict=True):
        post(anne, f"/moderation/commentaires/{held}/verdict", decision=decision)
    page = anne.get("/moderation/statistiques").text

    assert "4 commentaire(s), 75,0 % retenus, 0,0 % refusés" in page
    assert re.search(r"<td>3</td><td>66,7 %", page)
    assert "Verdicts : Anne 3." in page
    assert "en moins de 1 minute(s)" in page


def test_statistics_of_nothing_are_a_page_too(anne: FlaskClient) -> None:
    assert "0 commentaire(s)" in anne.get("/moderation/statistiques").text


# The site's own words.


def test_a_word_of_the_lists_holds_or_rejects_however_it_is_written(app: Flask, anne: FlaskClient) -> None:
    assert (
        "« topinambour » est ajouté."
        in post(anne, "/moderation/listes", act="add", word=" topinambour ", decision="hold").text
    )
    post(anne, "/moderation/listes", act="add", word="chou de Bruxelles", decision="reject")
    seen = {
        text: anne.post("/v1/comments", json={"name": "Luc", "comment": text}).json
        for text in (
            "Un beau T0PINAMBOUR pour midi.",
            "J'aime les CHOUX de bruxelles.",
            "Vive le chou-de-Bruxelles !",
            "Topinamboureux.",
        )
    }

    assert ["hold", "accept", "reject", "accept"] == [answer["decision"] for answer in seen.values() if answer]
    [reason] = [r for r in seen["Un beau T0PINAMBOUR pour midi."]["reasons"] if r["score"] is None]  # type: ignore[index]
    assert ("listed_hold", "T0PINAMBOUR") == (reason["code"], reason["spans"][0]["text"])
    assert "Le commentaire contient un mot que ce site fait retenir." == reason["message"]
    assert (
        "hold" == anne.post("/v1/comments:preview", json={"name": "Topinambour", "comment": "Merci."}).json["decision"]
    )  # type: ignore[index]


def test_the_lists_say_how_often_a_word_was_seen_and_disputed(app: Flask, anne: FlaskClient) -> None:
    post(anne, "/moderation/listes", act="add", word="topinambour", decision="hold")
    held = hold(anne, "Un beau topinambour pour midi.")
    hold(anne, "Encore un topinambour.")
    post(anne, f"/moderation/commentaires/{held}/verdict", decision="accept")
    page = anne.get("/moderation/listes").text

    assert re.search(r"topinambour</th><td>retenir</td><td>2</td><td>1</td>\s*<td>par Anne", page)


def test_a_word_is_taken_out_and_may_come_back(app: Flask, anne: FlaskClient) -> None:
    post(anne, "/moderation/listes", act="add", word="topinambour", decision="hold")
    assert "déjà dans les listes" in post(anne, "/moderation/listes", act="add", word="topinambour").text
    [kept] = rows(app, tables.words)
    assert "« topinambour » est retiré." in post(anne, "/moderation/listes", act="remove", number=str(kept.id)).text
    answer = anne.post("/v1/comments", json={"name": "Luc", "comment": "Un topinambour."}).json

    assert answer
    assert "accept" == answer["decision"]
    assert "est ajouté" in post(anne, "/moderation/listes", act="add", word="topinambour", decision="hold").text
    assert ["word_add", "word_remove", "word_add"] == [
        a.act for a in rows(app, tables.acts) if a.act.startswith("word")
    ]


@pytest.mark.parametrize("fields", [{"act": "add", "word": " \u200b"}, {"act": "add", "word": "!?"}, {"act": "add"}])
def test_nothing_is_not_a_word(app: Flask, anne: FlaskClient, fields: dict[str, str]) -> None:
    assert "Donnez un mot" in post(anne, "/moderation/listes", **fields).text
    assert [] == rows(app, tables.words)


@pytest.mark.parametrize("number", ["", "x", "²", "99", "-1", "9" * 30])
def test_a_word_that_is_not_there_cannot_be_taken_out(anne: FlaskClient, number: str) -> None:
    answer = post(anne, "/moderation/listes", act="remove", number=number)

    assert (200, True) == (answer.status_code, "n&#39;est plus dans les listes" in answer.text)


# Which model serves.


@pytest.fixture
def models(app: Flask, tmp_path: Path) -> Path:
    """Releases of this test's own: the one in service, and a copy of it."""
    state = app.extensions["vigie"]
    serves, _ = current(state.settings.models)
    for version in (serves, "2000.01.01"):
        shutil.copytree(state.settings.models / serves, tmp_path / "models" / version)
    shutil.copy(state.settings.models / "current.toml", tmp_path / "models" / "current.toml")
    app.extensions["vigie"] = dataclasses.replace(
        state, settings=dataclasses.replace(state.settings, models=tmp_path / "models")
    )
    return tmp_path / "models"


def test_an_administrator_puts_another_release_in_service(app: Flask, anne: FlaskClient, models: Path) -> None:
    was, _ = current(models)
    called: list[bool] = []
    later = post(anne, "/moderation/modele", version="2000.01.01").text
    app.extensions["vigie.reload"] = lambda: called.append(True)
    back = post(anne, "/moderation/modele", version=was).text

    assert f"2000.01.01 sera en service au prochain démarrage. Pour revenir en arrière : {was}." in later
    assert f"{was} sera en service dans quelques secondes" in back
    assert ([True], was) == (called, current(models)[0])
    assert [{"version": "2000.01.01", "was": was}, {"version": was, "was": "2000.01.01"}] == [
        act.detail for act in rows(app, tables.acts) if act.act == "model_use"
    ]


def test_a_release_that_was_changed_is_not_put_in_service(anne: FlaskClient, models: Path) -> None:
    was, _ = current(models)
    (models / "2000.01.01" / "policy.toml").write_text("", "utf-8")

    assert "ne peut pas être mis en service" in post(anne, "/moderation/modele", version="2000.01.01").text
    assert was == current(models)[0]


@pytest.mark.parametrize("version", ["", "..", "../models", "1999.01.01", "/etc"])
def test_a_release_that_there_is_not_is_told(anne: FlaskClient, models: Path, version: str) -> None:
    assert 422 == post(anne, "/moderation/modele", version=version).status_code


def test_only_administrators_choose_the_model(bruno: FlaskClient, models: Path) -> None:
    assert 403 == bruno.get("/moderation/modele").status_code
    assert 403 == post(bruno, "/moderation/modele", version="2000.01.01").status_code


# What a hostile or unlucky visitor sends.


def test_passing_leads_on_and_comes_round_again(anne: FlaskClient) -> None:
    ids = [hold(anne, f"Bande de connards numéro {number} !") for number in range(3)]
    seen, passed = [], ""
    for _ in range(4):
        location = anne.get("/moderation/suivant", query_string={"passe": passed} if passed else {}).location
        passed = location.split("?")[0].rsplit("/", 1)[1]
        seen.append(passed)

    assert [*ids, ids[0]] == seen
    worst = [anne.get(f"/moderation/suivant?ordre=graves&passe={one}").location for one in ids]
    assert all(one not in location for one, location in zip(ids, worst, strict=True))


def test_what_was_passed_is_free_for_others(anne: FlaskClient, bruno: FlaskClient) -> None:
    first, second = hold(anne), hold(anne, "Espèce d'abruti fini, tu n'es qu'un idiot !")
    anne.get("/moderation/suivant")
    anne.get(f"/moderation/suivant?passe={first}")

    assert first in bruno.get("/moderation/suivant").location
    assert second not in bruno.get("/moderation/suivant").location


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?page=99999999999999999999", 200),
        ("/?page=-1", 200),
        ("/?page=x", 200),
        ("/?fait=99999999999999999999", 200),
        ("/?fait=3000000000", 200),
        ("/recherche?q=%00", 422),
        ("/commentaires/%00", 422),
        ("/?article=%00", 422),
        ("/?motif=%25%27", 200),
        ("/suivant?passe=x", 302),
        ("/commentaires/x?fait=99999999999999999999", 404),
        ("/nulle-part", 404),
    ],
)
def test_a_strange_address_is_answered(anne: FlaskClient, path: str, status: int) -> None:
    assert status == anne.get(f"/moderation{path}").status_code


@pytest.mark.parametrize("number", ["99999999999999999999", "3000000000", "0"])
def test_a_verdict_that_there_is_not_cannot_be_undone(anne: FlaskClient, number: str) -> None:
    assert 409 == post(anne, f"/moderation/verdicts/{number}/annuler").status_code


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"data": {"name": "Anne\0", "password": "x"}}, 422),
        ({"data": {"name": "x" * 1_100_000, "password": "x"}}, 413),
        ({"data": b"x" * 700_000, "content_type": "multipart/form-data; boundary=x"}, 415),
        ({"json": {"name": "Anne"}}, 415),
        ({"data": {"name": "Anne"}, "headers": {"Origin": "http://["}}, 403),
        ({"data": b"\xff=\xfe", "content_type": "application/x-www-form-urlencoded"}, 403),
    ],
)
def test_a_strange_form_is_refused_on_a_page(client: FlaskClient, more: dict[str, Any], status: int) -> None:
    answer = client.post("/moderation/connexion", **more)

    assert (status, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)


def test_a_way_on_with_control_signs_is_not_taken(client: FlaskClient) -> None:
    data = {"name": "Anne", "password": PASSWORD, "suite": "/moderation/\nx"}

    assert "/moderation/" == client.post("/moderation/connexion", data=data).location


def test_what_was_erased_meanwhile_does_not_stop_the_others(app: Flask, anne: FlaskClient) -> None:
    ids = [hold(anne, f"Bande de connards numéro {number} !", author_id=str(number)) for number in range(3)]
    erase_author(app.extensions["vigie"].engine, "default", {"author_id": "1"}, Who(actor="test"), datetime.now(UTC))

    assert "faits=2&deja=1" in post(anne, "/moderation/lot", id=ids, decision="reject").location


def test_behind_a_proxy_each_moderator_has_their_own_address(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    app = make_app(dataclasses.replace(settings, proxies=1))
    members.add_moderator(app.extensions["vigie"].engine, "Chloé", "moderator", "x", datetime.now(UTC))
    app.test_client().post(
        "/moderation/connexion",
        data={"name": "Chloé", "password": "x"},
        headers={"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "a.example", "Origin": "https://a.example"},
    )

    assert ["192.0.2.7"] == [act.address for act in rows(app, tables.acts)]
