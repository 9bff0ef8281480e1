"""A bundle on the Hugging Face hub, whence `find_bundle` fetches it by its id."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

from dialogue_tts.bundle import CARD, NETWORKS, ON_HUB, Bundle
from dialogue_tts.errors import BundleError
from dialogue_tts.files import whole_file


def push_bundle(folder: Path, repository: str, figures: str = "", licence: str = "", private: bool = False) -> str:
    """Check a bundle, write its card unless it has one, and upload it; returns its address.

    Args:
        repository: "owner/name"; it is made where it is not there.
        figures: Markdown of the judges' report for a new card; licence: of the weights, as the hub names it (cc-by-4.0).

    Raises:
        BundleError: the bundle is damaged, or the hub refuses it.
    """
    bundle = Bundle.load(folder)
    if not (folder / CARD).is_file():
        with whole_file(folder / CARD) as draft:
            draft.write_text(card_of(bundle, repository, figures, licence), encoding="utf-8")
    api = HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        done = api.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=list(ON_HUB))
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{repository}: the hub refuses it ({reason:.200}); log in with `hf auth login`.") from None
    return str(getattr(done, "repo_url", "") or f"https://huggingface.co/{repository}")


def card_of(bundle: Bundle, repository: str, figures: str, licence: str) -> str:
    """The model card: what is in the bundle, how it is used, and the judges' figures."""
    data = ModelCardData(
        language="en", license=licence or None, pipeline_tag="text-to-speech", library_name="dialogue-tts"
    )
    sizes = [(name, sum(p.numel() for p in getattr(bundle, name).parameters())) for name in NETWORKS]
    table = "\n".join(f"| `{name}` | {count / 1e6:.2f} M |" for name, count in sizes)
    parts = [
        f"---\n{data.to_yaml()}\n---\n\n# {bundle.config.name}",
        f"Dialogue speech in {len(bundle.voices)} built-in voices, and in any voice of a short recording.",
        f"```console\n$ dialogue-tts synthesize script.txt -o talk.wav --bundle {repository}\n```",
        f"| network | parameters |\n|---|---:|\n{table}",
        *([f"## Figures\n\n{figures.strip()}"] if figures else []),
    ]
    return str(ModelCard("\n\n".join(parts) + "\n"))
