"""Programs that speak to Perspective or Akismet by a library speak to Vigie by the same one, told another address."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.libraries.running import Told, Vigie

GOOGLE, PERSPECTIVE_NODE, AKISMET, AKISMET_NODE = (
    "google-api-python-client", "perspective-api-client", "akismet", "akismet-api",
)  # fmt: skip
SPAM = (
    "Gagnez {} euros par semaine sans effort, contactez-moi sur WhatsApp +33 6 12 34 56 78, prêt entre particuliers"
    " sérieux : https://argent-facile.example/pret"
)
"""Rejected, however often it comes. All other texts that are kept differ: one that resembles others would be spam."""
DOUBTFUL = "Sur le {0}, lire https://a.example/{0} puis https://b.example/{0} et encore https://c.example/{0}"
"""Held as spam."""
RUDE = "Encore un article payé par le lobby, bande d'abrutis."
HAM = "Merci pour cet article, clair et bien documenté."
STRANGER = "stranger0000"
INVALID_KEY = "API key not valid. Please pass a valid API key."


@pytest.fixture(params=["described", "documented"])
def made(request: pytest.FixtureRequest) -> str:
    """How Google's client is made: from Vigie's own description, or from a document that says Google's address."""
    return str(request.param)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["fr"]} | more


def sent(text: str, network: int, **more: Any) -> dict[str, Any]:
    """Return what PyPI's akismet is told of a comment; each test has a network of its own, lest it be a flood."""
    return {
        "user_ip": f"198.18.{network}.9", "comment_content": text, "comment_author": "Zoé", "comment_type": "comment",
        "user_agent": "Mozilla/5.0", "permalink": "https://journal.example/monde/visite/", "blog_lang": "fr_FR",
    } | more  # fmt: skip


def sent_by_node(text: str, network: int, **more: Any) -> dict[str, Any]:
    """Return the same in the words of npm's akismet-api."""
    return {
        "ip": f"198.18.{network}.9", "content": text, "name": "Zoé", "type": "comment", "useragent": "Mozilla/5.0",
        "permalink": "https://journal.example/monde/visite/",
    } | more  # fmt: skip


def score(told: Told, name: str = "TOXICITY") -> float:
    assert told.error is None, told
    return float(told.value["attributeScores"][name]["summaryScore"]["value"])


def kept(vigie: Vigie) -> dict[str, int]:
    """Return how many rows each table of its database has; those of keys say when a key was used, no more."""
    tables = [row["name"] for row in vigie.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: vigie.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables}


def submission(vigie: Vigie, text: str) -> dict[str, Any]:
    [row] = vigie.rows("SELECT * FROM submissions WHERE comment = ?", text)
    return row


