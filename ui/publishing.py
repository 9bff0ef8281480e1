"""What a page says of an episode: title, author, cover, chapters. Covers stay with their user until a file is written."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dialogue_tts._ui.asked import Asked, RefusedError
from dialogue_tts.audio.tagged import LARGEST_PICTURE, Picture
from dialogue_tts.config import from_dict
from dialogue_tts.dialogue.publication import MOST_CHAPTERS, Publication
from dialogue_tts.errors import AudioError, DialogueTTSError

MOST_COVERS = 8  # of one user; of too many the oldest goes


class SessionCovers:
    """Pictures of one user, by the beginning of their hash. Safe to use from several threads."""

    def __init__(self) -> None:
        self._covers: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def bring(self, path: Path) -> str:
        """Returns the picture's name. Raises AudioError if it is none."""
        if path.stat().st_size > LARGEST_PICTURE:
            raise AudioError(f"the cover is larger than {LARGEST_PICTURE // 10**6} MB; save it smaller.")
        return self.hold(path.read_bytes())

    def hold(self, data: bytes) -> str:
        """The same of its bytes."""
        Picture.parse(data)
        name = hashlib.sha256(data).hexdigest()[:16]
        with self._lock:
            self._covers.pop(name, None)
            self._covers[name] = data
            for old in list(self._covers)[:-MOST_COVERS]:
                del self._covers[old]
        return name

    def base64(self, name: str) -> str:
        """As a publication has it. Raises DialogueTTSError if it is not here."""
        with self._lock:
            data = self._covers.get(name)
        if data is None:
            raise DialogueTTSError("the cover is not here any more; choose its file again.")
        return base64.b64encode(data).decode()


def publication_in(covers: SessionCovers, asked: Asked, ids: Sequence[str]) -> Publication:
    """What a page says of the dialogue whose turns are the rows `ids`; chapters begin with rows that are among them.

    Raises:
        DialogueTTSError: it is not what pages send, or the cover is not here.
    """
    told = asked.get("publication")
    if told is None:
        return Publication()
    chapters: Any = told.get("chapters", []) if isinstance(told, dict) else None
    if (
        not isinstance(chapters, list)
        or len(chapters) > MOST_CHAPTERS
        or not all(isinstance(c, dict) for c in chapters)
    ):
        raise RefusedError("what is said of the episode is not what the page sends; reload the page.")
    places = {row: n for n, row in enumerate(ids)}
    found = [
        {"turn": places[str(chapter.get("row"))], "title": str(chapter.get("title"))}
        for chapter in chapters
        if str(chapter.get("row")) in places
    ]
    cover = str(told.get("cover") or "")
    values = {**told, "chapters": found, "cover": covers.base64(cover) if cover else ""}
    return from_dict(Publication, values)
