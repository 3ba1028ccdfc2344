"""Lessons: what each must have, and lesson 01 run anew with other settings and with bad ones."""

import ast
import re
import tomllib
from datetime import date

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from helpers import catalogue, exercises, parameters, paths
from helpers.catalogue import DataError

LESSONS = paths.lessons()
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
STATE = "application/vnd.jupyter.widget-view+json"


def read(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook, notebook.metadata["trial_by_notebook"]


def code_cells(notebook, *, tag=None):
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (tag is None or tag in cell.metadata.get("tags", []))
    ]


def calls(notebook, name):
    """Return each call of a function such as ``parameters.check``, with its cell."""
    return [
        (cell, node)
        for cell in code_cells(notebook)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_there_are_lessons():
    assert LESSONS
    numbers = [path.stem[:2] for path in LESSONS]
    assert len(set(numbers)) == len(numbers)


# --- what a lesson must have -----------------------------------------------------------------


@every_lesson
def test_a_lesson_says_what_it_is(path):
    notebook, about = read(path)
    nbformat.validate(notebook)
    assert about.keys() == {"minutes", "needs", "paper", "settings", "title"}
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} · {about['title']}\n")
    assert isinstance(about["minutes"], int)
    assert set(about["needs"]) <= {other.stem for other in LESSONS}
    if about["paper"]:
        assert catalogue.load(about["paper"])
    assert "widgets" not in notebook.metadata


@every_lesson
def test_settings_are_checked_as_the_lesson_declares_them(path):
    notebook, about = read(path)
    if not about["settings"]:
        assert not code_cells(notebook, tag="parameters")
        return
    ((_, check),) = calls(notebook, "parameters.check")
    values, *groups = check.args
    assert ast.unparse(values) == "globals()"
    assert [ast.literal_eval(group) for group in groups] == about["settings"]
    (paper,) = [word.value for word in check.keywords if word.arg == "paper"]
    assert ast.literal_eval(paper) == about["paper"]


@every_lesson
def test_the_parameters_cell_offers_exactly_the_settings(path):
    """With the same types and defaults, as papermill reads them, each with a comment."""
    notebook, about = read(path)
    if not about["settings"]:
        return
    (cell,) = code_cells(notebook, tag="parameters")
    assert cell is code_cells(notebook)[0]
    found = papermill.inspect_notebook(str(path))
    fields = parameters.model(*about["settings"], paper=about["paper"]).model_fields
    assert list(found) == list(fields)
    for name, field in fields.items():
        written = found[name]
        default = ast.literal_eval(written["default"])
        assert default == field.default, name
        assert type(default) is type(field.default), name
        assert written["inferred_type_name"] == type(default).__name__, name
        assert len(written["help"]) > 8, name


@every_lesson
def test_cells_are_short(path):
    notebook, _ = read(path)
    long = {
        cell.source.splitlines()[0]: len(cell.source.splitlines())
        for cell in code_cells(notebook)
        if "parameters" not in cell.metadata.get("tags", []) and len(cell.source.splitlines()) > 14
    }
    assert not long


@every_lesson
def test_stored_outputs_are_there_and_whole(path):
    """What a reader on a page without a kernel sees is what the lesson gave when it was run."""
    notebook, _ = read(path)
    for cell in code_cells(notebook):
        tree = ast.parse(cell.source)
        last = tree.body[-1]
        prints = any(
            isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
            for node in ast.walk(tree)
        )
        shows = isinstance(last, ast.Expr) and not (
            isinstance(last.value, ast.Call) and ast.unparse(last.value.func) == "print"
        )
        kinds = [output.output_type for output in cell.outputs]
        # A panel shows itself, live and as it stands.
        live = [output for output in cell.outputs if STATE in output.get("data", {})]
        expected = ["display_data"] * 2 if live else ["execute_result"] * shows
        assert kinds == ["stream"] * prints + expected, cell.source
        assert all(output.get("name") != "stderr" for output in cell.outputs)
        if live:
            assert [output.data.keys() == {STATE} for output in cell.outputs] == [True, False]
            assert cell.outputs[-1].data["text/html"]
            assert cell.outputs[-1].data["text/plain"]


