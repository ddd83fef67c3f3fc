"""The loss on instances that are held out of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlabeled.data.instances import Instances
from unlabeled.encoders.network import Network
from unlabeled.training.method_protocol import Method


@dataclass
class Validation:
    """Measures a method's loss on instances that it does not learn from.

    Parameters
    ----------
    method : Method
    net : Network
    instances : Instances
        What is held out.
    fabric : Fabric
        Where, and in which precision.
    """

    method: Method
    net: Network
    instances: Instances
    fabric: Any

    @torch.no_grad()
    def loss(self) -> float:
        """Give the mean loss over the instances, the network in the state in which it is used."""
        training = self.net.training
        self.net.eval()
        total = 0.0
        for batch in self.instances.batches(torch.arange(len(self.instances)).split(self.method.batch_size)):
            values = batch.to(self.fabric.device).map(self.net.encoder.preprocessing.canonical)
            x, y = self.method.split(values)
            with self.fabric.autocast():
                total += float(self.method.loss(self.net, x, y)) * len(batch)
        self.net.train(training)
        return total / len(self.instances)
