"""A real llama.cpp server with a tiny random model: what it answers is noise, that it answers is the point.

Needs llama-cpp-python[server] and gguf, in this environment or in the one whose python LLAMA_PYTHON names (building them takes about ten minutes):
`LLAMA_PYTHON=/path/to/venv/bin/python python -m pytest -m llama tests/models/test_llama_server.py`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.testing.provider import make_task

pytestmark = pytest.mark.llama

MODEL = """
import sys
import numpy as np
from gguf import GGUFWriter, TokenType
rng = np.random.default_rng(1)
width, wide, heads, layers = 64, 128, 4, 1
tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{n:02X}>".encode() for n in range(256)] + [("\\u2581" + c).encode() for c in "abcdefghijklmnopqrstuvwxyz"]
kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256 + [TokenType.NORMAL] * 26
w = GGUFWriter(sys.argv[1], "llama")
w.add_context_length(1024)
w.add_embedding_length(width)
w.add_block_count(layers)
w.add_feed_forward_length(wide)
w.add_head_count(heads)
w.add_head_count_kv(heads)
w.add_rope_dimension_count(width // heads)
w.add_layer_norm_rms_eps(1e-5)
w.add_vocab_size(len(tokens))
w.add_tokenizer_model("llama")
w.add_token_list(tokens)
w.add_token_scores([0.0] * len(tokens))
w.add_token_types(kinds)
w.add_bos_token_id(1)
w.add_eos_token_id(2)
w.add_unk_token_id(0)

def noise(*shape):
    return (rng.standard_normal(shape) * 0.1).astype(np.float32)

w.add_tensor("token_embd.weight", noise(len(tokens), width))
w.add_tensor("output_norm.weight", np.ones(width, np.float32))
w.add_tensor("output.weight", noise(len(tokens), width))
for n in range(layers):
    for name in ("attn_norm", "ffn_norm"):
        w.add_tensor(f"blk.{n}.{name}.weight", np.ones(width, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        w.add_tensor(f"blk.{n}.{name}.weight", noise(width, width))
    w.add_tensor(f"blk.{n}.ffn_gate.weight", noise(wide, width))
    w.add_tensor(f"blk.{n}.ffn_up.weight", noise(wide, width))
    w.add_tensor(f"blk.{n}.ffn_down.weight", noise(width, wide))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server answers."""
    python = os.environ.get("LLAMA_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import gguf, llama_cpp.server"], capture_output=True).returncode:
        pytest.skip("no llama-cpp-python[server] with gguf here: name the python of an environment that has them in LLAMA_PYTHON")
    folder = tmp_path_factory.mktemp("llama")
    subprocess.run([python, "-c", MODEL, str(folder / "tiny.gguf")], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(folder / "tiny.gguf"), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--n_ctx", "1024", "--n_threads", "1", "--chat_format", "chatml"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, "the server did not start"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
        server.terminate()


def test_a_real_server_answers_whole_runs_and_its_tokens_are_counted(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from topout.cli import main

    monkeypatch.chdir(tmp_path)
    task = make_task(Path("small"), {"train": 6, "dev": 6, "holdout": 8})
    with (task / "task.toml").open("a") as file:
        file.write("[model]\nmax_output_tokens = 8\n")
    words: list[Any] = [
        "optimize",
        task,
        "--model",
        "openai/tiny",
        "--api-base",
        address,
        "--max-calls",
        60,
        "--concurrency",
        2,
        "-q",
    ]
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    f = load_run("latest").findings
    assert f.ended is not None and f.ended.ending in ("budget", "finished")
    assert f.spend["exam"].calls >= 8 and f.spend["exam"].prompt_tokens > 8 * 40
    assert f.holdout.baseline.n == 8 and not f.unscored


def test_a_prompt_that_is_longer_than_its_window_is_told_as_such(address: str) -> None:
    import asyncio

    from topout.domain import Message, Request
    from topout.models.addresses import Addresses
    from topout.models.litellm_transport import LitellmTransport
    from topout.models.transport import Delivered, Refused

    async def ask(send: Callable[[LitellmTransport], Any]) -> Delivered | Refused:
        transport = LitellmTransport(Addresses(address), 60)
        try:
            found: Delivered | Refused = await send(transport)
            return found
        finally:
            await transport.aclose()

    long = Request("openai/tiny", (Message("user", "word " * 2000),), max_output_tokens=8)
    sent = asyncio.run(ask(lambda transport: transport.send(long)))
    assert isinstance(sent, Refused) and sent.kind == "context" and not sent.retryable
