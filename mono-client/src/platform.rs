//! What lies above the tenants.

use crate::catalogue::Catalogue;
use crate::client::Client;
use crate::platform_assignments::PlatformAssignments;
use crate::subscriptions::Subscriptions;
use crate::tenants::Tenants;
use mono_core::model::template::Template;
use mono_core::subscription::{AddOn, Feature, FeatureSet, Limit, Plan};

/// What lies above the tenants; made by [`Client::platform`]. It is for platform staff, with or without a chosen tenant.
#[derive(Debug, Clone, Copy)]
pub struct Platform<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// What lies above the tenants.
    pub fn platform(&self) -> Platform<'_> {
        Platform { client: self }
    }
}

impl<'a> Platform<'a> {
    /// What tenants subscribe to.
    pub fn plans(self) -> Catalogue<'a, Plan> {
        Catalogue::new(self.client)
    }

    /// What tenants buy on top of a plan.
    pub fn add_ons(self) -> Catalogue<'a, AddOn> {
        Catalogue::new(self.client)
    }

    /// What plans can switch on.
    pub fn features(self) -> Catalogue<'a, Feature> {
        Catalogue::new(self.client)
    }

    /// Bundles of features.
    pub fn feature_sets(self) -> Catalogue<'a, FeatureSet> {
        Catalogue::new(self.client)
    }

    /// What is counted.
    pub fn limits(self) -> Catalogue<'a, Limit> {
        Catalogue::new(self.client)
    }

    /// What new tenants start from.
    pub fn templates(self) -> Catalogue<'a, Template> {
        Catalogue::new(self.client)
    }

    /// Roles on the whole platform.
    pub fn assignments(self) -> PlatformAssignments<'a> {
        PlatformAssignments { client: self.client }
    }

    /// The tenants themselves.
    pub fn tenants(self) -> Tenants<'a> {
        Tenants { client: self.client }
    }

    /// What the tenants have bought, and what was agreed otherwise.
    pub fn subscriptions(self) -> Subscriptions<'a> {
        Subscriptions { client: self.client }
    }
}
