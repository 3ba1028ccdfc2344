"""What a command does when it is told to end, and when Python lost that."""

import subprocess
import sys

import pytest

LOSES = """
import os, signal
from helpers import progress

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})  # what this raises, Python only prints

progress.end_when_told()
with progress.Bar(total=2) as bar:
    Finalised()
    print("went on", flush=True)
    {step}
    print("and on", flush=True)
"""


@pytest.mark.parametrize("step", ["bar.update()", "list(progress.Bar([1]))"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", -2), ("SIGTERM", 143)])
def test_what_a_finaliser_lost_is_raised_at_the_next_step(name, status, step):
    done = subprocess.run(
        [sys.executable, "-c", LOSES.format(name=name, step=step)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Exception ignored in" in done.stderr
    assert (done.stdout, done.returncode) == ("went on\n", status)


IGNORES = """
import signal
from helpers import progress

signal.signal(signal.SIGINT, signal.SIG_IGN)
progress.end_when_told()
signal.raise_signal(signal.SIGINT)
"""


def test_a_command_in_the_background_goes_on_ignoring_ctrl_c():
    assert subprocess.run([sys.executable, "-c", IGNORES], check=False).returncode == 0
