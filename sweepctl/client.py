"""`sweepctl.Client`: the service's typed client as a script uses it."""

from __future__ import annotations

import time

import service.client
from service.schemas import SweepDetail
from sweepctl import frames
from sweepctl.scripted import Located, Patience, SpecSource, SweepRef, document, id_of


class Client(Located, service.client.Client):
    """A client of the service that the command line would talk to. Use it in `with`.

    `server` and `token` name another one, `context` one that `sweepctl context add` saved;
    `timeout` is in seconds for one exchange. Raises Unreachable when no service is known,
    ValueError for both a server and a context. Beside the methods here there is one for every
    route: `list_sweeps`, `every_trial`, `events`, `patch_sweep` ...
    """

    def create(self, spec: SpecSource, key: str | None = None) -> SweepDetail:
        """Submit a spec: a file by its name or Path, YAML text, a dict, or a SweepSpec.

        Local paths in it are made absolute as `sweepctl create` does: from the file's folder, else
        from the current one. `key` as in `create_sweep`. Raises Invalid with every fault, OSError.
        """
        return self.create_sweep(document(spec, self._target), key)

    def wait(self, sweep: SweepRef, timeout: float | None = None) -> SweepDetail:
        """The sweep, once it is DONE, CANCELLED or FAILED; `sweep` is one or its id.

        A paused sweep is waited for. Raises TimeoutError after `timeout` seconds, NotFound.
        """
        patience = Patience(timeout)
        while (left := patience.after(seen := self.get_sweep(id_of(sweep)))) is not None:
            time.sleep(left)
        return seen

    def trials_frame(self, sweep: SweepRef) -> frames.Frame:
        """One row a trial, parameters as columns: see `sweepctl.frames.trials_frame`."""
        return frames.trials_frame(self.every_trial(id_of(sweep)))

    def curves(self, sweep: SweepRef) -> frames.Frame:
        """One row a report, metrics as columns: see `sweepctl.frames.curves_frame`."""
        return frames.curves_frame(self.every_report(id_of(sweep)))
