"""The training commands: python -m training fetch | corpus | encoder | train | evaluate."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from service.keeping import write_labels
from service.lexicon import load_lexicon
from service.model import Model, ModelError, current, load_model
from service.policy import load_policy
from service.settings import ROOT, SettingsError
from service.store import StoreError
from training import corpora
from training.evaluate import evaluate as measure
from training.examples import CorpusError, accounts
from training.fetch import fetch as download
from training.lessons import gather_lessons
from training.material import AUTHORED, Material, gather
from training.recipe import DEFAULT, Recipe, RecipeError, read_recipe
from training.release import GateError, make_release, missed_gates
from training.sources import CORPORA
from training.told import summary

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
with_models = click.option("--models", type=FOLDER, default=ROOT / "models", show_default="models")
with_corpora = click.option(
    "--corpora", "root", type=FOLDER, help="Folder of the public corpora  [default: data/corpora, ../shared/corpora]"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Teach Vigie: from public corpora, our own examples and yours to a release that the service loads."""


@main.command()
@click.argument("keys", nargs=-1, metavar="[CORPUS]...")
@click.option("--into", type=FOLDER, default=ROOT / "data" / "corpora", show_default="data/corpora")
def fetch(keys: tuple[str, ...], into: Path) -> None:
    """Download the public corpora (all, or those named) from their origins and check them."""
    if unknown := set(keys) - set(CORPORA):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: expected some of {', '.join(CORPORA)}")
    try:
        download(keys or tuple(CORPORA), into, click.echo)
    except CorpusError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@with_corpora
def corpus(root: Path | None) -> None:
    """Tell what is at hand: rows, licences, shares of labels, and what is missing."""
    root = root or corpora.corpora_root()
    material = _gather(read_recipe(), root, ())
    for row in accounts(material.read):
        told = ", ".join(f"{name} {share:.0%}" for name, share in row.positive.items())
        click.echo(f"{row.corpus:24} {row.rows:6}  {'/'.join(row.languages):6} {row.licence:16} {told}")
    for key, path in corpora.missing(root) if root else [(key, "") for key in CORPORA]:
        click.echo(f"{key:24} missing {path}")


@main.command()
@with_corpora
@click.option("--into", type=FOLDER, default=ROOT / "data" / "encoder", show_default="data/encoder")
@click.option("--params", type=FILE, default=DEFAULT, show_default="training/params.toml")
def encoder(root: Path | None, into: Path, params: Path) -> None:
    """Fine-tune the sentence encoder, and again without each fold (some 50 minutes on two cores).

    A run that was broken off goes on.
    """
    try:
        from training import export
        from training.encoder import crossfit, fine_tune
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not there: `make encoder` installs what fine-tuning needs"
        ) from error
    recipe = _recipe(params)
    try:
        root = root or corpora.corpora_root()
        crossfit(lambda fold: gather_lessons(recipe, root=root, fold=fold), recipe.encoder, into, click.echo)
        lessons = gather_lessons(recipe, root=root)
    except CorpusError as error:
        raise click.ClickException(str(error)) from error
    network, tokenizer, kept, history = fine_tune(lessons, recipe.encoder, into, click.echo)
    export.export(network, kept, tokenizer.processor.get_piece_size(), into)
    export.about(network, tokenizer, recipe.encoder, history, into)
    for left in (into / "published.npz", *into.glob("checkpoint-*.pt"), *into.glob("fold-*.npy")):
        left.unlink(missing_ok=True)  # of no use to a run on other examples
    click.echo(f"Written: {into}; to make a release with it: python -m training train --encoder {into}")


