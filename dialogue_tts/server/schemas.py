"""What requests and answers look like. What a schema does not know is an error, so that no wish is lost in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.parser import parse_script
from dialogue_tts.script.turns import FASTEST, LATEST_S, MAX_PAUSE_S, SLOWEST, Script, Turn
from dialogue_tts.settings import MOST_DRAWS, RANGES, SynthesisConfig
from dialogue_tts.synthesis.ticket import State

Format = Literal["wav", "flac", "mp3", "ogg", "opus", "pcm"]
Seed = Annotated[int, Field(ge=0, lt=1 << 53, description="The same request with the same seed gives the same sound.")]
Speed = Annotated[float, Field(ge=SLOWEST, le=FASTEST)]
Pause = Annotated[float, Field(ge=0, le=MAX_PAUSE_S)]
Time = Annotated[float, Field(ge=0, le=LATEST_S)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class Strict(BaseModel):
    """Unknown fields are refused, and so are numbers in quotes and the like."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class VoiceId(Strict):
    """A voice as OpenAI's clients name one of their own."""

    id: Name


class Speech(Strict):
    """A text in one voice, as OpenAI defines it."""

    model: str = Field(description="See /v1/models; OpenAI's names are taken for the one model there is.")
    input: str = Field(min_length=1, description="Plain text or Markdown; it may hold `[word](/phonemes/)`.")
    voice: Name | VoiceId = Field(description="See /v1/audio/voices; in any case.")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Speed = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = Field(None, description="Not followed: refused, or ignored with a word in X-Notice.")
    seed: Seed = 0


class TurnIn(Strict):
    """A turn of a dialogue, as a script would have it."""

    speaker: Name
    text: str = Field(min_length=1)
    pause_s: Pause = 0.0
    overlap_s: Pause = 0.0
    speed: Speed = 1.0
    start_s: Time | None = Field(None, description="When it is to be heard, in seconds from the beginning.")
    end_s: Time | None = Field(None, description="When it is to be over; it is spoken faster to be, within bounds.")

    def as_turn(self, number: int) -> Turn:
        """For the library; errors name the turn by its number, as if each had a line."""
        text = " ".join(self.text.split())
        times = self.start_s, self.end_s
        return Turn(self.speaker, text, self.pause_s, number, self.overlap_s, self.speed, *times)


def _numbers() -> dict[str, Any]:
    """The numbers of `SynthesisConfig`, as fields; a client may not have a turn drawn as often as the library."""
    kinds, usual = get_type_hints(SynthesisConfig), SynthesisConfig()
    most_draws = {"takes": MOST_DRAWS, "sound_takes": MOST_DRAWS}
    return {
        name: (kinds[name], Field(getattr(usual, name), ge=least, le=most_draws.get(name, most)))
        for name, (least, most, _) in RANGES.items()
    }


class Settings(create_model("Settings", __base__=Strict, **_numbers())):  # type: ignore[misc]
    """Settings of a synthesis, those of `SynthesisConfig`; those left out are the server's."""

    pronunciations: dict[Name, Annotated[str, Field(max_length=200)]] = Field(default_factory=dict, max_length=1000)

    def over(self, config: SynthesisConfig) -> SynthesisConfig:
        """`config` with what the request sets."""
        given: dict[str, Any] = self.model_dump(exclude_unset=True)
        if "pronunciations" in given:
            given["pronunciations"] = tuple(given["pronunciations"].items())
        return replace(config, **given)


class Spoken(Strict):
    """A dialogue: what is said, by whom, in which voices."""

    script: str | None = Field(None, min_length=1, description="As docs/scripts.md has it; or else give `turns`.")
    turns: list[TurnIn] | None = Field(None, min_length=1)
    directions: Treatment = Field("left_out", description="What becomes of stage directions in `script`.")
    voices: dict[Name, Name] = Field(
        default_factory=dict, description="Speaker -> voice; the others get built-in ones."
    )
    seed: Seed = 0
    settings: Settings = Field(default_factory=Settings)

    @model_validator(mode="after")
    def _one_script(self) -> Spoken:
        if (self.script is None) == (self.turns is None):
            raise ValueError("give either a script or turns")
        return self

    @property
    def characters(self) -> int:
        """How much there is to read: in turns, too, who speaks counts as it does in a script."""
        if self.turns is None:
            return len(self.script or "")
        return sum(len(turn.speaker) + len(turn.text) for turn in self.turns)

    def parsed(self) -> Script:
        """As turns. Raises ScriptError."""
        if self.turns is None:
            return parse_script(self.script or "", self.directions)
        return Script(tuple(turn.as_turn(number) for number, turn in enumerate(self.turns, start=1)))


