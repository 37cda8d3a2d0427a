//! The audit log of a tenant.

use crate::client::Client;
use futures_util::Stream;
use mono_core::Result;
use mono_core::api::audit::{ExportAudit, ListAudit, ScrollAudit};
use mono_core::audit::AuditEntry;
use mono_core::page::{Page, Slice};
use reqwest::Method;

/// Where the log is.
const PATH: &str = "/api/v1/tenant/audit";

/// The audit log of a tenant; made by [`Tenant::audit`](crate::Tenant::audit).
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    pub(crate) client: &'a Client,
}

impl Audit<'_> {
    /// One page of the entries, newest first.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query, `Forbidden` without `tenant.audit.read`, and what [`Client`]
    /// lists.
    ///
    /// ```no_run
    /// # async fn example(client: mono_client::Client) -> mono_core::Result<()> {
    /// use mono_core::api::audit::ListAudit;
    /// let wanted = ListAudit { action: Some("permission_denied".into()), ..Default::default() };
    /// for entry in client.tenant().audit().list(&wanted).await?.items {
    ///     println!("{} {}", entry.at, entry.actor);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list(&self, wanted: &ListAudit) -> Result<Page<AuditEntry>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// A slice of the entries, newest first. Its `next` is the cursor of the slice after it; however deep it stands, a
    /// slice costs the same.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query.
    pub async fn scroll(&self, wanted: &ScrollAudit) -> Result<Slice<AuditEntry>> {
        self.client.scroll(PATH, wanted).await
    }

    /// Every entry that the query asks for, newest first. The next slice is asked for when the one before was taken; the stream
    /// ends after the last, or with the first error.
    pub fn stream(&self, wanted: ScrollAudit) -> impl Stream<Item = Result<AuditEntry>> + Unpin + use<> {
        self.client.stream(PATH, wanted)
    }

    /// The entries as a file, oldest first. The client reads 16 MiB at most; narrow a longer log by time.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query, `Forbidden` without `tenant.audit.export`, and what [`Client`]
    /// lists.
    pub async fn export(&self, wanted: &ExportAudit) -> Result<String> {
        // Each export is recorded: it is not repeated by itself.
        let request = self.client.request(Method::GET, "/api/v1/tenant/audit/export").query(wanted);
        self.client.send_once(request).await?.text()
    }
}
