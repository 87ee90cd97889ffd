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
    made += 1
    connection = http.client.HTTPConnection(ADDRESS, timeout=10)
    connection.request("GET", "/hello")
    answer = connection.getresponse()
    sys.stdout.write(f"{answer.status} {json.load(answer)['message']}\n")
    sys.stdout.flush()
    connection.close()
    if not CALLS:
        time.sleep(2)
