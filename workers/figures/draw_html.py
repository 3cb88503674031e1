"""The figures of a sweep as one HTML page: interactive, and whole without any network.

MLflow shows an HTML artifact from a `blob:` address in a sandbox that has scripts and nothing else,
so a page can load no file that lies beside it: plotly.js has to be in the page. It is put there
once for all figures and compressed, which makes it 1.9 MB instead of 4.8 MB.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Sequence
from functools import cache

from plotly.offline import get_plotlyjs

from workers.figures.looks import INK, PAPER
from workers.figures.plotly_sheet import FONT, plain
from workers.figures.shapes import Figure

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>
body {{ font: 14px/1.45 {font}; color: {ink}; background: {paper} }}
body {{ margin: 16px; max-width: 1100px }}
h1 {{ font-size: 20px; margin: 0 0 12px }}
h2 {{ font-size: 16px; margin: 28px 0 4px }}
p {{ margin: 2px 0; color: #555; font-size: 13px }}
</style></head><body>
<h1>{name}</h1>
<p id="state">Reading …</p>
{places}
<script type="application/json" id="figures">{figures}</script>
<script type="application/octet-stream" id="plotly">{plotly}</script>
<script>
(async () => {{
  const state = document.getElementById("state");
  try {{
    const packed = Uint8Array.from(
      atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.appendChild(script);
    const figures = JSON.parse(document.getElementById("figures").textContent);
    for (const [name, figure] of Object.entries(figures)) {{
      await Plotly.newPlot("figure-" + name, figure.data, figure.layout,
        {{responsive: true, displaylogo: false,
          displayModeBar: !figure.data.some((trace) => trace.type === "heatmap")}});
    }}
    state.remove();
  }} catch (error) {{
    state.textContent = "This browser cannot draw the figures (" + error +
      "); the PNG files beside this page show the same.";
  }}
}})();
</script></body></html>
"""


def draw_html(name: str, figures: Sequence[Figure]) -> str:
    """One page of all figures; `name` is its heading."""
    drawn = {figure.name: plain(figure) for figure in figures if figure.panels}
    # In a script element only `<` can end the element or open a comment.
    data = json.dumps(drawn, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return _PAGE.format(
        name=html.escape(name),
        font=FONT,
        ink=INK,
        paper=PAPER,
        places="\n".join(_place(figure) for figure in figures),
        figures=data,
        plotly=_plotly_js(),
    )


def _place(figure: Figure) -> str:
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in figure.notes)
    here = f'<div id="figure-{figure.name}"></div>' if figure.panels else ""
    return f"<h2>{html.escape(figure.title)}</h2>{here}{notes}"


@cache
def _plotly_js() -> str:
    packed = gzip.compress(get_plotlyjs().encode(), 9, mtime=0)
    return base64.b64encode(packed).decode()
