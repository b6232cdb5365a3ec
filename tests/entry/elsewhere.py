"""Addresses of other sites, and addresses that a browser may read as such. Nobody must be redirected to
one.
"""

ELSEWHERE = [
    "https://evil.example/",
    "http://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "\t//evil.example/",
    "/\n/evil.example/",
    "http:evil.example",
    "board/",
    "evil.example",
    "?next=/",
    "http:/board/",
    "https:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://testserver:80@evil.example/",
    "//testserver\\@evil.example/",
    "ftp://testserver/",
    " https://evil.example/",
    "/board/\r\nSet-Cookie: a=b",
]
