"""A tiny Qwen-Image-Edit, in the folders and files of the real one."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler, QwenImageTransformer2DModel
from safetensors.torch import save_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

WIDTH = 32
"""The width of its transformer."""
SEEN_PX = 112 * 112
"""The pictures that its text encoder looks at have at most so many pixels, which are sixteen tokens."""
MARKS = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def qwen_image_edit(folder: Path, tokenizer: Callable[[Path, list[str]], dict[str, int]], shard: str) -> Path:
    """Qwen-Image-Edit in the layout of diffusers; `tokenizer` saves one that has these marks, and gives its words."""
    torch.manual_seed(0)
    transformer = QwenImageTransformer2DModel(
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(4, 6, 6),
        zero_cond_t=True,
    )
    _strengthen(transformer)
    transformer.save_pretrained(folder / "transformer", max_shard_size=shard)
    AutoencoderKLQwenImage(
        base_dim=3, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.1] * 4, latents_std=[1.5] * 4
    ).save_pretrained(folder / "vae")
    FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
    ).save_pretrained(folder / "scheduler")
    _text_encoder(tokenizer(folder / "tokenizer", MARKS)).save_pretrained(
        folder / "text_encoder", max_shard_size="40KB"
    )
    _save(folder / "processor" / "preprocessor_config.json", {
        "image_processor_type": "Qwen2VLImageProcessorFast", "min_pixels": 56 * 56, "max_pixels": SEEN_PX,
        "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
    })  # fmt: skip
    _save(folder / "model_index.json", {
        "_class_name": "QwenImageEditPlusPipeline",
        "processor": ["transformers", "Qwen2VLProcessor"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "transformer": ["diffusers", "QwenImageTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLQwenImage"],
    })  # fmt: skip
    return folder


def lightning(folder: Path, strength: float = 3.0) -> Path:
    """The LoRA for few steps, with the names of its authors."""
    torch.manual_seed(1)
    layer = "transformer_blocks.0.attn.to_q"
    folder.mkdir(parents=True)
    save_file({
        f"{layer}.lora_down.weight": torch.randn(4, WIDTH), f"{layer}.lora_up.weight": strength * torch.randn(WIDTH, 4),
        f"{layer}.alpha": torch.tensor(4.0),
    }, folder / "Qwen-Image-Edit-2511-Lightning-4steps-V1.0-bf16.safetensors")  # fmt: skip
    return folder


def _text_encoder(words: dict[str, int]) -> Qwen2_5_VLForConditionalGeneration:
    text = {
        "vocab_size": len(words), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 0,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
        "fullatt_block_indexes": [1],
    }  # fmt: skip
    start, end, picture, video = (words[mark] for mark in MARKS)
    encoder = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=picture, video_token_id=video,
        vision_start_token_id=start, vision_end_token_id=end,
    ))  # fmt: skip
    _strengthen(encoder)
    return encoder


def _strengthen(model: torch.nn.Module) -> None:
    """As models are initialised they tell texts, and what stands where, hardly apart."""
    with torch.no_grad():
        for each in model.parameters():
            if each.ndim > 1:
                each.normal_(0, 0.3)


def _save(path: Path, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
