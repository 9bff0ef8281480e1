"""Ray Serve's part: what is deployed, how many replicas there are to be, and what they say of themselves.

`benchmarks/server_load.py --replicas 2 --kills 1` serves from a local Ray, and kills a replica under load.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.errors import ConfigError, SettingsError

pytest.importorskip(
    "ray.serve", reason="RAY IS NOT INSTALLED: pip install -e '.[cluster]' tests serving from a cluster"
)
from dialogue_tts.server import on_ray  # noqa: E402
from dialogue_tts.server.on_ray import DIALOGUES, NAME, Replica, Replicas, application, wanted_replicas  # noqa: E402
from dialogue_tts.server.opening import ServerSettings  # noqa: E402

KEY = "a-key-that-is-long-enough"


def deployment(bound: Any) -> Any:
    return bound._bound_deployment


def test_the_replicas_of_a_configuration_file(
    tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALOGUE_TTS_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("DIALOGUE_TTS_API_KEYS", KEY)
    built: list[Any] = []
    ingress = on_ray.serve.ingress
    monkeypatch.setattr(on_ray.serve, "ingress", lambda build: built.append(build) or ingress(build))
    replicas = {"least": 1, "most": 3, "cpus": 2, "stop_within_s": 5}
    found = deployment(application({"server": {"bundle": str(tiny_bundle_dir)}, "replicas": replicas}))
    scaling = found._deployment_config.autoscaling_config
    assert found.name == NAME and (scaling.min_replicas, scaling.max_replicas) == (1, 3)
    assert scaling.target_ongoing_requests == DIALOGUES
    assert scaling.policy.get_policy()(context({"one": 9.0}))[0] == 9 / DIALOGUES
    assert found.ray_actor_options["num_cpus"] == 2 and found.ray_actor_options["num_gpus"] == 0
    assert found._deployment_config.graceful_shutdown_timeout_s > 5
    replica = Replica()
    replica.app = built[0]()  # as it does on the replica
    with TestClient(replica.app) as client:
        assert client.get("/v1/models").status_code == 401
        keyed = {"Authorization": f"Bearer {KEY}"}
        job = client.post("/v1/jobs", json={"script": "[A] Hello. [B] Yes."}, headers=keyed).json()["id"]
        assert "event: done" in client.get(f"/v1/jobs/{job}/events", headers=keyed).text
        assert replica.record_autoscaling_stats() == {"dialogues": 0.0}
        replica.check_health()
        monkeypatch.setattr(replica.app.state.service.tts.scheduler, "works", lambda stuck_s: False)
        with pytest.raises(RuntimeError):
            replica.check_health()
    assert (tmp_path / "store.db").is_file()


def test_a_gpu_goes_to_each_replica_that_computes_on_one() -> None:
    found = deployment(application({"server": {"store": "store.db", "device": "cuda"}}))
    assert found.ray_actor_options["num_gpus"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs a store"),
        ({"server": {"store": "a.db"}, "replicas": {"least": 3, "most": 2}}, "3 replicas at least and 2 at most"),
        ({"server": {"stores": "a.db"}}, "server.stores: there is no such setting"),
        ({"server": {"access": {"host": ["a"]}}}, "server.access.host: there is no such setting"),
        ({"replicas": {"least": 0}}, "replicas.least"),
    ],
)
def test_arguments_that_are_none(arguments: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIALOGUE_TTS_STORE", raising=False)
    with pytest.raises((ConfigError, SettingsError), match=says):
        application(arguments)


def test_replicas_of_this_machine_find_its_files_from_any_folder(
    tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(settings: ServerSettings, replicas: Replicas) -> None:
        raise SettingsError(f"{settings.bundle} {settings.store}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(on_ray, "deployed", told)
    given = ["--bundle", os.path.relpath(tiny_bundle_dir), "--store", "store.db"]
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--ray", "local", *given])
    bundle, store = done.stderr.removeprefix("dialogue-tts: ").split()
    assert (
        Path(bundle).is_absolute() and Path(bundle).samefile(tiny_bundle_dir) and Path(store) == tmp_path / "store.db"
    )


def context(dialogues: dict[str, float] | None) -> Any:
    """What Ray Serve tells a policy."""
    metrics = None if dialogues is None else {"dialogues": dialogues}
    return SimpleNamespace(aggregated_metrics=metrics, config=SimpleNamespace(target_ongoing_requests=DIALOGUES))


@pytest.mark.parametrize(
    ("dialogues", "wanted"),
    [(None, 1.0), ({}, 1.0), ({"a": 0.0}, 1.0), ({"a": DIALOGUES}, 1.0), ({"a": 2 * DIALOGUES, "b": DIALOGUES}, 3.0)],
)
def test_replicas_follow_what_there_is_to_do(dialogues: dict[str, float] | None, wanted: float) -> None:
    assert wanted_replicas(context(dialogues)) == (wanted, {})
