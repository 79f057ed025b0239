//! The ABI: every function says what it takes, and every shape is one that all guest languages can carry.

use wit_parser::{Function, FunctionKind, Resolve, Span, Type, TypeDefKind, TypeId, WorldItem};

use super::Complaints;
use super::tree::{self, File, root};

/// What every function's documentation says, in this order, each on a line of its own after the first sentence.
const FIELDS: [&str; 4] = ["Capability:", "Cost:", "Limits:", "Errors:"];

fn abi() -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_dir(root().join("wit")).unwrap();
    resolve
}

/// Every function: freestanding, of a resource, imported or exported by the world itself.
fn functions(resolve: &Resolve) -> Vec<&Function> {
    let interfaces = resolve.interfaces.iter().flat_map(|(_, interface)| interface.functions.values());
    let worlds =
        resolve.worlds.iter().flat_map(|(_, world)| world.imports.values().chain(world.exports.values()));
    let own = worlds.filter_map(|item| match item {
        WorldItem::Function(function) => Some(function),
        WorldItem::Interface { .. } | WorldItem::Type { .. } => None,
    });
    let all: Vec<&Function> = interfaces.chain(own).collect();
    // Counted a second way, so that a function in a place that this overlooks is noticed.
    let written =
        tree::all().iter().filter(|file| file.path.starts_with("wit/")).map(declarations).sum::<usize>();
    assert_eq!(all.len(), written, "functions found, and functions declared in wit/");
    assert!(all.iter().any(|function| function.name == "run"), "wit/world.wit exports no `run`");
    all
}

fn declarations(file: &File) -> usize {
    file.text.lines().filter(|line| !line.trim_start().starts_with("//") && line.contains("func(")).count()
}

/// `file:line` of the checkout; the parser gives an absolute path and a column too.
fn place(resolve: &Resolve, span: Span) -> (String, usize) {
    let whole = resolve.render_location(span);
    let inside = whole.strip_prefix(&format!("{}/", root().display())).unwrap_or(&whole).to_owned();
    let mut parts = inside.rsplitn(3, ':');
    let line = parts.nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
    (parts.next().unwrap_or(&inside).to_owned(), line)
}

#[test]
fn every_function_says_what_it_takes_and_answers() {
    let resolve = abi();
    let mut complaints = Complaints::default();
    for function in functions(&resolve) {
        let (file, line) = place(&resolve, function.span);
        for (what, remedy) in documentation(&resolve, function) {
            complaints.at(&file, line, format!("`{}` {what}", function.name), remedy);
        }
    }
    complaints.check();
}

/// What a function's comment lacks, and what to write.
fn documentation(resolve: &Resolve, function: &Function) -> Vec<(String, String)> {
    let text = function.docs.contents.as_deref().unwrap_or_default().trim();
    let mut wrong = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() || FIELDS.iter().any(|field| first.starts_with(field)) {
        wrong
            .push(("does not say what it does".to_owned(), "begin its comment with one sentence".to_owned()));
    }
    let mut expected = FIELDS.iter().copied().peekable();
    for line in text.lines() {
        if expected.peek().is_some_and(|field| line.starts_with(field)) {
            expected.next();
        }
    }
    if let Some(missing) = expected.next() {
        let order = FIELDS.join(" ");
        wrong.push((
            format!("has no line `{missing} …` in its place"),
            format!("write the lines {order} in this order"),
        ));
        return wrong;
    }
    for (index, name) in FIELDS.iter().enumerate() {
        if field(text, index).is_empty() {
            wrong.push((format!("says nothing after `{name}`"), "write `none.` if that is meant".to_owned()));
        }
    }
    let (cost, errors) = (field(text, 1), field(text, 3));
    let fallible = function.result.is_some_and(|result| answers_error(resolve, result));
    if fallible == errors.starts_with("none") {
        wrong.push((
            "names no errors and answers some, or the reverse".to_owned(),
            "mend `Errors:`".to_owned(),
        ));
    }
    if cost.contains("a call") && !errors.contains("`exhausted`") && !errors.starts_with("as `") {
        wrong.push((
            "costs a call, which can be exhausted".to_owned(),
            "name `exhausted` in `Errors:`".to_owned(),
        ));
    }
    wrong
}

