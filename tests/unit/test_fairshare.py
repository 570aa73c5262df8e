"""Who gets how many workers: the rules, each as a property of every decision."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coursekit.config import GiB
from coursekit.gateway.fairshare import Claim, Decision, decide
from coursekit.gateway.quotas import UNLIMITED, Quota, Quotas, Resources

ONE = Resources(cores=1, memory=GiB)

amounts = st.builds(
    Resources,
    cores=st.integers(0, 12) | st.sampled_from([0.5, 0.1, 2.7]),
    memory=st.integers(0, 24).map(lambda size: size * GiB),
    gpus=st.integers(0, 3),
)
shapes = amounts.map(lambda amount: amount.at_most(Resources(cores=4, memory=6 * GiB, gpus=1)))
shapes = shapes.filter(lambda shape: not shape.fits_in(Resources()))


@st.composite
def quotas_of(draw: st.DrawFn, resources: st.SearchStrategy[Resources] = amounts) -> Quota:
    first, second = draw(resources), draw(resources)
    return Quota(
        guarantee=first.at_most(second), cap=first.at_least(second), weight=draw(st.sampled_from([0.5, 1.0, 1.0, 3.0]))
    )


@st.composite
def classes(draw: st.DrawFn, *, alike: bool = False) -> tuple[list[Claim], Resources, Quotas]:
    """Draw a class: claims, capacity, quotas; ``alike``: all workers are one core, and only cores count."""
    owners = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=10))
    workers = st.just(ONE) if alike else shapes
    cores = st.sampled_from([0, 0, 1, 2, 3, 8]).map(lambda cores: ONE * cores)
    quota = quotas_of(cores) if alike else quotas_of()
    claims = [
        Claim(
            cluster=f"{owner}/{number}",
            owner=owner,
            wanted=draw(st.integers(0, 12)),
            running=draw(st.integers(0, 12)),
            worker=draw(workers),
            since=float(draw(st.integers(0, 5))),
        )
        for number, owner in enumerate(owners)
    ]
    capacity = draw(st.integers(0, 20).map(lambda n: ONE * n)) if alike else draw(amounts) * draw(st.integers(1, 6))
    quotas = Quotas(
        default=draw(quota),
        users=draw(st.dictionaries(st.sampled_from("abcdefgh"), quota, max_size=4)),
        class_cap=draw(st.none() | (st.integers(0, 40).map(lambda n: ONE * n) if alike else amounts)),
    )
    return claims, capacity, quotas


def alternating() -> tuple[list[Claim], Resources, Quotas]:
    """Give a class in which two decisions alternate if who runs is preferred whatever the sizes of their workers."""
    gpu, cores = Resources(gpus=1), Resources(cores=2)
    claims = [
        Claim(cluster="b/0", owner="b", wanted=2, running=0, worker=gpu, since=0),
        Claim(cluster="b/1", owner="b", wanted=2, running=1, worker=cores, since=1),
        Claim(cluster="a/2", owner="a", wanted=2, running=2, worker=gpu, since=2),
    ]
    return claims, Resources(cores=6, gpus=3), Quotas(default=Quota(guarantee=Resources(), cap=UNLIMITED))


def room(capacity: Resources, quotas: Quotas) -> Resources:
    return capacity.at_most(quotas.class_cap or UNLIMITED)


def use(claims: list[Claim], decision: Decision) -> dict[str, Resources]:
    used: dict[str, Resources] = defaultdict(Resources)
    for claim in claims:
        used[claim.owner] += claim.worker * decision.targets[claim.cluster]
    return used


def total(amounts: list[Resources]) -> Resources:
    return sum(amounts, start=Resources())


def workers(claims: list[Claim], decision: Decision) -> dict[str, int]:
    given: dict[str, int] = defaultdict(int)
    for claim in claims:
        given[claim.owner] += decision.targets[claim.cluster]
    return given


@given(classes())
def test_nobody_gets_more_than_they_want_or_may_have(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    assert set(decision.targets) == {claim.cluster for claim in claims}
    assert all(0 <= decision.targets[claim.cluster] <= claim.wanted for claim in claims)
    used = use(claims, decision)
    assert all(amount.fits_in(quotas.of(owner).cap) for owner, amount in used.items())
    assert total(list(used.values())).fits_in(room(capacity, quotas))


@given(classes())
def test_nobody_is_below_their_guarantee_while_they_ask_for_it(case):
    claims, capacity, quotas = case
    guarantees = total([quotas.of(owner).guarantee for owner in {claim.owner for claim in claims}])
    decision = decide(claims, capacity.at_least(guarantees), replace(quotas, class_cap=None))
    used = use(claims, decision)
    for claim in claims:
        one_more = used[claim.owner] + claim.worker
        assert decision.targets[claim.cluster] == claim.wanted or not one_more.fits_in(quotas.of(claim.owner).guarantee)


@given(classes())
def test_nothing_is_idle_while_somebody_wants_it_and_is_under_their_cap(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    used = use(claims, decision)
    free = room(capacity, quotas) - total(list(used.values()))
    for claim in claims:
        if decision.targets[claim.cluster] < claim.wanted and claim.worker.fits_in(free):
            assert not (used[claim.owner] + claim.worker).fits_in(quotas.of(claim.owner).cap)


@example(alternating())
@given(classes())
def test_deciding_again_when_the_decision_was_carried_out_changes_nothing(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    carried_out = [replace(claim, running=decision.targets[claim.cluster]) for claim in claims]
    again = decide(carried_out, capacity, quotas)
    assert again.targets == decision.targets
    assert again.waiting == decision.waiting
    assert not again.reclaims


@given(classes(), st.randoms(use_true_random=False))
def test_the_order_of_the_claims_does_not_matter(case, order: random.Random):
    claims, capacity, quotas = case
    shuffled = claims.copy()
    order.shuffle(shuffled)
    assert decide(shuffled, capacity, quotas) == decide(claims, capacity, quotas)


@given(classes(alike=True))
def test_nobody_has_a_second_worker_above_their_guarantee_while_somebody_has_none(case):
    claims, capacity, quotas = case
    given_ = workers(claims, decide(claims, capacity, quotas))
    asks = {claim.owner for claim in claims if claim.wanted and quotas.of(claim.owner).cap.cores}
    if any(given_[owner] == 0 for owner in asks):
        for owner, count in given_.items():
            assert count <= max(1, quotas.of(owner).guarantee.cores)


@given(classes(alike=True))
def test_who_has_waited_longest_with_nothing_is_next(case):
    claims, capacity, quotas = case
    given_ = workers(claims, decide(claims, capacity, quotas))
    newly = {owner for owner in given_ if not any(claim.running for claim in claims if claim.owner == owner)}
    since = {owner: min(claim.since for claim in claims if claim.owner == owner) for owner in given_}
    for idle in newly:
        quota, asks = quotas.of(idle), any(claim.wanted for claim in claims if claim.owner == idle)
        if asks and given_[idle] == 0 and quota.cap.cores:
            for other in newly:
                if given_[other] and not quotas.of(other).guarantee.cores:
                    assert since[other] <= since[idle]


@given(classes(alike=True))
def test_who_is_most_over_their_guarantee_gives_back_first(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    given_ = workers(claims, decision)

    def overage(owner: str, count: int) -> float:
        quota = quotas.of(owner)
        return max(0, count - quota.guarantee.cores) / quota.weight

    for claim in claims:
        count = given_[claim.owner]
        if decision.targets[claim.cluster] < claim.wanted and count < quotas.of(claim.owner).cap.cores:
            for other, has in given_.items():
                if has > max(1, quotas.of(other).guarantee.cores):
                    assert overage(other, has - 1) <= overage(claim.owner, count) + 1e-6


@given(classes(alike=True))
def test_guarantees_that_do_not_fit_shrink_by_weight(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    given_ = workers(claims, decision)
    for claim in claims:
        quota, count = quotas.of(claim.owner), given_[claim.owner]
        if decision.targets[claim.cluster] < claim.wanted and count < quota.guarantee.cores:
            for other, has in given_.items():
                assert has == 0 or (has - 1) / quotas.of(other).weight <= count / quota.weight + 1e-6


@given(classes(alike=True), st.integers(0, 12), st.integers(0, 5))
def test_a_newcomer_takes_from_others_but_moves_nothing_between_them(case, wanted, since):
    claims, capacity, quotas = case
    claims = [claim for claim in claims if claim.owner != "h"]
    before = decide(claims, capacity, quotas).targets
    running = [replace(claim, running=before[claim.cluster]) for claim in claims]
    newcomer = Claim(cluster="h/new", owner="h", wanted=wanted, running=0, worker=ONE, since=float(since))
    after = decide([*running, newcomer], capacity, quotas).targets
    assert all(after[cluster] <= count for cluster, count in before.items())
    assert sum(before.values()) - sum(after[cluster] for cluster in before) <= after["h/new"]


@given(classes(alike=True))
def test_who_leaves_gives_to_others_and_takes_from_nobody(case):
    claims, capacity, quotas = case
    before = decide(claims, capacity, quotas).targets
    gone = claims[0].owner
    left = [replace(claim, running=before[claim.cluster]) for claim in claims if claim.owner != gone]
    after = decide(left, capacity, quotas).targets
    assert all(count >= before[cluster] for cluster, count in after.items())


@given(classes())
def test_everybody_who_gets_less_than_they_want_is_told_why(case):
    claims, capacity, quotas = case
    decision = decide(claims, capacity, quotas)
    short = {claim.cluster: claim.wanted - decision.targets[claim.cluster] for claim in claims}
    assert {one.cluster: one.missing for one in decision.waiting} == {name: n for name, n in short.items() if n}
    assert all(one.reason for one in decision.waiting)
    queue = [one for one in decision.waiting if one.position]
    assert [one.position for one in queue] == list(range(1, len(queue) + 1))
    order = {claim.cluster: (claim.since, claim.cluster) for claim in claims}
    assert [one.cluster for one in queue] == sorted((one.cluster for one in queue), key=order.__getitem__)


def claim(owner: str, wanted: int, *, running: int = 0, since: float = 0, worker: Resources = ONE) -> Claim:
    return Claim(cluster=f"{owner}/default", owner=owner, wanted=wanted, running=running, worker=worker, since=since)


def class_of(*, guarantee: int = 2, cap: int = 8, class_cap: Resources | None = None) -> Quotas:
    return Quotas(default=Quota(guarantee=ONE * guarantee, cap=ONE * cap), class_cap=class_cap)


def test_what_is_idle_is_lent_and_comes_back_when_somebody_below_their_guarantee_asks():
    alone = decide([claim("ann", 8)], ONE * 8, class_of())
    assert alone.targets == {"ann/default": 8}
    three = [claim("ann", 8, running=8), claim("bob", 2, since=1), claim("eve", 1, since=2)]
    decision = decide(three, ONE * 8, class_of())
    assert decision.targets == {"ann/default": 5, "bob/default": 2, "eve/default": 1}
    assert decision.reclaims == {"ann/default": 3}
    (waiting,) = decision.waiting
    assert (waiting.position, waiting.missing, waiting.reason) == (1, 3, "the class has nothing free now")


def test_among_equals_the_one_who_runs_keeps_the_odd_worker():
    equals = [claim("ann", 3, since=0), claim("bob", 3, since=1, running=3)]
    assert decide(equals, ONE * 5, class_of()).targets == {"ann/default": 2, "bob/default": 3}


def test_who_has_nothing_comes_before_what_is_lent_to_one_who_has_waited_longer():
    quotas = replace(class_of(guarantee=2), users={"bob": Quota(guarantee=Resources(), cap=ONE * 8)})
    decision = decide([claim("ann", 8, running=3), claim("bob", 8, since=1)], ONE * 3, quotas)
    assert decision.targets == {"ann/default": 2, "bob/default": 1}


def test_guarantees_come_before_the_first_worker_of_one_who_has_none():
    quotas = replace(class_of(guarantee=2), users={"bob": Quota(guarantee=Resources(), cap=ONE * 8)})
    decision = decide([claim("ann", 8, since=1), claim("bob", 8)], ONE * 2, quotas)
    assert decision.targets == {"ann/default": 2, "bob/default": 0}


def test_all_clusters_of_a_user_share_one_quota():
    both = [replace(claim("ann", 8), cluster=f"ann/{name}") for name in ("first", "second")]
    decision = decide([*both, claim("bob", 8, since=1)], ONE * 100, class_of(cap=6))
    assert decision.targets == {"ann/first": 3, "ann/second": 3, "bob/default": 6}


def test_memory_or_gpus_can_be_what_is_scarce():
    big = Resources(cores=1, memory=8 * GiB)
    gpu = Resources(cores=1, memory=GiB, gpus=1)
    quotas = Quotas(default=Quota(guarantee=Resources(), cap=UNLIMITED))
    claims = [claim("ann", 9, worker=big), claim("bob", 9, worker=gpu), claim("eve", 9, worker=ONE)]
    decision = decide(claims, Resources(cores=30, memory=40 * GiB, gpus=3), quotas)
    assert decision.targets == {"ann/default": 3, "bob/default": 3, "eve/default": 9}


def test_a_user_at_their_cap_is_in_nobodys_way_in_the_queue():
    quotas = replace(class_of(), users={"ann": Quota(guarantee=ONE, cap=ONE * 3)})
    first, second = decide([claim("ann", 9), claim("bob", 8, since=1)], ONE * 10, quotas).waiting
    assert (first.cluster, first.position, first.missing) == ("bob/default", 1, 1)
    assert (second.cluster, second.position, second.missing) == ("ann/default", 0, 6)


def test_reasons_name_the_cap_that_binds():
    over = decide([claim("ann", 9)], ONE * 100, class_of()).waiting[0]
    assert (over.position, over.reason) == (
        0,
        "one more worker would make 9 cores, 9.0 GiB, and your cap is 8 cores, 8.0 GiB",
    )
    full = decide([claim("ann", 8)], ONE * 100, class_of(class_cap=ONE * 5)).waiting[0]
    assert (full.position, full.reason) == (1, "the class is at its cap of 5 cores, 5.0 GiB")
    cores_only = UNLIMITED.at_most(Resources(cores=9, memory=2**62, gpus=2**62))
    scarce = decide([claim("ann", 8)], ONE * 5, class_of(class_cap=cores_only)).waiting[0]
    assert (scarce.position, scarce.reason) == (1, "the class has nothing free now")
    huge = decide([claim("ann", 1, worker=ONE * 6)], ONE * 5, class_of()).waiting[0]
    assert (huge.position, huge.reason) == (
        0,
        "a worker of 6 cores, 6.0 GiB is larger than all there is: 5 cores, 5.0 GiB",
    )


def test_a_stampede_gives_everybody_one_worker_or_a_place_in_the_queue():
    claims = [claim(f"s{number:03}", 4, since=number) for number in range(300)]
    decision = decide(claims, ONE * 200, class_of())
    assert sum(decision.targets.values()) == 200
    assert set(decision.targets.values()) == {0, 1}
    assert [decision.targets[f"s{number}/default"] for number in ("000", "199", "200", "299")] == [1, 1, 0, 0]
    assert next(one for one in decision.waiting if one.cluster == "s299/default").position == 300


def test_claims_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="repeat"):
        decide([claim("ann", 1), claim("ann", 2)], ONE, class_of())
    with pytest.raises(ValueError, match="negative"):
        claim("ann", -1)
    with pytest.raises(ValueError, match="uses nothing"):
        claim("ann", 1, worker=Resources())
