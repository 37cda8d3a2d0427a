//! A walk by chance over every route of the tenants, in two of them at once. Whatever one of them sends, with whatever
//! id of the other: no answer holds anything of the other's, nothing of the other's changes, and what the other has
//! answers as what nobody has. `MONO_TEST_STEPS` sets how long the walk is, `MONO_TEST_SEED` which one.

use crate::endpoints::routes;
use crate::server::{ADMIN, Answer, STRANGER, Server, USER, send};
use mono_core::id::{AccountId, TenantId};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

mono_storage::conformance!(no_route_crosses_a_tenant, a_route_that_crosses_is_found);

/// The callers of each tenant, the admin first.
const CALLERS: [&[&str]; 2] = [&[ADMIN, USER], &[STRANGER]];

/// Text that everything which a tenant names begins with, and nothing else does.
const MARKS: [&str; 2] = ["zzharbour", "zzlagoon"];

/// How many steps the access tokens are good for, with time to spare.
const STEPS_OF_A_TOKEN: u64 = 500;

struct Walk {
    server: Server,
    routes: Vec<(Method, String, Value)>,
    tokens: [Vec<String>; 2],
    /// The ids that each tenant has been shown, or that stand in its rows.
    ids: [BTreeSet<String>; 2],
    /// What both may know: people who belong to both, the catalogue.
    common: BTreeSet<String>,
    state: u64,
    succeeded: u64,
    /// Sends every step of the harbour's with the token of the lagoon, to see that it is found.
    mixes: bool,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Everything in a text that has the form of an id.
fn ids_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let words = text.split(|c| !is_part(c)).filter(|word| word.len() == 36);
    words.filter(|word| word.parse::<AccountId>().is_ok()).map(str::to_owned).collect()
}

impl Walk {
    async fn new(world: World, mixes: bool) -> Self {
        let server = Server::start(world).await;
        let routes = routes().into_iter().filter(|(method, path, _)| {
            // These take the ground away that the walk stands on: its own people.
            let is_own = *method == Method::DELETE && path.ends_with("/members/{member}")
                || path.ends_with("{member}/suspend");
            path.starts_with("/api/v1/tenant") && !is_own
        });
        let (routes, common) = (routes.collect(), BTreeSet::new());
        let state = setting("MONO_TEST_SEED", 0x6d6f_6e6f) | 1;
        let (tokens, ids) = Default::default();
        let mut walk = Self { server, routes, tokens, ids, common, state, succeeded: 0, mixes };
        let [harbour, lagoon] = [walk.rows(0).await, walk.rows(1).await];
        walk.common = ids_in(&harbour).intersection(&ids_in(&lagoon)).cloned().collect();
        walk
    }

    fn tenant(&self, side: usize) -> TenantId {
        if side == 0 { self.server.world.harbour.id } else { self.server.world.lagoon.id }
    }

    /// Everything that a tenant has, as text.
    async fn rows(&self, side: usize) -> String {
        let tables = self.server.world.test.rows_of(self.tenant(side)).await;
        tables.into_iter().map(|(table, rows)| format!("{table}\n{}\n", rows.join("\n"))).collect()
    }

    async fn sign_in(&mut self) {
        for (tokens, callers) in self.tokens.iter_mut().zip(CALLERS) {
            tokens.clear();
            for caller in callers {
                tokens.push(self.server.token(caller).await);
            }
        }
    }

