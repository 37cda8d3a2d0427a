require "json"
require "mono_bindings"

include MonoBindings

NOW = Time.at(1_767_225_600)
TENANT = "00000000-0000-7000-8000-000000000001"
SCOPE = "tenant:#{TENANT}"
FACTS = JSON.generate(assignments: [{ role: "tenant_admin", scope: SCOPE }])
SECRET = (0...32).to_a.pack("C*")

def measure(what, times)
  clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) }
  best = Array.new(7) do
    begin_ = clock.call
    times.times { yield }
    (clock.call - begin_) / times
  end.min
  puts format("Ruby    %-24s %10d ns", what, best)
end

engine = PermissionEngine.from_seed(File.read(ENV.fetch("MONO_TEST_SEED"), encoding: "UTF-8"))
allowed = engine.compile(FACTS)
request = SnapshotRequest.new(
  principal: "tom", tenant: TENANT, facts: FACTS, issued_at: NOW, expires_at: NOW + 3600
)
signed, keys = engine.snapshot(request, SECRET), [MonoBindings.snapshot_public_key(SECRET)]
raise unless allowed.check("tenant.accounts.create", SCOPE, NOW)

measure("check", 20_000) { allowed.check("tenant.accounts.create", SCOPE, NOW) }
hundred = ["tenant.accounts.create"] * 100
measure("check_all, of 100", 2_000) { allowed.check_all(hundred, SCOPE, NOW) }
measure("compile", 2_000) { engine.compile(FACTS) }
measure("snapshot, made", 500) { engine.snapshot(request, SECRET) }
measure("snapshot, verified", 500) { PermissionSnapshot.verify(signed, keys, NOW) }
