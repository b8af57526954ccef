"""Who arrives, when, and what stopping short costs."""

from experiments import Claim, Table
from experiments.newton_or_adam.contest import (
    DIRECTIONS,
    EXACT,
    Found,
    Outcome,
    log_loss,
    slope_on,
)
from experiments.newton_or_adam.settings import ADAM_RATE, RECIPE, Config

NEWTON = (EXACT[0], 0.0)
RECIPE_WAY = ("adam", ADAM_RATE)


def stretch(outcome: Outcome, epochs: int = RECIPE) -> float:
    """How many times as long the training rows want the recipe's logits, against the optimum's."""
    train, descents = outcome.task.train, outcome.descents
    recipe, optimum = descents[RECIPE_WAY].params[epochs], descents[NEWTON].params[-1]
    return slope_on(train, recipe) / slope_on(train, optimum)


def lead(outcome: Outcome) -> float:
    """Seconds of all epochs of Adam at its best rate over those of Newton to the end."""
    adam = outcome.descents[outcome.nearest("adam")].seconds[-1]
    return float(adam / outcome.descents[NEWTON].seconds[-1])


def claims_of(found: Found, config: Config) -> tuple[Claim, ...]:
    """Exact ways arrive, the others do not."""
    outcomes = list(found.values())
    claims = [
        Claim(
            f"{solver}: excess over the lowest value found, worst problem",
            max(float(each.excess((solver, 0.0))[-1]) for each in outcomes),
            "<=",
            1e-12,
            "nats",
        )
        for solver in EXACT
    ]
    claims += [
        Claim(
            "Newton: passes over the data, most",
            max(int(each.descents[NEWTON].passes[-1]) for each in outcomes),
            "<=",
            20,
        ),
        *(
            Claim(
                f"{name} at its best rate after {config.epochs} epochs: excess, least",
                min(float(each.excess(each.nearest(name))[-1]) for each in outcomes),
                ">=",
                1e-9,
                "nats",
            )
            for name in DIRECTIONS
        ),
        Claim(
            f"Adam at {ADAM_RATE:g} after {RECIPE} epochs: slope of its training logits over the "
            "optimum's, most",
            max(stretch(each) for each in outcomes),
            ">=",
            1.1,
        ),
    ]
    return tuple(claims)


def answer_of(found: Found, config: Config) -> tuple[str, tuple[str, ...]]:
    """The findings in words."""
    passes, above, longer, stretched = (
        ", ".join(f"{number(outcome)} on {name}" for name, outcome in found.items())
        for number in (
            lambda each: f"{each.descents[NEWTON].passes[-1]}",
            lambda each: f"{each.excess(each.nearest('adam'))[-1]:.1e}",
            lambda each: f"{lead(each):.2g}",
            lambda each: f"{stretch(each):.3g}",
        )
    )
    outcomes = found.values()
    most = max(each.descents[NEWTON].passes[-1] for each in outcomes)
    left = [each.excess(each.nearest("adam"))[-1] for each in outcomes]
    answer = (
        f"Newton is at the optimum after at most {most} passes over the data; Adam at its best "
        f"rate is still {min(left):.0e} nats or more above it after {config.epochs} epochs. "
        f"Stopped after {RECIPE} epochs, logits want to be stretched up to "
        f"{max(stretch(each) for each in outcomes):.2g} times."
    )
    return answer, (
        f"Passes over the data that Newton takes to the optimum: {passes}.",
        f"Nats that Adam at its best rate is above it after {config.epochs} epochs: {above}; how "
        f"many times as long as Newton these take: {longer}.",
        f"How many times the logits of {RECIPE} epochs at {ADAM_RATE:g} want to be stretched: "
        f"{stretched}.",
    )


def tabulate(found: Found) -> Table:
    """The end of every way, and the recipe."""
    rows = []
    for name, outcome in found.items():
        train, held_out = outcome.task.train, outcome.task.held_out
        ends = {f"{way} {rate:g}" if rate else way: (way, rate) for way, rate in outcome.descents}
        for label, key in ends.items():
            descent = outcome.descents[key]
            looks = {label: -1}
            if key == RECIPE_WAY and len(descent.params) > RECIPE + 1:
                looks = {f"{label}, {RECIPE} epochs": RECIPE} | looks
            for title, look in looks.items():
                params = descent.params[look]
                rows.append(
                    {
                        "data": name,
                        "way": title,
                        "passes": int(descent.passes[look]),
                        "seconds": float(descent.seconds[look]),
                        "excess (nats)": float(outcome.excess(key)[look]),
                        "slope, training rows": slope_on(train, params),
                        "slope, held-out rows": slope_on(held_out, params),
                        "log loss, held-out rows": log_loss(held_out, params),
                    }
                )
    return Table(
        "ways",
        "Every way at its end, and Adam after a usual recipe. Excess is that of the training "
        "objective; a slope above 1 means that logits are too small.",
        {header: [row[header] for row in rows] for header in rows[0]},
        formats={"excess (nats)": ".2e", "seconds": ".3g"},
    )
