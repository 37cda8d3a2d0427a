//! Values that a statement is given, in the few types that both databases know.

use mono_core::id::{
    AccountId, ApiKeyId, AssignmentId, AuditId, EventId, GrantId, InvitationId, MailId, MemberId, OverrideId,
    ProfileId, SessionId, SingleUseTokenId, TeamId, TenantId, UserId,
};
use mono_core::text::{Domain, Email, Locale, Name, Slug, TimeZone};
use mono_core::time::Timestamp;
use uuid::Uuid;

/// A value of one of the types that both databases know; `None` is NULL of that type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `uuid`; sixteen bytes on SQLite.
    Uuid(Option<Uuid>),
    /// `text`.
    Text(Option<String>),
    /// `bigint`.
    Integer(Option<i64>),
    /// `boolean`; 0 or 1 on SQLite.
    Boolean(Option<bool>),
    /// `timestamptz`; text in RFC 3339 on SQLite, whose order is the order of time.
    Timestamp(Option<Timestamp>),
    /// `jsonb`; text on SQLite.
    Json(Option<serde_json::Value>),
}

/// What can be given to a statement.
pub trait Bind {
    /// NULL of this type.
    const NULL: Value;

    /// The value as the database takes it.
    fn into_value(self) -> Value;
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Value = T::NULL;

    fn into_value(self) -> Value {
        self.map_or(T::NULL, T::into_value)
    }
}

macro_rules! bind {
    ($variant:ident: $($ty:ty => |$value:ident| $convert:expr),* $(,)?) => {$(
        impl Bind for $ty {
            const NULL: Value = Value::$variant(None);

            fn into_value(self) -> Value {
                let $value = self;
                Value::$variant(Some($convert))
            }
        }
    )*};
}

bind!(Text: String => |v| v, &str => |v| v.to_owned(), &String => |v| v.clone(),
    Email => |v| v.into(), Slug => |v| v.into(), Name => |v| v.into(), Locale => |v| v.into(),
    &Domain => |v| v.as_str().to_owned(), &Locale => |v| v.as_str().to_owned(),
    &TimeZone => |v| v.as_str().to_owned(), &Email => |v| v.as_str().to_owned(), &Slug => |v| v.as_str().to_owned(), &Name => |v| v.as_str().to_owned());
bind!(Integer: i64 => |v| v, i32 => |v| i64::from(v), u32 => |v| i64::from(v));
bind!(Boolean: bool => |v| v);
bind!(Timestamp: Timestamp => |v| mono_core::time::truncate(v));
bind!(Json: serde_json::Value => |v| v);
/// Makes the ids of an application's own entities: types that `sql!` takes, that columns are read as, and that
/// [`TenantTx::new_id`](crate::db::TenantTx::new_id) makes. The crate that calls it depends on `serde`.
///
/// ```
/// mono_storage::ids! {
///     /// Names a berth.
///     BerthId = "a berth";
/// }
/// ```
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $entity:literal;)*) => {
        $crate::reexport::ids! { $($(#[$doc])* $name = $entity;)* }
        $(
            impl $crate::db::Bind for $name {
                const NULL: $crate::db::Value = $crate::db::Value::Uuid(None);

                fn into_value(self) -> $crate::db::Value {
                    $crate::db::Value::Uuid(Some(self.uuid()))
                }
            }

            impl $crate::db::Column for $name {
                fn read(row: &$crate::db::Row, column: &str) -> ::std::result::Result<Option<Self>, $crate::reexport::Error> {
                    row.get_optional(column).map(|id: Option<$crate::reexport::Uuid>| id.map(Self::from))
                }
            }
        )*
    };
}

bind!(Uuid: Uuid => |v| v, TenantId => |v| v.uuid(), AccountId => |v| v.uuid(), UserId => |v| v.uuid(),
    MemberId => |v| v.uuid(), ProfileId => |v| v.uuid(), AssignmentId => |v| v.uuid(), GrantId => |v| v.uuid(),
    SessionId => |v| v.uuid(), SingleUseTokenId => |v| v.uuid(), ApiKeyId => |v| v.uuid(), AuditId => |v| v.uuid(),
    EventId => |v| v.uuid(), OverrideId => |v| v.uuid(), TeamId => |v| v.uuid(), InvitationId => |v| v.uuid(), MailId => |v| v.uuid());
