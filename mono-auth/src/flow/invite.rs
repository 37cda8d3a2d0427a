//! Invite somebody into a tenant, by mail.

use super::system;
use crate::authenticator::Authenticator;
use crate::mail::Composed;
use crate::single_use;
use crate::throttle;
use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::{InvitationId, TenantId};
use mono_core::model::invitation::{Invitation, NewInvitation};
use mono_core::model::mail::MailKind;
use mono_storage::db::PlatformTx;
use mono_storage::store::{Mail, NewMail, TokenPurpose};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the mail and the token know.
#[derive(Serialize, Deserialize)]
pub(super) struct Invited {
    pub(super) tenant: TenantId,
    pub(super) invitation: InvitationId,
}

impl Authenticator {
    /// Invites somebody into the caller's tenant, with roles that the caller could give. The mail's link is good for a
    /// week.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite` or, for a role, without `tenant.roles.assign` or with code `not_held`;
    /// `Conflict` with code `already_member` or `already_invited`; `NotFound` for an account that the tenant does not
    /// have; `RateLimited` with code `too_many_attempts` where the address was sent too many.
    pub async fn invite(&self, caller: &Caller, new: NewInvitation) -> Result<Invitation, Error> {
        let system = system(caller.request().clone());
        let mut tenant = self.inner.database.platform(&system).write().await?.enter(caller)?;
        let invitation = tenant.invitations().create(new).await?;
        self.send_invitation(tenant.leave(), invitation).await
    }

    /// Sends an invitation once more. The link of the mail before works no more.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`; `NotFound` where there is none that waits; `RateLimited` as for
    /// [`invite`](Self::invite).
    pub async fn resend_invitation(&self, caller: &Caller, id: InvitationId) -> Result<Invitation, Error> {
        let system = system(caller.request().clone());
        let mut tenant = self.inner.database.platform(&system).write().await?.enter(caller)?;
        let invitation = tenant.invitations().renew(id).await?;
        self.send_invitation(tenant.leave(), invitation).await
    }

    async fn send_invitation(&self, mut tx: PlatformTx, invitation: Invitation) -> Result<Invitation, Error> {
        let throttles = throttle::attempts(
            &format!("invitation|{}", invitation.tenant_id),
            invitation.email.as_str(),
            tx.caller().request(),
        );
        // By tenant and address alone: a tenant that invites a hundred people is no attack.
        if let Some(throttle) = throttles.into_iter().next() {
            tx.throttles().count(&[throttle]).await?;
        }
        let invited = Invited { tenant: invitation.tenant_id, invitation: invitation.id };
        let data = serde_json::to_value(invited).map_err(Error::internal)?;
        let mail = NewMail::new(MailKind::Invitation, invitation.email.clone());
        tx.mails().enqueue(NewMail { tenant: Some(invitation.tenant_id), data, ..mail }).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// The mail with the link, or `None` where the invitation was accepted or revoked, or has ended.
    pub(crate) async fn compose_invitation(
        &self,
        tx: &mut PlatformTx,
        mail: &Mail,
    ) -> Result<Option<Composed>, Error> {
        let Invited { tenant, invitation: id } = invited(&mail.data)?;
        let Some(invitation) = tx.invitations().find(tenant, id).await? else { return Ok(None) };
        let inviter = tx.users().find(invitation.invited_by).await?;
        let (token, secret) =
            single_use::issue(tx, TokenPurpose::Invitation, None, mail.data.clone()).await?;
        if let Some(old) = tx.invitations().set_token(tenant, id, token).await? {
            tx.single_use_tokens().revoke_one(old).await?;
        }
        let mut composed = Composed {
            link: Some(self.inner.links.link(mail.kind, &secret)),
            expires_in: Some(single_use::lifetime(TokenPurpose::Invitation)),
            ..Composed::to_address(mail.address.clone())
        };
        if let Some(inviter) = inviter {
            composed.values.insert("inviter".to_owned(), Value::from(inviter.name.as_str()));
        }
        Ok(Some(composed))
    }
}

pub(super) fn invited(data: &Value) -> Result<Invited, Error> {
    serde_json::from_value(data.clone()).map_err(Error::internal)
}
