"""Widgets of the Train screen: each draws one training snapshot."""
