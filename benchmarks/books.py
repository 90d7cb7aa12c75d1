"""A rule book of any size to load: playbooks as people write them, drawn from a seed, ten to a team with the team's metrics.

`python -m benchmarks.books 1000` writes one, loads it, and prints the seconds and the peak memory of that process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

__all__ = ["TEAM", "Loading", "load_apart", "write_book"]

TEAM = 10
"""Playbooks of one team; they stand in one file and read the team's metrics, which stand in another."""

_HEAD = """\
rule_book: {id: SYNTHETIC, version: "1.0", zone: America/New_York, currency: USD, metric_layer_ref: LAYER-1}
roles:
  finance: {label: Finance, aliases: [FP&A]}
  demand_gen: {label: Demand Gen}
  sales_ops: {label: Sales Ops, aliases: [SalesOps]}
  data: {label: Data}
review_cadence:
  weekly: {when: "Tue 10:00 ET", agenda: [routing, pending decisions]}
  monthly: {when: "1st Wed 13:00 ET", agenda: [pricing, channel]}
freshness_slos:
  metric_age: {objective: "P(MetricAge<24h)≥0.98", covers: [marts]}
sources:
  marts: {label: Metrics computed elsewhere, owner: data}
thresholds:
  attribution_validity_min: 0.995
"""

_METRIC = """\
  {id}:
    label: {label}
    definition: {label} as the mart computes it, month by month
    unit: {unit}
    grain: [segment, month]
    owner: {owner}
    reading: true
    source: marts
    min_n: 30
    valid_range: "{valid}"
"""

_TEAM = """\
  clicks_per_cost_{team}:
    label: Clicks per cost {team}
    definition: What the team's spend brings, per unit of its cost
    unit: ratio
    grain: [segment, month]
    owner: Finance
    inputs: [spend_{team}_0, cost_{team}_0]
    formula: spend_{team}_0 / cost_{team}_0
    qa_tests:
      - {{name: not_negative, assert: clicks_per_cost_{team} ≥ 0, break_action: block_publish_and_notify_owner}}
  low_rate_{team}:
    label: Low rate {team}
    definition: The rate was below a fifth two months running
    grain: [segment, month]
    owner: Finance
    sustained: {{condition: rate_{team}_0 < 20%, periods: 2, grain: month}}
"""

_PLAYBOOK = """\
  {id}:
    version: "1.{version}"
    title: {title}
    subject: {{id: segment, label: a segment, keys: [segment]}}
    period: month
    owner: {owner}
    approvers: [Finance, Sales Ops]
    reversibility: {level}      # next budget cycle
    risk: {{level: {level}, note: seasonality confounds}}
    cadence: {cadence}
    slos: [metric_age]
    inputs:
      cost: {cost}
      cost_baseline: {cost_baseline}
      rate: {rate}
      rate_baseline: {rate_baseline}
      validity: {validity}
      spend: {spend}
      low_rate: low_rate_{team}
      clicks_per_cost: clicks_per_cost_{team}
    pre_checks:
      slo_health: {{when: slo_green, label: SLO health green}}
      attribution: {{when: validity ≥ attribution_validity_min, label: attribution validity}}
    parameters:
      budget_shift: {{range: "[5%, 25%]", default: "{shift}%", label: budget shift}}
    thresholds:
      invest_ratio: 0.{invest}
      rate_uplift: +{uplift}pp
      pause_ratio: 1.{pause}
      least_clicks: {clicks}
    branches:
      pause:
        when: cost ≥ cost_baseline×pause_ratio or (rate < rate_baseline − rate_uplift and low_rate)
        action: pause_segment
      invest:
        when: cost ≤ cost_baseline×invest_ratio and rate ≥ rate_baseline + rate_uplift and clicks_per_cost ≥ least_clicks
        action: shift_budget
    otherwise: hold
    actions:
      pause_segment:
        text: pause the segment
        parts: [pause its spend, free its budget]
        lever: {{name: segment budget, before: spend, after: spend * 0}}
      shift_budget:
        text: +{{budget_shift}} budget
        parts: ["shift budget +{{budget_shift}} to the segment"]
        lever: {{name: segment budget, before: spend, after: spend * (1 + budget_shift)}}
    reversal:
      plan: budget_revert_{version}
      steps: [restore the previous budget split]
      within: next cycle
      owner: Demand Gen
    monitoring:
      cost: {{metric: {cost}, keep: {cost} ≤ baseline, every: 1w, lasts: 4w}}
      rate: {{metric: {rate}, keep: {rate} ≥ baseline, every: 1w, lasts: 4w}}
"""

