//! Subscriptions: what a tenant has bought, and what follows from it.
//!
//! A [`PlanCatalogue`] holds what can be bought. A [`Subscription`] says what one tenant bought, [`Override`]s what
//! an operator made different for it, and [`Entitlements`] are what follows at one moment: the features in force and
//! the maximum of every limit, each with where it comes from.
//!
//! # How they merge
//! - **Limit**: an override beats everything. Otherwise the plan's maximum, or the limit's default where the plan does
//!   not name it, plus each add-on's maximum times its quantity. Unlimited (-1) plus anything is unlimited.
//! - **Feature**: an override beats everything, in both directions. Otherwise it is given if the plan or an add-on gives
//!   it. What is given counts only while every feature it depends on is in force and no required limit of it is 0.
//! - An add-on counts only with the plans that it goes with; a feature that is bound to plans comes only with those,
//!   or by an override.
//! - **Account**: an override for one account beats one for the whole tenant, at that account only.
//! - A subscription that is paused or canceled gives nothing at all: no feature, and a maximum of 0 everywhere.
//!   Overrides change what a subscription gives; they do not replace one.
//! - Every span of time holds its first moment and not its last, and is looked at when the question is asked. No job
//!   has to run.

mod add_on;
mod allowance;
mod bundle;
mod catalogue;
mod cycle;
mod decision;
mod entitlements;
mod feature;
mod feature_set;
mod item;
mod key;
mod limit;
mod limit_event;
mod overrides;
mod plan;
mod preview;
mod price;
mod resolve;
mod section;
mod state;
// The thing itself has the name of its room.
#[allow(clippy::module_inception)]
mod subscription;
mod usage;
mod validation;
mod window;

pub use add_on::AddOn;
pub use allowance::{Allowance, NegativeAllowance};
pub use catalogue::{PlanCatalogue, PlanDefinitions};
pub use decision::Decision;
pub use entitlements::{Entitlements, LimitInForce, Source};
pub use feature::{Feature, FeatureKind};
pub use feature_set::FeatureSet;
pub(crate) use item::MAX_DESCRIPTION;
pub use item::{CatalogueItem, ItemKind};
pub use key::Key;
pub use limit::{Enforcement, Limit};
pub use limit_event::{LimitEvent, Threshold};
pub use overrides::{Override, OverrideChange, StoredOverride};
pub use plan::Plan;
pub use preview::{Change, LimitChange, Preview};
pub use price::{Currency, Interval, Price};
pub use state::{SubscriptionState, SubscriptionStatus};
pub use subscription::{PlanChange, PurchasedAddOn, Subscription};
pub use usage::{DailyUsage, Usage};
pub use window::Window;
