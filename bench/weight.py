"""Measure what the studio's first visit weighs, and when it shows: python bench/weight.py http://127.0.0.1:8000

The site runs already, with rate limits off. Chromium counts the bytes of all answers as they come over the wire,
headers included, without a cache; and the time to the largest contentful paint at 200 kB/s, a fourth of this CPU and
50 ms of latency. Fails if a page of 375 px weighs more than 180 kB on a screen with one pixel for each of the page's.
"""

import shutil
import sys

from playwright.sync_api import Browser, sync_playwright

SCREENS = ((375, 812, 1), (375, 812, 2), (375, 812, 3), (1440, 900, 1))  # px of the page, and pixels for each
LIMIT = 180_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SLOW = {"offline": False, "latency": 50, "downloadThroughput": 200_000, "uploadThroughput": 200_000}
PAINT = """new Promise((tell) => new PerformanceObserver((list) => tell(list.getEntries().at(-1).startTime))
    .observe({type: "largest-contentful-paint", buffered: true}))"""


def first_visit(browser: Browser, site: str, screen: tuple[int, int, int], *, slow: bool) -> tuple[int, int, float]:
    """Return bytes and number of the answers, and the milliseconds to the largest contentful paint."""
    width, height, pixels = screen
    with browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=pixels) as context:
        page = context.new_page()
        cdp = context.new_cdp_session(page)
        sizes: list[float] = []
        cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        cdp.send("Network.enable")
        if slow:
            cdp.send("Network.emulateNetworkConditions", SLOW)
            cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(site)
        page.wait_for_load_state("networkidle")
        return round(sum(sizes)), len(sizes), page.evaluate(PAINT)


def main(site: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        weights = {}
        for screen in SCREENS:
            weights[screen], answers, _paint = first_visit(browser, site, screen, slow=False)
            paint = first_visit(browser, site, screen, slow=True)[2]
            width, height, pixels = screen
            weight = f"{weights[screen]:>7,} bytes, {answers} answers"
            print(f"{width} x {height} px, x{pixels}: {weight}, {paint:,.0f} ms to its picture")
        browser.close()
    if weights[SCREENS[0]] > LIMIT:
        sys.exit(f"The studio weighs more than {LIMIT:,} bytes.")


if __name__ == "__main__":
    main(sys.argv[1])
