"""What checkpoints the seq2seq translators take, in which layouts, and what the others get."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.errors import TranslationError
from pytest_univar.translation.seq2seq import NLLB, OPUS, Seq2SeqTranslator

from ..checkpoints import causal_lm_checkpoint, hub_cache
from .tiny_seq2seq import (
    CODES,
    SILENT,
    by_hand,
    english_of,
    m2m100_checkpoint,
    marian_checkpoint,
    nllb_checkpoint,
    plainly,
    sentences,
    translated,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nllb_checkpoint(tmp_path_factory.mktemp("seq2seq") / "tiny-nllb")


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("deu", "has no language code 'deu_Latn', so it cannot translate from German (deu)"),
        ("xxx", "found the language 'xxx', expected one of the ISO 639-3 codes arb, bul"),
    ],
)
def test_an_unknown_language_is_refused(tiny: Path, language: str, message: str) -> None:
    translator = Seq2SeqTranslator(str(tiny), device="cpu")
    for call in (lambda: translator.check(language), lambda: translated(translator, ["casa"], language)):
        with pytest.raises(TranslationError) as caught:
            call()
        assert message in str(caught.value)
    translator.check("spa")


def test_codes_of_the_tiny_checkpoint_are_those_of_flores(tiny: Path) -> None:
    """So that the refusal of German above is one of the checkpoint's vocabulary, not of a list of ours."""
    from transformers import AutoTokenizer

    vocabulary = AutoTokenizer.from_pretrained(tiny).get_vocab()
    assert set(CODES) <= set(vocabulary)
    assert "deu_Latn" not in vocabulary


def test_checking_loads_no_weights(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "broken"))
    (folder / "model.safetensors").write_bytes(b"no weights")
    translator = Seq2SeqTranslator(str(folder), device="cpu")
    translator.check("spa")
    with pytest.raises(TranslationError, match="broken: cannot be loaded by transformers"):
        translated(translator, ["casa"])


def test_weights_that_do_not_fit_are_named(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "other"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"decoder_layers": 3}), encoding="utf-8")
    with pytest.raises(TranslationError, match=r"do not fit config\.json \(missing: .*decoder\.layers\.2"):
        translated(Seq2SeqTranslator(str(folder), device="cpu"), ["casa"])


def test_pickled_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "pickled"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(TranslationError, match=r"only pytorch_model\.bin.*never loaded.*save_pretrained") as caught:
        Seq2SeqTranslator(str(folder)).check("spa")
    assert "ct2-transformers-converter" in str(caught.value)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_checkpoint_that_is_not_whole_is_refused(tiny: Path, tmp_path: Path, missing: str) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "part"))
    (folder / missing).unlink()
    with pytest.raises(TranslationError, match="Download the checkpoint again, whole"):
        Seq2SeqTranslator(str(folder)).check("spa")


def test_a_layout_without_known_codes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TranslationError, match="has no language code for English that is known here"):
        Seq2SeqTranslator(str(causal_lm_checkpoint(tmp_path))).check("spa")


def test_the_name_holds_what_changes_the_english(tiny: Path, tmp_path: Path) -> None:
    here = Seq2SeqTranslator(str(tiny), kind="nllb")
    there = Seq2SeqTranslator(str(shutil.copytree(tiny, tmp_path / "elsewhere" / tiny.name)), kind="nllb")
    other = nllb_checkpoint(tmp_path / "other" / tiny.name, seed=1)
    kind, _, model = here.name.partition(":")
    assert kind == "nllb"
    assert model.startswith("tiny-nllb@")
    assert len(model.removeprefix("tiny-nllb@")) == 12
    assert there.name == here.name
    assert Seq2SeqTranslator(str(other), kind="nllb").name != here.name
    assert Seq2SeqTranslator(NLLB, kind="nllb").name == "nllb:facebook/nllb-200-distilled-600M"
    assert Seq2SeqTranslator(OPUS, kind="opus", cut=256).name == "opus:Helsinki-NLP/opus-mt-mul-en, cut at 256 tokens"


def test_only_nllb_is_not_for_commercial_use(tiny: Path) -> None:
    assert "CC-BY-NC-4.0" in Seq2SeqTranslator(NLLB, kind="nllb").notice
    assert "CC-BY-NC-4.0" in Seq2SeqTranslator(str(tiny)).notice
    assert Seq2SeqTranslator(OPUS, kind="opus").notice == ""


# M2M100 and OPUS-MT


def test_m2m100_has_codes_of_its_own(tmp_path: Path) -> None:
    folder = m2m100_checkpoint(tmp_path)
    translator = Seq2SeqTranslator(str(folder), device="cpu")
    assert english_of(translator, ["casa verde.", "perro come pan"]) == ["house green.", "dog eats bread"]
    for language in ("spa", "hat", "zsm", "tgl"):
        translator.check(language)
    with pytest.raises(TranslationError, match=r"no language code '__qu__'.*Quechua \(quy\)"):
        translator.check("quy")