class TestGooglesPythonClient:
    """google-api-python-client."""

    def test_it_gets_scores_however_it_is_made(self, vigie: Vigie, made: str) -> None:
        wanted = {"TOXICITY": {}, "INSULT": {"scoreThreshold": 0.01}, "SPAM": {}, "THREAT": {"scoreThreshold": 1}}
        rude, mild = vigie.tell(
            GOOGLE,
            ["analyze", asked(RUDE, requestedAttributes=wanted, clientToken="c-481")],
            ["analyze", asked(HAM)],
            made=made,
        )

        assert score(mild) < 0.5 < score(rude)
        assert {"TOXICITY", "INSULT", "SPAM"} == set(rude.value["attributeScores"])
        assert (["fr"], "c-481") == (rude.value["languages"], rude.value["clientToken"])

    def test_it_gets_spans_in_utf_16(self, vigie: Vigie) -> None:
        body = asked("Quelle honte 😡 ! Et vous, bande d'abrutis ?", spanAnnotations=True)
        [told] = vigie.tell(GOOGLE, ["analyze", body], made="described")

        spans = told.value["attributeScores"]["TOXICITY"]["spanScores"]
        units = body["comment"]["text"].encode("utf-16-le")
        read = [units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le") for span in spans]
        assert ["Quelle honte 😡 !", "Et vous, bande d'abrutis ?", body["comment"]["text"]] == read
        assert spans[0]["score"]["value"] < spans[1]["score"]["value"]

    def test_an_analysis_is_answered_within_the_800_ms_that_callers_wait(self, vigie: Vigie) -> None:
        told = vigie.tell(
            GOOGLE, *[["analyze", asked(f"{RUDE} {number} fois !")] for number in range(5)], made="described"
        )

        assert max(each.seconds for each in told) < 0.8

    @pytest.mark.parametrize(
        ("body", "reason", "kind"),
        [
            (asked(""), "Comment must be non-empty.", "COMMENT_EMPTY"),
            (asked("é" * 10_241), "Comment text too long.", "COMMENT_TOO_LONG"),
            (asked("Oui.", requestedAttributes={}), "Missing requested_attributes", "NO_REQUESTED_ATTRIBUTES"),
            (
                asked("Oui.", requestedAttributes={"BEAUTY": {}}),
                "Unknown requested attribute: BEAUTY",
                "INVALID_REQUEST",
            ),
            (
                asked("Hello to all of you.", languages=["en"]),
                "Attribute TOXICITY does not support request languages: en",
                "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            ),
        ],
        ids=["empty", "too long", "no attribute", "unknown attribute", "another language"],
    )
    def test_what_cannot_be_answered_is_an_error_with_perspectives_reason(
        self, vigie: Vigie, made: str, body: dict[str, Any], reason: str, kind: str
    ) -> None:
        [told] = vigie.tell(GOOGLE, ["analyze", body], made=made)

        assert ("HttpError", 400, reason) == (told.error, told.more["status"], told.message)
        assert kind == told.more["details"][0]["errorType"]

    def test_a_wrong_key_and_one_that_may_not_teach_are_refused_with_googles_words(self, vigie: Vigie) -> None:
        suggested = {"comment": {"text": "Oui."}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 1}}}}
        [wrong] = vigie.tell(GOOGLE, ["analyze", asked("Oui.")], key=STRANGER, made="described")
        judged, refused = vigie.tell(
            GOOGLE, ["analyze", asked("Oui.")], ["suggestscore", suggested], key=vigie.keys["judge"], made="described"
        )

        assert (400, INVALID_KEY) == (wrong.more["status"], wrong.message)
        assert "API_KEY_INVALID" == wrong.more["details"][0]["reason"]
        assert 0 <= score(judged) <= 1
        assert 403 == refused.more["status"]
        assert [] == vigie.verdicts("Oui.")

    def test_a_suggested_score_is_a_verdict_and_the_last_one_of_a_token_counts(self, vigie: Vigie, made: str) -> None:
        text = {"described": "Ce maire est un crétin fini.", "documented": "Qu'ils sont cons, dans cette rédaction !"}[
            made
        ]
        body = {
            "comment": {"text": text}, "languages": ["fr"], "communityId": "forum", "clientToken": f"comment:{made}",
        }  # fmt: skip
        scores = [
            {"TOXICITY": {"summaryScore": {"value": 0}}},
            {"TOXICITY": {"summaryScore": {"value": 1}}, "INSULT": {"summaryScore": {"value": 0.9}}},
        ]
        told = vigie.tell(GOOGLE, *[["suggestscore", body | {"attributeScores": each}] for each in scores], made=made)

        assert [f"comment:{made}"] * 2 == [each.value["clientToken"] for each in told]
        assert [(["fr"], ["fr"])] * 2 == [
            (each.value["detectedLanguages"], each.value["requestedLanguages"]) for each in told
        ]
        assert [
            ("accept", {"toxicity": 0}, None, "perspective", False),
            ("reject", {"toxicity": 1, "insult": 1}, None, "perspective", True),
        ] == vigie.verdicts(text)
        assert submission(vigie, text)["external_id"].startswith("perspective:")


