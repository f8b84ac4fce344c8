"""The site of the documentation: built without a warning, with everything public in its reference."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import distsim
from tests.documents import DOCS, ROOT

pytest.importorskip("sphinx", reason="needs the extra docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", "-d", str(folder / "doctrees"), "."]
    built = subprocess.run(
        [sys.executable, *command, str(folder / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "site"


@pytest.mark.slow
def test_the_site_is_built_with_all_pages_and_names(site):
    """Half a minute: Sphinx reads every docstring and every page."""
    for document in DOCS:
        assert (site / document).with_suffix(".html").exists()
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    _, packed = (site / "objects.inv").read_bytes().split(b"using zlib.\n")
    objects = {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}
    assert {f"distsim.{name}" for name in distsim.__all__ if name != "__version__"} <= objects
    modules = {name for name in objects if re.fullmatch(r"distsim\.(analysis|theory)\.\w+", name)}
    folders = [ROOT / "distsim" / folder for folder in ("analysis", "theory")]
    assert modules >= {f"distsim.{f.name}.{path.stem}" for f in folders for path in f.glob("[a-z]*.py")}
    assert "Raises InputError" in (site / "docs/api/analysis.html").read_text(encoding="utf-8")
