# Prints what Python makes of the names on standard input: group names, and the characters of unicode slugs.

import json
import re
import sys
import unicodedata

from group_name import group_name

assigned = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
print(
    json.dumps(
        {
            "groups": [group_name(*parts) for parts in json.load(sys.stdin)],
            "assigned": assigned,
            # The pattern of validate_unicode_slug of Django.
            "slug": [code for code in assigned if re.fullmatch(r"[-\w]+", chr(code))],
        }
    )
)
