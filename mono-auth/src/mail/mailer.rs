//! Sends the mails that wait, one attempt after the other, on as many nodes as there are.

use super::template::{Compiled, Rendered, check};
use super::values::{Sender, samples, values};
use super::{Composed, Transport, builtin, message};
use crate::authenticator::Authenticator;
use lettre::message::Mailbox;
use moka::sync::Cache;
use mono_core::api::mail_templates::MailPreview;
use mono_core::caller::{Caller, SystemReason};
use mono_core::error::Problem;
use mono_core::model::mail::{MailKind, MailTemplate, TemplateBroken};
use mono_core::model::tenant::Tenant;
use mono_core::text::{Email, Locale};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::store::{Failure, Mail};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How many mails one node sends at the same time.
const AT_ONCE: u32 = 5;
/// How often a node looks for mails that another one left. Its own wake it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many templates of tenants are kept compiled.
const KEPT: u64 = 500;

/// Sends the mails that wait. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    authenticator: Authenticator,
    office: Arc<Office>,
}

/// What all clones share.
struct Office {
    transport: Transport,
    from: Mailbox,
    builtin: HashMap<(MailKind, Locale), (MailTemplate, Compiled)>,
    /// Templates of tenants, by their sources: one that changes is another.
    compiled: Cache<MailTemplate, Arc<Compiled>>,
}

impl Mailer {
    /// A mailer whose mails come from this sender: `no-reply@example.com`, or `Harbour <no-reply@example.com>`, where the
    /// name stands for the platform in mails that no tenant sends.
    ///
    /// # Errors
    /// `Validation` where the sender is no address.
    pub fn new(authenticator: Authenticator, transport: Transport, from: &str) -> Result<Self, Error> {
        let mut compiled = HashMap::new();
        for template in builtin::all()? {
            let ready = Compiled::new(&template).map_err(|problems| broken(&template, &problems))?;
            compiled.insert((template.kind, template.locale.clone()), (template, ready));
        }
        let office =
            Office { transport, from: message::sender(from)?, builtin: compiled, compiled: Cache::new(KEPT) };
        Ok(Self { authenticator, office: Arc::new(office) })
    }

    fn database(&self) -> &Database {
        &self.authenticator.inner.database
    }

