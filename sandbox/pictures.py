"""Pictures of codes: a QR code stands for each platform's own kind, which no library draws."""

import io

import segno


def code_picture(content: str, *, width: int) -> bytes:
    """A PNG about `width` pixels wide that says `content` to whoever scans it."""
    code = segno.make(content, error="m", micro=False)
    scale = max(1, width // int(code.symbol_size(border=4)[0]))
    kept = io.BytesIO()
    code.save(kept, kind="png", scale=scale, border=4)
    return kept.getvalue()
