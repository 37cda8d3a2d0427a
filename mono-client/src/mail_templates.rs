//! The mail templates of a tenant.

use crate::client::Client;
use mono_core::Result;
use mono_core::api::mail_templates::{MailPreview, MailTemplateView, PutMailTemplate};
use mono_core::model::mail::{MailKind, MailTemplate};
use mono_core::text::Locale;
use reqwest::Method;

/// Where the templates are.
const PATH: &str = "/api/v1/tenant/mail-templates";

fn path(kind: MailKind, locale: &Locale) -> String {
    format!("{PATH}/{kind}/{locale}")
}

/// The mail templates of a tenant; made by [`Tenant::mail_templates`](crate::Tenant::mail_templates).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct MailTemplates<'a> {
    pub(crate) client: &'a Client,
}

impl MailTemplates<'_> {
    /// Every template that the tenant has of its own, by kind and language.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.read`.
    pub async fn list(&self) -> Result<Vec<MailTemplate>> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// The template that is in force for a kind and a language: the tenant's own, or the built-in one.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.read`.
    pub async fn get(&self, kind: MailKind, locale: &Locale) -> Result<MailTemplateView> {
        self.client.send(self.client.request(Method::GET, &path(kind, locale))).await?.data()
    }

    /// Puts a template in the place of the one with its kind and language, or adds it.
    ///
    /// # Errors
    /// `Validation` with the part, the line and the reason where it cannot be filled in; `Forbidden` without
    /// `tenant.settings.update`.
    pub async fn put(&self, kind: MailKind, locale: &Locale, body: &PutMailTemplate) -> Result<MailTemplate> {
        self.client.send(self.client.request(Method::PUT, &path(kind, locale)).json(body)).await?.data()
    }

    /// A template filled in with made-up names; nothing is stored.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn preview(
        &self,
        kind: MailKind,
        locale: &Locale,
        body: &PutMailTemplate,
    ) -> Result<MailPreview> {
        let path = format!("{}/preview", path(kind, locale));
        self.client.send(self.client.request(Method::POST, &path).json(body)).await?.data()
    }

    /// Deletes a template: the built-in one is sent again.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of its own; `Forbidden` without `tenant.settings.update`.
    pub async fn delete(&self, kind: MailKind, locale: &Locale) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(kind, locale))).await?.nothing()
    }
}
