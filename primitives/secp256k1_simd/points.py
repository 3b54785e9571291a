"""
Points of secp256k1 (y^2 = x^3 + 7) in formulas without a branch, each with its source.

A Jacobian point (x, y, z) is (x / z^2, y / z^3); z = 0 is the point at infinity. The formulas that are used most give
the *negative* of their result: then the new y is a sum of products, and reduced once. Which sign a point has is known
where the code is written, so nothing has to be undone.

What happens where a formula does not hold: the sum of a point and its negative comes out as (r^2, -+r^3, 0), r != 0,
which is infinity, as it should be. That of a point and itself comes out as (0, 0, 0), and so does any sum with
infinity. A double of such triples keeps z = 0, and x = 0 or x^3 = y^2. So after a chain of sums z = 0 says that
something did not hold, and x tells whether it was only the last sum, whose result is infinity.
"""

from typing import NamedTuple

from primitives.secp256k1_simd.field import Element, multiply, reduced, square


class Affine(NamedTuple):
    """A point (x, y)."""

    x: Element
    y: Element


class Jacobian(NamedTuple):
    """A point (x / z^2, y / z^3)."""

    x: Element
    y: Element
    z: Element


def negated_double(point: Jacobian) -> Jacobian:
    """
    -2 P.

        E = 3 x^2    D = 4 x y^2    x3 = E^2 - 2 D    -y3 = E (x3 - D) + 8 y^4    z3 = 2 y z

    Source: EFD, short Weierstrass, a = 0, Jacobian, dbl-2009-l; D computed as a product.
    """
    x, y, z = point
    twice_y2 = reduced(square(y), times=2)
    e = reduced(square(x), times=3)
    d = reduced(multiply(x, twice_y2), times=2)
    z3 = reduced(multiply(y, z), times=2)
    x3 = reduced(square(e), minus=d.doubled())
    y4_times_8 = square(twice_y2).twice()
    return Jacobian(x3, reduced(multiply(e, x3 - d, onto=y4_times_8)), z3)


def negated_sum(point: Jacobian, other: Affine) -> Jacobian:
    """
    -(P + Q), Q affine.

        H = x2 z1^2 - x1    r = y2 z1^3 - y1    W = x1 H^2
        x3 = r^2 - H^3 - 2 W    -y3 = r (x3 - W) + y1 H^3    z3 = z1 H

    Source: EFD, short Weierstrass, a = 0, Jacobian, madd (Cohen, Miyaji and Ono, 1998, with z2 = 1).
    """
    x1, y1, z1 = point
    z1_squared = reduced(square(z1))
    h = reduced(multiply(other.x, z1_squared), minus=x1)
    z1_cubed = z1 * z1_squared
    h_squared = reduced(square(h))
    r = reduced(multiply(other.y, z1_cubed), minus=y1)
    z3 = z1 * h
    h_cubed = h * h_squared
    w = x1 * h_squared
    x3 = reduced(square(r), minus=h_cubed + w.doubled())
    y1_h_cubed = multiply(y1, h_cubed)
    return Jacobian(x3, reduced(multiply(r, x3 - w, onto=y1_h_cubed)), z3)


def affine_sum(first: Affine, second: Affine, inverse: Element) -> Affine:
    """
    P + Q, given 1 / (x2 - x1).

        slope = (y2 - y1) / (x2 - x1)    x3 = slope^2 - x1 - x2    y3 = slope (x1 - x3) - y1

    Source: EFD, short Weierstrass, affine addition.
    """
    slope = (second.y - first.y) * inverse
    x3 = reduced(square(slope), minus=first.x + second.x)
    return Affine(x3, reduced(multiply(slope, first.x - x3), minus=first.y))


class SameZ(NamedTuple):
    """Two points with one z, which has been multiplied by `ratio`."""

    sum: Affine
    other: Affine
    ratio: Element


def double_with_same_z(point: Affine) -> SameZ:
    """
    2 P and P, both with z = 2 y.

        E = 3 x^2    D = 4 x y^2    x3 = E^2 - 2 D    y3 = E (D - x3) - 8 y^4

    Source: Goundar, Joye, Miyaji, Rivain and Venelli, "Scalar multiplication on Weierstrass elliptic curves from co-Z
    arithmetic" (2011), DBLU.
    """
    x, y = point
    e = reduced(square(x), times=3)
    y_squared = reduced(square(y))
    d = reduced(multiply(x, y_squared), times=2).doubled().storable()
    y4_times_8 = reduced(square(y_squared), times=2).doubled(2).storable()
    x3 = reduced(square(e), minus=d.doubled())
    y3 = reduced(multiply(e, d - x3), minus=y4_times_8)
    return SameZ(Affine(x3, y3), Affine(d, y4_times_8), y.doubled())


def add_with_same_z(point: Affine, step: Affine) -> SameZ:
    """
    P + Q and Q, both with z multiplied by x2 - x1; P and Q have the same z.

        C = (x2 - x1)^2    W1 = x2 C    W2 = x1 C    A = y2 (W1 - W2)
        x3 = (y2 - y1)^2 - W1 - W2    y3 = (y2 - y1) (W1 - x3) - A    Q is now (W1, A)

    Source: Meloni, "New point addition formulae for ECC applications" (2007); ZADDU in the paper above.
    """
    difference = (step.x - point.x).normal()
    rise = (step.y - point.y).normal()
    c = reduced(square(difference))
    w1 = step.x * c
    w2 = point.x * c
    a = step.y * (w1 - w2)
    x3 = reduced(square(rise), minus=w1 + w2)
    return SameZ(Affine(x3, reduced(multiply(rise, w1 - x3), minus=a)), Affine(w1, a), difference)
