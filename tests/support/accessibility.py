"""What axe finds wrong with the page as it is now."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

from browsing import Visit

SERIOUS = {"serious", "critical"}


def find_faults(visit: Visit) -> list[str]:
    """Run axe; gives what it finds serious, with the first elements concerned."""
    visit.page.wait_for_timeout(400)  # until what fades in has its colours
    # Where colours are forced, they are the system's, which axe takes for the page's own.
    is_forced = visit.page.evaluate("matchMedia('(forced-colors: active)').matches")
    rules = {"color-contrast": {"enabled": not is_forced}}
    options = {"rules": rules, "resultTypes": ["violations"]}  # what passes need not be told
    found = Axe().run(visit.page, options=options).response["violations"]
    return [
        f"{fault['id']}: {fault['help']} {[node['target'] for node in fault['nodes']][:3]}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]
