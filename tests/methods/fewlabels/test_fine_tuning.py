import copy
import json
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils import get_tags

import unlabeled
from unlabeled import BERT, ELMo, FineTuning
from unlabeled.encoders import make_encoder
from unlabeled.errors import DivergenceError, UnlabeledError
from unlabeled.evaluation.probes.fine_tune import fine_tune
from unlabeled.methods.fewlabels import fine_tuning
from unlabeled.methods.fewlabels.tasks import TASKS
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing
from unlabeled.training.bases.stages import stages
from unlabeled.training.optimizers import set_linear_rate

TEXTS = ["the dog barks", "the cat meows", "a dog runs", "a cat sleeps"] * 10
CLASSES = ["dog", "cat"] * 20
QUICK = {"learning_rate": 3e-3, "head_learning_rate": 1e-2, "epochs": 8, "random_state": 0}


@pytest.fixture(scope="module")
def encoder():
    model = BERT(dim=32, layers=2, heads=2, length=24, epochs=1, next_sentence=False, progress=False, random_state=0)
    return model.fit(TEXTS).encoder_


@pytest.fixture(scope="module")
def classifier(encoder):
    return FineTuning(encoder=encoder, **QUICK).fit(TEXTS, CLASSES)


def weights(encoder):
    return torch.cat([p.detach().flatten() for p in encoder.parameters()])


def test_classes_are_learnt_and_the_given_encoder_is_left_alone(encoder, classifier):
    before = weights(encoder)
    assert classifier.score(TEXTS, CLASSES) == 1.0
    assert classifier.predict(["a dog barks", "the cat sleeps"]).tolist() == ["dog", "cat"]
    assert classifier.predict_proba(TEXTS).sum(1) == pytest.approx(np.ones(40), abs=1e-5)
    assert torch.equal(weights(encoder), before)


def test_it_is_the_same_after_saving_and_for_the_same_seed(encoder, classifier, tmp_path):
    classifier.save(tmp_path / "m")
    loaded = FineTuning.load(tmp_path / "m")
    assert (loaded.predict_proba(TEXTS) == classifier.predict_proba(TEXTS)).all()
    assert loaded.classes_.tolist() == ["cat", "dog"]
    again = fine_tune(encoder, TEXTS, CLASSES, **QUICK)
    assert (again.predict_proba(TEXTS) == classifier.predict_proba(TEXTS)).all()


@pytest.mark.parametrize(("layers", "moved"), [("none", 0), (1, 1), ("2", 2), ("all", 3)])
def test_only_the_last_layers_move(encoder, layers, moved):
    trained = {} if moved == 0 else {"learning_rate": 3e-3}
    model = FineTuning(encoder=encoder, layers=layers, epochs=1, random_state=0, **trained).fit(TEXTS, CLASSES)
    before, after = stages(encoder), stages(model.encoder_)
    changed = [
        any(not torch.equal(a, b) for a, b in zip(p, q, strict=True)) for p, q in zip(before, after, strict=True)
    ]
    assert changed == [False] * (3 - moved) + [True] * moved


@pytest.fixture(scope="module")
def recurrent():
    return ELMo(dim=8, layers=2, length=16, epochs=1, progress=False, random_state=0).fit(TEXTS).encoder_


@pytest.mark.parametrize(
    ("layers", "moved"),
    [
        ("none", set()),
        ("last", {"forwards.1", "backwards.1", "mix", "scale"}),
        (2, {"forwards.0", "backwards.0", "forwards.1", "backwards.1", "mix", "scale"}),
        ("all", {"word_embeddings", "forwards.0", "backwards.0", "forwards.1", "backwards.1", "mix", "scale"}),
    ],
)
def test_both_directions_of_a_recurrent_layer_are_trained_together(recurrent, layers, moved):
    trained = {} if layers == "none" else {"learning_rate": 3e-3}
    model = FineTuning(encoder=recurrent, layers=layers, epochs=1, random_state=0, **trained).fit(TEXTS, CLASSES)
    before, after = dict(recurrent.named_parameters()), dict(model.encoder_.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.rpartition(".")[0] or name for name in changed} == moved


def test_earlier_layers_learn_more_slowly(encoder):
    model = FineTuning(encoder=encoder, layer_decay=0.5, learning_rate=0.8)
    model.encoder_, model.head_ = encoder, torch.nn.Linear(32, 2)
    assert list(dict.fromkeys(group["peak"] for group in model._groups())) == [1e-3, 0.8, 0.4, 0.2]
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)


