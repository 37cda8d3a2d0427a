//! Who is signed in, shared by the clones of a client, and how the access token is renewed: once for any number of calls.

use crate::cache::Cache;
use crate::credential::{Credential, Login};
use crate::error;
use crate::system::BoxFuture;
use crate::token_store::TokenStore;
use crate::wire::Wire;
use futures_util::FutureExt;
use futures_util::future::Shared;
use mono_core::api::auth::{LoginResponse, RefreshRequest};
use mono_core::{Error, ErrorKind, Result};
use reqwest::Method;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A refresh under way. Whoever awaits a clone drives it: one who goes away stops nobody, and one who comes later goes on
/// with what was begun, where all others have gone.
type Flight = Shared<BoxFuture<'static, Result<Arc<Credential>, Arc<Error>>>>;

enum Held {
    /// The store was not asked yet.
    Unread,
    Nobody,
    Somebody(Arc<Credential>),
    /// The session is over, as the server said at the last refresh.
    Ended(Arc<Error>),
}

struct State {
    held: Held,
    flight: Option<Flight>,
    /// How often the tokens have changed, and up to which change the store knows of it.
    changes: u64,
    stored: u64,
    /// Whoever was telling the store has gone before it had it.
    is_cut_off: bool,
}

struct Inner {
    state: Mutex<State>,
    store: Option<Arc<dyn TokenStore>>,
    cache: Option<Arc<Cache>>,
}

/// Who is signed in. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Session(Arc<Inner>);

impl Session {
    /// Nobody, until the store is asked.
    pub(crate) fn new(store: Option<Arc<dyn TokenStore>>, cache: Option<Arc<Cache>>) -> Self {
        let held = if store.is_some() { Held::Unread } else { Held::Nobody };
        let state = Mutex::new(State { held, flight: None, changes: 0, stored: 0, is_cut_off: false });
        Self(Arc::new(Inner { state, store, cache }))
    }

    /// A token or an API key, which is neither stored nor renewed.
    pub(crate) fn with_token(&self, token: String) -> Self {
        let session = Self::new(None, self.0.cache.clone());
        session.0.lock().held = Held::Somebody(Credential::key(token));
        session
    }

    pub(crate) fn cache(&self) -> Option<&Arc<Cache>> {
        self.0.cache.as_ref()
    }

    /// What the next request shows.
    ///
    /// # Errors
    /// That of the store; the one that ended the session.
    pub(crate) async fn current(&self) -> Result<Option<Arc<Credential>>> {
        let is_cut_off = std::mem::take(&mut self.0.lock().is_cut_off);
        if is_cut_off {
            self.0.persist_or_warn().await;
        }
        if matches!(self.0.lock().held, Held::Unread) {
            let kept = self.0.read_store().await?;
            let mut state = self.0.lock();
            // Somebody may have signed in meanwhile.
            if matches!(state.held, Held::Unread) {
                let somebody = kept.map(|login| Held::Somebody(Credential::new(login)));
                state.held = somebody.unwrap_or(Held::Nobody);
            }
        }
        match &self.0.lock().held {
            Held::Somebody(credential) => Ok(Some(Arc::clone(credential))),
            Held::Ended(error) => Err(error::copy(error)),
            Held::Nobody | Held::Unread => Ok(None),
        }
    }

    /// The identity of who is signed in, as far as that is known without asking the store.
    pub(crate) fn identity(&self) -> Option<u64> {
        match &self.0.lock().held {
            Held::Somebody(credential) => Some(credential.identity),
            _ => None,
        }
    }

    /// Goes on as whoever the answer says.
    ///
    /// # Errors
    /// That of the store; nobody is signed in then.
    pub(crate) async fn sign_in(&self, login: Login) -> Result<()> {
        let credential = Credential::new(login);
        self.0.change(&mut self.0.lock(), Held::Somebody(Arc::clone(&credential)));
        let stored = self.0.persist().await;
        if stored.is_err() {
            let mut state = self.0.lock();
            // Somebody else may have signed in meanwhile.
            if matches!(&state.held, Held::Somebody(now) if Arc::ptr_eq(now, &credential)) {
                self.0.change(&mut state, Held::Nobody);
            }
        }
        stored
    }

