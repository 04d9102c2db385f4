"""The 25 languages of the paper (table A2), by ISO 639-3 code."""

from __future__ import annotations

from typing import NamedTuple

from pytest_univar.errors import UsageError


class Language(NamedTuple):
    """code: ISO 639-3. flores: the code NLLB-200 uses. name: in English."""

    code: str
    flores: str
    name: str


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("eng", "eng_Latn", "English"),
        Language("zho", "zho_Hans", "Chinese"),
        Language("hin", "hin_Deva", "Hindi"),
        Language("spa", "spa_Latn", "Spanish"),
        Language("arb", "arb_Arab", "Arabic"),
        Language("fra", "fra_Latn", "French"),
        Language("ind", "ind_Latn", "Indonesian"),
        Language("zsm", "zsm_Latn", "Malay"),
        Language("por", "por_Latn", "Portuguese"),
        Language("rus", "rus_Cyrl", "Russian"),
        Language("deu", "deu_Latn", "German"),
        Language("pes", "pes_Arab", "Persian"),
        Language("jpn", "jpn_Jpan", "Japanese"),
        Language("swh", "swh_Latn", "Swahili"),
        Language("vie", "vie_Latn", "Vietnamese"),
        Language("tgl", "tgl_Latn", "Tagalog"),
        Language("kor", "kor_Hang", "Korean"),
        Language("ita", "ita_Latn", "Italian"),
        Language("tha", "tha_Thai", "Thai"),
        Language("ron", "ron_Latn", "Romanian"),
        Language("swe", "swe_Latn", "Swedish"),
        Language("hat", "hat_Latn", "Haitian Creole"),
        Language("quy", "quy_Latn", "Quechua"),
        Language("bul", "bul_Cyrl", "Bulgarian"),
        Language("fin", "fin_Latn", "Finnish"),
    )
}


def language(code: str) -> Language:
    """The language with this ISO 639-3 code; UsageError with the known codes otherwise."""
    try:
        return LANGUAGES[code]
    except KeyError:
        known = ", ".join(sorted(LANGUAGES))
        raise UsageError(f"found the language {code!r}, expected one of the ISO 639-3 codes {known}") from None
