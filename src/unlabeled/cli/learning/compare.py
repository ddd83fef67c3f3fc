"""`unlabeled compare`: which method suits these data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import MOST_SEEDS, AsJson, Column, Overwrite, count, print_json, print_table, say, tell


def compare(
    source: Annotated[Path, typer.Argument(help="What `unlabeled learn` takes.")],
    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            "-m",
            help="Methods, raw, pca, untrained, and encoders as they are, such as timm:resnet18:pretrained.",
        ),
    ] = "simclr,byol,autoencoder,pca,raw,untrained",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the comparison.")] = Path("comparison"),
    labels: Annotated[Path | None, typer.Option(help="CSV or parquet with path (or id) and label.")] = None,
    budget: Annotated[str, typer.Option(help="For each method and seed: 10m, 90s, 1h or 500 steps.")] = "500 steps",
    seeds: Annotated[int, count(most=MOST_SEEDS, help="How often each method is fitted and judged.")] = 3,
    encoder: Annotated[
        str | None, typer.Option(help="The encoder of all methods.  [dim]default: that of each method[/dim]")
    ] = None,
    batch_size: Annotated[
        int | None, count(help="Instances in a batch.  [dim]default: that of each method[/dim]")
    ] = None,
    column: Column = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Learn with several methods on the same data and budget, and judge them on the same held-out rows.

    A comparison that was interrupted goes on when the command is repeated.

    [dim]unlabeled compare photos/ --methods simclr,byol,raw --labels labels.csv --budget 10m --out cmp/[/dim]
    """
    from unlabeled.runs.compare import compare as run_comparison

    given: dict[str, Any] = {"encoder": encoder, "batch_size": batch_size, "column": column}
    found = run_comparison(
        source,
        [name.strip() for name in methods.split(",") if name.strip()],
        out,
        labels=labels,
        budget=budget,
        seeds=seeds,
        settings={key: value for key, value in given.items() if value is not None},
        overwrite=overwrite,
        say=say,
    )
    if as_json:
        print_json(found)
        return
    judged = "best" in found
    over = "test rows" if seeds == 1 else "seeds"
    columns = [
        "method",
        *([f"linear probe (95 % over {over})", "kNN", "behind the best", "p"] if judged else []),
        "effective rank",
        "ms a step",
    ]
    print_table(columns, [_cells(row, judged) for row in found["methods"]], whole=["method"])
    if not judged:
        tell("\nRanked by effective rank: without labels that judge, this is a hint and no proof")
    spent = found["spent"]
    if spent["overhead"] is not None:
        share = 100 * spent["overhead"]
        tell(f"\n{spent['learning']:.1f} s were spent on learning, {spent['besides']:.1f} s besides ({share:.1f} %)")
    tell(f"\nThe comparison is in {out}; look at {out / 'report.html'}")


def _cells(row: dict[str, Any], judged: bool) -> list[str]:
    cells = [row["name"]]
    if judged:
        interval = row["linear"]["interval_seeds"] or row["linear"]["interval_rows"]
        cells.append(f"{100 * row['linear']['mean']:.1f} % ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})")
        cells.append(f"{100 * row['knn']['mean']:.1f} %")
        behind = row.get("behind_best")
        cells += [f"{100 * behind['mean']:.1f}", f"{behind['p_corrected']:.3f}"] if behind else ["–", "–"]
    step = "–" if row["ms_a_step"] is None else f"{row['ms_a_step']:.1f}"
    return [*cells, f"{row['effective_rank']:.1f}", step]
