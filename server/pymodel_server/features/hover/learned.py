"""What is said of a submodule after a run: what that saw of it last, and what is wrong with it."""

from __future__ import annotations

from pymodel.graph.learned import Learned

from ...l10n import t


def describe_learned(learned: Learned, path: str) -> str:
    """One line of numbers, and one of what does not learn; nothing where the run saw nothing of the module."""
    zeros = learned.zeros(path)
    numbers = [
        f"{words} `{number:.3g}`"
        for words, number in (
            (t("gradient norm"), learned.gradient_norm(path)),
            (t("update ÷ weight"), learned.update_ratio(path)),
            (t("output deviation"), learned.output_std(path)),
        )
        if number is not None
    ]
    if zeros is not None:
        numbers.append(t("{0} zeros", f"`{100 * zeros:.3g} %`"))
    if not numbers:
        return ""
    told = t("Last run, step {0}: {1}", learned.step, " · ".join(numbers))
    finding = learned.finding(path)
    return told if finding is None else f"{told}\n\n**{finding.state}**: {finding.words}"
