"""Model files: safetensors and checkpoint directories."""

from engine.weights.checkpoint import Checkpoint, open_checkpoint, read_model_config
from engine.weights.safetensors import TensorFile
from engine.weights.saving import save_checkpoint
from engine.weights.writing import save_tensors

__all__ = ["Checkpoint", "TensorFile", "open_checkpoint", "read_model_config", "save_checkpoint", "save_tensors"]
