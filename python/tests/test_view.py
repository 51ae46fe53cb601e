"""Pages: in a notebook's frame, and as a file."""

import html
import re

import pytest

import poselift


def test_a_notebook_gets_the_whole_page_in_a_frame(poses, clip, tmp_path):
    page = poselift.view(poses, keypoints=clip, title="<walk>")
    frame = page._repr_html_()
    source = re.fullmatch(r'<iframe srcdoc="([^"]*)" style="[^"]*height: 640px[^"]*" sandbox="allow-scripts"></iframe>', frame)
    assert source and html.unescape(source[1]) == page.html
    assert "<title>&lt;walk&gt; – poselift</title>" in page.html
    rows = page.html[page.html.index('id="clip"') :].strip().splitlines()
    assert len(rows) >= len(poses)
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page.html


def test_clips_are_compared(poses):
    page = poselift.view(poses, poses.smooth(), names=["raw", "smooth"])
    assert '"name":"raw"' in page.html and '"name":"smooth"' in page.html
    with pytest.raises(poselift.UsageError, match="1 names for 2 clips"):
        poselift.view(poses, poses, names=["one"])
    with pytest.raises(poselift.UsageError, match="no poses, expected one clip"):
        poselift.view()


def test_a_single_pose_is_shown(lifter, coco):
    assert len(poselift.view(lifter.lift(coco[0], size=(1768, 994))).html) > 10_000
