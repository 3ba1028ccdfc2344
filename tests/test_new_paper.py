"""A paper of one's own: an empty folder, its faults, and the guide that leads through both."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from helpers import audit, catalogue, papers
from helpers.errors import KitError

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "new_paper.md").read_text(encoding="utf-8")
HEADER = ",".join(catalogue.PublishedNumber.model_fields) + "\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return an empty place for papers."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return tmp_path


def run(root, *arguments):
    """Run the command line as a reader does, in a wide terminal's width; return its result."""
    return subprocess.run(
        [sys.executable, "-m", "helpers", *arguments],
        cwd=root,
        env={
            **os.environ,
            "TRIAL_BY_NOTEBOOK": str(root),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "COLUMNS": "100",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


# --- the guide -----------------------------------------------------------------------------------


def blocks(text):
    """Return the guide's fenced blocks: what stands behind the fence, and what is inside."""
    return re.findall(r"^```(\S+ ?\S*)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def stripped(text):
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def test_the_guide_shows_what_its_commands_print(root):
    statuses = []
    for fence, content in blocks(GUIDE):
        kind, _, name = fence.partition(" ")
        if kind != "console":
            file = root / name
            assert name
            assert file.parent.is_dir()
            file.write_text(content + "\n", encoding="utf-8")
            continue
        command, _, shown = content.partition("\n")
        assert command.startswith("$ python -m helpers ")
        result = run(root, *command.split()[4:])
        assert stripped(result.stdout) == stripped(shown), command
        statuses.append(result.returncode)
    assert statuses == [0, 1, 0, 0]
    assert (root / "glade.csv").read_text(encoding="utf-8").count("\n") == 28


def test_the_guides_example_has_its_two_slips_and_no_other(root):
    """And a mended digit ends each."""
    folder = root / "data" / "glade"
    folder.mkdir(parents=True)
    for fence, content in blocks(GUIDE):
        if "data/glade" in fence:
            (root / fence.split()[1]).write_text(content + "\n", encoding="utf-8")
    table = audit.ledger("glade").set_index("id")
    wrong = table[table["verdict"] == "inconsistent"]
    assert set(wrong.index) == {"abs_fever", "abs_follow_up"}
    assert "23.0 months" in wrong.loc["abs_follow_up", "reason"]
    assert table.loc["abs_cr", "method"].endswith("Clopper-Pearson")
    for old, new in {"37.5,17,": "35.4,17,", ",4.9,26.4,": ",4.9,22.9,"}.items():
        edit(folder / "published.csv", old, new)
    assert "inconsistent" not in set(audit.ledger("glade")["verdict"])


def test_the_guide_names_every_statistic():
    section = GUIDE.partition("## Statistics")[2].partition("## Conventions")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert named[1:] == list(get_args(catalogue.Statistic))


def test_the_example_is_none_of_the_kits_papers():
    assert not (ROOT / "data" / "glade").exists()
    assert "made up" in GUIDE


# --- an empty folder -----------------------------------------------------------------------------


def test_a_new_folder_can_be_read_and_says_what_is_missing(root):
    written = papers.new("mine")
    assert [file.name for file in written] == ["paper.toml", "published.csv", "excerpts.csv"]
    assert catalogue.load("mine").id == "mine"
    assert (catalogue.published("mine"), catalogue.excerpts("mine")) == ([], {})
    assert audit.ledger("mine").empty
    told = papers.faults("mine")
    assert [fault.split(":")[0] for fault in told] == [
        "data/mine/paper.toml, title",
        "data/mine/paper.toml, short_title",
        "data/mine/paper.toml, citation",
        "data/mine/published.csv",
    ]
    assert [file.name for file in (root / "data").iterdir()] == ["mine"]


def test_every_example_in_a_new_folder_is_right(root):
    """With the signs of the examples taken away it still is a paper, and nothing is left out."""
    file = papers.new("mine")[0]
    text = re.sub(r"^#(?=\S)", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(text.replace("patient_level = true", ""), encoding="utf-8")
    paper = catalogue.load("mine")
    for name in set(catalogue.Paper.model_fields) - {"title", "short_title", "citation"}:
        assert getattr(paper, name) or name == "patient_level", name
        assert re.search(rf"^(\[{name}|{name} = )", text, re.MULTILINE), name
    assert not [fault for fault in papers.faults("mine") if "empty" not in fault][1:]


@pytest.mark.parametrize(
    "id", ["", "Mine", "1st", "a b", "../mine", "a/b", ".hidden", "a" * 41, "é", "=1+1", "a\n"]
)
def test_what_is_no_id_is_refused(root, id):
    with pytest.raises(KitError, match="no id for a paper"):
        papers.new(id)
    assert not list(root.iterdir())


def test_what_exists_is_never_overwritten(root):
    (root / "data" / "folder").mkdir(parents=True)
    (root / "data" / "file").write_text("mine")
    (root / "data" / "link").symlink_to(root / "nowhere")
    for name in ("folder", "file", "link"):
        with pytest.raises(KitError, match=f"data/{name}: the folder exists"):
            papers.new(name)
    result = run(root, "paper", "new", "folder")
    assert (result.returncode, result.stdout.count("\n")) == (2, 1)
    assert sorted(file.name for file in (root / "data").iterdir()) == ["file", "folder", "link"]
    assert (root / "data" / "file").read_text() == "mine"
    assert not list((root / "data" / "folder").iterdir())


def test_nothing_half_written_is_left(root, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    (root / "data").mkdir()
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(KitError, match="No space left"):
        papers.new("mine")
    assert not list((root / "data").iterdir())


def test_papers_can_be_kept_nowhere(root, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(root / "missing"))
    with pytest.raises(KitError, match="cannot be written"):
        papers.new("mine")


# --- faults --------------------------------------------------------------------------------------


@pytest.fixture
def folder(root):
    """Return the folder of a sound made-up paper."""
    folder = root / "data" / "made_up"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(
        'id = "made_up"\ntitle = "Made up"\nshort_title = "Made up"\nkind = "abstract"\n'
        'citation = "nowhere"\n[groups]\nall = ""\n',
        encoding="utf-8",
    )
    (folder / "published.csv").write_text(
        HEADER
        + "n,abstract,patients,all,count_percent,40 patients,,40,,,,,patients,women men,\n"
        + "women,abstract,women,all,count_percent,18 (45%),45,18,40,,,,%,,\n"
        + "men,abstract,men,all,count_percent,22 men,,22,,,,,patients,,\n",
        encoding="utf-8",
    )
    (folder / "excerpts.csv").write_text(
        'id,excerpt\nn,"All 40 patients, of"\nwomen,whom 18 (45%) were\nmen,and 22 men had\n',
        encoding="utf-8",
    )
    return folder


def edit(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_sound_folder_is_audited_without_touching_code(root, folder):
    result = run(root, "paper", "check", "made_up")
    assert result.returncode == 0
    assert "18 + 22 = 40" in result.stdout
    assert "3 published numbers: 2 reproduced, 1 observation" in result.stdout
    edit(folder / "published.csv", "22 men,,22", "21 men,,21")
    edit(folder / "excerpts.csv", "22 men", "21 men")
    result = run(root, "paper", "check", "made_up")
    assert result.returncode == 0
    assert "add up to 39, not 40" in result.stdout


PUBLISHED, EXCERPTS, PAPER = "published.csv", "excerpts.csv", "paper.toml"
FAULTS = {
    "unknown statistic": (
        PUBLISHED,
        "men,all,count_percent,22",
        "men,all,percent,22",
        ["line 4, column statistic: given 'percent'", "'count_percent', 'proportion_ci'"],
    ),
    "dangling relation": (
        PUBLISHED,
        "women men,",
        "woman men,",
        ["line 2, column relates_to", "'woman'", "perhaps women"],
    ),
    "relation to itself": (PUBLISHED, "women men,", "n,", ["line 2, column relates_to", "own row"]),
    "percent sign in a count": (
        PUBLISHED,
        "45,18,40",
        ",45%,40",
        ["line 3, column count: given '45%'", "whole number", "into the column value"],
    ),
    "share in a count": (
        PUBLISHED,
        "45,18,40",
        ",45.0,40",
        ["line 3, column count: given '45.0'", "whole number", "into the column value"],
    ),
    "whole percent in a count": (
        PUBLISHED,
        "45,18,40",
        ",45,100",
        ["line 3, column count: given 45", "printed as a percentage", "column value"],
    ),
    "percent sign in a value": (PUBLISHED, "45,18", "45%,18", ["line 3, column value", "without"]),
    "count above its total": (PUBLISHED, "18,40", "18,17", ["line 3, column count", "18 of 17"]),
    "negative count": (PUBLISHED, "45,18", "45,-18", ["line 3, column count", "'-18'"]),
    "endless count": (PUBLISHED, "45,18", "45," + "9" * 99, ["line 3, column count", "up to"]),
    "level in per cent": (
        PUBLISHED,
        "18,40,,,,",
        "18,40,,,95,",
        ["line 3, column level", "0.95"],
    ),
    "id used twice": (PUBLISHED, "\nmen,", "\nwomen,", ["line 4, column id", "line 3"]),
    "id with a space": (PUBLISHED, "\nmen,", "\nthe men,", ["line 4, column id", "without spaces"]),
    "no such date": (
        PUBLISHED,
        "men,all,count_percent,22 men,,22",
        "start,,date,2020-13,2020-13,",
        ["line 4, column value", "'2020-13'", "2020-07-31"],
    ),
    "a number for a date": (
        PUBLISHED,
        "men,all,count_percent,22 men,,22",
        "start,,date,22 men,22.5,",
        ["line 4, column value", "'22.5' for a date"],
    ),
    "no such column": (PUBLISHED, ",statistic,", ",kind,", ["line 1", "no column statistic"]),
    "a column twice": (PUBLISHED, "unit,", "unit,unit,", ["line 1", "too many, 'unit'"]),
    "an open quote": (PUBLISHED, "22 men", '"22 men', ["line 4", "quote"]),
    "excerpt of another text": (
        EXCERPTS,
        "22 men",
        "23 men",
        ["line 4, column excerpt", "'22 men'"],
    ),
    "excerpt too long": (EXCERPTS, "had", "x" * 160, ["line 4, column excerpt", "at most 160"]),
    "no excerpt": (EXCERPTS, "men,and 22 men had\n", "", ["no excerpt for 'men'"]),
    "excerpt of nothing": (EXCERPTS, "had\n", "had\nall,all\n", ["line 5", "no number 'all'"]),
    "two excerpts": (EXCERPTS, "had\n", "had\nmen,22 men\n", ["line 5", "'men'", "line 4"]),
    "nothing cited": (PAPER, '"nowhere"', '""', ["citation", "empty"]),
    "a group that is no question": (
        PAPER,
        'all = ""',
        'all = ""\nold = "AGE >"',
        ["groups.old", "'AGE >'"],
    ),
    "endless brackets": (PAPER, '"nowhere"', "[" * 100_000, ["not valid TOML"]),
}


@pytest.mark.parametrize(("name", "old", "new", "told"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_in_one_line(folder, name, old, new, told):
    edit(folder / name, old, new)
    faults = papers.faults("made_up")
    assert all(fault.startswith("data/made_up/") and "\n" not in fault for fault in faults)
    # Another row may relate to the id that is gone now.
    [fault] = [fault for fault in faults if told[0] in fault]
    assert fault.startswith(f"data/made_up/{name}")
    assert len(fault) < 700
    for part in told:
        assert part in fault


def test_every_fault_is_told_at_once(root, folder):
    edit(folder / PAPER, 'kind = "abstract"', 'kind = "novel"')
    edit(folder / PUBLISHED, "women men,", "woman men,")
    edit(folder / PUBLISHED, "45,18,40", ",45%,40")
    edit(folder / PUBLISHED, "22 men,,22,,", "22 men,,22,")
    result = run(root, "paper", "check", "made_up")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert "paper.toml, kind" in lines[0]
    assert "line 4: 14 cells" in lines[1]
    edit(folder / PUBLISHED, "22 men,,22,", "22 men,,22,,")
    lines = run(root, "paper", "check", "made_up").stdout.splitlines()
    assert [part in line for part, line in zip(("kind", "45%", "woman"), lines, strict=False)]
    assert lines[-1] == "There is no ledger before these faults are mended."
    assert len(lines) == 4


def test_a_file_of_another_kind(root, folder):
    file = folder / PUBLISHED
    good = file.read_bytes()
    told = {
        "not UTF-8 text (line 4); right would be: a file saved as 'CSV UTF-8'": good.replace(
            b"22 men,,", "22 Männer,,".encode("latin-1")
        ),
        "not UTF-8 text (line 1)": good.decode().encode("utf-16"),
        "separated by semicolons or tabs": good.replace(b",", b";"),
        "no column id": b"",
        "has 52,428,800 bytes; right would be: at most 5,000,000": good.ljust(50 * 2**20, b"\n"),
    }
    for words, content in told.items():
        file.write_bytes(content)
        [fault] = papers.faults("made_up")
        assert fault.startswith("data/made_up/published.csv")
        assert words in fault
    result = run(root, "paper", "check", "made_up")
    assert result.returncode == 1
    assert result.stdout == f"{fault}\nThere is no ledger before these faults are mended.\n"


def test_excerpts_are_looked_up_in_the_text(root, folder):
    text = root / "text.txt"
    text.write_text("All 40\n  patients, of\twhom 18\u00a0(45%) were old, and\n22 men had.")
    assert papers.faults("made_up", text=text) == []
    text.write_text("All 40 patients, of whom 18 (45%) were old, and 22 men.")
    told = run(root, "paper", "check", "made_up", "--text", "text.txt")
    assert told.returncode == 1
    assert "the excerpt of 'men' does not stand in text.txt" in told.stdout
    assert "3 published numbers" in told.stdout
    for name in ("nothing.txt", "data"):
        told = run(root, "paper", "check", "made_up", "--text", name)
        assert (told.returncode, told.stdout.count("\n")) == (2, 1)
        assert told.stdout.startswith(f"{name}: ")


def test_an_unknown_paper_is_refused(root, folder):
    for id in ("nobody", "../data/made_up", ""):
        told = run(root, "paper", "check", id)
        assert told.returncode == 2
        assert told.stdout == f"no paper {id!r} in data/; right would be: made_up\n"
