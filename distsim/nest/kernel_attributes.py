"""Attributes of NEST's kernel: which there are, and which can be set."""

from __future__ import annotations

import enum
from typing import Any

VERSION = "3.10.0"
"""Of NEST, whose interface this is, and which files of recordings name."""


class VerbosityLevel(enum.IntEnum):
    """How much NEST is to say."""

    ALL = 0
    DEBUG = 5
    STATUS = 7
    INFO = 10
    PROGRESS = 15
    DEPRECATED = 18
    WARNING = 20
    ERROR = 30
    FATAL = 40
    QUIET = 100


SETTABLE: dict[str, Any] = {
    "resolution": 0.1, "tics_per_ms": 1000.0, "rng_seed": 143202461, "overwrite_files": False, "data_path": "",
    "data_prefix": "", "print_time": False, "dict_miss_is_error": True, "min_delay": None, "max_delay": None,
    "verbosity": VerbosityLevel.INFO,
}  # fmt: skip
"""What can be set and does something, with its default."""

IGNORED: dict[str, Any] = {
    "local_num_threads": 1, "total_num_virtual_procs": 1, "use_wfr": True, "wfr_comm_interval": 1.0,
    "wfr_interpolation_order": 3, "wfr_max_iterations": 15, "wfr_tol": 1e-4, "rng_type": "mt19937_64",
    "use_compressed_spikes": True, "keep_source_table": True, "sort_connections_by_source": True,
    "adaptive_target_buffers": True, "adaptive_spike_buffers": True, "buffer_size_spike_data": 2,
    "buffer_size_target_data": 2, "growth_factor_buffer_spike_data": 1.5, "growth_factor_buffer_target_data": 1.5,
    "max_buffer_size_spike_data": 8388608, "max_buffer_size_target_data": 16777216, "max_num_syn_models": 511,
    "off_grid_spiking": False, "update_time_limit": float("inf"), "structural_plasticity_update_interval": 10000.0,
    "structural_plasticity_synapses": {}, "spike_buffer_grow_extra": 0.5, "spike_buffer_shrink_limit": 0.2,
    "spike_buffer_shrink_spare": 0.1, "eprop_learning_window": 1000.0, "eprop_reset_neurons_on_update": True,
    "eprop_update_interval": 1000.0, "recv_buffer_size_secondary_events": 0, "send_buffer_size_secondary_events": 0,
    "spike_buffer_resize_log": {},
}  # fmt: skip
"""What can be set and changes nothing here: threads, buffers, features that are not there."""

GENERATORS = ["Philox_32", "Philox_64", "Threefry_32", "Threefry_64", "mt19937", "mt19937_64"]
"""What NEST calls its generators of random numbers; that of distsim is always the same."""

RULES = (
    "all_to_all", "fixed_indegree", "fixed_outdegree", "fixed_total_number", "one_to_one", "pairwise_bernoulli",
    "pairwise_poisson",
    "symmetric_pairwise_bernoulli",
)  # fmt: skip

BUILD_INFO: dict[str, Any] = {
    "version": VERSION, "built": "distsim", "exitcode": 0, "have_boost": True, "have_gsl": True, "have_hdf5": False,
    "have_libneurosim": False, "have_mpi": True, "have_music": False, "have_sionlib": False, "have_threads": True,
    "ndebug": True, "threads_model": "none", "host": "", "hostcpu": "", "hostos": "linux", "hostvendor": "",
    "prefix": "", "datadir": "", "docdir": "", "test_exitcodes": {},
}  # fmt: skip
"""``have_threads``: threads are accepted; ``have_gsl``: everything for which NEST needs that library is there."""
