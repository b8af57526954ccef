"""``bcejax fit`` from its words to its folder, and back through ``bcejax predict``."""

import csv
import inspect
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from bcejax.calibration.reporting.findings import CalibrationReport, Finding
from bcejax.calibration.reporting.report import calibration_report
from bcejax.commands import judging
from bcejax.commands.entry import enter
from bcejax.commands.fit import learning
from bcejax.commands.fit.results import Results
from bcejax.commands.fit.rows import Rows
from bcejax.commands.model_file import load_model
from bcejax.data import Standardizer
from bcejax.data.standardization import moments
from bcejax.solvers.many.cross_validation import cross_validate

RNG = np.random.default_rng(5)
INPUTS = RNG.normal(size=(160, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, 1.0]
CHANCE = 1 / (1 + np.exp(-(INPUTS[:, 0] - 0.05 * INPUTS[:, 1])))
LABELS = (RNG.random(160) < CHANCE).astype(int)
NAMES = ["age", "x y", "größe <&>"]
FILES = {
    *("report.html", "report.json", "table.csv", "calibration.csv", "held_out.csv", "model.npz"),
    *(f"{name}.{kind}" for kind in ("svg", "png") for name in ("coefficients", "reliability")),
}


def write_rows(path, inputs=INPUTS, labels=LABELS):
    rows = zip(inputs.tolist(), labels, strict=True)
    lines = [f"p{i},{y},{','.join(map(repr, x))}" for i, (x, y) in enumerate(rows)]
    path.write_text("\n".join([f"id,ill,{','.join(NAMES)}", *lines]), encoding="utf-8")


def quick_report(labels, **options):
    """Two findings in place of all, which take long to compile and have tests of their own."""
    inspect.signature(calibration_report).bind(labels, **options)
    logits = options["logits"]
    losses = np.logaddexp(0, np.where(labels == 1, -logits, logits))
    scores = {"log_score": Finding(float(losses.mean()))}
    errors = {"smooth_calibration_error": Finding(0.01, 0.0, 0.02, 0.5)}
    n_resamples = options["n_resamples"]
    return CalibrationReport(
        labels.size, "logits", 0.95, n_resamples, scores, errors, {}, {}, {}, ""
    )


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder that one run leaves."""
    folder = tmp_path_factory.mktemp("fit")
    write_rows(folder / "rows.csv")
    words = ["fit", str(folder / "rows.csv"), "--label", "ill", "--drop", "id"]
    more = ["--resamples", "19", "--out", str(folder / "out")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "calibration_report", quick_report)
        assert enter([*words, *more]) == 0
    return folder / "out"


def test_the_folder_is_whole(run):
    assert {path.name for path in run.iterdir()} == FILES


def test_the_coefficients_are_the_optimum_of_the_rows_that_were_not_held_out(run):
    rows = table(run / "table.csv")
    assert [row["name"] for row in rows] == [*NAMES, "intercept"]
    params = np.array([float(row["coefficient"]) for row in rows])
    held = np.array([int(row["row"]) for row in table(run / "held_out.csv")]) - 1
    assert held.size == 40
    learnt = np.setdiff1d(np.arange(160), held)
    matrix = np.column_stack([INPUTS, np.ones(160)])[learnt]
    probs = 1 / (1 + np.exp(-matrix @ params))
    np.testing.assert_allclose((probs - LABELS[learnt]) @ matrix / 120, 0, atol=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv((matrix.T * probs * (1 - probs)) @ matrix)))
    np.testing.assert_allclose([float(row["error"]) for row in rows], errors, rtol=1e-8)
    lower = params - 1.959963984540054 * errors
    np.testing.assert_allclose([float(row["lower"]) for row in rows], lower, rtol=1e-6)


def test_the_report_says_the_same(run):
    report = json.loads((run / "report.json").read_text())
    coefficients = {row["name"]: float(row["coefficient"]) for row in table(run / "table.csv")}
    assert report["intercept"] == coefficients.pop("intercept")
    assert report["coefficients"] == coefficients
    assert (report["status"], report["examples"], report["l2"]) == ("converged", 120, 0)
    scores = report["held_out"]["scores"]
    rows = table(run / "held_out.csv")
    labels, probs = (np.array([float(row[name]) for row in rows]) for name in ("label", "prob"))
    losses = -np.log(np.where(labels == 1, probs, 1 - probs))
    assert scores["log_score"]["value"] == pytest.approx(losses.mean(), rel=1e-12)
    named = {row["name"]: row for row in table(run / "calibration.csv")}
    assert float(named["log_score"]["value"]) == scores["log_score"]["value"]
    assert report["held_out"]["n_resamples"] == 19


def test_the_page_opens_alone(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "It converged." in page
    assert "The smooth calibration error, 0.01, does not speak against it: a calibrated" in page
    assert page.count('<img src="data:image/svg+xml;base64,') == 2
    assert not re.search(r'(src|href)="https?:', page)
    assert "größe &lt;&amp;&gt;" in page
    for name in re.findall(r'href="([^"#]+)"', page):
        assert (run / name).is_file(), name


def test_predict_gives_the_same_digits_from_shuffled_columns(run, tmp_path):
    held = table(run / "held_out.csv")
    order = [int(row["row"]) - 1 for row in held]
    lines = [f"{c!r},x,{a!r},{b!r}" for a, b, c in INPUTS[order].tolist()]
    text = "\n".join([f"{NAMES[2]},other,{NAMES[0]},{NAMES[1]}", *lines])
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    words = ["predict", str(run / "model.npz"), str(tmp_path / "new.csv")]
    assert enter([*words, "--out", str(tmp_path / "p.csv")]) == 0
    told = table(tmp_path / "p.csv")
    for name in ("logit", "prob"):
        assert [float(row[name]) for row in told] == [float(row[name]) for row in held]
    assert all(float(row["lower"]) < float(row["prob"]) < float(row["upper"]) for row in told)


def test_a_penalty_is_of_standardised_columns_unless_told_otherwise(tmp_path):
    inputs, labels = INPUTS[:120], LABELS[:120]  # as many as above are learnt from: one shape
    write_rows(tmp_path / "rows.csv", inputs, labels)
    words = ["fit", str(tmp_path / "rows.csv"), "--label", "ill", "--drop", "id", "--l2", "0.1"]
    params = {}
    for way in ("standardize", "no-standardize"):
        out = tmp_path / way
        assert enter([*words, f"--{way}", "--test", "0", "--out", str(out)]) == 0
        assert not (out / "held_out.csv").exists()
        model = load_model(out / "model.npz")
        params[way] = model.coefficients
        moved = np.asarray(model.standardizer(inputs))
        slopes = 1 / (1 + np.exp(-model.logits(inputs))) - labels
        gradient = slopes @ moved / 120 + 0.1 * model.coefficients
        np.testing.assert_allclose(gradient, 0, atol=1e-8)
        scale = 1 if way == "standardize" else inputs.std(axis=0)
        np.testing.assert_allclose(moved.std(axis=0), scale)
    assert np.abs(params["standardize"] - params["no-standardize"]).max() > 0.1


def test_a_row_of_weight_0_moves_no_column():
    inputs = np.array([[1e200, 3.0], [1.0, 3.0], [4.0, 3.0]])
    rows = Rows(("a", "b"), inputs, np.array([0, 0, 1]), np.array([0.0, 2.0, 1.0]))
    flags = SimpleNamespace(standardize=True, penalised=True)
    found = learning._standardizer(rows, flags)
    np.testing.assert_allclose(found.mean, [2, 3])
    np.testing.assert_allclose(found.scale, [2**0.5, 1])
    _, deviations = moments(rows.inputs, rows.weights)
    np.testing.assert_allclose(deviations, [2**0.5, 0])


@pytest.mark.parametrize(("mean", "scale"), [(4.0, 1.0), (0.0, 2.0), (0.0, 1.0)])
def test_a_column_that_is_moved_alone_counts_as_standardised(mean, scale):
    model = SimpleNamespace(standardizer=Standardizer(np.array([mean]), np.array([scale])))
    assert Results(model, *[None] * 7).standardised == ((mean, scale) != (0, 1))


def test_the_penalty_of_least_held_out_loss_is_taken(tmp_path, monkeypatch):
    asked = {}

    def quick_search(inputs, labels, **options):
        inspect.signature(cross_validate).bind(inputs, labels, **options)
        asked.update(options, spread=inputs.std(axis=0))
        grid = options["grid"]
        loss = 0.5 + np.log(grid / 0.03) ** 2
        return SimpleNamespace(grid=grid, mean=loss, standard_error=loss / 9, best=loss.argmin())

    monkeypatch.setattr(learning, "cross_validate", quick_search)
    write_rows(tmp_path / "rows.csv", INPUTS[:120], LABELS[:120])
    (tmp_path / "out").mkdir()
    for name in {*FILES, "notes.txt"}:
        (tmp_path / "out" / name).write_text("of an earlier run")
    words = ["fit", str(tmp_path / "rows.csv"), "--label", "ill", "--drop", "id", "--cv", "4"]
    assert enter([*words, "--seed", "3", "--test", "0", "--out", str(tmp_path / "out")]) == 0
    assert (asked["folds"], asked["seed"]) == (4, 3)
    np.testing.assert_allclose(asked["spread"], 1)
    rows = table(tmp_path / "out" / "penalties.csv")
    assert [float(row["l2"]) for row in rows] == asked["grid"].tolist()
    best = min(rows, key=lambda row: float(row["loss"]))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["l2"], report["standardised"]) == (float(best["l2"]), True)
    assert load_model(tmp_path / "out" / "model.npz").l2 == float(best["l2"])
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "with one standard error; l2 = " in page
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert FILES - left == {"held_out.csv", "calibration.csv", "reliability.svg", "reliability.png"}
    assert left - FILES == {"notes.txt", "penalties.csv", "penalties.svg", "penalties.png"}


@pytest.mark.parametrize("whole", [0, 1])
def test_a_part_that_weighs_nothing_is_refused_before_the_fit(whole):
    labels, flags = np.arange(40.0) % 2, SimpleNamespace(test=0.25, seed=0)
    weights = np.zeros(40)
    weights[learning._parts(Rows((), np.zeros((40, 0)), labels, None), flags)[whole]] = 1
    rows = Rows((), np.zeros((40, 0)), labels, weights)
    with pytest.raises(ValueError, match=r"test is 0\.25, .* another --seed or share, or 0"):
        learning._parts(rows, flags)


@pytest.mark.parametrize(
    ("few", "advice"),
    [(1, r"\(rows of one class: 1\): take --l2"), (3, r"3\): take at most 3 folds, or --l2")],
)
def test_a_search_that_can_judge_no_penalty_chooses_none(few, advice, monkeypatch):
    endless = np.full(2, np.inf)
    nothing = SimpleNamespace(grid=endless, mean=endless, standard_error=endless, best=0)
    monkeypatch.setattr(learning, "cross_validate", lambda *_, **__: nothing)
    rows = Rows((), np.zeros((9, 0)), np.arange(9.0) < few, None)
    with pytest.raises(ValueError, match=rf"cv is 5, but without one of the folds .* {advice}$"):
        learning._search(rows, 5, 0)


def test_separated_labels_are_status_1_and_words(tmp_path, capsys):
    write_rows(tmp_path / "rows.csv", INPUTS[:120], (INPUTS[:120, 0] > 0).astype(int))
    words = ["fit", str(tmp_path / "rows.csv"), "--label", "ill", "--drop", "id"]
    out = tmp_path / "out [b]"
    assert enter([*words, "--test", "0", "--out", str(out)]) == 1
    told = capsys.readouterr()
    assert f"report: {out / 'report.html'}" in told.err
    assert "separated: a hyperplane tells the labels apart" in told.err
    assert "no estimate of finite error: age" in told.out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "It did not converge: a hyperplane tells the labels apart" in page
    assert "<img" not in page  # coefficients at infinity have no figure
    assert json.loads((out / "report.json").read_text())["status"] == "separated"
    assert load_model(out / "model.npz").covariance is None


def test_a_fit_that_diverges_is_one_line_and_leaves_no_folder(tmp_path, capsys):
    data, out = tmp_path / "a.csv", tmp_path / "fit"
    data.write_text("ill,x\n" + "".join(f"{i % 2},{i % 7}e-320\n" for i in range(40)))
    assert enter(["fit", str(data), "--label", "ill", "--out", str(out)]) == 2
    error = "a.csv: sums overflow: bring the columns to a common scale\n"
    assert capsys.readouterr().err.endswith(error)
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no.csv"], "there is no file no.csv"),
        (["a.csv"], "a.csv has no column 'label'; it has id, ill, x"),
        (["a.csv", "--label", "ill"], "column 'id': 'a' is not a number; give text a number"),
        (["a.csv", "--label", "ill", "--l2", "-1"], "l2 is -1.0; it must be a finite number >= 0"),
        (["a.csv", "--l1", "nan"], "l1 is nan; it must be a finite number >= 0"),
        (["a.csv", "--l2", "1", "--cv", "5"], "--l2 or --l1 and --cv came; take one of them"),
        (["a.csv", "--cv", "5", "--firth"], "--cv and --firth came; take one of them"),
        (["a.csv", "--cv", "1"], "cv is 1; it must be 2 or more folds"),
        (["a.csv", "--test", "1"], "test is 1.0; it must lie in [0, 1)"),
        (["a.csv", "--confidence", "95"], "confidence is 95.0; it must lie between 0 and 1"),
        (["a.csv", "--resamples", "-1"], "resamples is -1; it must be 0 or more"),
        (["a.csv", "--seed", "-1"], "seed is -1; it must be a whole number from 0 to"),
        (["a.csv", "--label", "ill", "--drop", "id"], "test is 0.25, which of 1 rows of"),
        (["few.csv", "--label", "ill"], "holds out 2, too few to judge by, for 5 can be"),
        (["a.csv", "--out", "a.csv"], "out a.csv cannot be a folder"),
        (["table.csv", "--out", "."], "table.csv would be written over"),
    ],
)
def test_status_2_and_one_line_for_what_cannot_be_done(
    words, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "table.csv"):
        (tmp_path / name).write_text("id,ill,x\na,1,0.5\nb,0,1\n")
    (tmp_path / "few.csv").write_text("ill,x\n" + "".join(f"{i % 2},{i}\n" for i in range(8)))
    assert enter(["fit", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.count("\n") == 1
