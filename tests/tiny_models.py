"""Tiny models with random weights, in the same folders and files as the real ones, for the code that loads those."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    Flux2Transformer2DModel,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
    WanVACETransformer3DModel,
)
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram
from tokenizers.pre_tokenizers import ByteLevel, Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTImageProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    UMT5Config,
    UMT5EncoderModel,
)

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Engine
from tests.tiny_qwen import qwen_image_edit
from tests.tiny_sd import stable_diffusion

TEXT = (
    "a person walks up to the camera and walks off",
    "a red raincoat in heavy rain, film still at night",
    "a knight in armour, watercolour on rough paper",
)
torch.set_num_threads(1)  # several threads wait for each other longer than models this small compute
SHARD = "60KB"
"""So that even tiny weights come in several files with an index, as large ones do."""


def tiny_model(kind: str, models: Path) -> Path:
    """A tiny model of a kind, in a folder of models, where it may be already."""
    make, name, _ = TINY[kind]
    return models / name if (models / name).exists() else make(models / name)


def tiny_settings(kind: str) -> dict[str, Any]:
    """Settings that are quick with the tiny model of a kind."""
    return {f"generate.{key}": value for key, value in {"engine": kind, **TINY[kind][2]}.items()}


def engine_of(kind: str) -> Engine:
    """The engine that makes frames with the tiny model of a kind."""
    return find_engine(tiny_settings(kind)["generate.engine"])


def wan_vace(folder: Path, *, experts: int = 1, layers: int = 2) -> Path:
    """Wan VACE with one transformer, or two for high and low noise, in the layout of diffusers."""
    torch.manual_seed(0)
    names = ("transformer", "transformer_2")[:experts]
    for name in names:
        WanVACETransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            text_dim=16,
            freq_dim=32,
            ffn_dim=32,
            num_layers=layers,
            rope_max_seq_len=64,
            vace_layers=list(range(0, layers, 2)),
            vace_in_channels=96,
        ).save_pretrained(folder / name, max_shard_size=SHARD)
    beside_wan(folder)
    index: dict[str, Any] = {
        "_class_name": "WanVACEPipeline",
        "boundary_ratio": 0.875 if experts == 2 else None,
        **{name: ["diffusers", "WanVACETransformer3DModel"] for name in names},
        "vae": ["diffusers", "AutoencoderKLWan"],
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def bernini(folder: Path, *, experts: int = 1) -> Path:
    """Bernini-R with one transformer, or two for high and low noise, with a config.json of its own."""
    torch.manual_seed(0)
    for name in ("transformer", "transformer_2")[:experts]:
        WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            text_dim=16,
            freq_dim=32,
            ffn_dim=32,
            num_layers=2,
            rope_max_seq_len=64,
        ).save_pretrained(folder / name, max_shard_size=SHARD)
    beside_wan(folder)
    about = {"model_type": "bernini_renderer", "use_src_id_rotary_emb": True, "skip_transformer_2": experts == 1}
    (folder / "config.json").write_text(json.dumps({**about, "switch_dit_boundary": 0.875, "shift": 3.0}))
    return folder


def beside_wan(folder: Path) -> None:
    """What stands beside the transformers of a model on Wan."""
    AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1).save_pretrained(folder / "vae")
    UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0).save_pretrained(
        folder / "scheduler"
    )
    words = tokenizer(folder / "tokenizer")
    config = UMT5Config(vocab_size=words, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder", max_shard_size="1KB")


def depth_anything(folder: Path) -> Path:
    """A model of depth, with the configuration of how pictures are prepared for it."""
    torch.manual_seed(2)
    backbone = Dinov2Config(
        hidden_size=8, num_hidden_layers=4, num_attention_heads=2, image_size=28, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=8, neck_hidden_sizes=[4, 4, 4, 4], fusion_hidden_size=4,
        head_hidden_size=4,
    )  # fmt: skip
    model = DepthAnythingForDepthEstimation(config)
    with torch.no_grad():  # as it is initialised it sees nothing at all
        for each in model.parameters():
            if each.ndim > 1:
                each.normal_(0, 0.3)
        model.head.conv3.bias.fill_(20.0)
    model.save_pretrained(folder)
    DPTImageProcessor(
        size={"height": 28, "width": 28}, keep_aspect_ratio=True, ensure_multiple_of=14, do_rescale=True,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    ).save_pretrained(folder)  # fmt: skip
    return folder


def wan_base(path: Path, transformer: Path, *, names: str = "wan", scale: float = 2.0) -> Path:
    """The base weights of a transformer, scaled, as one file with the names of Wan's own code or of diffusers."""
    model = WanVACETransformer3DModel.from_pretrained(transformer)
    base = {name: scale * each for name, each in model.state_dict().items() if not name.startswith("vace_")}
    if names == "wan":
        base = {_in_wan(name): each for name, each in base.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: each.contiguous() for name, each in base.items()}, path)
    return path


def _in_wan(name: str) -> str:
    """A weight's name in Wan's own code, written down independently of the loader."""
    if name == "scale_shift_table":
        return "head.modulation"
    pairs = (
        ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
        ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
        ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
        ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
        ("condition_embedder.time_proj", "time_projection.1"),
        ("scale_shift_table", "modulation"),
        ("proj_out", "head.head"),
        ("attn1.", "self_attn."),
        ("attn2.", "cross_attn."),
        ("norm2.", "norm3."),
        ("ffn.net.0.proj", "ffn.0"),
        ("ffn.net.2", "ffn.2"),
        ("to_out.0.", "o."),
        *((f"to_{letter}.", f"{letter}.") for letter in "qkv"),
    )
    for ours, theirs in pairs:
        name = name.replace(ours, theirs)
    return name


