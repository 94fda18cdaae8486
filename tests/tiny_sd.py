"""Tiny Stable Diffusion 1.5 and SDXL with control networks and LoRAs, in the folders and files of the real ones."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, PNDMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

START, END = "<|startoftext|>", "<|endoftext|>"
WIDTH = 16
"""The width of what a tiny text encoder says."""
SEEN, SAID = 16, 12
"""The widths of what a tiny image encoder sees in a patch, and says of a picture."""
IP_ADAPTERS = ("models/ip-adapter-plus_sd15.safetensors", "sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors")
"""The published files for Stable Diffusion 1.5 and SDXL."""
BLOCKS: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "attention_head_dim": 4,
    "norm_num_groups": 4,
}


def stable_diffusion(folder: Path, sentences: tuple[str, ...], *, xl: bool = False) -> Path:
    """A tiny painter with the weights in 16 bits, and beside its folder the parts that the registry names."""
    torch.manual_seed(2)
    config = _config(xl)
    unet = UNet2DConditionModel(sample_size=8, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **config)
    _save(unet, folder / "unet")
    _save(
        AutoencoderKL(
            block_out_channels=(4, 4, 4, 4),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=2,
            force_upcast=xl,
        ),
        folder / "vae",
    )
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    PNDMScheduler(**schedule, skip_prk_steps=True).save_pretrained(folder / "scheduler")
    for end, kind in (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection))[: 2 if xl else 1]:
        words = clip_tokenizer(folder / f"tokenizer{end}", sentences)
        text = CLIPTextConfig(
            vocab_size=words,
            hidden_size=WIDTH,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=77,
            projection_dim=WIDTH,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
        _save(kind(text), folder / f"text_encoder{end}")
        _as_published(folder / f"text_encoder{end}" / "model.fp16.safetensors")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    family = "sdxl" if xl else "sd-1.5"
    for control in ("pose", "depth") if xl else ("pose", "edges", "soft-edges", "depth"):
        control_net(folder.parent / f"{family}-{control}", xl=xl)
    ip_adapter(folder.parent / f"ip-adapter-{family}" / IP_ADAPTERS[xl], unet)
    image_encoder(folder.parent / "ip-adapter-encoder" / "models" / "image_encoder")
    sd_lora(folder.parent / f"{family}-lcm-lora" / "pytorch_lora_weights.safetensors", xl=xl, strength=0.3)
    return folder


def control_net(folder: Path, *, xl: bool = False) -> Path:
    """A control network that leads: a new one leads nowhere, for its last layers are zero."""
    torch.manual_seed(len(folder.name))
    net = ControlNetModel(conditioning_embedding_out_channels=(4, 4, 8, 8), **_config(xl))
    for part in (net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
        for each in part.parameters():
            torch.nn.init.normal_(each, std=0.5)
    _save(net, folder, variant=None if xl else "fp16")
    return folder


def ip_adapter(path: Path, unet: UNet2DConditionModel, *, reads_patches: bool = True) -> Path:
    """An IP-Adapter for a painter, with the names of the published files: one that reads all patches of a picture, or
    one vector of it."""
    torch.manual_seed(5)
    width = unet.config.cross_attention_dim
    layers = [name.removesuffix(".processor") for name in unet.attn_processors if name.endswith("attn2.processor")]
    shapes = {
        f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight": tuple(unet.get_submodule(f"{layer}.to_k").weight.shape)
        for number, layer in enumerate(layers)
        for part in "kv"
    }
    whole = {"proj.weight": (4 * width, SAID), "proj.bias": (4 * width,), **_both("norm", width)}
    shapes |= {f"image_proj.{name}": each for name, each in (_resampler(width) if reads_patches else whole).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.randn(shape).half() for name, shape in shapes.items()}, path)
    return path


def _resampler(width: int, inner: int = 8) -> dict[str, tuple[int, ...]]:
    """The shapes of what makes two tokens of all patches; published ones make sixteen."""
    shapes: dict[str, tuple[int, ...]] = {"latents": (1, 2, inner), **_both("norm_out", width)}
    shapes |= {"proj_in.weight": (inner, SEEN), "proj_in.bias": (inner,)}
    shapes |= {"proj_out.weight": (width, inner), "proj_out.bias": (width,)}
    for at in (f"layers.{number}" for number in range(4)):
        shapes |= {**_both(f"{at}.0.norm1", inner), **_both(f"{at}.0.norm2", inner), **_both(f"{at}.1.0", inner)}
        shapes |= {f"{at}.0.to_q.weight": (64, inner), f"{at}.0.to_kv.weight": (128, inner)}
        shapes |= {f"{at}.0.to_out.weight": (inner, 64)}
        shapes |= {f"{at}.1.1.weight": (4 * inner, inner), f"{at}.1.3.weight": (inner, 4 * inner)}
    return shapes


def _both(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def image_encoder(folder: Path) -> Path:
    """What looks at reference pictures, as CLIP does."""
    if not folder.exists():
        torch.manual_seed(6)
        config = CLIPVisionConfig(hidden_size=SEEN, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
                                  image_size=28, patch_size=14, projection_dim=SAID)  # fmt: skip
        _save(CLIPVisionModelWithProjection(config), folder, variant=None)
    return folder


def clip_tokenizer(folder: Path, sentences: tuple[str, ...]) -> int:
    """A tokenizer as CLIP has it, trained on a few sentences; returns the size of its vocabulary."""
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(BPE(unk_token=END, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    alphabet = ByteLevel.alphabet()
    trainer = BpeTrainer(
        vocab_size=600, special_tokens=[START, END], initial_alphabet=alphabet, end_of_word_suffix="</w>"
    )
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.model.save(str(folder))
    about = {"tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "unk_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps({**about, "pad_token": END, "model_max_length": 77}))
    return int(tokenizer.get_vocab_size())


def sd_lora(path: Path, keys: str = "kohya", *, xl: bool = False, text: bool = False, strength: float = 3.0) -> Path:
    """A LoRA of an attention, with the keys of "kohya" or "peft"; with `text` also one of the text encoder."""
    torch.manual_seed(3)
    down, up = torch.randn(4, 2 * WIDTH if xl else 8), strength * torch.randn(8, 4)
    name = f"down_blocks.0.attentions.0.transformer_blocks.0.{'attn2.to_k' if xl else 'attn1.to_q'}"
    if keys == "peft":
        weights = {f"unet.{name}.lora_A.weight": down, f"unet.{name}.lora_B.weight": up}
    else:
        key = "lora_unet_" + name.replace(".", "_")
        weights = {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(4.0)}
    if text:
        key = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
        wide = torch.randn(4, WIDTH)
        weights |= {f"{key}.lora_down.weight": wide, f"{key}.lora_up.weight": torch.randn(WIDTH, 4)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path


def _config(xl: bool) -> dict[str, Any]:
    if not xl:
        return {**BLOCKS, "cross_attention_dim": WIDTH}
    added = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True}
    return {**BLOCKS, **added, "cross_attention_dim": 2 * WIDTH,
            "projection_class_embeddings_input_dim": 6 * 8 + WIDTH}  # fmt: skip


def _as_published(path: Path) -> None:
    """Give the weights of a text encoder the names that they have in the files on the hub, which are older."""
    weights = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in load_file(path).items()}
    if "text_model.text_projection.weight" in weights:
        weights["text_projection.weight"] = weights.pop("text_model.text_projection.weight")
    weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(weights, path, {"format": "pt"})


def _save(model: Any, folder: Path, variant: str | None = "fp16") -> None:
    model.half().save_pretrained(folder, variant=variant)
