//! Accept an invitation: as the person of that address, who is signed in or gives the password, or as somebody new.

use super::invite::{Invited, invited};
use super::password::{notify, wrong_password};
use super::{person, system};
use crate::authenticator::Authenticator;
use crate::identity::{Catalogue, ended};
use crate::password_policy::PasswordOwner;
use crate::single_use;
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::error::ErrorKind;
use mono_core::id::UserId;
use mono_core::model::invitation::Invitation;
use mono_core::model::mail::MailKind;
use mono_core::model::member::Member;
use mono_core::model::user::{User, UserStatus};
use mono_core::text::Name;
use mono_core::{Error, Problem};
use mono_storage::db::PlatformTx;
use mono_storage::store::{Credentials, NewUser, SingleUseToken, TokenPurpose};
use secrecy::SecretString;
use std::sync::Arc;

/// What somebody gives who accepts an invitation without being signed in.
pub struct AcceptInvitation {
    /// The token of the link.
    pub token: String,
    /// The name of somebody new.
    pub name: Option<String>,
    /// The password of the person whose address it is, or the one that somebody new will have.
    pub password: SecretString,
}

/// What an invitation is about, for whoever holds its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationFacts {
    /// The name of the tenant.
    pub tenant: Name,
    /// The invitation.
    pub invitation: Invitation,
    /// Whether the address is that of a person with a password, who gives that one to accept.
    pub known: bool,
}

/// Who becomes a member.
enum Invitee {
    /// A person who is there.
    Known(UserId),
    /// A person who is there, has no password, and gets this one.
    Unlocked(UserId, String),
    /// Somebody new.
    New(NewUser),
}

impl Authenticator {
    /// What the holder of a link is invited to. It uses nothing up.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`.
    pub async fn inspect_invitation(
        &self,
        token: &str,
        request: RequestContext,
    ) -> Result<InvitationFacts, Error> {
        let system = system(request);
        let mut tx = self.inner.database.platform(&system).read().await?;
        let (_, invitation) = open(&mut tx, token).await?;
        let found = tx.users().credentials(&invitation.email).await?;
        let tenant = tx.tenants().get(invitation.tenant_id).await?.name;
        let known = found.is_some_and(|found| found.password_hash.is_some());
        Ok(InvitationFacts { tenant, invitation, known })
    }

    /// Makes the caller, whose address was invited, a member.
    ///
    /// # Errors
    /// `Validation` with code `invalid_single_use_token`; `Forbidden` with code `wrong_person` where another address was
    /// invited, `invitation_void` where who invited could not give all of it any more, `tenant_suspended` or
    /// `tenant_archived`; `Conflict`
    /// with code `already_member`; `LimitExceeded` where the plan's members are used up. Each time but the first the
    /// token can be used again.
    pub async fn accept_invitation_as(&self, caller: &Caller, token: &str) -> Result<Member, Error> {
        let (system, id, _) = person(caller)?;
        let mut tx = self.inner.database.platform(&system).read().await?;
        let (_, invitation) = open(&mut tx, token).await?;
        let user = tx.users().find(id).await?.ok_or_else(ended)?;
        drop(tx);
        if user.email.folded() != invitation.email.folded() {
            let message = "this invitation is for another address: sign in as that person, or sign out first";
            return Err(Error::new(ErrorKind::Forbidden, "wrong_person", message));
        }
        self.join(system, token, Invitee::Known(id)).await
    }

    /// Makes the person whose address was invited a member: who is there gives the password, who is not a name and the
    /// password to have. It opens no session; signing in does.
    ///
    /// # Errors
    /// As [`accept_invitation_as`](Self::accept_invitation_as); `Forbidden` with code `wrong_password`; `RateLimited` with
    /// code `too_many_attempts`; `Validation` where the name is missing or the password too weak.
    pub async fn accept_invitation(
        &self,
        given: AcceptInvitation,
        request: RequestContext,
    ) -> Result<Member, Error> {
        let AcceptInvitation { token, name, password } = given;
        let system = system(request.clone());
        let mut tx = self.inner.database.platform(&system).read().await?;
        let (_, invitation) = open(&mut tx, &token).await?;
        let found = tx.users().credentials(&invitation.email).await?;
        drop(tx);
        let tenant = Some(invitation.tenant_id);
        let invitee = match found {
            Some(found) if found.user.status != UserStatus::Active => return Err(single_use::invalid()),
            Some(found) if found.password_hash.is_some() => {
                self.require_password(&found, password, request).await?;
                Invitee::Known(found.user.id)
            }
            Some(Credentials { user, .. }) => {
                let owner =
                    PasswordOwner { user: Some(user.id), email: &user.email, name: &user.name, tenant };
                Invitee::Unlocked(user.id, self.hash_new_password(owner, password).await?)
            }
            None => {
                let name = name.ok_or_else(|| {
                    Error::validation(vec![Problem::new("name", "required", "a new person has a name")])
                })?;
                let (email, name) = (invitation.email, Name::parse(&name)?);
                let owner = PasswordOwner { user: None, email: &email, name: &name, tenant };
                let hash = self.hash_new_password(owner, password).await?;
                Invitee::New(NewUser { email, name, password_hash: Some(hash) })
            }
        };
        self.join(system, &token, invitee).await
    }

