"""``univar map`` of a bank of several languages and corpora: the paper's figures 1, 5 and 7."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_univar.banks import save_bank
from pytest_univar.building import build_bank
from pytest_univar.corpora import Corpus
from pytest_univar.encoding import load_encoder
from pytest_univar.maps.figure import COLOURS
from pytest_univar.values import Answer

from ..conftest import VOICES, Parts
from .test_cli import typed

pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra map)")

LANGUAGES = {"eng": ("English", "war"), "jpn": ("Japanese", "peace"), "spa": ("Spanish", "love")}
CORPORA = {"survey-pct": "pct", "survey-wvs": "wvs"}
FIGURES = {
    "language": ["English", "Japanese", "Spanish"],
    "corpus": ["survey-pct", "survey-wvs"],
    "llm": ["gpt-a", "gpt-b", "llama-a"],
}


def made_up(source: str, prefix: str) -> Corpus:
    """30 answers, in English, of each LLM in each language; a language adds a word of its own to each."""
    answers = (
        Answer(llm, language, f"{prefix}-{number}", f"should {prefix} people help {number}", f"{voice} {word} {number}")
        for llm, voice in VOICES.items()
        for language, (_, word) in LANGUAGES.items()
        for number in range(30)
    )
    return Corpus(source, tuple(answers), frozenset())


@pytest.fixture(scope="module")
def bank(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("banks") / "world"
    made = build_bank(
        [made_up(source, prefix) for source, prefix in CORPORA.items()],
        load_encoder(parts.encoder, device="cpu"),
        name="world",
        lambda_=5,
        schemes={},
        sources=[{"name": source, "licence": "none", "credit": "these tests"} for source in CORPORA],
    )
    save_bank(made, folder)
    return folder


def drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, bank: Path, *more: str
) -> tuple[dict[str, Any], bytes]:
    """What the command says of the file it wrote, and the file."""
    code, out, err = typed(monkeypatch, capsys, "map", bank, f"--cache={folder / 'cache'}", "--json", *more)
    assert (code, err) == (0, "")
    said = json.loads(out)
    return said, Path(said["output"]).read_bytes()


def coloured(png: bytes) -> list[int]:
    """How many pixels have each of the colours that groups are drawn in, in their order. Points are translucent: mostly
    these are the signs of the legend."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    return [
        int((np.abs(pixels - [int(colour[place : place + 2], 16) for place in (1, 3, 5)]).max(axis=2) <= 2).sum())
        for colour in COLOURS
    ]


@pytest.mark.parametrize("by", FIGURES)
def test_a_figure_of_the_paper(
    by: str, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every group has its colour on the picture and its name in the drawing; no other colour is used."""
    said, png = drawn(monkeypatch, capsys, tmp_path, bank, f"--by={by}", f"--out={tmp_path / 'map.png'}")
    assert (said["by"], said["shown"], said["n"]) == (by, 540, 540)
    labels = FIGURES[by]
    found = coloured(png)
    assert all(count > 60 for count in found[: len(labels)]), found
    assert not any(found[len(labels) :]), found
    svg = drawn(monkeypatch, capsys, tmp_path, bank, f"--by={by}", f"--out={tmp_path / 'map.svg'}")[1].decode()
    size = 540 // len(labels)
    assert all(f" {label} ({size}) -->" in svg for label in labels)


def test_the_groups_of_a_bank_of_several_languages_and_corpora(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said, data = drawn(monkeypatch, capsys, tmp_path, bank, f"--out={tmp_path / 'map.json'}")
    assert said["by"] == "language", "what there are several of is what it is coloured by"
    content = json.loads(data)
    groupings = {each["name"]: each for each in content["groupings"]}
    assert {name: groupings[name]["labels"] for name in FIGURES} == FIGURES
    assert [groupings[name]["counts"] for name in FIGURES] == [[180] * 3, [270] * 2, [180] * 3]
    by_language = [groupings["language"]["labels"][code] for code in groupings["language"]["codes"]]
    assert by_language == [LANGUAGES[series["language"]][0] for series in content["series"]]


def test_a_panel_for_each_model(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--by=language", "--panels=llm", f"--out={tmp_path / 'map.png'}")
    said, png = drawn(monkeypatch, capsys, tmp_path, bank, *more)
    assert said["panels"] == "llm"
    found = coloured(png)
    assert all(count > 60 for count in found[:3]), found
    assert not any(found[3:]), found
