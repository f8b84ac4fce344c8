"""A real Slurm of two nodes on this machine, for as long as a test needs it."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "scontrol")
PATIENCE = 30.0  # s until all nodes must be idle
NODES = 2
CORES = 2  # of a node, whatever the machine has

CONFIGURATION = """\
ClusterName=distsim
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
DependencyParameters=kill_invalid_depend
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports}] CPUs={cores} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class SlurmError(RuntimeError):
    """Slurm cannot be started here; the message says why."""


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Start Slurm with all its files in ``folder``; yields the variables by which its commands find it.

    Raises SlurmError where it cannot be started. Nothing of it is left at the end.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if missing:
        raise SlurmError(f"{missing[0]} is not installed (Debian: slurm-wlm, munge)")
    variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    configure(folder)
    with ExitStack() as daemons:

        def start(*command: str) -> None:
            daemons.enter_context(daemon(command, {**os.environ, **variables}, folder / f"{command[0]}.out"))

        start("munged", "--foreground", "--force", *munge_files(folder))
        start("slurmctld", "-D", "-f", variables["SLURM_CONF"])
        for node in range(1, NODES + 1):
            start("slurmd", "-D", "-N", f"node{node}", "-f", variables["SLURM_CONF"])
        wait_until_idle({**os.environ, **variables}, folder)
        yield variables


def configure(folder: Path) -> None:
    """Write the configuration and the key."""
    first = free_ports(NODES + 1)
    text = CONFIGURATION.format(
        folder=folder, host=platform.node().split(".")[0], user=owner(), nodes=NODES, cores=CORES,
        controller_port=first, ports=f"{first + 1}-{first + NODES}",
    )  # fmt: skip
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o600)


def munge_files(folder: Path) -> list[str]:
    names = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid", "log-file": "munged.log"}
    return [f"--{option}={folder / name}" for option, name in (names | {"seed-file": "munge.seed"}).items()]


def owner() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def free_ports(n: int) -> int:
    """The first of ``n`` neighbouring ports that nobody uses."""
    for first in range(21000 + os.getpid() % 5000, 60000, n):
        with ExitStack() as sockets:
            try:
                for port in range(first, first + n):
                    sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise SlurmError("no free ports")


@contextmanager
def daemon(command: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[None]:
    """Run a daemon in the foreground of a session of its own, and end it."""
    with log.open("ab") as output:
        job = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
    finally:
        job.terminate()
        try:
            job.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()


def wait_until_idle(environment: dict[str, str], folder: Path) -> None:
    """Wait for all nodes; SlurmError, with what the daemons wrote, where they do not come up."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        states = subprocess.run(["sinfo", "-hNo", "%t"], env=environment, capture_output=True, text=True, check=False)
        if states.stdout.split() == ["idle"] * NODES:
            return
        time.sleep(0.3)
    logs = [line for log in sorted(folder.glob("*.log")) for line in log.read_text(errors="replace").splitlines()[-2:]]
    raise SlurmError(f"nodes are not idle after {PATIENCE:g} s: {states.stdout.split()}; " + " | ".join(logs))
