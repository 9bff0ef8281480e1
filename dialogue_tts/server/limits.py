"""How much a server takes on, and for how long it keeps it."""

from __future__ import annotations

from dialogue_tts.config import strict
from dialogue_tts.synthesis.ticket import QueueLimits

STORED_JOB_S, STORED_SOUND_S = 7 * 24 * 3600.0, 20 * 3600.0  # of ended jobs; the sound takes seven gigabytes


@strict
class Limits:
    """Limits of a server; a request beyond them gets a 4xx answer that says so.

    Attributes:
        requests: dialogues waiting or being made at once.
        waiting_sound_s: expected sound of all these together.
        sound_s: of one dialogue.
        script_characters: of a script, or of all turns and the names of their speakers; input_characters: of
            /v1/audio/speech.
        speakers: of one dialogue; a job keeps a voice for each.
        body_bytes: of a request; upload_bytes: of one with a recording.
        body_s: time in which a request's body must arrive.
        unheard_s: sound that is made ahead of the listener of a stream.
        stall_s: how long a client may take no data before its connection is closed.
        voices: kept at once.
        job_s, job_sound_s: how long jobs are kept after their end, and how much sound all of them together may hold;
            the oldest go first.
    """

    requests: int = 64
    waiting_sound_s: float = 7200.0
    sound_s: float = 1800.0
    script_characters: int = 50_000
    input_characters: int = 4096
    speakers: int = 200
    body_bytes: int = 1 << 20
    upload_bytes: int = 16 << 20
    body_s: float = 60.0
    unheard_s: float = 60.0
    stall_s: float = 60.0
    voices: int = 200
    job_s: float = 3600.0
    job_sound_s: float = 7200.0

    @classmethod
    def usual(cls, stored: bool) -> Limits:
        """Those of a server whose jobs live in a store, or in its memory."""
        return cls(job_s=STORED_JOB_S, job_sound_s=STORED_SOUND_S) if stored else cls()

    @property
    def queue(self) -> QueueLimits:
        """Those that the scheduler watches."""
        return QueueLimits(self.requests, self.waiting_sound_s, self.sound_s, self.unheard_s)
