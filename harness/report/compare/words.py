"""The words of a comparison."""

from __future__ import annotations

from harness.core.statistics import Estimate
from harness.load.runs import Run
from harness.load.validity import judge


def verdict(difference: Estimate) -> str:
    """``slower`` or ``faster`` only where the whole interval of the difference is on one side of zero."""
    if difference.low is None or difference.high is None:
        return "not established"
    if difference.low > 0:
        return "slower"
    return "faster" if difference.high < 0 else "no difference seen"


def warnings(before: Run, after: Run) -> list[str]:
    """Why the two runs may not be comparable, one sentence each."""
    sentences = []
    verdicts = judge(before), judge(after)
    for run, validity in zip((before, after), verdicts, strict=True):
        sentences += [f"{run.manifest.id} is invalid: {reason}" for reason in validity.reasons]
    if verdicts[0].open_loop != verdicts[1].open_loop:
        sentences.append(
            "One run is open loop and the other closed. Open-loop latency counts from the intended start and "
            "closed-loop latency from sending, so the two do not measure the same thing."
        )
    if before.manifest.machine != after.manifest.machine:
        sentences.append("The runs were made on different machines.")
    return sentences
