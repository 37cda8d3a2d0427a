// Runs the cases; `run.py` starts it.

import Foundation

var failed = 0
for (name, test) in offline + online {
    do {
        try await test()
        print("ok      \(name)")
    } catch {
        failed += 1
        print("FAILED  \(name): \(error)")
    }
}
print("\(offline.count + online.count) cases, \(failed) failed")
exit(failed == 0 ? 0 : 1)
