from __future__ import annotations

import torch

from sweeps.sft_parameters import OPTIMIZERS
from workers.recipes.parts.optimizers import adamw


def test_only_matrices_decay() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2))
    optimizer = adamw(model, {
        "learning_rate": 0.5, "weight_decay": 0.1, "adam_beta1": 0.8, "adam_beta2": 0.9,
        "adam_epsilon": 1e-6,
    }, {})  # fmt: skip
    groups = [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups]
    assert groups == [(1, 0.1), (3, 0.0)]
    assert all(g["betas"] == (0.8, 0.9) and g["eps"] == 1e-6 for g in optimizer.param_groups)


def test_frozen_weights_have_no_state() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[0].requires_grad_(False)
    optimizer = adamw(model, {"learning_rate": 0.5}, {})
    assert [len(g["params"]) for g in optimizer.param_groups] == [1, 1]


def test_the_kernel_is_the_one_asked_for_and_they_agree() -> None:
    found = []
    for name in (None, *OPTIMIZERS):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 4)
        optimizer = adamw(model, {"learning_rate": 0.1}, {"optim": name} if name else {})
        model(torch.ones(4)).sum().backward()
        optimizer.step()
        found.append((optimizer.defaults["fused"], model.weight.detach()))
    assert [fused for fused, _ in found] == [True, True, False]
    assert torch.equal(found[0][1], found[1][1])
    assert torch.allclose(found[1][1], found[2][1])
