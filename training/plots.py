"""The figures of a report, as SVG: they stay small and sharp, and a change of one can be read in a diff."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "vigie"  # the same figures give the same file

from matplotlib import pyplot as plt  # noqa: E402 - the backend must be chosen first


def draw(metrics: Mapping[str, Any], folder: Path) -> list[str]:
    """Write the figures of *metrics* into *folder*; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"calibration.svg": _calibration, "decisions.svg": _decisions, "sources.svg": _sources}
    for name, figure in drawn.items():
        figure(metrics)
        plt.savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")
        plt.close()
    return list(drawn)


def _calibration(metrics: Mapping[str, Any]) -> None:
    plt.figure(figsize=(5, 5))
    plt.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, attribute in metrics["attributes"].items():
        if attribute["calibration"]:
            mean, share, _ = zip(*attribute["calibration"]["curve"], strict=True)
            plt.plot(
                mean, share, marker="o", markersize=3, label=f"{name} (error {attribute['calibration']['error']:.3f})"
            )
    plt.xlabel("mean score of the bin")
    plt.ylabel("share that has the attribute")
    plt.legend(fontsize=7)
    plt.title("Calibration on the test part")


def _decisions(metrics: Mapping[str, Any]) -> None:
    rows = {name: row for name, row in metrics["decisions"].items() if not name.startswith("kind:")}
    plt.figure(figsize=(7, 0.35 * len(rows) + 1))
    left = [0.0] * len(rows)
    for decision, colour in (("accept", "#7fb069"), ("hold", "#e6aa68"), ("reject", "#ca3c25")):
        width = [row[decision] for row in rows.values()]
        plt.barh(list(rows), width, left=left, color=colour, label=decision)
        left = [begin + step for begin, step in zip(left, width, strict=True)]
    plt.gca().invert_yaxis()
    plt.legend(loc="lower right", fontsize=7)
    plt.xlabel("share of the comments")
    plt.title("Decisions on the test part")


def _sources(metrics: Mapping[str, Any]) -> None:
    points = [
        (f"{name} · {corpus}", measured)
        for name, attribute in metrics["attributes"].items()
        for corpus, measured in attribute["sources"].items()
    ]
    plt.figure(figsize=(7, 0.3 * len(points) + 1))
    for place, (_, measured) in enumerate(points):
        plt.plot([measured["auc_low"], measured["auc_high"]], [place, place], color="0.5")
        plt.plot(measured["auc"], place, "o", color="#22577a")
    plt.yticks(range(len(points)), [name for name, _ in points], fontsize=7)
    plt.gca().invert_yaxis()
    plt.xlabel("AUC with its 95 % interval")
    plt.title("Ranking on the test part, by corpus")
