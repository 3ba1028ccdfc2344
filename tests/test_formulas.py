"""Formulas in TeX, in the Markdown of a report."""

import base64
import re

import pytest

from helpers.errors import LessonError
from helpers.report import formulas
from helpers.report.pages import exporter

PRODUCT = r"\hat S(t) = \prod_{t_i \leq t} \left(1 - \frac{d_i}{n_i}\right)"


def laid_out(markdown):
    """Return what a cell of Markdown becomes in a report."""
    return (
        exporter().environment.from_string("{{ source | markdown2html }}").render(source=markdown)
    )


def test_a_formula_is_a_picture_on_its_line_and_its_tex_is_the_words():
    html = laid_out(f"Kaplan and Meier: ${PRODUCT}$ for *all* $t$.")
    assert html.count("<img") == 2
    assert f'alt="{PRODUCT}"' in html
    assert "$" not in html
    assert "<em>all</em>" in html
    heights = [float(height) for height in re.findall(r"height: ([\d.]+)em", html)]
    assert heights[0] > 1.5 > 1 > heights[1]
    (svg, _) = re.findall(r"svg\+xml;base64,([^\"]+)", html)
    assert base64.b64decode(svg).decode().count("<use") > 10, "glyphs are missing"


def test_a_formula_of_its_own_stands_apart():
    html = laid_out(f"$$\n{PRODUCT}\n$$")
    assert f'<span style="display: block; overflow-x: auto"><img alt="{PRODUCT}"' in html


def test_money_is_no_formula():
    assert laid_out("It costs 5 $.") == "<p>It costs 5 $.</p>\n"


def test_the_same_formula_is_the_same_picture():
    assert formulas.typeset(PRODUCT) == formulas.typeset(PRODUCT)


@pytest.mark.parametrize("tex", [r"\nonsense{x}", r"\begin{align} x \end{align}"])
def test_what_cannot_be_drawn_is_named(tex):
    with pytest.raises(LessonError, match=r"cannot be drawn.*mathtext") as caught:
        laid_out(f"${tex}$")
    assert tex in str(caught.value)
