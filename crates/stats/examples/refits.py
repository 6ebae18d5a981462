#!/usr/bin/env python3
"""refits.py MODE B: microseconds a refit of a USL to B resamples of residuals; x and y in pairs on stdin.

MODE: curve_fit  scipy.optimize.curve_fit as people call it, started at the estimate
      leastsq    scipy.optimize.leastsq with the exact gradient
      batch      Gauss-Newton over all resamples at once, in numpy
"""
import sys
import time

import numpy as np
from scipy.optimize import curve_fit, leastsq

mode, refits = sys.argv[1], int(sys.argv[2])
x, y = np.loadtxt(sys.stdin).T
rng = np.random.default_rng(1)


def usl(n, lam, sigma, kappa):
    return lam * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def gradient(n, lam, sigma, kappa):
    d = 1 + sigma * (n - 1) + kappa * n * (n - 1)
    return np.column_stack((n / d, -lam * n * (n - 1) / d**2, -lam * n * n * (n - 1) / d**2))


p, _ = curve_fit(usl, x, y, p0=(y[0], 0.05, 1e-3))
fitted = usl(x, *p)
residuals = y - fitted
start = time.perf_counter()
if mode == "curve_fit":
    for _ in range(refits):
        curve_fit(usl, x, fitted + rng.choice(residuals, len(x)), p0=p)
elif mode == "leastsq":
    def apart(q, drawn):
        return usl(x, *q) - drawn

    def jacobian(q, drawn):
        return gradient(x, *q)

    for _ in range(refits):
        leastsq(apart, p, args=(fitted + rng.choice(residuals, len(x)),), Dfun=jacobian)
elif mode == "batch":
    drawn = fitted + rng.choice(residuals, (refits, len(x)))
    q = np.tile(p, (refits, 1))
    for _ in range(8):
        lam, sigma, kappa = q[:, 0:1], q[:, 1:2], q[:, 2:3]
        d = 1 + sigma * (x - 1) + kappa * x * (x - 1)
        f = lam * x / d
        columns = np.stack((x / d, -f * (x - 1) / d, -f * x * (x - 1) / d), 2)
        gram = np.einsum("bni,bnj->bij", columns, columns)
        along = np.einsum("bni,bn->bi", columns, drawn - f)
        scale = np.sqrt(np.einsum("bii->bi", gram))
        gram /= scale[:, :, None] * scale[:, None, :]
        q = q + np.linalg.solve(gram, (along / scale)[:, :, None])[:, :, 0] / scale
else:
    sys.exit("MODE is curve_fit, leastsq or batch")
print(1e6 * (time.perf_counter() - start) / refits)
