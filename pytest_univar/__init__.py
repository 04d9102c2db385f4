"""pytest-univar: audit the human values a large language model expresses."""

__version__ = "0.1.0"
