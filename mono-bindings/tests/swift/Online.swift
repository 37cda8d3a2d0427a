// Calls of a real server.

import Foundation
import Mono
#if canImport(Glibc)
import Glibc
#endif

/// Keeps the session in memory, and counts.
private final class MemoryStore: TokenStore, @unchecked Sendable {
    private let lock = NSLock()
    private var kept: String?
    private var counts = (saved: 0, cleared: 0)
    private let error: Error?

    init(_ session: String? = nil, error: Error? = nil) {
        (kept, self.error) = (session, error)
    }

    var session: String? { lock.withLock { kept } }
    var saved: Int { lock.withLock { counts.saved } }
    var cleared: Int { lock.withLock { counts.cleared } }

    func load() -> String? { session }

    func save(session: String) throws {
        if let error { throw error }
        lock.withLock {
            kept = session
            counts.saved += 1
        }
    }

    func clear() {
        lock.withLock {
            kept = nil
            counts.cleared += 1
        }
    }
}

private final class Progress: ProgressListener, @unchecked Sendable {
    private let lock = NSLock()
    private var told: [[UInt64]] = []
    private let error: Error?

    init(_ error: Error? = nil) {
        self.error = error
    }

    var seen: [[UInt64]] { lock.withLock { told } }

    func onProgress(done: UInt64, total: UInt64) throws {
        lock.withLock { told.append([done, total]) }
        if let error { throw error }
    }
}

private final class Log: LogListener, @unchecked Sendable {
    private let lock = NSLock()
    private var told: [LogRecord] = []

    var records: [LogRecord] { lock.withLock { told } }

    func onRecord(record: LogRecord) throws {
        lock.withLock { told.append(record) }
        throw Failure(description: "nobody minds")
    }
}

/// Accepts one connection, and says nothing.
private final class SilentServer: @unchecked Sendable {
    private let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let port: UInt16

    init() {
        var here = sockaddr_in()
        here.sin_family = sa_family_t(AF_INET)
        here.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        withUnsafeMutablePointer(to: &here) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 1) == 0)
                precondition(getsockname(listener, address, &size) == 0)
            }
        }
        port = UInt16(bigEndian: here.sin_port)
    }

    /// Waits for a request, calls back, and waits until the other side has hung up; false after a minute.
    func serve(_ requested: () -> Void) -> Bool {
        let connection = accept(listener, nil, nil)
        defer {
            close(connection)
            close(listener)
        }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var buffer = [UInt8](repeating: 0, count: 65536)
        guard read(connection, &buffer, buffer.count) > 0 else { return false }
        requested()
        return read(connection, &buffer, buffer.count) == 0
    }
}

private let log = Log()

