"""What all engines with a diffusion model share: loading, placing on the card, prompts, attempts, working sizes."""