def test_only_matrices_decay(encoder):
    model = FineTuning(encoder=encoder, weight_decay=0.1)
    model.encoder_, model.head_ = encoder, torch.nn.Linear(32, 2)
    groups = model._groups()
    assert {(p.dim() > 1, group["weight_decay"]) for group in groups for p in group["params"]} == {
        (True, 0.1),
        (False, 0.0),
    }
    assert sum(len(group["params"]) for group in groups) == len([*encoder.parameters(), *model.head_.parameters()])


def test_unlabelled_instances_are_left_out(encoder):
    labels = [label if i < 30 else None for i, label in enumerate(CLASSES)]
    some = FineTuning(encoder=encoder, **QUICK).fit(TEXTS, labels)
    assert some.predict(TEXTS).tolist() == CLASSES
    numbers = [1 if label == "dog" else -1 for label in CLASSES]
    with pytest.raises(UnlabeledError, match="at least two classes, got 1"):
        FineTuning(encoder=encoder, **QUICK).fit(TEXTS, numbers)


def test_the_best_epoch_by_the_held_out_part_is_kept(encoder):
    model = FineTuning(encoder=encoder, validation=0.3, patience=2, **QUICK).fit(TEXTS, CLASSES)
    accuracies = [entry["accuracy"] for entry in model.history_]
    best = int(np.argmax(accuracies))
    assert len(accuracies) <= best + 1 + 2
    assert model.score(TEXTS, CLASSES) >= accuracies[-1] * 0.3


@pytest.mark.parametrize(
    ("task", "X", "y"),
    [
        ("class", TEXTS, CLASSES),
        ("score", TEXTS, [float("dog" in text) for text in TEXTS]),
        ("tags", [text.split() for text in TEXTS], [["B-NP", "I-NP", "O"]] * 40),
        ("span", [("what barks", text) for text in TEXTS], [(t[-5:], len(t) - 5) for t in TEXTS]),
    ],
)
def test_an_epoch_scores_the_held_out_part_and_nothing_else(encoder, task, X, y, monkeypatch):
    model, asked = FineTuning(encoder=encoder, task=task, validation=0.25, **{**QUICK, "epochs": 2}), []
    forward = FineTuning._scores

    def watched(self, instances, vectors=None, rows=None):
        asked.append(len(instances) if rows is None else len(rows))
        scores = forward(self, instances, vectors, rows)
        assert sum(score is not None for score in scores) == asked[-1]
        return scores

    monkeypatch.setattr(FineTuning, "_scores", watched)
    model.fit(X, y)
    assert asked == [10, 10]  # a quarter of the 40, at each epoch


def test_too_few_to_judge_by_are_not_held_out(encoder):
    settings = {**QUICK, "epochs": 3, "learning_rate": 1e-6, "head_learning_rate": 1e-6}  # it learns nothing
    with pytest.warns(UserWarning, match=r"^validation=0\.2 and patience=1 without effect: .* of 40 .* is 8, and"):
        all_used = FineTuning(encoder=encoder, validation=0.2, patience=1, **settings).fit(TEXTS, CLASSES)
    assert [set(entry) for entry in all_used.history_] == [{"epoch", "loss"}] * 3
    stopped = FineTuning(encoder=encoder, validation=0.25, patience=1, **settings).fit(TEXTS, CLASSES)
    assert len(stopped.history_) == 2


@pytest.mark.parametrize("given", [{"validation": 0.2}, {"patience": 3}, {"patience": 3, "validation": 0}])
def test_a_setting_that_has_no_effect_is_told(given):
    names = " and ".join(f"{name}={given[name]}" for name in ("validation", "patience") if given.get(name))
    with pytest.warns(UserWarning, match=f"^{names} without effect"):
        chosen, held = FineTuning(**given)._hold_out(np.arange(40))
    assert (len(chosen), len(held)) == (40, 0)


@pytest.mark.parametrize("usual", [{}, {"validation": 0}, {"patience": 20}])  # the last is what `transfer` gives
def test_of_fewer_than_95_none_is_held_out_and_defaults_are_not_warned_of(usual):
    assert [len(FineTuning(**usual)._hold_out(np.arange(n))[1]) for n in (20, 94)] == [0, 0]
    assert len(FineTuning()._hold_out(np.arange(95))[1]) == 10


