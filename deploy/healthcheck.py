"""Ask the site in this container whether it is ready, as a proxy would: status 1 if it is not."""

import os
import sys
from http.client import HTTPConnection

host = os.environ.get("NEBULAI_ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".*") or "localhost"
try:
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=8)
    connection.request("GET", "/readyz", headers={"Host": host})
    response = connection.getresponse()
except OSError as error:
    sys.exit(f"The site does not answer: {error}")
sys.exit(0 if response.status == 200 else f"{response.status} {response.read(100).decode(errors='replace').strip()}")
