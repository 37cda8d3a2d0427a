//! What a tenant's mails look like, in the place of what is built in.

use super::catalogue::Put;
use super::tenants::{READ_OWN, UPDATE_OWN};
use crate::db::{FromRow, PlatformTx, Row, TenantTx};
use crate::{platform_sql, sql};
use mono_core::audit::Action;
use mono_core::id::TenantId;
use mono_core::model::mail::{MailKind, MailTemplate};
use mono_core::permission::Scope;
use mono_core::text::Locale;
use mono_core::{Error, ErrorKind};

/// How the audit log names a template.
const ENTITY: &str = "mail_template";
/// The most templates of a tenant: each kind in some ten languages.
const MOST: i64 = 120;

impl FromRow for MailTemplate {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kind: row.parse("kind")?,
            locale: row.get("locale")?,
            subject: row.get("subject")?,
            html: row.get("html")?,
            plain: row.get("plain")?,
        })
    }
}

/// The mail templates of a tenant.
pub struct MailTemplates<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The mail templates of the tenant.
    pub const fn mail_templates(&mut self) -> MailTemplates<'_> {
        MailTemplates { tx: self }
    }
}

impl MailTemplates<'_> {
    /// Every template of the tenant, by kind and language.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.read`.
    pub async fn list(self) -> Result<Vec<MailTemplate>, Error> {
        let tx = self.tx;
        tx.authorize(READ_OWN, &Scope::tenant(tx.tenant())).await?;
        sql!(
            tx,
            "SELECT kind, locale, subject, html, plain FROM mail_templates WHERE tenant_id = $1 ORDER BY kind, locale"
        )
        .all()
        .await
    }

    /// One template, where the tenant has one of its own.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.read`.
    pub async fn find(self, kind: MailKind, locale: &Locale) -> Result<Option<MailTemplate>, Error> {
        let tx = self.tx;
        tx.authorize(READ_OWN, &Scope::tenant(tx.tenant())).await?;
        find(tx, kind, locale).await
    }

    /// Puts a template in the place of the one with its kind and language, or adds it. Whether it can be filled in is for
    /// who sends mails to check, before; one that cannot is not used, and what is built in is sent in its place.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.update`; `Validation` with everything that is wrong with it; `Conflict` with
    /// code `too_many` beyond 120 templates.
    pub async fn put(self, template: &MailTemplate) -> Result<Put, Error> {
        let tx = self.tx;
        tx.authorize(UPDATE_OWN, &Scope::tenant(tx.tenant())).await?;
        template.require_whole()?;
        let old = find(tx, template.kind, &template.locale).await?;
        let now = tx.now();
        sql!(
            tx,
            "INSERT INTO mail_templates (tenant_id, kind, locale, subject, html, plain, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, kind, locale)
             DO UPDATE SET subject = $4, html = $5, plain = $6, updated_at = $7",
            template.kind.as_str(),
            &template.locale,
            &template.subject,
            &template.html,
            &template.plain,
            now
        )
        .execute()
        .await?;
        let count = sql!(tx, "SELECT count(*) AS present FROM mail_templates WHERE tenant_id = $1").row();
        if count.await?.get::<i64>("present")? > MOST {
            let message = format!("a tenant has at most {MOST} mail templates");
            tx.forbid_commit();
            return Err(Error::new(ErrorKind::Conflict, "too_many", message));
        }
        let action = if old.is_some() { Action::Update } else { Action::Create };
        tx.audit_change(action, ENTITY, tx.tenant(), old.as_ref(), Some(template)).await?;
        Ok(if old.is_some() { Put::Updated } else { Put::Created })
    }

    /// Deletes a template: what is built in is sent again.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.settings.update`; `NotFound` where the tenant has none of this kind and language.
    pub async fn delete(self, kind: MailKind, locale: &Locale) -> Result<(), Error> {
        let tx = self.tx;
        tx.authorize(UPDATE_OWN, &Scope::tenant(tx.tenant())).await?;
        let old = find(tx, kind, locale).await?.ok_or_else(|| Error::not_found("a mail template"))?;
        sql!(
            tx,
            "DELETE FROM mail_templates WHERE tenant_id = $1 AND kind = $2 AND locale = $3",
            kind.as_str(),
            locale
        )
        .execute()
        .await?;
        tx.audit_change(Action::Delete, ENTITY, tx.tenant(), Some(&old), None).await
    }
}

impl PlatformTx {
    /// A tenant's templates of one kind, in every language, for who sends mails.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn mail_templates_of(
        &mut self,
        tenant: TenantId,
        kind: MailKind,
    ) -> Result<Vec<MailTemplate>, Error> {
        self.caller().require_system()?;
        platform_sql!(
            self,
            "SELECT kind, locale, subject, html, plain FROM mail_templates WHERE tenant_id = $1 AND kind = $2",
            tenant,
            kind.as_str()
        )
        .all()
        .await
    }
}

async fn find(tx: &mut TenantTx, kind: MailKind, locale: &Locale) -> Result<Option<MailTemplate>, Error> {
    sql!(
        tx,
        "SELECT kind, locale, subject, html, plain FROM mail_templates
         WHERE tenant_id = $1 AND kind = $2 AND locale = $3",
        kind.as_str(),
        locale
    )
    .optional()
    .await
}