@pytest.mark.parametrize("task", ["class", "tags"])
def test_measuring_prepares_the_data_once(classifier, tagger, task, monkeypatch):
    model, X, y = (classifier, TEXTS, CLASSES) if task == "class" else (tagger, WORDS, TAGS)
    prepared, prepare = [], TASKS[task].prepare
    monkeypatch.setattr(TASKS[task], "prepare", lambda self, *given: prepared.append(task) or prepare(self, *given))
    assert model.score(X, y) == 1.0
    assert prepared == [task]


def test_pairs_are_read_together(encoder):
    pairs = [(a, "dog" if i % 3 else "cat") for i, a in enumerate(TEXTS)]
    same = ["yes" if b in a else "no" for a, b in pairs]
    model = FineTuning(encoder=encoder, **{**QUICK, "epochs": 40, "validation": 0}).fit(pairs, same)
    assert model.score(pairs, same) > 0.75  # the first text alone tells two thirds, the second half


def test_numbers_are_learnt_in_their_own_units(encoder):
    numbers = [100.0 + 10 * ("dog" in text) for text in TEXTS]
    numbers[3] = float("nan")
    model = FineTuning(encoder=encoder, task="score", **{**QUICK, "epochs": 20, "validation": 0}).fit(TEXTS, numbers)
    assert model.score(TEXTS, numbers) > 0.8
    assert model.predict(TEXTS) == pytest.approx([100.0 + 10 * ("dog" in text) for text in TEXTS], abs=3)


WORDS = [text.split() for text in TEXTS]
TAGS = [["B-NP" if w in ("the", "a") else "I-NP" if w in ("dog", "cat") else "O" for w in ws] for ws in WORDS]


@pytest.fixture(scope="module")
def tagger(encoder):
    return FineTuning(encoder=encoder, task="tags", **QUICK).fit(WORDS, TAGS)


def test_words_are_tagged_also_beyond_the_window(tagger):
    assert tagger.score(WORDS, TAGS) == 1.0
    found = tagger.predict([WORDS[0] * 20, []])
    assert [len(tags) for tags in found] == [60, 0]
    assert found[0][30:33] == ["B-NP", "I-NP", "O"]


def test_sentences_without_tags_are_left_out(encoder, tagger):
    some = [tags if i < 30 else None for i, tags in enumerate(TAGS)]
    model = FineTuning(encoder=encoder, task="tags", **QUICK).fit(WORDS, some)
    assert model.classes_ == tagger.classes_
    assert model.score(WORDS, some) == model.score(WORDS[:30], TAGS[:30])
    with pytest.raises(UnlabeledError, match="no instance is labelled"):
        FineTuning(encoder=encoder, task="tags", **QUICK).fit(WORDS, [None] * len(WORDS))


def test_of_several_right_answers_the_nearest_counts():
    task = TASKS["span"]()
    assert task.score([["the big dog", "dog"], [""]], ["dog", ""]) == 1.0
    assert task.score([["the big dog"], [""]], ["dog", "cat"]) == pytest.approx((2 / 3 + 0) / 2)


def test_answers_are_found(encoder, tmp_path):
    questions = [("who barks", text) for text in TEXTS]
    answers = [("dog", text.index("dog")) if "dog" in text else None for text in TEXTS]
    model = FineTuning(encoder=encoder, task="span", **{**QUICK, "epochs": 12}).fit(questions, answers)
    assert model.score(questions, answers) == 1.0
    assert model.predict(questions[:2]) == ["dog", ""]
    model.save(tmp_path / "m")
    assert FineTuning.load(tmp_path / "m").predict(questions[:2]) == ["dog", ""]