class DialogueIn(Spoken):
    """A dialogue, and how it is to be sent."""

    format: Format = "wav"
    stereo: bool = Field(False, description="Speakers from left to right; not in a stream.")
    timestamps: bool = Field(
        False, description="JSON (in a stream: events) with times of turns and words beside sound."
    )
    stream: bool = Field(False, description="Send each turn as soon as it is made.")

    @model_validator(mode="after")
    def _mono_streams(self) -> DialogueIn:
        if self.stream and self.stereo:
            raise ValueError("a stream is mono; leave out stereo, or stream")
        return self


class LintIn(Strict):
    """A script that is still being written."""

    script: str
    directions: Treatment = "left_out"
    voices: list[Name] | None = Field(None, description="Speakers who have a voice; left out where nobody knows yet.")
    settings: Settings = Field(default_factory=Settings)


class FindingOut(BaseModel):
    """See `dialogue_tts.script.findings.Finding`."""

    line: int
    column: int | None
    severity: Literal["error", "warning", "note"]
    message: str


def findings_out(findings: Sequence[Finding]) -> list[FindingOut]:
    return [FindingOut.model_validate(asdict(finding)) for finding in findings]


class SpokenWordOut(BaseModel):
    """See `dialogue_tts.text.words.Word`."""

    text: str
    spoken: str
    phonemes: str
    guessed: bool


class SpokenTurnOut(BaseModel):
    """See `dialogue_tts.script.lint.TurnReading`."""

    line: int
    speaker: str
    words: list[SpokenWordOut]


class LintReportOut(BaseModel):
    """See `dialogue_tts.script.lint.LintReport`."""

    findings: list[FindingOut]
    speakers: list[str]
    turns: int
    duration_s: float
    work_s: float
    spoken: list[SpokenTurnOut]


class WordOut(BaseModel):
    """A word, and when it is heard in seconds."""

    word: str
    start: float
    end: float


class TurnOut(BaseModel):
    """A turn as it is heard, in seconds."""

    index: int
    speaker: str
    text: str
    start: float
    end: float
    words: list[WordOut]


class TimedDialogue(BaseModel):
    """A dialogue's sound in base64, and when what is heard."""

    audio: str
    format: Format
    seed: int
    sample_rate: int
    duration: float
    turns: list[TurnOut]
    findings: list[FindingOut] = Field(description="What the script's reading left out, and the like.")


class RedoIn(Strict):
    """Another take of a turn."""

    seed: Seed | None = Field(None, description="Of the take; by default one that the turn has not had.")
    text: str | None = Field(None, min_length=1, description="What to say instead; by default the same.")


class JobOut(BaseModel):
    """A job: how far it is."""

    id: str
    object: Literal["job"] = "job"
    state: State
    turns_done: int
    turns: int
    duration: float = Field(description="Of the turns made so far, in seconds.")
    expected_duration: float
    created_at: int
    findings: list[FindingOut] = Field(description="What the script's reading left out, and the like.")
    error: str | None


class JobDeleted(BaseModel):
    """A job that is no more."""

    id: str
    object: Literal["job.deleted"] = "job.deleted"
    deleted: Literal[True] = True


class VoiceOut(BaseModel):
    """A voice. Its id is what requests name it by."""

    id: str
    object: Literal["audio.voice"] = "audio.voice"
    name: str
    built_in: bool
    description: str
    accent: str = Field(description="In which the voice is read: en-US or en-GB.")
    alias_of: str | None = Field(default=None, description="The voice this is another name of.")
    warnings: list[str] = Field(default_factory=list, description="Of its recording, when it was just made.")


class VoiceList(BaseModel):
    """All voices, and then their aliases. Clients read them under one name or the other."""

    object: Literal["list"] = "list"
    data: list[VoiceOut]
    voices: list[VoiceOut]


class VoiceDeleted(BaseModel):
    """A voice that is no more."""

    id: str
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    deleted: Literal[True] = True


class ModelOut(BaseModel):
    """A model, as OpenAI's clients list them."""

    id: str
    object: Literal["model"] = "model"
    name: str
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models: one."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class AudioModelList(ModelList):
    """The same under the name that Open WebUI reads."""

    models: list[ModelOut]


class Version(BaseModel):
    """What runs here."""

    name: Literal["dialogue-tts"] = "dialogue-tts"
    version: str
    api_version: str
    model: str


class Health(BaseModel):
    """That the server works, and on what."""

    status: Literal["ok"] = "ok"
    model: str
