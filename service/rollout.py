"""Which release is in service: told, and changed by one line of current.toml."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.model import ModelError, current, digest, load_model
from service.policy import load_policy


@dataclass(frozen=True, slots=True)
class Release:
    """A release under the folder of models, as a page shows it; nothing of it was loaded."""

    version: str
    made_at: str
    serves: bool
    summary: str
    """What training said of it, in French; empty for releases that are older than that."""
    site: Mapping[str, float]
    """By estimate, which shares of a site's good comments it accepts, holds and rejects."""


def releases(models: Path) -> list[Release]:
    """Return the releases of the folder *models*, the newest first; what is not readable is left out."""
    try:
        serves, _ = current(models)
    except ModelError:  # a page to repair it from must come all the same
        serves = ""
    found = []
    for folder in models.iterdir():
        try:
            told: Any = json.loads((folder / "release.json").read_text("utf-8"))
            metrics: Any = json.loads((folder / "metrics.json").read_text("utf-8"))
            summary = folder / "summary.txt"
            words = summary.read_text("utf-8") if summary.exists() else ""
            made_at, site = str(told["made_at"]), {name: metrics["site"][name] for name in ("hold", "reject")}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(Release(folder.name, made_at, folder.name == serves, words, site))
    return sorted(found, key=lambda release: release.made_at, reverse=True)


def use(models: Path, version: str, site_policy: Path | None) -> str:
    """Name *version* as the release in service, after loading it and its policy; return the one before, or "none".

    Raises ModelError or PolicyError when it must not be served: nothing is changed then.
    """
    loaded = load_model(models, version)
    load_policy(loaded.folder / "policy.toml", site_policy)
    was = current(models)[0] if (models / "current.toml").exists() else "none"
    draft = models / ".current.toml.draft"
    try:
        draft.write_text(
            "# The release in service. Written by `vigie model use <version>`; taking it back is the same command.\n"
            f'version = "{version}"\nsha256 = "{digest(loaded.folder / "release.json")}"  # of its release.json\n',
            "utf-8",
        )
        draft.replace(models / "current.toml")
    except OSError as error:
        raise ModelError(f"{models}: expected a folder that can be written, found: {error.strerror}") from error
    return was
