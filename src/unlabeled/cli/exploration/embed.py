"""`unlabeled embed`: vectors of other instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, OnError, Overwrite, RunFolder, print_json, say, tell, what_on_error
from unlabeled.counted import counted


def embed(
    run: RunFolder,
    source: Annotated[Path, typer.Argument(help="What to embed: anything [bold]unlabeled learn[/bold] takes.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file with id and vector.")] = Path(
        "vectors.parquet"
    ),
    on_error: OnError = "skip",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn other instances into vectors, with the run's encoder and exactly its preprocessing.

    [dim]unlabeled embed run/ more-photos/ --out vectors.parquet[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.runs import Run, write_embeddings
    from unlabeled.runs.grouping.write_table import check_table, inputs_of

    if out.suffix != ".parquet":
        raise UnlabeledError(f"--out is a parquet file, so its name ends in .parquet; got {out}")
    check_table(out, inputs_of(run, source), overwrite=overwrite)
    embeddings = Run(run).embed(source, on_error=what_on_error(on_error))
    write_embeddings(embeddings, out)
    rows, dim = embeddings.vectors.shape
    if as_json:
        skipped = [{"id": s.id, "reason": s.reason} for s in embeddings.skipped]
        print_json({"out": str(out), "rows": rows, "dim": dim, "skipped": skipped})
        return
    for skipped in embeddings.skipped[:5]:
        say(f"Skipped {skipped.id}: {skipped.reason}")
    tell(
        f"{counted(rows, 'vector')} of {dim} numbers in {out}"
        + (f"; {len(embeddings.skipped)} skipped" if embeddings.skipped else "")
    )
