"""The example's application: it calls localhost, knows no credential, and says what came back."""

import http.client
import json
import os
import signal
import sys
import time

ADDRESS = os.environ.get("API_ADDRESS", "localhost:8080")
CALLS = int(os.environ.get("CALLS", "0"))
"""How many calls to make; 0 for no end."""

# The first process of a container heeds no TERM of itself, and would be killed ten seconds later.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())

made = 0
while not CALLS or made < CALLS:
    connection = http.client.HTTPConnection(ADDRESS, timeout=10)
    try:
        connection.request("GET", "/hello")
        answer = connection.getresponse()
        document = json.load(answer)
        # What Outrider answers itself, such as while there is no token yet, says why in `detail`.
        line = f"{answer.status} {document.get('message') or document.get('detail')}"
        well = answer.status == 200
    except OSError as error:
        # Where a compose implementation does not wait for health, the first calls come too early.
        line, well = f"not up yet: {error.strerror}", False
    finally:
        connection.close()
    made += well
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if not CALLS or not well:
        time.sleep(2)
