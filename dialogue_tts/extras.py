"""What needs more than the core's packages: which extra brings it, and one sentence where that is not installed."""

from __future__ import annotations

import importlib.util

from dialogue_tts.errors import DialogueTTSError

EXTRAS = {  # the modules that are looked for; pyproject.toml has the packages
    "aac": ("av",),
    "c2pa": ("c2pa", "cryptography"),
    "cluster": ("grpc_reflection", "ray"),
    "codecs": ("sklearn", "transformers"),
    "datasets": ("datasets",),
    "mcp": ("mcp",),
    "plot": ("matplotlib",),
    "publish": ("av",),
    "ray": ("ray",),
    "postgres": ("pg8000",),
    "server": (
        "alembic",
        "fastapi",
        "fastapi_offline",
        "prometheus_client",
        "python_multipart",
        "pythonjsonlogger",
        "sqlalchemy",
        "uvicorn",
    ),
    "studio": ("av", "fastapi", "gradio", "uvicorn"),
    "traces": ("opentelemetry",),
    "train": ("accelerate", "tensorboard"),
    "wyoming": ("wyoming",),
}


_PACKAGES = {
    "c2pa": "c2pa-python",
    "grpc_reflection": "grpcio-reflection",
    "opentelemetry": "opentelemetry-sdk",
    "pythonjsonlogger": "python-json-logger",
    "sklearn": "scikit-learn",
}


def package_of(module: str) -> str:
    """The package that brings a module of `EXTRAS`."""
    return _PACKAGES.get(module, module.replace("_", "-"))


def check_extra(
    extra: str, purpose: str, otherwise: str = "", error: type[DialogueTTSError] = DialogueTTSError
) -> None:
    """Tell before any work that something cannot be done for lack of an extra.

    Args:
        purpose: what needs it, the sentence's first words.
        otherwise: what else one can do.

    Raises:
        DialogueTTSError: a module of `extra` is not installed; of the type `error`.
    """
    missing = [package_of(module) for module in EXTRAS[extra] if importlib.util.find_spec(module) is None]
    if missing:
        rest = f"; or {otherwise}" if otherwise else ""
        raise error(f'{purpose} needs {", ".join(missing)}: pip install "dialogue-tts[{extra}]"{rest}.')
