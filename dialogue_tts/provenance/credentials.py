"""Content Credentials: a signed statement inside a file that a machine made its sound (C2PA specification 2, by c2pa-python).

The mark in the sound says that this program spoke, whoever copies it; the signature says who published the file, and that
nobody changed it since. It needs a certificate, so it is the operator's to give.
"""

from __future__ import annotations

import io
import json
import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dialogue_tts.errors import AudioError, SettingsError
from dialogue_tts.extras import check_extra

if TYPE_CHECKING:
    import c2pa

TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
}
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC's word for a model's output
_ALGORITHMS: Mapping[str, bytes] = {"secp256r1": b"es256", "secp384r1": b"es384", "secp521r1": b"es512"}
_OFFLINE = {"verify": {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_trust": False}}


@dataclass(frozen=True)
class Credentials:
    """What a file's signed statement says.

    Attributes:
        signer: whom the certificate names; nobody is asked here whether that certificate is to be trusted.
        intact: the file is as it was signed.
        synthetic: it states that a model made the sound.
        program: what wrote the statement.
    """

    signer: str
    intact: bool
    synthetic: bool
    program: str

    def sentence(self) -> str:
        """In words."""
        told = f"the file has Content Credentials of {self.signer}"
        told += ", and is as it was signed" if self.intact else ", but IT WAS CHANGED since it was signed"
        made = "made by a model" if self.synthetic else "not said to be made by a model"
        return (
            f"{told}; its sound is {made} ({self.program}). Whether that certificate is to be trusted was not checked."
        )


class ContentSigner:
    """Signs sound files. One of a process will do, for any number of files."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """
        Args:
            certificate: PEM, the signer's own first, then those that vouch for it; as C2PA asks, it may not vouch for itself.
            key: PEM, PKCS #8, without a password.

        Raises:
            SettingsError: c2pa-python is missing, or they do not serve.
        """
        check_extra("c2pa", "signing files", error=SettingsError)
        import c2pa

        try:
            self._info = c2pa.C2paSignerInfo(_algorithm(key), certificate, key, None)
            self.sign(io.BytesIO(_SILENCE), io.BytesIO(), ".wav", "Silence")
        except (c2pa.C2paError, ValueError, TypeError) as error:
            raise SettingsError(
                f"this certificate and key cannot sign ({error}); give a PEM chain whose first certificate is "
                "for signing (C2PA's profile), and its own PKCS #8 key."
            ) from None

    @classmethod
    def load(cls, certificate: Path, key: Path) -> ContentSigner:
        """From PEM files. Raises SettingsError if one cannot be read, and as the constructor does."""
        try:
            return cls(certificate.read_bytes(), key.read_bytes())
        except OSError as error:
            raise SettingsError(f"{error.filename}: cannot be read ({error.strerror}).") from None

    def signs_if_it_can(self, path: Path) -> Callable[[Path], None] | None:
        """As `signs`; None for an ending that cannot be signed."""
        return self.signs(path) if path.suffix.lower() in TYPES else None

    def signs(self, path: Path) -> Callable[[Path], None]:
        """What signs the draft of a file where it lies, raising AudioError. Raises SettingsError for an ending that cannot
        be signed."""
        import c2pa

        if path.suffix.lower() not in TYPES:
            raise SettingsError(f"{path}: such files cannot be signed; use {', '.join(TYPES)}.")

        def sign(draft: Path) -> None:
            signed = io.BytesIO()
            try:
                with draft.open("rb") as source:
                    self.sign(source, signed, path.suffix, path.stem)
            except c2pa.C2paError as error:
                raise AudioError(f"{path}: cannot be signed ({error}); give a certificate that is valid now.") from None
            draft.write_bytes(signed.getbuffer())

        return sign

    def sign(self, source: BinaryIO, target: BinaryIO, ending: str, title: str) -> None:
        """Copy a sound with a signed statement about it."""
        import c2pa

        statement = {
            "claim_generator_info": [{"name": "dialogue-tts", "version": metadata.version("dialogue-tts")}],
            "title": title,
            "assertions": [
                {
                    "label": "c2pa.actions",
                    "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE}]},
                }
            ],
        }
        with c2pa.Builder(statement, _offline()) as builder, c2pa.Signer.from_info(self._info) as signer:
            builder.sign(signer, TYPES[ending.lower()], source, target)


def read_credentials(path: Path) -> Credentials | None:
    """What a file's signed statement says; None if it has none, or its kind cannot have one.

    Raises:
        AudioError: it has one, and c2pa-python is missing, or it is broken.
    """
    with path.open("rb") as file:
        kind = _kind_of(file.read(12))
    if kind is None:
        return None
    if find_spec("c2pa") is None:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(b"c2pa") >= 0:
                check_extra("c2pa", f"{path}: reading its Content Credentials", error=AudioError)
        return None
    import c2pa

    try:
        with path.open("rb") as file, c2pa.Reader(kind, file, context=_offline()) as reader:
            told, state = json.loads(reader.json()), str(reader.get_validation_state())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        raise AudioError(f"{path}: its Content Credentials are broken ({error}); ask for the file again.") from None
    return _credentials(told, intact=state in ("Valid", "Trusted"))


def _kind_of(head: bytes) -> str | None:
    """The one of TYPES that a file's first twelve bytes tell; None for others."""
    if head.startswith(b"RIFF") and head.endswith(b"WAVE"):
        return TYPES[".wav"]
    if head.startswith(b"fLaC"):
        return TYPES[".flac"]
    if head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return TYPES[".mp3"]
    return TYPES[".m4a"] if head[4:8] == b"ftyp" else None


def _credentials(told: dict[str, Any], intact: bool) -> Credentials:
    manifest = told["manifests"][told["active_manifest"]]
    signature = manifest.get("signature_info", {})
    signer = signature.get("issuer") or signature.get("common_name") or "somebody without a name"
    programs = [info.get("name", "") for info in manifest.get("claim_generator_info", ())]
    return Credentials(signer, intact, SOURCE in json.dumps(manifest.get("assertions", ())), ", ".join(programs))


def _offline() -> c2pa.Context:
    """Nothing is looked up anywhere."""
    import c2pa

    return c2pa.Context(c2pa.Settings.from_dict(_OFFLINE))


def _algorithm(key: bytes) -> bytes:
    """The signing algorithm that C2PA has for a private key. Raises ValueError or TypeError if there is none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found = load_pem_private_key(key, password=None)
    if isinstance(found, ec.EllipticCurvePrivateKey) and found.curve.name in _ALGORITHMS:
        return _ALGORITHMS[found.curve.name]
    if isinstance(found, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(found, rsa.RSAPrivateKey):
        return b"ps256"
    raise ValueError("C2PA has no signature for this kind of key")


_SILENCE = (  # a WAV file of nothing: whether a certificate serves is tried on it
    b"RIFF" + (44).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data"
    b"\x08\0\0\0" + bytes(8)
)
