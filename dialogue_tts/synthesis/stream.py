"""A dialogue while it is made: chunks to play at once, and what they have been so far as a `Dialogue`."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

from dialogue_tts.dialogue.result import BundleId, Chunk, Dialogue, Part
from dialogue_tts.errors import SettingsError
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import Voice


class Stream(Iterator[Chunk]):
    """What `DialogueTTS.stream` gives: iterate over it, and ask for the `dialogue` when enough was heard.

    `close`, or the end of a `with` block, stops the work.
    """

    def __init__(
        self,
        chunks: Generator[Chunk, None, None],
        voices: Mapping[str, Voice],
        seed: int,
        config: SynthesisConfig,
        bundle: BundleId,
    ) -> None:
        self.voices, self.seed, self.config, self.bundle = voices, seed, config, bundle
        self._chunks = chunks
        self._parts: list[Part] = []

    def __next__(self) -> Chunk:
        chunk = next(self._chunks)
        self._parts.append(chunk.part)
        return chunk

    def close(self) -> None:
        """Stop the work; nothing comes after. The chunks so far stay."""
        self._chunks.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dialogue(self) -> Dialogue:
        """The turns so far: after the last chunk the whole dialogue, the same that `synthesize` gives.

        Raises:
            SettingsError: no turn was yielded yet.
        """
        if not self._parts:
            raise SettingsError("no turn has been spoken yet; ask for the dialogue after the first chunk.")
        speakers = dict.fromkeys(part.turn.speaker for part in self._parts)
        voices = {speaker: self.voices[speaker] for speaker in speakers}
        return Dialogue(tuple(self._parts), voices, self.seed, self.config, self.bundle)
