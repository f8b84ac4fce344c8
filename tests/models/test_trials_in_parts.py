"""An experiment with a liquid that is interrupted between trials goes on, on other ranks, to the same bits and file."""

from __future__ import annotations

import h5py
import pytest
from mpi4py import MPI

from distsim import InputError
from distsim.core.durations import Every
from distsim.models.course import Keeping
from distsim.models.liquid_state import MODEL
from distsim.models.liquid_state.liquid_file import FILE
from distsim.models.liquid_state.parameters import KEPT
from distsim.parallel.progress import silent
from tests.programs.liquid import SMALL
from tests.threads import on_ranks

KEEP = {"keep": ",".join(KEPT), "keep_pairs": [2, 0], "keep_interval": 0.7}


class TimeIsOverError(Exception):
    """The time of a job is over."""


def run(comm, folder, batch=2, blocks=None, every=1e9, **parameters):
    """The summary of the experiment without its costs; it ends after so many ``blocks`` of trials, if given."""
    checked = []

    def check():
        checked.append(comm.rank)
        if len(checked) - 1 == blocks:  # it is called before the first, too
            raise TimeIsOverError

    chosen = MODEL.load({**SMALL, **KEEP, "batch": batch, **parameters})
    return found(MODEL.run(comm, chosen, folder, silent, Keeping(folder / "c", Every(wall=every), resume=True), check))


def found(outcome):
    """The summary without what each job had of it."""
    return {name: value for name, value in outcome.summary.items() if name != "parts"}


def datasets(path):
    with h5py.File(path) as file:
        return {f"{group}/{name}": file[group][name][:].tolist() for group in file for name in file[group]}


def test_trials_go_on_where_they_were_on_other_ranks(tmp_path):
    """Also those that were done after the checkpoint, and are in the file already."""
    (tmp_path / "whole").mkdir()
    whole = found(MODEL.run(MPI.COMM_SELF, MODEL.load({**SMALL, **KEEP}), tmp_path / "whole", silent))
    done = []
    for ranks, batch, blocks in ((1, 2, 2), (3, 2, 1), (2, 1, 2), (1, 4, None)):
        if blocks is None:
            (tmp_path / "after.h5").write_bytes((tmp_path / FILE).read_bytes())
            last = on_ranks(ranks, lambda comm, batch=batch: run(comm, tmp_path, batch))
        else:
            with pytest.raises(TimeIsOverError):
                on_ranks(ranks, lambda comm, batch=batch, blocks=blocks: run(comm, tmp_path, batch, blocks))
            done.append(len(datasets(tmp_path / FILE)["curves/pair"]))
    assert done == [2, 5, 9]
    assert last[0] == whole
    assert datasets(tmp_path / FILE) == datasets(tmp_path / "whole" / FILE)
    (tmp_path / "after.h5").replace(tmp_path / FILE)
    assert run(MPI.COMM_SELF, tmp_path) == whole
    assert (tmp_path / "state_distance.csv").read_bytes() == (tmp_path / "whole" / "state_distance.csv").read_bytes()


def test_what_was_done_after_the_checkpoint_is_done_again(tmp_path):
    """As after a kill: the checkpoint of the beginning, and a file that has more."""
    on_ranks(1, lambda comm: run(comm, tmp_path, every=1e-9))
    whole = datasets(tmp_path / FILE)
    (tmp_path / "c.before").replace(tmp_path / "c")
    again = run(MPI.COMM_SELF, tmp_path)
    assert datasets(tmp_path / FILE) == whole
    assert again == run(MPI.COMM_SELF, tmp_path)  # all is done


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(TimeIsOverError):
        run(MPI.COMM_SELF, tmp_path, blocks=1)
    with pytest.raises(InputError, match=r"of another run: parameters.rate is 20.0 there, but 30.0 here"):
        run(MPI.COMM_SELF, tmp_path, rate=30.0)
    (tmp_path / FILE).unlink()
    with pytest.raises(InputError, match=r"there is no file .*liquid.h5 to go on with"):
        run(MPI.COMM_SELF, tmp_path)
    assert not (tmp_path / FILE).exists()
