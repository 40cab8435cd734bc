"""How fast the networks run, beside what the processor can do: python bench/forward.py [BUNDLE]

The bundle's forward pass by batch, its encoder, and a step of the adversarial training; each with its share of the
peak, the fastest single convolution of the same run. Then the same weights in other engines, where they are installed
(pip install openvino onnxruntime tf2onnx): none is needed to run the site.
"""

import importlib.util
import math
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from figures import keep, seconds_of  # noqa: E402
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: E402

from galaxies.ml.bundle import load_bundle  # noqa: E402
from galaxies.ml.bundle.bundle import Bundle  # noqa: E402
from galaxies.ml.bundle.inference import load_encoder  # noqa: E402
from galaxies.ml.bundle.latents import normals  # noqa: E402

BATCHES = (1, 8, 32)
# Convolutions that the peak is sought among: images, side, channels in and out
PEAKS = ((8, 64, 48, 96), (8, 64, 96, 96), (8, 32, 128, 128), (8, 128, 64, 64), (32, 16, 192, 192))
ROUNDS = 20
TURNS = 4


def flops(graph: Any) -> float:
    """Return the floating-point operations of a graph's convolutions and products; an unknown batch counts as 1."""
    return sum(map(_flops, graph.get_operations()))


def _flops(op: Any) -> float:
    def size(tensor: Any) -> list[int]:
        return [1 if side is None else int(side) for side in tensor.shape]

    if op.type in ("Conv2D", "DepthwiseConv2dNative"):
        kernel = size(op.inputs[1])
        return 2.0 * math.prod(size(op.outputs[0])) * math.prod(kernel[:2]) * (kernel[2] if op.type == "Conv2D" else 1)
    if op.type == "Conv2DBackpropInput":
        return 2.0 * math.prod(size(op.inputs[2])[:3]) * math.prod(size(op.inputs[1]))
    if op.type == "Conv2DBackpropFilter":
        return 2.0 * math.prod(size(op.inputs[2])[:3]) * math.prod(size(op.outputs[0]))
    if op.type == "MatMul":
        inner = size(op.inputs[0])[0 if op.get_attr("transpose_a") else 1]
        return 2.0 * math.prod(size(op.outputs[0])) * inner
    return 0.0