def test_opus_has_no_source_codes(tmp_path: Path) -> None:
    folder = marian_checkpoint(tmp_path)
    translator = Seq2SeqTranslator(str(folder), kind="opus", device="cpu")
    texts = ["casa verde. perro come pan.", "gente"]
    expected = [plainly(folder, text, english=None) for text in ("casa verde.", "perro come pan.", "gente")]
    assert expected[0] == "house green."
    assert english_of(translator, texts) == [f"{expected[0]} {expected[1]}", "people"]
    assert english_of(translator, ["casa verde."], "deu") == ["house green."]


def test_opus_with_several_targets_is_told_english(tmp_path: Path) -> None:
    folder = marian_checkpoint(tmp_path, targets=("deu", "eng"))
    (english,) = english_of(Seq2SeqTranslator(str(folder), device="cpu"), ["casa verde."])
    assert english == plainly(folder, ">>eng<< casa verde.", english=None)
    assert english != plainly(folder, "casa verde.", english=None)


@pytest.mark.parametrize(
    ("languages", "targets", "message"),
    [
        (("mul", "deu"), (), "translates into deu, expected one that translates into English"),
        (("mul", "mul"), ("deu", "fra"), "translates into 2 languages"),
        (("fra", "eng"), (), r"translates from 'fra', not from Spanish \(spa\)"),
    ],
)
def test_opus_that_does_not_bring_spanish_to_english_is_refused(
    tmp_path: Path, languages: tuple[str, str], targets: tuple[str, ...], message: str
) -> None:
    folder = marian_checkpoint(tmp_path, languages=languages, targets=targets)
    with pytest.raises(TranslationError, match=message):
        Seq2SeqTranslator(str(folder)).check("spa")


# CTranslate2

NEEDS_CTRANSLATE2 = 'needs ctranslate2: pip install "pytest-univar[ct2]"'


def converted(folder: Path, to: Path, *files: str) -> Path:
    converters = pytest.importorskip("ctranslate2.converters", reason=NEEDS_CTRANSLATE2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return Path(converters.TransformersConverter(str(folder), copy_files=list(files)).convert(str(to)))


def test_a_converted_checkpoint_writes_the_same_tokens(tiny: Path, tmp_path: Path) -> None:
    folder = converted(tiny, tmp_path / "tiny-nllb", "tokenizer.json", "tokenizer_config.json")
    texts = sentences(60, longest=40)
    english = english_of(Seq2SeqTranslator(str(folder), device="cpu"), texts)
    assert english == [by_hand(text) for text in texts]
    assert english == english_of(Seq2SeqTranslator(str(folder), device="cpu", batch_tokens=1), texts)
    assert greedy_by_ctranslate2(folder, texts) == greedy_by_torch(tiny, texts)
    assert Seq2SeqTranslator(str(folder)).name != Seq2SeqTranslator(str(tiny)).name
    with pytest.raises(TranslationError, match="deu_Latn"):
        Seq2SeqTranslator(str(folder)).check("deu")


def greedy_by_torch(folder: Path, texts: list[str]) -> list[list[str]]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, src_lang="spa_Latn")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    english = tokenizer.convert_tokens_to_ids("eng_Latn")
    found = [
        model.generate(
            **tokenizer(text, return_tensors="pt"), forced_bos_token_id=english, num_beams=1, max_new_tokens=90
        )
        for text in texts
    ]
    return [tokenizer.convert_ids_to_tokens(ids[0].tolist())[1:] for ids in found]


def greedy_by_ctranslate2(folder: Path, texts: list[str]) -> list[list[str]]:
    import ctranslate2
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, src_lang="spa_Latn")
    results = ctranslate2.Translator(str(folder)).translate_batch(
        [tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) for text in texts],
        [["eng_Latn"]] * len(texts),
        beam_size=1,
        return_end_token=True,
    )
    return [result.hypotheses[0] for result in results]


def test_converted_failures_are_found_too(tmp_path: Path) -> None:
    files = ("tokenizer.json", "tokenizer_config.json")
    silent = converted(nllb_checkpoint(tmp_path / "a"), tmp_path / "b", *files)
    english, problems = translated(Seq2SeqTranslator(str(silent), device="cpu"), ["casa.", f"{SILENT} casa."])
    assert english == {0: "house."}
    assert "the translation is empty" in problems[1]
    endless = converted(nllb_checkpoint(tmp_path / "c", endless=True), tmp_path / "d", *files)
    _, problems = translated(Seq2SeqTranslator(str(endless), device="cpu"), ["casa verde."])
    assert "no end within" in problems[0]
    stammering = converted(nllb_checkpoint(tmp_path / "e", stammering=True), tmp_path / "f", *files)
    (english_text,) = english_of(Seq2SeqTranslator(str(stammering), device="cpu"), ["casa verde."])
    assert english_text.startswith("house green.")


