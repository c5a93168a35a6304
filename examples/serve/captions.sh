#!/bin/sh
# Captions pictures with curl, through a running service (`showtell serve`):
#
#     sh examples/serve/captions.sh photo.jpg other.png
#
# SHOWTELL_URL sets another address than this machine's, SHOWTELL_TOKEN the service's token.
set -eu
: "${1:?give at least one picture}"
url=${SHOWTELL_URL:-http://127.0.0.1:8000}
for picture in "$@"; do
  set -- "$@" -F "picture=@$picture"
  shift
done
exec curl --fail-with-body --silent --show-error --retry 5 --max-time 60 \
  ${SHOWTELL_TOKEN:+-H "Authorization: Bearer $SHOWTELL_TOKEN"} "$@" "$url/v1/caption?num_captions=3"
