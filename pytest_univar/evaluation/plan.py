"""What one run of the evaluation measures: every split and every text is settled, and refused, before encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pytest_univar.corpora import Corpus
from pytest_univar.errors import UsageError
from pytest_univar.evaluation.profiles import SIZES, Views, views_of
from pytest_univar.evaluation.splits import Split, by_question, by_value_id, limited, matched, texts_of
from pytest_univar.evaluation.translationese import FORMATS, Translationese

SPLITS = ("question", "value-id")


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done. split: one of SPLITS.

    counts: corpus → reference and test answers of each value ID, for the split by value ID; the key None is for all
    corpora that have no own. limit: questions of each corpus. unseen: LLMs that no encoder was trained on.
    """

    ks: tuple[int, ...] = (5, 50)
    split: str = "question"
    counts: Mapping[str | None, tuple[int, int]] = field(default_factory=dict)
    probe: bool = True
    profile_sizes: tuple[int, ...] = SIZES
    view_sizes: tuple[int, ...] = ()
    unseen: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Controlled:
    """One corpus and the control on the value IDs they share, with equally many reference answers of each."""

    corpus: str
    values: Split
    control: Split

    @property
    def reference_of_each(self) -> int:
        return len(self.values.reference) // len(self.values.value_ids)


@dataclass(frozen=True)
class ViewsOf:
    """The views of one size of one corpus."""

    corpus: str
    size: int
    reference: Views
    test: Views


@dataclass(frozen=True)
class Plan:
    """The parts of an evaluation. notes: what was left out, and why."""

    settings: Settings
    splits: tuple[Split, ...]
    controlled: tuple[Controlled, ...] = ()
    views: tuple[ViewsOf, ...] = ()
    translationese: Translationese | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Everything to encode, each text once."""
        return tuple(dict.fromkeys(self._texts()))

    def _texts(self) -> Iterable[str]:
        controlled = [split for each in self.controlled for split in (each.values, each.control)]
        for split in (*self.splits, *controlled):
            yield from texts_of((*split.reference, *split.test))
        for view in self.views:
            yield from (*view.reference.texts, *view.test.texts)
        if self.translationese:
            for sentence in (*self.translationese.reference, *self.translationese.test):
                yield from (sentence.formatted(format) for format in FORMATS)


def plan_for(
    corpora: Sequence[Corpus],
    settings: Settings,
    *,
    control: Corpus | None = None,
    translationese: Translationese | None = None,
) -> Plan:
    """The plan for value corpora, perhaps with a control; UsageError or AnswersError where it cannot be measured."""
    _check(corpora, settings)
    splits = tuple(_split(corpus, settings) for corpus in corpora)
    controlled, notes = [], []
    if control is not None:
        of_control = _split(control, settings)
        for split in splits:
            pair = matched(split, of_control, settings.seed)
            if pair is None:
                notes.append(f"{split.name} and the control {control.name} share fewer than two value IDs: no contrast")
            else:
                controlled.append(Controlled(split.name, *pair))
        if not controlled:
            raise UsageError(
                f"found no corpus that shares two value IDs with the control {control.name!r}, expected at least one "
                f"of {', '.join(split.name for split in splits)}. Choose a control that the same LLMs answered"
            )
    views, of_views = _views(splits, settings)
    plan = Plan(settings, splits, tuple(controlled), views, translationese, (*notes, *of_views))
    _check_ks(plan)
    return plan


def _split(corpus: Corpus, settings: Settings) -> Split:
    corpus = limited(corpus, settings.limit, settings.seed)
    if settings.split == "question":
        return by_question(corpus)
    counts = settings.counts.get(corpus.name, settings.counts.get(None))
    return by_value_id(corpus, counts, settings.seed)


def _views(splits: Sequence[Split], settings: Settings) -> tuple[tuple[ViewsOf, ...], list[str]]:
    found, notes = [], []
    for split in splits:
        for size in sorted(set(settings.view_sizes)):
            reference, test = views_of(split, size, settings.seed)
            if len(set(reference.labels)) < len(split.value_ids) or len(test.texts) == 0:
                notes.append(f"{split.name} has too few answers for views of {size} QAs: left out")
            else:
                found.append(ViewsOf(split.name, size, reference, test))
    if settings.view_sizes and not found:
        raise UsageError(
            f"found too few answers for views of {min(settings.view_sizes)} QAs in every corpus, expected so many on "
            "each side of each value ID. Take a smaller --view-size or a larger --limit"
        )
    return tuple(found), notes


def _check(corpora: Sequence[Corpus], settings: Settings) -> None:
    if settings.split not in SPLITS:
        raise UsageError(f"found the split {settings.split!r}, expected one of: {', '.join(SPLITS)}")
    if settings.counts and settings.split == "question":
        raise UsageError("found --counts with the split by question, expected --split value-id with it")
    names = [corpus.name for corpus in corpora]
    for name in settings.counts:
        if name is not None and name not in names:
            raise UsageError(f"found --counts for the corpus {name!r}, expected one of: {', '.join(names)}")
    numbers = {
        "--k": settings.ks,
        "--view-size": settings.view_sizes,
        "--profile-size": settings.profile_sizes,
        "--limit": () if settings.limit is None else (settings.limit,),
    }
    for option, values in numbers.items():
        for value in values:
            if value < 1:
                raise UsageError(f"found {option} {value}, expected at least 1")
    llms = {answer.llm for corpus in corpora for answer in corpus.answers}
    for llm in settings.unseen:
        if llm not in llms:
            raise UsageError(
                f"found --unseen {llm!r}, which is not in the answers; expected one of: {', '.join(sorted(llms))}"
            )
    if settings.unseen and not llms - set(settings.unseen):
        raise UsageError("found every LLM named by --unseen, expected at least one that was seen, to compare with")


def _check_ks(plan: Plan) -> None:
    references = [(f"the corpus {split.name!r}", len(split.reference)) for split in plan.splits]
    references += [(f"{each.corpus!r} beside the control", len(each.values.reference)) for each in plan.controlled]
    if plan.translationese:
        references.append((plan.translationese.file, len(plan.translationese.reference)))
    for name, n in references:
        for k in plan.settings.ks:
            if k > n:
                raise UsageError(
                    f"found k = {k} for the k-NN, but {name} has {n} reference rows; expected at most as many. "
                    "Give a smaller --k (it may be repeated), or more answers"
                )
