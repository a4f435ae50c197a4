"""The page while its server is gone, and when it is back."""

from __future__ import annotations

from playwright.sync_api import expect

from browsing import Visit


def test_a_server_that_is_gone_is_told_once_and_the_page_goes_on_by_itself(visit: Visit) -> None:
    hits = visit.search("loop_amen")
    visit.page.context.set_offline(True)
    visit.page.locator(".card").nth(1).get_by_role("button", name="From here").click()
    told = visit.page.locator(".message")
    expect(told).to_contain_text("The server does not answer")
    visit.page.get_by_label("Views").get_by_role("link", name="Map").click()
    visit.page.wait_for_timeout(500)
    expect(told).to_have_count(1)
    assert "dynamically" not in (told.text_content() or "")
    visit.page.go_back()
    expect(visit.page.locator(".card").first).to_be_visible()
    visit.page.context.set_offline(False)
    expect(visit.page.locator(".message.trouble")).to_have_count(0)
    expect(visit.page.locator(".query .name")).to_have_text(hits[1])
    visit.wait_for_change(hits)
    visit.complaints.clear()  # Chromium logs what it could not fetch