@every_lesson
def test_every_picture_has_words(path):
    notebook, _ = read(path)
    pages = [output.get("data", {}).get("text/html", "") for output in outputs(notebook)]
    tags = [tag for page in pages for tag in re.findall(r"<img\b[^>]*>", page)]
    for tag in tags:
        words = re.search(r'\balt="([^"]*)"', tag)
        assert words, tag[:200]
        assert len(words[1]) > 30
    markdown = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for text in markdown:
        assert "![](" not in text
        assert len(re.findall(r"<img\b", text)) == len(re.findall(r'\balt="[^"]+"', text))


def exercises_in(notebook):
    """Return the paper and the id of each exercise that a lesson sets, with its cell."""
    return [
        (cell, *map(ast.literal_eval, check.args[:2]))
        for cell, check in calls(notebook, "exercises.check")
    ]


@every_lesson
def test_exercises_are_set_as_they_should_be(path):
    notebook, _ = read(path)
    used = exercises_in(notebook)
    for cell, paper, exercise in used:
        assert exercises.load(paper, exercise)
        assert set(cell.metadata["tags"]) == {"exercise", "no-report"}
        assert re.match(r"\w+ = \.\.\.\n", cell.source)
    assert len(used) == len(code_cells(notebook, tag="exercise"))


def test_every_exercise_of_every_paper_is_set_once():
    used = [each[1:] for path in LESSONS for each in exercises_in(read(path)[0])]
    there = [
        (file.parent.name, exercise)
        for file in (paths.root() / "data").glob("*/exercises.toml")
        for exercise in tomllib.loads(file.read_text("utf-8"))
    ]
    assert sorted(used) == sorted(there)


@every_lesson
def test_no_solution_stands_beside_its_question(path):
    """The number of the exercise and the minutes that it takes aside."""
    notebook, _ = read(path)
    for cell, paper, exercise in exercises_in(notebook):
        task = exercises.load(paper, exercise)
        if task.answer.choice:
            continue
        right = exercises.work_out(paper, task.answer)
        question = notebook.cells[notebook.cells.index(cell) - 1].source
        question = re.sub(r"^\*\*\d+\.\*\*|\(\d+ minutes\)", "", question)
        numbers = re.findall(r"\d+(?:[.,]\d+)?", question + cell.source)
        assert not {f"{right:g}", f"{right:,.{task.decimals}f}"} & set(numbers)


@every_lesson
def test_published_numbers_that_a_lesson_names_exist(path):
    notebook, _ = read(path)
    for _, node in calls(notebook, "catalogue.number"):
        paper, number = map(ast.literal_eval, node.args)
        try:
            catalogue.number(paper, number)
        except DataError as error:
            pytest.fail(str(error))


# --- lesson 01, run ----------------------------------------------------------------------------


def run(path, target, **values):
    return papermill.execute_notebook(
        str(path), str(target), values, kernel_name="python3", progress_bar=False, cwd=path.parent
    )


def plain(notebook):
    """Return what each panel says without a picture, by its heading."""
    bundles = [output.get("data", {}) for output in outputs(notebook)]
    panels = [bundle for bundle in bundles if "tbn-panel" in bundle.get("text/html", "")]
    texts = [bundle["text/plain"] for bundle in panels]
    return dict(text.split(": ", 1) for text in texts)


FIRST = next(path for path in LESSONS if path.stem.startswith("01_"))


