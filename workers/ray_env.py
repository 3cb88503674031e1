"""Environment of everything of ours that touches Ray. RAY.md says what each is for."""

from __future__ import annotations

# Must be set before ray is imported, hence in the environment of the child process.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    # 4 files instead of 1,204 for 200 trials.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "600",
    # The conductor never asks for more than its slots; Tune shall not hold them back one by one.
    "TUNE_MAX_PENDING_TRIALS_PG": "256",
    # A buffered result would pass its decision point before it is judged.
    "TUNE_RESULT_BUFFER_LENGTH": "1",
}

# A Ray of our own on one machine: every listener on 127.0.0.1, a token, no accidental meeting.
LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
