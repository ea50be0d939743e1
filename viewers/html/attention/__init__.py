"""What the attention page is made of: its markup, its style and its scripts, put into one file by `attention_page`."""
