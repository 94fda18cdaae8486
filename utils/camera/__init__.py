"""Camera motion: tracking, the camera path, stabilization, and warping pictures by it."""
