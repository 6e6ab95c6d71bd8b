"""The pages for people, under /ui: what they see is Chinese."""