class TestPerspectiveApiClientOfNpm:
    """perspective-api-client."""

    def test_it_gets_scores_under_the_names_that_it_asks_for(self, vigie: Vigie) -> None:
        told, usual = vigie.tell(
            PERSPECTIVE_NODE,
            [
                "analyze",
                "Encore un article payé par le lobby, <b>bande d'abrutis</b>.",
                {"attributes": ["toxicity", "insult", "spam"]},
            ],
            ["analyze", asked(HAM)],
        )

        assert {"TOXICITY", "INSULT", "SPAM"} == set(told.value["attributeScores"])
        assert score(usual) < 0.5 < score(told)
        assert ["fr"] == told.value["languages"], "it names no language, unless the caller gives a whole request"

    def test_what_it_checks_itself_and_what_vigie_checks_are_errors_of_its_own(self, vigie: Vigie) -> None:
        own, empty, long = vigie.tell(
            PERSPECTIVE_NODE,
            ["analyze", ""],
            ["analyze", "", {"validate": False}],
            ["analyze", "é" * 20_480],
        )

        assert ("TextEmptyError", "text must not be empty") == (own.error, own.message)
        assert ("ResponseError", "Comment must be non-empty.") == (empty.error, empty.message)
        assert "COMMENT_EMPTY" == empty.more["error"]["details"][0]["errorType"]
        assert ("ResponseError", "Comment text too long.") == (long.error, long.message), "it counts signs, not bytes"

    def test_a_language_that_is_not_french_and_a_wrong_key_are_told_in_perspectives_words(self, vigie: Vigie) -> None:
        english = "You are a complete idiot, and this newspaper is a disgrace to the whole profession."
        [found] = vigie.tell(PERSPECTIVE_NODE, ["analyze", english])
        [wrong] = vigie.tell(PERSPECTIVE_NODE, ["analyze", "Bonjour à tous."], key=STRANGER)

        assert "Attribute TOXICITY does not support request languages: en" == found.message
        assert ("ResponseError", INVALID_KEY) == (wrong.error, wrong.message)

    def test_where_no_language_is_found_a_whole_request_must_name_it(self, vigie: Vigie) -> None:
        nameless, named = vigie.tell(PERSPECTIVE_NODE, ["analyze", "+1 👍"], ["analyze", asked("+1 👍")])

        assert ("ResponseError", "Unable to detect language") == (nameless.error, nameless.message)
        assert score(named) < 0.5

    @pytest.mark.parametrize("do_not_store", [True, False])
    def test_an_analysis_leaves_nothing_in_the_database_and_the_log(self, vigie: Vigie, do_not_store: bool) -> None:
        sign = f"Pignouferie{do_not_store}"
        before = kept(vigie)
        [told] = vigie.tell(
            PERSPECTIVE_NODE, ["analyze", f"{sign} de ces abrutis de journalistes !", {"doNotStore": do_not_store}]
        )

        assert 0.5 < score(told)
        assert before == kept(vigie)
        assert '"endpoint": "perspective.analyze"' in vigie.log()
        assert not vigie.holds(sign)
        assert not vigie.holds(vigie.keys["usual"]), "only its digest is kept"