_KINDS = {"cost": ("USD", "[0, 100000]"), "rate": ("share", "[0, 1]"), "validity": ("share", "[0, 1]"), "spend": ("USD", "[0, 10000000]")}


def write_book(folder: Path, playbooks: int, seed: int = 20261006) -> None:
    """Write a rule book of that many playbooks: fourteen metrics and two files for every ten of them."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rule_book.yaml").write_text(_HEAD, encoding="utf-8")
    for team in range((playbooks + TEAM - 1) // TEAM):
        metrics = {kind: [f"{kind}_{team}_{place}" for place in range(3)] for kind in _KINDS}
        lines = [
            _METRIC.format(id=name, label=name.replace("_", " ").capitalize(), unit=_KINDS[kind][0], valid=_KINDS[kind][1], owner=draw.choice(_OWNERS))
            for kind, names in metrics.items()
            for name in names
        ]
        (folder / f"metrics_{team:05}.yaml").write_text("metrics:\n" + "".join(lines) + _TEAM.format(team=team), encoding="utf-8")
        written = [_playbook(draw, number, metrics) for number in range(team * TEAM, min(playbooks, (team + 1) * TEAM))]
        (folder / f"playbooks_{team:05}.yaml").write_text("playbooks:\n" + "".join(written), encoding="utf-8")


_OWNERS = ("Finance", "Demand Gen", "Sales Ops")


def _playbook(draw: random.Random, number: int, metrics: dict[str, list[str]]) -> str:
    (cost, cost_baseline), (rate, rate_baseline) = (draw.sample(metrics[kind], 2) for kind in ("cost", "rate"))
    return _PLAYBOOK.format(
        id=f"segment.invest_{number}",
        version=number,
        title=f"Segment investment {number}",
        owner=draw.choice(_OWNERS),
        level=draw.choice(("low", "medium", "high")),
        cadence=draw.choice(("weekly", "monthly")),
        cost=cost,
        cost_baseline=cost_baseline,
        rate=rate,
        rate_baseline=rate_baseline,
        validity=draw.choice(metrics["validity"]),
        spend=draw.choice(metrics["spend"]),
        shift=draw.randrange(5, 26),
        invest=draw.randrange(80, 96),
        uplift=draw.randrange(1, 5),
        pause=draw.randrange(10, 40),
        clicks=draw.randrange(1, 9),
        team=number // TEAM,
    )


# --- loading it in a process of its own --------------------------------------------------------------------------------------------


@attrs.frozen
class Loading:
    """What loading took: seconds, and the most memory the process held before it and after it, in MiB."""

    seconds: float
    memory_before: float
    memory: float


def load_apart(playbooks: int) -> Loading:
    """Load a rule book of that many playbooks in a fresh process: what was loaded before would count as its memory."""
    command = [sys.executable, "-m", "benchmarks.books", str(playbooks)]
    told = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True).stdout
    return Loading(**json.loads(told))


def _peak() -> float:
    """The most memory this process has held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what `getrusage` tells begins with the peak of the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Write, load, tell."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.books", description="The seconds and the memory that loading a rule book takes.")
    options.add_argument("playbooks", type=int)
    playbooks = options.parse_args().playbooks
    import decision_os as dos  # what is imported here is not part of what loading takes

    with tempfile.TemporaryDirectory() as folder:
        write_book(Path(folder), playbooks)
        dos.Engine.load(dos.reference_rules())  # whatever is imported or built at the first load of all
        before = _peak()
        start = time.perf_counter()
        engine = dos.Engine.load(folder)
        seconds = time.perf_counter() - start
    assert playbooks == len(engine.nodes)
    print(json.dumps({"seconds": seconds, "memory_before": before, "memory": _peak()}))


if __name__ == "__main__":
    main()
