import Foundation
import Mono

let now = Date(timeIntervalSince1970: 1_767_225_600)
let tenant = "00000000-0000-7000-8000-000000000001"
let scope = "tenant:\(tenant)"
let facts = #"{"assignments": [{"role": "tenant_admin", "scope": "\#(scope)"}]}"#
let secret = Data(0..<32)

func measure(_ what: String, _ times: Int, _ call: () throws -> Void) rethrows {
    var best = UInt64.max
    for _ in 0..<7 {
        let begin = DispatchTime.now().uptimeNanoseconds
        for _ in 0..<times { try call() }
        best = min(best, (DispatchTime.now().uptimeNanoseconds - begin) / UInt64(times))
    }
    print("Swift   \(what.padding(toLength: 24, withPad: " ", startingAt: 0)) \(best) ns")
}

let seed = try String(contentsOfFile: ProcessInfo.processInfo.environment["MONO_TEST_SEED"]!, encoding: .utf8)
let engine = try PermissionEngine.fromSeed(seed: seed)
let allowed = try engine.compile(principal: facts)
let request = SnapshotRequest(
    principal: "tom", tenant: UUID(uuidString: tenant)!, facts: facts, issuedAt: now,
    expiresAt: now.addingTimeInterval(3600)
)
let signed = try engine.snapshot(request: request, secret: secret)
let keys = [try snapshotPublicKey(secret: secret)]
precondition(try allowed.check(permission: "tenant.accounts.create", scope: scope, now: now))
try measure("check", 50_000) { _ = try allowed.check(permission: "tenant.accounts.create", scope: scope, now: now) }
let hundred = [String](repeating: "tenant.accounts.create", count: 100)
try measure("check_all, of 100", 2_000) { _ = try allowed.checkAll(permissions: hundred, scope: scope, now: now) }
try measure("compile", 2_000) { _ = try engine.compile(principal: facts) }
try measure("snapshot, made", 500) { _ = try engine.snapshot(request: request, secret: secret) }
try measure("snapshot, verified", 500) { _ = try PermissionSnapshot.verify(bytes: signed, publicKeys: keys, now: now) }
