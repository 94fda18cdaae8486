"""Files at http(s) addresses: what may be asked, of whom, and how a file arrives whole. Only a child process asks."""
