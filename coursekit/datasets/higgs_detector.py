"""A toy detector: from the particles of a collision to the 28 columns of the HIGGS set, in GeV.

Jets radiate energy out of their cones and are measured with the resolution of a calorimeter, extra jets come from the
initial state, b-tags are drawn with fixed efficiencies, and the selection asks for a lepton, four jets and two b-tags.
The extra jets do not recoil against the rest of the event, which a real simulation would have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from coursekit.datasets.higgs_physics import (
    BOTTOM_HADRONIC,
    BOTTOM_LEPTONIC,
    CHARGED_MASS,
    DOWN,
    LEPTON,
    NEUTRINO,
    TOP_MASS,
    UP,
    W_MASS,
)
from coursekit.datasets.kinematics import (
    FloatArray,
    azimuth,
    four_vector,
    invariant_mass,
    pseudorapidity,
    transverse_momentum,
    wrap_angle,
)

EXTRA_JETS_MAX: Final = 5
JETS: Final = 4  # leading jets that are kept
LIGHT, CHARM, BOTTOM = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Detector:
    """A detector and a selection in a dozen numbers.

    Parameters
    ----------
    jet_stochastic, jet_constant : float
        Jet energy resolution: ``sigma_E / E = stochastic / sqrt(E) (+) constant``; sqrt(GeV) and no unit.
    jet_angle : float
        Resolution of a jet's pseudorapidity and azimuth, rad.
    lepton_resolution : float
        Relative resolution of the lepton's momentum.
    radiation, radiation_cap : float
        Mean and largest share of its energy that a jet radiates out of its cone.
    extra_jets, extra_pt, extra_eta : float
        Jets of initial-state radiation: mean number, mean transverse momentum above `jet_pt` (GeV), and the spread
        of their pseudorapidity.
    missing_resolution : float
        Noise of each transverse component of the missing momentum, GeV.
    tag_loose, tag_tight : tuple of float
        Probability that a light, a charm or a bottom jet passes the loose and the tight b-tag.
    lepton_pt, jet_pt : float
        Least transverse momentum, GeV.
    acceptance : float
        Greatest pseudorapidity.
    isolation : float
        Least distance ``sqrt(d_eta^2 + d_phi^2)`` between the lepton and a jet.
    """

    jet_stochastic: float = 1.0
    jet_constant: float = 0.12
    jet_angle: float = 0.04
    lepton_resolution: float = 0.02
    radiation: float = 0.13
    radiation_cap: float = 0.7
    extra_jets: float = 1.6
    extra_pt: float = 32.0
    extra_eta: float = 1.7
    missing_resolution: float = 20.0
    tag_loose: tuple[float, float, float] = (0.08, 0.25, 0.75)
    tag_tight: tuple[float, float, float] = (0.016, 0.10, 0.55)
    lepton_pt: float = 20.0
    jet_pt: float = 20.0
    acceptance: float = 2.5
    isolation: float = 0.3


DETECTOR: Final = Detector()


def observe(rng: Generator, particles: FloatArray, detector: Detector = DETECTOR) -> FloatArray:
    """Measure events, select them and derive the 28 columns.

    Parameters
    ----------
    particles : array of float, shape (4, 6, n)
        In the laboratory, GeV, as `coursekit.datasets.higgs_physics.draw_signal` gives them.
    detector : Detector
        Resolutions, efficiencies and cuts.

    Returns
    -------
    array of float, shape (28, k)
        The columns of the ``k <= n`` events that pass the selection, in the order of the public set; energies,
        momenta and masses in GeV, azimuths in rad, b-tags 0 (none), 1 (loose) or 2 (tight).
    """
    lepton = particles[:, LEPTON] * (1.0 + detector.lepton_resolution * rng.standard_normal(particles.shape[-1]))
    accepted = _is_accepted(lepton, detector.lepton_pt, detector)
    lepton, particles = lepton[:, accepted], particles[:, :, accepted]

    jets, missing, flavours = _measure(rng, particles, detector)
    tags = _draw_tags(rng, flavours, detector)
    pt = np.where(_is_accepted(jets, detector.jet_pt, detector), transverse_momentum(jets), 0.0)
    leading = np.argsort(-pt, axis=0, kind="stable")[:JETS]
    jets = np.take_along_axis(jets, leading[None], axis=1)
    tags = np.take_along_axis(tags, leading, axis=0)

    four_jets = np.take_along_axis(pt, leading[-1:], axis=0)[0] > 0.0
    two_tags = (tags > 0).sum(axis=0) >= 2
    isolated = np.all(_distance(jets, lepton[:, None]) > detector.isolation, axis=0)
    selected = four_jets & two_tags & isolated
    return _columns(lepton[:, selected], missing[:, selected], jets[:, :, selected], tags[:, selected])


def _is_accepted(p: FloatArray, least_pt: float, detector: Detector) -> NDArray[np.bool_]:
    pt = transverse_momentum(p)
    # |eta| < cut is |pz| < pT sinh(cut), without a logarithm and safe at pT = 0.
    accepted: NDArray[np.bool_] = (pt > least_pt) & (np.abs(p[3]) < pt * np.sinh(detector.acceptance))
    return accepted


def _distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """``sqrt(d_eta^2 + d_phi^2)``."""
    distance: FloatArray = np.hypot(pseudorapidity(a) - pseudorapidity(b), wrap_angle(azimuth(a) - azimuth(b)))
    return distance


def _measure(
    rng: Generator, particles: FloatArray, detector: Detector
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Measure jets and missing momentum.

    Missing momentum is the neutrino's minus what the jets were measured too high, plus noise. Energy radiated out of
    a jet's cone is seen elsewhere in the calorimeter, so it is missing from the jet and not from the sum.

    Returns
    -------
    jets : array of float, shape (4, 9, n)
        Four quarks and up to five extra jets, massless, GeV; an absent extra jet has zero momentum.
    missing : array of float, shape (2, n)
        The missing transverse momentum, x and y, GeV.
    flavours : array of int, shape (9, n)
        LIGHT, CHARM or BOTTOM.
    """
    size = particles.shape[-1]
    extra, present = _draw_extra_jets(rng, size, detector)
    true = np.concatenate([particles[:, [BOTTOM_LEPTONIC, BOTTOM_HADRONIC, DOWN, UP]], extra], axis=1)
    loss = np.minimum(rng.exponential(detector.radiation, true.shape[1:]), detector.radiation_cap)
    true *= 1.0 - loss

    resolution = np.sqrt(detector.jet_stochastic**2 / true[0] + detector.jet_constant**2)
    scale = np.maximum(1.0 + resolution * rng.standard_normal(loss.shape), 0.05)
    jets = four_vector(
        0.0,
        transverse_momentum(true) * scale,
        pseudorapidity(true) + detector.jet_angle * rng.standard_normal(loss.shape),
        azimuth(true) + detector.jet_angle * rng.standard_normal(loss.shape),
    )
    jets[:, JETS:] *= present
    true[:, JETS:] *= present
    mismeasured = (jets - true)[1:3].sum(axis=1)
    missing = particles[1:3, NEUTRINO] - mismeasured + detector.missing_resolution * rng.standard_normal((2, size))

    flavours = np.full(loss.shape, LIGHT)
    flavours[:2] = BOTTOM
    flavours[3] = np.where(rng.random(size) < 0.5, CHARM, LIGHT)  # half of the W's quark pairs are charm and strange
    return jets, missing, flavours


