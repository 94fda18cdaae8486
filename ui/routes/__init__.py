"""What pages ask of the server: JSON under /studio, one file per noun; `routes(studio)` gives its router."""
