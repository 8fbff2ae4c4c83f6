# SPDX-License-Identifier: MIT
"""imbalanced-learn: scikit-learn's estimators behind samplers."""
import sklearn

VERSION = tuple(int(p) for p in sklearn.__version__.split(".")[:2])
SPEC_VERSION = sklearn.__version__
