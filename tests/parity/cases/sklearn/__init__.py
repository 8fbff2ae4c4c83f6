# SPDX-License-Identifier: MIT
"""scikit-learn: what the modules of its families share."""
import numpy as np
import sklearn

VERSION = tuple(int(p) for p in sklearn.__version__.split(".")[:2])
IRIS_NAMES = np.array(["setosa", "versicolor", "virginica"])
