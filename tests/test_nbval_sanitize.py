"""Each rule of nbval_sanitize.cfg hides what its name says, and hides no number beside it."""

import base64
import contextlib
import io
import itertools
import json
import re
import time
from pathlib import Path

import ipywidgets
import lifelines
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from great_tables import GT
from nbval.plugin import get_sanitize_patterns
from tqdm import tqdm

TEXT = Path(__file__).with_name("nbval_sanitize.cfg").read_text(encoding="utf-8")
# A section: its name, a comment that gives the reason, and one rule.
SECTIONS = re.findall(r"^\[(.+)\]\n(?:# .+\n)+regex: .+\nreplace: .+\n", TEXT, flags=re.MULTILINE)

alive = []  # so that no two objects share an address
heights = itertools.count()


def address(patients):
    alive.append(object())
    return f"{patients} {alive[-1]!r}"


def styler(patients):
    return pd.DataFrame({"patients": [patients]}).style.map(lambda _: "color: red").to_html()


def great_table(patients):
    table = pd.DataFrame({"patients": [patients], "drug": ["venetoclax"]})
    return GT(table).tab_header("Doses").tab_source_note("mg per day")._repr_html_()


def picture(form):
    figure, axes = plt.subplots()
    axes.plot([0, 1], [next(heights), 1])
    file = io.BytesIO()
    figure.savefig(file, format=form)
    plt.close(figure)
    return file.getvalue()


def embedded_picture(patients):
    data = base64.encodebytes(picture("png")).decode()
    return f'<p>{patients}</p><img src="data:image/png;base64,{data}" alt="curve"><p>{patients}</p>'


def inline_svg(patients):
    return f"<p>{patients}</p>{picture('svg').decode()}<p>{patients}</p>"


def cox(patients):
    time.sleep(1)  # lifelines tells the second
    table = pd.DataFrame({"months": range(1, patients + 1), "age": [30, 41, 40] * (patients // 3)})
    fitter = lifelines.CoxPHFitter().fit(table, "months", formula="age")
    text, page = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(text):
        fitter.print_summary(style="ascii")
    with contextlib.redirect_stdout(page):
        fitter.print_summary(style="html")
    return text.getvalue() + page.getvalue()


def progress(patients):
    bar = io.StringIO()
    for _ in tqdm(range(2), file=bar, mininterval=0, bar_format="{l_bar}{bar}| {elapsed_s:.9f}"):
        pass
    return f"{bar.getvalue()}\n{patients} patients"


def widget_parts(patients):
    slider = ipywidgets.IntSlider(value=patients)
    view = slider._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    box = ipywidgets.VBox([slider])
    return f"{patients} {json.dumps(view)} {box.get_state('children')}"


OUTPUTS = {
    "memory-address": address,
    "pandas-styler-id": styler,
    "great-tables-id": great_table,
    "embedded-picture": embedded_picture,
    "inline-svg": inline_svg,
    "lifelines-run-time": cox,
    "progress-bar": progress,
    "widget-model-id": widget_parts,
}


def sanitise(output):
    for regex, replacement in get_sanitize_patterns(TEXT):
        output = re.sub(regex, replacement, output)
    return output


def test_every_rule_has_a_name_a_reason_and_a_proof():
    assert set(SECTIONS) == set(OUTPUTS)
    assert len(get_sanitize_patterns(TEXT)) == len(SECTIONS)
    assert len(re.findall("^regex:", TEXT, flags=re.MULTILINE)) == len(SECTIONS)


@pytest.mark.parametrize("rule", OUTPUTS)
def test_a_rule_hides_what_its_name_says_and_no_number(rule):
    first, second, other = OUTPUTS[rule](6), OUTPUTS[rule](6), OUTPUTS[rule](3)
    assert first != second
    assert sanitise(first) == sanitise(second)
    assert sanitise(first) != sanitise(other)
