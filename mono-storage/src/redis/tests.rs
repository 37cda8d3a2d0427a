//! Against servers of its own, which are killed, stopped and filled up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Away, Call, Heard, Redis, RedisOptions, Script};
use crate::testkit::{RedisCluster, RedisServer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A loaded machine answers late; only where a fault is wanted, a call may end early.
const PATIENT: Duration = Duration::from_secs(5);
const BRIEF: Duration = Duration::from_millis(50);

static ADD: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");

async fn connect(url: &str, timeout: Duration) -> Redis {
    let mut options = RedisOptions::parse(url).unwrap();
    options.timeout = timeout;
    Redis::connect(&options).await.unwrap()
}

async fn set(redis: &Redis, key: &str) -> Result<(), Away> {
    let mut command = redis::cmd("SET");
    redis.send(command.arg(key).arg("value")).await
}

async fn get(redis: &Redis, key: &str) -> Result<Option<String>, Away> {
    let mut command = redis::cmd("GET");
    redis.send(command.arg(key)).await
}

/// Waits until Redis is up, or away; forever would mean that it does not recover by itself.
async fn until(redis: &Redis, up: bool) {
    let wait = async {
        while redis.is_up() != up {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.expect("the state is noticed");
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let Some(mut server) = RedisServer::start() else { return };
    server.kill();
    let redis = connect(&server.url(), PATIENT).await;
    assert!(!redis.is_up());
    assert_eq!(set(&redis, "{p}:a").await, Err(Away));
    server.restart();
    until(&redis, true).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
    assert_eq!(get(&redis, "{p}:a").await, Ok(Some("value".to_owned())));
}

#[tokio::test]
async fn a_server_that_is_killed_is_noticed_and_found_again() {
    let Some(mut server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), PATIENT).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
    server.kill();
    assert_eq!(get(&redis, "{p}:a").await, Err(Away));
    assert!(!redis.is_up());
    server.restart();
    until(&redis, true).await;
    assert_eq!(get(&redis, "{p}:a").await, Ok(None), "a new server is empty");
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_wait() {
    let Some(server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), BRIEF).await;
    until(&redis, true).await;
    server.freeze();
    until(&redis, false).await;
    // Without the breaker each of these would wait for its time: seconds in all.
    let calls = async {
        for _ in 0..10_000 {
            assert_eq!(get(&redis, "{p}:a").await, Err(Away));
        }
    };
    tokio::time::timeout(Duration::from_mins(1), calls).await.expect("nobody waits");
    server.thaw();
    until(&redis, true).await;
}

/// Passes on to a server what comes, and its answers after a while each.
async fn slow(port: u16, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (client, server) = (Arc::new(client), TcpStream::connect(("127.0.0.1", port)).await.unwrap());
            let server = Arc::new(server);
            tokio::spawn(pass(Arc::clone(&client), Arc::clone(&server), Duration::ZERO));
            tokio::spawn(pass(server, client, pause));
        }
    });
    address.port()
}

async fn pass(from: Arc<TcpStream>, to: Arc<TcpStream>, pause: Duration) {
    let mut buffer = [0; 4096];
    while from.readable().await.is_ok() {
        match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                tokio::time::sleep(pause).await;
                // So little is taken at once.
                if to.writable().await.is_err() || to.try_write(&buffer[..length]).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// On one thread: the time of the call ends before the answer that comes later is passed on, however slow the machine is.
#[tokio::test]
async fn a_server_that_takes_longer_than_a_call_may_is_away() {
    let Some(server) = RedisServer::start() else { return };
    let port = slow(server.port(), Duration::from_millis(200)).await;
    let mut options = RedisOptions::parse(&format!("redis://127.0.0.1:{port}")).unwrap();
    options.timeout = BRIEF;
    options.connect_timeout = Duration::from_mins(1);
    let redis = Redis::connect(&options).await.unwrap();
    assert!(!redis.is_up(), "the first call would wait in vain");
    options.timeout = PATIENT;
    let redis = Redis::connect(&options).await.unwrap();
    assert_eq!(get(&redis, "{p}:a").await, Ok(None));
}

/// The number of the servers as soon as they answer.
async fn incarnation(redis: &Redis) -> u64 {
    let answer = async {
        loop {
            match redis.incarnation() {
                Some(number) => return number,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), answer).await.expect("it comes up again")
}

#[tokio::test]
async fn a_server_that_starts_anew_is_told_from_one_that_was_slow() {
    let Some(mut server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), BRIEF).await;
    let first = incarnation(&redis).await;
    server.freeze();
    until(&redis, false).await;
    server.thaw();
    assert_eq!(incarnation(&redis).await, first, "nothing is lost");
    server.kill();
    until(&redis, false).await;
    server.restart();
    assert_eq!(incarnation(&redis).await, first + 1);
}

#[tokio::test]
async fn a_server_that_does_not_say_who_it_is_is_another_with_each_connection() {
    let Some(server) = RedisServer::start() else { return };
    server.command(&["ACL", "SETUSER", "mono", "on", ">secret", "~*", "&*", "+@all", "-info"]);
    let redis = connect(&format!("redis://mono:secret@127.0.0.1:{}", server.port()), PATIENT).await;
    let first = incarnation(&redis).await;
    server.command(&["CLIENT", "KILL", "USER", "mono"]);
    let anew = async {
        while incarnation(&redis).await == first {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), anew).await.expect("it is noticed");
}

#[tokio::test]
async fn a_server_that_cannot_write_is_away() {
    let Some(server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), PATIENT).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(set(&redis, "{p}:a").await, Err(Away));
    until(&redis, false).await;
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    until(&redis, true).await;

    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    until(&redis, false).await;
    server.command(&["REPLICAOF", "NO", "ONE"]);
    until(&redis, true).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
}

#[tokio::test]
async fn a_wrong_call_does_not_count_as_a_fault() {
    let Some(server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), PATIENT).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
    let arguments = Call { keys: &["{p}:a"], arguments: &[b"1"] };
    assert_eq!(redis.run::<i64>(&ADD, arguments).await, Err(Away), "the value is no number");
    let mut push = redis::cmd("LPUSH");
    assert_eq!(redis.send::<i64>(push.arg("{p}:a").arg(1)).await, Err(Away), "the value is no list");
    assert!(redis.is_up());
}

