"""The figures of a run in words and tables, as the command line prints them and the report shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unlabeled.counted import counted

TITLES = {
    "accuracy": "",
    "retrieval": "searches among the test instances",
    "gallery": "searches of the training instances by the test instances",
    "clustering": "clusters of the test instances",
}
LEADS = {
    "accuracy": "accuracy (95 % interval)",
    "retrieval": "searches by each other",
    "gallery": "searches",
    "clustering": "k-means without labels",
}
_HITS = (
    "recall@k: share of the searches with an instance of the query's class among the k nearest; precision@k: share of "
    "such instances among them; MAP@R, MAP, MRR: how early such instances come, at best 1"
)
MEANINGS = {
    "accuracy": "balanced: each class counts the same",
    "retrieval": _HITS,
    "gallery": _HITS,
    "clustering": (
        "NMI, ARI: 1 where clusters and classes are the same grouping, ARI 0 where they agree by chance; matched "
        "accuracy: each cluster stands for one class"
    ),
}
"""What the figures of each table are, for the sentence beneath it."""


@dataclass(frozen=True)
class ScoreTable:
    """Figures of a run's evaluation that are shown together."""

    title: str
    """Nothing for accuracies, which need none."""
    columns: list[str]
    rows: list[list[str]]
    """One a representation, what was learnt first."""
    note: str
    """A sentence without a stop: what the figures are."""


def label_free_table(metrics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give the columns and rows of what was measured without labels."""
    found = [("learnt", metrics)]
    if "untrained" in metrics:
        found.append(("untrained encoder", metrics["untrained"]))
    rows = [
        [name, f"{each['effective_rank']:.1f}", f"{each['directions']:.1f}", f"{each['uniformity']:.2f}"]
        for name, each in found
    ]
    return ["representation", "effective rank", "directions in use", "uniformity"], rows


def evaluation_tables(metrics: dict[str, Any]) -> list[ScoreTable]:
    """Give the tables of a run's evaluation: one of accuracies, one for each other probe; none without labels."""
    found = metrics.get("evaluation", {"scores": []})
    headings: dict[str, dict[str, str]] = {}
    cells: dict[str, dict[str, str]] = {}
    for score in found["scores"]:
        group, heading = _place(score["metric"])
        headings.setdefault(group, {})[score["metric"]] = heading
        cells.setdefault(score["representation"], {})[score["metric"]] = _with_interval(score)
    tables = []
    for group, shown in headings.items():
        rows = [[name, *(row[metric] for metric in shown)] for name, row in cells.items()]
        if group == "accuracy":
            guess = {False: found["majority_accuracy"], True: found["majority_balanced_accuracy"]}
            rows.append(["commonest class", *(_percent(guess["balanced" in metric]) for metric in shown)])
        tables.append(ScoreTable(TITLES[group], ["representation", *shown.values()], rows, _note(found, group)))
    return tables


def _place(metric: str) -> tuple[str, str]:
    """Give the table that shows a measure, by its key in `TITLES`, and the heading there."""
    if metric in ("NMI", "ARI", "matched accuracy"):
        return "clustering", metric
    if metric.endswith("balanced accuracy"):
        return "accuracy", "balanced"
    if metric.endswith("accuracy"):
        return "accuracy", metric
    return ("gallery" if metric.startswith("gallery ") else "retrieval"), metric.removeprefix("gallery ")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _with_interval(score: dict[str, Any]) -> str:
    """Give a share in percent, with its 95 % interval where it has one; NMI, ARI and MRR are no shares."""
    if score["metric"].removeprefix("gallery ") in ("NMI", "ARI", "MRR"):
        return f"{score['mean']:.3f}"
    if score["interval"] is None:
        return _percent(score["mean"])
    low, high = (round(100 * end) for end in score["interval"])
    return f"{_percent(score['mean'])} ({low}–{high})"


def _note(found: dict[str, Any], group: str) -> str:
    """Say what the figures of one table are, on how many instances, and with which settings."""
    splits = f", mean of {len(found['seeds'])} splits" if len(found["seeds"]) > 1 else ""
    tested = counted(found["n_test"], "held-out instance")
    if found["split"] == "given":  # of a method that learns from labels
        tested, splits = f"{counted(found['n_test'], 'instance')} whose label was kept from the method", ""
    on = f"on {tested} of {found['n_classes']:,} classes"
    if group in ("accuracy", "gallery"):
        on += f", {found['n_train']:,} labelled to {'learn from' if group == 'accuracy' else 'search in'}"
    said = f"{LEADS[group]} {on}{splits}; {MEANINGS[group]}"
    for probe in ("knn", "linear") if group == "accuracy" else (group,):
        given = found.get("settings", {}).get(probe, {})
        # The columns say where recall and precision are read off.
        if own := [f"{name} = {value}" for name, value in given.items() if name != "ks"]:
            said += f"; {probe} with {', '.join(own)}"
    return said


def evaluation_verdict(metrics: dict[str, Any]) -> str:
    """Say so if what was learnt is no better than a baseline by the linear probe; otherwise nothing."""
    linear = [score for score in metrics["evaluation"]["scores"] if score["metric"] == "linear accuracy"]
    if len(linear) < 2:
        return ""
    learnt, best = linear[0], max(linear[1:], key=lambda score: float(score["mean"]))
    if learnt["mean"] > best["mean"] or best["mean"] == 1:
        return ""
    return (
        f"What was learnt is no better than the {best['representation']} by the linear probe "
        f"({_percent(learnt['mean'])}, {_percent(best['mean'])}): train longer, on more instances, or by "
        "another method."
    )


def generalises(found: dict[str, float]) -> bool:
    """Tell whether the loss fell on held-out instances by at least a tenth of what it fell on those learnt from."""
    return found["before"] - found["after"] >= 0.1 * max(found["before"] - found["training"], 0) > 0


def generalisation_note(metrics: dict[str, Any]) -> str:
    """Say what the loss is on instances that were held out of training, where a method holds some out."""
    found = metrics.get("generalisation")
    if found is None:
        return ""
    held = counted(found["held_out"], "instance")
    if generalises(found):
        return (
            f"Loss {found['training']:.3g} on the instances learnt from; {found['after']:.3g} on {held} held out, "
            f"{found['before']:.3g} before training."
        )
    if found["training"] >= found["before"]:
        return f"Nothing was learnt: the loss was {found['before']:.3g} before training and is {found['training']:.3g}."
    return (
        f"What was learnt does not generalise: the loss is {found['training']:.3g} on the instances learnt from, but "
        f"{found['after']:.3g} on {held} held out, where it was {found['before']:.3g} before training. "
        "Learn from more instances, for fewer epochs, or by another method."
    )


def duplicates_note(metrics: dict[str, Any]) -> str:
    """Say how many near-duplicates a run holds, and how many pairs are alike to the encoder alone."""
    found = metrics["near_duplicates"]
    among = f"among {found['compared']:,} instances"
    copies = [pair["ids"] for pair in found["nearest"] if pair["copy"]]
    alike = [pair["ids"] for pair in found["nearest"] if not pair["copy"]]
    note = f"No near-duplicates {among}"
    if copies:
        note = (
            f"{counted(found['pairs'], 'pair')} of near-duplicates {among}, such as {copies[0][0]} and {copies[0][1]}"
        )
    if found["look_alikes"]:
        note += f"; {counted(found['look_alikes'], 'pair')} of look-alikes, near to the encoder but of other content"
        note += f", such as {alike[0][0]} and {alike[0][1]}" if alike else ""
    return note