def test_images_are_fine_tuned_too(tmp_path):
    torch.manual_seed(0)
    encoder = make_encoder("conv", ImagePreprocessing(8, 1))
    images = np.random.default_rng(0).random((32, 8, 8)) * 0.2
    images[::2, :4] += 0.7
    with torch.no_grad():
        for _ in range(30):  # so that its running statistics are those of such images
            encoder.train()(torch.from_numpy(images[:, None]).float())
    statistics = encoder.eval().body[0][1].running_mean.clone()
    model = FineTuning(encoder=encoder, layers=2, **QUICK).fit(images, [0, 1] * 16)
    assert model.score(images, [0, 1] * 16) > 0.9
    assert torch.equal(model.encoder_.body[0][1].running_mean, statistics)  # of a frozen layer
    model.save(tmp_path / "m")
    again = FineTuning.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict_proba(images), model.predict_proba(images))
    for each in (model, again):  # laid out as their inputs are
        assert each.encoder_.body[1][0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("settings", "X", "y", "says"),
    [
        ({"task": "tag"}, TEXTS, CLASSES, "did you mean 'tags'"),
        ({"layers": "al"}, TEXTS, CLASSES, "did you mean 'all'"),
        ({"layer_decay": 0}, TEXTS, CLASSES, "layer_decay"),
        ({"validation": 1}, TEXTS, CLASSES, "validation"),
        ({"epochs": 0}, TEXTS, CLASSES, "epochs"),
        ({"encoder": ""}, TEXTS, CLASSES, "name the encoder"),
        ({}, TEXTS, CLASSES[:3], "40"),
        ({}, TEXTS, [None] * 40, "no instance is labelled"),
        ({"task": "score"}, TEXTS, CLASSES, "needs numbers"),
        ({"task": "tags"}, TEXTS, TAGS, "is a string"),
        ({"task": "tags"}, WORDS, [tags[:-1] for tags in TAGS], "sentence 0 has 3 words but 2 tags"),
        ({"task": "span"}, [("q", "a context")], [("text", 0)], "does not stand at character 0"),
        ({"task": "span"}, TEXTS, CLASSES, "pairs"),
        ({"task": "span"}, ["ab"] * 40, [None] * 40, "pairs"),
        ({"layers": -1}, TEXTS, CLASSES, "layers must be a whole number of at least 0, got -1"),
        ({}, [("a", "b", "c")] * 40, CLASSES, "three texts; give one or two"),
    ],
)
def test_what_does_not_fit_is_an_error(encoder, settings, X, y, says):
    with pytest.raises(UnlabeledError, match=says):
        FineTuning(**{"encoder": encoder, **QUICK, **settings}).fit(X, y)


@pytest.mark.parametrize("task", ["class", "score"])
def test_as_many_texts_are_read_together_as_were_in_training(encoder, task, tmp_path):
    pairs, y = [(text, text) for text in TEXTS], [i % 2 for i in range(40)]
    quick = {**QUICK, "epochs": 1, "task": task}
    for learnt, other, told in (
        (TEXTS, pairs, "learnt to read single texts, and these are pairs of texts"),
        (pairs, TEXTS, "learnt to read pairs of texts, and these are single texts"),
    ):
        model = FineTuning(encoder=encoder, **quick).fit(learnt, y)
        model.save(tmp_path / "model")
        loaded = FineTuning.load(tmp_path / "model")
        assert loaded.predict(learnt).tolist() == model.predict(learnt).tolist()
        for fitted in (model, loaded):
            with pytest.raises(UnlabeledError, match=told):
                fitted.predict(other)
    for damage in (9, -1, "x", None, []):
        with pytest.raises(UnlabeledError, match="no number of texts"):
            TASKS[task]().restore({"classes": [0, 1], "mean": 0, "scale": 1, "texts": damage})


def test_tables_of_two_columns_are_no_pairs_of_texts():
    torch.manual_seed(0)
    frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [1.0, 0.0] * 20})
    encoder = make_encoder("mlp", VectorPreprocessing.measured(frame.to_numpy()))
    model = FineTuning(encoder=encoder, **QUICK).fit(frame, CLASSES)
    assert model.predict(frame.to_numpy()).tolist() == CLASSES


@pytest.mark.parametrize("task", ["class", "tags"])
def test_without_a_label_nothing_is_measured(classifier, tagger, task):
    model, X = (classifier, TEXTS) if task == "class" else (tagger, WORDS)
    with pytest.raises(UnlabeledError, match="nothing to measure by"):
        model.score(X, [None] * len(X))


@pytest.mark.parametrize("mark", ["B-X", "I-X", "E-X", "S-X", "L-X", "U-X"])
def test_of_marked_stretches_no_right_outside_tag_counts(mark):
    assert TASKS["tags"]().score([[mark, "O", "O"]], [["O", "O", "O"]]) == 0


