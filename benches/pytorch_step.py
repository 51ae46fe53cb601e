"""A training step of the same network in PyTorch with fused Adam, to be held against `train_step`.

`python3 benches/pytorch_step.py [--threads N] [--autocast] [--compile]` needs PyTorch; it prints the median time of a step
and samples a second at batch 64, 512 and 4096.
"""

import argparse
import statistics
import time

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        group = lambda: [nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout)]
        self.branch = nn.Sequential(*group(), *group())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


def network(hidden: int = 1024, blocks: int = 2, dropout: float = 0.5) -> nn.Module:
    body = [Block(hidden, dropout) for _ in range(blocks)]
    return nn.Sequential(nn.Linear(51, hidden), *body, nn.Linear(hidden, 51))


def median_step(batch: int, device: str, autocast: bool, compiled: bool, steps: int) -> float:
    net = network().to(device).train()
    if compiled:
        net = torch.compile(net)
    adam = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)
    features = torch.randn(batch, 51, device=device)
    target = torch.randn(batch, 17, 3, device=device)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast):
            pose = net(features).view(batch, 17, 3)
        loss = (pose.float() - target).norm(dim=2).mean()
        loss.backward()
        adam.step()
        loss.item()
        times.append(time.perf_counter() - start)
    return statistics.median(times[steps // 5 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--autocast", action="store_true", help="bfloat16 with float32 weights")
    parser.add_argument("--compile", action="store_true", help="through torch.compile instead of eager")
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for batch in (64, 512, 4096):
        seconds = median_step(batch, device, args.autocast, args.compile, args.steps)
        print(f"{device} batch {batch}: {seconds * 1e3:.1f} ms a step, {batch / seconds:,.0f} samples/s")


if __name__ == "__main__":
    main()
