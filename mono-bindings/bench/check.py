import datetime
import json
import os
import time
import uuid

from mono_bindings import PermissionEngine, PermissionSnapshot, SnapshotRequest, snapshot_public_key

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TENANT = "00000000-0000-7000-8000-000000000001"
SCOPE = "tenant:" + TENANT
FACTS = json.dumps({"assignments": [{"role": "tenant_admin", "scope": SCOPE}]})
SECRET = bytes(range(32))


def measure(what, times, call):
    best = float("inf")
    for _ in range(7):
        begin = time.perf_counter_ns()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter_ns() - begin) / times)
    print(f"Python  {what:<24} {best:>10.0f} ns", flush=True)


engine = PermissionEngine.from_seed(open(os.environ["MONO_TEST_SEED"], encoding="utf-8").read())
allowed = engine.compile(FACTS)
request = SnapshotRequest(
    principal="tom", tenant=uuid.UUID(TENANT), facts=FACTS, issued_at=NOW, expires_at=NOW + datetime.timedelta(hours=1)
)
signed, keys = engine.snapshot(request, SECRET), [snapshot_public_key(SECRET)]
assert allowed.check("tenant.accounts.create", SCOPE, NOW)
measure("check", 20_000, lambda: allowed.check("tenant.accounts.create", SCOPE, NOW))
HUNDRED = ["tenant.accounts.create"] * 100
measure("check_all, of 100", 2_000, lambda: allowed.check_all(HUNDRED, SCOPE, NOW))
measure("compile", 2_000, lambda: engine.compile(FACTS))
measure("snapshot, made", 500, lambda: engine.snapshot(request, SECRET))
measure("snapshot, verified", 500, lambda: PermissionSnapshot.verify(signed, keys, NOW))
