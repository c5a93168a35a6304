"""Files on the web -> whole, checked files on this machine."""
