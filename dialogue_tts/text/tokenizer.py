"""Phoneme strings <-> ids, and which of their characters are sounds.

The alphabet is misaki's, as hibari's G2P writes it: `A I O W Y` are the diphthongs of *bay, buy, go, now, boy*, `T` the
tap in *water*, `ʧ ʤ` the affricates, `ᵊ ᵻ` weak vowels. One character is one phoneme and one id: the text-to-semantic
model aligns phonemes to frames, so no piece may span two.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from dialogue_tts.errors import BundleError, ScriptError

CONSONANTS = tuple("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθT")
AMERICAN_VOWELS = tuple("AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ")
BRITISH_ONLY = tuple("Qaɒ")  # go, bath's short cousin, lot; the American front end never writes them
PHONES: tuple[str, ...] = CONSONANTS + AMERICAN_VOWELS + BRITISH_ONLY
"""Every character that is a sound. The order is fixed: it numbers the classes of trained CTC heads."""

PHONE_IDS: dict[str, int] = {phone: i for i, phone in enumerate(PHONES, start=1)}
"""CTC classes; 0 is the blank."""

STRESSES = ("ˈ", "ˌ")
LENGTH = "ː"
PAUSE_MARKS: tuple[str, ...] = tuple(".,?!;:…—")
"""Punctuation at which a pause can be heard; the front end writes `...` for `…` and a comma for a dash."""
SENTENCE_MARKS = frozenset(".?!")

ALPHABET: tuple[str, ...] = (*PHONES, *STRESSES, LENGTH, *PAUSE_MARKS, " ")
TURN = "[turn]"
RESERVED = tuple(f"[r{i}]" for i in range(16))

_SPACE = "▁"  # how SentencePiece writes " " in its pieces


def phones_of(phonemes: str) -> list[str]:
    """The sounds in a phoneme string, in order, without stress and length marks, spaces and punctuation."""
    return [c for c in phonemes if c in PHONE_IDS]


class TextTokenizer:
    """A SentencePiece model of characters, read from a bundle; `[turn]` and `[r0]`...`[r15]` are single ids."""

    def __init__(self, model_proto: bytes) -> None:
        from sentencepiece import SentencePieceProcessor

        self._proto = model_proto
        self._pieces = SentencePieceProcessor(model_proto=model_proto)

    @property
    def vocab_size(self) -> int:
        return int(self._pieces.vocab_size())

    @property
    def pad_id(self) -> int:
        return int(self._pieces.pad_id())

    @property
    def bos_id(self) -> int:
        return int(self._pieces.bos_id())

    @property
    def eos_id(self) -> int:
        return int(self._pieces.eos_id())

    @property
    def turn_id(self) -> int:
        return int(self._pieces.piece_to_id(TURN))

    def encode(self, phonemes: str) -> list[int]:
        """One id a character, spaces too; `[turn]` and the reserved tags are one id each. Adds nothing."""
        ids: list[int] = self._pieces.encode(phonemes)
        if self._pieces.unk_id() in ids or _SPACE in phonemes:
            known = {self._pieces.id_to_piece(i) for i in range(self.vocab_size)} - {_SPACE} | {" "}
            unknown = "".join(dict.fromkeys(c for c in phonemes if c not in known))
            raise ScriptError(f'the voice\'s text model does not know "{unknown}"; write it with other phonemes')
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The string `encode` took; padding, begin and end say nothing."""
        silent = {self.pad_id, self.bos_id, self.eos_id}
        return "".join(self._pieces.id_to_piece(int(i)) for i in ids if i not in silent).replace(_SPACE, " ")

    def save(self, path: str | Path) -> None:
        Path(path).write_bytes(self._proto)

    @classmethod
    def load(cls, path: str | Path) -> TextTokenizer:
        """Raises BundleError if the file is missing or no SentencePiece model."""
        try:
            return cls(Path(path).read_bytes())
        except (OSError, RuntimeError) as error:
            raise BundleError(f"{path}: no text tokenizer can be read here ({error}); fetch the bundle again") from None

    @classmethod
    def train(cls, phoneme_strings: Iterable[str], path: str | Path) -> TextTokenizer:
        """A model of the whole `ALPHABET` and whatever other characters the strings hold; also written to `path`."""
        from sentencepiece import SentencePieceTrainer

        proto = io.BytesIO()
        extra = {c for string in phoneme_strings for c in string} - set(ALPHABET)
        # Only the set of characters matters, so a few short lines serve; those of the alphabet come first.
        lines = ["".join(ALPHABET)] * 3 + ["".join(sorted(extra))] * bool(extra)
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=proto,
            model_type="char",
            vocab_size=4 + 1 + len(RESERVED) + len(ALPHABET) + len(extra),
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            user_defined_symbols=[TURN, *RESERVED],
            minloglevel=2,
        )
        tokenizer = cls(proto.getvalue())
        tokenizer.save(path)
        return tokenizer
