import pytest

import distsim.nest


@pytest.fixture
def nest():
    """The layer, its kernel empty."""
    distsim.nest.ResetKernel()
    return distsim.nest
