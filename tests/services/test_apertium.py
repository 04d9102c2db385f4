"""Apertium, the real one where it is installed; its absence and its failures with programs that the tests put there."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_univar.errors import TranslationError
from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import load_questions
from pytest_univar.translation import Translator
from pytest_univar.translation.apertium import ApertiumTranslator

WAYS = {
    "spa": ("No es justo que los ricos paguen menos.", "It is not just that the rich pay less."),
    "por": ("A casa é muito grande.", "The house is very big."),
    "fra": ("La maison est très grande.", "The house is very big."),
    "ita": ("La casa è molto grande.", "The house is very big."),
    "ron": ("Casa este foarte mare.", "The house is very big."),
}

HOSTILE = {
    "[casa] {casa} <b>casa</b>": "[house] {house} <b>house</b>",
    "^perro<n>$ \\perro\\ /perro/ @perro": "^dog<n>$ \\dog\\ /dog/ @dog",
    "[[t:b:x]]casa[[/]] .[] [0]": "[[t:b:x]]house[[/]] .[] [0]",
    "*perro* #perro +perro ~perro ~50 €": "*dog* #dog +dog ~dog ~50 €",
    "]][[ $$^^ \\": "]][[ $$^^ \\",
    "la casa 😀 👩‍👩‍👧 🇪🇸": "the house 😀 👩‍👩‍👧 🇪🇸",
    "la casa\0el perro\0\0": "the house\0the dog\0\0",
    "  La casa.\r\n\r\n- El perro.\n\t* La mesa  \u2028": "  The house.\r\n\r\n- The dog.\n\t* The table  \u2028",
    "[<STREAMCMD:SETVAR:x>] casa": "[<STREAMCMD:SETVAR:x>] house",
    "la xyzzyq": "the xyzzyq",
    "la casa \ud83d": "the house ?",
    "家 42 π": "家 42 π",
    "": "",
    " \n": " \n",
}
"""Texts and their English, letter case aside: Apertium writes capitals where it sees the start of a sentence."""


def translated(
    texts: list[str], language: str = "spa", translator: Translator | None = None
) -> tuple[dict[int, str], dict[int, str]]:
    """The English, and the problems, by index."""
    english: dict[int, str] = {}

    def done(index: int, text: str) -> None:
        assert index not in english, "once for each text"
        english[index] = text

    problems = (translator or ApertiumTranslator()).translate(texts, language, done=done)
    assert set(english) | set(problems) == set(range(len(texts)))
    assert not set(english) & set(problems)
    return english, problems


@pytest.fixture
def apertium() -> Callable[[str], None]:
    """Skips the test unless the installed Apertium translates from the language."""

    def needed_for(language: str) -> None:
        try:
            ApertiumTranslator().check(language)
        except TranslationError as exc:
            pytest.skip(str(exc))

    return needed_for


Need = Callable[[str], None]
Put = Callable[[str], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts a shell script first on the PATH, as apertium. It logs each call; the log's path is returned.

    In the script ``$REAL`` is the real program.
    """

    def put(script: str) -> Path:
        log = tmp_path / "log"
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "apertium"
        program.write_text(f"#!/bin/sh\nREAL='{shutil.which('apertium')}'\necho \"$*\" >> '{log}'\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return log

    return put


# --- translation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", WAYS)
def test_english_comes_out(apertium: Need, language: str) -> None:
    apertium(language)
    text, english = WAYS[language]
    assert translated([text], language) == ({0: english}, {})


@pytest.mark.parametrize("target", ["spa", "por", "fra", "ita"])
def test_out_of_english(apertium: Need, target: str) -> None:
    apertium("spa" if target == "spa" else target)
    translator = ApertiumTranslator(target=target)
    house = {"spa": "casa", "por": "casa", "fra": "maison", "ita": "casa"}[target]
    found, problems = translated(["The house is big."], "eng", translator)
    assert not problems
    assert house in found[0].lower()
    assert translator.name.endswith(f", into {target}")


def test_hostile_characters_come_back_where_they_were(apertium: Need) -> None:
    apertium("spa")
    english, problems = translated(list(HOSTILE))
    assert problems == {}
    assert [english[index].casefold() for index in range(len(HOSTILE))] == [
        text.casefold() for text in HOSTILE.values()
    ]


@pytest.mark.parametrize("language", ["spa", "ita"])
def test_a_batch_of_one_is_as_a_batch_of_many(apertium: Need, language: str) -> None:
    apertium(language)
    texts = [question.text for question in load_questions("core", language)[:8]] + list(HOSTILE)
    translator = ApertiumTranslator()
    together, problems = translated(texts, language, translator)
    assert problems == {}
    for index in range(0, len(texts), 3):
        assert translated([texts[index]], language, translator) == ({0: together[index]}, {})


@pytest.mark.parametrize(("language", "steps"), [("spa", 1), ("por", 2)])
def test_200_texts_take_one_process_for_each_step(apertium: Need, put: Put, language: str, steps: int) -> None:
    apertium(language)
    log = put('exec "$REAL" "$@"')
    questions = [question.text for question in load_questions("core", language)]
    english, problems = translated((questions * 2)[:200], language)
    assert (len(english), problems) == (200, {})
    assert english[0] == english[len(questions)]
    calls = log.read_text().split("\n")[:-1]
    assert len(calls) == 1 + steps + steps, "what is installed, whether it works, the texts"


def test_what_has_nothing_to_translate_starts_no_process(apertium: Need, put: Put) -> None:
    apertium("spa")
    log = put('exec "$REAL" "$@"')
    translator = ApertiumTranslator()
    translator.check("spa")
    before = log.read_text()
    found: dict[int, str] = {}
    assert translator.translate(["", " \n\t", "\0"], "spa", done=found.__setitem__) == {}
    assert found == {0: "", 1: " \n\t", 2: "\0"}
    assert log.read_text() == before


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        ('head -c 5 "$input"', "of 1 lines came back"),
        ("echo it broke >&2; exit 3", "ended with status 3, saying: it broke"),
    ],
    ids=["lines are missing", "it ends with an error"],
)
def test_a_text_that_makes_it_fail_is_reported_and_the_others_are_translated(
    apertium: Need, put: Put, tmp_path: Path, failure: str, why: str
) -> None:
    apertium("spa")
    texts = [f"La casa {number}." for number in range(40)]
    texts[17] = texts[30] = "VENENO"
    log = put(
        f"input=$(mktemp -p '{tmp_path}'); cat > \"$input\"\n"
        f'if grep -aq VENENO "$input"; then {failure}; else exec "$REAL" "$@" < "$input"; fi'
    )
    english, problems = translated(texts)
    assert set(problems) == {17, 30}
    assert why in problems[17]
    assert english == {n: f"The house {n}." for n in range(40) if n not in problems}
    assert len(log.read_text().split("\n")) < 40, "not one process for each text"


