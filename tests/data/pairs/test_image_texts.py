from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from unlabeled.data.pairs import ImageTexts
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing, Settings, modality, open_instances, open_source

CAPTIONS = ["a black square", "a grey square", "a white square"]


def picture(number: int) -> Image.Image:
    return Image.new("RGB", (12, 12), (120 * number,) * 3)


def encoded(number: int) -> bytes:
    buffer = io.BytesIO()
    picture(number).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    for number, caption in enumerate(CAPTIONS):
        picture(number).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(caption + "\n", encoding="utf-8")
    return tmp_path


def shades(pairs: ImageTexts) -> list[int]:
    return [pairs.images.decode(int(i)).getpixel((0, 0))[0] // 120 for i in pairs.image_of]


def test_a_folder_with_texts_beside_images(folder):
    (folder / "1.txt").write_text("a grey square\n\nnot black\n")
    pairs = ImageTexts(folder)
    assert pairs.captions == ["a black square", "a grey square", "not black", "a white square"]
    assert shades(pairs) == [0, 1, 1, 2]
    assert pairs.ids == ["0.png", "1.png", "1.png#2", "2.png"]


def test_texts_without_an_image_are_told(folder):
    assert ImageTexts(folder).remarks == ()
    for name in ("later.txt", "earlier.txt"):
        (folder / name).write_text("the image is missing")
    (folder / "3.xcf").touch()
    assert ImageTexts(folder).remarks == (
        "2 text files without an image of that name left out, such as earlier.txt",
        f"1 file of {folder} left out, for they are no images or captions: 1 .xcf",
    )


def test_tables_name_images_by_path(folder):
    (folder / "t.csv").write_text("path,caption,label\n2.png,white,x\n0.png,black,y\n2.png,bright,x\n")
    pairs = ImageTexts(folder / "t.csv")
    assert (pairs.captions, shades(pairs), len(pairs.images)) == (["white", "black", "bright"], [2, 0, 2], 2)
    assert (pairs.labels.tolist(), pairs.classes) == ([0, 1, 0], ["x", "y"])
    (folder / "t.jsonl").write_text(json.dumps({"file": "1.png", "text": "grey"}) + "\n")
    assert shades(ImageTexts(folder / "t.jsonl")) == [1]
    with pytest.raises(UnlabeledError, match="no column 'captoin'"):
        ImageTexts(folder / "t.csv", column="captoin")


def test_parquet_in_the_hugging_face_layout(tmp_path):
    images = [{"bytes": encoded(i), "path": f"{i}.png"} for i in range(3)]
    table = pa.table({"image": images, "title": CAPTIONS, "category": ["dark", "dark", "bright"]})
    pq.write_table(table, tmp_path / "t.parquet")
    pairs = ImageTexts(tmp_path / "t.parquet")
    assert (pairs.captions, shades(pairs), pairs.ids) == (CAPTIONS, [0, 1, 2], ["0.png", "1.png", "2.png"])
    assert pairs.classes == ["bright", "dark"]


def test_webdataset_shards(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number, caption in enumerate(CAPTIONS):
            beside = ("txt", caption.encode()) if number else ("json", json.dumps({"caption": caption}).encode())
            for suffix, content in (("png", encoded(number)), beside):
                info = tarfile.TarInfo(f"{number:04}.{suffix}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    for source in (tmp_path / "a.tar", tmp_path, [tmp_path / "a.tar"]):
        pairs = ImageTexts(source)
        assert (pairs.captions, shades(pairs), pairs.ids) == (CAPTIONS, [0, 1, 2], ["0000", "0001", "0002"])
    (tmp_path / "broken.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(UnlabeledError, match="tar file"):
        ImageTexts(tmp_path / "broken.tar")


def header(name: str, kind: bytes, size: int) -> bytes:
    """Write the header of a member; sizes beyond eleven octal digits are binary, as GNU tar writes them."""
    length = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + length + b"0" * 11 + b"\0"
    block += b" " * 8 + kind + b"\0" * 100 + b"ustar\x0000"
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


@pytest.mark.parametrize("kind", [b"0", b"x", b"g", b"L", b"K", b"S"])
@pytest.mark.parametrize("size", [8**11 - 1, 2**62, 2**80])
def test_a_shard_cannot_ask_for_more_bytes_than_it_has(tmp_path, kind, size):
    (tmp_path / "a.tar").write_bytes(header("0.txt", kind, size) + b"a caption".ljust(512, b"\0"))
    with pytest.raises(UnlabeledError, match=r"a\.tar"):
        ImageTexts(tmp_path / "a.tar")


def write_shard(path, members):
    """Write (name, content) in turn; a string starting with an arrow is a link, hard (=>) or symbolic (->)."""
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE if content[:2] == "=>" else tarfile.SYMTYPE, content[2:]
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def test_a_key_of_several_shards_is_of_several_pairs(tmp_path):
    for number, caption in enumerate(CAPTIONS):
        members = [("0.png", encoded(number)), (f"own{number}.png", encoded(0)), ("0.txt", caption.encode())]
        write_shard(tmp_path / f"{number}.tar", members[:2] if number == 2 else members)
    pairs = ImageTexts(tmp_path)
    assert pairs.ids == ["0.tar/0", "own0", "1.tar/0", "own1", "2.tar/0", "own2"]
    assert pairs.captions == ["a black square", "", "a grey square", "", "", ""]  # the last shard's has none
    assert shades(pairs) == [0, 0, 1, 0, 2, 0]


def test_what_shards_hold_beside_images_and_captions(tmp_path):
    records = [{"caption": None, "text": "grey"}, {"caption": None}, ["grey"], {"caption": ["light", "grey"]}]
    members = [(f"{i}.png", encoded(1)) for i in range(4)] + [
        (f"{i}.json", json.dumps(r).encode()) for i, r in enumerate(records)
    ]
    members += [("lost.txt", b"no image"), ("twin.png", "=>0.png"), ("twin.txt", b"twin"), ("out.png", "->/etc/x.png")]
    pairs = ImageTexts(write_shard(tmp_path / "a.tar", [*members, ("../up.png", encoded(2)), ("../up.txt", b"up")]))
    assert pairs.ids == ["0", "1", "2", "3", "twin", "../up"]
    assert pairs.captions == ["grey", "", "", "light, grey", "twin", "up"]
    assert shades(pairs) == [1, 1, 1, 1, 1, 2]
    assert pairs.remarks == ("1 text file without an image of that name left out, such as lost",)


@pytest.mark.parametrize("damage", ["header", "cut"])
def test_a_shard_that_is_damaged_in_the_middle_does_not_end_there(tmp_path, damage):
    path = write_shard(tmp_path / "a.tar", [(f"{i}.png", encoded(i)) for i in range(3)])
    whole = path.read_bytes()
    second = whole.index(b"1.png")
    path.write_bytes(whole[: second + 100] if damage == "cut" else whole[:second] + b"X" + whole[second + 1 :])
    with pytest.raises(UnlabeledError, match=r"a\.tar is damaged or cut off at byte"):
        ImageTexts(path)


def test_equal_images_of_several_rows_are_one(tmp_path):
    """As in tables with a row for each caption: they are no negatives, and stay together in a split."""
    images = [{"bytes": encoded(i), "path": None} for i in (0, 1, 0, 2)]
    pq.write_table(pa.table({"image": images, "text": ["black", "grey", "dark", "white"]}), tmp_path / "t.parquet")
    prepared, _ = open_instances(ImageTexts(tmp_path / "t.parquet"), Settings(size=8))
    picture = prepared.gather(torch.arange(4)).values.picture
    assert (picture[0] == picture[2]).item()
    assert len(picture.unique()) == 3
    assert modality("pair").groups(prepared).tolist() == picture.tolist()
    images = [{"bytes": encoded(i), "path": None} for i in range(3)]
    pq.write_table(pa.table({"image": images, "text": CAPTIONS}), tmp_path / "u.parquet")
    assert modality("pair").groups(open_instances(ImageTexts(tmp_path / "u.parquet"), Settings(size=8))[0]) is None


def test_a_sparse_member_is_no_caption(tmp_path):
    sparse = bytearray(header("0.txt", b"S", 512))
    sparse[386:410] = b"%011o\0%011o\0" % (0, 512)
    sparse[483:495] = b"%011o\0" % (8**11 - 1)  # its size once the holes are filled
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    (tmp_path / "a.tar").write_bytes(bytes(sparse) + b"a".ljust(512, b"\0") + b"\0" * 1024)
    with pytest.raises(UnlabeledError, match=r"8,589,934,591 bytes"):
        ImageTexts(tmp_path / "a.tar")


@pytest.mark.parametrize(
    ("source", "message"),
    [([], "not list"), ([("a.png", "x", "y")], "item 0"), (7, "not int"), ([(np.zeros((4, 4)), 3)], "item 0")],
)
def test_what_is_no_collection_of_pairs_is_refused(source, message):
    with pytest.raises(UnlabeledError, match=message):
        ImageTexts(source)


def test_folders_and_tables_without_captions_are_refused(folder):
    for text in folder.glob("*.txt"):
        text.unlink()
    with pytest.raises(UnlabeledError, match=r"a\.jpg needs a\.txt beside it"):
        ImageTexts(folder)
    (folder / "t.csv").write_text("path,size\n0.png,3\n")
    with pytest.raises(UnlabeledError, match="no column of captions"):
        ImageTexts(folder / "t.csv")
    (folder / "u.csv").write_text("name,caption\n0.png,black\n")
    with pytest.raises(UnlabeledError, match="no column of images"):
        ImageTexts(folder / "u.csv")


def test_prepared_pairs_leave_out_what_has_no_caption_or_no_image(folder):
    (folder / "t.csv").write_text(
        "path,caption\n2.png,white\n0.png,\nmissing.png,lost\n1.png, Grey  one \n1.png,grey ONE\n"
    )
    pairs = ImageTexts(folder / "t.csv")
    with pytest.raises(UnlabeledError, match=r"missing\.png"):
        open_instances(pairs)
    prepared, preprocessing = open_instances(pairs, Settings(size=8), on_error="skip")
    assert prepared.ids == ["2.png", "1.png", "1.png#2"]
    assert {(s.id, s.reason) for s in prepared.skipped} >= {("0.png", "it has no caption")}
    batch = prepared.gather(torch.tensor([2, 0]))
    assert batch.values.image.shape == (2, 3, 8, 8)
    assert batch.values.image[:, 0, 0, 0].tolist() == [120, 240]
    assert prepared.captions == ["white", " Grey  one ", "grey ONE"]
    every = prepared.gather(torch.arange(3)).values
    assert every.caption[1] == every.caption[2] != every.caption[0]
    assert every.picture[1] == every.picture[2] != every.picture[0]
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict()))) == preprocessing


def test_every_pair_that_is_left_out_is_named(folder):
    (folder / "t.csv").write_text("path,caption\n0.png,black\nlost.png,one\nlost.png,two\n,three\n,four\n1.png,grey\n")
    prepared, preprocessing = open_instances(ImageTexts(folder / "t.csv"), Settings(size=8), on_error="skip")
    assert prepared.ids == ["0.png", "1.png"]
    names = ["lost.png", "lost.png#2", "row 4 without an image", "row 5 without an image"]
    assert [each.id for each in prepared.skipped] == names
    again, _ = open_instances(folder / "t.csv", Settings(), preprocessing, "skip")  # not taken for vectors
    assert again.ids == prepared.ids


def test_one_half_alone(folder):
    _, preprocessing = open_instances(ImageTexts(folder), Settings(size=8))
    texts, _ = open_instances(["red", "blue"], Settings(), preprocessing)
    assert texts.gather(torch.arange(2)).values.image is None
    images, _ = open_instances([folder / "0.png"], Settings(), preprocessing)
    assert images.gather(torch.arange(1)).values.text is None
    query = modality("pair").open_query("a red car")
    assert (query.images, query.captions) == (None, ["a red car"])
    assert modality("pair").open_query(str(folder / "0.png")).captions is None


def test_a_list_of_images_with_captions_is_pairs():
    assert open_source([(picture(0), "black"), (picture(1), "grey")]).kind == "pair"
    assert open_source([("a question", "an answer")]).kind == "text"


def test_several_columns_make_one_caption(folder):
    table = {
        "image": [encoded(0), encoded(1), encoded(2)],
        "title": ["black", None, "white"],
        "keywords": [["dark", "night"], ["grey"], []],
    }
    pq.write_table(pa.table(table), folder / "t.parquet")
    assert ImageTexts(folder / "t.parquet", column="title,keywords").captions == ["black; dark, night", "grey", "white"]
    assert ImageTexts(folder / "t.parquet", column="keywords").captions == ["dark, night", "grey", ""]
    with pytest.raises(UnlabeledError, match="no column 'tags'"):
        ImageTexts(folder / "t.parquet", column="title, tags")
