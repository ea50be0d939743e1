"""What the page of a stepped pass is made of: its markup, its style and its script, put together by `pass_page`."""
