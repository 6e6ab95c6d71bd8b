from tests.e2e.browsing import assert_accessible, screenshot
from tests.e2e.browsing import Visitor

def test_shots(browser_page: Visitor):
    page = browser_page()
    page.goto("/ui/signin"); assert_accessible(page); screenshot(page,"signin")
    page = browser_page("admin")
    for path,name in (("/ui/_styles","styles"),("/ui/admin/users","users"),("/ui/account","account"),("/ui/nope","error")):
        page.goto(path)
        screenshot(page,name,full=name=="styles")
        assert_accessible(page)