def test_a_converted_opus_checkpoint(tmp_path: Path) -> None:
    folder = converted(
        marian_checkpoint(tmp_path / "opus"), tmp_path / "opus-ct2",
        "source.spm", "target.spm", "vocab.json", "tokenizer_config.json",
    )  # fmt: skip
    texts = ["casa verde.", "perro come pan."]
    translator = Seq2SeqTranslator(str(folder), kind="opus", device="cpu")
    assert english_of(translator, texts) == ["house green.", "dog eats bread."]


def test_a_converted_m2m100_checkpoint(tmp_path: Path) -> None:
    """Its codes are given to the converter here, which does not find them under transformers 5 and refuses."""
    converters = pytest.importorskip("ctranslate2.converters", reason=NEEDS_CTRANSLATE2)

    class Converter(converters.TransformersConverter):  # type: ignore[misc,name-defined] # ships no types
        def load_tokenizer(self, *arguments: Any, **named: Any) -> Any:
            tokenizer = super().load_tokenizer(*arguments, **named)
            vocabulary = tokenizer.get_vocab() | tokenizer.lang_token_to_id
            tokenizer.get_vocab = lambda: vocabulary
            return tokenizer

    files = ["sentencepiece.bpe.model", "vocab.json", "tokenizer_config.json"]
    folder = m2m100_checkpoint(tmp_path / "m2m100")
    to = Converter(str(folder), copy_files=files).convert(str(tmp_path / "converted"))
    assert english_of(Seq2SeqTranslator(to, device="cpu"), ["casa verde."]) == ["house green."]


def test_a_converted_checkpoint_needs_its_tokenizer(tiny: Path, tmp_path: Path) -> None:
    folder = converted(tiny, tmp_path / "bare")
    with pytest.raises(TranslationError, match=r"tokenizer.*beside model\.bin"):
        Seq2SeqTranslator(str(folder)).check("spa")


# Machines


def test_a_device_that_is_not_there_is_refused(tiny: Path) -> None:
    for device in ("cuda:99", "tpu"):
        with pytest.raises(TranslationError, match=f"found the device '{device}', expected one that this machine has"):
            translated(Seq2SeqTranslator(str(tiny), device=device), ["casa"])
    with pytest.raises(TranslationError, match="found the dtype 'int8', expected float32"):
        translated(Seq2SeqTranslator(str(tiny), device="cpu", dtype="int8"), ["casa"])


def in_a_process(code: str, folder: Path, **environment: str) -> str:
    """What the code prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode == 0
    return done.stdout


def test_without_ctranslate2_the_error_names_the_extra(tiny: Path, tmp_path: Path) -> None:
    folder = converted(tiny, tmp_path / "tiny", "tokenizer.json", "tokenizer_config.json")
    code = (
        "import sys; sys.modules['ctranslate2'] = None\n"
        "from pytest_univar.errors import MissingExtraError\n"
        "from pytest_univar.translation.seq2seq import Seq2SeqTranslator\n"
        f"try: Seq2SeqTranslator({str(folder)!r}).translate(['casa'], 'spa', done=print)\n"
        "except MissingExtraError as error: print(error)"
    )
    assert 'pip install "pytest-univar[ct2]"' in in_a_process(code, tmp_path)


CHECKED = """
import sys
import warnings
from pytest_univar.errors import TranslationError
from pytest_univar.translation.seq2seq import Seq2SeqTranslator
assert "torch" not in sys.modules and "transformers" not in sys.modules
for model in sys.argv[1:] or ["facebook/nllb-200-distilled-600M"]:
    translator = Seq2SeqTranslator(model, kind="nllb", device="cpu")
    try:
        translator.check("spa")
        translator.translate(["casa verde."], "spa", done=lambda index, english: print(translator.name, english))
    except TranslationError as error:
        print(error)
"""


def test_the_hub_without_a_network(tmp_path: Path) -> None:
    said = in_a_process(CHECKED, tmp_path, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert "'facebook/nllb-200-distilled-600M' is not on this machine and could not be fetched" in said
    with pytest.raises(TranslationError, match="expected a folder that is there, or a hub id"):
        Seq2SeqTranslator(str(tmp_path / "nowhere")).check("spa")


def test_what_the_hub_has_left_on_this_machine(tiny: Path, tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path, "facebook/nllb-200-distilled-600M", tiny)
    said = in_a_process(CHECKED, tmp_path, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert said == "nllb:facebook/nllb-200-distilled-600M house green.\n"
    (snapshot / "model.safetensors").unlink()
    said = in_a_process(CHECKED, tmp_path, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert "found no *.safetensors file" in said
    assert "@refs/pr/NUMBER" in said
