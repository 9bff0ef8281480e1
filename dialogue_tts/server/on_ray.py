"""The server as a Ray Serve application: replicas on a cluster, each the same application with an engine of its own, and a
store in common, by which each answers for all jobs, takes over from one that dies, and takes jobs from one that has too many.

There are as many replicas as the dialogues that wait and are made want: see `wanted_replicas`. `dialogue-tts serve --ray`
runs it; for `serve deploy` and KubeRay's RayService, `application` is what `import_path` names.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Annotated, Any

import ray
from fastapi import FastAPI
from pydantic import Field
from ray import serve

from dialogue_tts.config import LOCAL, from_dict, strict
from dialogue_tts.errors import DialogueTTSError, SettingsError
from dialogue_tts.server.keys import read_keys
from dialogue_tts.server.opening import ServerSettings, open_app

NAME = "dialogue-tts"
STORE_VARIABLE = "DIALOGUE_TTS_STORE"
DIALOGUES = 4.0  # that a replica should have at once, waiting or being made; one more costs the others little
LOOK_BACK_S, UP_AFTER_S, DOWN_AFTER_S = 20.0, 10.0, 300.0  # of their number; a replica takes a while to load the bundle
MOST_REQUESTS = 1000  # of a replica at once; dialogues have a limit of their own, and get 429 beyond it
QUIETLY = {"enable_access_log": False}  # Ray Serve's has jobs' ids in it; the server's own log has none
TURN_S = 20.0  # beside the time that requests have to end in: a turn may be at hand


@strict
class Replicas:
    """How many there are, and what each has.

    Attributes:
        least, most: how many.
        cpus: cores of each, on which as many threads compute, and the last bits of the sound depend.
        gpus: of each; 0 for one where `ServerSettings.device` is one of NVIDIA's, and else none.
        stop_within_s: how long requests at hand have when a replica is to end.
    """

    least: Annotated[int, Field(ge=1)] = 1
    most: Annotated[int, Field(ge=1)] = 1
    cpus: Annotated[float, Field(gt=0)] = 1
    gpus: Annotated[float, Field(ge=0)] = 0
    stop_within_s: Annotated[float, Field(ge=0)] = 10


@strict
class Arguments:
    """Of `application`."""

    server: ServerSettings = ServerSettings()
    replicas: Replicas = Replicas()


def wanted_replicas(context: Any) -> tuple[float, dict[str, Any]]:
    """How many replicas there should be: one for so many dialogues. Ray Serve rounds up, and holds on to its limits.

    Requests alone would not do: a job is made while nobody waits on the line.

    Args:
        context: Ray Serve's `AutoscalingContext`.
    """
    each = (context.aggregated_metrics or {}).get("dialogues", {})
    return max(1.0, sum(each.values()) / context.config.target_ongoing_requests), {}


class Replica:
    """What Ray Serve asks of a replica, beside the requests that it hands to the application."""

    app: FastAPI  # Ray Serve sets it

    def check_health(self) -> None:
        """Raises RuntimeError where no sound is made any more: then the replica is replaced."""
        if not self.app.state.service.works:
            raise RuntimeError("no sound is being made any more.")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For `wanted_replicas`."""
        return {"dialogues": float(self.app.state.service.tts.scheduler.active)}


def deployed(settings: ServerSettings, replicas: Replicas) -> Any:
    """The application for `serve.run`.

    Raises:
        SettingsError: the settings have no store, or there are more replicas at least than at most.
    """
    if not settings.store:
        raise SettingsError("Ray Serve needs a store, since one replica makes a job that another is asked for.")
    if replicas.least > replicas.most:
        raise SettingsError(f"there cannot be {replicas.least} replicas at least and {replicas.most} at most.")

    def build() -> FastAPI:  # on the replica
        return open_app(settings)

    gpus = replicas.gpus or float(settings.device.startswith("cuda"))
    scaling = {
        "min_replicas": replicas.least,
        "max_replicas": replicas.most,
        "target_ongoing_requests": DIALOGUES,
        "look_back_period_s": LOOK_BACK_S,
        "upscale_delay_s": UP_AFTER_S,
        "downscale_delay_s": DOWN_AFTER_S,
        "policy": {"policy_function": f"{__name__}:{wanted_replicas.__name__}"},
    }
    deployment = serve.deployment(
        serve.ingress(build)(Replica),
        name=NAME,
        ray_actor_options={"num_cpus": replicas.cpus, "num_gpus": gpus},
        autoscaling_config=scaling,
        max_ongoing_requests=MOST_REQUESTS,
        graceful_shutdown_timeout_s=replicas.stop_within_s + TURN_S,
        logging_config=QUIETLY,
    )
    return deployment.bind()


def application(arguments: dict[str, Any]) -> Any:
    """The application of a configuration file: `server` has fields of `ServerSettings`, `replicas` of `Replicas`.

    What nobody should read there comes from the environment: the store from DIALOGUE_TTS_STORE, API keys from
    DIALOGUE_TTS_API_KEYS.

    Raises:
        ConfigError: an argument that there is not, or that is out of range.
        SettingsError: see `deployed`.
    """
    given = from_dict(Arguments, arguments)
    server = replace(given.server, store=given.server.store or os.environ.get(STORE_VARIABLE))
    keys = server.access.keys or read_keys(None)
    return deployed(replace(server, access=replace(server.access, keys=keys)), given.replicas)


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Belong to a cluster until the end of the block. It sets handlers of signals of its own.

    Args:
        address: of a Ray cluster; "auto" for the one that RAY_ADDRESS names, or that runs here; or LOCAL.

    Raises:
        DialogueTTSError: there is no such cluster, or it does not answer.
    """
    more = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except Exception as error:  # it raises that itself where it does not come up in time
        raise DialogueTTSError(
            f"{address}: no Ray cluster answers ({_last_line(error)}); give --ray the address of one, or {LOCAL}."
        ) from None
    with ExitStack() as end:
        end.callback(ray.shutdown)
        if address == LOCAL:
            end.callback(serve.shutdown)
        yield


@contextmanager
def running(served: Any, host: str, port: int) -> Iterator[None]:
    """Have an application served by the cluster, from when its replicas are there to the end of the block.

    Args:
        host, port: where each machine of the cluster that has a replica listens.

    Raises:
        DialogueTTSError: no replica can start.
    """
    serve.start(http_options={"host": host, "port": port}, logging_config=QUIETLY)
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    with ExitStack() as end:
        end.callback(serve.delete, NAME)
        try:
            serve.run(served, name=NAME)
        except RuntimeError as error:
            raise DialogueTTSError(f"the replicas cannot start ({_last_line(error)}); their logs say why.") from None
        yield


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].rstrip(".")