    async fn require_password(
        &self,
        found: &Credentials,
        password: SecretString,
        request: RequestContext,
    ) -> Result<(), Error> {
        if self.check_password(found, password, request).await? { Ok(()) } else { Err(wrong_password()) }
    }

    /// Uses the token up and makes the person a member, with the rights of who invited: both or neither.
    async fn join(&self, system: Caller, token: &str, invitee: Invitee) -> Result<Member, Error> {
        // Before the transaction: who holds a connection must not wait for another.
        let catalogue = self.inner.identities.catalogue().await?;
        let mut tx = self.inner.database.platform(&system).write().await?;
        let user = settle(&mut tx, invitee).await?;
        let spent = single_use::consume(&mut tx, TokenPurpose::Invitation, token).await?;
        let invitation = invitation(&mut tx, &spent).await?;
        let acting = self.acting_for_inviter(&mut tx, &catalogue, &invitation, &system).await?;
        let mut tenant = tx.enter(&acting)?;
        let member = tenant.invitations().accept(invitation.id, spent.id, &user).await.map_err(void)?;
        let member = member.ok_or_else(single_use::invalid)?;
        tenant.leave().commit().await?;
        Ok(member)
    }

    /// The program, with the rights that who invited has at this moment.
    async fn acting_for_inviter(
        &self,
        tx: &mut PlatformTx,
        catalogue: &Catalogue,
        invitation: &Invitation,
        system: &Caller,
    ) -> Result<Caller, Error> {
        let tenant = Some(invitation.tenant_id);
        let principal = tx.principals().load(invitation.invited_by, tenant).await?;
        let principal = principal.ok_or_else(single_use::invalid)?;
        let actor = |_| Actor::System(SystemReason::Invitation);
        let identity =
            self.inner.identities.identity(catalogue, &principal, tenant, None, actor).map_err(void)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the token is that of an invitation, which the store checks"
        )]
        Ok(Caller::mint(Arc::new(identity), Arc::new(system.request().clone())))
    }
}

/// The invitation whose link has this token.
async fn open(tx: &mut PlatformTx, token: &str) -> Result<(SingleUseToken, Invitation), Error> {
    let found = single_use::find(tx, TokenPurpose::Invitation, token).await?;
    let invitation = invitation(tx, &found).await?;
    Ok((found, invitation))
}

async fn invitation(tx: &mut PlatformTx, token: &SingleUseToken) -> Result<Invitation, Error> {
    let Invited { tenant, invitation } = invited(&token.data)?;
    tx.invitations().find(tenant, invitation).await?.ok_or_else(single_use::invalid)
}

/// The person who becomes a member, as they are from now on: they read the address, for the link came there.
async fn settle(tx: &mut PlatformTx, invitee: Invitee) -> Result<User, Error> {
    let user = match invitee {
        // Of two who accept at once as somebody new, one was first.
        Invitee::New(new) => tx.users().create(new).await.map_err(|error| match error.kind() {
            ErrorKind::Conflict => single_use::invalid(),
            _ => error,
        })?,
        Invitee::Unlocked(id, hash) => {
            if !tx.users().replace_password(id, None, &hash).await? {
                return Err(wrong_password());
            }
            let user = tx.users().find(id).await?.ok_or_else(single_use::invalid)?;
            notify(tx, MailKind::PasswordChanged, id, user.email.clone()).await?;
            user
        }
        Invitee::Known(id) => {
            // What is written comes first: two who hold a person and then write would wait for each other.
            tx.users().verify_email(id).await?;
            let held = tx.users().hold(id).await?.map(|held| held.user);
            held.filter(|user| user.status == UserStatus::Active).ok_or_else(single_use::invalid)?
        }
    };
    tx.users().verify_email(user.id).await?;
    Ok(user)
}

/// What who invited may give no more, and what is there no more, makes the invitation void; a suspended or archived
/// tenant says so.
fn void(error: Error) -> Error {
    let is_void = match error.kind() {
        ErrorKind::Forbidden => !matches!(error.code(), "tenant_suspended" | "tenant_archived"),
        ErrorKind::Conflict => error.code() == "reference_missing",
        ErrorKind::NotFound => true,
        _ => false,
    };
    if !is_void {
        return error;
    }
    let message = "who sent this invitation may give what it gives no more; ask for another";
    Error::new(ErrorKind::Forbidden, "invitation_void", message).with_source(error)
}