def test_lesson_01_with_other_settings(tmp_path):
    """The numbers by hand, from the letter's tables.

    The patients under thirty: 2, 3, 4 and 6, aged 16, 23, 29 and 22. All were transplanted, here
    two months after the response, so from the response nobody dies before the clock stops.
    """
    done = run(
        FIRST,
        tmp_path / "run.ipynb",
        venetoclax_days=14,
        venetoclax_mg=200,
        cycles=2,
        cyp3a_inhibitor="moderate",
        cohort="AGE < 30",
        origin="response",
        events="death or relapse",
        censor_at_transplant=True,
        cutoff_months=12,
        response_to_transplant_months=2.0,
    )
    panels = plain(done)
    # 50 mg on the first day, 100 on all others. The plan: 100, 200, then 400 mg.
    total, plan = 50 + 27 * 100, 300 + 54 * 400
    for part in (
        "100 mg a day (down from 200 mg beside a moderate CYP3A inhibitor)",
        "14 of every 28 days, 2 cycles",
        f"{total:,} mg in all",
        f"{total / plan:.0%}",
    ):
        assert part in panels["Change the dose"]
    for part in ("4 of 6 patients fit AGE < 30", f"Median age {(22 + 23) / 2:g}", "1 death;"):
        assert part in panels["Change the cohort"]
    for part in (
        "From the response to death from any cause or relapse",
        "no events among 4 patients",
        "median not reached",
        # From 15, 9, 8 and 5 months to 2.
        f"by {((15 - 2) + (5 - 2) + (9 - 2) + (8 - 2) - 13 - 3) / 2:.1f} months in the median",
    ):
        assert part in panels["Change the endpoint"]
    assert not [output for output in outputs(done) if output.output_type == "error"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"venetoclax_days": 28, "cycle_days": 21},
            "venetoclax_days with cycle_days: 28 days of venetoclax in a cycle of 21",
        ),
        ({"venetoclax_day": 7}, "venetoclax_day: no such parameter (did you mean venetoclax_days"),
    ],
)
def test_lesson_01_stops_at_a_bad_setting_with_one_line(tmp_path, values, told):
    with pytest.raises(PapermillExecutionError) as error:
        run(FIRST, tmp_path / "run.ipynb", **values)
    assert error.value.ename == "ParameterError"
    assert error.value.evalue.startswith(told)
    assert "\n" not in error.value.evalue
    stopped = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    ran = [cell for cell in code_cells(stopped) if cell.execution_count]
    assert "parameters.check" in ran[-1].source
    traceback = "\n".join(ran[-1].outputs[-1].traceback)
    assert traceback == f"ParameterError: {error.value.evalue}"


def test_the_letters_dates_are_dates():
    """The lesson passes them on as they are."""
    assert date.fromisoformat(catalogue.number("alal_nos", "txt_cutoff").value)


# --- lesson 06, run ----------------------------------------------------------------------------

SIXTH = next((path for path in LESSONS if path.stem.startswith("06_")), None)


def test_lesson_06_with_other_settings(tmp_path):
    """The numbers by hand, from the abstract's counts and the label."""
    done = run(
        SIXTH,
        tmp_path / "run.ipynb",
        partner="cytarabine",
        venetoclax_mg=600,
        venetoclax_ramp_days=4,
        cyp3a_inhibitor="strong",
        cohort="CRCFL == 'Y'",
        no_response="on day 1",
        remission="CR",
        cri_percent=100,
        factor_percent=0,
        factor_percent_other=50,
        factor_hazard_ratio=3.0,
    )
    panels = plain(done)
    for part in (
        "100 mg a day (down from 600 mg beside a strong CYP3A inhibitor)",
        f"{10 + 20 + 50 + 25 * 100:,} mg in all",
        f"{20 * 1.8:.0f} mg a day at 1.8 m², {10 * 20 * 1.8:.0f} mg in all",
    ):
        assert part in panels["Change the dose"]
    assert "31 patients of 70 fit" in panels["Change the cohort"]
    for part in (
        "31 patients of 70 fit",
        "dated back to day 1",
        "Median, HMA 0.0 months (pinned)",
        "100 % of the responders",
    ):
        assert part in panels["Change the endpoint"]
    for part in ("0 of 42", "14 of 28", f"multiply the hazard ratio by {1 / (1 + 2 * 0.5):.2f}"):
        assert part in panels["Assume a hidden factor"]
    assert not [output for output in outputs(done) if output.output_type == "error"]


# --- lesson 03, run ----------------------------------------------------------------------------

THIRD = next(path for path in LESSONS if path.stem.startswith("03_"))


