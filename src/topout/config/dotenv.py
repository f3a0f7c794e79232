"""`.env` of the current folder: keys and addresses of providers, for whoever keeps them there. Never printed, never over what the environment says.

A `.env` may come with a cloned repository, so it is read as the foreign file that it is: only settings of providers and registries are taken (no PATH, no
proxy), and an address is not taken where the key comes from the environment or may come from the home folder: a file must not send your key elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from topout.errors import UserError

__all__ = ["OFF", "DotEnv", "read_dotenv"]

OFF = "TOPOUT_DOTENV"
"""Set to 0, no file is read."""
FILE = ".env"
MOST_BYTES = 1_000_000
SECRET = re.compile(r"[A-Z][A-Z0-9_]*_(KEY|TOKEN|SECRET|KEY_ID|CREDENTIALS|PASSWORD|USERNAME)")
ADDRESS = re.compile(r"[A-Z][A-Z0-9_]*_(BASE_URL|API_BASE|HOST|ENDPOINT|URI)")
SETTINGS = frozenset(
    ("AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION", "AZURE_API_VERSION", "OPENAI_ORGANIZATION", "OPENAI_PROJECT", "VERTEXAI_PROJECT",
     "VERTEXAI_LOCATION", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION")
)  # fmt: skip
KEYS_AT_HOME = frozenset(("AWS", "DATABRICKS", "GOOGLE", "HF", "MLFLOW"))
"""Whose keys may lie in a file of the home folder, and would be sent to any address."""


@dataclass(frozen=True, slots=True)
class DotEnv:
    """How many settings were `read`, and which addresses were left out because their key stands elsewhere."""

    read: int
    left_out: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What is told: numbers and names, no value."""
        said = f"{FILE}: {self.read} key{'' if self.read == 1 else 's'} read"
        if self.left_out:
            said += f"; left out, as a file should not say where a key from elsewhere goes (export it instead): {', '.join(self.left_out[:5])}"
        return said


def read_dotenv(folder: Path, environ: MutableMapping[str, str]) -> DotEnv | None:
    """Put the settings of `folder`/.env into `environ`, where it has none. None when there is no such file, it holds nothing new, or it is turned off.

    Raises UserError when the file cannot be read.
    """
    path = folder / FILE
    if environ.get(OFF, "").strip().casefold() in ("0", "off", "no", "false") or not path.is_file():
        return None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{FILE}: larger than {MOST_BYTES:,} bytes, and not read. Set {OFF}=0 to leave it.")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{FILE}: cannot be read ({type(error).__name__}). Mend it, or set {OFF}=0 to leave it.") from None
    import io

    from dotenv import dotenv_values

    found = {
        name: value for name, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items() if value and wanted(name)
    }
    held = {owner(name) for name in environ if SECRET.fullmatch(name)}
    read, left = 0, []
    for name, value in found.items():
        if name in environ:
            continue
        if ADDRESS.fullmatch(name) and (owner(name) in held or owner(name) in KEYS_AT_HOME):
            left.append(name)
            continue
        environ[name] = value
        read += 1
    return DotEnv(read, tuple(left)) if read or left else None


def wanted(name: str) -> bool:
    """A setting of a provider or a registry. Not what makes another program run or read other files (AWS_CONFIG_FILE, HTTPS_PROXY, SSL_CERT_FILE)."""
    return name in SETTINGS or SECRET.fullmatch(name) is not None or ADDRESS.fullmatch(name) is not None


def owner(name: str) -> str:
    """Whose setting it is: the first word, OLLAMA of OLLAMA_API_BASE; HF and HUGGINGFACE are one."""
    first = name.partition("_")[0]
    return {"HUGGINGFACE": "HF", "HOSTED": "VLLM", "VERTEX": "GOOGLE", "VERTEXAI": "GOOGLE"}.get(first, first)