def test_numbers_with_gaps_are_classes_and_settings_of_numpy_are_saved(encoder, tmp_path):
    numbers = np.array([1.0, 0.0] * 18 + [np.nan] * 4)  # how NumPy holds whole numbers some of which are missing
    settings = {**QUICK, "epochs": np.int64(8), "random_state": np.random.RandomState(0)}
    model = FineTuning(encoder=encoder, **settings).fit(TEXTS, numbers)
    right = (model.predict(TEXTS[:36]) == numbers[:36]).mean()
    assert model.score(TEXTS, numbers) == model.score(TEXTS[:36], [1, 0] * 18) == right > 0.5
    model.save(tmp_path / "m")
    loaded = unlabeled.load(tmp_path / "m")
    assert (loaded.epochs, loaded.random_state) == (8, None)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dropout": 1.5}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"precision": "fp16"}, "precision 'fp16'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(encoder, settings, says):
    with pytest.raises(UnlabeledError, match=says):
        FineTuning(**{"encoder": encoder, **QUICK, **settings}).fit(TEXTS, CLASSES)


def test_a_saved_device_that_is_not_here_is_any_other(classifier, tmp_path):
    classifier.save(tmp_path / "m")
    about = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps(about | {"device": "cuda:99"}))
    loaded = FineTuning.load(tmp_path / "m")
    assert loaded.device == "auto"
    assert loaded.score(TEXTS, CLASSES) == 1.0


def test_a_loaded_model_is_where_its_device_says(classifier, tmp_path, monkeypatch):
    classifier.save(tmp_path / "m")
    monkeypatch.setattr("unlabeled.methods.fewlabels.fine_tuning.choose_device", lambda name: torch.device("meta"))
    loaded = FineTuning.load(tmp_path / "m")
    assert {part.device.type for module in (loaded.encoder_, loaded.head_) for part in module.parameters()} == {"meta"}


def test_a_word_without_a_token_is_outside_of_all_entities(tagger):
    assert tagger.encoder_.preprocessing.tokenizer.encode_words(["\u200b"])[0].tolist() == []
    assert tagger.classes_[0] != "O"
    assert tagger.predict([["the", "\u200b", "runs"]])[0][1] == "O"


def test_what_tags_are_measured_by_has_its_name(encoder, tagger):
    assert tagger.task_.measure == "entity F1"
    speech = [["DET", "NOUN", "VERB"]] * 40
    model = FineTuning(encoder=encoder, task="tags", **{**QUICK, "epochs": 1, "validation": 0.5}).fit(WORDS, speech)
    assert set(model.history_[0]) == {"epoch", "loss", "accuracy"}


def test_marks_without_a_kind_are_stretches_too():
    truth, found = [["B", "I", "O", "O"]], [["B", "O", "O", "O"]]
    assert TASKS["tags"]().score(truth, truth) == 1.0
    assert TASKS["tags"]().score(truth, found) == 0.0  # three of four tags are right, the stretch is not


def test_padding_changes_nothing_in_the_loss_of_answers(encoder):
    task = TASKS["span"]()
    pairs = [("what barks", "the dog barks"), ("what barks", "the dog barks and the cat runs away from it")]
    _, made = task.prepare(pairs, encoder)
    targets, _, _ = task.learn([("dog", 4), ("cat", 22)], pairs, made)
    torch.manual_seed(0)
    scores = torch.randn(2, max(map(len, made[0].rows.rows)), 2)
    short = len(made[0].rows.rows[0])
    assert short < scores.shape[1]
    alone = task.loss(scores[:1, :short], targets[:1])
    assert task.loss(scores[:1], targets[:1]) == pytest.approx(alone.item(), rel=1e-6)
    wanted = [int(place) for place in targets[0][:2]]
    logs = scores[0, :short].log_softmax(0)
    assert alone.item() == pytest.approx(-(logs[wanted[0], 0] + logs[wanted[1], 1]).item() / 2, rel=1e-5)
    scores.requires_grad_()
    task.loss(scores, targets).backward()
    assert (scores.grad[0, short:] == 0).all()


def press_ctrl_c(monkeypatch, step):
    """Press Ctrl-C in a step, the first of which is 1."""
    forward, seen = FineTuning._forward, []

    def watched(self, *given):
        seen.append(given)
        if len(seen) == step:
            signal.raise_signal(signal.SIGINT)
        return forward(self, *given)

    monkeypatch.setattr(FineTuning, "_forward", watched)


