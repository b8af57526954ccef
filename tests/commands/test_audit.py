"""``bcejax audit`` from its words to its exit status; the audit itself is a stand-in but once."""

import json

import numpy as np
import pytest

from bcejax.analysis import AuditReport, Check, Curve, Status
from bcejax.commands import audit as command
from bcejax.commands.entry import enter

LOSS = "optax:sigmoid_binary_cross_entropy"
PASSED = Check(Status.PASSED, "within 4 ulp", (1.0, 0.0), 1.0, 1.0, 0.5, 4.0, "value")
FAILED = Check(
    Status.FAILED, "hessian is 0 where 2 is right; [right] tail", (20.0, 0.0), 0.0, 2.0, 1e7, 6.0,
    "hessian",
)  # fmt: skip
ABSENT = Check(Status.NOT_APPLICABLE, "takes no where", name="mask")
CURVE = Curve("value", "logits", np.arange(3.0), np.zeros(3), np.ones(3), 4.0)


@pytest.fixture
def calls(monkeypatch):
    """What the command asks of the audit, which finds ``checks``."""
    seen = {"checks": (PASSED, ABSENT)}

    def stand_in(subject, *, dtype, labels, track):
        seen.update(name=subject.name, form=subject.form, dtype=dtype, labels=labels)
        assert list(track(("value", "mask"))) == ["value", "mask"]
        return AuditReport(subject.name, subject.form, dtype, seen["checks"], (CURVE,) * 3)

    monkeypatch.setattr(command, "audit", stand_in)
    return seen


def test_status_0_and_a_table_where_nothing_fails(calls, capsys):
    assert enter(["audit", LOSS]) == 0
    out = capsys.readouterr().out
    assert f"{LOSS}, logits in float32" in out
    assert "no check failed" in out
    assert "within 4 ulp" in out
    assert (calls["dtype"], calls["labels"]) == ("float32", (0, 1, 0.25, 0.9))


def test_status_1_and_the_input_where_one_fails(calls, capsys):
    calls["checks"] = (PASSED, FAILED, ABSENT)
    assert enter(["audit", LOSS]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "x = 20, y = 0: hessian is 0 where" in out
    assert "[right]" in out  # brackets are no markup
    assert "1 of 3 checks failed" in out


def test_flags_reach_the_audit(calls):
    words = ["--dtype", "bfloat16", "--labels", "0", "0.5", "--form", "probs"]
    assert enter(["audit", "bcejax:bce_with_probs", *words, "--order", "probs,labels"]) == 0
    assert calls == calls | {"dtype": "bfloat16", "labels": (0, 0.5), "form": "probs"}


def test_json_is_all_that_is_printed(calls, capsys):
    calls["checks"] = (FAILED,)
    assert enter(["audit", LOSS, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == LOSS
    assert found["checks"][0] == {
        "name": "hessian",
        "status": "failed",
        "note": "hessian is 0 where 2 is right; [right] tail",
        "at": [20.0, 0.0],
        "got": 0.0,
        "right": 2.0,
        "error": 1e7,
        "bound": 6.0,
    }


def test_a_figure_is_two_files(calls, tmp_path, capsys):
    assert enter(["audit", LOSS, "--json", "--figure", str(tmp_path / "out.svg")]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "out.svg"]
    told = capsys.readouterr()
    json.loads(told.out)
    assert "out.svg and out.png" in told.err.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["audit", "nowhere:loss"], "there is no module 'nowhere'"),
        (["audit", "bce"], "loss 'bce' is not of the form module:function"),
        (["audit", LOSS, "--labels", "3"], r"labels lie in [0, 1], got (3.0,)"),
        (["audit", LOSS, "--figure", "out.pdf"], "figure out.pdf must end in .svg or .png"),
        (["audit", LOSS, "--figure", "no/such/out.svg"], "there is no folder no/such"),
        (["audit", LOSS, "--order", "x,y"], "order 'x,y' is not"),
        (["adit"], "command 'adit' is not one of audit"),
    ],
)
def test_status_2_and_one_line_for_what_cannot_be_understood(words, message, capsys):
    assert enter(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.count("\n") == 1


def test_a_figure_that_cannot_be_written_is_one_line(calls, capsys, tmp_path):
    path = tmp_path / "out.svg"
    path.mkdir()
    assert enter(["audit", LOSS, "--figure", str(path)]) == 2
    told = capsys.readouterr().err
    assert told == f"error: {path} cannot be written: Is a directory\n"


def test_help_and_no_words(capsys):
    assert enter(["--help"]) == 0
    assert "bcejax audit LOSS" in capsys.readouterr().out
    assert enter([]) == 2


def test_a_real_loss_from_a_file(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\n"
        "def loss(labels, logits):\n"
        "    return np.log1p(np.exp(logits)) - labels * logits\n"
    )
    words = ["audit", f"{path}:loss", "--order", "labels,logits", "--labels", "0", "1", "--json"]
    assert enter(words) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["value"]["got"] == "inf"  # exp overflows
    assert checks["gradient"]["status"] == "not offered"
