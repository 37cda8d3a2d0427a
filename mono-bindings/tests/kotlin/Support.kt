// What several cases need.

package cases

import io.github.monors.mono.*
import java.io.File
import java.time.Duration
import java.time.Instant

val ADDRESS: String = System.getenv("MONO_TEST_ADDRESS")
val PASSWORD: String = System.getenv("MONO_TEST_PASSWORD")
val SEED: String = File(System.getenv("MONO_TEST_SEED")).readText()

/** No test waits for it. */
val TIMEOUT: Duration = Duration.ofMinutes(5)

fun client(store: TokenStore? = null) = Client(ADDRESS, TIMEOUT, store)

suspend fun signedIn(email: String, store: TokenStore? = null) = client(store).also { it.login(email, PASSWORD) }

fun check(expected: Any?, seen: Any?, about: Any? = "") {
    if (expected != seen) throw AssertionError("$about: expected $expected, saw $seen")
}

/** The error of this class that a block raises. */
inline fun <reified E : Throwable> raised(about: Any? = "", block: () -> Any?): E {
    try {
        block()
    } catch (error: Throwable) {
        if (error is E) return error
        throw AssertionError("$about: expected ${E::class}, saw $error", error)
    }
    throw AssertionError("$about: expected ${E::class}, saw no error")
}

/** One decision of the table. */
data class Row(
    val principal: String,
    val permission: String,
    val scope: String,
    val allowed: Boolean,
    val reason: String,
    val snapshot: Boolean,
)

/** The table that every language answers. Its file has one decision and one principal on each line. */
object Table {
    private val lines = File(System.getenv("MONO_TEST_DECISIONS")).readLines()

    private fun value(name: String) = lines.firstNotNullOf { Regex("\"$name\": \"(.+?)\",").matchEntire(it) }.groupValues[1]

    val now: Instant = Instant.parse(value("now"))
    val expires: Instant = Instant.parse(value("expires"))
    val tenant = value("tenant")
    val account = value("account")

    val principals = lines
        .mapNotNull { Regex("\"([^\"]+)\": (\\{.+\\}),?").matchEntire(it) }
        .associate { it.groupValues[1] to it.groupValues[2] }

    val rows = lines.mapNotNull {
        val fields = Regex("\"(\\w+)\": (\"[^\"]*\"|true|false)").findAll(it)
        val row = fields.associate { field -> field.groupValues[1] to field.groupValues[2].trim('"') }
        if ("permission" !in row) return@mapNotNull null
        Row(
            row.getValue("principal"),
            row.getValue("permission"),
            row.getValue("scope"),
            row.getValue("allowed") == "true",
            row.getValue("reason"),
            row.getValue("snapshot") == "true",
        )
    }
}
