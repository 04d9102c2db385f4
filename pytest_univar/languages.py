"""The 25 languages of the paper (table A2), by ISO 639-3 code, and the cultural regions they stand for.

The regions are the zones of the Inglehart–Welzel World Cultural Map (World Values Survey 7, 2023), which places
countries, not languages. A language is given the zone of the country that its standard is named after, or of the
largest one that speaks it: Spanish and Portuguese stand for Spain and Portugal, not for Latin America; Arabic for
Egypt, Swahili for Kenya, English for the United States, Persian for Iran, Malay for Malaysia, Quechua for Peru, and
Tagalog for the Philippines, which the map draws with Latin America. Haiti is not on the map; its language is put with
its neighbours. This is a coarse proxy: who speaks a language to a model need not live in any of these countries.
"""

from __future__ import annotations

from typing import NamedTuple

from pytest_univar.errors import UsageError


class Language(NamedTuple):
    """code: ISO 639-3. flores: the code NLLB-200 uses. name: in English. region: see the module's docstring."""

    code: str
    flores: str
    name: str
    region: str


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("eng", "eng_Latn", "English", "english-speaking"),
        Language("zho", "zho_Hans", "Chinese", "confucian"),
        Language("hin", "hin_Deva", "Hindi", "west-and-south-asia"),
        Language("spa", "spa_Latn", "Spanish", "catholic-europe"),
        Language("arb", "arb_Arab", "Arabic", "african-islamic"),
        Language("fra", "fra_Latn", "French", "catholic-europe"),
        Language("ind", "ind_Latn", "Indonesian", "african-islamic"),
        Language("zsm", "zsm_Latn", "Malay", "african-islamic"),
        Language("por", "por_Latn", "Portuguese", "catholic-europe"),
        Language("rus", "rus_Cyrl", "Russian", "orthodox-europe"),
        Language("deu", "deu_Latn", "German", "protestant-europe"),
        Language("pes", "pes_Arab", "Persian", "african-islamic"),
        Language("jpn", "jpn_Jpan", "Japanese", "confucian"),
        Language("swh", "swh_Latn", "Swahili", "african-islamic"),
        Language("vie", "vie_Latn", "Vietnamese", "west-and-south-asia"),
        Language("tgl", "tgl_Latn", "Tagalog", "latin-america"),
        Language("kor", "kor_Hang", "Korean", "confucian"),
        Language("ita", "ita_Latn", "Italian", "catholic-europe"),
        Language("tha", "tha_Thai", "Thai", "west-and-south-asia"),
        Language("ron", "ron_Latn", "Romanian", "orthodox-europe"),
        Language("swe", "swe_Latn", "Swedish", "protestant-europe"),
        Language("hat", "hat_Latn", "Haitian Creole", "latin-america"),
        Language("quy", "quy_Latn", "Quechua", "latin-america"),
        Language("bul", "bul_Cyrl", "Bulgarian", "orthodox-europe"),
        Language("fin", "fin_Latn", "Finnish", "protestant-europe"),
    )
}


def language(code: str) -> Language:
    """The language with this ISO 639-3 code; UsageError with the known codes otherwise."""
    try:
        return LANGUAGES[code]
    except KeyError:
        known = ", ".join(sorted(LANGUAGES))
        raise UsageError(f"found the language {code!r}, expected one of the ISO 639-3 codes {known}") from None