@main.command()
@click.option("--version", help="Name of the release  [default: the date]")
@with_models
@with_corpora
@click.option(
    "--encoder",
    "encoder_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a fine-tuned encoder  [default: that of the release in service]",
)
@click.option("--authored-only", is_flag=True, help="Use our own examples alone, also when corpora are there")
@click.option("--authored", type=FOLDER, default=AUTHORED, show_default="training/authored")
@click.option("--examples", type=FILE, multiple=True, help="Your own labelled texts: CSV or JSON Lines")
@click.option("--verdicts", is_flag=True, help="Learn from the verdicts of the store too (VIGIE_DATABASE)")
@click.option("--params", type=FILE, default=DEFAULT, show_default="training/params.toml")
@click.option("--no-gates", is_flag=True, help="Write the release although it misses gates")
def train(
    version: str | None,
    models: Path,
    root: Path | None,
    encoder_folder: Path | None,
    authored_only: bool,
    authored: Path,
    examples: tuple[Path, ...],
    verdicts: bool,
    params: Path,
    no_gates: bool,
) -> None:
    """Train, measure and write a release under models/; it is served once `vigie model use VERSION` says so."""
    recipe = _recipe(params)
    root = None if authored_only else root or corpora.corpora_root()
    if root is None:
        click.echo("no public corpora: learning from our own examples alone, without gates")
    with tempfile.TemporaryDirectory() as temporary:
        stored = [_stored_verdicts(Path(temporary))] if verdicts else []
        material = _gather(recipe, root, (*examples, *stored), authored)
    try:
        champion = _champion()
        folder = make_release(
            recipe,
            material,
            models,
            version or _next_version(models),
            root=root,
            encoder=encoder_folder or ROOT / "models" / current(ROOT / "models")[0],
            champion=champion,
            gates=not no_gates and root is not None,
            progress=lambda line: click.echo(f"… {line}"),
        )
        load_model(models, folder.name)
    except (GateError, FileExistsError, ModelError) as error:
        raise click.ClickException(str(error)) from error
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    _tell(metrics)
    click.echo("\n" + "\n".join([*material.told, *summary(metrics, folder.name)]))
    click.echo(f"\nWritten and loaded again: {folder}")
    click.echo(f"Read {folder / 'card.md'}; to serve it: vigie model use {folder.name}")


@main.command()
@click.option("--version", help="Release to measure  [default: the one in service]")
@with_models
@with_corpora
def evaluate(version: str | None, models: Path, root: Path | None) -> None:
    """Measure a release again on the test part, and say where that differs from what it says of itself."""
    root = root or corpora.corpora_root()
    try:
        model = load_model(models, version or current(models)[0])
    except ModelError as error:
        raise click.ClickException(str(error)) from error
    recipe = _recipe(model.folder / "params.toml")
    policy = load_policy(model.folder / "policy.toml")
    material = _gather(recipe, root, ())
    metrics = measure(model.pipeline, policy, load_lexicon(), material, recipe, root=root, progress=click.echo)
    _tell(metrics)
    written = json.loads((model.folder / "metrics.json").read_text("utf-8"))
    if written["rows"] != metrics["rows"]:
        click.echo(f"\nOther examples than at its release ({written['rows']}): the figures cannot be compared.")
    elif changed := [
        n for n, a in metrics["attributes"].items() if abs(a["auc"] - written["attributes"][n]["auc"]) > 1e-3
    ]:
        raise click.ClickException(f"release {model.version} says otherwise of {', '.join(changed)}")
    else:
        click.echo(f"\nThe figures are those that release {model.version} says of itself.")
    for gate in missed_gates(recipe, metrics):
        click.echo(f"missed: {gate}")


def _recipe(path: Path) -> Recipe:
    try:
        return read_recipe(path)
    except (RecipeError, ValueError) as error:
        raise click.ClickException(str(error)) from error


def _champion() -> Model | None:
    """Return the release in service; None, told, when it cannot be loaded, say by newer libraries."""
    try:
        return load_model(ROOT / "models")
    except ModelError as error:
        click.echo(f"not compared with the release in service: {error}")
        return None


def _gather(recipe: Recipe, root: Path | None, plain: tuple[Path, ...], authored: Path = AUTHORED) -> Material:
    try:
        return gather(recipe, root=root, authored=authored, plain=plain)
    except CorpusError as error:
        raise click.ClickException(str(error)) from error


def _stored_verdicts(folder: Path) -> Path:
    """Return a file of what the verdicts of the store teach, as `vigie export labels` writes it."""
    file = folder / "verdicts.jsonl"
    try:
        with file.open("w", encoding="utf-8") as output:
            click.echo(f"{write_labels(output)} verdict(s) of the store")
    except (StoreError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    return file


def _next_version(models: Path) -> str:
    today = f"{datetime.now(UTC):%Y.%m.%d}"
    taken = [today, *(f"{today}-{number}" for number in range(2, 1000))]
    return next(version for version in taken if not (models / version).exists())


def _tell(metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    for name, attribute in metrics["attributes"].items():
        click.echo(f"{name:18} AUC {attribute['auc']:.3f} ({attribute['auc_low']:.3f}–{attribute['auc_high']:.3f})")
    for name in ("good", "bad", "bad: toxicity", "bad: spam"):
        if taken := metrics["decisions"].get(name):
            told = ", ".join(f"{decision} {100 * taken[decision]:.1f} %" for decision in ("accept", "hold", "reject"))
            click.echo(f"{name:18} {told}  ({taken['rows']:.0f} rows)")


if __name__ == "__main__":
    main(prog_name="python -m training")
