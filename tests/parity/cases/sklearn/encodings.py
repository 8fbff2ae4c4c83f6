# SPDX-License-Identifier: MIT
"""One pipeline and one forest in every way a file can be written."""
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import Case
from cases.sklearn import IRIS_NAMES


def cases():
    for save in ("pickle0", "pickle1", "pickle2", "pickle3", "pickle5", "joblib", "joblib_zlib", "joblib_gzip",
                 "joblib_zlib9", "gzip", "joblib_bz2", "joblib_xz", "joblib_lzma", "joblib_lz4", "bz2", "xz"):
        yield Case("enc_lr_" + save, "logistic", lambda: make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=200)), "iris", fit="df",
                   labels=IRIS_NAMES.__getitem__, save=save, commit=True)
        yield Case("enc_rf_" + save, "forest", lambda: RandomForestClassifier(
            n_estimators=2, max_depth=3, random_state=0), "iris", save=save, commit=save in ("pickle0", "pickle5"))
