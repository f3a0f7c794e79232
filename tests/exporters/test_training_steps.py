"""Each hand-off through a real step of TRL's trainer, on a tiny random model with a tokenizer made here: no network.

Slow, and skipped without trl: `pip install "trl==1.16.*"`, then `pytest -m slow tests/exporters/test_training_steps.py`.
"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import topout
from tests.exporters.handed_off import write_run, write_task

pytestmark = pytest.mark.slow
FOLDER = Path("exports/tickets")
CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<|end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of a random model of two layers that reads bytes; the run's hand-offs are written beside it."""
    pytest.importorskip("trl", reason="trl is not installed")
    tokenizers: Any = pytest.importorskip("tokenizers")
    transformers: Any = pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    special = ["<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(alphabet)])}
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = tokenizers.decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=bytewise, pad_token="<pad>", eos_token="<|end|>")
    fast.add_special_tokens({"additional_special_tokens": special[2:]})
    fast.chat_template = CHAT
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=4096, pad_token_id=0, eos_token_id=1, bos_token_id=1,
    )  # fmt: skip
    folder = tmp_path / "model"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    write_run(tmp_path / "runs" / "one", write_task(tmp_path / "tickets"))
    return str(folder)


def data(target: str, name: str) -> Any:
    """A hand-off's rows as a trainer loads them."""
    topout.hand_off("one", to=target, without_demos=True)
    datasets: Any = pytest.importorskip("datasets")
    return datasets.load_dataset("json", data_files=str(FOLDER / target / name), split="train")


def settings() -> dict[str, Any]:
    return {"output_dir": "out", "max_steps": 1, "per_device_train_batch_size": 4, "report_to": [], "use_cpu": True, "bf16": False, "save_strategy": "no"}  # fmt: skip


def loss_of(trainer: Any) -> float:
    trainer.train()
    return next(float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry)


def test_sft_takes_a_step(model: str) -> None:
    import_trl: Any = pytest.importorskip("trl")
    rows = data("sft", "sft.jsonl")
    config = import_trl.SFTConfig(**settings(), logging_steps=1, max_length=2048, assistant_only_loss=True)
    assert 0 < loss_of(import_trl.SFTTrainer(model, args=config, train_dataset=rows)) < 20


def test_dpo_takes_a_step(model: str) -> None:
    import_trl: Any = pytest.importorskip("trl")
    rows = data("dpo", "dpo.jsonl")
    config = import_trl.DPOConfig(**settings(), logging_steps=1, max_length=2048)
    assert loss_of(import_trl.DPOTrainer(model, args=config, train_dataset=rows)) == pytest.approx(
        0.6931, abs=0.01
    )  # log 2: no preference yet


def test_grpo_takes_a_step_with_the_tasks_own_reward(model: str) -> None:
    import_trl: Any = pytest.importorskip("trl")
    rows = data("grpo", "prompts.jsonl")
    module = reward_module(FOLDER / "grpo" / "reward.py")
    seen: list[float] = []

    def reward(**columns: Any) -> list[float]:
        found: list[float] = module.reward(**columns)
        right = {name: columns[name] for name in ("expected", "inputs")}
        replies = [[{"role": "assistant", "content": json.loads(one)}] for one in columns["expected"]]
        seen.extend([*found, *module.reward(completions=replies, **right)])
        return found

    config = import_trl.GRPOConfig(**settings(), logging_steps=1, num_generations=4, max_completion_length=8)
    loss_of(import_trl.GRPOTrainer(model, reward_funcs=reward, args=config, train_dataset=rows))
    assert seen == [0.0] * 4 + [1.0] * 4  # a random model is never right, the expected answers are


def reward_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("reward", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
