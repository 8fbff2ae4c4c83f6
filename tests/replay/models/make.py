# SPDX-License-Identifier: MIT
"""Makes the small models that protocol documents use in their examples; scikit-learn 1.6.1, pandas 3 and onnx 1.23."""

import os
import sys

import joblib
import onnx
import pandas as pd
from onnx import TensorProto, helper
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier


def tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def graph(folder, name, nodes, inputs, outputs, constants=()):
    """Writes an ONNX graph of few nodes."""
    body = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], producer_name="weir tests")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(folder, f"{name}.onnx"))


def main(folder):
    # y = x / 2 + 2
    joblib.dump(LinearRegression().fit([[0.0], [2.0]], [2.0, 3.0]), os.path.join(folder, "half.joblib"))
    # 0 or 1 by the columns a and b
    ab = pd.DataFrame({"a": [1, 3], "b": [2, 4]})
    joblib.dump(DecisionTreeClassifier(random_state=0).fit(ab, [0, 1]), os.path.join(folder, "ab.joblib"))
    # O = the sum of a row of I
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    graph(folder, "m", [helper.make_node("ReduceSum", ["I", "axis"], ["O"], keepdims=1)],
          [tensor("I", ["n", "k"])], [tensor("O", ["n", 1])], [axis])
    # sum = a + b, d = b - a, for a of n x 1 and b of n
    graph(folder, "two", [helper.make_node("Squeeze", ["a", "axis"], ["flat"]),
                          helper.make_node("Add", ["flat", "b"], ["sum"]),
                          helper.make_node("Sub", ["b", "flat"], ["d"])],
          [tensor("a", ["n", 1]), tensor("b", ["n"])], [tensor("sum", ["n"]), tensor("d", ["n"])], [axis])


main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
