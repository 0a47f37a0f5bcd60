"""Files as data sets; each fault names its file, its row and its column."""

from __future__ import annotations

import itertools
import json
import struct
import wave
import zlib
from pathlib import Path

import pytest
import torch

from pymodel.schema import DataSettings, PyModelError
from pymodel.train.data.load import find_kind, read_files
from pymodel.train.data.loaders import make_data
from pymodel.train.data.order import EpochBatches
from pymodel.train.data.text import Characters


def read(path: Path, **settings: object) -> list[tuple[torch.Tensor, ...]]:
    kind = find_kind(path.name, path.parent)
    dataset = read_files(kind, path, DataSettings(path.name, **settings))  # type: ignore[arg-type]
    return [dataset[index] for index in range(len(dataset))]


def write_png(path: Path, red: int) -> None:
    """4 by 6 pixels of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes((red, 0, 0)) * 4) * 6
    header = struct.pack(">IIBBBBB", 4, 6, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def write_wav(path: Path, samples: int, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack("<hh", 16384, -8192) * samples)


def test_tables_are_numbers_and_classes(tmp_path: Path) -> None:
    csv = tmp_path / "a.csv"
    csv.write_text("size,weight,kind\n1,10,cat\n3,30,dog\n5,50,cat\n")
    items = read(csv)
    assert [int(target) for _, target in items] == [0, 1, 0]
    assert [round(float(x[0]), 3) for x, _ in items] == [-1.0, 0.0, 1.0]
    assert read(csv, inputs=("size",), target="weight")[0][1].dtype == torch.int64
    jsonl = tmp_path / "a.jsonl"
    jsonl.write_text("".join(json.dumps({"a": n, "b": n + 0.5}) + "\n" for n in range(4)))
    assert [float(target) for _, target in read(jsonl)] == [0.5, 1.5, 2.5, 3.5]
    assert read(jsonl)[0][1].shape == (1,)


@pytest.mark.parametrize(
    ("name", "text", "words", "line"),
    [
        ("a.csv", "a,b\n1,2\nx,4\n", "Row 2, column `a`: 'x' is no number", 3),
        ("a.csv", "a,b\n1,2\n,4\n", "Row 2, column `a`: nothing is no number", 3),
        ("a.csv", "a,b\n1,2\nnan,4\n", "Row 2, column `a`: nan cannot be learned from", 3),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "This row has 3 values, and there are 2 columns", 3),
        ("a.csv", "a,b\n", "no rows", None),
        ("a.tsv", "a\tb\n1\t2\n\ty\n", "Row 2, column `a`", 3),
        ("a.jsonl", '{"a": 1, "b": 2}\n{"a": }\n', "no JSON", 2),
        ("a.jsonl", '{"a": 1, "b": 2}\n{"a": 1}\n', "other keys", 2),
        ("a.jsonl", '{"a": 1, "b": 2}\n{"a": "?", "b": 1}\n', "Row 2, column `a`", 2),
        ("a.npz", "no arrays", "cannot be read", None),
        ("a.pt", "no arrays", "cannot be read", None),
        ("a.txt", "short", "has 5 characters", None),
    ],
)
def test_faults_name_file_row_and_column(tmp_path: Path, name: str, text: str, words: str, line: int | None) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PyModelError) as caught:
        read(tmp_path / name)
    assert words in caught.value.message
    assert caught.value.path == str(tmp_path / name)
    assert caught.value.line == line


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PyModelError, match="no column `c`: it has a, b"):
        read(tmp_path / "a.csv", target="c")
    (tmp_path / "b.txt").write_bytes(b"good\nb\xff")
    with pytest.raises(PyModelError, match="UTF-8") as caught:
        read(tmp_path / "b.txt")
    assert caught.value.line == 2


def test_arrays_and_volumes(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    numpy.savez(tmp_path / "a.npz", x=numpy.zeros((5, 1, 4, 4, 4)), y=numpy.arange(5, dtype="int32"))
    volume, label = read(tmp_path / "a.npz")[3]
    assert (volume.shape, volume.dtype, int(label), label.dtype) == ((1, 4, 4, 4), torch.float32, 3, torch.int64)
    torch.save({"image": torch.full((5, 2, 2), 255, dtype=torch.uint8), "target": torch.rand(5)}, tmp_path / "a.pt")
    image, target = read(tmp_path / "a.pt")[0]
    assert float(image.max()) == 1.0
    assert target.is_floating_point()
    torch.save({"x": torch.zeros(3), "y": torch.zeros(4)}, tmp_path / "b.pt")
    with pytest.raises(PyModelError, match="different lengths: x 3, y 4"):
        read(tmp_path / "b.pt")
    with pytest.raises(PyModelError, match="no array `z`"):
        read(tmp_path / "a.pt", target="z")


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "canary",))

    torch.save({"x": Payload()}, tmp_path / "a.pt")
    with pytest.raises(PyModelError, match="cannot be read"):
        read(tmp_path / "a.pt")
    assert not (tmp_path / "canary").exists()


def test_text_is_learned_character_by_character(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello world " * 5)
    codes, following = read(tmp_path / "a.txt", sequence_length=7)[1]
    assert codes[1:].equal(following[:-1])
    vocabulary = Characters("hello world")
    assert vocabulary.decode(vocabulary.encode("hold")) == "hold"
    assert vocabulary.encode("é").tolist() == [0]
    for kind, words in (("good", "fine"), ("bad", "awful")):
        (tmp_path / "all" / kind).mkdir(parents=True)
        (tmp_path / "all" / kind / "1.txt").write_text(words)
    items = read(tmp_path / "all", sequence_length=4)
    assert [(len(codes), int(label)) for codes, label in items] == [(4, 0), (4, 1)]


def test_audio_in_folders(tmp_path: Path) -> None:
    write_wav(tmp_path / "s/a/1.wav", 100)
    write_wav(tmp_path / "s/b/1.wav", 60)
    items = read(tmp_path / "s")
    assert [(sound.shape, int(label)) for sound, label in items] == [((1, 100), 0), ((1, 100), 1)]
    assert float(items[0][0][0, 0]) == pytest.approx(0.125)
    assert items[1][0][0, 60:].eq(0).all()
    write_wav(tmp_path / "s/b/2.wav", 60, rate=4000)
    with pytest.raises(PyModelError, match="4000 samples a second, and the first file 8000") as caught:
        read(tmp_path / "s")
    assert caught.value.path == str(tmp_path / "s/b/2.wav")


def test_images_and_pairs(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for name, red in (("cat", 255), ("dog", 51)):
        write_png(tmp_path / "images" / name / "1.png", red)
        write_png(tmp_path / "pairs" / f"{name}.png", red)
        (tmp_path / "pairs" / f"{name}.txt").write_text(name)
    items = read(tmp_path / "images")
    assert [(image.shape, round(float(image[0].mean()), 3), label) for image, label in items] == [
        ((3, 4, 4), 1.0, 0),
        ((3, 4, 4), 0.2, 1),
    ]
    image, codes, target = read(tmp_path / "pairs", sequence_length=5, image_size=8)[1]
    assert (image.shape, len(codes), int(target)) == ((3, 8, 8), 5, 1)
    (tmp_path / "images/cat/2.png").write_bytes(b"no image")
    with pytest.raises(PyModelError, match="no image"):
        read(tmp_path / "images")


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_text("")
    with pytest.raises(PyModelError, match=r"cannot be told: it has \.exe"):
        find_kind("a.exe", tmp_path)
    with pytest.raises(PyModelError, match="There is no `b`"):
        find_kind("b", tmp_path)


def test_the_split_is_a_matter_of_the_seed() -> None:
    dataset = torch.utils.data.TensorDataset(torch.arange(100), torch.arange(100))

    def parts(seed: int) -> list[list[int]]:
        data = make_data(dataset, DataSettings("x"), seed)
        loaders = (data.train, data.validation, data.test)
        sets = [loader.dataset for loader in loaders if loader is not None]
        return [sorted(int(each[index][0]) for index in range(len(each))) for each in sets]  # type: ignore[arg-type]

    first = parts(0)
    assert [len(part) for part in first] == [80, 10, 10]
    assert sorted(itertools.chain(*first)) == list(range(100))
    assert parts(0) == first
    assert parts(1) != first


def test_the_order_can_be_gone_to_and_shared() -> None:
    order = EpochBatches(21, 4, seed=3)
    whole = list(order)
    assert [len(batch) for batch in whole] == [4] * 5  # a last one of 1 is left out
    order.skip = 3
    assert list(order) == whole[3:]
    shares = [list(EpochBatches(21, 4, seed=3, rank=rank, processes=2)) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(batch) for batch in whole]
    order.skip, order.epoch = 0, 1
    assert list(order) != whole