let online: [Case] = [
    ("a login is kept by the client and not shown", {
        let mono = try client()
        let login = try await mono.login(email: "lena@lagoon.example", password: password)
        var dumped = ""
        dump(LoginAnswer.signedIn(login: login), to: &dumped)
        try check(false, "\(login) \(dumped)".contains(login.accessToken))
        try check(login.userId, try await mono.me().id)
        let error = try await raised("", unauthorized) {
            _ = try await client().login(email: "lena@lagoon.example", password: "Wrong-Password-1!")
        }
        try check("invalid_credentials", error.code)
    }),
    ("the permissions of the server decide as the table says", {
        let table = Table.it
        let tom = try await signedIn("tom@harbour.example")
        let tenantId = try await tom.me().tenantId!
        let tenant = tenantId.uuidString.lowercased()
        let account = try await tom.allAccounts().last!.id.uuidString.lowercased()
        var compared = 0
        for person in Table.principals.keys where person.contains("@") {
            let mono = try await signedIn(person).withTenant(tenantId: tenantId)
            let error = try await raised(person, unavailable) {
                _ = try mono.can(permission: "tenant.accounts.read", scope: "tenant:\(tenant)")
            }
            try check("permissions_not_loaded", error.code)
            _ = try await mono.permissions()
            for row in table.decisions where row.principal == person {
                let scope = row.scope.replacingOccurrences(of: table.tenant, with: tenant)
                    .replacingOccurrences(of: table.account, with: account)
                if scope.hasPrefix("tenant:\(tenant)") {
                    try check(row.snapshot, try mono.can(permission: row.permission, scope: scope), row)
                } else {
                    let elsewhere = try await raised(row, validation) {
                        _ = try mono.can(permission: row.permission, scope: scope)
                    }
                    try check("other_tenant", elsewhere.code)
                }
                compared += 1
            }
        }
        try check(80, compared)
    }),
    ("a limit of the server is a native error", {
        let mono = try await signedIn("tom@harbour.example")
        let error = try await raised("", limitExceeded) {
            for number in 0..<6 {
                _ = try await mono.createAccount(account: CreateAccount(name: "Berth \(number)"))
            }
        }
        try check(true, error.details!.contains("\"maximum\":5"), error.details!)
    }),
    ("a long list tells how far it is", {
        let mono = try await signedIn("lena@lagoon.example")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<110 {
                group.addTask { _ = try await mono.createAccount(account: CreateAccount(name: "Buoy \(number)")) }
            }
            try await group.waitForAll()
        }
        let progress = Progress()
        let accounts = try await mono.allAccounts(search: "buoy", progress: progress)
        try check(110, Set(accounts.map(\.id)).count)
        try check([[100, 110], [110, 110]], progress.seen)
        let error = try await raised("", `internal`) {
            _ = try await mono.allAccounts(search: "buoy", progress: Progress(Failure(description: "enough")))
        }
        try check("callback_failed", error.code)
    }),
    ("a write with a key is done once", {
        let mono = try await signedIn("lena@lagoon.example")
        let keyed = mono.withIdempotencyKey(key: UUID().uuidString)
        let first = try await keyed.createAccount(account: CreateAccount(name: "Once"))
        try check(first, try await keyed.createAccount(account: CreateAccount(name: "Once")))
        let second = try await mono.createAccount(account: CreateAccount(name: "Once", slug: "twice"))
        try check(false, first.id == second.id)
    }),
    ("members and teams, and any other route", {
        let mono = try await signedIn("lena@lagoon.example")
        let lena = try await mono.listMembers(wanted: ListMembers(search: "lena@")).items[0]
        try check(lena, try await mono.getMember(id: lena.id))
        let account = try await mono.allAccounts().last!
        let made = try await mono.createTeam(accountId: account.id, name: "Dredgers")
        try await mono.addTeamMember(teamId: made.id, memberId: lena.id)
        try check([lena], try await mono.listTeamMembers(teamId: made.id, wanted: ListTeams()).items)
        let change = UpdateTeam(version: made.version, name: "Divers")
        let team = try await mono.updateTeam(id: made.id, change: change)
        try check([team], try await mono.listTeams(accountId: account.id, wanted: ListTeams(search: "divers")).items)
        let path = "/api/v1/tenant/teams/\(team.id.uuidString.lowercased())"
        try check(true, try await mono.request(method: "GET", path: path)!.contains("\"Divers\""))
        try check(nil, try await mono.request(method: "DELETE", path: path))
        _ = try await raised("", notFound) { _ = try await mono.getTeam(id: team.id) }
        let chosen = try await mono.chooseTenant(tenantId: mono.tenants()[0].tenantId)
        try check(try await mono.me().tenantId, chosen.tenantId)
    }),
    ("any number of refused calls cause one refresh", {
        let kept = MemoryStore()
        _ = try await signedIn("lena@lagoon.example", kept)
        let ended = kept.session!.replacingOccurrences(of: "\"accessToken\":\"", with: "\"accessToken\":\"ended.")
        let store = MemoryStore(ended)
        let mono = try client(store)
        let full = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<30 {
                group.addTask { try await mono.listAccounts(wanted: ListAccounts(limit: 1)).items.count }
            }
            return try await group.reduce(0, +)
        }
        try check(30, full)
        // A second refresh would have written once more, and ended the session for the use of an old token.
        try check(1, store.saved)
        _ = try await mono.refresh()
        try check(2, store.saved)
        try await mono.logout()
        try check(true, store.session == nil && store.cleared == 1)
    }),
    ("what a store raises comes back, and nobody is signed in", {
        let locked = MonoError.Unavailable(code: "locked", text: "locked", details: nil, requestId: nil)
        let own = try await raised("", unavailable) {
            _ = try await signedIn("lena@lagoon.example", MemoryStore(error: locked))
        }
        try check("locked", own.code)
        let mono = try client(MemoryStore(error: Failure(description: "full")))
        let other = try await raised("", `internal`) {
            _ = try await mono.login(email: "lena@lagoon.example", password: password)
        }
        try check("callback_failed", other.code)
        try check(false, try await mono.isSignedIn())
    }),
    ("each call is logged without a secret", {
        try setLogListener(listener: log, level: .debug)
        let mono = try await signedIn("lena@lagoon.example")
        _ = try await mono.listAccounts(wanted: ListAccounts(search: "hunter2"))
        let record = log.records.first { $0.fields["route"]?.hasSuffix("/accounts") == true }!
        try check(["GET", "200"], [record.fields["method"], record.fields["status"]])
        try check(false, "\(log.records)".contains("hunter2"))
        _ = try await raised("", conflict) { try setLogListener(listener: Log(), level: .trace) }
    }),
    ("a call that is cancelled is given up", {
        let silent = SilentServer()
        let mono = try Client(address: "http://127.0.0.1:\(silent.port)", timeout: timeout)
        let calling = Task { try await mono.ping() }
        // The client hangs up, long before its timeout.
        let hungUp = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: silent.serve { calling.cancel() }) }.start()
        }
        try check(true, hungUp)
        do {
            try await calling.value
            throw Failure(description: "it was answered")
        } catch is CancellationError {}
    }),
    ("a call of a task that was cancelled before is not made", {
        let mono = try client()
        let calling = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await mono.login(email: "lena@lagoon.example", password: password)
        }
        calling.cancel()
        do {
            _ = try await calling.value
            throw Failure(description: "it was answered")
        } catch is CancellationError {}
        try check(false, try await mono.isSignedIn())
    }),
]
