"""Prints how many symbols the package exports and how completely they are typed, and holds the floors. Run outside of the checkout."""

from __future__ import annotations

import json
import subprocess
import sys

LEAST_TYPED = 0.99
MOST_AT_THE_TOP = 300
OPEN_TO_USERS = ("api", "push", "testing")

command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--ignoreexternal", "--outputjson"]
done = subprocess.run([*command, "--verifytypes", "pandapon_async"], capture_output=True, text=True)
found = json.loads(done.stdout)["typeCompleteness"]
exported = [symbol["name"].split(".") for symbol in found["symbols"] if symbol["isExported"]]
at_the_top = sum(name[1:2] != [] and name[1] not in OPEN_TO_USERS for name in exported)
unknown = found["exportedSymbolCounts"]["withUnknownType"]
print(f"{len(exported)} exported symbols, {at_the_top} outside {', '.join(OPEN_TO_USERS)}")
print(f"{found['completenessScore']:.2%} completely typed, {unknown} of unknown type")
if found["completenessScore"] < LEAST_TYPED or unknown or not 0 < at_the_top < MOST_AT_THE_TOP:
    sys.exit("below the floor")
