"""Zipped documents (.docx, .odt, .epub), opened with care: nothing in them is trusted."""

from __future__ import annotations

import io
import zipfile
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from dialogue_tts.errors import ScriptError

MOST_UNPACKED = 64 * 2**20  # bytes, of all parts together
MOST_PARTS = 5000
_ENTITIES = tuple("<!ENTITY".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Raises ScriptError if it is damaged, locked, or would unpack to more than a document ever is."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise ScriptError("the document is damaged: its parts cannot be unpacked; save it again.") from None
    parts = archive.infolist()
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise ScriptError(f"the document unpacks to more than {MOST_UNPACKED // 2**20} MB; save only its text.")
    if any(part.flag_bits & 1 for part in parts):
        raise ScriptError("the document is locked by a password; save it without one.")
    return archive


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One part, never more than it says it has. Raises ScriptError if it is not there or damaged."""
    try:
        with archive.open(name) as part:
            data = part.read(MOST_UNPACKED + 1)
    except (KeyError, zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise ScriptError(f"the document is damaged: its part {name!r} cannot be read; save it again.") from None
    except Exception as error:  # zlib.error and those of other methods have no common base
        raise ScriptError(f"the document is damaged ({type(error).__name__}); save it again.") from None
    if len(data) > MOST_UNPACKED:
        raise ScriptError(f"the document unpacks to more than {MOST_UNPACKED // 2**20} MB; save only its text.")
    return data


def refuse_entities(archive: zipfile.ZipFile) -> None:
    """Raises ScriptError if an XML part defines entities, as no word processor does."""
    for part in archive.infolist():
        if part.filename.endswith((".xml", ".rels")):
            data = read_part(archive, part.filename)
            if any(mark in data for mark in _ENTITIES):
                raise ScriptError("the document defines entities, which may be made to overflow memory; save it again.")


def xml_of(data: bytes) -> Element:
    """Parsed XML without entities or DTDs. Raises ScriptError."""
    try:
        root: Element = fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
        return root
    except DefusedXmlException:
        raise ScriptError(
            "the document defines entities, which may be made to overflow memory; save it again."
        ) from None
    except (ParseError, ValueError, LookupError):
        raise ScriptError("the document is damaged: it is not well-formed XML; save it again.") from None
