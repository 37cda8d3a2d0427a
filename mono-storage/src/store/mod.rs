//! The stores: one file for each noun, with the rule and the row in one place.
//!
//! `tx.accounts().create(new)` authorises, writes, audits and reserves the limit. There is no other way to the row,
//! so no handler can forget a step.

mod account_pages;
mod accounts;
mod api_key_credentials;
mod api_keys;
mod assignments;
mod audit;
mod audit_chain;
mod auth_policies;
mod catalogue;
mod catalogue_uses;
mod definitions;
mod entity;
mod granting;
mod grants;
mod guardrails;
pub(crate) mod idempotency;
mod invitations;
mod mail_templates;
mod mails;
mod master_keys;
mod members;
mod option_sets;
mod outbox;
mod platform_assignments;
mod principals;
mod profiles;
mod purge;
mod recount;
mod roles;
mod schemas;
mod sealed;
mod second_factors;
mod sessions;
mod single_use_tokens;
mod subscriptions;
mod teams;
mod templates;
mod tenants;
mod throttles;
mod untold_changes;
mod usage;
mod users;
mod versions;

pub use accounts::Accounts;
pub use api_key_credentials::{KeyCredentials, StoredKey};
pub use api_keys::{ApiKeys, KeyCredential};
pub use assignments::{Assignments, NewAssignment};
pub use audit::AuditLog;
pub use audit_chain::{AuditReport, BrokenEntry, Damage};
pub use auth_policies::AuthPolicies;
pub use catalogue::{Put, Rights, catalogue_rights};
pub use definitions::{Alias, Definitions};
pub use entity::{Entities, Entity, EntityPermissions, EntityStatements, Stored};
pub use grants::{Grants, NewGrant};
pub use guardrails::Guardrails;
pub use idempotency::refuse_idempotency_key;
pub use invitations::{Invitations, PlatformInvitations};
pub use mail_templates::MailTemplates;
pub use mails::{DeadMail, Failure, Mail, MailCount, Mails, NewMail};
pub use master_keys::{MasterKey, MasterKeys};
pub use members::Members;
pub use option_sets::OptionSets;
pub use outbox::Event;
pub use platform_assignments::{NewPlatformAssignment, PlatformAssignments};
pub use principals::{Principal, Principals, TenantPart};
pub use profiles::Profiles;
pub use purge::Purged;
pub use recount::{Drift, HeldCounter};
pub use roles::Roles;
pub use schemas::Schemas;
pub use sealed::{SealedColumn, SealedValue, SealedValues};
pub use second_factors::{SecondFactor, SecondFactors};
pub use sessions::{IMPERSONATION_LIFETIME, NewSession, Sessions};
pub use single_use_tokens::{NewToken, SingleUseToken, SingleUseTokens, TokenPurpose};
pub use subscriptions::Subscriptions;
pub use teams::Teams;
pub use tenants::Tenants;
pub use throttles::{ATTEMPTS_IN_FLIGHT, Attempt, Throttle, Throttles};
pub use usage::Reservation;
pub(crate) use usage::refusal;
pub use users::{Credentials, NewUser, Users};
pub use versions::{History, Revert, Versioned, id_of_key};

use mono_core::permission::Permission;

/// Every permission that a store asks for; the start refuses a catalogue that lacks one.
pub fn required_permissions() -> Vec<Permission> {
    [
        accounts::REQUIRED,
        api_keys::REQUIRED,
        assignments::REQUIRED,
        audit::REQUIRED,
        auth_policies::REQUIRED,
        catalogue::REQUIRED,
        guardrails::REQUIRED,
        members::REQUIRED,
        platform_assignments::REQUIRED,
        profiles::REQUIRED,
        roles::REQUIRED,
        schemas::REQUIRED,
        subscriptions::REQUIRED,
        teams::REQUIRED,
        tenants::REQUIRED,
        usage::REQUIRED,
        users::REQUIRED,
    ]
    .concat()
}
