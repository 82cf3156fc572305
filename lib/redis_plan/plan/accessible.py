"""Accessible pages: what a keyboard or a screen reader needs, put into rendered HTML where its makers leave it out."""

from __future__ import annotations

import re

#: No script, no request: what a page shows lies inside it. Styles stand inline, column alignment among them.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

#: A header cell without text (the corner above row names) is no header.
_EMPTY_HEADER = re.compile(r"<th\b([^>]*)>\s*</th>")
#: What may be wider than the window and then scrolls: the keyboard must reach it.
_SCROLLS = re.compile(r'<(pre|div class="tablewrap"|div class="output_html[^"]*")(?=[ >])(?![^>]*tabindex)')


def accessible(body: str) -> str:
    """Return the HTML with corner cells as plain cells and every region that may scroll within the keyboard's reach.

    >>> accessible("<th></th><pre>x</pre>")
    '<td></td><pre tabindex="0">x</pre>'
    """
    return _SCROLLS.sub(r'<\1 tabindex="0"', _EMPTY_HEADER.sub(r"<td\1></td>", body))
