"""E-mail and web addresses, file names, handles, hashtags, versions, programming languages."""

from __future__ import annotations

import re

from dialogue_tts.text.numbers import digits, number
from dialogue_tts.text.rewriting import rules

_SIGNS = {
    ".": "dot",
    "@": "at",
    "/": "slash",
    "\\": "backslash",
    "-": "dash",
    "_": "underscore",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "+": "plus",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
}
_SPELLED = frozenset(
    "www uk io ai de eu fr us tv ca au nz ch jp cn ru md py js ts txt pdf docx xlsx pptx csv svg mp3 mp4 gz html htm css "
    "xml yml sh cpp rs rb php sql db bmp avi mkv mov wmv ogg exe dll dmg apk iso ini cfg tsx jsx xls ppt http "
    "https ftp api faq bbc nhs cnn nbc abc ibm url id vs pl".split()
)
_ENDINGS = (
    "com|org|net|edu|gov|io|dev|ai|uk|info|co|app|de|fr|eu|me|tv|us|ca|au|nz|ch|jp|biz|online|xyz|int|mil|museum|shop"
    "|blog|tech"
)
_FILES = (
    "md|py|ipynb|js|mjs|jsx|ts|tsx|json|jsonl|txt|pdf|docx?|xlsx?|pptx?|csv|tsv|png|jpe?g|gif|svg|bmp|webp|mp[34]|wav|flac"
    "|ogg|opus|avi|mkv|mov|zip|tar|gz|rar|7z|exe|dll|dmg|apk|iso|html?|css|xml|ya?ml|toml|ini|cfg|conf|sh|bat|cpp|hpp|rs|rb"
    "|java|php|sql|db|log|lock|bak|tmp|srt|vtt|epub|rtf|odt|safetensors"
)
_PART = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z'ß-ÿ]+|[^\W\d_]+|\d+|[^\w\s]|_")


def spell(letters: str) -> str:
    """`md` -> `M.D.`, which the G2P reads letter by letter; `a` -> `A.`, which is no article."""
    return (
        letters.upper()
        if len(letters) == 1 and letters not in "aA"
        else "".join(f"{letter}." for letter in letters.upper())
    )


def address(text: str) -> str:
    """Sign by sign: letters as words, digits in pairs at most."""
    words = []
    for part in _PART.findall(text):
        if part.isdigit():
            words.append(number(part) if len(part) < 3 and part[0] != "0" else digits(part))
        elif part.isalpha() and (len(part) == 1 or part.lower() in _SPELLED):
            words.append(spell(part))
        else:
            words.append(_SIGNS.get(part, part))
    return " ".join(words)


def _web(match: re.Match[str]) -> str:
    """The scheme is not read, nor a slash at the end."""
    text = re.sub(r"^\w+://", "", match[0])
    bare = text.rstrip("/.,:;!?\"')")
    return address(bare) + text[len(bare) :].replace("/", "").replace("'", "")


def _file(match: re.Match[str]) -> str:
    name = match[0]
    if name.isupper() or name.rpartition(".")[0].isupper():  # README.md
        stem, _, ending = name.rpartition(".")
        name = f"{stem.lower() if len(stem) > 3 else stem}.{ending}"
    return address(name)


def _hashtag(match: re.Match[str]) -> str:
    return f"hashtag {address(match[1])}"


def _handle(match: re.Match[str]) -> str:
    return f"at {address(match[1])}"


def _version(match: re.Match[str]) -> str:
    v, numbers = match.groups()
    parts = [number(part) if part[0] != "0" or len(part) == 1 else digits(part) for part in numbers.split(".")]
    return ("version " if v else "") + (" point " if v or len(parts) < 4 else " dot ").join(parts)


def _beta(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]} "


_DATE, _PHONE = r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d(?!\d)", r"\d{3}\.\d{3}\.\d{4}(?!\d)"
ADDRESSES = (
    *rules(
        (
            r"(?<![\w&])([A-Z]{1,3})&([A-Z]{1,3})('?s)?(?![\w&])",
            lambda m: f"{spell(m[1])} and {spell(m[2])}{chr(39) + 's' if m[3] else ''}",
        ),
        signs="&",
    ),
    *rules((r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,24}\b", _web), signs="@"),
    *rules((r"(?<!\w)(?:https?://|ftp://|file://|www\.)\S+", _web), signs=":."),
    *rules(
        (rf"(?<![\w@.-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,5}}(?:{_ENDINGS})\b(?!\.\w)(?:/[\w./?=&%#~+-]*)?(?![\w'])", _web),
        (rf"(?<![\w@.-])(?:[~.]?/)?[\w-]{{1,80}}(?:[./][\w-]{{1,80}}){{0,8}}\.(?:{_FILES})\b(?![\w.]\w)", _file),
        (r"(?<![\w.])\.NET\b", "dot net"),
        (r"(?<![\w.])\.(?:env|gitignore|bashrc|zshrc|htaccess)\b", lambda m: address(m[0])),
        (rf"(?<![\w.])\.(?=(?:{_FILES})\b)", "dot "),
        signs=".",
    ),
    *rules(
        (
            r"(?<![\w/:.])(?:(?:~|/)[\w.~-]{1,80}(?:[/\\][\w.~-]{1,80}){1,12}/?|[A-Z]:\\[\w.~-]{1,80}(?:\\[\w.~-]{1,80}){0,12})(?!\w)",
            lambda m: address(m[0].rstrip("/.")),
        ),
        signs="/\\",
    ),
    *rules((r"(?<![\w&])#(?=[^\W\d])(\w{1,80})", _hashtag), (r"(?<!\w)([CF])#(?!\w)", r"\1 sharp"), signs="#"),
    *rules((r"(?<!\w)([A-G])#(?=\W|$|m\b|maj|min|\d)", r"\1 sharp "), signs="#"),
    *rules((r"(?<!\w)@([A-Za-z_][\w.]{0,60}\w|[A-Za-z])", _handle), signs="@"),
    *rules((r"(?<!\w)(C|G|g|Notepad)\+\+(?!\w)", r"\1 plus plus"), signs="+"),
    *rules(
        (r"(?<![\w.])([vV])\.?(\d{1,4}(?:\.\d{1,5}){1,5})(?![\w]|\.\d)", _version),
        (rf"(?<![\w.,$£€])(?!{_DATE}|{_PHONE})()(\d{{1,5}}(?:\.\d{{1,5}}){{2,5}})(?![\w]|\.\d)", _version),
        signs=".",
    ),
)
