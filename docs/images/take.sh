#!/usr/bin/env bash
# The picture of the README: docs/images/take.sh "LINK THAT make demo KEEP=1 PRINTED"
# Needs Debian's chromium. MLflow opens an assistant at the right edge; it is cut off.
set -euo pipefail
here=$(dirname "$0")
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir="$profile" --window-size=1800,1900 --virtual-time-budget=90000 \
  --screenshot="$profile/page.png" "$1"
"$here/../../.venv/bin/python" - "$profile/page.png" "$here/mlflow.png" <<'PYTHON'
import sys
from PIL import Image
page = Image.open(sys.argv[1]).convert("RGB").crop((0, 0, 1338, 1830))
page.resize((1000, 1367), Image.LANCZOS).quantize(128).save(sys.argv[2], optimize=True)
PYTHON