    /// Sends what waits and what comes, until it is told to stop; a mail that is under way then still leaves.
    pub async fn deliver_until(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let wait = match self.deliver().await {
                Ok(0) => self.next_look().await,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!("mails wait, and cannot be looked at now: {error}");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.database().mail_waits(), if !wait.is_zero() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// When the next mail is due, but soon enough to find those that another node left.
    async fn next_look(&self) -> Duration {
        let system = Caller::system(SystemReason::Mail);
        let due = async { self.database().platform(&system).read().await?.mails().next_due().await };
        match due.await {
            Ok(Some(due)) => {
                (due - self.database().now()).to_std().unwrap_or_default().clamp(MOMENT, LOOK_EVERY)
            }
            _ => LOOK_EVERY,
        }
    }

    /// Tries to send some mails that are due now, and gives how many it took; none where there are none.
    ///
    /// # Errors
    /// What the database refuses; the mails wait.
    pub async fn deliver(&self) -> Result<usize, Error> {
        let system = Caller::system(SystemReason::Mail);
        let mut tx = self.database().platform(&system).write().await?;
        let mails = tx.mails().claim(AT_ONCE).await?;
        tx.commit().await?;
        let count = mails.len();
        let mut tasks = JoinSet::new();
        for mail in mails {
            let mailer = self.clone();
            tasks.spawn(async move { mailer.deliver_one(&mail).await });
        }
        // All of them come to their end, whatever becomes of one.
        let mut outcome = Ok(count);
        while let Some(done) = tasks.join_next().await {
            outcome = done.map_err(Error::internal).flatten().and(outcome);
        }
        outcome
    }

    async fn deliver_one(&self, mail: &Mail) -> Result<(), Error> {
        let outcome = self.attempt(mail).await;
        let system = Caller::system(SystemReason::Mail);
        let mut tx = self.database().platform(&system).write().await?;
        let counted = match &outcome {
            Ok(Attempt::Sent) => "sent",
            Ok(Attempt::Dropped) => "dropped",
            Err(_) => "failed",
        };
        metrics::counter!("mails_total", "outcome" => counted).increment(1);
        match outcome {
            Ok(Attempt::Sent) if !tx.mails().sent(mail).await? => {
                tracing::warn!(mail = %mail.id, "a mail was sent when another node had taken it already");
            }
            Ok(Attempt::Sent | Attempt::Dropped) => {}
            Err(failure) => {
                let dead = tx.mails().failed(mail, &failure).await?;
                let (mail, kind, attempt, reason) = (mail.id, mail.kind, mail.attempt, failure.reason);
                if dead {
                    tracing::error!(%mail, %kind, attempt, reason, "a mail was given up");
                } else {
                    tracing::warn!(%mail, %kind, attempt, reason, "a mail was not sent and is tried again");
                }
            }
        }
        tx.commit().await
    }

    /// Composes a mail and lets it leave.
    async fn attempt(&self, mail: &Mail) -> Result<Attempt, Failure> {
        let prepared = self.prepare(mail).await.map_err(|error| later(&error))?;
        let Some(Prepared { composed, tenant, templates }) = prepared else { return Ok(Attempt::Dropped) };
        let to = message::recipient(&composed.to, composed.name.as_ref())?;
        let rendered = self.render(mail, &composed, tenant.as_ref(), templates).await?;
        let id = format!("{}@{}", mail.id, self.authenticator.inner.links.host());
        let message = message::message(rendered, (self.office.from.clone(), to), &id, self.database().now())?;
        let sent = self.office.transport.send(mail.id, message).await;
        sent.map(|()| Attempt::Sent).map_err(|failure| without_link(failure, composed.link.as_ref()))
    }

    /// Makes what a mail says, in a transaction that holds the mail and stores the hash of its token.
    async fn prepare(&self, mail: &Mail) -> Result<Option<Prepared>, Error> {
        let system = Caller::system(SystemReason::Mail);
        let mut tx = self.database().platform(&system).write().await?;
        if !tx.mails().hold(mail).await? {
            return Ok(None);
        }
        let Some(composed) = self.authenticator.compose(&mut tx, mail).await? else {
            tx.mails().drop_silently(mail).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let (tenant, templates) = match mail.tenant_id {
            Some(id) => (Some(tx.tenants().get(id).await?), tx.mail_templates_of(id, mail.kind).await?),
            None => (None, Vec::new()),
        };
        tx.commit().await?;
        Ok(Some(Prepared { composed, tenant, templates }))
    }

    /// Fills in the tenant's template; where it has none, or it is broken, the built-in one.
    async fn render(
        &self,
        mail: &Mail,
        composed: &Composed,
        tenant: Option<&Tenant>,
        templates: Vec<MailTemplate>,
    ) -> Result<Rendered, Failure> {
        let wanted = [mail.locale.as_ref(), tenant.map(|tenant| &tenant.default_locale)];
        let wanted: Vec<&Locale> = wanted.into_iter().flatten().collect();
        let sender = self.sender(tenant);
        if let Some(template) = choose(&wanted, templates) {
            let values = values(composed, &sender, template.locale.as_str());
            match self.compiled(&template).and_then(|compiled| compiled.render(&values)) {
                Ok(rendered) => return Ok(rendered),
                Err(problems) => self.report(tenant, &template, &problems).await,
            }
        }
        let (template, compiled) = self.builtin(mail.kind, &wanted).map_err(|error| later(&error))?;
        let values = values(composed, &sender, template.locale.as_str());
        compiled.render(&values).map_err(|problems| later(&broken(template, &problems)))
    }

    /// A tenant's template, compiled once.
    fn compiled(&self, template: &MailTemplate) -> Result<Arc<Compiled>, Vec<Problem>> {
        if let Some(compiled) = self.office.compiled.get(template) {
            return Ok(compiled);
        }
        let compiled = Arc::new(Compiled::new(template)?);
        self.office.compiled.insert(template.clone(), compiled.clone());
        Ok(compiled)
    }

    /// The built-in template in the first of these languages that there is, else in English.
    fn builtin(&self, kind: MailKind, wanted: &[&Locale]) -> Result<&(MailTemplate, Compiled), Error> {
        let english = Locale::parse("en")?;
        let tags = wanted.iter().flat_map(|locale| [Some((*locale).clone()), language(locale)]).flatten();
        let found = tags.chain([english]).find_map(|tag| self.office.builtin.get(&(kind, tag)));
        found.ok_or_else(|| Error::internal(format!("there is no template for mails of the kind {kind}")))
    }

    fn sender<'a>(&'a self, tenant: Option<&'a Tenant>) -> Sender<'a> {
        let links = &self.authenticator.inner.links;
        let platform = self.office.from.name.as_deref().unwrap_or_else(|| links.host());
        Sender { tenant, platform, site: links.base() }
    }

    /// Tells the operator, and the tenant by an event, that a template is not used. The mail leaves all the same.
    async fn report(&self, tenant: Option<&Tenant>, template: &MailTemplate, problems: &[Problem]) {
        let Some(tenant) = tenant else { return };
        let reasons = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let (kind, locale) = (template.kind, &template.locale);
        tracing::error!(tenant = %tenant.id, %kind, %locale, reasons, "a mail template is broken: the built-in one is sent");
        let system = Caller::system_in(SystemReason::Mail, tenant.id);
        let event = TemplateBroken { kind, locale: locale.clone(), problems: problems.to_vec() };
        let told = async {
            let mut tx = self.database().tenant(&system).write().await?;
            tx.emit(&event).await?;
            tx.commit().await
        };
        if let Err(error) = told.await {
            tracing::warn!(tenant = %tenant.id, "the tenant could not be told of its broken template: {error}");
        }
    }

    /// The template that is built in for a kind, in this language or else in English.
    ///
    /// # Errors
    /// `Internal` never in practice: every kind has one.
    pub fn builtin_template(&self, kind: MailKind, locale: &Locale) -> Result<MailTemplate, Error> {
        self.builtin(kind, &[locale]).map(|(template, _)| template.clone())
    }

    /// Refuses a template that cannot be filled in, before it is stored.
    ///
    /// # Errors
    /// `Validation` with the part, the line and the reason of everything that is wrong.
    pub fn check(&self, template: &MailTemplate, tenant: &Tenant) -> Result<(), Error> {
        template.require_whole()?;
        let samples = self.samples(template, tenant)?.map(|(_, values)| values);
        check(template, &samples).map_err(Error::validation)
    }

    /// A template filled in with made-up names.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn preview(&self, template: &MailTemplate, tenant: &Tenant) -> Result<MailPreview, Error> {
        self.check(template, tenant)?;
        let [(_, values), _] = self.samples(template, tenant)?;
        let rendered = Compiled::new(template).and_then(|compiled| compiled.render(&values));
        let Rendered { subject, html, plain } = rendered.map_err(Error::validation)?;
        Ok(MailPreview { subject, html, plain })
    }

    fn samples(&self, template: &MailTemplate, tenant: &Tenant) -> Result<[Sample; 2], Error> {
        let links = &self.authenticator.inner.links;
        let link =
            super::purpose(template.kind).map(|_| links.link(template.kind, &"sample".to_owned().into()));
        let link = link.as_ref().map(ExposeSecret::expose_secret);
        let composed = samples(template.kind, Email::parse("ana@example.com")?, link);
        let sender = self.sender(Some(tenant));
        Ok(composed.map(|composed| {
            let values = values(&composed, &sender, template.locale.as_str());
            (composed, values)
        }))
    }
}

type Sample = (Composed, serde_json::Map<String, serde_json::Value>);

/// The shortest wait for a mail that is due: nobody spins.
const MOMENT: Duration = Duration::from_millis(50);

/// How an attempt went that did not fail.
enum Attempt {
    Sent,
    /// Nobody is to get it, or somebody else has taken it.
    Dropped,
}

/// What is needed to fill a mail in.
struct Prepared {
    composed: Composed,
    tenant: Option<Tenant>,
    templates: Vec<MailTemplate>,
}

/// A tenant's template in the language that is wanted most: the person's, then that of the tenant.
fn choose(wanted: &[&Locale], mut templates: Vec<MailTemplate>) -> Option<MailTemplate> {
    let mut tags = wanted.iter().flat_map(|locale| [Some((*locale).clone()), language(locale)]).flatten();
    let place = tags.find_map(|tag| templates.iter().position(|template| template.locale == tag))?;
    Some(templates.swap_remove(place))
}

/// The language alone: `pt` of `pt-BR`.
fn language(locale: &Locale) -> Option<Locale> {
    Locale::parse(locale.as_str().split('-').next()?).ok()
}

fn later(error: &Error) -> Failure {
    Failure { reason: error.to_string(), permanent: false }
}

/// A server may repeat what it refuses. The link is no business of the database or the log.
fn without_link(failure: Failure, link: Option<&SecretString>) -> Failure {
    let Some(token) = link.and_then(|link| link.expose_secret().rsplit_once('=')).map(|(_, token)| token)
    else {
        return failure;
    };
    Failure { reason: failure.reason.replace(token, "…"), ..failure }
}

fn broken(template: &MailTemplate, problems: &[Problem]) -> Error {
    let list = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let message = format!("the built-in template {} {} is broken: {list}", template.kind, template.locale);
    Error::new(ErrorKind::Internal, "template_broken", message)
}