def peak() -> float:
    """Return the operations per second of the fastest of some convolutions."""
    best = 0.0
    for images, side, entering, leaving in PEAKS:
        x, kernel = tf.ones([images, side, side, entering]), tf.ones([3, 3, entering, leaving])
        convolve = tf.function(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME"))
        seconds = seconds_of(lambda: convolve(x, kernel).numpy(), ROUNDS)  # noqa: B023  (called at once)
        best = max(best, 2 * 9 * images * side * side * entering * leaving / seconds)
    return best


def inputs(bundle: Bundle, batch: int) -> list[Any]:
    """Return what the forward pass of a batch takes."""
    bundle.networks()
    z, noise, style = bundle._layout.deal(np.stack([normals(seed, bundle._layout.count) for seed in range(batch)]))
    labels = np.eye(bundle.n_clusters, dtype=np.float32)[[seed % bundle.n_clusters for seed in range(batch)]]
    return [z, labels, np.full((batch, 1), 0.8, np.float32), noise, style]


def frozen(bundle: Bundle) -> Any:
    """Return the forward pass with its weights as constants: what other engines are given."""
    spec = tf.nest.map_structure(lambda each: tf.TensorSpec([None, *each.shape[1:]], tf.float32), inputs(bundle, 1))
    steer = tf.TensorSpec([None, bundle.manifest["generator"]["w_dim"]], tf.float32)
    forward = tf.function(lambda *each: bundle.networks()(*each[:-1], steer=each[-1]))
    return convert_variables_to_constants_v2(forward.get_concrete_function(*spec, steer))


def sampling(bundle: Bundle, batch: int) -> Callable[[], object]:
    """Return a function that samples a batch of recipes, others each time."""
    starts = count(step=batch)

    def sample() -> None:
        start = next(starts)
        bundle.sample([0] * batch, list(range(start, start + batch)), 0.8)

    return sample


def networks(bundle: Bundle, graph: Any) -> None:
    """Measure ours."""
    fastest = peak()
    keep("fastest convolution, float32", fastest / 1e9, "GFLOP/s")
    for batch in BATCHES:
        given = inputs(bundle, batch)
        seconds = seconds_of(lambda: bundle.networks()(*given).numpy(), ROUNDS)  # noqa: B023
        share = flops(graph) * batch / seconds / fastest
        keep(f"forward pass, {batch} of {bundle.resolution} px", seconds * 1e3, "ms", note=f"{share:.0%} of the peak")
    for batch in BATCHES:
        seconds = seconds_of(sampling(bundle, batch), ROUNDS)
        keep(f"the same from recipes, {batch}", seconds * 1e3, "ms", note=f"{batch / seconds:.0f} images/s")
    encoder, images = load_encoder(bundle.manifest, bundle.arrays), np.zeros((64, 64, 64, 3), np.float32)
    encode = tf.function(lambda x: encoder(x))
    work = flops(encode.get_concrete_function(tf.TensorSpec(images.shape, tf.float32)).graph)
    seconds = seconds_of(lambda: encode(images).numpy(), ROUNDS)
    keep("encoder, 64 of 64 px", seconds * 1e3, "ms", note=f"{work / seconds / fastest:.0%} of the peak")
    training(fastest)


def training(fastest: float) -> None:
    """Measure a step of the adversarial training of the standard preset, in float32."""
    from galaxies.ml.data.synthetic import draw
    from galaxies.ml.features.encoder import build_encoder
    from galaxies.ml.gan.adversarial import AdversarialTrainer
    from galaxies.ml.gan.sampling import LabelledImages
    from galaxies.ml.networks.generator import GeneratorConfig, build_generator
    from galaxies.ml.presets import PRESETS

    settings = PRESETS["standard"]
    images, _words = draw(64, settings.base)
    data = LabelledImages(images, np.arange(64) % 6, 6)
    generator = build_generator(GeneratorConfig(6, channels=settings.channels))
    network = build_encoder(settings.feature_network)
    trainer = AdversarialTrainer(data, generator, settings.adversarial, feature_network=network)
    numbers = (tf.constant(0), tf.constant(1.0), tf.constant(0.9), True)
    work = flops(trainer.step.get_concrete_function(*numbers).graph)
    seconds = seconds_of(lambda: trainer.step(*numbers)[1].numpy(), ROUNDS)
    batch = settings.adversarial.batch
    note = f"{work / seconds / fastest:.0%} of the peak, {batch / seconds:.0f} images/s"
    keep(f"adversarial step, {batch} of {settings.base} px", seconds * 1e3, "ms", note=note)


def engines(bundle: Bundle, graph: Any) -> dict[str, Callable[[list[Any]], Any]]:
    """Return the engines that are installed, each a function from the graph's inputs to (N, R, R, 3) uint8."""
    found: dict[str, Callable[[list[Any]], Any]] = {"TensorFlow": lambda given: _tensorflow(bundle, given)}
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("tf2onnx"):
        found["ONNX Runtime"] = _onnx(graph)
    if importlib.util.find_spec("openvino"):
        precisions = {"float32": "f32", "bfloat16": "bf16"}
        found |= {f"OpenVINO, {name}": _openvino(graph, hint) for name, hint in precisions.items()}
    return found


def _tensorflow(bundle: Bundle, given: list[Any]) -> Any:
    return bundle.networks()(*given[:3], given[3:-2], given[-2], steer=given[-1]).numpy()


def _onnx(graph: Any) -> Callable[[list[Any]], Any]:
    import onnxruntime
    from tf2onnx.convert import _convert_common

    names, results = [each.name for each in graph.inputs], [each.name for each in graph.outputs]
    made, _files = _convert_common(
        graph.graph.as_graph_def(), input_names=names, output_names=results, opset=18, name="forward"
    )
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda given: session.run(results, dict(zip(names, given, strict=True)))[0]


def _openvino(graph: Any, precision: str) -> Callable[[list[Any]], Any]:
    import openvino

    model = openvino.convert_model(graph.graph)
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    names = [each.get_any_name() for each in compiled.inputs]
    order = [each.name.partition(":")[0] for each in graph.inputs]
    places = [min(range(len(order)), key=lambda i: (order[i] != name.partition(":")[0], i)) for name in names]
    return lambda given: compiled([given[place] for place in places])[0]


def compare(bundle: Bundle, graph: Any) -> None:
    """Measure the engines in turns, so that other work on the machine weighs on all of them.

    A turn is of several calls: in the first ones the threads of the engine before it may still spin and take the cores.
    """
    found = engines(bundle, graph)
    for batch in BATCHES:
        given = inputs(bundle, batch)
        flat = [*given[:3], *given[3], given[4], np.zeros((batch, bundle.manifest["generator"]["w_dim"]), np.float32)]
        reference = found["TensorFlow"](flat).astype(int)
        taken: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(TURNS):
            for name, run in found.items():
                taken[name].append(seconds_of(lambda: run(flat), ROUNDS // TURNS))  # noqa: B023
        ours = float(np.median(taken["TensorFlow"]))
        for name, run in found.items():
            apart, seconds = np.abs(run(flat).astype(int) - reference), float(np.median(taken[name]))
            note = f"{ours / seconds:.2f} x TensorFlow; at most {apart.max()} levels apart, mean {apart.mean():.3f}"
            keep(f"{name}, {batch}", seconds * 1e3, "ms", note=note)


def main(path: Path) -> None:
    bundle = load_bundle(path)
    graph = frozen(bundle)
    print(f"{bundle.version}: {flops(graph.graph) / 1e9:.2f} GFLOP an image")
    networks(bundle, graph.graph)
    compare(bundle, graph)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else max(ROOT.glob("models_store/*/manifest.json")).parent)
