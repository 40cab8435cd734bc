"""Train lightweight-gan (lucidrains) on a CPU and sample it; bench/peers.py starts this in an environment of its own.

    python bench/lightweight.py --images FOLDER --side 256 --minutes 120 --samples 10000 --out samples.npy --folder DIR

Runs with PyTorch and lightweight-gan alone. The package insists on CUDA, so here a device of that name is the CPU. All
settings are the defaults of its command line but the batch. Its moving average begins after 20,000 steps, more than any
CPU takes in hours, so the generator itself is sampled. A run goes on from its last checkpoint.
"""

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

SAVE_STEPS = 25
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


class CpuTorch:
    """The module torch, but that every device is the CPU."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def device(self, *_: Any) -> torch.device:
        return torch.device("cpu")


def trainer_class() -> Any:
    """Import the package with CUDA's calls turned into ones that change nothing.

    PyPI's torchvision is built for CUDA and cannot load its operators without it. None is used here, but the names of
    some must be known when it is imported.
    """
    if torch.version.cuda is None:
        for name in ("nms", "qnms"):
            OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    there = torch.cuda.is_available
    torch.cuda.is_available = lambda: True
    module = importlib.import_module("lightweight_gan.lightweight_gan")
    torch.cuda.is_available = there
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_: self
    module.torch = CpuTorch()
    return module.Trainer


def train(trainer: Any, images: Path, minutes: float) -> None:
    """Train for so many minutes of a core's time, counted over all starts of the run, and save."""
    state = trainer.models_dir / "spent.json"
    spent = json.loads(state.read_text())["seconds"] if state.exists() else 0.0
    trainer.evaluate = lambda *_, **__: None  # its sheets cost more than its steps
    trainer.set_data_src(str(images))
    trainer.load(-1)
    started = time.process_time() - spent
    while time.process_time() - started < minutes * 60:
        trainer.train()
        if trainer.steps % SAVE_STEPS == 1:
            seconds = time.process_time() - started
            state.write_text(json.dumps({"seconds": seconds}))
            print(f"{trainer.steps} steps of {trainer.batch_size} images, {seconds / 60:.1f} minutes", flush=True)
    trainer.save(trainer.steps // SAVE_STEPS)
    state.write_text(json.dumps({"seconds": time.process_time() - started}))
    print(
        f"Trained: {trainer.steps * trainer.batch_size * trainer.gradient_accumulate_every:,} images seen.", flush=True
    )


@torch.no_grad()
def sample(trainer: Any, count: int, side: int, out: Path, *, batch: int = 16) -> None:
    """Write count images (count, side, side, 3) uint8 from fixed latents."""
    images = np.lib.format.open_memmap(out, "w+", np.uint8, (count, side, side, 3))
    generator = trainer.GAN.G.eval()
    torch.manual_seed(0)
    for start in range(0, count, batch):
        levels = generator(torch.randn(min(batch, count - start), trainer.latent_dim)).clamp(0, 1) * 255 + 0.5
        images[start : start + batch] = levels.permute(0, 2, 3, 1).to(torch.uint8).numpy()
    images.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.manual_seed(42)
    trainer = trainer_class()(
        name="peer",
        base_dir=asked.folder,
        image_size=asked.side,
        batch_size=asked.batch,
        gradient_accumulate_every=1,
        attn_res_layers=[32],
        disc_output_size=1,
        num_workers=1,
        save_every=SAVE_STEPS,
        use_aim=False,
    )
    train(trainer, asked.images, asked.minutes)
    sample(trainer, asked.samples, asked.side, asked.out)


if __name__ == "__main__":
    main()
