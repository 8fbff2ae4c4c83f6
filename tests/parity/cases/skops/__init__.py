# SPDX-License-Identifier: MIT
"""skops: another way to write scikit-learn's estimators."""
import sklearn

SPEC_VERSION = sklearn.__version__