def test_lesson_03_with_other_settings(tmp_path):
    """The numbers by hand, from the paper's tables and the label."""
    done = run(
        THIRD,
        tmp_path / "run.ipynb",
        body_surface_m2=2.0,
        venetoclax_days=7,
        cycles=2,
        cyp3a_inhibitor="posaconazole",
        cohort="STATUS == 'refractory'",
        response="CR",
        mrd="negative at a higher cut",
        interval="exact",
        ruled_out_percent=60,
    )
    panels = plain(done)
    total, label = 10 + 20 + 50 + 11 * 70, 300 + 54 * 400
    for part in (
        f"{total:,} mg in all",
        f"as the label has it: {total / label:.0%}",
        f"homoharringtonine 1 mg/m² for 7 days, 2.0 mg a day and {2 * 7 * 2:.1f} mg in all",
    ):
        assert part in panels["Change the dose"]
    assert "37 patients of 96 fit" in panels["Change the cohort"]
    # At most all 19 of the refractory who had CR.
    for part in ("in patients with STATUS == 'refractory'", "19 of 37 patients", "rate of 60 %"):
        assert part in panels["Change what counts as a response"]
    assert not [output for output in outputs(done) if output.output_type == "error"]


# --- lessons 04 and 05, run ---------------------------------------------------------------------

SURVIVAL = {path.stem[:2]: path for path in LESSONS if path.stem[:2] in ("04", "05")}


def test_lesson_04_with_other_settings(tmp_path):
    """The numbers by hand: those with FLT3 mutations, and of the others in Table 2 the failures."""
    done = run(
        SURVIVAL["04"],
        tmp_path / "run.ipynb",
        cohort="FLT3 == 'Y'",
        no_response="on day 1",
        landmark_months=4,
    )
    panels = plain(done)
    assert "19 patients of 96 fit FLT3 == 'Y'" in panels["Change the cohort"]
    year = catalogue.number("vah", "res_efs_12m_flt3").value
    for part in ("Of patients with FLT3", "dated back to day 1", f"at 12 months {year} % (pinned)"):
        assert part in panels["Change the endpoint"]
    assert not [output for output in outputs(done) if output.output_type == "error"]


def test_lesson_05_with_another_landmark(tmp_path):
    done = run(
        SURVIVAL["05"],
        tmp_path / "run.ipynb",
        cohort="CRCFL == 'Y'",
        landmark_months=4,
        transplant_delay_months=0.0,
    )
    (told,) = plain(done).values()
    # With no delay, whoever responded by month 4 and is to be transplanted has been.
    for part in ("CRCFL == 'Y'", "0 months after the response", "from month 4 on", "36 patients"):
        assert part in told
    assert not [output for output in outputs(done) if output.output_type == "error"]


# --- lesson 09, run ----------------------------------------------------------------------------

NINTH = next((path for path in LESSONS if path.stem.startswith("09_")), None)


def test_lesson_09_with_other_settings(tmp_path):
    """The numbers by hand, from the rules, the plan and the labels."""
    done = run(
        NINTH,
        tmp_path / "run.ipynb",
        age_limit=18,
        screened=100,
        reading="overall survival",
        beside="flow MRD negative at three months",
        patients=80,
        accrual_months=0,
        dropout_percent=0,
        transplant_percent=0,
        tki="imatinib",
        blinatumomab="residual disease",
        blinatumomab_cycles=2,
    )
    panels = plain(done)
    for part in (
        "Of 100 synthetic patients screened",
        "Age ≥ 18 years instead of ≥ 14 years (stricter)",
    ):
        assert part in panels["Change who may enter"]
    assert "5 of 22 patients, 22.7 %" in panels["Change the endpoint"]
    # All are followed for two years, and half of them die.
    for part in ("80 patients, 24 months", "If survival at 24 months is 50%", "40 deaths"):
        assert part in panels["Change the design"]
    for part in (
        f"{50 + 100 + 26 * 200:,} mg in all",
        "imatinib itself is a moderate CYP3A inhibitor",
        f"{2 * 28 * 28:,} µg in all",
    ):
        assert part in panels["Change the dose"]
    assert not [output for output in outputs(done) if output.output_type == "error"]
