"""Dialogue TTS: a script with speaker turns in, a conversation out, each speaker in the voice of a short recording."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_tts.dialogue.archive import save_archive
    from dialogue_tts.dialogue.arrangement import Bed, Effect, Intro, Level, MixConfig, Sound
    from dialogue_tts.dialogue.project import Project
    from dialogue_tts.dialogue.publication import Chapter, Publication, acx_report
    from dialogue_tts.dialogue.result import Chunk, Dialogue
    from dialogue_tts.dialogue.revision import Revision
    from dialogue_tts.dialogue.transcript import transcript
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.script.documents import read_script, write_script
    from dialogue_tts.script.findings import Finding
    from dialogue_tts.script.lint import LintReport
    from dialogue_tts.script.parser import parse_script
    from dialogue_tts.script.turns import Script, Turn
    from dialogue_tts.script.writing import format_script
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.synthesis.stream import Stream
    from dialogue_tts.voices.library import VoiceLibrary
    from dialogue_tts.voices.voice import Consent, Voice

__all__ = [
    "Bed",
    "Chapter",
    "Chunk",
    "Consent",
    "Dialogue",
    "DialogueTTS",
    "Effect",
    "Finding",
    "Intro",
    "Level",
    "LintReport",
    "MixConfig",
    "Project",
    "Publication",
    "Revision",
    "Script",
    "Sound",
    "Stream",
    "SynthesisConfig",
    "Turn",
    "Voice",
    "VoiceLibrary",
    "acx_report",
    "format_script",
    "parse_script",
    "read_script",
    "save_archive",
    "transcript",
    "write_script",
]
__version__ = "0.1.0"

_PLACES = {
    "Bed": "dialogue.arrangement",
    "Chapter": "dialogue.publication",
    "Effect": "dialogue.arrangement",
    "Intro": "dialogue.arrangement",
    "Level": "dialogue.arrangement",
    "MixConfig": "dialogue.arrangement",
    "Publication": "dialogue.publication",
    "Sound": "dialogue.arrangement",
    "acx_report": "dialogue.publication",
    "save_archive": "dialogue.archive",
    "transcript": "dialogue.transcript",
    "Chunk": "dialogue.result",
    "Consent": "voices.voice",
    "Dialogue": "dialogue.result",
    "DialogueTTS": "pipeline",
    "Finding": "script.findings",
    "Project": "dialogue.project",
    "LintReport": "script.lint",
    "Revision": "dialogue.revision",
    "Script": "script.turns",
    "Stream": "synthesis.stream",
    "SynthesisConfig": "settings",
    "Turn": "script.turns",
    "Voice": "voices.voice",
    "VoiceLibrary": "voices.library",
    "format_script": "script.writing",
    "parse_script": "script.parser",
    "read_script": "script.documents",
    "write_script": "script.documents",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: `dialogue-tts --help` need not wait for PyTorch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
