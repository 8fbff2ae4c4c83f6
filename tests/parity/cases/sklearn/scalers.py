# SPDX-License-Identifier: MIT
"""Scalers by themselves."""
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from cases import Case


def cases():
    yield Case("ss", "scale", StandardScaler, "wine", commit=True)
    yield Case("ss_f4", "scale", StandardScaler, "wine", fit="f4", save="joblib", commit=True)
    yield Case("ss_nomean", "scale", lambda: StandardScaler(with_mean=False), "wine", fit="df")
    yield Case("ss_nostd", "scale", lambda: StandardScaler(with_std=False), "wine")
    yield Case("ss_none", "scale", lambda: StandardScaler(with_mean=False, with_std=False), "wine")
    yield Case("ss_nan", "scale", StandardScaler, "wine", nan=0.1)
    yield Case("mms", "scale", MinMaxScaler, "wine", commit=True)
    yield Case("mms_f4", "scale", lambda: MinMaxScaler((-1, 2)), "wine", fit="f4")
    yield Case("mms_clip", "scale", lambda: MinMaxScaler((0.1, 0.9), clip=True), "wine", rows="half", commit=True)
    yield Case("mms_clip_f4", "scale", lambda: MinMaxScaler((0.1, 0.9), clip=True), "wine", rows="half", fit="f4")
    yield Case("mms_nan", "scale", MinMaxScaler, "wine", nan=0.1, save="joblib")
    yield Case("ss_mms", "scale", lambda: make_pipeline(StandardScaler(), "passthrough", MinMaxScaler()), "wine",
               commit=True)