SHORT = {**QUICK, "epochs": 3, "batch_size": 8, "validation": 0}
"""Five steps an epoch, or three where a quarter is held out."""


@pytest.mark.parametrize(("validation", "steps"), [(0, (6, 8, 11)), (0.25, (4, 5, 7))])
def test_an_interrupted_model_is_that_of_the_best_or_last_epoch(encoder, validation, steps, monkeypatch, tmp_path):
    found = []  # twice in the second epoch, once in the third
    for step in steps:
        model = FineTuning(encoder=encoder, **{**SHORT, "validation": validation})
        with monkeypatch.context() as patch:
            press_ctrl_c(patch, step)
            with pytest.raises(KeyboardInterrupt, match=r"stopped after epoch \d of 3; the model keeps"):
                model.fit(TEXTS, CLASSES)
        assert not any(part.training for part in model.encoder_.modules())
        found.append(model.predict_proba(TEXTS))
        assert (model.predict_proba(TEXTS) == found[-1]).all()
        model.save(tmp_path / "m")
        assert (FineTuning.load(tmp_path / "m").predict_proba(TEXTS) == found[-1]).all()
    measured = [entry.get("accuracy", entry["epoch"]) for entry in model.history_]  # without a measure the last is best
    assert len(measured) == 2
    assert (found[0] == found[1]).all()
    assert (found[1] != found[2]).any() == (measured[1] > measured[0])


def test_a_fault_leaves_the_last_whole_epoch_too(encoder, monkeypatch):
    stopped, broken = (FineTuning(encoder=encoder, **SHORT) for _ in range(2))
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 6)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(TEXTS, CLASSES)
    rates = iter([set_linear_rate] * 7)  # a step takes one, and there is none for the third of the second epoch
    monkeypatch.setattr(fine_tuning, "set_linear_rate", lambda *given: next(rates)(*given))
    with pytest.raises(StopIteration):
        broken.fit(TEXTS, CLASSES)
    assert (stopped.predict_proba(TEXTS) == broken.predict_proba(TEXTS)).all()


def test_before_the_first_epoch_is_over_there_is_no_model(encoder, monkeypatch, tmp_path):
    model = FineTuning(encoder=encoder, **SHORT).fit(TEXTS, CLASSES)
    press_ctrl_c(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt, match="before the first epoch was over; there is no model"):
        model.set_params(checkpoint=str(tmp_path / "c")).fit(TEXTS, CLASSES)
    for use in (lambda: model.predict(TEXTS), lambda: model.score(TEXTS, CLASSES), lambda: model.save(tmp_path / "m")):
        with pytest.raises(NotFittedError):
            use()
    with pytest.raises(UnlabeledError, match="holds no checkpoint to resume from"):
        model.fit(TEXTS, CLASSES, resume=True)


def test_a_fit_that_is_refused_leaves_no_head_of_another_encoder(encoder):
    model = FineTuning(encoder=encoder, **SHORT).fit(TEXTS, CLASSES)
    with pytest.raises(UnlabeledError, match="at least two classes"):
        model.fit(TEXTS, ["dog"] * 40)
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)


def state_of(model):
    parts = {"encoder": model.encoder_, "head": model.head_}
    return {f"{name} {key}": value for name, part in parts.items() for key, value in part.state_dict().items()}


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({"layers": "all"}, 12),
        ({"layers": "all"}, 6),
        ({"layers": 1, "validation": 0.25, "patience": 5}, 7),
        ({"layers": "none", "learning_rate": 5e-5, "validation": 0.25, "patience": 5}, 5),
        ({"task": "tags"}, 7),
        ({"task": "score", "dropout": 0.5}, 8),
    ],
)
def test_a_resumed_training_is_the_training_that_was_not_interrupted(encoder, settings, step, monkeypatch, tmp_path):
    task = settings.get("task", "class")
    X, y = (WORDS, TAGS) if task == "tags" else (TEXTS, CLASSES if task == "class" else [float(i) for i in range(40)])
    made = {"encoder": encoder, **SHORT, **settings}
    whole = FineTuning(**made).fit(X, y)
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, step)
        with pytest.raises(KeyboardInterrupt, match=r"saved in .*resume=True"):
            FineTuning(**made, checkpoint=str(tmp_path)).fit(X, y)
    torch.manual_seed(step)  # what is drawn elsewhere does not matter
    resumed = FineTuning(**made, checkpoint=tmp_path).fit(X, y, resume=True)
    assert resumed.history_ == whole.history_
    assert resumed.provenance_["training"] == whole.provenance_["training"]
    states = state_of(whole), state_of(resumed)
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(states[1][name], value), name


