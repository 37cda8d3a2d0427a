import io.github.monors.mono.*
import java.io.File
import java.time.Instant
import java.util.UUID

private val NOW = Instant.parse("2026-01-01T00:00:00Z")
private const val TENANT = "00000000-0000-7000-8000-000000000001"
private const val SCOPE = "tenant:$TENANT"
private const val FACTS = """{"assignments": [{"role": "tenant_admin", "scope": "$SCOPE"}]}"""
private val SECRET = ByteArray(32) { it.toByte() }

private fun measure(what: String, times: Int, call: () -> Unit) {
    val best = (1..7).minOf {
        val begin = System.nanoTime()
        repeat(times) { call() }
        (System.nanoTime() - begin) / times
    }
    println("Kotlin  %-24s %10d ns".format(what, best))
}

fun main() {
    val engine = PermissionEngine.fromSeed(File(System.getenv("MONO_TEST_SEED")).readText())
    val allowed = engine.compile(FACTS)
    val request = SnapshotRequest("tom", UUID.fromString(TENANT), FACTS, NOW, NOW.plusSeconds(3600))
    val signed = engine.snapshot(request, SECRET)
    val keys = listOf(snapshotPublicKey(SECRET))
    check(allowed.check("tenant.accounts.create", SCOPE, NOW))
    measure("check", 50_000) { allowed.check("tenant.accounts.create", SCOPE, NOW) }
    val hundred = List(100) { "tenant.accounts.create" }
    measure("check_all, of 100", 2_000) { allowed.checkAll(hundred, SCOPE, NOW) }
    measure("compile", 2_000) { engine.compile(FACTS).close() }
    measure("snapshot, made", 500) { engine.snapshot(request, SECRET) }
    measure("snapshot, verified", 500) { PermissionSnapshot.verify(signed, keys, NOW).close() }
}
