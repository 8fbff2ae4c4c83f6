# SPDX-License-Identifier: MIT
"""Puts the page together from its parts and writes it, compressed, as C source.

Usage: embed.py OUTPUT DYGRAPHS PAGE.html PAGE.css LICENCE SCRIPT.js...

OUTPUT has the arrays that server/page.h declares. DYGRAPHS is the folder with dygraph.min.js and
dygraph.min.css. Our scripts become one, in the order given, inside a function.
"""

import base64
import gzip
import hashlib
import re
import sys


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def source_of(digest):
    """Returns a digest as Content-Security-Policy writes it."""
    return "'sha256-" + base64.b64encode(digest).decode() + "'"


def digest_of(text):
    return hashlib.sha256(text.encode()).digest()


def without_licence_line(text):
    return re.sub(r"\A(//|/\*|<!--) SPDX-License-Identifier: MIT( \*/| -->)?\n", "", text)


def assemble(dygraphs, html, css, licence, scripts):
    """Returns the page and its policy."""
    library = re.sub(r"\n?//# sourceMappingURL=\S*\s*", "", read(dygraphs + "/dygraph.min.js"))
    library_css = re.sub(r"\n?/\*# sourceMappingURL=\S* \*/\s*", "", read(dygraphs + "/dygraph.min.css"))
    notice = "/*\n" + read(licence).strip() + "\n*/\n"
    library = notice + library
    styles = library_css + "\n" + without_licence_line(read(css))
    own = "(function () {\n'use strict';\n" + "".join(without_licence_line(read(s)) for s in scripts) + "})();\n"
    for text in (library, own):
        if re.search(r"</script|<!--", text, re.I):
            sys.exit("embed.py: a script holds what would end it in HTML")
    page = without_licence_line(read(html))
    for mark, text in (
        ("<!-- styles -->", f"<style>{styles}</style>"),
        ("<!-- scripts -->", f"<script>{library}</script>\n<script>{own}</script>"),
    ):
        if page.count(mark) != 1:
            sys.exit(f"embed.py: expected {mark} once in {html}")
        page = page.replace(mark, text)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {source_of(digest_of(library))} {source_of(digest_of(own))}",
            f"style-src {source_of(digest_of(styles))}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return page, policy


def main():
    output, dygraphs, html, css, licence, *scripts = sys.argv[1:]
    page, policy = assemble(dygraphs, html, css, licence, scripts)
    plain = page.encode()
    packed = gzip.compress(plain, 9, mtime=0)
    rows = [", ".join(map(str, packed[i : i + 24])) for i in range(0, len(packed), 24)]
    text = (
        "/* Made by page/embed.py; not to be edited. */\n"
        '#include "server/page.h"\n\n'
        "const unsigned char weir_server_page_gzip[] = {\n" + ",\n".join(rows) + "};\n"
        f"const size_t weir_server_page_gzip_bytes = {len(packed)};\n"
        f"const size_t weir_server_page_bytes = {len(plain)};\n"
        f'const char weir_server_page_digest[] = "{digest_of(page).hex()[:32]}";\n'
        f'const char weir_server_page_policy[] = "{policy}";\n'
    )
    with open(output, "w", encoding="utf-8") as f:
        f.write(text)


main()
