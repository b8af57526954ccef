"""The README's code runs as it stands, and its links lead somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def test_the_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 4
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert names["history"].loss[-1] < names["history"].loss[0]
    assert names["history"].validation_loss[-1] < 0.65  # that of the base rate alone
    assert names["report"].best in names["calibration"].CALIBRATORS | {"none": None}
    assert names["probs"].shape == names["logits"].shape
    assert names["fit_of_all"].status == 0


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) > 8
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_two_commands_come_first():
    commands = re.findall(r"^pip install -e .*$", TEXT, re.MULTILINE)
    assert commands[0].startswith(
        'pip install -e ".[experiments]" && python -m experiments run all'
    )
    assert commands[1].startswith('pip install -e ".[test]" && python -m pytest')
