"""Small translation checkpoints in the layouts that the hub has, that translate Spanish word for word.

Their weights are set, not trained, so that what comes out can be worked out by hand and no step is close to a tie:

- A token's embedding has two halves. A Spanish word is ``[a, b]`` and its English word ``[b, a]``; what stays as it is
  (punctuation, letters, the end token, language codes) is ``[a, a]``. All are random signs, and far from each other.
- The decoder's last cross-attention finds the source token at its own position, by the six sines and cosines that tell
  positions apart best, and adds that token's embedding with its halves swapped.
- Every other attention and feed-forward is random inside, but its last matrix is zero: it is computed and adds nothing.

So "casa verde." becomes "house green.", as long as its source, and an input that does not begin with the right language
code or a decoder that is not forced to begin with English shows at once.
"""

from __future__ import annotations

import json
import math
import random
import warnings
from pathlib import Path
from typing import Any

from pytest_univar.translation import Translator

WORDS = {
    "casa": "house", "verde": "green", "perro": "dog", "gato": "cat", "come": "eats", "pan": "bread", "hoy": "today",
    "mañana": "tomorrow", "la": "the", "familia": "family", "ayuda": "helps", "siempre": "always", "dinero": "money",
    "libertad": "freedom", "trabajo": "work", "feliz": "happy", "gente": "people", "vive": "lives", "bien": "well",
    "aqui": "here",
}  # fmt: skip
SILENT = "nada"
"""A word that the model takes for the end, so that a sentence starting with it has an empty translation."""
STAMMER = "um"
"""What a stammering model prefers to the end; it ends only where repeating is forbidden."""
KEPT = ".,;?!¿¡:()"
CODES = ("eng_Latn", "spa_Latn", "fra_Latn", "tha_Thai")
BASE = ("<s>", "<pad>", "</s>", "<unk>")
AMPLITUDE = 4.0


def nllb_checkpoint(folder: Path, *, words: dict[str, str] = WORDS, **shape: Any) -> Path:
    """In the layout of facebook/nllb-200: an NllbTokenizer with FLORES codes and an M2M100 model."""
    from transformers import NllbTokenizer

    whole = [*words, *words.values(), SILENT, STAMMER]
    vocabulary = list(BASE)
    merges: Any = []  # declared as str | list[str], but pairs in fact
    letters = sorted({letter for word in whole for letter in word}) + list(KEPT)
    vocabulary += ["▁", *letters]
    for word in whole:
        for end in range(1, len(word) + 1):
            grown = f"▁{word[:end]}"
            if grown not in vocabulary:
                vocabulary.append(grown)
                merges.append((f"▁{word[: end - 1]}", word[end - 1]))
    tokenizer = NllbTokenizer(
        vocab={token: index for index, token in enumerate(vocabulary)},
        merges=merges,
        extra_special_tokens=list(CODES),
        src_lang=CODES[0],
        model_max_length=1024,
    )
    tokenizer.save_pretrained(folder)
    return _m2m100_model(folder, tokenizer, words, **shape)


def m2m100_checkpoint(folder: Path, *, words: dict[str, str] = WORDS, **shape: Any) -> Path:
    """In the layout of facebook/m2m100: a sentencepiece model, and codes such as ``__es__``."""
    from transformers import M2M100Tokenizer

    pieces = sentencepiece_model(folder / "sentencepiece.bpe.model", words)
    vocabulary = [*BASE, *(piece for piece in pieces if piece not in BASE)]
    write(folder / "vocab.json", {token: index for index, token in enumerate(vocabulary)})
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    return _m2m100_model(folder, tokenizer, words, spare=tokenizer.num_madeup_words, **shape)


