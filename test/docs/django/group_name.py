import re
from base64 import urlsafe_b64encode
from hashlib import sha256


def group_name(*parts):
    escape = lambda text: "".join(f"_{byte:02x}" for byte in text[0].encode())
    name = ".".join(re.sub("[^a-zA-Z0-9-]", escape, str(part)) or "_-" for part in parts)
    if len(name) < 100:
        return name
    return name[:54].rstrip(".") + ".." + urlsafe_b64encode(sha256(name.encode()).digest()).decode().rstrip("=")
