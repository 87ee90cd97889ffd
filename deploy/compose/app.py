"""The example's application: it calls localhost, knows no credential, and says what came back."""

import http.client
import json
import os
import sys
import time

ADDRESS = os.environ.get("API_ADDRESS", "localhost:8080")
CALLS = int(os.environ.get("CALLS", "0"))
"""How many calls to make; 0 for no end."""

made = 0
while not CALLS or made < CALLS:
    connection = http.client.HTTPConnection(ADDRESS, timeout=10)
    try:
        connection.request("GET", "/hello")
        answer = connection.getresponse()
        line = f"{answer.status} {json.load(answer)['message']}"
        made += 1
    except ConnectionRefusedError:
        # Where a compose implementation does not wait for health, the first calls come too early.
        line = "not up yet"
    finally:
        connection.close()
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if not CALLS or line == "not up yet":
        time.sleep(2)
