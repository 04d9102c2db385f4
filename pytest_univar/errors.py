"""Everything that can go wrong, as one tree. Each message says what was found, what was expected and what to do next.

UnivarError
├── UsageError            an option, an ini value or a marker cannot be used as given
├── DataError             a file is not what it should be (always names the file, and the line or key)
│   ├── QuestionsError    a question set
│   ├── AnswersError      an answers file or a cassette
│   ├── BankError         a reference bank, or a bank that does not fit the encoder
│   ├── BaselineError     a saved baseline, or one that was not measured alike
│   └── ExpectationsError a file of declared expectations
├── EncoderError          a checkpoint cannot be loaded or used
├── ElicitationError      the model cannot be asked: wrong key, unknown model, context too long
│   ├── NotRecordedError  answers are missing from the cassette and recording is off
│   ├── CostError         the cost limit would be crossed, or the price is unknown under a limit
│   └── CoverageError     too few answers for a verdict
├── TranslationError      answers cannot be brought to English
├── ReportError           a result cannot be read, or a report cannot be drawn
├── UndefinedError        a statistic has no value for this input (no rows, one cluster, …)
└── MissingExtraError     an optional package is needed; names the extra that installs it
"""


class UnivarError(Exception):
    """Base of every error this package raises on purpose."""


class UnivarWarning(UserWarning):
    """Something was repaired or left out, and the run goes on."""


class UsageError(UnivarError):
    """An option, an ini value or a marker cannot be used as given."""


class DataError(UnivarError):
    """A file is not what it should be."""


class QuestionsError(DataError):
    """A question set cannot be used."""


class AnswersError(DataError):
    """An answers file or a cassette cannot be used."""


class BankError(DataError):
    """A reference bank is damaged or does not fit the encoder."""


class BaselineError(DataError):
    """A saved baseline cannot be used."""


class ExpectationsError(DataError):
    """A file of declared expectations cannot be used."""


class EncoderError(UnivarError):
    """A checkpoint cannot be loaded or used."""


class ElicitationError(UnivarError):
    """The model under audit cannot be asked."""


class NotRecordedError(ElicitationError):
    """Answers are missing from the cassette and recording is off."""


class CostError(ElicitationError):
    """The cost limit would be crossed, or a price is unknown while a limit is set."""


class CoverageError(ElicitationError):
    """Too few questions were answered for a verdict."""


class TranslationError(UnivarError):
    """Answers cannot be brought to English."""


class ReportError(UnivarError):
    """A result cannot be read, or a report cannot be drawn."""


class UndefinedError(UnivarError):
    """A statistic has no value for this input."""


class MissingExtraError(UnivarError):
    """An optional package is needed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f'Install it with: pip install "pytest-univar[{extra}]"'
        )
