"""Services of b-roll: clips that others made and license, found by words of what is said, fetched and credited."""
