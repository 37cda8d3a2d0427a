// What several cases need.

import Foundation
import Mono

typealias Case = (name: String, test: () async throws -> Void)

struct Failure: Error, CustomStringConvertible {
    let description: String
}

func variable(_ name: String) -> String {
    ProcessInfo.processInfo.environment[name]!
}

let address = variable("MONO_TEST_ADDRESS")
let password = variable("MONO_TEST_PASSWORD")
let seed = try! String(contentsOfFile: variable("MONO_TEST_SEED"), encoding: .utf8)

/// In seconds; no test waits for it.
let timeout: TimeInterval = 300

func client(_ store: TokenStore? = nil) throws -> Client {
    try Client(address: address, timeout: timeout, tokenStore: store)
}

func signedIn(_ email: String, _ store: TokenStore? = nil) async throws -> Client {
    let client = try client(store)
    _ = try await client.login(email: email, password: password)
    return client
}

func check<T: Equatable>(_ expected: T, _ seen: T, _ about: Any = "") throws {
    if expected != seen {
        throw Failure(description: "\(about): expected \(expected), saw \(seen)")
    }
}

/// The code and the details of the `MonoError` that a block raises, which a pattern knows.
func raised(
    _ about: Any = "", _ pattern: (MonoError) -> (String, String?)?, _ block: () async throws -> Void
) async throws -> (code: String, details: String?) {
    do {
        try await block()
    } catch let error as MonoError {
        if let found = pattern(error) {
            return found
        }
        throw Failure(description: "\(about): saw \(error)")
    }
    throw Failure(description: "\(about): saw no error")
}

func unauthorized(_ error: MonoError) -> (String, String?)? {
    if case .Unauthorized(let code, _, let details, _) = error { (code, details) } else { nil }
}

func validation(_ error: MonoError) -> (String, String?)? {
    if case .Validation(let code, _, let details, _) = error { (code, details) } else { nil }
}

func limitExceeded(_ error: MonoError) -> (String, String?)? {
    if case .LimitExceeded(let code, _, let details, _) = error { (code, details) } else { nil }
}

func notFound(_ error: MonoError) -> (String, String?)? {
    if case .NotFound(let code, _, let details, _) = error { (code, details) } else { nil }
}

func unavailable(_ error: MonoError) -> (String, String?)? {
    if case .Unavailable(let code, _, let details, _) = error { (code, details) } else { nil }
}

func `internal`(_ error: MonoError) -> (String, String?)? {
    if case .Internal(let code, _, let details, _) = error { (code, details) } else { nil }
}

func conflict(_ error: MonoError) -> (String, String?)? {
    if case .Conflict(let code, _, let details, _) = error { (code, details) } else { nil }
}

/// One decision of the table.
struct Row: Decodable {
    let principal, permission, scope, reason: String
    let allowed, snapshot: Bool
}

/// The table that every language answers.
struct Table: Decodable {
    let now, expires: Date
    let tenant, account: String
    let decisions: [Row]

    static let bytes = try! Data(contentsOf: URL(fileURLWithPath: variable("MONO_TEST_DECISIONS")))

    static let it: Table = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try! decoder.decode(Table.self, from: bytes)
    }()

    /// The facts about each principal, as JSON.
    static let principals: [String: String] = {
        let table = try! JSONSerialization.jsonObject(with: bytes) as! [String: Any]
        return (table["principals"] as! [String: Any]).mapValues { facts in
            String(decoding: try! JSONSerialization.data(withJSONObject: facts), as: UTF8.self)
        }
    }()
}