def test_the_seed_is_resumed_and_another_run_is_not(encoder, monkeypatch, tmp_path):
    made = {**SHORT, "random_state": None, "checkpoint": str(tmp_path)}
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 6)
        stopped = FineTuning(encoder=encoder, **made)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(TEXTS, CLASSES)
    other = copy.deepcopy(encoder)
    next(other.parameters()).data += 1
    for changed, X, y, named in (
        ({"learning_rate": 1.0}, TEXTS, CLASSES, "learning_rate"),
        ({}, TEXTS[::-1], CLASSES, "data"),
        ({}, TEXTS, CLASSES[::-1], "labels"),
        ({"encoder": other}, TEXTS, CLASSES, "weights of the encoder"),
    ):
        with pytest.raises(UnlabeledError, match=f"of another run: {named} was"):
            FineTuning(**{"encoder": encoder, **made, **changed}).fit(X, y, resume=True)
    with pytest.raises(UnlabeledError, match="needs the folder of the checkpoint"):
        FineTuning(encoder=encoder, **SHORT).fit(TEXTS, CLASSES, resume=True)
    resumed = FineTuning(encoder=encoder, **made).fit(TEXTS, CLASSES, resume=True)
    assert resumed.provenance_["training"]["seed"] == stopped.provenance_["training"]["seed"]
    assert resumed.history_[:1] == stopped.history_


def test_weights_that_are_no_numbers_after_the_last_step_are_told(encoder, monkeypatch):
    step = torch.optim.AdamW.step

    def breaks(self, *given):
        step(self, *given)
        self.param_groups[0]["params"][0].data.fill_(float("nan"))

    monkeypatch.setattr(torch.optim.AdamW, "step", breaks)
    with pytest.raises(DivergenceError, match="weights are no longer finite in epoch 1"):
        FineTuning(encoder=encoder, **{**SHORT, "epochs": 1, "batch_size": 40}).fit(TEXTS, CLASSES)


@pytest.mark.parametrize(
    ("task", "kind"), [("class", "classifier"), ("score", "regressor"), ("tags", None), ("span", None)]
)
def test_scikit_learn_knows_what_it_predicts(task, kind):
    tags = get_tags(FineTuning(task=task))
    assert tags.estimator_type == kind
    assert (tags.classifier_tags is not None, tags.regressor_tags is not None) == (task == "class", task == "score")
    assert tags.target_tags.required


def test_labels_in_order_of_their_classes_are_cross_validated(encoder):
    order = np.argsort(CLASSES, kind="stable")
    texts, labels = [TEXTS[i] for i in order], [CLASSES[i] for i in order]
    scores = cross_val_score(FineTuning(encoder=encoder, **{**QUICK, "epochs": 2}), texts, labels, cv=2)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("task", TASKS)
def test_labels_are_required(encoder, classifier, tagger, task):
    X = {"tags": WORDS, "span": [("what barks", text) for text in TEXTS]}.get(task, TEXTS)
    with pytest.raises(UnlabeledError, match="FineTuning requires y to be passed, but the target y is None"):
        FineTuning(encoder=encoder, task=task, **QUICK).fit(X, None)
    model = tagger if task == "tags" else classifier
    with pytest.raises(UnlabeledError, match="requires y to be passed"):
        model.score(X, None)


@pytest.mark.parametrize("pair", [5, None, "text", {"question": "a", "context": "b"}, ("a", 5), ("a", "b", "c")])
def test_what_is_no_question_is_refused(encoder, pair):
    with pytest.raises(UnlabeledError, match=r"takes pairs \(question, context\) of strings"):
        FineTuning(encoder=encoder, task="span", **QUICK).fit([pair], [None])


@pytest.mark.parametrize("y", [np.linspace(0, 1, 40), [None, 0.5, *[1.0, 2.0] * 19]])
def test_quantities_are_no_classes(encoder, y):
    with pytest.raises(UnlabeledError, match=r"is a quantity and no class; .* FineTuning\(task='score'\)"):
        FineTuning(encoder=encoder, **QUICK).fit(TEXTS, y)


