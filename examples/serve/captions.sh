#!/bin/sh
# Captions of pictures, by curl, from a service that runs (`showtell serve`):
#
#     sh examples/serve/captions.sh photo.jpg other.png
#
# SHOWTELL_URL names another service than that of this machine, SHOWTELL_TOKEN the token that it needs.
set -eu
: "${1:?name at least one picture}"
url=${SHOWTELL_URL:-http://127.0.0.1:8000}
for picture in "$@"; do
  set -- "$@" -F "picture=@$picture"
  shift
done
exec curl --fail-with-body --silent --show-error --retry 5 --max-time 60 \
  ${SHOWTELL_TOKEN:+-H "Authorization: Bearer $SHOWTELL_TOKEN"} "$@" "$url/v1/caption?num_captions=3"