    /// Goes on in another tenant. A refresh token that the answer does not replace stays.
    ///
    /// # Errors
    /// `signed_out` where the session is not the one that is held any more; that of the store, and the other tenant is in
    /// force all the same.
    pub(crate) async fn switch(&self, login: Login) -> Result<()> {
        {
            let mut state = self.0.lock();
            let login = match &state.held {
                Held::Somebody(now) if now.may_be_in(login.session_id()) => login.or_refresh_of(now.login()),
                _ => return Err(error::signed_out()),
            };
            self.0.change(&mut state, Held::Somebody(Credential::new(login)));
        }
        self.0.persist().await
    }

    /// Forgets who was signed in, where it is still the session that has ended.
    ///
    /// # Errors
    /// That of the store; nobody is signed in all the same.
    pub(crate) async fn sign_out(&self, ended: &Login) -> Result<()> {
        {
            let mut state = self.0.lock();
            if matches!(&state.held, Held::Somebody(now) if !now.may_be_in(ended.session_id())) {
                return Ok(());
            }
            self.0.change(&mut state, Held::Nobody);
        }
        self.0.persist().await
    }

    /// Forgets whoever is signed in.
    ///
    /// # Errors
    /// That of the store; nobody is signed in all the same.
    pub(crate) async fn forget(&self) -> Result<()> {
        self.0.change(&mut self.0.lock(), Held::Nobody);
        self.0.persist().await
    }

    /// What follows a token that the server did not take. Any number of calls cause one refresh.
    ///
    /// # Errors
    /// Where the session is over, or the server could not be asked; `signed_out` where it is somebody else's by now.
    pub(crate) async fn renew(&self, used: &Arc<Credential>, wire: &Wire) -> Result<Arc<Credential>> {
        let flight = {
            let mut state = self.0.lock();
            match &state.held {
                Held::Somebody(now) if Arc::ptr_eq(now, used) => {}
                Held::Somebody(now) if now.identity == used.identity => return Ok(Arc::clone(now)),
                Held::Ended(error) => return Err(error::copy(error)),
                _ => return Err(error::signed_out()),
            }
            let begin = || self.fly(Arc::clone(used), wire.clone());
            state.flight.get_or_insert_with(begin).clone()
        };
        let next = flight.await.map_err(|error| error::copy(&error))?;
        // A call in the name of one is never repeated in the name of another.
        if next.identity == used.identity { Ok(next) } else { Err(error::signed_out()) }
    }

    fn fly(&self, used: Arc<Credential>, wire: Wire) -> Flight {
        // Weak: the flight lies in the state, and would keep itself alive.
        let (inner, store) = (Arc::downgrade(&self.0), self.0.store.clone());
        let flight: BoxFuture<'static, _> = Box::pin(async move {
            let next = AssertUnwindSafe(next_login(store.as_deref(), &used, &wire)).catch_unwind().await;
            // Whoever comes later would find the panic again, and again: of a store, or of a timer whose runtime has ended.
            let outcome = next.unwrap_or_else(|_| Err(error::broken_off().into()));
            land(&inner, &used, outcome).await
        });
        flight.shared()
    }
}

/// Why there is no next login.
struct NoLogin {
    error: Error,
    /// Whether there will be none: so the server says.
    is_over: bool,
}

impl From<Error> for NoLogin {
    fn from(error: Error) -> Self {
        Self { error, is_over: false }
    }
}

/// The login that follows: the one that another program has put into the store, else a new one from the server.
async fn next_login(
    store: Option<&dyn TokenStore>,
    used: &Credential,
    wire: &Wire,
) -> Result<Login, NoLogin> {
    let Some(old) = used.login() else { return Err(error::no_refresh_token().into()) };
    if let Some(store) = store
        && let Some(kept) = parse(store.load().await?)
        && kept.expires_at() > old.expires_at()
    {
        return Ok(kept);
    }
    let request = wire.request(Method::POST, "/api/v1/public/auth/refresh");
    let request = request.json(&RefreshRequest { refresh_token: old.refresh_token().map(str::to_owned) });
    let answer = wire.ask(old.show_cookies(request, wire)?).await?;
    let over = |error: Error| NoLogin { is_over: error.kind() == ErrorKind::Unauthorized, error };
    Ok(Login::read(answer, old).map_err(over)?.or_refresh_of(Some(old)))
}