def marian_checkpoint(
    folder: Path,
    *,
    words: dict[str, str] = WORDS,
    languages: tuple[str, str] = ("mul", "eng"),
    targets: tuple[str, ...] = (),
    seed: int = 0,
) -> Path:
    """In the layout of Helsinki-NLP/opus-mt. languages: source and target. targets: codes where there are several."""
    from transformers import MarianConfig, MarianMTModel

    pieces = sentencepiece_model(folder / "source.spm", words)
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    codes = [f">>{code}<<" for code in targets]
    ordered = ["</s>", "<unk>", *(piece for piece in pieces if piece not in BASE), *codes, "<pad>"]
    vocabulary = {token: index for index, token in enumerate(ordered)}
    write(folder / "vocab.json", vocabulary)
    write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "MarianTokenizer",
            "source_lang": languages[0],
            "target_lang": languages[1],
            "model_max_length": 512,
        },
    )
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocabulary), d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=512,
        scale_embedding=True, pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad, forced_eos_token_id=0,
        activation_function="swish",
    )  # fmt: skip
    import torch

    torch.manual_seed(seed)
    model = MarianMTModel(config)
    _set_weights(model, vocabulary, words, steps=config.d_model // 2, seed=seed)
    # What a checkpoint of the hub brings along, and must not have its way.
    settings: Any = model.generation_config
    settings.update(num_beams=4, max_length=512, bad_words_ids=[[pad]], forced_eos_token_id=0)
    model.save_pretrained(folder)
    return folder


def sentencepiece_model(file: Path, words: dict[str, str]) -> list[str]:
    """One that has every word as a piece; returns its pieces."""
    import sentencepiece

    whole = [*words, *words.values(), SILENT, STAMMER]
    file.parent.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"{word} {word}." for word in whole for _ in range(20)]),
        model_prefix=str(file.with_suffix("")),
        model_type="word",
        vocab_size=len(whole) * 2 + 3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    file.with_suffix(".model").replace(file)
    model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return [model.id_to_piece(index) for index in range(model.get_piece_size())]


