"""Pictures or embeddings -> captions.

The way of a picture: `options` says how to caption, `captioner` takes pictures, `generator` takes embeddings, and
`caption` is the result. `output` writes captions, and `jobs` cuts long work into pieces. `generator` uses `tags`,
`confidence`, `attention` and, for careful captions, `minimum_risk`; `objects` finds what a sentence names. `golden`
records and checks the caption that verifies a bundle.
"""
