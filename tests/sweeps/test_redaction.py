from __future__ import annotations

import pytest

from sweeps.redaction import HIDDEN, hide, names_secret, secret_in

# Put together here, so that no scanner takes this file for a leak.
SECRETS = [
    "hf_" + "aB3" * 10,
    "sk-" + "a1" * 16,
    "sk-proj-" + "a1_b" * 8,
    "AKIA" + "ABCD1234" * 2,
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1" * 20,
    "glpat-" + "a1" * 10,
    "xoxb-" + "1234567890-abc",
    "AIza" + "a" * 35,
    "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + ".abc",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "https://user:" + "pass@host/path",
]
HARMLESS = [
    "hf-internal-testing/tiny-random-LlamaForCausalLM",
    "hf_granite_finetune",
    "sk-learn-regression-sweep",
    "ibm-granite/granite-3b",
    "data/train.jsonl",
    "https://huggingface.co/org/name",
    "s3://bucket/key",
    "#### ",
    "AKIA",
    "task-1234567890123456",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_seen_wherever_it_stands(text: str) -> None:
    assert secret_in(text)
    assert secret_in(f"prefix {text} suffix")
    assert hide(f"x={text}") == HIDDEN


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_names_are_none(text: str) -> None:
    assert secret_in(text) is None
    assert hide(text) == text


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("password", True),
        ("hub_token", True),
        ("API-Key", True),
        ("api_key", True),
        ("apikey", True),
        ("aws.secret", True),
        ("token", True),
        ("tokenizer", False),
        ("max_new_tokens", False),
        ("tokens", False),
        ("monkey", False),
        ("team", False),
    ],
)
def test_keys_that_name_a_secret(key: str, secret: bool) -> None:
    assert names_secret(key) is secret
