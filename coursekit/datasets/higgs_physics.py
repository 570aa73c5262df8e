"""What the collisions behind the HIGGS-like events produce: signal and background, before any detector.

Signal      gg -> H0 -> W H+-, H+- -> W h0, h0 -> b b~     (masses 425, 325 and 125 GeV)
Background  gg -> t t~, t -> W b

Both end as ``W W b b~``, one W decaying to a lepton and a neutrino, the other to two quarks. This is the process of
Baldi, Sadowski and Whiteson, *Nat. Commun.* 5, 4308 (2014), in proton-proton collisions at 8 TeV. They used MadGraph,
Pythia and Delphes. Here matrix elements are flat apart from resonances and spin, and the detector
(`coursekit.datasets.higgs_detector`) is a set of smearings: the story is the same, the numbers are not, and must not be
compared with those of the public set.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator

from coursekit.datasets.kinematics import (
    FloatArray,
    around,
    boost,
    breit_wigner,
    decay,
    invariant_mass,
    isotropic,
)

# Masses and widths, GeV. H0, H+- and h0 are the benchmark of Baldi et al.; the widths of the first two are a choice.
COLLISION_ENERGY: Final = 8000.0
HEAVY_MASS, HEAVY_WIDTH = 425.0, 10.0
CHARGED_MASS, CHARGED_WIDTH = 325.0, 5.0
LIGHT_MASS, LIGHT_WIDTH = 125.0, 0.004
TOP_MASS, TOP_WIDTH = 173.0, 1.4
W_MASS, W_WIDTH = 80.4, 2.1
BOTTOM_MASS: Final = 4.8
W_RANGE: Final = (65.0, 95.0)

LONGITUDINAL_FRACTION: Final = 0.70  # of the W bosons of top decays: m_t^2 / (m_t^2 + 2 m_W^2), to leading order
SIGNAL_PT, BACKGROUND_PT = 25.0, 35.0  # mean transverse momentum of the produced system, GeV
PAIR_FALL: Final = 6.5  # power with which the top pairs' mass spectrum falls

# Order of the particles along the second axis of an event array.
LEPTON, NEUTRINO, DOWN, UP, BOTTOM_LEPTONIC, BOTTOM_HADRONIC = range(6)


def draw_rapidity(rng: Generator, mass: FloatArray) -> FloatArray:
    """Draw the rapidity of systems of given mass (GeV) by rejection.

    With the partons' momentum fractions ``x1, x2 = (m / sqrt(s)) exp(+-y)`` the weight is ``[(1 - x1)(1 - x2)]^5``,
    a stand-in for the fall of the gluon density; it is largest at ``y = 0``.
    """
    ratio = mass / COLLISION_ENERGY
    rapidity = np.zeros_like(mass)
    left = np.arange(mass.size)
    while left.size:
        tau = ratio[left]
        trial = rng.uniform(-1.0, 1.0, left.size) * -np.log(tau)
        weight = ((1.0 + tau * tau - 2.0 * tau * np.cosh(trial)) / (1.0 - tau) ** 2) ** 5
        accepted = rng.random(left.size) < weight
        rapidity[left[accepted]] = trial[accepted]
        left = left[~accepted]
    return rapidity


def draw_system(rng: Generator, mass: FloatArray, mean_pt: float) -> FloatArray:
    """Draw four-vectors, shape (4, n), of produced systems: ``pT ~ Gamma(1.5)``, any azimuth, falling rapidity."""
    rapidity = draw_rapidity(rng, mass)
    pt = rng.gamma(1.5, mean_pt / 1.5, mass.size)
    phi = rng.uniform(-np.pi, np.pi, mass.size)
    transverse_mass = np.hypot(mass, pt)
    return np.stack(
        [transverse_mass * np.cosh(rapidity), pt * np.cos(phi), pt * np.sin(phi), transverse_mass * np.sinh(rapidity)]
    )


def longitudinal_cosine(rng: Generator, size: int) -> FloatArray:
    """Draw ``cos(theta*)`` of a longitudinal W: ``f(c) = 3/4 (1 - c^2)``, which is Beta(2, 2) stretched to -1..1."""
    cosine: FloatArray = 2.0 * rng.beta(2.0, 2.0, size) - 1.0
    return cosine


def top_cosine(rng: Generator, size: int) -> FloatArray:
    """Draw ``cos(theta*)`` of the W of a top quark: ``3/4 F0 (1 - c^2) + 3/8 (1 - F0) (1 - c)^2``.

    The angle is that of the charged lepton (or the down-type quark) in the W's rest frame to the W's direction in
    the top's. The second, left-handed part is Beta(1, 3) stretched to -1..1.
    """
    longitudinal = rng.random(size) < LONGITUDINAL_FRACTION
    cosine: FloatArray = 2.0 * rng.beta(np.where(longitudinal, 2.0, 1.0), np.where(longitudinal, 2.0, 3.0)) - 1.0
    return cosine


def decay_w(rng: Generator, w: FloatArray, cosine: FloatArray) -> FloatArray:
    """Let W bosons decay; the polar axis is their direction of flight in the frame given (their mother's rest frame).

    Returns
    -------
    array of float, shape (4, 2, n)
        The lepton or down-type quark, and the neutrino or up-type quark, both massless, in the same frame as ``w``.
    """
    daughters = decay(invariant_mass(w), 0.0, 0.0, around(rng, w[1:], cosine))
    return boost(np.stack(daughters, axis=1), w[:, None])


def draw_signal(rng: Generator, size: int) -> tuple[FloatArray, FloatArray]:
    """Draw ``H0 -> W1 H+-``, ``H+- -> W2 h0``, ``h0 -> b b~``; either W may be the one with the lepton.

    Returns
    -------
    particles : array of float, shape (4, 6, size)
        In the laboratory, GeV, in the order ``LEPTON`` to ``BOTTOM_HADRONIC`` (here the two b quarks of the h0).
    system : array of float, shape (4, size)
        The H0.
    """
    w1_mass, w2_mass = (breit_wigner(rng, W_MASS, W_WIDTH, *W_RANGE, size) for _ in range(2))
    charged_mass = breit_wigner(rng, CHARGED_MASS, CHARGED_WIDTH, 300.0, 350.0, size)
    light_mass = breit_wigner(rng, LIGHT_MASS, LIGHT_WIDTH, 124.9, 125.1, size)
    # Above the threshold of the decay, so that every mass drawn can decay.
    heavy_mass = breit_wigner(rng, HEAVY_MASS, HEAVY_WIDTH, w1_mass + charged_mass + 0.1, 480.0, size)
    system = draw_system(rng, heavy_mass, SIGNAL_PT)

    w1, charged = decay(heavy_mass, w1_mass, charged_mass, isotropic(rng, size))
    w2, light = decay(charged_mass, w2_mass, light_mass, isotropic(rng, size))
    bottoms = decay(light_mass, BOTTOM_MASS, BOTTOM_MASS, isotropic(rng, size))
    fermions1 = decay_w(rng, w1, longitudinal_cosine(rng, size))
    fermions2 = decay_w(rng, w2, longitudinal_cosine(rng, size))
    bottoms_charged = boost(np.stack(bottoms, axis=1), light[:, None])
    of_charged = boost(np.concatenate([fermions2, bottoms_charged], axis=1), charged[:, None])
    fermions2, bottoms_heavy = of_charged[:, :2], of_charged[:, 2:]

    first_is_leptonic = rng.random(size) < 0.5
    leptonic = np.where(first_is_leptonic, fermions1, fermions2)
    hadronic = np.where(first_is_leptonic, fermions2, fermions1)
    return boost(np.concatenate([leptonic, hadronic, bottoms_heavy], axis=1), system[:, None]), system


def draw_background(rng: Generator, size: int) -> tuple[FloatArray, FloatArray]:
    """Draw ``t t~`` pairs, each ``t -> W b``; the first top is the one with the lepton.

    The pair's mass spectrum is ``beta_t (m0 / m)^6.5`` with ``beta_t = sqrt(1 - m0^2 / m^2)`` and ``m0`` the sum of the
    two tops' masses. In ``u = m0^2 / m^2`` that is the distribution Beta((6.5 - 1) / 2, 3 / 2).

    Returns
    -------
    particles, system
        As in `draw_signal`; the system is the pair.
    """
    tops = [breit_wigner(rng, TOP_MASS, TOP_WIDTH, 165.0, 181.0, size) for _ in range(2)]
    pair_mass = (tops[0] + tops[1]) / np.sqrt(rng.beta((PAIR_FALL - 1.0) / 2.0, 1.5, size))
    system = draw_system(rng, pair_mass, BACKGROUND_PT)
    pair = decay(pair_mass, tops[0], tops[1], isotropic(rng, size))

    sides = []
    for mass, top in zip(tops, pair, strict=True):
        w_mass = breit_wigner(rng, W_MASS, W_WIDTH, *W_RANGE, size)
        w, bottom = decay(mass, w_mass, BOTTOM_MASS, isotropic(rng, size))
        fermions = decay_w(rng, w, top_cosine(rng, size))
        sides.append(boost(np.concatenate([fermions, bottom[:, None]], axis=1), top[:, None]))
    (leptonic, hadronic) = sides
    order = [leptonic[:, :2], hadronic[:, :2], leptonic[:, 2:], hadronic[:, 2:]]
    return boost(np.concatenate(order, axis=1), system[:, None]), system
