"""The curves of a finished sweep as tables, and beside them what a paper found.

    python docs/examples/curves.py SWEEP_ID

"Unveiling the Secret Recipe" (arXiv 2412.13337) found that a larger batch with a lower learning
rate is better, and that such runs show a lower gradient norm and a higher loss early on. Needs
pandas.
"""

from __future__ import annotations

import sys

import pandas

from sweepctl import Client

AXES = ["global_batch_size", "learning_rate"]


def main(sweep_id: str) -> None:
    """Print the tables."""
    with Client() as client:
        metric = client.get_sweep(sweep_id).metric
        trials, curves = client.trials_frame(sweep_id), client.curves(sweep_id)
    # Base model, preset and confirmation runs are no part of the search.
    done = trials[(trials.state == "DONE") & (trials.role == "search")]
    # A cell that was run more than once counts with its mean.
    cells = done.pivot_table(index=AXES[0], columns=AXES[1], values="value")
    print(f"{metric.name} at the end, by batch and rate ({metric.goal}):")
    print(cells.to_string(), end="\n\n")

    first = curves.sort_values("point").groupby("trial").first()
    early = first[["loss", "grad_norm"]].add_prefix("early_")
    table = done.set_index("trial")[[*AXES, "value"]].join(early)
    print("early signals of the trials that came to the end, the best first:")
    print(table.sort_values("value", ascending=metric.goal == "minimize").to_string(), end="\n\n")

    signs = table[["value", "early_loss", "early_grad_norm"]].rank().corr()["value"]
    print("rank correlation with the metric at the end, over", len(table), "trials:")
    print(signs.drop("value").to_string(), end="\n\n")
    print(claim(table, metric.goal))


def claim(table: pandas.DataFrame, goal: str) -> str:
    """Whether the best trial of this sweep has a larger batch and a lower rate than the worst."""
    ordered = table.sort_values("value", ascending=goal == "minimize")
    best, worst = ordered.iloc[0], ordered.iloc[-1]
    batch, rate = (best[axis] - worst[axis] for axis in AXES)
    here = "as the paper found" if batch > 0 > rate else "not what the paper found"
    return (
        f"best: batch {best[AXES[0]]:g}, rate {best[AXES[1]]:g}; "
        f"worst: batch {worst[AXES[0]]:g}, rate {worst[AXES[1]]:g}: {here}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