def _m2m100_model(
    folder: Path,
    tokenizer: Any,
    words: dict[str, str],
    *,
    spare: int = 2,
    width: int = 64,
    layers: int = 2,
    heads: int = 2,
    inner: int = 64,
    seed: int = 0,
    endless: bool = False,
    stammering: bool = False,
) -> Path:
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    vocabulary = tokenizer.get_vocab() | getattr(tokenizer, "lang_token_to_id", {})
    config = M2M100Config(
        vocab_size=max(vocabulary.values()) + 1 + spare, d_model=width, encoder_layers=layers, decoder_layers=layers,
        encoder_attention_heads=heads, decoder_attention_heads=heads, encoder_ffn_dim=inner, decoder_ffn_dim=inner,
        max_position_embeddings=1024, scale_embedding=True, decoder_start_token_id=2,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = M2M100ForConditionalGeneration(config)
    _set_weights(model, vocabulary, words, steps=width // 2 - 1, seed=seed)
    with torch.no_grad():
        rows = model.model.shared.weight
        if endless:
            rows[2].zero_()
        if stammering:
            rows[vocabulary[f"▁{STAMMER}"]] = 1.02 * rows[2]
    # What a checkpoint of the hub brings along, and must not have its way.
    settings: Any = model.generation_config
    settings.update(num_beams=5, max_length=200)
    model.save_pretrained(folder)
    return folder


def _set_weights(model: Any, vocabulary: dict[str, int], words: dict[str, str], *, steps: int, seed: int) -> None:
    """See above. steps: frequency i of the model's positions is 10000 to the power of -i / steps."""
    import torch

    config = model.config
    width, half = config.d_model, config.d_model // 2
    frequencies = [10_000 ** (-index / steps) for index in range(half)]
    spread = (1, 0.7, 0.5, 0.35, 0.25, 0.17)
    chosen = [min(range(half), key=lambda index: abs(frequencies[index] - wanted)) for wanted in spread]
    slow = [index for index, frequency in enumerate(frequencies) if frequency < 0.03][:-1]
    slow = slow[: len(slow) // 2 * 2]
    first, second = slow, [half + index for index in slow]
    generator = torch.Generator().manual_seed(seed)

    def signs() -> torch.Tensor:
        """As many +1 as -1, so that all embeddings have mean 0 and one norm."""
        balanced = torch.tensor([1.0, -1.0]).repeat(len(slow) // 2)
        return balanced[torch.randperm(len(slow), generator=generator)]

    def embedding(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        row = torch.zeros(width)
        row[first], row[second] = a, b
        return row * AMPLITUDE / math.sqrt(width)

    with torch.no_grad():
        rows = model.model.shared.weight
        rows.zero_()
        for token in vocabulary:
            if token != "<pad>":
                a = signs()
                rows[vocabulary[token]] = embedding(a, a)
        for spanish, english in words.items():
            for stop in ("", "."):  # sentencepiece's word model takes a full stop with its word
                if f"▁{spanish}{stop}" in vocabulary:
                    a, b = signs(), signs()
                    rows[vocabulary[f"▁{spanish}{stop}"]] = embedding(a, b)
                    rows[vocabulary[f"▁{english}{stop}"]] = embedding(b, a)
        rows[vocabulary[f"▁{SILENT}"]] = rows[vocabulary["</s>"]] / 2

        for part in (model.model.encoder, model.model.decoder):
            for layer in part.layers:
                layer.fc2.weight.zero_()
                layer.self_attn.out_proj.weight.zero_()
        for layer in model.model.decoder.layers:
            layer.encoder_attn.out_proj.weight.zero_()

        attention = model.model.decoder.layers[-1].encoder_attn
        head = width // config.decoder_attention_heads
        found = torch.zeros(width, width)
        for slot, position in enumerate([*chosen, *(half + index for index in chosen)]):
            for start in range(0, width, head):
                found[start + slot, position] = 1
                found[start + slot, half - 1] = -1  # always 0 but for the mean, which the layer norm has taken off
        gap = sum(1 - math.cos(frequencies[index]) for index in chosen)
        variance = (AMPLITUDE**2 * 2 * len(slow) + half) / width
        attention.q_proj.weight.copy_(found * 40 * math.sqrt(head) * variance / gap)
        attention.k_proj.weight.copy_(found)
        attention.v_proj.weight.copy_(torch.eye(width))
        for one, other in zip(first, second, strict=True):
            attention.out_proj.weight[[one, other], [other, one]] = 20.0


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def translated(
    translator: Translator, texts: list[str], language: str = "spa"
) -> tuple[dict[int, str], dict[int, str]]:
    """English by index in the order it came, and problems by index; together all texts, each once."""
    english: dict[int, str] = {}

    def done(index: int, text: str) -> None:
        assert index not in english
        english[index] = text

    problems = translator.translate(texts, language, done=done)
    assert sorted([*english, *problems]) == list(range(len(texts)))
    return english, problems


def english_of(translator: Translator, texts: list[str], language: str = "spa") -> list[str]:
    english, problems = translated(translator, texts, language)
    assert not problems
    return [english[index] for index in range(len(texts))]


def by_hand(spanish: str) -> str:
    """Each word by its partner; what is no word stays."""
    words = (word.rstrip(".,") for word in spanish.split(" "))
    ends = (word[len(word.rstrip(".,")) :] for word in spanish.split(" "))
    return " ".join(WORDS.get(word, word) + end for word, end in zip(words, ends, strict=True))


def plainly(folder: Path, sentence: str, *, english: str | None = "eng_Latn", **tokenizing: Any) -> str:
    """One sentence through transformers as its documentation has it."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        tokenizer = AutoTokenizer.from_pretrained(folder, **({"src_lang": "spa_Latn"} if english else {}))
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    inputs = tokenizer(sentence, return_tensors="pt", **tokenizing)
    forced = {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(english)} if english else {}
    found = model.generate(**inputs, **forced, num_beams=1, max_new_tokens=2 * inputs["input_ids"].shape[1] + 32)
    return str(tokenizer.batch_decode(found, skip_special_tokens=True)[0]).strip()


def sentences(count: int, *, seed: int = 0, longest: int = 25) -> list[str]:
    generator = random.Random(seed)
    lengths = [generator.randint(1, longest) for _ in range(count)]
    return [" ".join(generator.choices(list(WORDS), k=length)) + "." for length in lengths]
