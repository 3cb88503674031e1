from __future__ import annotations

import os

from workers.ray_env import LOCAL, QUIET

# Ray reads these at import, and whichever test comes first imports it.
os.environ.update({**LOCAL, **QUIET})
for _name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(_name, None)