@pytest.mark.parametrize("status", [0, 1])
def test_an_installation_that_does_not_work_is_one_error(put: Put, status: int) -> None:
    put(f"if [ $1 = -l ]; then echo '  ita-spa\n  spa-eng'; else echo cg-proc: not found >&2; exit {status}; fi")
    with pytest.raises(TranslationError) as caught:
        translated(["La casa.", "Il cane."], "ita")
    message = str(caught.value)
    assert "nothing can be translated from Italian" in message
    assert "saying: cg-proc: not found" in message
    assert message.endswith("sudo apt-get install apertium apertium-spa-ita cg3 apertium-eng-spa")


def test_what_hangs_is_ended_with_its_children(put: Put, tmp_path: Path) -> None:
    child = tmp_path / "child"
    put(f"if [ $1 = -l ]; then echo spa-eng; else sh -c 'echo $$ > {child}; exec sleep 60' | cat; fi")
    started = time.monotonic()
    with pytest.raises(TranslationError, match="not done after"):
        translated(["La casa."], translator=ApertiumTranslator(timeout=1.0))
    assert time.monotonic() - started < 20
    pid = int(child.read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- what is there ---------------------------------------------------------------------------------------------------


def test_without_apertium_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TranslationError) as caught:
        ApertiumTranslator().check("fra")
    assert "found no program 'apertium' on the PATH" in str(caught.value)
    assert str(caught.value).endswith("sudo apt-get install apertium apertium-fr-es apertium-eng-spa")
    with pytest.raises(TranslationError, match="found no program 'apertium'"):
        translated(["La casa."])
    with pytest.raises(TranslationError, match="found no program 'apertium'"):
        _ = ApertiumTranslator().name


def test_a_pair_that_is_not_installed_is_named(put: Put) -> None:
    put("echo '  spa-eng\n  es-pt\n  spa-eng_US'")
    with pytest.raises(TranslationError) as caught:
        ApertiumTranslator().check("por")
    message = str(caught.value)
    assert "found no pt-es in Apertium" in message
    assert "what is installed translates from: spa." in message
    assert message.endswith("sudo apt-get install apertium apertium-es-pt apertium-eng-spa")


@pytest.mark.parametrize("language", sorted({*LANGUAGES, "xxx"} - set(WAYS)))
def test_a_language_without_a_way_into_english_is_refused(language: str) -> None:
    with pytest.raises(TranslationError, match=f"'{language}'.*from fra, ita, por, ron, spa only"):
        ApertiumTranslator().check(language)


def test_the_name_has_the_versions_of_what_makes_the_english(apertium: Need) -> None:
    apertium("spa")
    name = ApertiumTranslator().name
    version = r"\d[\w.+~]*"
    if shutil.which("dpkg-query"):
        assert re.fullmatch(rf"apertium {version} \((?:[\w-]+ {version}, )*[\w-]+ {version}\)", name)
        assert re.search(r"apertium-eng-spa \d", name)
    else:
        assert re.fullmatch(rf"apertium {version}", name)


def test_the_name_without_debian_s_package_manager(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("echo Apertium 3.9.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert ApertiumTranslator().name == "apertium 3.9.1"
