//! `infer`, with a model that answers from a script.

use serde_json::json;

use crate::syscalls::case::{Case, Shows, Shows::*};

fn asks(function: &'static str, shows: Shows) -> Case {
    Case::new(function, shows)
        .needs("infer = [\"default\"]")
        .flags(&["--model", "default=scripted:script.toml"])
}

pub fn cases() -> Vec<Case> {
    let denied = json!({"err": {"denied": null}});
    let unavailable =
        json!({"err": {"unavailable": {"detail": "overloaded", "retryable": true, "retry_after_ms": 5}}});
    let usage = json!({"tokens_in": 3, "tokens_out": 2, "micro_usd": 0});
    let stream = json!({"op": "stream", "prompt": "hi", "as": "g"});
    let next = json!({"op": "next", "on": "g"});
    vec![
        asks("infer.models", Granted)
            .does(json!([{"op": "models"}]))
            .answers(json!([{"ok": [
                {"name": "default", "context": 1000, "tools": false, "streaming": true, "json": false},
            ]}]))
            .leaves(&["call models listing body"]),
        asks("infer.models", Error)
            .flags(&["--model", "default=scripted:script.toml", "--budget", "calls=0"])
            .does(json!([{"op": "models"}]))
            .answers(json!([{"err": {"exhausted": "calls"}}]))
            .leaves(&["call models exhausted"]),
        asks("infer.generate", Granted)
            .does(json!([{"op": "generate", "prompt": "hi"}]))
            .answers(json!([{"ok": {"parts": [{"text": "an answer"}], "finish": "stop", "usage": usage}}]))
            .leaves(&["intent generate body", "outcome completion body"]),
        asks("infer.generate", Denied)
            .does(json!([{"op": "generate", "prompt": "hi", "model": "other"}]))
            .answers(json!([denied]))
            .leaves(&["call generate denied size"]),
        asks("infer.generate", Error)
            .does(json!([
                {"op": "generate", "prompt": "fail"},
                {"op": "generate", "prompt": "hi", "format": "json"},
                {"op": "generate", "prompt": "hi", "max_tokens": 60_000},
            ]))
            .answers(
                json!([unavailable, {"err": {"unsupported": null}}, {"err": {"exhausted": "tokens-out"}}]),
            )
            .leaves(&[
                "intent generate body",
                "outcome unavailable",
                "call generate unsupported size",
                "call generate exhausted size",
            ]),
        asks("infer.stream", Granted).does(json!([stream])).answers(json!([{"ok": null}])).leaves(&[
            "intent stream body",
            "outcome id",
            "call cancel done",
        ]),
        asks("infer.stream", Denied)
            .does(json!([{"op": "stream", "prompt": "hi", "model": "other"}]))
            .answers(json!([denied]))
            .leaves(&["call stream denied size"]),
        asks("infer.stream", Error)
            .does(json!([{"op": "stream", "prompt": "fail"}]))
            .answers(json!([unavailable]))
            .leaves(&["intent stream body", "outcome unavailable"]),
        asks("infer.generation.next", Granted)
            .does(json!([stream, next, next, next]))
            .answers(json!([
                {"ok": null},
                {"ok": {"text": "an answer"}},
                {"ok": {"end": {"finish": "stop", "usage": usage}}},
                {"ok": null},
            ]))
            .leaves(&[
                "intent stream body",
                "outcome id",
                "~next chunk body",
                "~next chunk body",
                "call next nothing",
                "call cancel done",
            ]),
        asks("infer.generation.next", Error)
            .does(json!([
                {"op": "stream", "prompt": "break", "as": "g"},
                next,
                next,
                {"op": "cancel", "on": "g"},
                next,
            ]))
            .answers(json!([
                {"ok": null},
                {"ok": {"text": "one "}},
                {"err": {"unavailable": {"detail": "the answer broke off", "retryable": true}}},
                {"ok": null},
                {"err": {"closed": null}},
            ]))
            .leaves(&[
                "intent stream body",
                "outcome id",
                "~next chunk body",
                "wait next",
                "outcome unavailable",
                "call cancel done",
                "call next closed",
            ]),
        asks("infer.generation.cancel", Granted)
            .does(json!([stream, {"op": "cancel", "on": "g"}, {"op": "cancel", "on": "g"}]))
            .answers(json!([{"ok": null}, {"ok": null}, {"ok": null}]))
            .leaves(&["intent stream body", "outcome id", "call cancel done"]),
    ]
}
