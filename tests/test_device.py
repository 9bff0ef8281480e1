"""Networks on another device: a stand-in for a GPU, which this machine need not have.

Its tensors say that they lie elsewhere. What a GPU would refuse fails: tensors of both places in one operation, and
`numpy()` of what is not on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from dialogue_tts.bundle import GENERATORS, NETWORKS, Bundle
from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import SettingsError
from dialogue_tts.nn import devices
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.synthesizer import Synthesizer
from dialogue_tts.voices.voice import Voice, encoder_id, read_voice

ELSEWHERE = torch.device("meta")  # a name only: the numbers are real
SCRIPT = "[Anna] Good evening. Where is it? [Ben] Here."
CONFIG = SynthesisConfig(takes=2, sound_takes=2, guidance=0.5)
MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Elsewhere(Tensor):
    """A tensor on the device that is not there: `held` has its numbers, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        with torch.inference_mode(False):  # a view of a network's weights is a usual tensor there, too
            made = Tensor._make_wrapper_subclass(
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=ELSEWHERE,
            )
        made.held = held
        return made

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.tolist:  # which a GPU's tensors have, and wrappers have not
            return args[0].held.tolist()
        if func is Tensor.numpy:
            raise TypeError("numpy() of a tensor that is not on the CPU")
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Computing(TorchDispatchMode):
    """While it is on, tensors can be moved to the other device and made there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Making(TorchFunctionMode):
    """While it is on, so can tensors of numbers: PyTorch leaves them out on the device whose name we took."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.tensor and kwargs.get("device") == ELSEWHERE:
            return func(*args, **kwargs | {"device": "cpu"}).to(ELSEWHERE)
        return func(*args, **kwargs)


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation, where its tensors lie. Fails where they do not lie together."""
    seen: list[Tensor] = []
    tree_map(lambda value: seen.append(value) if isinstance(value, Tensor) else None, (args, kwargs))
    away = any(isinstance(value, Elsewhere) for value in seen)
    # A single number may come from anywhere, as on GPUs.
    mixed = away and any(not isinstance(value, Elsewhere) and value.dim() for value in seen)
    if mixed and func not in MOVES:
        raise RuntimeError(f"{func}: tensors of two devices")
    wanted = kwargs.get("device")
    if wanted is not None:
        kwargs, away = kwargs | {"device": torch.device("cpu")}, torch.device(wanted) == ELSEWHERE
    if func is torch.ops.aten.copy_.default:
        away = isinstance(args[0], Elsewhere)
    plain = tree_map(lambda value: value.held if isinstance(value, Elsewhere) else value, (args, kwargs))
    found = func(*plain[0], **plain[1])
    if not away:
        return found
    written = {id(value.held): value for value in seen if isinstance(value, Elsewhere)}  # in place

    def back(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return written[id(value)] if id(value) in written else Elsewhere(value)

    return tree_map(back, found)


def moved(network: nn.Module) -> None:
    """What `network.to(ELSEWHERE)` would do."""
    for module in network.modules():
        for tensors in (module._parameters, module._buffers):
            for name, value in tensors.items():
                tensors[name] = None if value is None else Elsewhere(value.detach())  # type: ignore[assignment]


@pytest.fixture(scope="module")
def moved_bundle(tiny_bundle_dir: Path) -> Bundle:
    """The tiny bundle on the other device."""
    bundle = Bundle.load(tiny_bundle_dir)
    for name in NETWORKS:
        moved(getattr(bundle, name))
    return bundle


@pytest.fixture
def away(moved_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bundle]:
    """The same, at work, in the precision of the one here."""
    monkeypatch.setattr("dialogue_tts.acoustic.generate.multiplies_bf16_fast", lambda device: False)
    with Computing(), Making():
        yield moved_bundle


@contextmanager
def at_hand(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[None]:
    monkeypatch.setattr(devices, "known_devices", lambda: names)
    yield


def takes(tts: DialogueTTS, synthesizer: Synthesizer) -> list[Take]:
    """With rivals and pauses, drawn and checked again, at another tempo."""
    request = tts.plan.script(SCRIPT, {"Anna": "low", "Ben": "high"}, 5, replace(CONFIG, speed=1.2))
    return [synthesizer.render(drawn) for drawn in synthesizer.draw(request.wanted)]


def on_cpu(*tensors: Tensor) -> bool:
    return all(type(tensor) is Tensor and tensor.device.type == "cpu" for tensor in tensors)


def test_the_stand_in_refuses_what_a_gpu_would() -> None:
    with Computing(), Making():
        there = torch.ones(3).to(ELSEWHERE)
        assert isinstance(there, Elsewhere) and isinstance(torch.zeros(2, device=ELSEWHERE), Elsewhere)
        assert torch.tensor([4, 5], device=ELSEWHERE).tolist() == [4, 5]
        assert on_cpu(there.cpu()) and (there + 1).tolist() == [2, 2, 2]
        there[1:] *= 3  # through a view
        assert there.tolist() == [1, 3, 3]
        for refused in (lambda: there + torch.ones(3), lambda: torch.cat([there, torch.ones(3)])):
            with pytest.raises(RuntimeError, match="two devices"):
                refused()
        with pytest.raises(TypeError, match="not on the CPU"):
            there.numpy()


def test_networks_elsewhere_speak_as_those_here(tiny_tts: DialogueTTS, away: Bundle) -> None:
    """Draws do not depend on the device, and what comes out is at hand."""
    here = takes(tiny_tts, Synthesizer(tiny_tts.bundle))
    there = takes(tiny_tts, Synthesizer(away))
    for one, other in zip(here, there, strict=True):
        assert other.waveform.dtype == np.float32 and other.draws == one.draws and other.words == one.words
        np.testing.assert_allclose(other.waveform, one.waveform, atol=1e-4)
        assert other.check.voice_match == pytest.approx(one.check.voice_match, abs=1e-4)


def test_voices_are_the_same_wherever_they_are_encoded(tiny_tts: DialogueTTS, away: Bundle, recording: Path) -> None:
    here = tiny_tts.voice(recording)
    there = read_voice(recording, away.semantic_tokenizer, away.codec)
    assert on_cpu(there.semantic, there.codes) and there.semantic.dtype == there.codes.dtype == torch.int64
    assert (there.sha256, there.encoder) == (here.sha256, here.encoder)
    assert encoder_id(away.semantic_tokenizer, away.codec) == here.encoder


def test_recordings_are_respoken_elsewhere(tiny_tts: DialogueTTS, away: Bundle) -> None:
    """What evaluation does with the networks."""
    voice: Voice = tiny_tts.voice("low")
    synthesizer, near = Synthesizer(away), Synthesizer(tiny_tts.bundle)
    wave = near.prompt_sound(tiny_tts.voice("high"))
    spoken = synthesizer.respeak(wave, "həlˈO.", voice, 3)
    assert on_cpu(spoken) and spoken.dtype == torch.float32
    torch.testing.assert_close(spoken, near.respeak(wave, "həlˈO.", voice, 3), atol=1e-4, rtol=0)
    through = synthesizer.through_codec(wave)
    assert on_cpu(through)
    torch.testing.assert_close(through, near.through_codec(wave), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", ["bfloat16", torch.float16])
def test_generators_in_half_precision_speak_with_the_same_voices(
    tiny_bundle_dir: Path, tiny_tts: DialogueTTS, dtype: str | torch.dtype
) -> None:
    tts = DialogueTTS.from_pretrained(tiny_bundle_dir, CONFIG, dtype=dtype)
    dtypes = {name: {p.dtype for p in getattr(tts.bundle, name).parameters()} for name in NETWORKS}
    wanted = devices.find_dtype(dtype)
    assert dtypes == {name: {wanted if name in GENERATORS else torch.float32} for name in NETWORKS}
    assert tts.voice("low").sha256 == tiny_tts.voice("low").sha256
    wave = tts.synthesize(SCRIPT, seed=1).waveform
    assert wave.dtype == np.float32 and np.isfinite(wave).all() and len(wave)


def test_the_usual_device_is_the_cpu(tiny_bundle_dir: Path, tiny_tts: DialogueTTS) -> None:
    tts = DialogueTTS.from_pretrained(tiny_bundle_dir, tiny_tts.config, device="cpu", dtype="float32")
    assert tts.synthesize(SCRIPT, seed=4).sha256 == tiny_tts.synthesize(SCRIPT, seed=4).sha256


@pytest.mark.parametrize("name", ["cuda:2", "mps", "cpu:1", "meta", "gpu", ""])
def test_a_device_that_is_not_here_is_told_before_anything_is_loaded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_hand(monkeypatch, "cpu", "cuda:0", "cuda:1"), pytest.raises(SettingsError) as told:
        DialogueTTS.from_pretrained("no/such/bundle/either", device=name)
    assert str(told.value).endswith(" cpu, cuda:0, cuda:1.") and repr(name) in str(told.value)


def test_devices_without_a_number_are_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_hand(monkeypatch, "cpu", "cuda:0", "cuda:1"):
        found = [str(devices.find_device(name)) for name in ("cuda", "cuda:1", "cpu", torch.device("cuda"))]
    assert found == ["cuda:0", "cuda:1", "cpu", "cuda:0"]
    assert "cpu" in devices.known_devices()


def test_an_unknown_precision_is_told_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="'int8' is not known; give one of float32, bfloat16, float16"):
        DialogueTTS.from_pretrained("no/such/bundle/either", dtype="int8")
