# SPDX-License-Identifier: MIT
"""MLflow's folders: the flavours that are served, as MLflow itself writes them."""
import os
import shutil

import numpy as np

import cases as base
import data
import make

SPEC_VERSION = ""  # of the library inside: each case says its own


def folder(ident, family, build, dataset, flavor, version, named=True, commit=False, labels=None,
           tolerance=None, predict=None, **options):
    """A model of a flavour saved with a signature and an input example. named: the columns have names."""
    def run(stem):
        import mlflow.models
        import pandas
        flavor_module = __import__("mlflow." + flavor, fromlist=["save_model"])
        X, y, names = data.load(dataset)
        y = labels(y) if labels else y
        X = X.astype(np.float32).astype(np.float64)  # what the boosting libraries read
        names = [n.replace(" (cm)", "").replace(" ", "_") for n in names]
        case = base.Case(ident, family, build, dataset, inputs=("f8",), tolerance=tolerance,
                         predict=predict)
        case.commit = commit
        frame = pandas.DataFrame(X, columns=names)
        est = build()
        est.fit(frame if named else X, y)
        rng = np.random.RandomState(7)
        test = make.questions(case, est, X, True, rng)
        ref = make.record(case, est, test, True)
        signature = mlflow.models.infer_signature(frame, np.asarray(est.predict(frame if named else X)))
        shutil.rmtree(stem, ignore_errors=True)
        flavor_module.save_model(est, stem, signature=signature, input_example=frame.head(2),
                                 pip_requirements=[flavor], **options)
        for name in ("conda.yaml", "python_env.yaml", "requirements.txt", "serving_input_example.json"):
            if os.path.exists(os.path.join(stem, name)):
                os.remove(os.path.join(stem, name))
        ref["features"] = np.array(names)
        ref["version"] = np.array([version])
        return ref
    return base.Recorded(ident, family, run, commit=commit)
