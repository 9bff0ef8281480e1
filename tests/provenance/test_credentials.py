"""Content Credentials: signed files tell who signed them, and whether they were changed since."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fastapi.testclient import TestClient

from dialogue_tts._ui.downloads import WRITERS, Download
from dialogue_tts.audio.io import read_audio, write_audio
from dialogue_tts.dialogue.publication import Chapter, Publication
from dialogue_tts.errors import AudioError, SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance import credentials
from dialogue_tts.provenance.credentials import ContentSigner, Credentials, read_credentials
from dialogue_tts.provenance.verify import verify_file
from dialogue_tts.server.opening import ServerSettings, open_app
from tests.cli.conftest import CommandLine


def pem_key(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def certified(
    name: str, key: ec.EllipticCurvePrivateKey, by: str, by_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """A certificate of C2PA's profile, or if it vouches for itself, an authority's."""
    authority = name == by
    now = datetime.datetime.now(datetime.timezone.utc)
    uses = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    uses |= {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    builder = x509.CertificateBuilder(serial_number=x509.random_serial_number(), public_key=key.public_key())
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]))
    builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, by)]))
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**uses), critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
    return builder.sign(by_key, hashes.SHA256())


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files of a certificate and its key."""
    folder = tmp_path_factory.mktemp("pems")
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = [
        certified("Harbour Radio", own, "Authority", authority),
        certified("Authority", authority, "Authority", authority),
    ]
    (folder / "chain.pem").write_bytes(b"".join(part.public_bytes(serialization.Encoding.PEM) for part in chain))
    (folder / "key.pem").write_bytes(pem_key(own))
    return folder / "chain.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def signer(pems: tuple[Path, Path]) -> ContentSigner:
    return ContentSigner.load(*pems)


@pytest.mark.parametrize("ending", [".wav", ".flac", ".mp3"])
def test_a_signed_file_says_who_signed_it_and_sounds_as_before(
    ending: str, signer: ContentSigner, speech: np.ndarray, tmp_path: Path
) -> None:
    plain, path = tmp_path / f"plain{ending}", tmp_path / f"talk{ending}"
    write_audio(plain, speech, 24_000)
    write_audio(path, speech, 24_000, sign=signer.signs(path))
    np.testing.assert_array_equal(soundfile.read(plain)[0], soundfile.read(path)[0])
    assert read_credentials(plain) is None
    path.rename(tmp_path / "nothing told")  # what it is, is seen in it
    assert read_credentials(tmp_path / "nothing told") == Credentials("Harbour Radio", True, True, "dialogue-tts")
    found = verify_file(tmp_path / "nothing told")
    assert not found.marked and found.facts({})["credentials"]["signer"] == "Harbour Radio"
    assert any("Harbour Radio" in said and "as it was signed" in said for said in found.sentences({}))


