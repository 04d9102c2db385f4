"""``univar map``: files that open, of the bundled bank and of an audited release."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pytest_univar.banks import load_bank
from pytest_univar.maps import draw, fit, value_map

from .test_cli import typed

pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra map)")

BANK = "univar-mini-eng"
EXAMPLE = Path(__file__).parents[2] / "examples" / "release_gate"


class Command:
    """``univar map``, in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))

    def __call__(self, *arguments: object, bank: object = BANK) -> tuple[int, str, str]:
        return typed(self._monkeypatch, self._capsys, "map", bank, *arguments)

    def make(self, name: str, *arguments: object) -> bytes:
        """The file that a command that must succeed writes."""
        code, _, errors = self("--out", name, *arguments)
        assert (code, errors) == (0, "")
        return (self.folder / name).read_bytes()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capsys)


@pytest.fixture
def release(command: Command) -> Command:
    """The same, with the example's baseline beside it."""
    shutil.copytree(EXAMPLE / ".univar", command.folder / ".univar")
    return command


def coloured(data: bytes) -> int:
    """How many pixels of a PNG, as wide as promised, are not grey."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.format == "PNG"
        assert image.width >= 1800
        return int((np.ptp(np.asarray(image.convert("RGB"), dtype=int), axis=2) > 30).sum())


@pytest.mark.parametrize(
    "arguments",
    [(), ("--by", "corpus"), ("--by", "language"), ("--by", "family"), ("--by", "family", "--panels", "corpus")],
    ids=["llm", "corpus", "language", "family", "panels"],
)
def test_a_png_is_a_picture(arguments: tuple[str, ...], command: Command) -> None:
    assert coloured(command.make("map.png", "--points", 400, *arguments)) > 5000


def test_an_svg_is_xml_and_the_same_twice(release: Command) -> None:
    options = ("--by", "origin", "--baseline", "v1", "--points", 300)
    data = release.make("map.svg", *options)
    root = ElementTree.fromstring(data)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall(".//{http://www.w3.org/2000/svg}use")) > 300
    assert release.make("again.svg", *options) == data
    assert b"dc:date" not in data
    assert release.make("one.png", *options) == release.make("two.png", *options)


def test_json_holds_the_map(release: Command) -> None:
    content = json.loads(release.make("map.json", "--baseline", "v1", "--points", 720))
    assert (content["bank"], content["method"], content["shown"]) == (BANK, "pca", 720)
    assert sum(len(one["x"]) for one in content["series"] if not one["audited"]) == 720
    (audited,) = [one for one in content["series"] if one["audited"]]
    assert audited["label"].endswith(", 0001_v1")
    assert audited["ellipse"]["confidence"] == 0.95
    assert {grouping["name"] for grouping in content["groupings"]} == {"language", "llm", "family", "origin", "corpus"}


def test_a_baseline_may_be_a_folder(command: Command) -> None:
    code, output, _ = command("--out", "map.json", "--baseline", EXAMPLE / ".univar" / "0001_v1")
    assert code == 0
    assert re.match(rf"map\.json: 5,000 of [\d,]+ answers of {BANK} \(pca\), audited: .+/eng, 0001_v1\n", output)


def test_maps_are_kept(command: Command) -> None:
    command.make("map.json")
    (file,) = (command.folder / "cache" / "pytest-univar" / "maps").iterdir()
    command.make("again.json", "--cache", command.folder / "here")
    assert [each.name for each in (command.folder / "here").iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--out", "map.gif"), "UsageError: map.gif: found '.gif', expected a file whose name ends in one of: .h"),
        (("--out", "map"), "UsageError: map: found 'no suffix', expected a file whose name ends in"),
        (("--out", "map.png", "--by", "culture"), "cannot be grouped by 'culture'; expected one of: language, llm"),
        (("--out", "map.json", "--panels", "culture"), "cannot be grouped by 'culture'"),
        (("--out", "map.png", "--method", "tsne"), "found the map method 'tsne', expected one of: pca, umap"),
        (("--out", "map.png", "--baseline", "v9"), ".univar: found no baseline 'v9', expected one of: v1"),
    ],
)
def test_what_cannot_be_drawn(arguments: tuple[str, ...], expected: str, release: Command) -> None:
    code, output, errors = release(*arguments)
    assert (code, output) == (2, "")
    assert expected in errors
    assert not list(release.folder.glob("map*"))


def test_a_renamed_baseline_is_not_taken_for_another(release: Command) -> None:
    (release.folder / ".univar" / "0001_v1").rename(release.folder / ".univar" / "0001_v1.old")
    shutil.copytree(release.folder / ".univar" / "0001_v1.old", release.folder / ".univar" / "0001_v1")
    code, _, errors = release("--out", "map.json", "--baseline", ".univar/0001_v1")
    assert code == 2
    assert "found a renamed baseline" in errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "panels"), [("llm", None), ("family", None), ("corpus", None), ("family", "corpus"), ("family", "llm")]
)
def test_no_text_is_cut_off(by: str, panels: str | None) -> None:
    from matplotlib.text import Annotation

    bank = load_bank(BANK)
    figure = draw(value_map(bank, fit(bank.vectors), most=200), by, panels)
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()  # of all but the labels on the map, in inches
    boxes = [note.get_window_extent() for note in figure.findobj(Annotation) if note.get_visible()]
    assert bool(boxes) == (panels is None)
    width, height = figure.get_size_inches()
    for box in [drawn, *(box.transformed(figure.dpi_scale_trans.inverted()) for box in boxes)]:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_labels_do_not_cover_each_other() -> None:
    from matplotlib.text import Annotation

    bank = load_bank(BANK)
    figure = draw(value_map(bank, fit(bank.vectors), most=100), "llm")
    figure.draw_without_rendering()
    boxes = [
        patch.get_window_extent().extents
        for note in figure.findobj(Annotation)
        if isinstance(note, Annotation) and (patch := note.get_bbox_patch())
    ]
    assert len(boxes) == 36
    for place, (left, bottom, right, top) in enumerate(boxes):
        for other in boxes[:place]:
            assert right <= other[0] or other[2] <= left or top <= other[1] or other[3] <= bottom


def test_names_are_drawn_as_they_are(command: Command, tmp_path: Path) -> None:
    """Formulas, hidden labels, control characters and tags are all legal in the name of an LLM."""
    from dataclasses import replace

    from pytest_univar.banks import save_bank
    from pytest_univar.values import ValueID

    bank = load_bank(BANK)
    strange = ["_hidden", "a$x^$b", "\x1b[31mred", "<script>--></script>", "a" * 300]
    value_ids = tuple(ValueID(llm, "eng") for llm in strange) + bank.value_ids[len(strange) :]
    regions = {value_id.llm: (value_id,) for value_id in value_ids[: len(strange)]}
    save_bank(replace(bank, value_ids=value_ids, schemes={"odd": regions}, calibration={}), tmp_path / "strange")
    code, _, errors = command("--out", "map.svg", "--by", "odd", "--points", 40, bank=tmp_path / "strange")
    assert (code, errors) == (0, "")
    root = ElementTree.fromstring((tmp_path / "map.svg").read_bytes())
    assert not [each for each in root.iter() if each.tag.endswith("script")]
    drawn = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert "<!--  _hidden (540) -->" in drawn  # in the legend, which matplotlib keeps such names from
    assert "a$x^$b" in drawn


@pytest.mark.slow
def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    """A module that is None in sys.modules cannot be imported, as one that is not installed."""
    (tmp_path / "bare.py").write_text(
        "import sys\nsys.modules['matplotlib'] = sys.modules['umap'] = None\n"
        "from pytest_univar.cli import main\nmain()\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "bare.py", "map", BANK, "--cache", "cache", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    for arguments, needs in (
        (("--out", "map.png"), "a map as a picture needs the package 'matplotlib'"),
        (("--out", "map.json", "--method", "umap"), "a UMAP map needs the package 'umap-learn'"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert needs in failed.stderr
        assert 'pip install "pytest-univar[map]"' in failed.stderr
    assert run("--out", "map.json").returncode == 0
