"""``*.univar.yaml`` files as pytest sees them: one item for each expectation and each model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_univar.declared import Expectation, load_declaration
from pytest_univar.errors import ExpectationsError

if TYPE_CHECKING:
    from pytest_univar.expectations import Auditor

Audit = Callable[[pytest.Item, "str | None"], "Auditor"]


class DeclarationFile(pytest.File):
    """A file of declared expectations; what it asks for is a ``univar`` marker on it.

    languages: of the run. models: those its items are repeated for, none for the one that the settings name; it is told
    whether the file names one. audit: begins an item's audit, as the fixture does for a test.
    """

    def __init__(
        self, *, languages: Sequence[str], models: Callable[[bool], Sequence[str]], audit: Audit, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._languages = languages
        self._models = models
        self._audit = audit

    def collect(self) -> Iterator[ExpectationItem]:
        try:
            settings, declared = load_declaration(self.path, self._languages)
        except ExpectationsError as error:
            raise self.CollectError(str(error)) from None
        self.add_marker(pytest.mark.univar(**settings))
        models = self._models("model" in settings)
        for name, line, expectation in declared:
            for model in models or (None,):
                yield ExpectationItem.from_parent(
                    self,
                    name=f"{name}[{model}]" if model else name,
                    line=line,
                    expectation=expectation,
                    model=model,
                    audit=self._audit,
                )


class ExpectationItem(pytest.Item):
    """One expectation about one model, None for the one that the settings name."""

    def __init__(self, *, line: int, expectation: Expectation, model: str | None, audit: Audit, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._line = line
        self._expectation = expectation
        self._model = model
        self._audit = audit

    def setup(self) -> None:
        self._auditor = self._audit(self, self._model)

    def runtest(self) -> None:
        self._expectation.check(self._auditor)

    def reportinfo(self) -> tuple[Path, int, str]:
        # Not as in the node id: pytest would take the dots of a name for those of a class.
        return self.path, self._line - 1, f"{self.path.name}: {self.name}"
