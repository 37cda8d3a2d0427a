//! The application: what every handler may reach, and the routes.

use crate::health::Lifecycle;
use crate::http_settings::HttpSettings;
use crate::layer::rate_limit::RateLimiting;
use crate::metrics::HttpMetrics;
use crate::openapi::Routes;
use crate::trusted_proxies::TrustedProxies;
use crate::{cors, layer, routes};
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use mono_auth::Authenticator;
use mono_auth::mail::Mailer;
use mono_core::model::template::Template;
use mono_core::subscription::{AddOn, CatalogueItem, Feature, FeatureSet, Limit, Plan};
use mono_storage::db::Database;
use schemars::JsonSchema;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// The largest body of a request, in bytes: 1 MiB.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// What every handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub database: Database,
    /// Turns secrets into callers.
    pub authenticator: Authenticator,
    /// Sends the mails that wait.
    pub mailer: Mailer,
    /// How often one may call; without it as often as one likes.
    pub rate_limits: Option<Arc<RateLimiting>>,
    /// The proxies that are believed when they say who their client is.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// How the server speaks HTTP.
    pub http: Arc<HttpSettings>,
    /// When it began, and whether it is about to end.
    pub lifecycle: Arc<Lifecycle>,
    /// What is measured of requests.
    pub measures: Arc<HttpMetrics>,
}

impl App {
    /// An application that trusts no proxy and limits nobody.
    pub fn new(database: Database, authenticator: Authenticator, mailer: Mailer) -> Self {
        Self {
            database,
            authenticator,
            mailer,
            rate_limits: None,
            trusted_proxies: Arc::default(),
            http: Arc::default(),
            lifecycle: Arc::default(),
            measures: HttpMetrics::new(),
        }
    }
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}

/// Every route of the server, with its layers.
pub fn router(app: App) -> Router {
    router_with(app, Router::new())
}

/// The routes of the server and of an application, behind the same layers.
pub fn router_with(mut app: App, own: Router<App>) -> Router {
    let routes = routes();
    app.rate_limits = app.rate_limits.map(|limiting| Arc::new(limiting.asking(&routes)));
    own.merge(routes.into_router())
        .merge(routes::docs::explorer())
        .fallback(layer::fallback::not_found)
        .method_not_allowed_fallback(layer::fallback::method_not_allowed)
        .layer(
            // In one go: each call of `layer` puts one more box around every route.
            ServiceBuilder::new()
                .option_layer(
                    (!app.http.cors_origins.is_empty()).then(|| cors::layer(&app.http.cors_origins)),
                )
                .layer(CompressionLayer::new())
                .layer(from_fn_with_state(Arc::new(app.clone()), layer::surround))
                .layer(CatchPanicLayer::custom(layer::panic::answer)),
        )
        .with_state(app)
}

/// Every route of the server, with what there is to say of it.
fn routes() -> Routes {
    routes::health::routes()
        .merge(routes::docs::routes())
        .merge(routes::public::jwks::routes())
        .nest(
            "/api/v1/public/auth",
            routes::public::auth::routes()
                .merge(routes::public::emails::routes())
                .merge(routes::public::magic_links::routes())
                .merge(routes::public::passwords::routes())
                .merge(routes::public::sign_up::routes()),
        )
        .nest("/api/v1/public/auth/invitations", routes::public::invitations::routes())
        .merge(catalogue::<Plan>())
        .merge(catalogue::<AddOn>())
        .merge(catalogue::<Feature>())
        .merge(catalogue::<FeatureSet>())
        .merge(catalogue::<Limit>())
        .merge(catalogue::<Template>())
        .nest(
            "/api/v1/platform/tenants",
            routes::platform::tenants::routes()
                .merge(routes::platform::subscriptions::routes())
                .merge(routes::platform::impersonation::routes()),
        )
        .nest("/api/v1/platform/assignments", routes::platform::assignments::routes())
        .nest("/api/v1/platform/users", routes::platform::users::routes())
        .nest("/api/v1/tenant", routes::tenant::tenants::routes())
        .nest(
            "/api/v1/tenant/accounts",
            routes::tenant::accounts::routes().merge(routes::tenant::teams::routes_of_accounts()),
        )
        .nest("/api/v1/tenant/api-keys", routes::tenant::api_keys::routes())
        .nest("/api/v1/tenant/audit", routes::tenant::audit::routes())
        .nest("/api/v1/tenant/auth-policy", routes::tenant::auth_policy::routes())
        .nest("/api/v1/tenant/mail-templates", routes::tenant::mail_templates::routes())
        .nest("/api/v1/tenant/teams", routes::tenant::teams::routes())
        .nest("/api/v1/tenant/entitlements", routes::tenant::entitlements::routes())
        .nest("/api/v1/tenant/invitations", routes::tenant::invitations::routes())
        .nest(
            "/api/v1/tenant/members",
            routes::tenant::members::routes()
                .merge(routes::tenant::assignments::routes_of_members())
                .merge(routes::tenant::grants::routes_of_members())
                .merge(routes::tenant::profiles::routes_of_members()),
        )
        .nest("/api/v1/tenant/profiles", routes::tenant::profiles::routes())
        .nest("/api/v1/tenant/assignments", routes::tenant::assignments::routes())
        .nest("/api/v1/tenant/grants", routes::tenant::grants::routes())
        .nest("/api/v1/tenant/guardrails", routes::tenant::guardrails::routes())
        .nest("/api/v1/tenant/role-overrides", routes::tenant::role_overrides::routes())
        .nest("/api/v1/tenant/roles", routes::tenant::roles::routes())
        .nest("/api/v1/tenant/schemas", routes::tenant::schemas::routes())
        .nest("/api/v1/tenant/option-sets", routes::tenant::option_sets::routes())
        .nest("/api/v1/tenant/usage", routes::tenant::usage::routes())
        .merge(routes::user::profile::routes())
        .nest(
            "/api/v1/user",
            routes::user::sessions::routes()
                .merge(routes::user::emails::routes())
                .merge(routes::user::invitations::routes())
                .merge(routes::user::passwords::routes())
                .merge(routes::user::second_factor::routes()),
        )
        .nest("/api/v1/user/permissions", routes::user::permissions::routes())
}

/// The OpenAPI document of the server, as JSON for people and programs.
pub fn openapi() -> String {
    format!("{:#}\n", routes().document())
}

fn catalogue<T: CatalogueItem + JsonSchema>() -> Routes {
    Routes::new().nest(T::KIND.path(), routes::platform::catalogue::routes::<T>())
}
