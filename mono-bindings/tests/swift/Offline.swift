// Checks without a server: the table that every language answers, hostile snapshots, limits.

import Foundation
import Mono

private let secret = Data(0..<32)
private let keys = [try! snapshotPublicKey(secret: secret)]
private let engine = try! PermissionEngine.fromSeed(seed: seed)
private let table = Table.it

private func snapshot(_ principal: String) throws -> Data {
    let request = SnapshotRequest(
        principal: principal, tenant: UUID(uuidString: table.tenant)!, facts: Table.principals[principal]!,
        issuedAt: table.now, expiresAt: table.expires
    )
    return try engine.snapshot(request: request, secret: secret)
}

private func verify(_ bytes: Data, _ keys: [Data] = keys, _ now: Date = table.now) throws -> PermissionSnapshot {
    try PermissionSnapshot.verify(bytes: bytes, publicKeys: keys, now: now)
}

let offline: [Case] = [
    ("the engine decides as the table says", {
        try check(200, table.decisions.count)
        let sets = try Table.principals.mapValues { try engine.compile(principal: $0) }
        for row in table.decisions {
            let set = sets[row.principal]!
            let allowed = try set.check(permission: row.permission, scope: row.scope, now: table.now)
            try check(row.allowed, allowed, row)
            let why = try set.explain(permission: row.permission, scope: row.scope, now: table.now)
            try check(true, why.contains("\"reason\":\"\(row.reason)\""), row)
        }
        for (asked, rows) in Dictionary(grouping: table.decisions, by: { [$0.principal, $0.scope] }) {
            let permissions = rows.map(\.permission)
            let answers = try sets[asked[0]]!.checkAll(permissions: permissions, scope: asked[1], now: table.now)
            try check(rows.map(\.allowed), answers, asked)
        }
    }),
    ("a snapshot decides as the table says", {
        let snapshots = try Dictionary(uniqueKeysWithValues: Table.principals.keys.map { ($0, try verify(snapshot($0))) })
        for row in table.decisions {
            let snapshot = snapshots[row.principal]!
            let allowed = try snapshot.check(permission: row.permission, scope: row.scope, now: table.now)
            try check(row.snapshot, allowed, row)
            let later = try snapshot.check(permission: row.permission, scope: row.scope, now: table.expires)
            try check(false, later, row)
        }
    }),
    ("a snapshot says whose it is", {
        let verified = try verify(snapshot("uma@harbour.example"))
        try check("uma@harbour.example", verified.principal())
        try check(UUID(uuidString: table.tenant)!, verified.tenant())
        try check([table.now, table.expires], [verified.issuedAt(), verified.expiresAt()])
        try check(true, seed.contains("\"version\": \(verified.catalogueVersion()),"))
    }),
    ("a hostile snapshot is refused", {
        let signed = try snapshot("uma@harbour.example"), others = try snapshot("tom@harbour.example")
        var hostile = [
            ("nothing", Data()),
            ("a forged signature", signed.dropLast(64) + Data(count: 64)),
            ("the signature of another", others.dropLast(64) + signed.suffix(64)),
            ("huge", Data("MPS\u{1}".utf8) + Data(repeating: UInt8(ascii: "["), count: 30_000_000)),
        ]
        for length in stride(from: 0, to: signed.count, by: 7) {
            hostile.append(("the first \(length) bytes", signed.prefix(length)))
        }
        for at in signed.indices {
            var changed = signed
            changed[at] ^= 1
            hostile.append(("byte \(at) changed", changed))
        }
        for (name, bytes) in hostile {
            let error = try await raised(name, unauthorized) { _ = try verify(bytes) }
            try check("snapshot_refused", error.code, name)
        }
        let another = [try snapshotPublicKey(secret: Data(count: 32))]
        _ = try await raised("another key", unauthorized) { _ = try verify(signed, another) }
        _ = try await raised("expired", unauthorized) { _ = try verify(signed, keys, table.expires) }
        _ = try await raised("a short key", validation) { _ = try verify(signed, [Data(count: 5)]) }
    }),
    ("a limit that is used up is a native error", {
        let subscription = #"{"plan": "starter", "state": {"state": "active"}}"#
        let starter = try Plans.fromSeed(seed: seed).entitlements(subscription: subscription, now: table.now)
        try check(2, starter.check(limit: "accounts", current: 3, amount: 1).remaining)
        let error = try await raised("", limitExceeded) {
            _ = try starter.requireRoom(limit: "accounts", current: 5, amount: 1)
        }
        try check(#"{"current":5,"limit":"accounts","maximum":5}"#, error.details)
    }),
    ("malformed input is a validation error that names its place", {
        let error = try await raised("", validation) { _ = try PermissionEngine(catalogue: "{", roles: "[]") }
        try check(true, error.details!.contains("\"catalogue\""), error.details!)
    }),
]
