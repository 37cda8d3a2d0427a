//! What belongs to a tenant.

use crate::accounts::Accounts;
use crate::api_keys::ApiKeys;
use crate::assignments::Assignments;
use crate::audit::Audit;
use crate::client::Client;
use crate::grants::Grants;
use crate::guardrails::Guardrails;
use crate::history::History;
use crate::invitations::Invitations;
use crate::mail_templates::MailTemplates;
use crate::members::Members;
use crate::option_sets::OptionSets;
use crate::profiles::Profiles;
use crate::role_overrides::RoleOverrides;
use crate::roles::Roles;
use crate::schemas::Schemas;
use crate::teams::Teams;
use mono_core::Result;
use mono_core::api::entitlements::{EntitlementsResponse, UsageReport};
use mono_core::api::tenants::UpdateOwnTenant;
use mono_core::model::tenant as model;
use mono_core::subscription::DailyUsage;
use reqwest::Method;

/// Where the tenant is.
const PATH: &str = "/api/v1/tenant";

/// What belongs to the tenant that the client works in; made by [`Client::tenant`].
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// What belongs to the tenant that the client works in.
    pub fn tenant(&self) -> Tenant<'_> {
        Tenant { client: self }
    }
}

impl<'a> Tenant<'a> {
    /// The tenant itself.
    ///
    /// # Errors
    /// `Forbidden` without the permission `tenant.settings.read`, and what [`Client`] lists.
    pub async fn get(self) -> Result<model::Tenant> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Changes the tenant itself; what the change leaves out stays as it is.
    ///
    /// # Errors
    /// `Validation` names each field that is wrong; `Conflict` where the version is stale, with the current one in the
    /// details as `currentVersion`; `Forbidden` without the permission `tenant.settings.update`; what [`Client`] lists.
    pub async fn update(self, change: &UpdateOwnTenant) -> Result<model::Tenant> {
        self.client.send(self.client.request(Method::PATCH, PATH).json(change)).await?.data()
    }

    /// The versions of the tenant itself. Going back leaves its status, slug and domain as they are.
    pub fn history(self) -> History<'a, model::Tenant> {
        History::new(self.client, PATH)
    }

    /// The accounts of the tenant.
    pub fn accounts(self) -> Accounts<'a> {
        Accounts { client: self.client }
    }

    /// The API keys of the tenant.
    pub fn api_keys(self) -> ApiKeys<'a> {
        ApiKeys { client: self.client }
    }

    /// The audit log of the tenant.
    pub fn audit(self) -> Audit<'a> {
        Audit { client: self.client }
    }

    /// The teams of the tenant's accounts.
    pub fn teams(self) -> Teams<'a> {
        Teams { client: self.client }
    }

    /// The roles of the tenant's members.
    pub fn assignments(self) -> Assignments<'a> {
        Assignments { client: self.client }
    }

    /// What the tenant's members were given or forbidden directly.
    pub fn grants(self) -> Grants<'a> {
        Grants { client: self.client }
    }

    /// What is forbidden to everybody in the tenant.
    pub fn guardrails(self) -> Guardrails<'a> {
        Guardrails { client: self.client }
    }

    /// What the tenant changes in roles of the platform.
    pub fn role_overrides(self) -> RoleOverrides<'a> {
        RoleOverrides { client: self.client }
    }

    /// The roles that the tenant has made itself.
    pub fn roles(self) -> Roles<'a> {
        Roles { client: self.client }
    }

    /// The schemas of the tenant's profiles.
    pub fn schemas(self) -> Schemas<'a> {
        Schemas { client: self.client }
    }

    /// The option sets that fields of profiles choose from.
    pub fn option_sets(self) -> OptionSets<'a> {
        OptionSets { client: self.client }
    }

    /// The profiles of the tenant's members.
    pub fn profiles(self) -> Profiles<'a> {
        Profiles { client: self.client }
    }

    /// What the mails of the tenant look like.
    pub fn mail_templates(self) -> MailTemplates<'a> {
        MailTemplates { client: self.client }
    }

    /// The invitations of the tenant.
    pub fn invitations(self) -> Invitations<'a> {
        Invitations { client: self.client }
    }

    /// The members of the tenant.
    pub fn members(self) -> Members<'a> {
        Members { client: self.client }
    }

    /// What the tenant may use, and how much of it is used.
    ///
    /// # Errors
    /// `Forbidden` without the permission `tenant.billing.read`, and what [`Client`] lists.
    pub async fn entitlements(self) -> Result<EntitlementsResponse> {
        self.client.send(self.client.request(Method::GET, "/api/v1/tenant/entitlements")).await?.data()
    }

    /// What was used of each metered limit, and how often each feature, day by day in UTC; the first and the last day
    /// are included.
    ///
    /// # Errors
    /// `Validation` for more than 366 days or the wrong order, `Forbidden` without the permission
    /// `tenant.billing.read`, and what [`Client`] lists.
    pub async fn usage(self, report: UsageReport) -> Result<Vec<DailyUsage>> {
        let request = self.client.request(Method::GET, "/api/v1/tenant/usage").query(&report);
        self.client.send(request).await?.data()
    }
}
