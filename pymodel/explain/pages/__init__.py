"""What is explained, as pages of HTML: one file each, which the editor shows and a browser opens alike.

A page fetches nothing. Its style and its script are allowed by their hashes; every text in it is escaped.
"""
