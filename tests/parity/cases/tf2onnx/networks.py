# SPDX-License-Identifier: MIT
"""Keras networks, with Keras' own answers."""
import numpy as np
import tensorflow as tf
import tf2onnx

import cases as parity
import tensors

REL = 1e-5
layers = tf.keras.layers


def dense():
    x = tf.keras.Input((10,), name="features")
    h = layers.Dense(24, activation="relu")(x)
    h = layers.BatchNormalization()(h)
    return tf.keras.Model(x, layers.Dense(3, activation="softmax", name="probabilities")(h))


def image():
    x = tf.keras.Input((8, 8, 3), name="image")
    h = layers.Conv2D(6, 3, activation="relu")(x)
    h = layers.GlobalAveragePooling2D()(h)
    return tf.keras.Model(x, layers.Dense(4, name="logits")(h))


def recurrent():
    x = tf.keras.Input((5, 4), name="series")
    h = layers.GRU(7)(x)
    return tf.keras.Model(x, layers.Dense(1, activation="sigmoid", name="score")(h))


def mixed():
    a = tf.keras.Input((4,), name="numbers")
    b = tf.keras.Input((3,), dtype="int32", name="categories")
    h = layers.Concatenate()([a, layers.Flatten()(layers.Embedding(8, 4)(b))])
    return tf.keras.Model([a, b], [layers.Dense(2, name="first")(h), layers.Dense(1, name="second")(h)])


def network(ident, make, sizes=(32, 5, 1)):
    def build(stem):
        tf.keras.utils.set_random_seed(1)
        model = make()
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.moving_mean.assign(np.random.RandomState(2).randn(*layer.moving_mean.shape) * 0.1)
        specs = [tf.TensorSpec((None, *i.shape[1:]), i.dtype, name=i.name.split(":")[0]) for i in model.inputs]
        call = tf.function(lambda *xs: model(list(xs) if len(xs) > 1 else xs[0], training=False),
                           input_signature=specs)
        proto, _ = tf2onnx.convert.from_function(call, input_signature=specs, opset=17)
        names = [o.name for o in proto.graph.output]
        rng = np.random.RandomState(5)
        requests, answers = [], []
        for n in sizes:
            request = {}
            for spec in specs:
                shape = (n, *spec.shape[1:])
                request[spec.name] = (rng.randint(0, 8, shape).astype(np.int32) if spec.dtype == tf.int32 else
                                      rng.randn(*shape).astype(np.float32))
            got = call(*(tf.constant(request[s.name]) for s in specs))
            got = got if isinstance(got, (list, tuple)) else [got]
            requests.append(request)
            answers.append(dict(zip(names, [g.numpy() for g in got])))
        return tensors.record(stem, proto, requests, REL, True, answers)

    return parity.Recorded(ident, "network", build, True)


def cases():
    yield network("dense", dense)
    yield network("image", image)
    yield network("recurrent", recurrent)
    yield network("mixed", mixed)
