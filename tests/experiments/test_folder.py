import json
import math

import pytest

from experiments import Claim, Opening, Verdict
from experiments.folder import Run, read_run, whole_folder, write_json, write_run

RUN = Run(
    name="it",
    opening=Opening("Is it?", "run it", "yes", ("Because.", "    a = b")),
    config_name="tiny",
    config={"edge": 1.5, "name": "a"},
    environment={"date": "2026-01-01", "versions": {"jax": "0.10"}},
    seconds=0.1,
    verdict=Verdict(
        (
            Claim("a", 0.1 + 0.2, "<=", 3, "ulp"),
            Claim("b", math.inf, ">=", -math.inf),
            Claim("c", 1, "<", 0),
        ),
        "Yes, “almost”.",
    ),
    tables=({"name": "t", "caption": "T.", "formats": {"x": ".3f"}},),
    figures=({"name": "f", "caption": "F.", "alt": "f"},),
)


def test_a_run_comes_back_from_its_folder(tmp_path):
    write_run(tmp_path, RUN)
    assert read_run(tmp_path) == RUN
    assert not read_run(tmp_path).holds


def test_a_run_that_failed_comes_back(tmp_path):
    run = Run("it", RUN.opening, "tiny", {}, {}, 0.1, error="E: e", traceback="at")
    write_run(tmp_path, run)
    assert read_run(tmp_path) == run
    assert not run.holds


@pytest.mark.parametrize("content", [None, "{", "{}", "[]"])
def test_a_folder_without_a_whole_run_is_refused(content, tmp_path):
    write_run(tmp_path, RUN)
    result = tmp_path / "result.json"
    result.unlink() if content is None else result.write_text(content)
    with pytest.raises(ValueError, match="holds no whole run"):
        read_run(tmp_path)


def test_nan_comes_back_and_does_not_hold(tmp_path):
    write_run(
        tmp_path,
        Run("it", RUN.opening, "", {}, {}, 0, Verdict((Claim("", math.nan, "==", 0),), "")),
    )
    (claim,) = read_run(tmp_path).verdict.claims
    assert math.isnan(claim.value)
    assert not claim.holds


def test_json_is_what_every_parser_takes(tmp_path):
    content = {"a": [math.nan, math.inf, (1, 2.5)], "b": None, "c": tmp_path}
    write_json(tmp_path / "x.json", content)

    def refuse(constant):
        raise AssertionError(constant)

    back = json.loads((tmp_path / "x.json").read_text(), parse_constant=refuse)
    assert back == {"a": ["nan", "inf", [1, 2.5]], "b": None, "c": str(tmp_path)}


def test_a_folder_appears_whole(tmp_path):
    target = tmp_path / "out" / "it"
    with whole_folder(target) as folder:
        (folder / "a").write_text("new")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["it"]
    assert (target / "a").read_text() == "new"


def test_a_folder_replaces_the_one_before(tmp_path):
    for content in ("old", "new"):
        with whole_folder(tmp_path / "it") as folder:
            (folder / content).write_text("")
    assert [path.name for path in (tmp_path / "it").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_half_written_stays(error, tmp_path):
    with whole_folder(tmp_path / "it") as folder:
        (folder / "old").write_text("")

    def fill_in_part():
        with whole_folder(tmp_path / "it") as folder:
            (folder / "new").write_text("")
            raise error

    with pytest.raises(error):
        fill_in_part()
    assert [path.name for path in (tmp_path / "it").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["it"]
