"""Formulas in TeX, drawn into a page: a browser would need a script from elsewhere for them."""

from __future__ import annotations

import base64
import html
import io

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from helpers.errors import LessonError

_POINTS = 10


def typeset(tex: str) -> str:
    r"""Draw a formula.

    Parameters
    ----------
    tex : str
        What stands between the dollar signs.

    Returns
    -------
    str
        A picture as HTML, as large as the letters around it and on their line. Its text
        alternative is the TeX.

    Raises
    ------
    LessonError
        If matplotlib's mathtext, which draws it, doesn't know what is in it.

    Examples
    --------
    >>> typeset(r"S(t)")[:20]
    '<img alt="S(t)" styl'
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    source = f"${' '.join(tex.split())}$"
    font = FontProperties(size=_POINTS, math_fontfamily="stix")
    drawn = io.BytesIO()
    # The same formula twice gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "formula", "svg.fonttype": "path"}):
        try:
            width, height, depth, *_ = MathTextParser("path").parse(source, dpi=72, prop=font)
        except ValueError:
            raise LessonError(
                "a formula that cannot be drawn",
                where=source,
                right="TeX that matplotlib's mathtext knows",
            ) from None
        figure = Figure(figsize=(width / 72, height / 72))
        figure.text(0, depth / height, source, fontproperties=font)
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    code = base64.b64encode(drawn.getvalue()).decode("ascii")
    tall, below = (f"{points / _POINTS:.3f}em" for points in (height, depth))
    style = f"height: {tall}; vertical-align: -{below}; max-width: none"
    return (
        f'<img alt="{html.escape(source.strip("$"))}" style="{style}" '
        f'src="data:image/svg+xml;base64,{code}">'
    )


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Turn Markdown into HTML as nbconvert does, with its formulas drawn.

    Parameters
    ----------
    context : jinja2.runtime.Context
        Of the template: the cell with its attachments, and the folder of the lesson.
    source : str
        Markdown.

    Returns
    -------
    str
        HTML.
    """
    renderer = _Renderer(
        escape=False,
        embed_images=True,
        anchor_link_text="",
        attachments=context.get("cell", {}).get("attachments", {}),
        path=context.get("resources", {}).get("metadata", {}).get("path", ""),
    )
    return str(MarkdownWithMath(renderer=renderer).render(source))


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return typeset(body)

    def block_math(self, body: str) -> str:
        return f'<span style="display: block; overflow-x: auto">{typeset(body)}</span>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")
