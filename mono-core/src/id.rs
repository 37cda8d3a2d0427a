//! Typed ids. Each entity has its own type, so an account's id cannot be given where a user's is asked for.
//!
//! All are UUIDs of version 7 (RFC 9562): they sort by time of creation and reveal no count.

use crate::time::Timestamp;
// The macro below names it from other crates.
#[cfg(feature = "openapi")]
#[doc(hidden)]
pub use schemars::{JsonSchema, Schema, SchemaGenerator};
pub use uuid::Uuid;

/// A source of random bytes. Passed in, so that core stays pure and a test can repeat itself.
pub trait Random: Send + Sync {
    /// Fills the whole buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// What every typed id can do.
pub trait Id: Copy + Eq + Ord + std::fmt::Display + From<Uuid> + Into<Uuid> + Send + Sync + 'static {
    /// The name of the entity, as error messages show it.
    const ENTITY: &'static str;

    /// Makes a new id from a moment and randomness.
    fn generate(now: Timestamp, random: &dyn Random) -> Self {
        let mut bytes = [0_u8; 10];
        random.fill(&mut bytes);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        Self::from(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

/// Makes types of ids, each with the name of its entity as error messages show it. For the entities of an application,
/// `mono_storage::ids!` makes them known to the database too. The crate that calls it depends on `serde`.
///
/// ```
/// mono_core::ids! {
///     /// Names a berth.
///     BerthId = "a berth";
/// }
/// assert!("x".parse::<BerthId>().is_err());
/// ```
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $entity:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($crate::id::Uuid);

        $crate::id_schema!($name, $entity);

        impl $crate::id::Id for $name {
            const ENTITY: &'static str = $entity;
        }

        impl $name {
            /// The id with the given bits; a constant can be made with it.
            pub const fn from_u128(bits: u128) -> Self {
                Self($crate::id::Uuid::from_u128(bits))
            }

            /// The bare UUID.
            pub const fn uuid(self) -> $crate::id::Uuid {
                self.0
            }
        }

        impl From<$crate::id::Uuid> for $name {
            fn from(value: $crate::id::Uuid) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $crate::id::Uuid {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                // One spelling only, the hyphenated one: the parser would also take braces and URNs.
                let id = if text.len() == 36 { $crate::id::Uuid::try_parse(text).ok() } else { None };
                id.map(Self).ok_or_else(|| {
                    $crate::Error::invalid("id", "invalid_id", concat!("the id of ", $entity, " is a UUID"))
                })
            }
        }
    )*};
}

/// Describes an id in JSON Schema, where the feature `openapi` is on. It is here for [`ids!`].
#[cfg(feature = "openapi")]
#[doc(hidden)]
#[macro_export]
macro_rules! id_schema {
    ($name:ident, $entity:literal) => {
        impl $crate::id::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::id::SchemaGenerator) -> $crate::id::Schema {
                let schema = [
                    ("type", "string"),
                    ("format", "uuid"),
                    ("description", concat!("The id of ", $entity, ".")),
                ];
                schema.into_iter().fold($crate::id::Schema::default(), |mut schema, (name, value)| {
                    schema.insert(name.to_owned(), value.into());
                    schema
                })
            }
        }
    };
}

#[cfg(not(feature = "openapi"))]
#[doc(hidden)]
#[macro_export]
macro_rules! id_schema {
    ($name:ident, $entity:literal) => {};
}

ids! {
    /// Names a tenant: an organisation that uses the platform.
    TenantId = "a tenant";
    /// Names an account: a customer, team or agency inside a tenant.
    AccountId = "an account";
    /// Names a person on the platform.
    UserId = "a user";
    /// Names a person's membership in a tenant.
    MemberId = "a member";
    /// Names a profile of a member.
    ProfileId = "a profile";
    /// Names a team of an account.
    TeamId = "a team";
    /// Names a role assignment.
    AssignmentId = "an assignment";
    /// Names a direct grant.
    GrantId = "a grant";
    /// Names a login session.
    SessionId = "a session";
    /// Names a secret that works once.
    SingleUseTokenId = "a single-use token";
    /// Names an invitation into a tenant.
    InvitationId = "an invitation";
    /// Names a mail that is to be sent.
    MailId = "a mail";
    /// Names an API key.
    ApiKeyId = "an API key";
    /// Names an entry of the audit log.
    AuditId = "an audit entry";
    /// Names an event: something that happened.
    EventId = "an event";
    /// Names an override of a tenant's entitlements.
    OverrideId = "an override";
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;
    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for (i, byte) in buffer.iter_mut().enumerate() {
                *byte = u8::try_from(i).unwrap();
            }
        }
    }

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let early: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-01-01T00:00:01Z".parse().unwrap();
        let a = AccountId::generate(early, &Counting);
        let b = AccountId::generate(late, &Counting);
        assert_eq!(a.uuid().get_version_num(), 7);
        assert!(a < b);
        assert_eq!(a.to_string().parse::<AccountId>().unwrap(), a);
    }

    #[test]
    fn text_that_is_no_uuid_is_refused() {
        for text in [
            "",
            "1",
            "../etc",
            "00000000-0000-0000-0000-00000000000g",
            "urn:uuid:00000000-0000-7000-8000-000000000000",
            "{00000000-0000-7000-8000-000000000000}",
            "00000000000070008000000000000000",
        ] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
