"""The corpus: the rules that make it, its checks, and the batches cut from it."""

import hashlib
import zipfile

import numpy as np
import pytest

from bayes_scaling.errors import SweepError
from bayes_scaling.sweep.training import corpus
from bayes_scaling.sweep.training.batches import Batches, validation_windows

FILES = [f"x = {number}\n".encode() * 60 for number in range(200)]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A recipe of one wheel that lies in the folder, and the folder."""
    wheel = tmp_path / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for number, content in enumerate(FILES):
            archive.writestr(f"small/{number}.py", content)
        archive.writestr("small/data.txt", b"not source" * 100)
        archive.writestr("small/tiny.py", b"x")
    train, validation = corpus.assemble(FILES, 0.1)
    entry = {"name": "small", "version": "1.0", "file": wheel.name}
    recipe = {
        "wheels": [entry | {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
        "smallest_file": 256,
        "largest_file": 10_000,
        "validation_share": 0.1,
        "train_bytes": len(train),
        "sha256": hashlib.sha256(train + validation).hexdigest(),
    }
    monkeypatch.setattr(corpus, "corpus_recipe", lambda: recipe)
    return tmp_path, recipe


def test_files_stand_once_in_either_part():
    train, validation = corpus.assemble(FILES + FILES[:50], 0.1)
    parts = train.split(b"\0")[:-1], validation.split(b"\0")[:-1]
    assert sorted(parts[0] + parts[1]) == sorted(FILES)
    assert 5 <= len(parts[1]) <= 40  # about a tenth of 200
    assert corpus.assemble(FILES[::-1], 0.1) == (train, validation)  # whatever the order they come in


def test_the_corpus_is_built_from_wheels_and_kept(small):
    folder, recipe = small
    built = corpus.load_corpus(folder)
    assert built.train.tobytes() + built.validation.tobytes() == (folder / "corpus.bin").read_bytes()
    assert len(built.train) == recipe["train_bytes"]
    (folder / recipe["wheels"][0]["file"]).unlink()
    np.testing.assert_array_equal(corpus.load_corpus(folder).train, built.train)  # not asked for again


def test_a_changed_corpus_is_refused(small):
    folder, _ = small
    corpus.load_corpus(folder)
    content = bytearray((folder / "corpus.bin").read_bytes())
    content[1000] ^= 1
    (folder / "corpus.bin").write_bytes(content)
    with pytest.raises(SweepError, match=r"corpus\.bin: not the corpus of the sweep"):
        corpus.load_corpus(folder)


def test_a_changed_wheel_is_refused_and_nothing_is_written(small):
    folder, recipe = small
    wheel = folder / recipe["wheels"][0]["file"]
    wheel.write_bytes(wheel.read_bytes() + b" ")
    with pytest.raises(SweepError, match=r"whl: SHA-256 .* is not"):
        corpus.load_corpus(folder)
    assert not (folder / "corpus.bin").exists()


def test_a_wheel_that_cannot_be_fetched_says_what_to_do(small, monkeypatch):
    folder, recipe = small
    (folder / recipe["wheels"][0]["file"]).unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SweepError, match=r"small==1\.0 could not be fetched .*put small-1\.0.*into"):
        corpus.load_corpus(folder)


def test_the_recipe_is_pinned_and_licensed():
    recipe = corpus.corpus_recipe()
    assert recipe["train_bytes"] > 20e6
    for wheel in recipe["wheels"]:
        assert len(wheel["sha256"]) == 64 and wheel["licence"]
        assert wheel["file"].startswith(f"{wheel['name']}-{wheel['version']}-py3-none-any")


def test_windows_come_once_and_follow_each_other():
    text = np.arange(20 * 8 + 1).astype(np.uint8)
    batches = Batches(text, context_length=8, windows=4, seed=1)
    windows = batches.take(0, batches.steps)
    assert windows.shape == (5, 4, 9)
    assert sorted(windows[..., 0].ravel()) == [8 * number for number in range(20)]
    np.testing.assert_array_equal(np.diff(windows, axis=-1), 1)
    np.testing.assert_array_equal(batches.take(2, 2), windows[2:4])
    assert not np.array_equal(windows, Batches(text, 8, 4, seed=2).take(0, 5))


def test_a_text_that_ends_too_early_is_an_error():
    text = np.zeros(100, np.uint8)
    with pytest.raises(SweepError, match="beyond the 3 that the corpus holds once"):
        Batches(text, 8, 4, 0).take(2, 2)
    with pytest.raises(SweepError, match="hold 0 windows of 128"):
        Batches(text, 128, 1, 0)
    with pytest.raises(SweepError, match="no whole windows of 24"):
        validation_windows(text, 24, 80)


def test_every_context_length_is_measured_on_the_same_bytes():
    text = np.random.default_rng(0).integers(0, 256, 1025).astype(np.uint8)
    for length in (32, 128, 512):
        windows = validation_windows(text, length, 1024)
        np.testing.assert_array_equal(windows[:, 1:].ravel(), text[1:])