def _draw_extra_jets(rng: Generator, size: int, detector: Detector) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Draw jets of initial-state radiation, shape (4, 5, size), and which of them exist, shape (5, size)."""
    shape = (EXTRA_JETS_MAX, size)
    number = rng.poisson(detector.extra_jets, size)
    pt = detector.jet_pt + rng.exponential(detector.extra_pt, shape)
    eta = detector.extra_eta * rng.standard_normal(shape)
    extra = four_vector(0.0, pt, eta, rng.uniform(-np.pi, np.pi, shape))
    return extra, np.arange(EXTRA_JETS_MAX)[:, None] < number


def _draw_tags(rng: Generator, flavours: NDArray[np.int64], detector: Detector) -> FloatArray:
    """Draw b-tags: 0, 1 (loose) or 2 (tight, which implies loose)."""
    u = rng.random(flavours.shape)
    loose, tight = np.asarray(detector.tag_loose)[flavours], np.asarray(detector.tag_tight)[flavours]
    return (u < loose).astype(np.float64) + (u < tight)


def _columns(lepton: FloatArray, missing: FloatArray, jets: FloatArray, tags: FloatArray) -> FloatArray:
    """Put the 21 low-level and the 7 high-level columns together, shape (28, n)."""
    low = [
        transverse_momentum(lepton),
        pseudorapidity(lepton),
        azimuth(lepton),
        np.hypot(*missing),
        np.arctan2(missing[1], missing[0]),
    ]
    for k in range(JETS):
        jet = jets[:, k]
        low += [transverse_momentum(jet), pseudorapidity(jet), azimuth(jet), tags[k]]
    return np.concatenate([np.stack(low), derive_masses(lepton, missing, jets, tags)])


def solve_neutrino(lepton: FloatArray, missing: FloatArray) -> FloatArray:
    """Complete the neutrino from the missing transverse momentum and the mass of the W.

    ``(l + v)^2 = m_W^2`` is quadratic in the neutrino's ``pz``. With ``a = m_W^2 / 2 + pT(l).MET``::

        pz = [a pz_l -+ sqrt(a^2 pz_l^2 - pT_l^2 (E_l^2 MET^2 - a^2))] / pT_l^2

    The smaller of the two roots in magnitude is taken, and the real part where they are complex.

    Parameters
    ----------
    lepton : array of float, shape (4, n)
        Massless, GeV.
    missing : array of float, shape (2, n)
        GeV.

    Returns
    -------
    array of float, shape (4, n)
        The neutrino, massless, GeV.
    """
    pt2 = lepton[1] ** 2 + lepton[2] ** 2
    missing2 = missing[0] ** 2 + missing[1] ** 2
    a = W_MASS**2 / 2.0 + lepton[1] * missing[0] + lepton[2] * missing[1]
    centre = a * lepton[3]
    root = np.sqrt(np.maximum(centre**2 - pt2 * (lepton[0] ** 2 * missing2 - a**2), 0.0))
    pz = (centre - np.copysign(root, centre)) / pt2
    return np.stack([np.sqrt(missing2 + pz**2), missing[0], missing[1], pz])


def derive_masses(lepton: FloatArray, missing: FloatArray, jets: FloatArray, tags: FloatArray) -> FloatArray:
    """Derive the seven high-level columns: masses of the systems that either hypothesis predicts.

    The two jets with the best b-tags (then the larger momentum) count as b jets, the other two as the W's. Of the two
    ways to give the b jets to the W bosons the one is taken that makes both masses closest to the top's.

    Returns
    -------
    array of float, shape (7, n)
        ``m_jj, m_jjj, m_lv, m_jlv, m_bb, m_wbb, m_wwbb``, GeV; ``m_wbb`` is that of the W which brings it closer to
        the charged Higgs boson's mass.
    """
    best = np.lexsort((-transverse_momentum(jets), -tags), axis=0)
    b1, b2, j1, j2 = np.moveaxis(np.take_along_axis(jets, best[None], axis=1), 1, 0)
    w_hadronic, w_leptonic = j1 + j2, lepton + solve_neutrino(lepton, missing)
    straight = (invariant_mass(w_hadronic + b1), invariant_mass(w_leptonic + b2))
    crossed = (invariant_mass(w_hadronic + b2), invariant_mass(w_leptonic + b1))
    is_straight = _misfit(straight, TOP_MASS) < _misfit(crossed, TOP_MASS)
    with_hadronic, with_leptonic = invariant_mass(w_hadronic + b1 + b2), invariant_mass(w_leptonic + b1 + b2)
    is_hadronic = np.abs(with_hadronic - CHARGED_MASS) < np.abs(with_leptonic - CHARGED_MASS)
    return np.stack(
        [
            invariant_mass(w_hadronic),
            np.where(is_straight, straight[0], crossed[0]),
            invariant_mass(w_leptonic),
            np.where(is_straight, straight[1], crossed[1]),
            invariant_mass(b1 + b2),
            np.where(is_hadronic, with_hadronic, with_leptonic),
            invariant_mass(w_hadronic + w_leptonic + b1 + b2),
        ]
    )


def _misfit(masses: tuple[FloatArray, FloatArray], wanted: float) -> FloatArray:
    misfit: FloatArray = np.abs(masses[0] - wanted) + np.abs(masses[1] - wanted)
    return misfit
