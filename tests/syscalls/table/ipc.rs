//! `ipc`. The root is called `case`; it may send to itself.

use serde_json::json;

use crate::syscalls::case::{Case, Shows::*};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("ipc.send", Granted)
            .needs("spawn = [\"idle\"]\nsend = [\"idle\"]")
            .does(json!([{"op": "spawn", "component": "idle"}, {"op": "send", "to": "idle", "body": "hi"}]))
            .answers(json!([{"ok": 2}, {"ok": "*"}]))
            .leaves(&["call spawn id body", "call pid id", "call send id body"]),
        Case::new("ipc.send", Denied)
            .needs("spawn = [\"idle\"]\nsend = [\"other\"]")
            .does(json!([
                {"op": "spawn", "component": "idle"},
                {"op": "send", "to": "idle", "body": "hi"},
                {"op": "send", "to": "idle", "body": "ho"},
                {"op": "send", "to": "parent", "body": "ho"},
            ]))
            .answers(json!([{"ok": 2}, {"err": {"denied": null}}, {"err": {"denied": null}}, {"err": {"denied": null}}]))
            .leaves(&["call spawn id body", "call pid id", "call send denied x2 size", "call send denied size"]),
        Case::new("ipc.send", Error)
            .needs("send = [\"*\"]")
            .does(json!([{"op": "send", "to": "nobody", "body": "hi"}, {"op": "send", "to": "case", "size": 1_048_577}]))
            .answers(json!([{"err": {"not-found": null}}, {"err": {"too-large": 1_048_576}}]))
            .leaves(&["call send not-found size", "call send too-large size"]),
        Case::new("ipc.receive", Granted)
            .needs("send = [\"case\"]")
            .does(json!([
                {"op": "send", "to": "case", "body": "hi", "priority": "high", "in_reply_to": 7},
                {"op": "receive"},
                {"op": "receive", "timeout_ms": 0},
                {"op": "receive", "timeout_ms": 1},
            ]))
            .answers(json!([
                {"ok": "*"},
                {"ok": {"sender": 1, "sender_name": "case", "topic": null, "in_reply_to": 7, "priority": "high", "body": "hi"}},
                {"ok": null},
                {"ok": null},
            ]))
            .leaves(&["call send id body", "call receive message", "call receive nothing", "wait receive", "outcome nothing"]),
        Case::new("ipc.receive", Error)
            .flags(&["--budget", "calls=1"])
            .does(json!([{"op": "receive", "timeout_ms": 0}, {"op": "receive", "timeout_ms": 0}]))
            .answers(json!([{"ok": null}, {"err": {"exhausted": "calls"}}]))
            .leaves(&["call receive nothing", "call receive exhausted"]),
        Case::new("ipc.publish", Granted)
            .needs("publish = [\"news.*\"]\nsubscribe = [\"news.*\"]")
            .does(json!([
                {"op": "publish", "topic": "news.a", "body": "1"},
                {"op": "subscribe", "pattern": "news.*", "as": "s"},
                {"op": "publish", "topic": "news.a", "body": "2"},
            ]))
            .answers(json!([{"ok": 0}, {"ok": null}, {"ok": 1}]))
            .leaves(&["call publish count body", "call subscribe id", "call publish count body", "call close done"]),
        Case::new("ipc.publish", Denied)
            .needs("publish = [\"news.*\"]")
            .does(json!([{"op": "publish", "topic": "weather.a", "body": "1"}]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call publish denied size"]),
        Case::new("ipc.publish", Error)
            .needs("publish = [\"*\"]")
            .does(json!([{"op": "publish", "topic": "news.*", "body": "1"}]))
            .answers(json!([{"err": {"invalid": "*"}}]))
            .leaves(&["call publish invalid size"]),
        Case::new("ipc.subscribe", Granted)
            .needs("subscribe = [\"news.*\"]")
            .does(json!([{"op": "subscribe", "pattern": "news.a"}]))
            .answers(json!([{"ok": null}]))
            .leaves(&["call subscribe id", "call close done"]),
        Case::new("ipc.subscribe", Denied)
            .needs("subscribe = [\"news.*\"]")
            .does(json!([{"op": "subscribe", "pattern": "*"}, {"op": "subscribe", "pattern": "weather"}]))
            .answers(json!([{"err": {"denied": null}}, {"err": {"denied": null}}]))
            .leaves(&["call subscribe denied", "call subscribe denied"]),
        Case::new("ipc.subscribe", Error)
            .needs("subscribe = [\"*\"]")
            .does(json!([{"op": "subscribe", "pattern": "a..b"}]))
            .answers(json!([{"err": {"invalid": "*"}}]))
            .leaves(&["call subscribe invalid"]),
        Case::new("ipc.subscription.close", Granted)
            .needs("subscribe = [\"news.a\"]")
            .does(json!([
                {"op": "subscribe", "pattern": "news.a", "as": "s"},
                {"op": "close", "on": "s"},
                {"op": "close", "on": "s"},
            ]))
            .answers(json!([{"ok": null}, {"ok": null}, {"ok": null}]))
            .leaves(&["call subscribe id", "call close done"]),
    ]
}