def test_a_number_that_is_missing_is_left_out_and_minus_one_is_a_number(encoder):
    task = TASKS["score"]()
    _, _, known = task.learn([1.0, "", " ", pd.NA, None, float("nan"), -1, "2.5"], None, 8)
    assert known == [1.0, None, None, None, None, None, -1.0, 2.5]
    task.check(known)
    with pytest.raises(UnlabeledError, match="at least two numbers to learn from"):
        task.check([1.0, None])
    model = FineTuning(encoder=encoder, task="score", **{**QUICK, "epochs": 1}).fit(TEXTS, np.arange(40.0))
    with pytest.raises(UnlabeledError, match="a correlation needs at least two instances"):
        model.score(TEXTS[:2], [1.0, None])
    with pytest.raises(UnlabeledError, match="nothing to measure by"):
        model.score(TEXTS[:2], [None, ""])


def test_an_empty_answer_is_no_answer(encoder):
    questions = [("who barks", text) for text in TEXTS]
    answers = [("dog", text.index("dog")) if "dog" in text else None for text in TEXTS]
    empty = [answer or {"text": [""], "answer_start": [0]} for answer in answers]
    tasks = [TASKS["span"](), TASKS["span"]()]
    _, made = tasks[0].prepare(questions, encoder)
    learnt = [task.learn(y, questions, made) for task, y in zip(tasks, (answers, empty), strict=True)]
    assert tasks[1].unanswerable
    assert learnt[0][2] == learnt[1][2]
    np.testing.assert_array_equal(learnt[0][0], learnt[1][0])


@pytest.mark.parametrize(
    ("task", "X", "y"),
    [("class", TEXTS, CLASSES), ("class", [(text, text) for text in TEXTS], CLASSES), ("tags", WORDS, TAGS)],
)
def test_a_saved_encoder_says_where_it_comes_from(encoder, task, X, y, tmp_path):
    model = FineTuning(encoder=encoder, task=task, **{**QUICK, "epochs": 1}).fit(X, y)
    model.save(tmp_path / "m")
    about = json.loads((tmp_path / "m" / "encoder.json").read_text())
    assert about["recipe"]["method"] == "fine_tuning"
    assert about["recipe"]["encoder"]["encoder"] == json.loads(json.dumps(encoder.describe()))
    assert about["training"] == {"seed": np.random.RandomState(0).randint(2**31), "steps": 2}
    assert (about["data"]["kind"], about["data"]["rows"]) == ("text", 40)
    assert {"transformers", "tokenizers"} <= about["versions"].keys()
    other = FineTuning(encoder=encoder, task=task, **{**QUICK, "epochs": 1}).fit([*X[1:], X[0]], [*y[1:], y[0]])
    assert other.provenance_["data"]["fingerprint"] != about["data"]["fingerprint"]
    FineTuning.load(tmp_path / "m").save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "encoder.json").read_text()) == about


def test_a_loaded_model_of_an_encoder_without_a_name_cannot_be_fitted_again(classifier, tmp_path):
    classifier.save(tmp_path / "m")
    loaded = FineTuning.load(tmp_path / "m")
    with pytest.raises(UnlabeledError, match="name the encoder: a run"):
        loaded.fit(TEXTS, CLASSES)


@pytest.mark.parametrize("layers", ["none", "0", 0])
@pytest.mark.parametrize("idle", [{"dropout": 0.5}, {"learning_rate": 1e-2}, {"layer_decay": 0.5}])
def test_settings_of_an_encoder_that_is_not_trained_are_refused(encoder, layers, idle):
    with pytest.raises(UnlabeledError, match=f"^{next(iter(idle))}=.* is for an encoder that is trained, and layers="):
        FineTuning(encoder=encoder, layers=layers, **idle).fit(TEXTS, CLASSES)


@pytest.mark.parametrize("layers", ["last", "1", 1])
def test_a_decay_over_one_layer_is_refused(encoder, layers):
    with pytest.raises(UnlabeledError, match=r"^layer_decay=0\.5 is for several layers"):
        FineTuning(encoder=encoder, layers=layers, layer_decay=0.5).fit(TEXTS, CLASSES)
