# SPDX-License-Identifier: MIT
"""The models that weir is compared on: cases/LIBRARY/GROUP.py, found by name, listed nowhere.

A module has one generator, cases(), which yields the group's cases for whatever version of the library is
installed. cases/LIBRARY/versions.txt names the versions; each has a virtual environment of its own.
Packages around a library (skops, imblearn) are libraries of their own here, with the versions they go with.

To add models: add cases to a module or a module to a folder; run

    tests/parity/run --only GROUP [--version 1.4.2]       makes and compares them
    tests/parity/run --only GROUP --commit                writes those with commit=True to tests/data
"""


class Skip(Exception):
    """Raised while a model is made that this version of the library cannot make."""


class Case:
    """A model made through scikit-learn's interface (fit, predict, …), whatever library it is of.

    ident      name of the file, unique within the module
    family     which default tolerance holds: "linear" and "logistic" (below), else bit for bit
    build      function that returns the unfitted estimator
    data       name of a data set (make.py), or a function that returns X, y or X, y, column names. X: array,
               data frame, array of objects, or list of texts
    fit        "f8", "f4": type of X at fitting; "df": as a data frame with the column names; "as is": X as it came
               (the default where X is no float array)
    labels     function of the integer labels
    save       how the file is written, a key of make.py's WRITERS
    commit     small enough for tests/data: fewer rows are recorded
    nan        share of cells knocked out of X
    rows       "half": fitted on the first half
    wrap       "dict", "tuple": what the estimator is saved in
    inputs     what is asked: "f8", "f4" matrices, "df" rows of mixed cells; default by X
    more       function of X that returns further rows to ask (unseen categories, borders), of X's kind
    bad        function of X that returns rows of which some are refused; default: NaN, infinities, huge numbers
               in a matrix, and nothing in other kinds of rows
    tolerance  what a number may differ from the library's: a formula, or {output: formula}, {"f4": formula},
               {"f4.transform": formula}. A formula is "exact" or a sum of
                   ulp:N     N units in the last place of the library's answer
                   rel:X     X times its absolute value
                   abs:X
                   scale:X   X times the row's scale
                   linear    1e-12 of the scale; for float32 answers (n + 2) 2^-24 of it
                   logistic  what linear leaves after exp: 2 p (1 − p) of it, and 2 ulp more
               Labels are always identical.
    scale      function (estimator, X) that returns |b| + Σ|x w| for each score, n or n × k; default: for
               linear models at the end of a pipeline
    predict    function (estimator, X, output) that replaces getattr(estimator, output)(X); raises AttributeError
               where there is no such output
    without    outputs of the library that weir does not give
    leaf       function (estimator, X) that returns leaf indexes, n × trees, to be compared with `leaf`
    root_key   key that selects one of several estimators in the file
    """

    DEFAULTS = dict(fit="f8", labels=None, save="pickle4", commit=False, nan=0.0, rows=None, wrap=None, inputs=None,
                    more=None, bad=None, tolerance=None, scale=None, predict=None, without=(), leaf=None,
                    root_key=None)

    def __init__(self, ident, family, build, data, **opts):
        self.ident, self.family, self.build, self.data = ident, family, build, data
        unknown = set(opts) - set(self.DEFAULTS)
        assert not unknown, unknown
        for name, value in {**self.DEFAULTS, **opts}.items():
            setattr(self, name, value)


class Recorded:
    """A model made in a way of its own: make(stem) writes the model to stem + its extension (or into a folder of
    that name) and returns the arrays of the .ref file (tests/data/README.md lists them), without `family` and
    `version`."""

    def __init__(self, ident, family, make, commit=False):
        self.ident, self.family, self.make, self.commit = ident, family, make, commit
