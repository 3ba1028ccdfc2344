"""`python -m helpers ledger`: run as a reader runs it."""

import csv
import io
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers import audit, catalogue

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
HEADER = ",".join(catalogue.PublishedNumber.model_fields) + "\n"


def run(*arguments, root=ROOT, **options):
    """Run the command with its output going elsewhere than into a terminal."""
    environment = {**os.environ, "TRIAL_BY_NOTEBOOK": str(root), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "helpers", "ledger", *arguments],
        env=environment,
        capture_output=True,
        cwd=options.pop("cwd", root),
        **options,
    )


def on_a_terminal(*arguments, root):
    """Run the command in a terminal of 120 columns; return its status and what it shows."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TRIAL_BY_NOTEBOOK": str(root), "PYTHONPATH": str(ROOT)}
    environment |= {"COLUMNS": "120", "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "ledger", *arguments],
        env=environment,
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # what Linux says when the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    return process.wait(), shown.decode()


def write(root, paper, rows, *, groups='all = ""'):
    """Write a made-up paper; each row gives the cells that are not empty."""
    folder = root / "data" / paper
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(
        f'id = "{paper}"\ntitle = "T"\nshort_title = "T"\nkind = "abstract"\ncitation = "C"\n'
        f"[groups]\n{groups}\n",
        encoding="utf-8",
    )
    columns = list(catalogue.PublishedNumber.model_fields)
    with (folder / "published.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(id, **cells):
    given = {"location": "abstract", "quantity": id, "statistic": "number", "printed": "5"}
    return {**given, "id": id, **cells}


SLIP = row(
    "slip",
    quantity="fever",
    group="all",
    statistic="count_percent",
    printed="17 (37.5%)",
    value="37.5",
    count="17",
    total="48",
)


def read(text):
    return pd.read_csv(io.BytesIO(text), dtype=str, keep_default_na=False)


# --- the papers of the kit -----------------------------------------------------------------------


def test_every_published_number_of_every_paper_has_a_row():
    result = run()
    assert (result.returncode, result.stderr) == (0, b"")
    table = read(result.stdout)
    assert tuple(table.columns) == audit.COLUMNS
    expected = [
        (file.parent.name, line["id"])
        for file in sorted(DATA.glob("*/published.csv"))
        for line in csv.DictReader(file.open(encoding="utf-8"))
    ]
    assert list(zip(table["paper"], table["id"], strict=True)) == expected
    assert set(table["verdict"]) <= set(audit.VERDICTS)
    pd.testing.assert_frame_equal(table, audit.ledger().astype(str))


def test_papers_are_picked_in_the_order_given_and_once():
    table = read(run("vah", "alal_nos", "vah").stdout)
    assert list(dict.fromkeys(table["paper"])) == ["vah", "alal_nos"]
    assert len(table) == len(catalogue.published("vah")) + len(catalogue.published("alal_nos"))


# --- where it goes -------------------------------------------------------------------------------


def test_a_file_holds_what_standard_output_would(tmp_path):
    file = tmp_path / "ledger.csv"
    file.write_text("old")
    result = run("hma_ldac", "--csv", str(file))
    assert (result.returncode, result.stderr) == (0, b"")
    assert f"{file}: 20 published numbers: ".encode() in result.stdout
    assert file.read_bytes() == run("hma_ldac").stdout == run("hma_ldac", "--csv", "-").stdout
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.csv"]


def test_a_terminal_shows_a_table_with_reasons_and_a_summary(tmp_path):
    write(tmp_path, "mine", [SLIP, row("other")])
    status, shown = on_a_terminal(root=tmp_path)
    assert status == 0
    assert "✗\u00a0inconsistent" in shown
    assert "17 of 48 is 35.42 %, not 37.5 %" in shown
    assert "2 published numbers: 1 observation, 1 inconsistent" in shown
    assert "paper,id,location" not in shown
    status, shown = on_a_terminal("--csv", "-", root=tmp_path)
    assert shown.startswith("paper,id,location,")


@pytest.mark.parametrize("file", ["missing/ledger.csv", "folder", ""])
def test_a_file_that_cannot_be_written(tmp_path, file):
    write(tmp_path, "mine", [SLIP])
    (tmp_path / "folder").mkdir()
    result = run("--csv", file, root=tmp_path)
    assert result.returncode == 2
    assert result.stdout == b""
    assert result.stderr.startswith(b"--csv ")
    assert result.stderr.count(b"\n") == 1
    assert not list((tmp_path / "folder").iterdir())


def test_an_unknown_paper(tmp_path):
    write(tmp_path, "mine", [SLIP])
    for name in ("yours", "../data/mine", "", "."):
        result = run("mine", name, "--csv", "out.csv", root=tmp_path)
        assert result.returncode == 2
        assert result.stdout == b""
        assert result.stderr.decode() == f"no paper {name!r} in data/; right would be: mine\n"
    assert not (tmp_path / "out.csv").exists()


def test_no_paper_at_all(tmp_path):
    result = run(root=tmp_path)
    assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)


# --- a broken folder -----------------------------------------------------------------------------


def broken(folder):
    """Break a folder in all the ways that a folder breaks, one after the other."""
    file = folder / "published.csv"
    good = file.read_bytes()
    head, first, *_ = good.splitlines(keepends=True)
    spoilt = {
        "unknown statistic": good.replace(b"count_percent", b"percent"),
        "dangling relates_to": good.replace(b",,\r", b",x,\r"),
        "percent in a count": good.replace(b",17,48", b",37.5%,48"),
        "duplicate id": head + first + first,
        "wrong encoding": good.replace(b"fever", "Fieber über 38".encode("cp1252")),
        "50 MB": good.ljust(50 * 2**20),
        "no columns": b"",
    }
    for name, content in spoilt.items():
        assert content != good, name
        file.write_bytes(content)
        yield name
    file.unlink()
    yield "no file"
    file.write_bytes(good)
    (folder / "paper.toml").write_text("id = ")
    yield "no TOML"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "paper.toml").write_text("")
    yield "empty"


def test_a_broken_folder_does_not_take_the_others_down(tmp_path):
    folder = write(tmp_path, "bad", [SLIP])
    write(tmp_path, "good", [SLIP])
    sound = run("good", root=tmp_path).stdout
    for name in broken(folder):
        result = run(root=tmp_path)
        assert result.returncode == 1, name
        assert result.stdout == sound, name
        lines = result.stderr.decode().splitlines()
        assert lines, name
        assert all(line.startswith("data/bad") for line in lines), name


def test_a_file_is_written_without_the_broken_paper_but_not_without_any(tmp_path):
    folder = write(tmp_path, "bad", [SLIP])
    write(tmp_path, "good", [SLIP])
    (folder / "published.csv").unlink()
    assert run("--csv", "out.csv", root=tmp_path).returncode == 1
    assert list(read((tmp_path / "out.csv").read_bytes())["paper"]) == ["good"]
    (tmp_path / "out.csv").write_text("of yesterday")
    assert run("bad", "--csv", "out.csv", root=tmp_path).returncode == 1
    assert (tmp_path / "out.csv").read_text() == "of yesterday"


def test_thousands_of_faults_do_not_flood_the_terminal(tmp_path):
    write(tmp_path, "bad", [row(f"n{i}", count="x") for i in range(3000)])
    result = run(root=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 101
    assert b"and 2900 more faults" in result.stderr


# --- hostile content -----------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.org","5")',
    "+1+1",
    "-2.5",
    "@SUM(1)",
    "＝1+1",
    "[bold red]5[/] [link=http://example.org]x[/link]",
    "\x1b]0;title\x07\x1b[2J 5",
    "{id} {0} %s $(id) `id`",
    "5 \u202e gnp.exe",
    "x" * 100_000,
]


def test_hostile_content_is_only_data(tmp_path):
    rows = [row(f"h{i}", printed=text, note=text) for i, text in enumerate(HOSTILE)]
    rows.append(row("where", location="=1+1", quantity="<b>5</b>", unit="@x"))
    write(tmp_path, "mine", rows)
    table = read(run(root=tmp_path).stdout).set_index("id")
    assert list(table["printed"][:-1]) == HOSTILE
    assert table.loc["where", "location"] == "=1+1"
    assert set(table["verdict"]) == {"observation"}

    status, shown = on_a_terminal(root=tmp_path)
    assert status == 0
    assert "[bold red]5[/]" in shown.replace("\r\n", "")
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert len(shown) < 20_000


def test_a_spreadsheet_gets_no_formula(tmp_path):
    rows = [row(f"h{i}", printed=text) for i, text in enumerate(HOSTILE)]
    write(tmp_path, "mine", [*rows, row("where", location="=1+1", quantity="@x")])
    result = run("--spreadsheet", root=tmp_path)
    assert result.stdout.startswith("\ufeffpaper,".encode())
    guarded = list(csv.reader(io.StringIO(result.stdout.decode("utf-8-sig"))))
    plain = list(csv.reader(io.StringIO(run(root=tmp_path).stdout.decode())))
    cells = [cell for line in guarded for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝", "\t"))]
    changed = [
        (new, old)
        for new, old in zip(cells, (cell for line in plain for cell in line), strict=True)
        if new != old
    ]
    # printed of five, location and quantity of one
    assert len(changed) == 7
    assert all(new == "'" + old for new, old in changed)


def test_a_hostile_message_is_one_plain_line(tmp_path):
    write(tmp_path, "mine", [row("n", statistic="\x1b[2J" + "x" * 10_000, relates_to="\x1b[2J")])
    result = run(root=tmp_path)
    assert result.returncode == 1
    assert b"\x1b" not in result.stderr
    assert all(len(line) < 700 for line in result.stderr.splitlines())
