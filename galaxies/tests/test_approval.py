import pytest

from galaxies.approval import Approval, wilson_lower_bound


def test_few_votes_count_for_little() -> None:
    assert wilson_lower_bound(0, 0) == wilson_lower_bound(0, 5) == 0
    # the 95% interval of 9 of 10 is 0.596 to 0.982
    assert wilson_lower_bound(9, 1) == pytest.approx(0.596, abs=0.001)
    assert wilson_lower_bound(1, 0) < wilson_lower_bound(8, 2) < wilson_lower_bound(80, 20)


def test_approval_is_a_share_with_its_interval() -> None:
    assert (Approval(0, 0).share, Approval(0, 0).low, Approval(0, 0).high) == (None, 0.0, 100.0)
    half = Approval(50, 50)
    assert (half.low, half.share, half.high) == pytest.approx((40.4, 50.0, 59.6), abs=0.05)
    assert half.width == pytest.approx(half.high - half.low)
    assert half.text == "50% (40 to 60%) of 100"
    assert Approval(3, 0).high == 100.0
