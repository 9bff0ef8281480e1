"""What `synthesize` writes: checked before the work starts, and written when it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue_tts.cli.inputs import check_texts
from dialogue_tts.errors import AudioError
from dialogue_tts.files import check_not_read

if TYPE_CHECKING:
    from dialogue_tts.dialogue.result import Dialogue
    from dialogue_tts.provenance.credentials import ContentSigner
    from dialogue_tts.script.scenes import Scene

LONGEST_TITLE = 60  # letters of a scene's heading in a file's name


@dataclass(frozen=True)
class Outputs:
    """Where a dialogue goes; all but `out` may be None.

    Attributes:
        tracks: folder for a file of each speaker; scenes: for one of each scene.
        signer: puts Content Credentials into sound files.
    """

    out: Path
    stereo: bool
    timestamps: Path | None
    srt: Path | None
    vtt: Path | None
    labels: Path | None
    project: Path | None
    tracks: Path | None
    scenes: Path | None
    signer: ContentSigner | None = None

    def check(self, read: Sequence[str | Path] = (), saved: str | Path | None = None) -> None:
        """What can be known to fail is told before the work starts, as that an output is among the files that are `read`.

        Args:
            saved: a project file that is read; a project may be saved again where it was, and nothing else.

        Raises:
            AudioError
        """
        from dialogue_tts.audio.io import check_folder, check_sound_file

        texts = [path for path in (self.timestamps, self.srt, self.vtt, self.labels, self.project) if path]
        check_sound_file(self.out)
        if self.signer:
            self.signer.signs(self.out)
        check_texts(texts, read)
        check_not_read([self.out], read)
        if saved is not None:
            check_not_read([path for path in (self.out, *texts) if path != self.project], [saved])
        for folder in (self.tracks, self.scenes):
            if folder:
                check_folder(folder)
                self._check_folder_not_read(folder, read)
        names = [path.resolve() for path in (self.out, *texts)]
        if len(set(names)) < len(names):
            twice = next(path for path in texts if names.count(path.resolve()) > 1)
            raise AudioError(f"{twice}: two outputs would go into this file; give each its own.")

    def _check_folder_not_read(self, folder: Path, read: Sequence[str | Path]) -> None:
        """By what such names have in common: how many files there are, and of whom, is known only with the dialogue."""
        name = re.compile(rf"\d+-.*{re.escape(self.out.suffix)}", re.IGNORECASE)
        for path in map(Path, read):
            if path.is_file() and name.fullmatch(path.name) and path.parent.samefile(folder):
                told = "this file is read, and might be written over; give tracks and scenes a folder of their own"
                raise AudioError(f"{path}: {told}.")

    def check_room(self, seconds: float, speakers: int, unmade_s: float) -> None:
        """Raises AudioError if the disk is too full for so much sound, of which so much is to be made and kept on the way."""
        from dialogue_tts.audio.io import check_room, sound_bytes
        from dialogue_tts.dialogue.work_folder import BYTES_PER_S, work_folder_of

        ending, channels = self.out.suffix, 2 if self.stereo else 1
        sizes = {self.out: sound_bytes(ending, seconds, channels), work_folder_of(self.out): BYTES_PER_S * unmade_s}
        if self.tracks:
            sizes[self.tracks] = sound_bytes(ending, seconds, speakers)
        if self.scenes:
            sizes[self.scenes] = sound_bytes(ending, seconds, channels)
        check_room(sizes)

    def write(self, dialogue: Dialogue, scenes: Sequence[tuple[Scene, Dialogue]]) -> list[Path]:
        """Write everything; returns the files. Raises AudioError."""
        from dialogue_tts.dialogue.project import Project

        dialogue.save(self.out, self.stereo, self.signer)
        files = [self.out, *(dialogue.save_tracks(self.tracks, self.out.suffix, self.signer) if self.tracks else ())]
        files += self._write_scenes(scenes)
        writers: tuple[tuple[Path | None, Callable[[Path], None]], ...] = (
            (self.timestamps, dialogue.save_timestamps),
            (self.srt, dialogue.save_srt),
            (self.vtt, dialogue.save_vtt),
            (self.labels, dialogue.save_labels),
            (self.project, Project.of(dialogue).save),
        )
        for path, write in writers:
            if path:
                write(path)
                files.append(path)
        return files

    def _write_scenes(self, scenes: Sequence[tuple[Scene, Dialogue]]) -> Iterator[Path]:
        if self.scenes:
            self.scenes.mkdir(exist_ok=True)
            for number, (scene, dialogue) in enumerate(scenes, start=1):
                title = re.sub(r"[^\w .-]", "_", scene.title or "Opening")[:LONGEST_TITLE].rstrip(" .")
                path = self.scenes / f"{number:02}-{title}{self.out.suffix}"
                dialogue.save(path, self.stereo, self.signer)
                yield path