#[tokio::test]
async fn a_script_is_sent_again_where_the_server_forgot_it() {
    let Some(server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), PATIENT).await;
    let call = Call { keys: &["{p}:n"], arguments: &[b"2"] };
    assert_eq!(redis.run::<i64>(&ADD, call).await, Ok(2));
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(redis.run::<i64>(&ADD, call).await, Ok(4));
    assert_eq!(redis.run::<i64>(&ADD, call).await, Ok(6));
}

#[tokio::test]
async fn users_and_passwords_of_the_url_are_used() {
    let Some(server) = RedisServer::start() else { return };
    server.command(&["ACL", "SETUSER", "mono", "on", ">p@ss:word", "~{p}:*", "+@all"]);
    server.command(&["ACL", "SETUSER", "default", "off"]);
    let at = format!("127.0.0.1:{}", server.port());
    let redis = connect(&format!("redis://mono:p%40ss%3Aword@{at}"), PATIENT).await;
    assert_eq!(set(&redis, "{p}:a").await, Ok(()));
    let stranger = connect(&format!("redis://mono:wrong@{at}"), PATIENT).await;
    assert!(!stranger.is_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_tells_what_it_may_have_missed() {
    let Some(mut server) = RedisServer::start() else { return };
    let redis = connect(&server.url(), PATIENT).await;
    let mut subscription = redis.subscribe("{p}:news".to_owned());
    let publish = async |text: &str| {
        let mut command = redis::cmd("PUBLISH");
        redis.send::<i64>(command.arg("{p}:news").arg(text)).await
    };
    assert_eq!(subscription.next().await, Heard::Listening);
    assert_eq!(publish("one").await, Ok(1));
    assert_eq!(subscription.next().await, Heard::Message(b"one".to_vec()));
    server.restart();
    assert_eq!(subscription.next().await, Heard::Lost);
    assert_eq!(subscription.next().await, Heard::Listening);
    until(&redis, true).await;
    while publish("two").await != Ok(1) {
        until(&redis, true).await;
    }
    assert_eq!(subscription.next().await, Heard::Message(b"two".to_vec()));
    // Silence counts as lost: the other side of the connection may be gone without a word.
    server.freeze();
    assert_eq!(subscription.next().await, Heard::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_every_slot_and_survives_the_loss_of_a_master() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let redis = connect(&cluster.url(), PATIENT).await;
    let keys = (0..50).map(|number| format!("{{t:{number}}}:n")).collect::<Vec<_>>();
    for key in &keys {
        let call = Call { keys: &[key], arguments: &[b"1"] };
        assert_eq!(redis.run::<i64>(&ADD, call).await, Ok(1), "{key}");
    }
    let mut subscription = redis.subscribe("{p}:news".to_owned());
    assert_eq!(subscription.next().await, Heard::Listening);
    let mut publish = redis::cmd("PUBLISH");
    publish.arg("{p}:news").arg("one");
    redis.send::<i64>(&publish).await.unwrap();
    assert_eq!(subscription.next().await, Heard::Message(b"one".to_vec()));

    if let Some(master) = cluster.servers.first_mut() {
        master.kill();
    }
    let back = async {
        for key in &keys {
            let call = Call { keys: &[key], arguments: &[b"1"] };
            while redis.run::<i64>(&ADD, call).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), back).await.expect("a replica takes over every slot");
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_being_repeated() {
    for url in [
        "",
        "127.0.0.1:6379",
        "http://secret@127.0.0.1",
        "redis://",
        "redis://:secret@127.0.0.1:port",
        "redis-cluster://:secret@127.0.0.1/3",
        "redis://:secret@127.0.0.1,",
    ] {
        let error = RedisOptions::parse(url).expect_err(url);
        assert!(!format!("{error:?}").contains("secret"), "{url}");
    }
    let options = RedisOptions::parse("redis://:secret@127.0.0.1").unwrap();
    assert!(!format!("{options:?}").contains("secret"));
    assert!(RedisOptions::parse("rediss-cluster://mono:secret@redis.example.com:6380").unwrap().is_cluster);
    assert!(RedisOptions::parse("redis://10.0.0.1,10.0.0.2:7000").unwrap().is_cluster);
}
