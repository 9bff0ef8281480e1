"""How words are read: shown before they are said, heard alone, and said otherwise; and what is found in documents."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialogue_tts._ui.asked import (
    LONGEST_NAME,
    LONGEST_SCRIPT,
    LONGEST_WORD,
    MOST_TURNS,
    Answer,
    Asked,
    directions_in,
    finding_told,
    refs_in,
    row_told,
    settings_in,
    text_in,
)
from dialogue_tts._ui.session import Session
from dialogue_tts._ui.turns import Row
from dialogue_tts.dialogue.publication import chapters_of
from dialogue_tts.errors import ScriptError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.documents import read_draft
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.script.writing import format_turn
from dialogue_tts.text.words import Word
from dialogue_tts.voices.voice import Voice

_LETTERS = re.compile(r"[\[\]()/\\|<>*]")
MOST_FINDINGS = 200  # of a document, that are shown


def reading(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """A turn's words as they will be said."""
    words = _words(tts, session, asked, text_in(asked, "text", LONGEST_SCRIPT))
    return {"words": [_word_told(word) for word in words]}


def respell(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """Another spelling, such as "toe mah toe" -> how that is read."""
    words = _words(tts, session, asked, _LETTERS.sub(" ", text_in(asked, "text", LONGEST_WORD)))
    if not words:
        raise ScriptError("write how the word sounds, in letters, as in: toe mah toe.")
    return {"phonemes": "".join(word.phonemes for word in words), "spoken": " ".join(word.spoken for word in words)}


def hear_word(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """A word alone, in its speaker's voice; one at a time for each user."""
    word = " ".join(_LETTERS.sub(" ", text_in(asked, "word", LONGEST_WORD)).split())
    phonemes = text_in(asked, "phonemes", LONGEST_WORD).replace("/", "")
    speaker = text_in(asked, "speaker", LONGEST_NAME) or "Anna"
    if not word:
        raise ScriptError("there is no word to say.")
    text = f"[{word}](/{phonemes}/)." if phonemes else f"{word}."
    with session.one_word():
        dialogue = tts.synthesize(
            Script((Turn(speaker, text),)), _voice(session, asked, speaker), 0, settings_in(asked)
        )
        path: Path = session.folder / f"word-{secrets.token_hex(8)}.wav"
        dialogue.save(path)
        session.hold_word(path)
    return {"file": str(path)}


QUESTIONS: dict[str, Callable[[DialogueTTS, Session, Asked], Answer]] = {
    "reading": reading,
    "respell": respell,
    "hear_word": hear_word,
}


def found_in(data: bytes, name: str, directions: Treatment) -> Answer:
    """A document's turns as rows, and all there is to tell about it. Raises ScriptError if it cannot be read."""
    draft = read_draft(data, name, directions)
    if len(draft.turns) > MOST_TURNS:
        raise ScriptError(
            f"there are {len(draft.turns)} turns in it; at most {MOST_TURNS} are made here. Cut it in parts."
        )
    findings = list(draft.findings)
    if any(turn.start_s is not None for turn in draft.turns):
        told = "the times of subtitles are not kept here; dialogue-tts synthesize keeps them"
        findings.insert(0, Finding(1, None, "note", told))
    chapters = {chapter.turn: f"## {chapter.title}" for chapter in chapters_of(draft)}
    return {
        "rows": [row_told(Row("", turn, chapters.get(n, ""))) for n, turn in enumerate(draft.turns)],
        "speakers": list(dict.fromkeys(turn.speaker for turn in draft.turns)),
        "findings": [finding_told(finding) for finding in findings[:MOST_FINDINGS]],
        "more": max(0, len(findings) - MOST_FINDINGS),
        "mistakes": len(draft.mistakes),
    }


def _words(tts: DialogueTTS, session: Session, asked: Asked, text: str) -> tuple[Word, ...]:
    speaker = text_in(asked, "speaker", LONGEST_NAME) or "Anna"
    line = format_turn(Turn(speaker, " ".join(text.split())))
    found = tts.lint(line, _voice(session, asked, speaker), settings_in(asked), directions_in(asked))
    return tuple(word for turn in found.spoken for word in turn.words)


def _voice(session: Session, asked: Asked, speaker: str) -> dict[str, str | Voice]:
    """The speaker's voice, as far as one was chosen: it has an accent. Raises VoiceError if it is not here."""
    refs = refs_in(asked)
    return {speaker: session.voices.source(refs[speaker])} if speaker in refs else {}


def _word_told(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "spoken": word.spoken,
        "phonemes": word.phonemes,
        "guessed": word.guessed,
        "respelled": word.respelled,
    }
