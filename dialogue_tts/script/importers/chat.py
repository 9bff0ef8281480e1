"""Chats with language models as JSON or JSON lines: OpenAI's messages and exports, ShareGPT's conversations, and lists of
{speaker, text}."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.forms import Line
from dialogue_tts.script.importers.markdown import read_markdown
from dialogue_tts.script.labels import is_name

_WHO = ("name", "speaker", "role", "from", "author", "sender", "character", "user", "sender_name", "username", "actor")
_WHAT = ("content", "text", "value", "message", "line", "parts", "body")
_LISTS = (
    "messages",
    "conversations",
    "conversation",
    "turns",
    "dialogue",
    "dialog",
    "segments",
    "chat",
    "items",
    "history",
    "lines",
    "script",
    "transcript",
    "utterances",
    "exchanges",
)
_SPELLED = {"gpt": "GPT", "ai": "AI", "chatgpt": "ChatGPT", "llm": "LLM"}
_NO_SPEECH = frozenset("system developer tool function observation function_call tool_call ipython".split())
_STAMP = re.compile(r"\d{1,13}(?:\.\d{1,9})?")
MOST_MESSAGES = 50_000


def read_chat(text: str) -> tuple[list[Line], list[str]]:
    """Its messages, numbered from 1, their Markdown read. Raises ScriptError."""
    lines: list[Line] = []
    messages = list(_messages(_parsed(text)))
    if not messages:
        raise ScriptError('no messages are in this JSON; write a list of {"role": "user", "content": "Hello."}.')
    if len(messages) > MOST_MESSAGES:
        raise ScriptError(
            f"the chat has {len(messages)} messages, at most {MOST_MESSAGES} are read; cut it into several."
        )
    for number, (who, what) in enumerate(messages, start=1):
        aside = who.casefold() in _NO_SPEECH
        blocks, _ = read_markdown(what)
        name = _SPELLED.get(who.casefold(), who[:1].upper() + who[1:].replace("_", " "))
        speaker: str | None = name
        for block in blocks:
            said = " ".join(cell for cell in block.cells) or block.text
            if said.strip() and said != "---":
                silent = aside or block.aside
                lines.append(Line(number, said, speaker=None if silent else speaker, aside=silent))
                speaker = speaker if silent else None
    return lines, []


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as whole:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
            raise whole
        except (ValueError, RecursionError):
            where = f" ({whole})" if isinstance(whole, json.JSONDecodeError) else ""
            raise ScriptError(f"this is not JSON{where}; save the chat again, or give a script as text.") from None


def _messages(found: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """(who, what) of each message, wherever an export keeps them."""
    if depth > 6:
        return
    if isinstance(found, list):
        for item in _in_order(found):
            yield from _messages(item, depth + 1)
    elif isinstance(found, dict):
        if "mapping" in found and isinstance(found["mapping"], dict):
            yield from _threaded(found)
        elif (who := _who(found)) and (what := _what(found)):
            yield who, what
        elif depth and len(found) == 1 and (pair := next(iter(found.items()))) and _is_said(*pair):
            yield pair  # {"Anna": "Hello."}
        else:
            for part in _parts(found):
                yield from _messages(part, depth + 1)


def _parts(found: dict[str, Any]) -> list[Any]:
    """Where the messages of something that is none itself are kept: in a list of a known name, else in any (scenes)."""
    for key in _LISTS:
        if isinstance(found.get(key), list):
            return [found[key]]
    if isinstance(found.get("message"), dict):
        return [found["message"]]
    lists = (value for value in found.values() if isinstance(value, list))
    return [value for value in lists if any(isinstance(item, dict) for item in value)]


def _is_said(who: str, what: Any) -> bool:
    return isinstance(what, str) and bool(what.strip()) and who not in (*_WHO, *_WHAT, *_LISTS) and is_name(who, 4)


def _in_order(found: list[Any]) -> list[Any]:
    """Messages as they were written: some exports put the last one first."""
    times = [str(item.get("timestamp_ms", item.get("ts"))) if isinstance(item, dict) else "" for item in found]
    numbers = [float(time) for time in times if _STAMP.fullmatch(time)]
    backwards = len(numbers) == len(found) > 1 and numbers == sorted(numbers, reverse=True) and numbers[0] > numbers[-1]
    return found[::-1] if backwards else found


def _threaded(export: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """ChatGPT's export: a tree of messages, of which the branch that ends in `current_node` was the one shown."""
    nodes = export["mapping"]
    path: list[dict[str, Any]] = []
    node = export.get("current_node") or next(reversed(nodes), None)
    while isinstance(node, str) and isinstance(nodes.get(node), dict) and len(path) <= len(nodes):
        path.append(nodes[node])
        node = nodes[node].get("parent")
    for place in reversed(path):
        message = place.get("message")
        if isinstance(message, dict):
            yield from _messages(message)


def _who(message: dict[str, Any]) -> str | None:
    for key in _WHO:
        value = message.get(key)
        if isinstance(value, dict):
            value = value.get("name") or value.get("role")
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())[:60]
    return None


def _what(message: dict[str, Any]) -> str | None:
    for key in _WHAT:
        text = _text(message.get(key))
        if text.strip():
            return text
    return None


def _text(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth < 4:
        return "\n\n".join(filter(None, (_text(part, depth + 1) for part in value)))
    if isinstance(value, dict) and depth < 4:
        return _text(value.get("text") or value.get("parts") or value.get("content"), depth + 1)
    return ""
