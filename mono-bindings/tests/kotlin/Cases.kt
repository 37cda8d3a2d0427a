// Runs the cases; `run.py` starts it.

package cases

import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking

fun main() {
    var failed = 0
    for ((name, case) in OFFLINE + ONLINE) {
        try {
            runBlocking { case() }
            println("ok      $name")
        } catch (error: Throwable) {
            failed++
            println("FAILED  $name")
            error.printStackTrace(System.out)
        }
    }
    println("${OFFLINE.size + ONLINE.size} cases, $failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
