"""Stage directions in what people write: what is to be done or seen rather than said.

A direction is

- a **line of its own** that is a scene heading (`EXT. HARBOUR - DAY`, `ACT II`, `Scene 2: The harbour`), a transition (`FADE
  OUT.`, `CUT TO:`), a rule (`---`, `* * *`), or an entrance or exit (`Enter Ben.`, `Exeunt.`);
- **brackets around a whole line**, `(He exits.)` or `*She looks up.*`, where a sentence does not just run on over it;
- **brackets right behind a name**, `Anna: (whispering) Hello.`, unless they speak of "I" or "we";
- **anywhere**, brackets or emphasis whose words are of the stage: `(laughs)`, `*sighs deeply*`, `(to Ben)`, `(He sits.)`.

All other parentheses are speech: `I met Tom (my brother) there.`
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from dialogue_tts.script.inline import escaped

Treatment = Literal["left_out", "spoken", "narrator", "refused"]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)
Reading = Literal["left_out", "spoken", "narrator", "refused", "as_typed"]  # the last: see `parse_typed`
NARRATOR = "Narrator"  # who reads directions aloud, where that is wanted

# What people on a stage do, as it stands in directions: "laughs", "laughing".
_VERBS = """
applaud approach ascend awake awaken bark beckon bellow blink blush bow breathe bristle burp cackle chant cheer chew choke
chortle chuckle clap collapse cough cower crawl cringe croak cry curtsy dance depart descend disappear embrace enter exhale
exit exeunt faint falter fidget flinch freeze frown gasp gesture giggle glance glare glower grimace grin groan growl grumble
grunt gulp hesitate hiccup hiss howl hug hum inhale interrupt jeer jump kick kiss kneel knock laugh leer limp linger listen
moan mock mouth mumble murmur mutter nod pace pant pause peer point pout reappear recoil rise roar scoff scowl scream
screech shiver shout shriek shrug shudder sigh sing sit smile smirk snap snarl sneer sneeze snicker sniff sniffle snigger
snore snort sob squeal stagger stammer stand stare startle stumble stutter swallow tremble turn tut twirl wail wake wave weep
whimper whine whisper whistle wince wink yawn yell clear roll lean look gaze walk run put pick take open close pull push hold
drop throw grab hand tap pat wipe rub scratch shake reach step stop start begin move leave return cross sip drink eat lift
raise lower touch point slam light sink back hurry rush study read whirl spin straighten tear nudge pull draw bite crack fall
catch stretch sag slump stride storm
""".split()
_ALONE = """
laugh laughs laughter chuckle giggle sigh sighs gasp pause paused beat silence applause cheers sob sobs tears cough whisper
whispered aside apart off offstage off-stage offscreen off-screen o.s. v.o. o.c. continuing continued cont'd more
softly quietly loudly angrily sadly happily gently sharply coldly warmly drily dryly slowly quickly nervously anxiously
excitedly sarcastically mockingly hesitantly hesitant thoughtfully thoughtful bitterly bitter cheerfully cheerful calmly calm
confused shocked surprised amused annoyed irritated angry sad excited nervous sarcastic deadpan breathless tearful sleepily
firmly flatly brightly darkly dreamily eagerly earnestly furiously gravely grimly hoarsely impatiently innocently intently
playfully proudly quizzically shyly slyly smugly solemnly sternly sullenly tenderly tensely tersely timidly wearily wryly
urgently incredulously incredulous enthusiastically enthusiastic suspiciously curiously
exit exits exeunt enter enters re-enter re-enters curtain blackout music flourish alarum alarums thunder lightning sennet
rising aloud overlapping simultaneously together filtered chorus stuttering dies sings sung
""".split()
_OPENERS = """
long short brief a an another slight awkward dramatic heavy nervous nervously small big deep deeply softly quietly loudly
slowly quickly quick suddenly still almost then again both all visibly slightly half gently sharply bitterly warmly sadly
angrily happily silently soft quiet loud low long-suffering mock
""".split()
_NOUNS = frozenset(
    "pause beat silence laugh laughter sigh gasp breath chuckle giggle smile sob cough groan yawn whisper scream shrug grin "
    "applause moment".split()
)
_PHRASES = re.compile(
    r"(?:in|with|under|through|on) (?:(?:a|an|his|her|their|the|mock|great) )?(?:\w+ ){0,2}(?:voice|whisper|tone|breath|smile|"
    r"sigh|laugh|grin|tears|shrug|accent|phone|telephone|intercom|radio|screen|sob|disgust|disbelief|surprise|anger|fear|awe)\b"
    r"|to (?:himself|herself|themselves|themself|itself|the audience|audience|the others|camera|the camera|the phone)\b"
    r"|(?:off|voice over|voice-over|off screen|off camera|on screen|into (?:the )?phone|over (?:the )?(?:phone|radio))$"
    r"|(?:sound|sounds|soundbite|sfx|music|noise|lights?|door|doors|phone|telephone|bell|curtain|footsteps|thunder|crowd|"
    r"audience|knock)"
    r"(?: of\b"
    r"| (?:\w+ly )?(?:rings?|opens?|closes?|slams?|knocks?|plays?|fades?|swells?"
    r"|stops?|starts?|rises?|falls?|up|down|out|"
    r"off|in|dims?|cheers?|laughs?|applauds?|buzzes|creaks?)\b|$)"
    r"|(?:a |the )?(?:phone|door|bell|dog|car|clock|shot|gunshot|train|telephone|knock|scream|crash|bang|doorbell)"
    r"(?: \w+)? (?:rings|opens|closes|slams|knocks|barks|honks|chimes|creaks|is heard|at the door|outside|off)\b",
    re.IGNORECASE,
)


def _forms(verb: str) -> tuple[str, str]:
    """laugh -> laughs, laughing; cry -> cries, crying."""
    third = (
        verb[:-1] + "ies"
        if re.search(r"[^aeiou]y$", verb)
        else verb + ("es" if re.search(r"(s|sh|ch|x|z)$", verb) else "s")
    )
    doubled = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb) and not verb.endswith("ll")
    stem = verb[:-1] if re.search(r"[^eo]e$", verb) else verb + verb[-1] if doubled else verb
    return third, stem + "ing"


_THIRD = frozenset(_forms(verb)[0] for verb in _VERBS)
_PARTICIPLES = frozenset(_forms(verb)[1] for verb in _VERBS)
_BASE = frozenset(_VERBS)
_FIRST_PERSON = re.compile(r"\b(?:I|I['’]\w+|me|my|mine|we|we['’]\w+|our|us)\b")

_NUMBER = r"(?:\d{1,3}|[ivxlc]{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the first|the last)"
_ORDINAL = "(?:first|second|third|fourth|fifth|last|final)"
_HEADING = re.compile(
    r"(?:(?:int|ext|est|int\.?/ext|i/e|ext\.?/int)(?:\.|\s-)\s*\S.{0,150}"
    rf"|(?:act|scene|chapter|part|episode|book|prologue|epilogue|interlude)(?:\s+{_NUMBER}|(?<=logue)|(?<=lude))"
    rf"(?:\s*(?:[.:;–—-]|,\s*(?=act|scene|part)).{{0,120}})?"
    rf"|{_ORDINAL} (?:act|scene|part)\.?"
    r"|(?:the )?(?:curtain|blackout|intermission|interval|tableau)(?: (?:falls|rises|up|down|call))?\.?"
    r"|(?:commercial|ad|station) break|(?:opening|closing|end) (?:credits|titles)|cold open|title sequence"
    r"|the end\.?|end of (?:the )?(?:play|act|scene|episode|part|show|script|transcript|recording)\b.{0,30}|fin\.?)",
    re.IGNORECASE,
)
_TRANSITION = re.compile(
    r"(?:(?:slow |smash |match |jump |quick |hard |back )*(?:fade|fades|cut|cuts|dissolve|dissolves|wipe|iris)"
    r"(?: (?:in|out|to|from|up|back|through|into))*(?: (?:black|white|to black|to white))?[.:]?"
    r"|[A-Z][A-Z ]{2,40} TO:|(?:CUT|FADE|DISSOLVE) (?:BACK )?(?:TO|IN|OUT)\b[^a-z]{0,60})"
)
_RULE = re.compile(r"(?:[-*_=~•·.#+–—]\s*){3,}|[§⁂❦☙❧]+|#|`{3,}\w{0,20}")
_SET_OFF = re.compile(r"([-=~*_])\1{2,}[ \t]+\w[^-=~*_]{0,60}[ \t]+\1{3,}")  # --- AD BREAK ---
_MOVEMENT = re.compile(
    r"(?:Enter|Re-?enter|Exit|Exeunt|Manent|Alarums?|Flourish|Sennet|ENTER|RE-?ENTER|EXIT|EXEUNT)\b"
    r"(?:[.,:;]?$|[.,:;]? (?:the |a |an |all |both |two |three |from |to |at |with |omnes|severally|pursued |above|below|again|"
    r"left|right|[^\W\d_a-z]).{0,200})"
)
_CREDIT = re.compile(r"(?:(?:written |adapted )?by|directed by|based on)\b.{1,80}", re.IGNORECASE)

_PAREN = re.compile(r"[(（](?P<inner>[^()（）]{1,600})[)）]")
_STRESS = re.compile(
    r"(?<![\w*_\\])(?P<mark>\*{1,3}|_{1,3})(?![\s*_])(?P<inner>[^*\n]{0,200}?[^\s*\\])(?P=mark)(?![\w*_])"
)
_BLANK = re.compile(r"\n[ \t]*\n")


class Span(NamedTuple):
    """Where something stands in a text, and its words without the marks around them."""

    start: int
    end: int
    words: str


@lru_cache(maxsize=1024)
def heading_in(line: str) -> str | None:
    """What kind of direction a whole line is, as messages name it: a heading, a transition, a rule, an entrance."""
    plain = line.strip().strip("*_ ").strip() or line.strip()
    if _RULE.fullmatch(line.strip()):
        return "a rule"
    if len(plain) > 220:
        return None
    if _HEADING.fullmatch(plain) or _SET_OFF.fullmatch(line.strip()):
        return "a heading"
    if _TRANSITION.fullmatch(plain) or _TRANSITION.fullmatch(plain.upper() if plain.istitle() else plain):
        return "a transition"
    return "a stage direction" if is_movement(plain) else None


def is_movement(line: str) -> bool:
    """Whether somebody comes or goes: `Enter Ben.`, `Exeunt.`"""
    return bool(_MOVEMENT.fullmatch(line))


def is_credit(line: str) -> bool:
    """Whether a line names who wrote a script: `by Anna Vale`."""
    return bool(_CREDIT.fullmatch(line.strip()))


def directions_in(text: str, names: Collection[str], opening: bool) -> Iterator[Span]:
    """Directions in brackets or emphasis in a stretch of a turn, in order.

    Args:
        text: with a newline where a line of the script ends.
        names: of speakers, casefolded.
        opening: whether the turn begins here.
    """
    for match in sorted(
        (*_PAREN.finditer(text), *_STRESS.finditer(text)), key=lambda found: (found.start(), -found.end())
    ):
        words = match["inner"].strip().strip("*_").strip()
        whole = match
        if "mark" in match.groupdict() and words.startswith("(") and words.endswith(")"):
            words = words[1:-1].strip()
        if escaped(text, match.start()) or _BLANK.search(match["inner"]) or not any(c.isalpha() for c in words):
            continue
        stressed = "mark" in match.groupdict() and not match["inner"].strip().startswith("(")
        if _is_direction(text, whole, words, names, opening, stressed):
            yield Span(match.start(), match.end(), words)


def unstressed(text: str) -> str:
    """A text without the marks of emphasis: `*never*` -> never, `_word_` -> word."""
    if "*" not in text and "_" not in text:
        return text
    for _ in range(2):
        text = _STRESS.sub(lambda match: match["inner"], text)
    return text


def stressed_in(text: str) -> Iterator[Span]:
    """Stretches that `unstressed` takes the marks from."""
    for match in _STRESS.finditer(text):
        yield Span(match.start(), match.end(), match["inner"])


def _is_direction(
    text: str, match: re.Match[str], words: str, names: Collection[str], opening: bool, stressed: bool
) -> bool:
    before = text[max(0, match.start() - 40) : match.start()]
    after = text[match.end() : match.end() + 40]
    first = not before.strip() and match.start() == len(before)
    alone = not before.rpartition("\n")[2].strip() and not after.partition("\n")[0].strip(" .\n")
    inside = not (alone or first or _ends_sentence(before)) and bool(after.strip(" .\n"))
    if of_the_stage(words, names, inside):
        return True
    if _speaks(words):
        return False
    new = first or _ends_sentence(before) or bool(_BLANK.search(before[len(before.rstrip()) :]))
    if stressed:  # one stressed word is a stressed word
        return alone and new and not (first and opening) and len(words.split()) > 1
    return (opening and first) or (alone and new)


def of_the_stage(words: str, names: Collection[str], inside: bool = False) -> bool:
    """Whether words are what directions are written in: `laughs`, `softly`, `to Ben`, `He sits down.`

    inside: a sentence goes on around them: only what is short counts there.
    """
    plain = " ".join(words.replace("’", "'").split()).strip(" .,;:!…-–—")
    tokens = [token.strip(".,;:!…") for token in plain.casefold().split()]
    if not tokens or len(tokens) > 40 or (inside and len(tokens) > 4):
        return False
    if " ".join(tokens) in _ALONE or tokens[0] in _ALONE and (len(tokens) == 1 or tokens[1] in ("and", "but", "then")):
        return True
    if tokens[0] == "to" and len(tokens) > 1 and _names(tokens[1:], names):
        return True
    if _PHRASES.match(plain):
        return True
    count = _names(tokens, names) or (1 if tokens[0] in ("he", "she", "they", "everyone", "everybody") else 0)
    subject, rest = tokens[:count], tokens[count:]
    if subject and inside:
        return False
    if subject and rest[:1] in (["is"], ["are"]):
        return rest[1:2] != [] and rest[1] in _PARTICIPLES
    while rest and (rest[0] in _OPENERS or (rest[0].endswith("ly") and len(rest) > 1)):
        rest = rest[1:]
        if rest and not subject and rest[0] in _NOUNS:
            return True
    if not rest:
        return False
    if rest[0] in _NOUNS and not subject and len(rest) == 1:
        return True
    return (
        rest[0] in _THIRD
        or rest[0] in _PARTICIPLES
        and (not inside or len(rest) <= 3)
        or (bool(subject) and subject[0] in ("they", "both", "all") and rest[0] in _BASE)
    )


def _names(tokens: list[str], names: Collection[str]) -> int:
    """How many of the first words are a speaker's name."""
    for count in (4, 3, 2, 1):
        if len(tokens) >= count and " ".join(tokens[:count]) in names:
            return count
    return 0


def _ends_sentence(before: str) -> bool:
    return bool(re.search(r"[.?!…:;—–-][\"'”’)*_\]]*\s*$", before))


def _speaks(words: str) -> bool:
    return bool(_FIRST_PERSON.search(words))