class TestAkismetOfPypi:
    """akismet, with its own time limit of one second."""

    def test_ham_what_is_held_and_what_is_rejected_are_its_three_answers(self, vigie: Vigie) -> None:
        texts = ["La digue a tenu, heureusement.", DOUBTFUL.format("sel"), SPAM.format(5100)]
        told = vigie.tell(AKISMET, *[["comment_check", sent(text, 1)] for text in texts])

        assert ["HAM", "SPAM", "DISCARD"] == [each.value for each in told]
        assert [["accept"], ["hold"], ["reject"]] == [vigie.decisions(text) for text in texts]
        row = submission(vigie, texts[2])
        assert ("Zoé", "198.18.1.0", "Mozilla/5.0", "https://journal.example/monde/visite/") == (
            row["name"], row["ip"], row["user_agent"], row["article_url"],
        )  # fmt: skip
        assert max(each.seconds for each in told) < 1

    def test_insults_are_not_spam(self, vigie: Vigie) -> None:
        text = "Ta gueule, pauvre type, personne ne te lit."
        [told] = vigie.tell(AKISMET, ["comment_check", sent(text, 2)])

        assert ("HAM", ["hold"]) == (told.value, vigie.decisions(text))

    @pytest.mark.parametrize(
        ("is_test", "week", "times"),
        [(True, "mille", 0), (1, "deux mille", 0), (False, "cinq mille", 1), (0, "six", 1)],
    )
    def test_a_test_is_judged_and_not_kept(self, vigie: Vigie, is_test: Any, week: str, times: int) -> None:
        text = SPAM.format(week)
        [told] = vigie.tell(AKISMET, ["comment_check", sent(text, 3, is_test=is_test)])

        assert ("DISCARD", times) == (told.value, len(vigie.decisions(text)))

    def test_what_is_submitted_is_a_verdict_on_what_was_checked_and_the_last_one_counts(self, vigie: Vigie) -> None:
        text = "Mon oncle élève des abeilles, il confirme chaque ligne."
        told = vigie.tell(
            AKISMET,
            ["comment_check", sent(text, 5)],
            ["submit_spam", sent(text, 5)],
            ["submit_spam", sent(text, 5)],
            ["submit_ham", sent(text, 5)],
        )

        assert ["HAM", True, True, True] == [each.value for each in told]
        assert ["accept"] == vigie.decisions(text)
        refused = ("reject", {"spam": 1}, "SPAM", "akismet", False)
        assert [refused, ("accept", {"spam": 0}, None, "akismet", True)] == vigie.verdicts(text)

    def test_what_was_never_checked_is_kept_when_it_is_submitted(self, vigie: Vigie) -> None:
        text = "On attend la suite de cette enquête avec impatience."
        [told] = vigie.tell(AKISMET, ["submit_spam", sent(text, 6)])

        assert told.value is True
        assert ["accept"] == vigie.decisions(text)
        assert [("reject", {"spam": 1}, "SPAM", "akismet", True)] == vigie.verdicts(text)

    def test_a_filled_honeypot_is_spam(self, vigie: Vigie) -> None:
        """The library refuses fields that Akismet does not name: the trap is one of those that it knows."""
        trap = {"honeypot_field_name": "referrer", "referrer": "0612345678"}
        [told] = vigie.tell(AKISMET, ["comment_check", sent("Quel bel été nous avons eu.", 7, **trap)])

        assert told.value in {"SPAM", "DISCARD"}

    def test_it_gets_the_figures_of_the_month(self, vigie: Vigie) -> None:
        _, limit = vigie.tell(
            AKISMET, ["comment_check", sent("Les travaux durent depuis un mois.", 8)], ["usage_limit", {}]
        )

        assert ("none", "0.00", False) == tuple(limit.value[name] for name in ("limit", "percentage", "throttled"))
        assert kept(vigie)["submissions"] == limit.value["usage"]

    def test_it_gets_the_figures_of_its_site_once_it_is_made_to_send_the_key(self, vigie: Vigie) -> None:
        """Of all its calls key_sites alone sends no key; a parameter of its httpx client adds it."""
        [without] = vigie.tell(AKISMET, ["key_sites", {}])
        month = f"{datetime.now(UTC):%Y-%m}"
        json_, csv, former = vigie.tell(
            AKISMET,
            ["key_sites", {}],
            ["key_sites", {"result_format": "csv"}],
            ["key_sites", {"month": "2025-01", "limit": 5, "order": "spam"}],
            params={"api_key": vigie.keys["usual"]},
        )

        assert "APIKeyError" == without.error
        assert ("default", str(kept(vigie)["submissions"])) == (
            json_.value[month][0]["site"], json_.value[month][0]["api_calls"],
        )  # fmt: skip
        assert csv.value.startswith("site,api_calls,spam,ham,missed_spam,false_positives,is_revoked\r\ndefault,")
        assert "0" == former.value["2025-01"][0]["api_calls"]

    @pytest.mark.parametrize("key", [STRANGER, "not a key", "é"])
    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_a_wrong_key_is_its_error_of_keys(self, vigie: Vigie, key: str, asynchronous: bool) -> None:
        [told] = vigie.tell(AKISMET, ["usage_limit", {}], key=key, asynchronous=asynchronous)

        assert "APIKeyError" == told.error
        assert f"Found API key: {key}" in told.message

    def test_a_key_that_may_only_judge_cannot_teach(self, vigie: Vigie) -> None:
        text = "Je préfère le train, quand il arrive."
        checked, taught = vigie.tell(
            AKISMET, ["comment_check", sent(text, 9)], ["submit_spam", sent(text, 9)], key=vigie.keys["judge"]
        )

        assert ("HAM", "APIKeyError") == (checked.value, taught.error)
        assert [] == vigie.verdicts(text)

    def test_its_asynchronous_client_asks_all_at_once(self, vigie: Vigie) -> None:
        texts = ["Il pleut sans arrêt ici.", SPAM.format(7100), DOUBTFUL.format("vent"), "Bravo à toute l'équipe !"]
        taught = "La neige est tombée tôt dans les Vosges."
        told = vigie.tell(
            AKISMET,
            *[["comment_check", sent(text, 10)] for text in texts],
            ["usage_limit", {}],
            ["submit_ham", sent(taught, 10)],
            asynchronous=True,
        )

        assert ["HAM", "DISCARD", "SPAM", "HAM"] == [each.value for each in told[:4]]
        assert ("none", True) == (told[4].value["limit"], told[5].value)
        assert [["accept"], ["reject"], ["hold"], ["accept"]] == [vigie.decisions(text) for text in texts]
        assert [("accept", {"spam": 0}, None, "akismet", True)] == vigie.verdicts(taught)