def test_a_changed_file_is_told(signer: ContentSigner, speech: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    write_audio(path, speech, 24_000, sign=signer.signs(path))
    content = bytearray(path.read_bytes())
    content[20_000] ^= 1  # a sample
    path.write_bytes(content)
    found = read_credentials(path)
    assert found and not found.intact and "IT WAS CHANGED" in found.sentence()


def test_without_the_package_credentials_are_not_passed_over(
    signer: ContentSigner, speech: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, path = tmp_path / "plain.wav", tmp_path / "talk.wav"
    write_audio(plain, speech, 24_000)
    write_audio(path, speech, 24_000, sign=signer.signs(path))
    monkeypatch.setattr(credentials, "find_spec", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert read_credentials(plain) is None
    with pytest.raises(AudioError, match=r"needs c2pa-python, cryptography: pip install .*\[c2pa\]"):
        read_credentials(path)
    with pytest.raises(SettingsError, match=r"\[c2pa\]"):
        ContentSigner(b"", b"")


def test_what_cannot_sign_is_refused(pems: tuple[Path, Path], signer: ContentSigner, tmp_path: Path) -> None:
    chain, key = (path.read_bytes() for path in pems)
    other = pem_key(ed25519.Ed25519PrivateKey.generate())
    for given in ((b"nothing", key), (chain, b"nothing"), (chain, other)):
        with pytest.raises(SettingsError, match="cannot sign"):
            ContentSigner(*given)
    with pytest.raises(SettingsError, match=r"nowhere\.pem: cannot be read"):
        ContentSigner.load(tmp_path / "nowhere.pem", pems[1])
    with pytest.raises(SettingsError, match=r"talk\.opus: such files cannot be signed"):
        signer.signs(tmp_path / "talk.opus")


def test_the_command_signs_all_sound_files(tiny_bundle_dir: Path, pems: tuple[Path, Path], tmp_path: Path) -> None:
    run, script = CommandLine(tiny_bundle_dir), tmp_path / "script.txt"
    script.write_text("[A] Is it ten past five?\n[B] Nearly.\n")
    run.refused("synthesize", script, "-o", tmp_path / "talk.opus", "--c2pa", *pems, said="cannot be signed")
    made = run("synthesize", script, "-o", tmp_path / "talk.wav", "--tracks", tmp_path / "tracks", "--c2pa", *pems)
    assert made.exit_code == 0, made.output
    files = [tmp_path / "talk.wav", *sorted((tmp_path / "tracks").iterdir())]
    assert len(files) == 3
    assert [read_credentials(path) for path in files] == 3 * [Credentials("Harbour Radio", True, True, "dialogue-tts")]


@pytest.mark.parametrize("ending", [".mp3", ".m4b", ".flac"])
def test_what_is_published_is_signed_keeps_its_chapters_and_is_verified(
    ending: str, tiny_tts: DialogueTTS, signer: ContentSigner, tmp_path: Path
) -> None:
    dialogue = tiny_tts.synthesize(
        "[A] The tide comes in at ten past five.\n[B] It always does.", {"A": "low", "B": "high"}
    )
    told = Publication(title="Tea", chapters=(Chapter(0, "Tide"), Chapter(1, "Always")))
    plain, path = tmp_path / f"plain{ending}", tmp_path / f"talk{ending}"
    told.save(dialogue, plain)
    told.save(dialogue, path, signer)
    np.testing.assert_array_equal(read_audio(plain, 24_000).numpy(), read_audio(path, 24_000).numpy())
    with av.open(str(path)) as file:
        assert file.metadata["title"] == "Tea"
        assert [mark["metadata"]["title"] for mark in file.chapters()] == ["Tide", "Always"]
    found = verify_file(path)
    assert found.comment == dialogue.provenance
    assert found.credentials == Credentials("Harbour Radio", True, True, "dialogue-tts")


def test_a_batch_is_signed_and_made_anew_where_it_was_not(
    tiny_bundle_dir: Path, pems: tuple[Path, Path], tmp_path: Path
) -> None:
    run, scripts, out = CommandLine(tiny_bundle_dir), tmp_path / "scripts", tmp_path / "out"
    scripts.mkdir()
    (scripts / "tide.txt").write_text("[A] Is it ten past five?\n")
    run.refused("batch", scripts, out, "--format", "ogg", "--c2pa", *pems, said="cannot be signed")
    assert run("batch", scripts, out).exit_code == 0
    assert read_credentials(out / "tide.wav") is None
    for made in ("1 made, 0 done before", "0 made, 1 done before"):
        told = run("batch", scripts, out, "--c2pa", *pems)
        assert told.exit_code == 0 and made in told.output
        assert read_credentials(out / "tide.wav") == Credentials("Harbour Radio", True, True, "dialogue-tts")


def test_a_server_signs_whole_files(tiny_bundle_dir: Path, pems: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.pem: cannot be read"):
        open_app(ServerSettings(bundle=str(tiny_bundle_dir), c2pa=(tmp_path / "nowhere.pem", pems[1])))
    with TestClient(open_app(ServerSettings(bundle=str(tiny_bundle_dir), c2pa=pems))) as client:
        for ending, signed in (("wav", True), ("mp3", True), ("ogg", False)):
            asked = {"script": "[A] Is it ten past five?", "format": ending}
            path = tmp_path / f"talk.{ending}"
            path.write_bytes(client.post("http://localhost/v1/dialogue", json=asked).raise_for_status().content)
            assert soundfile.info(path).duration > 0
            assert bool(read_credentials(path)) == signed


def test_a_studio_signs_what_is_downloaded(tiny_tts: DialogueTTS, signer: ContentSigner, tmp_path: Path) -> None:
    dialogue = tiny_tts.synthesize("[A] Is it ten past five?\n[B] Nearly.", {"A": "low", "B": "high"})
    for kind in ("wav", "mp3", "m4b", "stereo", "tracks", "turns", "ogg", "opus"):
        (folder := tmp_path / kind).mkdir()
        path = WRITERS[kind](Download(dialogue, Publication(), folder, "talk", signer))
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder / "unpacked")
        files = sorted((folder / "unpacked").iterdir()) if path.suffix == ".zip" else [path]
        assert len(files) == (2 if path.suffix == ".zip" else 1)
        for file in files:
            assert bool(read_credentials(file)) == (kind not in ("ogg", "opus"))
