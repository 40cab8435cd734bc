"""Take pictures of every page, at the widths of a phone, a tablet and a desk: they become docs/screenshots/*.webp.

    python bench/screenshots.py http://127.0.0.1:8000 EMAIL PASSWORD

The site runs already, with rate limits off, and the account is a superuser's of a new database: galaxies, a collection
and votes are made through the site's own forms, with the same seeds each time.
"""

import argparse
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {375: 812, 768: 1024, 1440: 900}
TALLEST = 1700  # px of a page that are kept: the README shows pictures, not scrolls
QUALITY = 55
FOLDER = Path(__file__).parent.parent / "docs/screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SEEDS = [(2, 2), (4, 53), (1, 11), (5, 30), (0, 14), (1, 30), (2, 35), (4, 51), (3, 46), (5, 7), (0, 52), (2, 21)]


def log_in(page: Page, site: str, email: str, password: str) -> None:
    """Log in as whoever runs this."""
    page.goto(f"{site}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def fill(page: Page, site: str) -> dict[str, str]:
    """Make galaxies, like and publish them, collect some. Returns: addresses of what was made, by name."""
    made = []
    for cluster, seed in SEEDS:
        answer = posted(page, site, "/generate", {"cluster": str(cluster), "seed": str(seed), "psi": "0.8"})
        found = re.search(r"/g/(\w{11})/", answer)
        if not found:
            raise SystemExit(f"{site} did not generate a galaxy but went to {answer}.")
        made.append(found[1])
        posted(page, site, f"/g/{made[-1]}/publish", {"published": "1"})
    for public_id in made[:5]:
        posted(page, site, f"/g/{public_id}/vote", {"value": "like", "shown": ""})
    collection = posted(page, site, "/me/collections/", {"name": "Spirals and needles", "is_public": "on"})
    for public_id in made[:6]:
        posted(page, site, "/me/collections/add", {"id": public_id, "collection": collection.split("/")[-2]})
    picture = page.request.get(f"{site}/g/{made[1]}.webp").body()
    page.goto(f"{site}/upload/")
    page.locator("#picture").set_input_files({"name": "mine.webp", "mimeType": "image/webp", "buffer": picture})
    page.wait_for_url("**/upload/*/")
    return {
        "galaxy": f"/g/{made[0]}/",
        "collection": collection.removeprefix(site),
        "uploaded": page.url.removeprefix(site),
    }


def posted(page: Page, site: str, path: str, values: dict[str, str]) -> str:
    """Send a form as the site's own pages do. Returns: the address that it leads to."""
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    answer = page.request.post(f"{site}{path}", form=values, headers={"X-CSRFToken": token, "Referer": site})
    if not answer.ok:
        raise SystemExit(f"{path} answered {answer.status}; is the site new, and are its rate limits off?")
    return answer.url


def pages(made: dict[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Yield name, path and whether somebody is logged in, of every picture."""
    yield "start", "/", False
    yield from ((name, path, name == "collection") for name, path in made.items())
    for name in ("galaxies", "model", "about", "upload", "quiz", "accounts/login", "accounts/signup", "nowhere"):
        yield name.rsplit("/", 1)[-1].replace("galaxies", "gallery"), f"/{name}/", False
    yield "me", "/me/", True
    yield "collections", "/me/collections/", True
    yield "account", "/accounts/email/", True
    yield "dashboard", "/dashboard/", True
    for name in ("history", "models", "preferences", "training"):
        yield f"dashboard-{name}", f"/dashboard/{name}/", True


def studio(page: Page, site: str) -> None:
    """Make a galaxy as a visitor does."""
    page.goto(f"{site}/?cluster=2&seed=2&psi=0.8")
    page.locator("#generate").click()
    page.locator("[data-galaxy-id]").first.wait_for()
    page.locator("section.compare").wait_for(timeout=60_000)


def keep(page: Page, name: str, width: int) -> None:
    """Store what the page shows as a small WebP."""
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((each) => (each.loading = 'eager'))")
    page.evaluate("Promise.all([...document.images].map((each) => each.decode().catch(() => {})))")
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    if name != "studio":  # which the README shows as a window does
        page.set_viewport_size({"width": width, "height": height})
    page.evaluate("scrollTo(0, 0)")
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(FOLDER / f"{name}-{width}.webp", quality=QUALITY, method=6)


def take(browser: Browser, site: str, email: str, password: str) -> None:
    """Take every picture."""
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, site, email, password)
        made = fill(page, site)
        cookies = context.cookies()
    for width, height in WIDTHS.items():
        steps: list[tuple[str, bool, Callable[[Page], object]]] = [("studio", False, lambda page: studio(page, site))]
        for name, path, is_in in pages(made):
            steps.append((name, is_in, lambda page, path=path: page.goto(site + path)))  # type: ignore[misc]
        for name, is_in, go in steps:
            with browser.new_context(viewport={"width": width, "height": height}) as context:
                if is_in:
                    context.add_cookies([cookie for cookie in cookies if cookie["name"] != "messages"])  # type: ignore[misc]
                page = context.new_page()
                go(page)
                keep(page, name, width)


def main() -> None:
    """Take pictures of the site that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("site", "email", "password"):
        parser.add_argument(name)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take(browser, options.site.rstrip("/"), options.email, options.password)
        browser.close()
    files = sorted(FOLDER.glob("*.webp"))
    print(f"{len(files)} pictures, {sum(file.stat().st_size for file in files) / 2**20:.1f} MB in {FOLDER}")


if __name__ == "__main__":
    main()
