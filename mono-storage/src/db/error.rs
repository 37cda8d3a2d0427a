//! What a database refuses, as the kind that a caller can act on. A failure of the database never looks like a
//! refusal of mono, and its words go to the log only.

use mono_core::{Error, ErrorKind};

/// The code of a transaction that the database undid because of another one.
pub const TRANSACTION_CONFLICT: &str = "transaction_conflict";

/// A unique constraint that a caller can break by what it asks for.
struct Unique {
    /// The name of the constraint (PostgreSQL).
    constraint: &'static str,
    /// The columns, as SQLite lists them.
    columns: &'static str,
    code: &'static str,
    message: &'static str,
}

const UNIQUE: &[Unique] = &[
    Unique {
        constraint: "accounts_slug_unique",
        columns: "accounts.tenant_id, accounts.slug",
        code: "slug_taken",
        message: "an account with this slug exists",
    },
    Unique {
        constraint: "tenants_slug_unique",
        columns: "tenants.slug",
        code: "slug_taken",
        message: "a tenant with this slug exists",
    },
    Unique {
        constraint: "tenants_domain_unique",
        columns: "tenants.domain",
        code: "domain_taken",
        message: "a tenant with this domain exists",
    },
    Unique {
        constraint: "users_email_unique",
        columns: "users.email_norm",
        code: "email_taken",
        message: "a user with this e-mail address exists",
    },
    Unique {
        constraint: "teams_name_unique",
        columns: "teams.tenant_id, teams.account_id, teams.name_norm",
        code: "name_taken",
        message: "the account has a team of this name",
    },
    Unique {
        constraint: "members_user_unique",
        columns: "members.tenant_id, members.user_id",
        code: "already_member",
        message: "this person is a member of the tenant",
    },
    Unique {
        constraint: "invitations_email_unique",
        columns: "invitations.tenant_id, invitations.email_norm",
        code: "already_invited",
        message: "this address was invited and has not answered: send the invitation again, or revoke it",
    },
];

/// Turns a failure of the driver into the one error of mono.
pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) => from_database(database.as_ref()).with_source(error),
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Error::unavailable(error),
        _ => Error::internal(error),
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> Error {
    if error.is_unique_violation() {
        let known = UNIQUE.iter().find(|unique| {
            error.constraint() == Some(unique.constraint) || error.message().ends_with(unique.columns)
        });
        return known.map_or_else(
            || Error::new(ErrorKind::Conflict, "already_exists", "this already exists"),
            |unique| Error::new(ErrorKind::Conflict, unique.code, unique.message),
        );
    }
    if error.is_foreign_key_violation() {
        return Error::new(
            ErrorKind::Conflict,
            "reference_missing",
            "this refers to a thing that does not exist",
        );
    }
    match error.code().as_deref() {
        // 40001 serialization_failure, 40P01 deadlock_detected; SQLite 5 BUSY, 6 LOCKED and their extensions: the
        // database undid the transaction, so that it can be run once more.
        Some("40001" | "40P01" | "5" | "6" | "261" | "262" | "517") => Error::new(
            ErrorKind::Unavailable,
            TRANSACTION_CONFLICT,
            "the data is being changed by somebody else; try again",
        ),
        // 55P03 lock_not_available: another transaction holds the row for long, and trying at once would wait as long.
        Some("55P03") => Error::new(
            ErrorKind::Unavailable,
            "lock_timeout",
            "the data is being changed by somebody else; try again later",
        ),
        // 57014 query_canceled: the statement took longer than it may
        Some("57014") => {
            Error::new(ErrorKind::Unavailable, "statement_timeout", "this took too long; try again later")
        }
        // 22008 datetime_field_overflow
        Some("22008") => {
            Error::new(ErrorKind::Validation, "out_of_range", "a moment lies too far away to be stored")
        }
        // 22021 character_not_in_repertoire, 22P05 untranslatable_character: a NUL that slipped through
        Some("22021" | "22P05") => Error::new(
            ErrorKind::Validation,
            "invalid_character",
            "the text holds a character that cannot be stored",
        ),
        // 53xxx insufficient resources, 57Pxx shutdown, 08xxx connection
        Some(code) if code.starts_with("53") || code.starts_with("57P") || code.starts_with("08") => {
            Error::new(
                ErrorKind::Unavailable,
                "unavailable",
                "the service is not available now; try again later",
            )
        }
        _ => Error::new(ErrorKind::Internal, "internal", "something went wrong on our side"),
    }
}
