"""Relativistic kinematics on many events at once.

Four-vectors are arrays of shape ``(4, ...)`` with the components ``E, px, py, pz`` first, in GeV (natural units,
c = 1); all other axes are events or particles and broadcast as numpy does. The z axis is the beam.

References
----------
Particle Data Group, "Kinematics", in *Review of Particle Physics*, sections on Lorentz transformations,
two-body decays and hadron collisions.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def four_vector(mass: float | FloatArray, pt: FloatArray, eta: FloatArray, phi: FloatArray) -> FloatArray:
    """Build four-vectors from what a collider detector measures.

    ``px = pT cos(phi)``, ``py = pT sin(phi)``, ``pz = pT sinh(eta)``, ``E = sqrt(p^2 + m^2)``.

    Parameters
    ----------
    mass, pt : float or array
        Mass and transverse momentum, GeV.
    eta, phi : array
        Pseudorapidity (no unit) and azimuth, rad.

    Returns
    -------
    array of float, shape (4, ...)
        ``E, px, py, pz``, GeV.
    """
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([np.sqrt(px * px + py * py + pz * pz + mass * mass), px, py, pz])


def invariant_mass(p: FloatArray) -> FloatArray:
    """Give the mass ``sqrt(E^2 - p^2)``, GeV; rounding below zero counts as zero."""
    energy, px, py, pz = p
    mass: FloatArray = np.sqrt(np.maximum(energy * energy - px * px - py * py - pz * pz, 0.0))
    return mass


def transverse_momentum(p: FloatArray) -> FloatArray:
    """Give the momentum across the beam, GeV."""
    pt: FloatArray = np.hypot(p[1], p[2])
    return pt


def azimuth(p: FloatArray) -> FloatArray:
    """Give the angle around the beam, rad, from -pi to pi."""
    phi: FloatArray = np.arctan2(p[2], p[1])
    return phi


def pseudorapidity(p: FloatArray) -> FloatArray:
    """Give ``eta = asinh(pz / pT)``, no unit; the transverse momentum must not be zero."""
    eta: FloatArray = np.arcsinh(p[3] / transverse_momentum(p))
    return eta


def wrap_angle(phi: FloatArray) -> FloatArray:
    """Bring angles, rad, to the range from -pi to pi."""
    wrapped: FloatArray = (phi + np.pi) % (2 * np.pi) - np.pi
    return wrapped


def boost(p: FloatArray, frame: FloatArray) -> FloatArray:
    """Take four-vectors from the rest frame of a massive system to the frame in which it has momentum ``frame``.

    With ``beta = P / E`` and ``gamma = E / M`` of the system::

        E' = gamma (E + beta.p)
        p' = p + [gamma^2 / (gamma + 1) (beta.p) + gamma E] beta

    where ``gamma^2 / (gamma + 1)`` equals ``(gamma - 1) / beta^2`` without its division by zero at rest.

    Parameters
    ----------
    p : array of float, shape (4, ...)
        Four-vectors in the system's rest frame, GeV.
    frame : array of float, shape (4, ...)
        Four-vector of the system, mass above zero, GeV; broadcast against ``p``.
    """
    gamma = frame[0] / invariant_mass(frame)
    beta = frame[1:] / frame[0]
    along = beta[0] * p[1] + beta[1] * p[2] + beta[2] * p[3]
    push = gamma * gamma / (gamma + 1.0) * along + gamma * p[0]
    return np.stack([gamma * (p[0] + along), p[1] + push * beta[0], p[2] + push * beta[1], p[3] + push * beta[2]])


def breakup_momentum(mother: FloatArray, first: float | FloatArray, second: float | FloatArray) -> FloatArray:
    """Give the momentum of both daughters of a two-body decay at rest, GeV.

    ``q = sqrt([M^2 - (m1 + m2)^2] [M^2 - (m1 - m2)^2]) / (2 M)``
    """
    square = mother * mother
    q: FloatArray = np.sqrt((square - (first + second) ** 2) * (square - (first - second) ** 2)) / (2.0 * mother)
    return q


def decay(
    mother: FloatArray, first: float | FloatArray, second: float | FloatArray, direction: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Let particles at rest decay into two.

    Parameters
    ----------
    mother, first, second : array of float, shape (n,)
        Masses, GeV, with ``mother >= first + second``.
    direction : array of float, shape (3, n)
        Unit vectors: where the first daughter goes; the second goes the other way.

    Returns
    -------
    pair of arrays of float, shape (4, n)
        The daughters in the mother's rest frame, GeV.
    """
    q = breakup_momentum(mother, first, second)
    one, two = np.empty((4, q.size)), np.empty((4, q.size))
    one[0], two[0] = np.sqrt(q * q + first * first), np.sqrt(q * q + second * second)
    one[1:] = q * direction
    two[1:] = -one[1:]
    return one, two


def isotropic(rng: Generator, size: int) -> FloatArray:
    """Draw unit vectors, shape (3, size), uniform on the sphere: ``cos(theta)`` and ``phi`` are uniform."""
    cosine = rng.uniform(-1.0, 1.0, size)
    phi = rng.uniform(-np.pi, np.pi, size)
    sine = np.sqrt(1.0 - cosine * cosine)
    return np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])


def around(rng: Generator, axis: FloatArray, cosine: FloatArray) -> FloatArray:
    """Draw unit vectors at a given angle to an axis, uniform in the azimuth around it.

    Parameters
    ----------
    axis : array of float, shape (3, n)
        Any length but zero.
    cosine : array of float, shape (n,)
        Cosine of the angle between axis and result.
    """
    z = axis / np.sqrt((axis * axis).sum(axis=0))
    # Any vector that is not parallel to z gives a basis; x is safe unless z points along it.
    along_x = np.abs(z[0]) > 0.9
    zero = np.zeros_like(cosine)
    x = np.where(along_x, np.stack([-z[2], zero, z[0]]), np.stack([zero, z[2], -z[1]]))
    x /= np.sqrt((x * x).sum(axis=0))
    y = np.stack([z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]])
    phi = rng.uniform(-np.pi, np.pi, cosine.size)
    sine = np.sqrt(1.0 - cosine * cosine)
    direction: FloatArray = sine * np.cos(phi) * x + sine * np.sin(phi) * y + cosine * z
    return direction


def breit_wigner(
    rng: Generator, mass: float, width: float, low: float | FloatArray, high: float | FloatArray, size: int
) -> FloatArray:
    """Draw masses from a relativistic Breit-Wigner distribution between two bounds.

    The density in ``m^2`` is ``1 / [(m^2 - M^2)^2 + M^2 Gamma^2]``; its inverse integral is
    ``m^2 = M^2 + M Gamma tan(a + (b - a) u)`` with ``a, b = atan[(m_low,high^2 - M^2) / (M Gamma)]`` and ``u``
    uniform from 0 to 1.

    Parameters
    ----------
    mass, width : float
        Pole mass ``M`` and width ``Gamma``, GeV.
    low, high : float or array of float, shape (size,)
        Bounds, GeV.
    """
    scale = mass * width
    a = np.arctan((np.square(low) - mass * mass) / scale)
    b = np.arctan((np.square(high) - mass * mass) / scale)
    drawn: FloatArray = np.sqrt(mass * mass + scale * np.tan(a + (b - a) * rng.random(size)))
    return drawn
