from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from workers.demo import files


def test_what_is_there_is_not_made_again_and_costs_no_torch(tmp_path: Path) -> None:
    files.write_data(tmp_path)
    (tmp_path / "base").mkdir()
    files.stamp(tmp_path)
    code = (
        "import runpy, sys; sys.argv = ['demo', sys.argv[1]]\n"
        "try: runpy.run_module('workers.demo', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path)
    assert done.stderr == ""
