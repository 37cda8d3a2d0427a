//! The layer in Redis. An entry holds the epoch and the versions of its tags from before its load, and is valid while they
//! are the same: a node that slept through a change finds out by itself.

use super::key::Key;
use super::{Cache, jitter};
use crate::bus::{TAG_LIFETIME, Tag};
use crate::redis::{Away, Call, Redis, Script, tag_key};
use mono_core::Error;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long one node may load before another tries as well; as long a node waits for another at most. In a test,
/// which may be stopped anywhere for a while, no time decides.
const LOCK: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 2 });

/// How often a node that waits looks.
const LOOK: Duration = Duration::from_millis(10);

/// The largest value that is shared, in bytes.
const LARGEST: usize = 1 << 20;

/// Gives the entry with its time in milliseconds, or else the versions of the tags and whether the caller is the one to
/// load. Nobody waits for a load from before a change. A tag without a version gets one: no entry from before has it.
static READ: Script = Script::new(
    "local versions = {}
     for i = 3, #KEYS do
         local version = redis.call('GET', KEYS[i])
         if not version then
             local time = redis.call('TIME')
             version = string.format('%.0f', time[1] * 1000000 + time[2])
             redis.call('SET', KEYS[i], version, 'PX', ARGV[3])
         end
         versions[i - 2] = version
     end
     local stamp = ARGV[4] .. ' ' .. table.concat(versions, ' ')
     local entry = redis.call('HMGET', KEYS[1], 'stamp', 'value')
     if entry[1] == stamp then
         return {2, redis.call('PTTL', KEYS[1]), stamp, entry[2]}
     end
     local lock = redis.call('GET', KEYS[2])
     if lock and string.sub(lock, #ARGV[1] + 1) == stamp then
         return {0, 0, stamp, ''}
     end
     redis.call('SET', KEYS[2], ARGV[1] .. stamp, 'PX', ARGV[2])
     return {1, 0, stamp, ''}",
);

static WRITE: Script = Script::new(
    "if ARGV[4] ~= '0' then
         redis.call('HSET', KEYS[1], 'stamp', ARGV[2], 'value', ARGV[3])
         redis.call('PEXPIRE', KEYS[1], ARGV[4])
     end
     if redis.call('GET', KEYS[2]) == ARGV[1] .. ARGV[2] then
         redis.call('DEL', KEYS[2])
     end
     return 1",
);

/// What Redis says to a question: how it stands, the time that is left, the versions of the tags, the value.
type Answer = (u8, i64, String, Vec<u8>);

const FOUND: u8 = 2;
const MINE: u8 = 1;
const OTHERS: u8 = 0;

impl Cache {
    /// Gives the value from Redis, or loads it, and how long it is good for.
    pub(super) async fn load_shared(
        &self,
        key: &Key,
        tags: &[Tag],
        load: impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send,
    ) -> Result<(Option<Vec<u8>>, Duration), Error> {
        let Some((redis, epoch)) = self.bus.trusted(key.owner()) else {
            self.redis.bypass();
            return Ok((load.await?, Duration::MAX));
        };
        let entry = Entry::new(key, tags, epoch);
        let begun = Instant::now();
        let mut answer = entry.read(redis).await;
        // Another node loads: what it finds is what this one would find.
        while matches!(answer, Ok((OTHERS, ..))) && begun.elapsed() < LOCK {
            tokio::time::sleep(LOOK).await;
            answer = entry.read(redis).await;
        }
        match answer {
            Ok((FOUND, left, _, value)) => {
                self.redis.hit();
                let left = u64::try_from(left).unwrap_or_default();
                Ok((decode(value), Duration::from_millis(left)))
            }
            Ok((state, _, stamp, _)) => {
                self.redis.miss();
                self.redis.load();
                let loaded = load.await;
                let value = loaded.as_ref().ok();
                if value.is_some() || state == MINE {
                    entry.write(redis, &stamp, value.and_then(Option::as_ref), value.is_some()).await;
                }
                Ok((loaded?, Duration::MAX))
            }
            Err(Away) => {
                self.redis.bypass();
                Ok((load.await?, Duration::MAX))
            }
        }
    }
}

/// The keys of one value.
struct Entry<'k> {
    key: &'k Key,
    keys: Vec<String>,
    token: Uuid,
    epoch: String,
}

impl<'k> Entry<'k> {
    fn new(key: &'k Key, tags: &[Tag], epoch: u64) -> Self {
        let text = key.text();
        let lock = format!("{text}:lock");
        let owner = key.owner();
        let tags = tags.iter().map(|tag| tag_key(owner, tag));
        let token = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        let keys = [text, lock].into_iter().chain(tags).collect();
        Self { key, keys, token, epoch: epoch.to_string() }
    }

    async fn read(&self, redis: &Redis) -> Result<Answer, Away> {
        let keys = self.keys.iter().map(String::as_str).collect::<Vec<_>>();
        let token = self.token.as_bytes().as_slice();
        let lock = LOCK.as_millis().to_string();
        let arguments = [token, lock.as_bytes(), TAG_LIFETIME.as_bytes(), self.epoch.as_bytes()];
        redis.run(&READ, Call { keys: &keys, arguments: &arguments }).await
    }

    /// Keeps what was loaded, and lets others load again.
    async fn write(&self, redis: &Redis, stamp: &str, value: Option<&Vec<u8>>, is_loaded: bool) {
        let is_small = value.is_none_or(|value| value.len() <= LARGEST);
        let lifetime = if value.is_none() { self.key.space.negative } else { self.key.space.fresh };
        let lifetime = if is_loaded && is_small { jitter(lifetime).as_millis() } else { 0 };
        let encoded = if is_small { encode(value) } else { Vec::new() };
        let lifetime = lifetime.to_string();
        let keys = self.keys.iter().take(2).map(String::as_str).collect::<Vec<_>>();
        let arguments = [self.token.as_bytes().as_slice(), stamp.as_bytes(), &encoded, lifetime.as_bytes()];
        // Where it is not kept, the next question loads again.
        let _ = redis.run::<u8>(&WRITE, Call { keys: &keys, arguments: &arguments }).await;
    }
}

/// A value is told from nothing by a byte before it.
fn encode(value: Option<&Vec<u8>>) -> Vec<u8> {
    value.map_or_else(Vec::new, |value| [b"+", value.as_slice()].concat())
}

fn decode(mut value: Vec<u8>) -> Option<Vec<u8>> {
    (!value.is_empty()).then(|| value.split_off(1))
}
