"""A dialogue while it is made: chunks to play at once, and what they have been so far as a `Dialogue`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator

from dialogue_tts.dialogue.result import Chunk, Dialogue, TurnTakes
from dialogue_tts.errors import SettingsError
from dialogue_tts.synthesis.ticket import TellProgress, Ticket


class Stream(Iterator[Chunk]):
    """What `DialogueTTS.stream` gives: iterate over it, and ask for the `dialogue` when enough was heard.

    `close`, or the end of a `with` block, stops the work.
    """

    def __init__(
        self, ticket: Ticket, progress: TellProgress | None = None, cancelled: Callable[[], bool] | None = None
    ) -> None:
        self._ticket, self._progress = ticket, progress
        self._chunks = ticket.chunks(cancelled)
        self._closed = False
        self._turn_takes: list[TurnTakes] = []
        weakref.finalize(self, ticket.cancel).atexit = False  # nobody listens to a stream that nobody holds

    def __next__(self) -> Chunk:
        if self._closed:
            raise StopIteration
        try:
            chunk = next(self._chunks)
        except BaseException:  # the last one came, or something went wrong
            self.close()
            raise
        self._turn_takes.append(chunk.turn_takes)
        if self._progress:
            self._progress(len(self._turn_takes), len(self._ticket.request.turns))
        return chunk

    def close(self) -> None:
        """Stop the work; nothing comes after. The chunks so far stay."""
        self._closed = True
        self._ticket.cancel()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dialogue(self) -> Dialogue:
        """The turns so far: after the last chunk the whole dialogue, the same that `synthesize` gives.

        Raises:
            SettingsError: no turn was yielded yet.
        """
        if not self._turn_takes:
            raise SettingsError("no turn has been spoken yet; ask for the dialogue after the first chunk.")
        return self._ticket.request.dialogue(self._turn_takes)
