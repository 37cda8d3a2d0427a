//! The nouns of the tenancy model: plain data, no behaviour beyond their own rules.

pub mod account;
pub mod api_key;
pub mod auth_policy;
pub mod invitation;
pub mod mail;
pub mod member;
pub mod profile;
pub mod schema;
pub mod session;
pub mod team;
pub mod template;
pub mod tenant;
pub mod user;

/// An enumeration that is stored and sent as a lower-case word.
macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident, $field:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word that is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::Error::invalid(
                        $field,
                        "unknown_value",
                        format!("the {} is one of {}", $field, [$($word),+].join(", ")),
                    )),
                }
            }
        }
    };
}
pub(crate) use word_enum;
