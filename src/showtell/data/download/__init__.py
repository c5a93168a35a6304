"""Files on the web -> complete, checked files on this machine."""
