import numpy as np
import pytest

from experiments.peers_of_calibration import agreement, claims_of, edges, faults, peers
from experiments.peers_of_calibration.agreement import Pair, draw_data
from experiments.peers_of_calibration.faults import Exhibit
from experiments.peers_of_calibration.settings import Config


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_peers_are_known_by_their_packages(monkeypatch):
    monkeypatch.setattr(peers, "version_of", {"netcal": "1.4.0"}.get)
    assert peers.installed() == {"netcal": "netcal 1.4.0"}
    (missing,) = peers.left_out()
    assert missing.startswith("Not installed, and left out: scikit-learn, torchmetrics, relplot,")
    assert "netcal" not in missing


def test_nothing_is_left_out_where_all_are_here(monkeypatch):
    monkeypatch.setattr(peers, "version_of", lambda package: "1")
    assert peers.left_out() == ()
    assert set(peers.installed()) == set(agreement.COMPARES)
    assert set(faults.SHOWS) < set(peers.PEERS)


@pytest.mark.parametrize(
    ("given", "ours", "right", "peer_is_right", "holds"),
    [
        (0.5, 0.4, 0.4, False, True),
        (0.4, 0.4, 0.4, True, True),
        (0.4, 0.5, 0.4, True, False),
        (18.4, np.inf, np.inf, False, True),
        (None, 0.4, 0.4, False, True),
        (0.36, None, None, False, True),
        (None, 0.4, None, True, False),
        (0.4, None, 0.4, True, False),
        (0.4, np.nan, 0.4, True, False),
    ],
)
def test_an_exhibit_judges_peer_and_us(given, ours, right, peer_is_right, holds):
    exhibit = Exhibit("it", given, ours, right)
    assert exhibit.peer_is_right == peer_is_right
    assert claims_of([("peer 1", exhibit)], [])[0].holds == holds


@pytest.mark.parametrize(("off", "holds"), [(1e-12, True), (1e-8, False), (np.nan, False)])
def test_a_pair_is_equal_or_not(off, holds):
    pair = Pair("it", [0.25, 0.5], np.array([0.25, 0.5 + off]))
    right = Exhibit("it", 1.0, 1.0, 1.0)
    assert claims_of([("peer 1", right)], [("peer 1", pair)])[1].holds == holds


def test_predictions_have_ties_but_no_certainties():
    data = draw_data(Config())
    assert len(np.unique(data.probs)) < 0.6 * len(data.probs)
    assert 0 < data.probs.min() < data.probs.max() < 1
    assert set(data.labels) == {0, 1}


def test_the_edge_rules_make_different_numbers():
    table = edges.edge_rules().columns
    ways = dict(zip(table["program"], table["ECE"], strict=True))
    left, right = (ways[f"bcejax, closed={closed!r}"] for closed in ("left", "right"))
    # by hand: one prediction in each bin but for 0.9 and 1, or for 0 and 0.1
    off = edges.LABELS - edges.PROBS
    assert left == pytest.approx((np.abs(off[:9]).sum() + abs(off[9] + off[10])) / 11)
    assert right == pytest.approx((abs(off[0] + off[1]) + np.abs(off[2:]).sum()) / 11)
    assert ways[peers.installed()["sklearn"]] == pytest.approx(right)