def flux2_klein(folder: Path) -> Path:
    """FLUX.2 klein in the layout of diffusers; the layers of its text encoder are as many as are read."""
    torch.manual_seed(0)
    Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        timestep_guidance_channels=8,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    ).save_pretrained(folder / "transformer", max_shard_size=SHARD)
    AutoencoderKLFlux2(
        block_out_channels=(4, 4, 4, 4), layers_per_block=1, latent_channels=4, norm_num_groups=1
    ).save_pretrained(folder / "vae")
    FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True).save_pretrained(folder / "scheduler")
    config = Qwen3Config(
        vocab_size=len(conversation_tokenizer(folder / "tokenizer")),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=28,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        tie_word_embeddings=True,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder / "text_encoder", max_shard_size="20KB")
    index = {
        "_class_name": "Flux2KleinPipeline",
        "is_distilled": True,
        "transformer": ["diffusers", "Flux2Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLFlux2"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3ForCausalLM"],
        "tokenizer": ["transformers", "Qwen2TokenizerFast"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def conversation_tokenizer(folder: Path, marks: Sequence[str] = ()) -> dict[str, int]:
    """A tokenizer of bytes and pairs, trained on a few sentences, for turns of a conversation; its vocabulary."""
    folder.mkdir(parents=True)
    words = Tokenizer(BPE())
    words.pre_tokenizer = ByteLevel(add_prefix_space=False)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *marks]
    words.train_from_iterator(
        TEXT, BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=ByteLevel.alphabet())
    )
    words.save(str(folder / "tokenizer.json"))
    turn = "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    about = {
        "tokenizer_class": "Qwen2Tokenizer",
        "pad_token": "<|endoftext|>",
        "eos_token": "<|im_end|>",
        "chat_template": "{% for message in messages %}" + turn + "{% endfor %}<|im_start|>assistant\n",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return dict(words.get_vocab())


def tokenizer(folder: Path) -> int:
    """A sentencepiece tokenizer, trained on a few sentences; returns the size of its vocabulary."""
    folder.mkdir(parents=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20),
        model_writer=model,
        vocab_size=64,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(trained.id_to_piece(number), trained.get_score(number)) for number in range(trained.vocab_size())]
    fast = Tokenizer(Unigram(pieces, unk_id=2))
    fast.pre_tokenizer = Metaspace()
    fast.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast.save(str(folder / "tokenizer.json"))
    about = {
        "tokenizer_class": "T5Tokenizer",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "extra_ids": 0,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return int(trained.vocab_size())


def wan_lora(path: Path, keys: str, *, width: int = 24, strength: float = 3.0) -> Path:
    """A LoRA of Wan's first attention with the keys of "diffusers" (PEFT), "wan" (the model's own) or "kohya".

    One of kohya's tools has all layers of a block; here the others change nothing. "other" is of another model.
    """
    torch.manual_seed(1)
    down, up = torch.randn(4, width), strength * torch.randn(width, 4)
    modules = {"diffusers": "transformer.blocks.0.attn1.to_q", "wan": "diffusion_model.blocks.0.self_attn.q",
               "other": "transformer.single_blocks.9.proj"}  # fmt: skip
    if keys == "kohya":
        weights = _kohya(down, up)
    else:
        weights = {f"{modules[keys]}.lora_A.weight": down, f"{modules[keys]}.lora_B.weight": up}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path


def _kohya(down: torch.Tensor, up: torch.Tensor) -> dict[str, torch.Tensor]:
    layers = {f"{kind}_attn_{part}": (24, 24) for kind in ("self", "cross") for part in "qkvo"}
    layers |= {"ffn_0": (24, 32), "ffn_2": (32, 24)}
    weights = {}
    for name, (wide, tall) in layers.items():
        is_meant, key = name == "self_attn_q", f"lora_unet_blocks_0_{name}"
        weights[f"{key}.lora_down.weight"] = down if is_meant else torch.randn(4, wide)
        weights[f"{key}.lora_up.weight"] = up if is_meant else torch.zeros(tall, 4)
        weights[f"{key}.alpha"] = torch.tensor(4.0)
    return weights


TINY: dict[str, tuple[Callable[[Path], Path], str, dict[str, Any]]] = {
    "vace": (wan_vace, "wan-vace-1.3b", {"prompt": TEXT[1], "steps": 2, "guidance": 1.0}),
    "controlnet": (lambda folder: stable_diffusion(folder, TEXT), "sd-1.5-lcm", {"prompt": TEXT[1], "steps": 2}),
    "edit": (flux2_klein, "flux2-klein-4b", {"prompt": TEXT[1], "steps": 2}),
    "qwen": (
        lambda folder: qwen_image_edit(folder, conversation_tokenizer, SHARD),
        "qwen-image-edit",
        {"engine": "edit", "model": "qwen-image-edit", "prompt": TEXT[1], "steps": 2, "guidance": 1.0},
    ),
    "bernini": (bernini, "bernini-r-1.3b", {"prompt": TEXT[1], "steps": 2, "guidance": 1.0}),
}
"""Engines with models, and further families of them -> how a tiny one is made, its folder, settings that are quick."""
