"""Takes a picture of every page, light and dark, wide and as on a phone, beside a run that goes on.

`make screenshots` starts the run and calls it; PORT and VAR_DIR say where. Exit code 1 when a page
does not answer as it should, loads anything from elsewhere, or complains in the browser's console.
"""

import os
import shutil
import sys
from pathlib import Path

import console_pictures
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sample_invites import make_invites

PAGES = {
    "legal": ("/legal", 200),
    "terms": ("/legal/terms", 200),
    "privacy": ("/legal/privacy", 200),
    "not-found": ("/no-such-page", 404),
    "api": ("/docs", 200),
}
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "phone-dark": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FLAGS += ["--disable-sync", "--disable-component-update", "--no-first-run"]


# Of the console, for the README: the first screen in a palette of its own, which is small.
FOR_READERS = ("today", "live", "order")


def main() -> int:
    """Take all pictures; return the exit code."""
    base = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    folder = Path(os.environ.get("VAR_DIR", "var")) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    troubles: list[str] = []
    inside = console_pictures.paths(base)
    pages = PAGES | {name: (path, 200) for name, path in make_invites(base).items()}
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for look in LOOKS:
            troubles += _take_all(browser, base, folder, look, pages)
            troubles += _take_console(browser, base, folder, look, inside)
        browser.close()
    for trouble in troubles:
        sys.stderr.write(trouble + "\n")
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")
    return 1 if troubles else 0


def _take_all(
    browser: Browser, base: str, folder: Path, look: str, pages: dict[str, tuple[str, int]]
) -> list[str]:
    context = browser.new_context(**LOOKS[look], extra_http_headers={"Accept": "text/html"})
    troubles = [
        trouble
        for name, (path, status) in pages.items()
        for trouble in _take(context, base, folder / f"{name}-{look}.png", path, status)
    ]
    context.close()
    return troubles


def _take_console(
    browser: Browser, base: str, folder: Path, look: str, inside: dict[str, str]
) -> list[str]:
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    console_pictures.sign_in(page, base, console_pictures.credentials())
    inside = console_pictures.menu(page) | inside
    troubles = [
        trouble
        for name, path in inside.items()
        for trouble in _take(
            context, base, folder / f"console-{name.replace('/', '-')}-{look}.png", path, 200
        )
    ]
    if look == "light":
        _take_for_readers(page, base, folder / "readme", inside)
    context.close()
    return troubles


def _take_for_readers(page: Page, base: str, folder: Path, inside: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name in FOR_READERS:
        page.goto(base + inside[name], wait_until="load")
        file = folder / f"console-{name}.png"
        page.screenshot(path=str(file))
        Image.open(file).convert("RGB").quantize(128).save(file, optimize=True)


def _take(context: BrowserContext, base: str, file: Path, path: str, status: int) -> list[str]:
    troubles: list[str] = []
    page = context.new_page()
    _watch(page, base, f"{file.stem} {path}", status, troubles)
    answer = page.goto(base + path, wait_until="load")
    if answer is None or answer.status != status:
        troubles.append(f"{file.stem} {path}: not answered with {status}")
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if width > 0 and file.stem.endswith("-phone") and path != "/docs":
        troubles.append(f"{file.stem} {path}: {width} px wider than the screen")
    page.screenshot(path=str(file), full_page=True)
    page.close()
    return troubles


def _watch(page: Page, base: str, where: str, status: int, troubles: list[str]) -> None:
    def on_request(url: str) -> None:
        if not url.startswith(base + "/"):
            troubles.append(f"{where}: loads {url}")

    def on_console(kind: str, text: str) -> None:
        # The browser itself notes a page that is meant to be a 404.
        if kind == "error" and not (status == 404 and "404" in text):
            troubles.append(f"{where}: {text}")

    page.on("request", lambda request: on_request(request.url))
    page.on("console", lambda message: on_console(message.type, message.text))
    page.on("pageerror", lambda error: troubles.append(f"{where}: {error}"))


if __name__ == "__main__":
    sys.exit(main())
