"""Memory of embedding: bounded by batches, caches and vectors, whatever the number of images."""

import io
import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unlabeled import SimCLR
from unlabeled.data import Images
from unlabeled.encoders import MLP, embed
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.runs import learn

SIZE = 64


def encoded(seed):
    """A picture as noisy as a photograph, some 8 kB as a PNG."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((SIZE, SIZE))
    noisy = np.asarray(coarse).astype(int) + rng.integers(-8, 9, (SIZE, SIZE, 3))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def peak_of_embedding(folder, encoder, batch_size):
    """Give the most bytes that Python and NumPy held while a folder was embedded without a cache of pixels."""
    tracemalloc.start()
    try:
        prepared = Images(folder).prepare(SIZE, cache_bytes=0, workers=2)
        vectors = embed(encoder, prepared, batch_size=batch_size)
        assert len(vectors) == len(prepared)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_pixels_of_few_batches_are_in_memory_whatever_the_size_of_the_folder(tmp_path):
    picture, batch, pixels = encoded(0), 16, 3 * SIZE * SIZE
    (tmp_path / "picture.png").write_bytes(picture)
    encoder = MLP(ImagePreprocessing(SIZE), dim=8)
    peaks = {}
    for count in (100, 200, 800):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            os.link(tmp_path / "picture.png", folder / f"{number:04d}.png")
        peaks[count] = peak_of_embedding(folder, encoder, batch)  # the first also pays for what is imported
    # Of an image more there may be its names, its place and its vector, together far less than its pixels.
    assert peaks[800] - peaks[200] < 600 * pixels / 8
    # One batch is at work and two are fetched ahead; beside them are images being decoded and the names.
    assert peaks[800] < 4 * batch * pixels + 800 * pixels / 8


CHILD = textwrap.dedent("""
    import sys
    from pathlib import Path
    from unlabeled.cli.main import app
    app(sys.argv[1:], standalone_mode=False)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(status["VmHWM"].split()[0])
""")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory where Linux tells it")
def test_embedding_50_000_small_images_holds_under_1536_mib(tmp_path):
    """Of the largest size that counts as small, from a file larger than the cache of row groups, by the real command.

    The child's own high-water mark is read, not `ru_maxrss`, which starts from that of the process that forked it.
    """
    pictures = [encoded(seed) for seed in range(100)]
    run = learn(
        [Image.open(io.BytesIO(picture)) for picture in pictures[:32]],
        tmp_path / "run",
        SimCLR(epochs=1, batch_size=32, size=SIZE, random_state=0, progress=False),
    )
    schema = pa.schema({"image": pa.struct({"bytes": pa.binary(), "path": pa.string()})})
    with pq.ParquetWriter(tmp_path / "many.parquet", schema, compression="none", use_dictionary=False) as writer:
        for group in range(50):
            rows = [{"bytes": pictures[i % 100], "path": f"{group:02d}/{i:04d}.png"} for i in range(1000)]
            writer.write_table(pa.table({"image": rows}, schema))
    assert (tmp_path / "many.parquet").stat().st_size > 300e6
    command = [sys.executable, "-c", CHILD, "embed", run.folder, tmp_path / "many.parquet", "--out"]
    words = [*map(str, command), str(tmp_path / "vectors.parquet")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert "50,000 vectors" in done.stdout
    peak = int(done.stdout.split()[-1]) / 1024
    assert peak < 1536, f"{peak:.0f} MiB"
    # It is also more than the pixels alone, so what was measured is the process that did the work.
    assert peak > 50_000 * 3 * SIZE * SIZE / 2**20
