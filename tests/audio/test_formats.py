"""A format of sound is offered by all who offer formats."""

from typing import get_args

from dialogue_tts.audio.io import FORMATS
from dialogue_tts.cli.inputs import SoundFormat
from dialogue_tts.server import jobs, mcp, schemas, service

ENDINGS = {ending[1:] for ending in FORMATS}
WITHOUT_FILE = {"pcm"}  # what has no header
SPEECH_ONLY = {"aac"}  # of OpenAI's route, for a line of speech


def test_every_format_is_offered_everywhere() -> None:
    offered = {
        "the command line": {one.value for one in SoundFormat},
        "the server's speech": set(get_args(schemas.Format)) - WITHOUT_FILE,
        "the server's jobs": set(get_args(jobs.ResultFormat)) & (ENDINGS | set(service.MEDIA_TYPES)) - WITHOUT_FILE,
        "the server's answers": set(service.MEDIA_TYPES) - WITHOUT_FILE - SPEECH_ONLY,
        "assistants": set(get_args(mcp.Ending)),
    }
    assert offered == dict.fromkeys(offered, ENDINGS)
