# ruff: noqa: RUF001 (a true minus is meant)
import json
import math
from pathlib import Path

import pytest

from experiments import Claim, Opening, Verdict
from experiments.folder import Run
from experiments.record import RECORDS, Quotation, is_recorded, quotations, write_record
from experiments.registry import REGISTRY, name_of

README = Path(__file__).parents[2] / "README.md"
CLAIMS = (Claim("error", 1.3649, "<=", 3, "ulp"), Claim("difference", 2.5e-7, "<", 1e-5))


def run(claims=CLAIMS, platform="cpu", answer="It takes 12.5 steps."):
    return Run(
        "it",
        Opening("Is it?", "run it", "yes", ()),
        "default",
        {"points": 801},
        {"platform": platform},
        1.5,
        Verdict(claims, answer) if claims else None,
    )


def test_a_record_keeps_what_was_claimed_and_found(tmp_path):
    path = write_record(run(), tmp_path / "records")
    assert path.name == "it.json"
    kept = json.loads(path.read_text())
    assert kept["question"] == "Is it?"
    assert kept["config"] == {"points": 801}
    assert kept["environment"] == {"platform": "cpu"}
    assert kept["claims"][0] == {
        "text": "error",
        "value": 1.3649,
        "relation": "<=",
        "bound": 3.0,
        "unit": "ulp",
        "holds": True,
        "margin": 3 - 1.3649,
    }


def test_a_record_of_another_device_stands_beside_it(tmp_path):
    assert write_record(run(platform="gpu"), tmp_path).name == "it_gpu.json"


def test_a_record_of_another_version_stands_beside_it(tmp_path):
    assert write_record(run(), tmp_path, variant="jax_0_10_1").name == "it_jax_0_10_1.json"
    assert write_record(run(platform="gpu"), tmp_path, variant="b").name == "it_gpu_b.json"


def test_a_variant_that_is_no_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"variant '0\.10/1' takes small letters, digits and unde"):
        write_record(run(), tmp_path, variant="0.10/1")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_failed_is_not_recorded(tmp_path):
    with pytest.raises(ValueError, match="it did not finish: there is nothing to record"):
        write_record(run(claims=()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bold_numbers_beside_a_link_are_quotations():
    text = """
A **bold 7** without a record.

Within **1.36 ulp**, not 5,
of **−2.5e-7** ([record](experiments/records/it.json)).

| a | b |
| **3** | [record](experiments/records/it.json), [gpu](experiments/records/it_gpu.json) |
| **4** | none |
"""
    assert list(quotations(text)) == [
        Quotation("1.36", ("it",)),
        Quotation("−2.5e-7", ("it",)),
        Quotation("3", ("it", "it_gpu")),
    ]


@pytest.mark.parametrize(
    ("number", "there"),
    [
        ("1.3649", True),
        ("1.36", True),
        ("1", True),
        ("1.37", False),
        ("1.3648", False),
        ("1.36490", True),
        ("3", True),
        ("2.5e-7", True),
        ("3e-7", False),
        ("2e-7", True),  # half to even
        ("1e-5", True),
        ("12.5", True),
        ("-12.5", False),
        ("801", False),
    ],
)
def test_a_number_is_recorded_to_the_digits_it_shows(number, there, tmp_path):
    write_record(run((*CLAIMS, Claim("lost", math.inf, ">", 1.3649))), tmp_path)
    assert is_recorded(Quotation(number, ("it",)), tmp_path) is there


def test_a_record_that_is_missing_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        is_recorded(Quotation("1", ("other",)), tmp_path)


def test_what_the_readme_quotes_is_in_the_records():
    quoted = quotations(README.read_text(encoding="utf-8"))
    assert [quotation for quotation in quoted if not is_recorded(quotation)] == []


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.json")), ids=lambda path: path.name)
def test_a_committed_record_is_of_an_experiment_and_held(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    assert any(f"{path.stem}_".startswith(f"{name_of(module)}_") for module in REGISTRY)
    assert all(claim["holds"] for claim in record["claims"])
