"""Dialogue TTS: a script with speaker turns in, a conversation out, each speaker in the voice of a short recording."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_tts.dialogue import Chunk, Dialogue, Revision
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.project import Project
    from dialogue_tts.review import Finding, Review
    from dialogue_tts.script import format_script, parse_script
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.stream import Stream
    from dialogue_tts.types import Script, Turn
    from dialogue_tts.voice_library import VoiceLibrary
    from dialogue_tts.voices import Consent, Voice

__all__ = [
    "Chunk",
    "Consent",
    "Dialogue",
    "DialogueTTS",
    "Finding",
    "Project",
    "Review",
    "Revision",
    "Script",
    "Stream",
    "SynthesisConfig",
    "Turn",
    "Voice",
    "VoiceLibrary",
    "format_script",
    "parse_script",
]
__version__ = "0.1.0"

_PLACES = {
    "Chunk": "dialogue",
    "Consent": "voices",
    "Dialogue": "dialogue",
    "DialogueTTS": "pipeline",
    "Finding": "review",
    "Project": "project",
    "Review": "review",
    "Revision": "dialogue",
    "Script": "types",
    "Stream": "stream",
    "SynthesisConfig": "settings",
    "Turn": "types",
    "Voice": "voices",
    "VoiceLibrary": "voice_library",
    "format_script": "script",
    "parse_script": "script",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: `dialogue-tts --help` need not wait for PyTorch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