class TestAkismetApiOfNpm:
    """akismet-api, which puts the key in front of the host's name, and nowhere else."""

    def test_its_key_is_verified(self, vigie: Vigie) -> None:
        [right] = vigie.tell(AKISMET_NODE, ["verifyKey"])
        [wrong] = vigie.tell(AKISMET_NODE, ["verifyKey"], key=STRANGER)

        assert (True, False) == (right.value, wrong.value)

    def test_it_is_told_what_is_spam(self, vigie: Vigie) -> None:
        texts = ["Le blé se vend mal cette année.", RUDE, DOUBTFUL.format("riz"), SPAM.format(8100)]
        told = vigie.tell(AKISMET_NODE, *[["checkSpam", sent_by_node(text, 20, isTest=False)] for text in texts])

        assert [False, False, True, True] == [each.value for each in told]
        assert [["accept"], ["hold"], ["hold"], ["reject"]] == [vigie.decisions(text) for text in texts]
        row = submission(vigie, texts[0])
        assert ("Zoé", "198.18.20.0", "https://journal.example/monde/visite/") == (
            row["name"], row["ip"], row["article_url"],
        )  # fmt: skip

    def test_a_test_is_not_kept_and_a_filled_honeypot_is_spam(self, vigie: Vigie) -> None:
        tried, trapped = vigie.tell(
            AKISMET_NODE,
            ["checkSpam", sent_by_node(SPAM.format(8200), 21, isTest=True)],
            ["checkSpam", sent_by_node("Où peut-on lire le rapport entier ?", 21, honeypot="0612345678")],
        )

        assert (True, []) == (tried.value, vigie.decisions(SPAM.format(8200)))
        assert trapped.value is True

    def test_what_is_submitted_becomes_a_verdict(self, vigie: Vigie) -> None:
        ham, spam = "Les horaires ont changé hier.", SPAM.format(8300)
        told = vigie.tell(
            AKISMET_NODE,
            ["checkSpam", sent_by_node(ham, 22)],
            ["checkSpam", sent_by_node(spam, 22)],
            ["submitSpam", sent_by_node(ham, 22)],
            ["submitHam", sent_by_node(spam, 22)],
        )

        assert [False, True] == [each.value for each in told[:2]]
        assert ["Thanks for making the web a better place."] * 2 == [each.value for each in told[2:]]
        assert [("reject", {"spam": 1}, "SPAM", "akismet", True)] == vigie.verdicts(ham)
        assert [("accept", {"spam": 0}, None, "akismet", True)] == vigie.verdicts(spam)

    def test_a_wrong_key_is_an_error_of_a_check_and_passes_unseen_when_something_is_submitted(
        self, vigie: Vigie
    ) -> None:
        """The library reads no answer of a submission."""
        text = "Rien à redire, c'est exact."
        checked, submitted = vigie.tell(
            AKISMET_NODE, ["checkSpam", sent_by_node(text, 23)], ["submitSpam", sent_by_node(text, 23)], key=STRANGER
        )

        assert ("Error", "Invalid API key") == (checked.error, checked.message)
        assert "invalid" == submitted.value
        assert [] == vigie.decisions(text)

    def test_who_asks_too_often_is_told_so_in_words(self, vigie: Vigie) -> None:
        texts = ["Le lycée ouvre enfin ses portes.", "Pourquoi ne pas demander aux habitants ?"]
        first, second = vigie.tell(
            AKISMET_NODE, *[["checkSpam", sent_by_node(text, 24)] for text in texts], key=vigie.keys["slow"]
        )

        assert first.value is False
        assert "the key has asked too often" == second.message
        assert [["accept"], []] == [vigie.decisions(text) for text in texts]

    def test_a_key_in_capitals_is_the_same_key(self, vigie: Vigie) -> None:
        """Names of hosts have no capitals."""
        [told] = vigie.tell(
            AKISMET_NODE,
            ["checkSpam", sent_by_node("Le marché du samedi revient place Drouet.", 25)],
            key=vigie.keys["usual"].upper(),
        )

        assert told.value is False
