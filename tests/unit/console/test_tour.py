"""The page of what to try leads to pages there are, and somebody can begin every journey."""

from tarim.console.site import PAGES
from tarim.console.tour import JOURNEYS
from tarim.identity import ROLES, Role, Scope

_BY_NAME = {page.name: page for page in PAGES}


def test_every_journey_begins_on_a_page_that_opens_for_who_goes_on_it() -> None:
    for journey in JOURNEYS:
        page = _BY_NAME[journey.page]
        first = ROLES[journey.roles[0]].scopes | {Scope.SELF}
        assert journey.opens & first, f"{journey.title}: its first role cannot begin"
        assert page.scopes & first, f"{journey.title}: the page is closed to its first role"
        assert "{" not in page.path or journey.names, journey.title


def test_every_role_that_works_in_the_console_has_a_journey() -> None:
    named = {role for journey in JOURNEYS for role in journey.roles}
    without_pages_of_their_own = {Role.MARKETING_MANAGER, Role.DATA_OFFICER}
    assert named | without_pages_of_their_own == set(Role)
