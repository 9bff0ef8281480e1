"""A project file that somebody opens: its script, voices, mix and settings for the page, and its sound again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dialogue_tts._ui.asked import MOST_TAKES, MOST_TURNS, Answer, Asked, name_in, row_told
from dialogue_tts._ui.making import MakeRequest
from dialogue_tts._ui.page_mix import mix_told, page_mix, renamed
from dialogue_tts._ui.session import Session
from dialogue_tts._ui.shown import sentence
from dialogue_tts._ui.turns import Row
from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.archive import is_archive, load_archive
from dialogue_tts.dialogue.arrangement import MixConfig, SavedSound
from dialogue_tts.dialogue.project import Project
from dialogue_tts.errors import DialogueTTSError, ProjectError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import MOST_DRAWS
from dialogue_tts.voices.voice import Voice

LARGEST_TEXT = 40_000_000  # bytes


def open_project(tts: DialogueTTS, session: Session, asked: Asked, text: str, pace_s: float) -> Answer:
    """A project's script, voices and settings for the page; its sound is made again, if all it needs is here."""
    opened, job_of = _opened(tts, session, Project.parse(text, "the file"), {})
    if job_of is None:
        return opened
    wanted, project, cast = job_of
    job = session.open(name_in(asked, "work"))
    job.begin_rebuild(wanted, project, cast, pace_s)
    return opened | {"news": job.news(0)}


def open_project_file(tts: DialogueTTS, session: Session, asked: Asked, path: Path, pace_s: float) -> Answer:
    """A project file that was uploaded, with or without its sound. Raises ProjectError if it is none."""
    if is_archive(path):
        return open_archive(tts, session, asked, path)
    if path.stat().st_size > LARGEST_TEXT:
        raise ProjectError(f"the project is larger than {LARGEST_TEXT // 10**6} MB; take sounds out of its mix.")
    try:
        return open_project(tts, session, asked, path.read_text(encoding="utf-8"), pace_s)
    except UnicodeDecodeError:
        raise ProjectError("this is no project file; open one that was saved here.") from None


def open_archive(tts: DialogueTTS, session: Session, asked: Asked, path: Path) -> Answer:
    """A project in one file: its sound is there at once. Raises ProjectError."""
    try:
        archive = load_archive(path)
    except ProjectError as error:
        raise ProjectError(str(error).removeprefix(f"{path}: ")) from None
    voices = {speaker: session.voices.hold(voice) for speaker, voice in archive.voices.items()}
    opened, job_of = _opened(tts, session, archive.project, voices)
    told = to_dict(archive.publication)
    cover = archive.publication.picture()
    rows = opened["rows"]
    chapters = [{"row": rows[c["turn"]]["id"], "title": c["title"]} for c in told["chapters"] if c["turn"] < len(rows)]
    held = session.covers.hold(cover.data) if cover else ""
    opened["publication"] = told | {"chapters": chapters, "cover": held}
    if job_of is None:
        return opened
    wanted, _, cast = job_of
    job = session.open(name_in(asked, "work"))
    job.put(wanted, archive.dialogue(cast, tts.mark).arranged(MixConfig()))
    return opened | {"news": job.news(0)}


Ready = tuple[MakeRequest, Project, Mapping[str, Voice]]


def _opened(
    tts: DialogueTTS, session: Session, project: Project, voices: Mapping[str, Voice]
) -> tuple[Answer, Ready | None]:
    """What the page is told of a project, and what its sound is made of, if all that is here.

    Args:
        voices: of speakers, that came with it.
    """
    if len(project.turns) > MOST_TURNS:
        raise ProjectError(f"the project has {len(project.turns)} turns; at most {MOST_TURNS} are made here.")
    takes = sum(len(saved.takes) for saved in project.turns)
    if takes > MOST_TAKES:
        raise ProjectError(f"the project has {takes:,} takes; at most {MOST_TAKES:,} are made here.")
    if max(project.config.takes, project.config.sound_takes) > MOST_DRAWS:
        raise ProjectError(
            f"the project draws a turn too often; at most {MOST_DRAWS} takes or sound_takes are drawn here."
        )
    sounds = {
        saved.name: saved.sound(session.sounds.all) for saved in project.sounds if saved.flac or _held(session, saved)
    }
    gone = [saved.name for saved in project.sounds if saved.name not in sounds]
    rows = tuple(Row(f"p{n}", saved.turn) for n, saved in enumerate(project.turns))
    known = {voice["name"] for voice in session.voices.listed() if voice["kind"] != "mine"}
    given: dict[str, str | Voice] = {}
    missing = []
    for saved in project.voices:
        voice = (
            voices.get(saved.speaker)
            or session.voices.find(saved.sha256)
            or (saved.name if saved.name in known else None)
        )
        if voice is None:
            missing.append(f"{saved.speaker}'s voice {saved.name!r}")
        else:
            given[saved.speaker] = voice
    config = project.config
    names = {name: session.sounds.bring(sound) for name, sound in sounds.items()}
    mix = MixConfig() if gone else project.mix
    told = None if mix == MixConfig() else mix_told(mix, [row.id for row in rows], names)
    answer: Answer = {
        "mix": told,
        "sounds": session.sounds.listed(),
        "rows": [row_told(row) | {"id": row.id} for row in rows],
        "cast": session.voices.refs_of(given),
        "settings": {
            "gap": config.gap_s,
            "speed": config.speed,
            "loudness": config.loudness_lufs,
            "words": dict(config.pronunciations),
        },
        "seed": project.seed,
    }
    if missing or gone:
        lacks = " and ".join([*missing, *(f"the sound {name!r} of its mix" for name in gone)])
        lack = sentence(f"{lacks} {'is' if len(missing + gone) == 1 else 'are'} not here")
        return answer | {"warning": f"{lack[:-1]}: choose or upload another, then make the dialogue."}, None
    try:
        project.check_bundle(tts.bundle_id)
        cast = {speaker: tts.voice(voice) for speaker, voice in given.items()}
        project.check_voices(cast)
    except DialogueTTSError as error:
        return answer | {"warning": f"{sentence(error)} The script is here; make it anew."}, None
    page = page_mix(renamed(mix, names), [row.id for row in rows], session.sounds.all, told)
    return answer, (MakeRequest(rows, given, answer["cast"], project.seed, config, mix=page), project, cast)


def _held(session: Session, saved: SavedSound) -> bool:
    return any(sound.sha256 == saved.sha256 for sound in session.sounds.all.values())
