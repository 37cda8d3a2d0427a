//! Routes with what there is to say of them.

use super::about::About;
use super::describe::Describe;
use super::signature::Handled;
use crate::app::App;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use mono_core::permission::Permission;

/// A router that remembers its operations.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<App>,
    pub(super) operations: Vec<Operation>,
}

/// One method of one address.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Says what the signature of the handler tells.
    pub(super) signature: fn(&mut Describe<'_>),
    pub(super) about: About,
}

macro_rules! methods {
    ($($method:ident $filter:ident;)*) => {$(
        /// Routes the method of an address to a handler.
        pub(crate) fn $method<H, T, D>(self, path: &str, handler: H, about: About) -> Self
        where
            H: Handler<T, App> + Handled<D>,
            T: 'static,
        {
            self.route(stringify!($method), MethodFilter::$filter, path, handler, about)
        }
    )*};
}

impl Routes {
    methods! { get GET; post POST; put PUT; patch PATCH; delete DELETE; }

    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn route<H, T, D>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &str,
        handler: H,
        about: About,
    ) -> Self
    where
        H: Handler<T, App> + Handled<D>,
        T: 'static,
    {
        self.operations.push(Operation { method, path: path.to_owned(), signature: H::describe, about });
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Takes the routes of another one too.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        self.router = self.router.merge(other.router);
        self
    }

    /// Takes the routes of another one, below an address.
    pub(crate) fn nest(mut self, prefix: &str, other: Self) -> Self {
        let below = other.operations.into_iter().map(|operation| Operation {
            // As axum does: "/" below "/a" is "/a".
            path: format!("{prefix}{}", if operation.path == "/" { "" } else { &operation.path }),
            ..operation
        });
        self.operations.extend(below);
        self.router = self.router.nest(prefix, other.router);
        self
    }

    /// The permissions that each route asks for, with its method and address: `GET /api/v1/tenant/accounts/{id}`.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = (String, Vec<Permission>)> {
        self.operations.iter().map(|operation| {
            let route = format!("{} {}", operation.method.to_uppercase(), operation.path);
            (route, operation.about.permissions.concat())
        })
    }

    /// The router for axum.
    pub(crate) fn into_router(self) -> Router<App> {
        self.router
    }
}
