"""Record one pass of `transformers` as a trace: python record_transformers.py MODEL 1,2,3 OUT.trace.safetensors"""

import json
import sys
from functools import partial

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

BLOCK = {  # a module of a block of Llama or GPT-2 -> our address of what it returns, or (with <) of what it is given
    "<input_layernorm": "resid_pre", "input_layernorm": "attn.normed", "self_attn.q_proj": "attn.q.rows",
    "self_attn.k_proj": "attn.k.rows", "self_attn.v_proj": "attn.v.rows", "<self_attn.o_proj": "attn.merged",
    "self_attn.o_proj": "attn.out", "<post_attention_layernorm": "resid_mid", "post_attention_layernorm": "mlp.normed",
    "mlp.gate_proj": "mlp.pre", "mlp.up_proj": "mlp.up", "<mlp.down_proj": "mlp.post", "mlp.down_proj": "mlp.out",
    "<ln_1": "resid_pre", "ln_1": "attn.normed", "attn.c_attn": "attn.qkv", "<attn.c_proj": "attn.merged",
    "attn.c_proj": "attn.out", "<ln_2": "resid_mid", "ln_2": "mlp.normed", "mlp.c_fc": "mlp.pre",
    "<mlp.c_proj": "mlp.post", "mlp.c_proj": "mlp.out", "": "resid_post",
}  # fmt: skip
WHOLE = {"embed_tokens": "embed", "norm": "final.normed", "wte": "embed", "ln_f": "final.normed"}


def note(address, is_input, module, given, returned):
    """Keep, by our address, what a module was given or has returned."""
    value = given[0] if is_input else returned
    tensors[address] = value[0] if isinstance(value, tuple) else value


def watch(inside, table, prefix=""):
    """Note what the modules of a table, inside another, will be given and return."""
    modules = dict(inside.named_modules())
    for name, address in table.items():
        if module := modules.get(name.lstrip("<")):
            module.register_forward_hook(partial(note, prefix + address, name.startswith("<")))


path, ids, out = sys.argv[1], [int(id) for id in sys.argv[2].split(",")], sys.argv[3]
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
body, tensors = model.base_model, {}
watch(body, WHOLE)
for i, block in enumerate(body.h if hasattr(body, "h") else body.layers):
    watch(block, BLOCK, f"blocks.{i}.")
with torch.no_grad():
    result = model(torch.tensor([ids]), output_attentions=True, use_cache=False)
tensors |= {f"blocks.{i}.attn.pattern": pattern for i, pattern in enumerate(result.attentions)}
for address in [address for address in tensors if address.endswith("attn.qkv")]:  # GPT-2's three in one
    for name, part in zip("qkv", tensors.pop(address).chunk(3, -1), strict=True):
        tensors[f"{address.removesuffix('qkv')}{name}.rows"] = part
tensors = {
    address: value.float().contiguous().clone() for address, value in (tensors | {"logits": result.logits}).items()
}
about = {"name": path, "line": f"{model.config.model_type}, in transformers"}
save_file(tensors, out, metadata={"trace": json.dumps({"tokens": ids, "about": about})})
