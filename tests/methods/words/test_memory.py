"""What training words takes of memory, measured in a process of its own.

Measured is memory that belongs to the process alone (RssAnon): pages mapped from the file of the encoded text can be
given back at any time, and are the 4 bytes a word that are promised.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc"),
]

MIB = 1 << 20
WORDS, SENTENCE, KINDS, DIM = 20_000_000, 1000, 50_000, 64

WATCH = """
import json, sys, threading, time
from pathlib import Path
from unlabeled import Corpus, GloVe, SkipGram, cooccurrence

def private():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])

most, over = 0, False
def watch():
    global most
    while not over:
        most = max(most, private())
        time.sleep(0.005)

def peak(act):
    global over
    start = private()
    thread = threading.Thread(target=watch)
    thread.start()
    result = act()
    over = True
    thread.join()
    return most - start, result
"""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("memory") / "text.txt"
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for _ in range(0, WORDS, SENTENCE):
            numbers = (KINDS * rng.random(SENTENCE) ** 3).astype(int).tolist()  # some words are frequent
            file.write(" ".join(f"w{number}" for number in numbers) + "\n")
    return path


def measured(program: str, folder: Path) -> dict[str, int]:
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", WATCH + program]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(out.stdout)


def test_training_takes_the_two_matrices_and_200_mb_beside_the_encoded_text(text: Path):
    found = measured(
        f"""
SkipGram(dim=16, min_count=1, progress=False).fit([["a", "b"]])
fit = SkipGram(dim={DIM}, min_count=1, window=1, negatives=1, epochs=1, progress=False, workers=2).fit
grown, model = peak(lambda: fit(Path({str(text)!r})))
print(json.dumps({{"grown": grown, "words": len(model.vectors_), "tokens": model.provenance_["data"]["tokens"]}}))
""",
        text.parent,
    )
    assert found["tokens"] == WORDS
    matrices = 2 * found["words"] * DIM * 4
    # Text and training together, from before the file is opened: the words themselves are within the 200 MB too.
    assert found["grown"] < matrices + 200 * MIB


def test_counting_takes_the_memory_it_is_given(text: Path):
    found = measured(
        f"""
corpus = Corpus.encode(Path({str(text)!r}), progress=False)
cooccurrence([["a", "b"]])
grown, X = peak(lambda: cooccurrence(corpus, window=2, memory="64MB", workers=2))
print(json.dumps({{"grown": grown, "nonzeros": X.nnz}}))
""",
        text.parent,
    )
    assert 12 * found["nonzeros"] > 2 * 64 * MIB  # the result alone is larger than that, and is in a file
    # Beside the 64 MB: two arrays of up to 32 MiB, the dense rows of two threads, and what the allocator keeps.
    assert found["grown"] < (64 + 2 * 32 + 32) * MIB
