"""evaluation/splits.py and plan.py: which answers are on which side, and what is refused before encoding."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_univar.corpora import Corpus, hold_out
from pytest_univar.errors import AnswersError, UsageError
from pytest_univar.evaluation.plan import Settings, plan_for
from pytest_univar.evaluation.splits import Split, by_question, by_value_id, limited, matched
from pytest_univar.evaluation.translationese import read_translationese
from pytest_univar.values import Answer

LLMS = ("a", "b", "c")
SETTINGS = Settings(ks=(5,))


def made(name: str = "values", questions: int = 40, llms: tuple[str, ...] = LLMS, samples: int = 1) -> Corpus:
    answers = tuple(
        Answer(llm, "eng", f"{name}-{q}", f"{name} {q}", f"{llm} says {q}.{s}", sample=s, source=name)
        for q in range(questions)
        for llm in llms
        for s in range(samples)
    )
    return Corpus(name, answers, hold_out((answer.question_id for answer in answers), 0.25, seed=0))


def of_each(split: Split) -> tuple[set[int], set[int]]:
    """How many reference and test answers the value IDs have."""
    return (
        set(Counter(answer.value_id for answer in split.reference).values()),
        set(Counter(answer.value_id for answer in split.test).values()),
    )


def test_by_question_no_question_is_on_both_sides() -> None:
    split = by_question(made(samples=2))
    assert of_each(split) == ({60}, {20})
    assert not {a.question_id for a in split.reference} & set(split.questions)
    assert [split.value_ids[label].llm for label in split.labels] == [answer.llm for answer in split.test]


def test_by_value_id_there_are_so_many_answers_of_each() -> None:
    split = by_value_id(made(), (20, 8), seed=0)
    assert of_each(split) == ({20}, {8})
    assert not set(map(id, split.reference)) & set(map(id, split.test))
    assert {a.question_id for a in split.reference} & set(split.questions)  # of other LLMs: the leak it has
    assert by_value_id(made(), (20, 8), seed=0) == split
    assert by_value_id(made(), (20, 8), seed=1) != split


def test_by_value_id_without_counts_the_fewest_decide() -> None:
    corpus = made()
    fewer = replace(corpus, answers=tuple(a for a in corpus.answers if a.llm != "a" or int(a.answer[7:-2]) < 30))
    assert of_each(by_value_id(fewer, None, seed=0)) == ({24}, {6})


def test_a_limit_keeps_the_proportion_and_whole_questions() -> None:
    corpus = limited(made(samples=2), 12, seed=0)
    assert len({answer.question_id for answer in corpus.answers}) == 12
    assert len(corpus.held_out) == 3
    assert len(corpus.answers) == 12 * 2 * len(LLMS)
    assert limited(made(), 12, seed=0).held_out <= made().held_out
    assert limited(made(), 40, seed=0) == limited(made(), None, seed=0) == made()
    assert limited(made(), 12, seed=1) != limited(made(), 12, seed=0)


def test_the_control_has_the_same_llms_and_as_many_references_of_each() -> None:
    values, control = by_question(made(samples=3)), by_question(made("chat", questions=60, llms=("b", "c", "d")))
    pair = matched(values, control, seed=0)
    assert pair is not None
    for split in pair:
        assert [value_id.llm for value_id in split.value_ids] == ["b", "c"]
        assert of_each(split)[0] == {45}  # of 90 and 45
    assert len(pair[0].test) == 2 * 30
    chosen = [{(a.question_id, a.sample) for a in pair[0].reference if a.llm == llm} for llm in ("b", "c")]
    assert chosen[0] == chosen[1]


def test_a_plan_holds_every_text_once() -> None:
    control = made("chat", questions=80)
    plan = plan_for([made(), made("other")], replace(SETTINGS, view_sizes=(1, 4)), control=control)
    texts = plan.texts
    assert len(set(texts)) == len(texts)
    single = {f"Q: {a.question} A: {a.answer}" for corpus in (made(), made("other")) for a in corpus.answers}
    assert single <= set(texts)
    assert {each.corpus for each in plan.controlled} == {"values", "other"}
    # views of 1 are no new texts; of 4: 30 // 4 = 7 reference and 10 // 4 = 2 test views of each of three LLMs
    assert sum(text.count("\n") == 3 for text in texts) == 2 * 3 * (7 + 2)


def test_views_that_do_not_fit_are_left_out_with_a_note() -> None:
    plan = plan_for([made()], replace(SETTINGS, view_sizes=(5, 20)))
    assert [view.size for view in plan.views] == [5]
    assert plan.notes == ("values has too few answers for views of 20 QAs: left out",)


def test_a_corpus_without_common_llms_is_noted() -> None:
    others = made("others", llms=("x", "y"))
    plan = plan_for([made(), others], SETTINGS, control=made("chat"))
    assert [each.corpus for each in plan.controlled] == ["values"]
    assert plan.notes == ("others and the control chat share fewer than two value IDs: no contrast",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ks": (5, 91)}, "found k = 91 for the k-NN, but the corpus 'values' has 90 reference rows"),
        ({"ks": (0,)}, "found --k 0, expected at least 1"),
        ({"view_sizes": (0,)}, "found --view-size 0"),
        ({"profile_sizes": (0,)}, "found --profile-size 0"),
        ({"limit": 0}, "found --limit 0"),
        ({"view_sizes": (50,)}, "too few answers for views of 50 QAs in every corpus"),
        ({"split": "row"}, "found the split 'row', expected one of: question, value-id"),
        ({"counts": {None: (5, 5)}}, "found --counts with the split by question"),
        ({"counts": {"pvq": (5, 5)}, "split": "value-id"}, "--counts for the corpus 'pvq', expected one of: values"),
        (
            {"counts": {"values": (35, 6)}, "split": "value-id"},
            "the corpus 'values' has 40 answers of a/eng, expected at least 35 for the reference and 6 for the test",
        ),
        ({"unseen": ("z",)}, "found --unseen 'z', which is not in the answers; expected one of: a, b, c"),
        ({"unseen": LLMS}, "found every LLM named by --unseen"),
    ],
)
def test_what_cannot_be_measured(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_for([made()], replace(SETTINGS, **changes))  # type: ignore[arg-type]  # one of many
    assert expected in str(caught.value)


def test_k_counts_against_the_smaller_reference_beside_the_control() -> None:
    with pytest.raises(UsageError, match=r"k = 50 .* 'values' beside the control has 45 reference rows"):
        plan_for([made(questions=80)], replace(SETTINGS, ks=(50,)), control=made("chat", questions=20))


def test_a_control_of_other_llms_is_refused() -> None:
    with pytest.raises(UsageError, match="no corpus that shares two value IDs with the control 'chat'"):
        plan_for([made()], SETTINGS, control=made("chat", llms=("x", "y")))


def test_a_value_id_without_reference_is_refused() -> None:
    corpus = made()
    without = tuple(a for a in corpus.answers if a.llm != "c" or a.question_id in corpus.held_out)
    with pytest.raises(AnswersError, match="no reference answers of c/eng"):
        plan_for([replace(corpus, answers=without)], SETTINGS)


# ------------------------------------------------------------------------------------------------------- translationese


def written(folder: Path, text: str) -> Path:
    file = folder / "sentences.csv"
    file.write_text(text, encoding="utf-8")
    return file


def rows(n: int, *columns: str) -> str:
    lines = [
        f"text {i},{'deu' if i % 2 else 'fra'}" + "".join(f",{each} {i // 4}" for each in columns) for i in range(n)
    ]
    return "\n".join([",".join(["text", "source_language", *columns]), *lines])


def test_the_two_formats(tmp_path: Path) -> None:
    file = written(tmp_path, rows(16, "machine_translation"))
    found = read_translationese(file, held_out_share=0.25, seed=0)
    assert (found.languages, found.translated) == (("deu", "fra"), True)
    assert (len(found.reference), len(found.test)) == (12, 4)
    (first,) = [each for each in (*found.reference, *found.test) if each.text == "text 5"]
    assert first.formatted("text-only") == "text 5"
    assert first.formatted("paraphrase") == "What is the paraphrase of machine_translation 1?\nA: text 5"


def test_without_machine_translations_the_text_stands_in_their_place(tmp_path: Path) -> None:
    found = read_translationese(written(tmp_path, rows(8)), held_out_share=0.25, seed=0)
    assert not found.translated
    assert found.test[0].formatted("paraphrase").count(found.test[0].text) == 2


def test_a_group_is_on_one_side(tmp_path: Path) -> None:
    found = read_translationese(written(tmp_path, rows(80, "group")), held_out_share=0.25, seed=0)
    assert found.test
    assert not {each.group for each in found.reference} & {each.group for each in found.test}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text,language\na,deu", "found the columns text, language, expected text and source_language"),
        ("", "found the columns none, expected text and source_language"),
        ("text,source_language\n", "found no texts"),
        ("text,source_language\na,deu\nb,\n", "line 3: found nothing as the source_language, expected a text"),
        (
            "text,source_language,machine_translation\na,deu,x\nb,fra,\n",
            "line 3: found nothing as the machine_translation",
        ),
        ("text,source_language\na,deu,more\n", "line 2: found more fields than the first line names"),
        ('text,source_language\n"a"b,deu\n', "line 2: found a row that is not CSV"),
        ("text,source_language\na,deu\nb,deu\nc,deu\n", "found 3 texts of 1 source languages"),
        ("text,source_language\na,deu\nb,deu\nc,fra\n", "those of fra all on one side of the split"),
    ],
)
def test_files_that_cannot_be_used(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        read_translationese(written(tmp_path, text), held_out_share=0.25, seed=0)
    assert f"{tmp_path / 'sentences.csv'}" in str(caught.value)
    assert expected in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="cannot be read"):
        read_translationese(tmp_path / "no.csv", held_out_share=0.25, seed=0)