/// Puts the outcome of a refresh in force.
async fn land(
    inner: &Weak<Inner>,
    used: &Arc<Credential>,
    outcome: Result<Login, NoLogin>,
) -> Result<Arc<Credential>, Arc<Error>> {
    let inner = inner.upgrade().ok_or_else(|| Arc::new(error::signed_out()))?;
    let landed = inner.settle(used, outcome);
    inner.persist_or_warn().await;
    landed
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing can panic while the lock is held, so a poisoned one is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, state: &mut State, held: Held) {
        if let (Held::Somebody(before), Some(cache)) = (&state.held, &self.cache)
            && !matches!(&held, Held::Somebody(next) if next.identity == before.identity)
        {
            cache.forget(before.identity);
        }
        (state.held, state.flight, state.changes) = (held, None, state.changes + 1);
    }

    fn settle(
        &self,
        used: &Arc<Credential>,
        outcome: Result<Login, NoLogin>,
    ) -> Result<Arc<Credential>, Arc<Error>> {
        let mut state = self.lock();
        let now = match &state.held {
            Held::Somebody(now) => Arc::clone(now),
            _ => return Err(Arc::new(error::signed_out())),
        };
        let is_current = Arc::ptr_eq(&now, used);
        match outcome {
            Ok(login) if is_current => {
                let next = used.followed_by(login);
                self.change(&mut state, Held::Somebody(Arc::clone(&next)));
                Ok(next)
            }
            // Another tenant was chosen meanwhile: its token stays, and the refresh token is the session's new one.
            Ok(login) => {
                if let Some(chosen) = now.login().filter(|now| now.session_id() == login.session_id()) {
                    let next = now.followed_by(chosen.clone().with_refresh_of(login));
                    self.change(&mut state, Held::Somebody(next));
                }
                Err(Arc::new(error::signed_out()))
            }
            Err(NoLogin { error, is_over }) => {
                let error = Arc::new(error);
                if is_current && is_over {
                    self.change(&mut state, Held::Ended(Arc::clone(&error)));
                } else if is_current {
                    // The server may be there again at the next call.
                    state.flight = None;
                }
                Err(error)
            }
        }
    }

    async fn read_store(&self) -> Result<Option<Login>> {
        match &self.store {
            Some(store) => Ok(parse(store.load().await?)),
            None => Ok(None),
        }
    }

    /// Makes the store say what is in memory, whatever others write to it at the same time.
    async fn persist(&self) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let mut telling = Telling { inner: self, is_over: false };
        let stored = self.tell(&**store).await;
        telling.is_over = true;
        stored
    }

    async fn tell(&self, store: &dyn TokenStore) -> Result<()> {
        while let Some((changes, text)) = self.unstored()? {
            match text {
                Some(text) => store.save(&text).await?,
                None => store.clear().await?,
            }
            self.lock().stored = changes;
        }
        Ok(())
    }

    /// As [`persist`](Self::persist), where it goes on in memory all the same.
    async fn persist_or_warn(&self) {
        if let Err(error) = self.persist().await {
            tracing::warn!(code = error.code(), "the token store could not be written: {error}");
        }
    }

    /// What the store does not know yet.
    fn unstored(&self) -> Result<Option<(u64, Option<String>)>> {
        let state = self.lock();
        let login = match &state.held {
            Held::Somebody(credential) => credential.login().and_then(Login::tokens),
            _ => None,
        };
        let text = login.map(serde_json::to_string).transpose().map_err(Error::internal)?;
        Ok((state.stored != state.changes).then_some((state.changes, text)))
    }
}

/// The store is told. Where this is dropped before its end, the next call makes up for it: a refresh token that a store does
/// not know is lost with the program.
struct Telling<'i> {
    inner: &'i Inner,
    is_over: bool,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.inner.lock().is_cut_off |= !self.is_over;
    }
}

/// What a store has kept. A text that is not understood, of another version say, is nobody: they sign in again.
fn parse(kept: Option<String>) -> Option<Login> {
    let login: Result<LoginResponse, _> =
        serde_json::from_str(kept.as_deref().filter(|text| !text.is_empty())?);
    if login.is_err() {
        tracing::warn!("the token store holds something else than a session");
    }
    login.ok().map(Login::Tokens)
}
