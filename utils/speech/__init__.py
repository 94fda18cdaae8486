"""Speech: words with times, transcripts read and written, speech and silence, and what can be said of the words."""
