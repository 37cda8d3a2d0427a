// Calls of a real server.

package cases

import io.github.monors.mono.*
import java.net.ServerSocket
import java.util.UUID
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.*

/** Keeps the session in memory, and counts. */
private class MemoryStore(@Volatile var session: String? = null, val error: Throwable? = null) : TokenStore {
    val saved = AtomicInteger()
    val cleared = AtomicInteger()

    override fun load() = session

    override fun save(session: String) {
        error?.let { throw it }
        this.session = session
        saved.incrementAndGet()
    }

    override fun clear() {
        session = null
        cleared.incrementAndGet()
    }
}

private class Progress(val error: Exception? = null) : ProgressListener {
    val seen = mutableListOf<Pair<ULong, ULong>>()

    override fun onProgress(done: ULong, total: ULong) {
        seen.add(done to total)
        error?.let { throw it }
    }
}

private object Log : LogListener {
    val records = ConcurrentLinkedQueue<LogRecord>()

    override fun onRecord(record: LogRecord) {
        records.add(record)
        throw IllegalStateException("nobody minds")
    }
}

val ONLINE: Map<String, suspend () -> Unit> = mapOf(
    "a login is kept by the client and not shown" to {
        val mono = client()
        val login = mono.login("lena@lagoon.example", PASSWORD)
        check(false, login.accessToken in login.toString())
        check(login.userId, mono.me().id)
        val error = raised<MonoException.Unauthorized> { client().login("lena@lagoon.example", "Wrong-Password-1!") }
        check("invalid_credentials", error.code)
    },
    "the permissions of the server decide as the table says" to {
        val tom = signedIn("tom@harbour.example")
        val tenant = tom.me().tenantId!!
        val account = tom.allAccounts().last().id
        var compared = 0
        for (person in Table.principals.keys.filter { "@" in it }) {
            val mono = signedIn(person).withTenant(tenant)
            val error = raised<MonoException.Unavailable> { mono.can("tenant.accounts.read", "tenant:$tenant") }
            check("permissions_not_loaded", error.code)
            mono.permissions()
            for (row in Table.rows.filter { it.principal == person }) {
                val scope = row.scope.replace(Table.tenant, "$tenant").replace(Table.account, "$account")
                if (scope.startsWith("tenant:$tenant")) {
                    check(row.snapshot, mono.can(row.permission, scope), row)
                } else {
                    val elsewhere = raised<MonoException.Validation>(row) { mono.can(row.permission, scope) }
                    check("other_tenant", elsewhere.code)
                }
                compared++
            }
        }
        check(80, compared)
    },
    "a limit of the server is a native exception" to {
        val mono = signedIn("tom@harbour.example")
        val error = raised<MonoException.LimitExceeded> {
            repeat(6) { mono.createAccount(CreateAccount("Berth $it")) }
        }
        check(true, "\"maximum\":5" in error.details!!, error.details)
        check(true, error.requestId != null)
    },
    "a long list tells how far it is" to {
        val mono = signedIn("lena@lagoon.example")
        coroutineScope { repeat(110) { launch { mono.createAccount(CreateAccount("Buoy $it")) } } }
        val progress = Progress()
        check(110, mono.allAccounts("buoy", progress = progress).map { it.id }.toSet().size)
        check(listOf(100UL to 110UL, 110UL to 110UL), progress.seen)
        val error = raised<MonoException.Internal> {
            mono.allAccounts("buoy", progress = Progress(IllegalArgumentException("enough")))
        }
        check("callback_failed", error.code)
    },
    "a write with a key is done once" to {
        val mono = signedIn("lena@lagoon.example")
        val keyed = mono.withIdempotencyKey(UUID.randomUUID().toString())
        val made = List(2) { keyed.createAccount(CreateAccount("Once")) }
        check(made[0], made[1])
        check(false, made[0].id == mono.createAccount(CreateAccount("Once", slug = "twice")).id)
    },
    "members and teams, and any other route" to {
        val mono = signedIn("lena@lagoon.example")
        val lena = mono.listMembers(ListMembers(search = "lena@")).items.first()
        check(lena, mono.getMember(lena.id))
        var team = mono.createTeam(mono.allAccounts().last().id, "Dredgers")
        mono.addTeamMember(team.id, lena.id)
        check(listOf(lena), mono.listTeamMembers(team.id, ListTeams()).items)
        team = mono.updateTeam(team.id, UpdateTeam(team.version, "Divers"))
        check(listOf(team), mono.listTeams(team.accountId, ListTeams(search = "divers")).items)
        val path = "/api/v1/tenant/teams/${team.id}"
        check(true, "\"Divers\"" in mono.request("GET", path)!!)
        check(null, mono.request("DELETE", path))
        raised<MonoException.NotFound> { mono.getTeam(team.id) }
        check(mono.me().tenantId, mono.chooseTenant(mono.tenants().first().tenantId).tenantId)
    },
    "any number of refused calls cause one refresh" to {
        val kept = MemoryStore()
        signedIn("lena@lagoon.example", kept)
        val store = MemoryStore(kept.session!!.replace("\"accessToken\":\"", "\"accessToken\":\"ended."))
        val mono = client(store)
        val pages = withContext(Dispatchers.Default) {
            List(30) { async { mono.listAccounts(ListAccounts(limit = 1U)) } }.awaitAll()
        }
        check(30, pages.count { it.items.size == 1 })
        // A second refresh would have written once more, and ended the session for the use of an old token.
        check(1, store.saved.get())
        mono.refresh()
        check(2, store.saved.get())
        mono.logout()
        check(null to 1, store.session to store.cleared.get())
    },
    "what a store raises comes back" to {
        val locked = MonoException.Unavailable("locked", "locked", null, null)
        val own = raised<MonoException.Unavailable> { signedIn("lena@lagoon.example", MemoryStore(error = locked)) }
        check("locked", own.code)
        val full = MemoryStore(error = java.io.IOException("full"))
        val other = raised<MonoException.Internal> { signedIn("lena@lagoon.example", full) }
        check("callback_failed", other.code)
        for (error in listOf(NotImplementedError(), StackOverflowError())) {
            val mono = client(MemoryStore(error = error))
            val failed = raised<MonoException.Internal> { mono.login("lena@lagoon.example", PASSWORD) }
            check("callback_failed", failed.code)
            check(false, mono.isSignedIn())
        }
    },
    "each call is logged without a secret" to {
        setLogListener(Log, LogLevel.DEBUG)
        signedIn("lena@lagoon.example").listAccounts(ListAccounts(search = "hunter2"))
        val record = Log.records.first { it.fields["route"]?.endsWith("/accounts") == true }
        check("GET" to "200", record.fields["method"] to record.fields["status"])
        check(false, "hunter2" in Log.records.toString())
        raised<MonoException.Conflict> { setLogListener(Log, LogLevel.TRACE) }
    },
    "a call that is cancelled is given up" to {
        ServerSocket(0).use { silent ->
            val mono = Client("http://127.0.0.1:${silent.localPort}", TIMEOUT)
            val calling = CoroutineScope(Dispatchers.Default).async { mono.ping() }
            silent.accept().use { connection ->
                connection.soTimeout = 60_000
                val input = connection.getInputStream()
                check(true, input.read(ByteArray(65536)) > 0)
                calling.cancel()
                raised<CancellationException> { calling.await() }
                // The client has hung up, long before its timeout.
                check(-1, input.read())
            }
        }
    },
)
