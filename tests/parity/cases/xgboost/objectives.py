# SPDX-License-Identifier: MIT
"""Every objective's transform, in every format."""
import numpy as np

import data

from . import VERSION, every_form, named, trained

PARAMS = {"max_depth": 4, "eta": 0.3}


def counts():
    X, y, _ = data.load("diabetes")
    return X, np.round(np.abs(y) / 20)


def regress(objective, labels=None, **params):
    def train():
        X, y, _ = data.load("diabetes")
        y = labels(y) if labels else y
        return trained({"objective": objective, **PARAMS, **params}, X, y), X
    return train


def binary(objective, **params):
    def train():
        X, y, _ = data.load("breast_cancer")
        return trained({"objective": objective, **PARAMS, **params}, X, y), X
    return train


def multi(objective, **params):
    def train():
        X, y, _ = data.load("wine")
        return trained({"objective": objective, "num_class": 3, **PARAMS, **params}, X, y, 6), X
    return train


def ranked(objective):
    def train():
        import xgboost as xgb
        X, y, _ = data.load("diabetes")
        d = xgb.DMatrix(X, label=np.round(y / 80))
        d.set_group([40] * 11 + [2])
        return named(xgb.train({"objective": objective, "verbosity": 0, "nthread": 1, **PARAMS}, d, 8), objective), X
    return train


def aft():
    import xgboost as xgb
    X, y, _ = data.load("diabetes")
    d = xgb.DMatrix(X)
    d.set_float_info("label_lower_bound", y)
    d.set_float_info("label_upper_bound", y + 20)
    return xgb.train({"objective": "survival:aft", "verbosity": 0, "nthread": 1, **PARAMS}, d, 8), X


def cases():
    plain = ["reg:squarederror", "reg:squaredlogerror"] if VERSION >= (1, 0) else ["reg:squarederror", "reg:linear"]
    if VERSION >= (1, 3):
        plain.append("reg:pseudohubererror")
    if VERSION >= (1, 7):
        plain.append("reg:absoluteerror")
    for name in plain:
        base = {"base_score": 0.5} if name != "reg:squaredlogerror" else {"base_score": 1.5}
        yield from every_form(name.replace(":", "_"), regress(name, **base), commit=("json",) if "squarederror" in name else ())
    yield from every_form("reg_squarederror_base", regress("reg:squarederror", base_score=151.3), commit=("ubj", "bin"))
    if VERSION >= (1, 7):
        yield from every_form("reg_squarederror_learnt_base", regress("reg:squarederror"))
    for name in ("count:poisson", "reg:gamma", "reg:tweedie"):
        yield from every_form(name.replace(":", "_"), regress(name, base_score=0.7), commit=("json",))
        yield from every_form(name.replace(":", "_") + "_2", regress(name, labels=lambda y: y / 50, base_score=2.25))
    yield from every_form("survival_cox", regress("survival:cox", labels=lambda y: np.where(y > 150, -y, y)))
    if VERSION >= (1, 1):
        yield from every_form("survival_aft", aft)
    yield from every_form("reg_logistic", regress("reg:logistic", labels=lambda y: y / 400), commit=("ubj",))
    for score in (0.5, 0.01, 0.731):
        yield from every_form("binary_logistic_%s" % str(score)[2:], binary("binary:logistic", base_score=score),
                              commit=("json", "ubj", "bin") if score == 0.01 else ())
    yield from every_form("binary_logitraw", binary("binary:logitraw", base_score=0.3), commit=("json",))
    yield from every_form("binary_hinge", binary("binary:hinge"), commit=("ubj",))
    if VERSION >= (1, 7):
        yield from every_form("binary_learnt_base", binary("binary:logistic"))
    yield from every_form("multi_softprob", multi("multi:softprob"), commit=("json",))
    yield from every_form("multi_softmax", multi("multi:softmax"), commit=("json",))
    yield from every_form("multi_softprob_base", multi("multi:softprob", base_score=0.9))
    for name in ("rank:pairwise", "rank:ndcg"):
        yield from every_form(name.replace(":", "_"), ranked(name))
    if VERSION < (2, 0):
        yield from every_form("rank_map", ranked("rank:map"))
    if VERSION >= (2, 0):
        yield from every_form("reg_quantile", regress("reg:quantileerror", quantile_alpha=0.3))
        yield from every_form("reg_quantiles", regress("reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9]),
                              commit=("json",))
    if VERSION >= (3, 3):
        yield from every_form("reg_expectile", regress("reg:expectileerror", expectile_alpha=0.3))
        yield from every_form("reg_expectiles", regress("reg:expectileerror", expectile_alpha=[0.1, 0.5, 0.9]),
                              commit=("json",))
        yield from every_form("reg_expectiles_near", regress("reg:expectileerror", labels=lambda y: y / 300,
                                                              expectile_alpha=[0.3, 0.5, 0.6]))
