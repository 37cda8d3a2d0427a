// Checks without a server: the table that every language answers, hostile snapshots, limits.

package cases

import io.github.monors.mono.*
import java.util.UUID

private val SECRET = ByteArray(32) { it.toByte() }
private val KEYS = listOf(snapshotPublicKey(SECRET))
private val ENGINE = PermissionEngine.fromSeed(SEED)

private fun snapshot(principal: String): ByteArray {
    val facts = Table.principals.getValue(principal)
    return ENGINE.snapshot(SnapshotRequest(principal, UUID.fromString(Table.tenant), facts, Table.now, Table.expires), SECRET)
}

private fun subscription(plan: String) = """{"plan": "$plan", "state": {"state": "active"}}"""

val OFFLINE: Map<String, suspend () -> Unit> = mapOf(
    "the engine decides as the table says" to {
        check(200, Table.rows.size)
        val sets = Table.principals.mapValues { ENGINE.compile(it.value) }
        for (row in Table.rows) {
            val set = sets.getValue(row.principal)
            check(row.allowed, set.check(row.permission, row.scope, Table.now), row)
            val explanation = set.explain(row.permission, row.scope, Table.now)
            check(true, "\"reason\":\"${row.reason}\"" in explanation, row)
        }
        for ((asked, rows) in Table.rows.groupBy { it.principal to it.scope }) {
            val answers = sets.getValue(asked.first).checkAll(rows.map { it.permission }, asked.second, Table.now)
            check(rows.map { it.allowed }, answers, asked)
        }
    },
    "a snapshot decides as the table says" to {
        val snapshots = Table.principals.mapValues { PermissionSnapshot.verify(snapshot(it.key), KEYS, Table.now) }
        for (row in Table.rows) {
            val snapshot = snapshots.getValue(row.principal)
            check(row.snapshot, snapshot.check(row.permission, row.scope, Table.now), row)
            check(false, snapshot.check(row.permission, row.scope, Table.expires), row)
        }
    },
    "a snapshot says whose it is" to {
        val snapshot = PermissionSnapshot.verify(snapshot("uma@harbour.example"), KEYS, Table.now)
        check("uma@harbour.example" to Table.tenant, snapshot.principal() to snapshot.tenant().toString())
        check(Table.now to Table.expires, snapshot.issuedAt() to snapshot.expiresAt())
        check(true, "\"version\": ${snapshot.catalogueVersion()}," in SEED)
    },
    "a hostile snapshot is refused" to {
        val signed = snapshot("uma@harbour.example")
        val body = signed.copyOf(signed.size - 64)
        val others = snapshot("tom@harbour.example")
        val hostile = mutableMapOf(
            "nothing" to ByteArray(0),
            "a forged signature" to body + ByteArray(64),
            "the signature of another" to others.copyOf(others.size - 64) + signed.copyOfRange(body.size, signed.size),
            "huge" to "MPS\u0001".toByteArray() + ByteArray(30_000_000) { '['.code.toByte() },
        )
        for (length in signed.indices step 7) hostile["the first $length bytes"] = signed.copyOf(length)
        for (at in signed.indices) {
            hostile["byte $at changed"] = signed.copyOf().also { it[at] = (it[at].toInt() xor 1).toByte() }
        }
        for ((name, bytes) in hostile) {
            val error = raised<MonoException.Unauthorized>(name) { PermissionSnapshot.verify(bytes, KEYS, Table.now) }
            check("snapshot_refused", error.code, name)
        }
        val others2 = listOf(snapshotPublicKey(ByteArray(32)))
        raised<MonoException.Unauthorized>("another key") { PermissionSnapshot.verify(signed, others2, Table.now) }
        raised<MonoException.Unauthorized>("expired") { PermissionSnapshot.verify(signed, KEYS, Table.expires) }
        raised<MonoException.Validation>("a short key") {
            PermissionSnapshot.verify(signed, listOf(ByteArray(5)), Table.now)
        }
    },
    "a limit that is used up is a native exception" to {
        val starter = Plans.fromSeed(SEED).entitlements(subscription("starter"), Table.now)
        check(2UL, starter.check("accounts", 3UL, 1UL).remaining)
        val error = raised<MonoException.LimitExceeded> { starter.requireRoom("accounts", 5UL, 1UL) }
        check("""{"current":5,"limit":"accounts","maximum":5}""", error.details)
    },
    "malformed input is a validation error that names its place" to {
        val error = raised<MonoException.Validation> { PermissionEngine("{", "[]") }
        check(true, "\"catalogue\"" in error.details!!, error.details)
    },
)