/// What stands after a field's name, up to the next one's.
fn field(text: &str, index: usize) -> String {
    let rest = text.split_once(FIELDS[index]).map_or("", |(_, rest)| rest);
    let end = FIELDS.get(index + 1).and_then(|next| rest.find(next)).unwrap_or(rest.len());
    rest[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

fn answers_error(resolve: &Resolve, result: Type) -> bool {
    matches!(result, Type::Id(id) if matches!(&resolve.types[id].kind, TypeDefKind::Result(r) if r.err.is_some()))
}

#[test]
fn every_shape_fits_every_guest_language() {
    let resolve = abi();
    let mut complaints = Complaints::default();
    for function in functions(&resolve) {
        let (file, line) = place(&resolve, function.span);
        let mut say = |what: &str, remedy: &str| {
            complaints.at(&file, line, format!("`{}` {what}", function.name), remedy);
        };
        if function.kind.is_async() {
            say("is async", "make it synchronous: fibers wait, guests need not know");
        }
        if matches!(function.kind, FunctionKind::Constructor(_) | FunctionKind::Static(_)) {
            say(
                "is a constructor or static",
                "make it a function of the interface: it can then answer an error",
            );
        }
        for ty in function.params.iter().map(|param| param.ty).chain(function.result) {
            if let Err(what) = allowed(&resolve, ty, None) {
                say(&format!("takes or answers {what}"), REMEDY);
            }
        }
    }
    for (id, definition) in &resolve.types {
        let Some(name) = &definition.name else { continue };
        let (file, line) = place(&resolve, definition.span);
        if let Err(what) = parts(&resolve, id) {
            complaints.at(file, line, format!("`{name}` holds {what}"), REMEDY);
        }
    }
    complaints.check();
}

const REMEDY: &str =
    "use records, variants, enums, lists, strings, u8, u32, u64 or bool, and no option in an option";

/// What a named type consists of.
fn parts(resolve: &Resolve, id: TypeId) -> Result<(), String> {
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => record.fields.iter().try_for_each(|f| allowed(resolve, f.ty, None)),
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().filter_map(|case| case.ty).try_for_each(|ty| allowed(resolve, ty, None))
        }
        TypeDefKind::Enum(_) | TypeDefKind::Resource => Ok(()),
        TypeDefKind::Type(Type::Id(_)) => Ok(()),
        other => Err(format!("a named {}", other.as_str())),
    }
}

/// Whether a type may be used inside an anonymous `outer` one.
fn allowed(resolve: &Resolve, ty: Type, outer: Option<&str>) -> Result<(), String> {
    let id = match ty {
        Type::Bool | Type::U8 | Type::U32 | Type::U64 | Type::String => return Ok(()),
        Type::Id(id) => id,
        other => return Err(format!("{other:?}").to_lowercase()),
    };
    let kind = &resolve.types[id].kind;
    let name = kind.as_str();
    let nested = |inner: &Type| allowed(resolve, *inner, Some(name));
    match (outer, kind) {
        (Some("option"), TypeDefKind::Option(_)) => Err("an option in an option".to_owned()),
        (Some(outer), TypeDefKind::Result(_)) => Err(format!("a result in a {outer}")),
        (_, TypeDefKind::Option(inner) | TypeDefKind::List(inner)) => nested(inner),
        (_, TypeDefKind::Result(result)) => result.ok.iter().chain(&result.err).try_for_each(nested),
        // A named one is looked at where it is defined.
        (_, TypeDefKind::Record(_) | TypeDefKind::Variant(_) | TypeDefKind::Enum(_)) => Ok(()),
        (_, TypeDefKind::Handle(_) | TypeDefKind::Resource) => Ok(()),
        (outer, TypeDefKind::Type(inner)) => allowed(resolve, *inner, outer),
        (_, TypeDefKind::Flags(_) | TypeDefKind::Tuple(_) | TypeDefKind::Map(..)) => Err(name.to_owned()),
        (_, TypeDefKind::Future(_) | TypeDefKind::Stream(_)) => Err(name.to_owned()),
        (_, TypeDefKind::FixedLengthList(..) | TypeDefKind::Unknown) => Err(name.to_owned()),
    }
}

fn parsed(body: &str) -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_str("test.wit", &format!("package a:b;\ninterface c {{\n{body}\n}}\n")).unwrap();
    resolve
}

#[test]
fn the_rules_see_what_they_are_for() {
    let full =
        "/// Does.\n/// Capability: x.\n/// Cost: a call.\n/// Limits: y.\n/// Errors: `exhausted` (end).\n";
    let said = |docs: &str, function: &str| {
        let resolve = parsed(&format!("{docs}f: {function};"));
        let (_, interface) = resolve.interfaces.iter().next().unwrap();
        documentation(&resolve, &interface.functions["f"]).len()
    };
    assert_eq!(said(full, "func() -> result<_, string>"), 0);
    assert_eq!(said(full, "func()"), 1, "errors without an error type");
    assert_eq!(said(&full.replace("Does.", ""), "func() -> result<_, string>"), 1);
    assert_eq!(said(&full.replace("Limits: y.", "Limits:"), "func() -> result<_, string>"), 1);
    assert_eq!(said(&full.replace("/// Cost: a call.\n", ""), "func() -> result<_, string>"), 1);
    assert_eq!(said(&full.replace("`exhausted`", "`denied`"), "func() -> result<_, string>"), 1);

    let shape = |ty: &str| {
        let resolve = parsed(&format!("f: func(a: {ty});"));
        let (_, interface) = resolve.interfaces.iter().next().unwrap();
        allowed(&resolve, interface.functions["f"].params[0].ty, None)
    };
    for fine in ["u64", "list<option<string>>", "option<list<u8>>", "result<option<u64>, string>"] {
        assert_eq!(shape(fine), Ok(()), "{fine}");
    }
    for wrong in
        ["s64", "f32", "char", "tuple<u8, u8>", "option<option<u8>>", "option<result>", "result<result>"]
    {
        assert!(shape(wrong).is_err(), "{wrong}");
    }
}
