"""Where pictures and captions come from: folders, archives and files -> (name, bytes) and name -> captions."""
