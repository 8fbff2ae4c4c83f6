# SPDX-License-Identifier: MIT
"""Networks of PyTorch, by the older exporter (TorchScript) and the newer one, with PyTorch's own answers."""
import io
import logging

import numpy as np
import torch
from torch import nn

import cases as parity
import tensors

REL = 1e-5
logging.getLogger("torch.onnx").setLevel(logging.ERROR)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3))

    def forward(self, x):
        return torch.softmax(self.net(x), dim=1)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                                  nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.head = nn.Linear(32, 5)

    def forward(self, image):
        return self.head(self.conv(image).flatten(1))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 2)

    def forward(self, tokens):
        out, _ = self.lstm(self.embed(tokens))
        return self.head(out[:, -1])


class TimeFirst(nn.Module):
    """The first dimension varies but is time: its rows know of each other."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 6)

    def forward(self, series):
        return self.rnn(series)[0]


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 4)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask == 0
        hidden = self.encoder(self.embed(input_ids), src_key_padding_mask=mask)
        return self.head(hidden[:, 0]), hidden


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 4), nn.Linear(7, 4)

    def forward(self, user, item, weight):
        u, i = torch.relu(self.a(user)), torch.relu(self.b(item.to(torch.float32)))
        return (u * i).sum(1) * weight, torch.cat([u, i], 1).to(torch.float64), (u > i).any(1)


def trained(module, seed=0):
    torch.manual_seed(seed)
    m = module()
    with torch.no_grad():
        for p in m.parameters():
            p.add_(torch.randn_like(p) * 0.05)
        for name, b in m.named_buffers():
            if "running_mean" in name:
                b.add_(torch.randn_like(b) * 0.1)
    return m.eval()


def plain(proto):
    """Returns a model without what the exporter notes about the machine it ran on."""
    graph = proto.graph
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer,
                 *proto.functions, *(n for f in proto.functions for n in f.node)]:
        part.doc_string = ""
        part.ClearField("metadata_props")
    return proto


def export(model, inputs, names, outputs, dynamic, is_dynamo):
    """Exports with a batch that varies (dynamic) or not."""
    args = tuple(torch.from_numpy(a) for a in inputs)
    buffer = io.BytesIO()
    if is_dynamo:
        shapes = None
        if dynamic:
            batch = torch.export.Dim("batch", min=1, max=4096)
            shapes = tuple({0: batch, **{d: torch.export.Dim.DYNAMIC for d in more}} for more in dynamic)
        program = torch.onnx.export(model, args, input_names=names, output_names=outputs, dynamic_shapes=shapes,
                                    dynamo=True, verbose=False)
        return plain(program.model_proto)
    axes = {n: {0: "batch", **{d: f"length_{d}" for d in more}} for n, more in zip(names, dynamic or [])}
    if dynamic:
        axes.update({n: {0: "batch"} for n in outputs})
    torch.onnx.export(model, args, buffer, input_names=names, output_names=outputs, dynamic_axes=axes, dynamo=False)
    return buffer.getvalue()


def ask(model, names, outputs, requests):
    answers = []
    for request in requests:
        with torch.no_grad():
            got = model(*(torch.from_numpy(request[n]) for n in names))
        got = got if isinstance(got, tuple) else (got,)
        answers.append({n: g.numpy() for n, g in zip(outputs, got)})
    return answers


def network(ident, module, names, outputs, make, dynamic, is_dynamo, batched, sizes=(64, 7, 1), commit=True):
    """make(rng, n): the inputs of n rows; dynamic: for each input its dimensions that vary besides the first."""

    def build(stem):
        model = trained(module)
        rng = np.random.RandomState(3)
        requests = [dict(zip(names, make(rng, n))) for n in sizes]
        example = make(rng, 2 if dynamic is not None else sizes[0])
        proto = export(model, example, names, outputs, dynamic, is_dynamo)
        return tensors.record(stem, proto, requests, REL, batched, ask(model, names, outputs, requests))

    return parity.Recorded(ident, "network", build, commit)


def floats(*shape):
    return lambda rng, n: [rng.randn(n, *shape).astype(np.float32)]


def cases_of(is_dynamo):
    tail = "_dynamo" if is_dynamo else ""
    yield network("mlp" + tail, Mlp, ["x"], ["y"], floats(12), [[]], is_dynamo, True)
    yield network("cnn" + tail, Cnn, ["image"], ["logits"], floats(1, 12, 12), [[]], is_dynamo, True, (16, 3, 1))
    yield network("lstm" + tail, Lstm, ["tokens"], ["y"], lambda rng, n: [rng.randint(0, 20, (n, 9))],
                  [[1]] if not is_dynamo else [[]], is_dynamo, True, (16, 3, 1))
    yield network("encoder" + tail, Encoder, ["input_ids", "attention_mask"], ["y", "hidden"],
                  lambda rng, n: [rng.randint(0, 30, (n, 6)), (np.arange(6) < rng.randint(1, 7, (n, 1))).astype(
                      np.int64)], [[], []], is_dynamo, True, (16, 3, 1))
    yield network("towers" + tail, TwoTowers, ["user", "item", "weight"], ["score", "both", "any"],
                  lambda rng, n: [rng.randn(n, 5).astype(np.float32), rng.randn(n, 7), rng.rand(n).astype(
                      np.float32)], [[], [], []], is_dynamo, True)
    yield network("mlp_one" + tail, Mlp, ["x"], ["y"], floats(12), None, is_dynamo, False, (1, 1))
    yield network("time_first" + tail, TimeFirst, ["series"], ["states"],
                  lambda rng, n: [rng.randn(n, 1, 4).astype(np.float32)], [[]], is_dynamo, False, (8, 3))


def cases():
    yield from cases_of(False)
    yield from cases_of(True)