    /// xorshift64: the same steps for the same seed.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % u64::try_from(end).unwrap()).unwrap()
    }

    /// An id of one's own, of the other's, or of nobody.
    fn id(&mut self, side: usize) -> String {
        let from = match self.below(8) {
            0..=3 => side,
            4..=6 => 1 - side,
            _ => return self.nobody(),
        };
        let place = self.below(self.ids[from].len().max(1));
        let id = self.ids[from].iter().nth(place).cloned();
        id.unwrap_or_else(|| self.nobody())
    }

    fn nobody(&self) -> String {
        self.server.database().new_id::<AccountId>().to_string()
    }

    /// The body with names of this tenant, and with ids by chance where it has ids.
    fn body(&mut self, side: usize, value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("name", Value::String(_)) => format!("{}-{}", MARKS[side], self.below(12)).into(),
                        (key, Value::String(_)) if key == "id" || key.ends_with("Id") => self.id(side).into(),
                        (_, value) => self.body(side, value),
                    };
                    (key, value)
                });
                Value::Object(fields.collect())
            }
            Value::Array(items) => items.into_iter().map(|item| self.body(side, item)).collect(),
            value => value,
        }
    }

    /// One call of one tenant; what is wrong with it, if anything.
    async fn step(&mut self) -> Result<(), String> {
        let side = self.below(2);
        let place = self.below(self.routes.len());
        let (method, template, body) = self.routes[place].clone();
        let mut path = template;
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            let id = self.id(side);
            path.replace_range(start..=end, &id);
        }
        let body = self.body(side, body);
        let caller = self.below(self.tokens[side].len());
        let token = if self.mixes { self.tokens[1][0].clone() } else { self.tokens[side][caller].clone() };

        let other = 1 - side;
        let before = self.rows(other).await;
        self.ids[other] = &ids_in(&before) - &self.common;
        let answer = self.call(&method, &path, &body, &token).await;
        let what = format!("{method} {path} {body} in {}: {}", MARKS[side], answer.status);
        if self.rows(other).await != before {
            return Err(format!("{what}: changed the other tenant"));
        }
        let sent = ids_in(&format!("{path} {body}"));
        let foreign: BTreeSet<_> =
            self.ids[other].iter().filter(|id| !self.ids[side].contains(*id)).cloned().collect();
        let shown = &ids_in(&answer.body) - &sent;
        if let Some(id) = shown.iter().find(|id| foreign.contains(*id)) {
            return Err(format!("{what}: shows {id} of the other tenant"));
        }
        if answer.body.contains(MARKS[other]) {
            return Err(format!("{what}: shows a name of the other tenant"));
        }
        if answer.status >= 500 {
            return Err(format!("{what}: {}", answer.body));
        }
        if let Some(id) = sent.iter().find(|id| foreign.contains(*id)) {
            let nobody = self.nobody();
            let (path, body) = (path.replace(id, &nobody), body.to_string().replace(id, &nobody));
            let body = serde_json::from_str(&body).unwrap();
            let unknown = self.call(&method, &path, &body, &token).await;
            let same = unknown.body.replace(&nobody, id) == answer.body && unknown.status == answer.status;
            if answer.status < 400 || !same {
                return Err(format!("{what}: {} and not {}", answer.body, unknown.body));
            }
        }
        self.succeeded += u64::from(answer.status < 400);
        let own = self.rows(side).await;
        self.ids[side] = &ids_in(&own) - &self.common;
        Ok(())
    }

    async fn call(&self, method: &Method, path: &str, body: &Value, token: &str) -> Answer {
        let mut request = self.server.request(method.clone(), path).bearer_auth(token);
        if !body.is_null() {
            request = request.json(body);
        }
        send(request).await
    }

    async fn run(&mut self, steps: u64) -> Result<(), String> {
        for number in 0..steps {
            if number % STEPS_OF_A_TOKEN == 0 {
                self.sign_in().await;
            }
            self.step().await?;
        }
        Ok(())
    }
}

async fn no_route_crosses_a_tenant(world: World) {
    let steps = setting("MONO_TEST_STEPS", 300);
    let mut walk = Walk::new(world, false).await;
    walk.run(steps).await.unwrap();
    assert!(walk.succeeded * 5 > steps, "only {} of {steps} calls did anything", walk.succeeded);
}

async fn a_route_that_crosses_is_found(world: World) {
    let mut walk = Walk::new(world, true).await;
    assert!(walk.run(300).await.is_err(), "the lagoon was served to the harbour, and nothing was found");
}
