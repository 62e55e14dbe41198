"""What the documents tell people to type works, and what they show is what comes."""

import html
import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from service.cli import main as vigie
from service.model import Model
from service.policy import SIGNALS, load_policy
from service.settings import Settings
from service.sites import load_sites
from training.__main__ import main as training
from training.own import read_plain

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "training" / "authored" / "README.md"]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    lines = [line for document in DOCUMENTS for block in blocks(document, "sh") for line in block.splitlines()]
    return [(line, shlex.split(line, comments=True)) for line in lines if line.strip()]


def test_the_first_curl_of_the_readme_gives_what_the_readme_shows(client: FlaskClient) -> None:
    readme = ROOT / "README.md"
    words = next(words for _, words in commands() if words[0] == "curl")
    shown = json.loads(blocks(readme, "json")[0])

    answer = client.post("/v1/comments", json=json.loads(words[words.index("--json") + 1]))

    assert 201 == answer.status_code
    assert shown["decision"] == answer.json["decision"]
    assert shown["model"] == answer.json["model"]
    assert shown["reasons"][0] in answer.json["reasons"]
    assert shown["scores"] == {name: round(answer.json["scores"][name], 2) for name in shown["scores"]}


def test_the_first_curl_of_the_api_page_gives_what_the_page_shows(client: FlaskClient) -> None:
    page = html.unescape(client.get("/docs").get_data(as_text=True))
    sent = re.search(r"-d '(\{.*?\})'", page)
    example = re.search(r'<code id="example">(.*?)</code>', page, re.DOTALL)
    assert sent is not None
    assert example is not None
    shown = json.loads(example[1])

    answer = client.post("/v1/comments", json=json.loads(sent[1])).json

    reasons = [
        {name: round(value, 2) if isinstance(value, float) else value for name, value in reason.items()}
        for reason in answer["reasons"]
    ]
    assert [] == [reason for reason in shown["reasons"] if reason not in reasons]
    assert shown["scores"] == {name: round(answer["scores"][name], 2) for name in shown["scores"]}
    assert (shown["decision"], shown["model"], shown["policy"]) == (
        answer["decision"],
        answer["model"],
        answer["policy"],
    )


@pytest.mark.parametrize(("line", "words"), [c for c in commands() if "vigie" in c[1][0] or "training" in c[1]])
def test_a_command_of_the_documents_exists_with_its_options(line: str, words: list[str]) -> None:
    group, arguments = (training, words[3:]) if "training" in words else (vigie, words[1:])
    command: click.Command = group
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments.pop(0))
        assert found is not None, line
        command = found
    options = {name for parameter in command.params for name in parameter.opts}

    assert {word for word in arguments if word.startswith("--")} <= options, line


@pytest.mark.parametrize(("line", "words"), [c for c in commands() if c[1][0] == "make"])
def test_a_make_target_of_the_documents_exists(line: str, words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert {word for word in words[1:] if "=" not in word} <= set(targets), line


def test_the_guide_s_judge_command_answers() -> None:
    line, words = next(c for c in commands() if "judge" in c[1])

    result = CliRunner().invoke(vigie, words[1:])

    assert (0, "accept\n") == (result.exit_code, result.output), line


def test_the_guide_s_own_examples_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "mes-commentaires.csv"
    file.write_text(blocks(ROOT / "docs" / "reentrainer.md", "csv")[0], "utf-8")

    assert [(0, 0, 0), (1, 1, 0), (0, 0, 1)] == [
        tuple(int(example.labels[name]) for name in ("toxicity", "insult", "spam")) for example in read_plain(file)
    ]


def test_the_policy_s_example_can_be_laid_over_the_release(tmp_path: Path, model: Model) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(blocks(ROOT / "docs" / "policy.md", "toml")[0], "utf-8")

    policy = load_policy(model.folder / "policy.toml", file)

    assert (1, 2, 0.80) == (
        policy.signals["direct_insult"].reject,
        policy.signals["links"].hold,
        policy.attributes["toxicity"].hold,
    )
    assert policy.version.startswith(f"{model.version}+")


def test_every_signal_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "policy.md").read_text("utf-8")))

    assert set(SIGNALS) <= documented


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text("utf-8"))

    assert [] == [target for target in targets if not (document.parent / target).exists()]


def test_the_example_of_several_sites_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(blocks(ROOT / "docs" / "integrate.md", "toml")[0], "utf-8")
    sites = load_sites(Settings(sites=file))

    assert ["default", "le-journal", "la-gazette"] == list(sites)
    assert sites["la-gazette"].is_told


def test_the_thresholds_to_type_are_those_that_were_measured(model: Model) -> None:
    tolls = json.loads((model.folder / "metrics.json").read_text("utf-8"))["tolls"]["toxicity"]
    written = re.findall(
        r"^\| (0\.\d\d) \| (\d\d) % \| ([\d.]+) % \|$", (ROOT / "docs/migrate.md").read_text("utf-8"), re.MULTILINE
    )

    assert [
        (f"{toll['limit']:.2f}", share.rstrip("%"), f"{100 * toll['good_held']:.1f}") for share, toll in tolls.items()
    ] == written
