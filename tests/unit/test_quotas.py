"""Amounts, quotas and course hours."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import GiB
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import UNLIMITED, Hours, Quota, Quotas, Resources

amounts = st.builds(
    Resources, cores=st.floats(0, 1000).map(lambda cores: round(cores, 3)), memory=st.integers(0), gpus=st.integers(0)
)
NIGHT = Resources(cores=32, memory=4 * GiB)
QUOTA = Quota(guarantee=Resources(cores=2), cap=Resources(cores=8, memory=8 * GiB, gpus=1))
WEDNESDAYS = Hours(days=("wed",), begin=time(9), end=time(12), zone="Europe/Rome")
CLASS = Quotas(default=QUOTA, users={"ann": QUOTA}, course_hours=(WEDNESDAYS,), cap_outside_hours=NIGHT)


@given(amounts, amounts)
def test_what_is_added_can_be_taken_away_again(one, other):
    assert one + other - other == one
    assert one.fits_in(one + other)
    assert one.at_most(other).fits_in(one.at_least(other))


def test_sums_of_fractions_of_a_core_are_exact():
    assert Resources(cores=0.1) * 3 == Resources(cores=0.3)
    assert (Resources(cores=0.1) + Resources(cores=0.2)).fits_in(Resources(cores=0.3))


def test_amounts_read_as_people_write_them():
    assert str(Resources(cores=1, memory=2 * GiB)) == "1 core, 2.0 GiB"
    assert str(Resources(cores=2.5, gpus=1)) == "2.5 cores, 1 GPU"
    assert str(UNLIMITED) == "no limit"
    assert str(UNLIMITED.at_most(Resources(cores=math.inf, memory=GiB, gpus=2))) == "1.0 GiB, 2 GPUs"


def test_a_moment_in_the_course_hours_keeps_the_caps():
    assert CLASS.at(datetime(2026, 11, 25, 9, 30, tzinfo=UTC)) is CLASS  # 10:30 in Rome, a Wednesday
    assert CLASS.at(datetime(2026, 11, 25, 8, 0, tzinfo=UTC)) is CLASS


@pytest.mark.parametrize("moment", [datetime(2026, 11, 25, 11, 0, tzinfo=UTC), datetime(2026, 11, 26, 9, tzinfo=UTC)])
def test_outside_the_course_hours_caps_are_raised_and_guarantees_stay(moment):
    lifted = CLASS.at(moment)
    for quota in (lifted.of("ann"), lifted.of("bob")):
        assert quota.cap == Resources(cores=32, memory=8 * GiB, gpus=1)
        assert quota.guarantee == QUOTA.guarantee


def test_without_course_hours_the_caps_always_hold():
    quotas = Quotas(default=QUOTA, cap_outside_hours=NIGHT)
    assert quotas.at(datetime(2026, 11, 26, tzinfo=UTC)) is quotas


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: Quota(guarantee=Resources(cores=9), cap=Resources(cores=8)), "9 cores"),
        (lambda: Quota(guarantee=Resources(cores=-1), cap=Resources(cores=8)), "-1 cores"),
        (lambda: Quota(guarantee=Resources(), cap=UNLIMITED, weight=0), "weight = 0"),
        (lambda: Hours(days=("wednesday",), begin=time(9), end=time(12)), "'wednesday'"),
        (lambda: Hours(days=("wed",), begin=time(12), end=time(9)), "12:00:00"),
        (lambda: Hours(days=("wed",), begin=time(9), end=time(12), zone="Rome"), "'Rome'"),
    ],
    ids=["guarantee above cap", "negative guarantee", "no weight", "no day", "backwards", "no zone"],
)
def test_quotas_that_cannot_be_are_refused_with_their_value(make, value):
    with pytest.raises(SettingsError, match=value):
        make()
