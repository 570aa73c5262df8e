"""The course's web site: its source folder, which Sphinx makes pages of (`make site`).

::

    lessons/, build/notebooks/ ──▶ lessons  ─┐
    glossaries of the lessons ───▶ glossary ─┼─▶ site_files: {path: content} ──▶ build/site/source ──▶ Sphinx
    docs/ ───────────────────────▶ documents ┘

What students must not see is not taken out of anything: only what is named here gets in. That is the lessons as they
are committed, the first words of each assignment, the documents, and of the lecturer's notes the timing.
"""

from coursekit.notebooks.site.files import SiteSettings, prepare_site, site_files
from coursekit.notebooks.site.lessons import LessonPage, read_lesson

__all__ = ["LessonPage", "SiteSettings", "prepare_site", "read_lesson", "site_files"]
