//! Changes of the API that break existing clients: they are compared with the document of the last
//! release, and each one must be named in the changelog.
//!
//! Not breaking: new operations, new optional parameters and fields of requests, new fields and
//! responses. Breaking: whatever a client sends must still be accepted, and whatever it reads must
//! still be there, with the same types.

use serde_json::Value;

use crate::read;

/// The document of the last release. Replaced when a version is released.
const RELEASED: &str = "tests/fixtures/openapi-released.json";
const CURRENT: &str = "docs/openapi.json";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// How a line of the changelog names a breaking change.
const MARK: &str = "**Breaking:**";

/// How a schema is used: what it accepts may become more for requests, and less for responses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Request,
    Response,
}

/// Compares two documents.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The operation and what is wrong with it.
    changes: Vec<(String, String)>,
    operation: String,
    /// References that are being compared, because schemas may contain themselves.
    open: Vec<(String, Use)>,
}

impl<'a> Comparison<'a> {
    fn new(old: &'a Value, new: &'a Value) -> Self {
        Self { old, new, changes: Vec::new(), operation: String::new(), open: Vec::new() }
    }

    fn found(&mut self, text: String) {
        let change = (self.operation.clone(), text);
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    fn run(mut self) -> Vec<(String, String)> {
        for (path, item) in self.old["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let Some(old) = item.get(method) else { continue };
                self.operation = format!("{} {path}", method.to_uppercase());
                match self.new["paths"][path].get(method) {
                    Some(new) => self.operation(old, new),
                    None => self.found("removed".to_owned()),
                }
            }
        }
        self.changes
    }

    fn operation(&mut self, old: &'a Value, new: &'a Value) {
        if old["operationId"] != new["operationId"] {
            self.found("another operationId".to_owned());
        }
        if old.get("security").is_some() && new.get("security").is_none() {
            self.found("needs a sign-in".to_owned());
        }
        self.parameters(old, new);
        let body = |operation: &'a Value| operation.get("requestBody");
        match (body(old), body(new)) {
            (Some(old), Some(new)) => {
                self.contents(&old["content"], &new["content"], Use::Request, "body");
                if new["required"] == true && old["required"] != true {
                    self.found("the body became required".to_owned());
                }
            }
            (Some(_), None) => self.found("has no body any more".to_owned()),
            (None, Some(new)) if new["required"] == true => {
                self.found("needs a body".to_owned());
            }
            (None, _) => {}
        }
        for (status, old) in old["responses"].as_object().into_iter().flatten() {
            let Some(new) = new["responses"].get(status) else {
                if status.starts_with('2') {
                    self.found(format!("no response {status} any more"));
                }
                continue;
            };
            let (old, new) = (resolve(self.old, old), resolve(self.new, new));
            self.contents(&old["content"], &new["content"], Use::Response, status);
            for name in old["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
                if new["headers"].get(name).is_none() {
                    self.found(format!("{status}: no header {name} any more"));
                }
            }
        }
    }

    fn parameters(&mut self, old: &'a Value, new: &'a Value) {
        fn all(operation: &Value) -> impl Iterator<Item = &Value> {
            operation["parameters"].as_array().into_iter().flatten()
        }
        let is_same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
        for known in all(old) {
            let name = known["name"].as_str().unwrap_or_default();
            match all(new).find(|parameter| is_same(parameter, known)) {
                None => self.found(format!("no parameter {name} any more")),
                Some(kept) => {
                    let place = format!("parameter {name}");
                    self.schemas(&known["schema"], &kept["schema"], Use::Request, &place);
                    if kept["required"] == true && known["required"] != true {
                        self.found(format!("{place} became required"));
                    }
                }
            }
        }
        let is_new = |added: &&Value| all(old).all(|known| !is_same(known, added));
        for added in all(new).filter(is_new).filter(|added| added["required"] == true) {
            self.found(format!("needs the parameter {}", added["name"]));
        }
    }

    fn contents(&mut self, old: &'a Value, new: &'a Value, used: Use, place: &str) {
        for (media_type, old) in old.as_object().into_iter().flatten() {
            match new.get(media_type) {
                None => self.found(format!("{place}: no {media_type} any more")),
                Some(new) => self.schemas(&old["schema"], &new["schema"], used, place),
            }
        }
    }

    fn schemas(&mut self, old: &'a Value, new: &'a Value, used: Use, place: &str) {
        let reference = old["$ref"].as_str().map(|reference| (reference.to_owned(), used));
        if let Some(reference) = &reference {
            if self.open.contains(reference) {
                return;
            }
            self.open.push(reference.clone());
        }
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        self.types(old, new, used, place);
        self.properties(old, new, used, place);
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.schemas(old, new, used, &format!("{place}[]"));
        }
        for (word, least) in [("allOf", false), ("oneOf", true), ("anyOf", true)] {
            let (old, new) = (old[word].as_array(), new[word].as_array());
            let (old, new) =
                (old.map_or(&[][..], Vec::as_slice), new.map_or(&[][..], Vec::as_slice));
            // Alternatives may be added to requests.
            let has_changed = match (used, least) {
                (Use::Request, true) => new.len() < old.len(),
                _ => new.len() != old.len(),
            };
            if has_changed {
                self.found(format!("{place}: other alternatives"));
            }
            for (old, new) in old.iter().zip(new) {
                self.schemas(old, new, used, place);
            }
        }
        if reference.is_some() {
            self.open.pop();
        }
    }

    fn types(&mut self, old: &Value, new: &Value, used: Use, place: &str) {
        let (from, to) = match used {
            Use::Request => (old, new),
            Use::Response => (new, old),
        };
        // Each type of `from` must be one of `to`.
        let types = |schema: &Value| match &schema["type"] {
            Value::Array(types) => types.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let (narrow, wide) = (types(from), types(to));
        let is_number = |kind: &Value| wide.contains(&"number".into()) && *kind == "integer";
        let fits = |kind: &Value| wide.contains(kind) || is_number(kind);
        let any_became_some = narrow.is_empty() && !wide.is_empty() && from.get("enum").is_none();
        if !narrow.iter().all(fits) && !wide.is_empty()
            || any_became_some && to.get("anyOf").is_none()
        {
            self.found(format!("{place}: another type, {} to {}", old["type"], new["type"]));
        }
        // Errors may get new codes: clients distinguish errors by their status first.
        let is_code = place.ends_with(".code");
        if let (Some(narrow), Some(wide)) = (from["enum"].as_array(), to["enum"].as_array()) {
            if let (Some(word), false) = (narrow.iter().find(|word| !wide.contains(word)), is_code)
            {
                self.found(format!("{place}: the word {word}"));
            }
        } else if from.get("enum").is_none() && to.get("enum").is_some() {
            self.found(format!("{place}: other words"));
        }
        if used == Use::Request {
            self.limits(old, new, place);
        }
    }

    /// What limits a request's values may only be relaxed.
    fn limits(&mut self, old: &Value, new: &Value, place: &str) {
        for word in ["pattern", "format", "multipleOf"] {
            let is_same = old[word] == new[word]
                || old[word].as_f64().is_some_and(|old| Some(old) == new[word].as_f64());
            if new.get(word).is_some() && !is_same {
                self.found(format!("{place}: another {word}"));
            }
        }
        for word in ["maximum", "maxLength", "maxItems"] {
            let (old, new) = (old[word].as_f64(), new[word].as_f64());
            if new.is_some_and(|new| old.is_none_or(|old| new < old)) {
                self.found(format!("{place}: a smaller {word}"));
            }
        }
        for word in ["minimum", "minLength", "minItems", "minProperties"] {
            let (old, new) = (old[word].as_f64(), new[word].as_f64());
            if new.is_some_and(|new| old.is_none_or(|old| new > old)) {
                self.found(format!("{place}: a greater {word}"));
            }
        }
    }

    fn properties(&mut self, old: &'a Value, new: &'a Value, used: Use, place: &str) {
        for (name, known) in old["properties"].as_object().into_iter().flatten() {
            let inner = format!("{place}.{name}");
            match new["properties"].get(name) {
                None => self.found(format!("{inner}: removed")),
                Some(kept) => self.schemas(known, kept, used, &inner),
            }
        }
        let required = |schema: &'a Value| schema["required"].as_array().into_iter().flatten();
        let (from, to, text) = match used {
            Use::Request => (new, old, "became required"),
            Use::Response => (old, new, "may be missing"),
        };
        for name in required(from).filter(|name| !required(to).any(|known| known == *name)) {
            let name = name.as_str().unwrap_or_default();
            self.found(format!("{place}.{name}: {text}"));
        }
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}

fn parse(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// The newest version's part of the changelog.
fn newest_changes(changelog: &str) -> &str {
    changelog.split("\n## ").nth(1).unwrap_or_default()
}

/// Those that no line of the changelog names.
fn unnamed(changes: Vec<(String, String)>, changelog: &str) -> Vec<String> {
    let named = |operation: &str| {
        let mark = format!("{MARK} `{operation}`");
        newest_changes(changelog).contains(&mark)
    };
    let unnamed = changes.into_iter().filter(|(operation, _)| !named(operation));
    unnamed.map(|(operation, text)| format!("{operation}: {text}")).collect()
}

#[test]
fn the_changelog_names_each_breaking_change_of_the_api() {
    let (old, new) = (parse(RELEASED), parse(CURRENT));
    let unnamed = unnamed(Comparison::new(&old, &new).run(), &read("CHANGELOG.md"));
    assert!(
        unnamed.is_empty(),
        "these changes break clients; if they must be, CHANGELOG.md names each operation in its \
         newest version, as in \"- {MARK} `POST /api/orders`: …\":\n{}",
        unnamed.join("\n")
    );
}

#[test]
fn each_kind_of_breaking_change_is_found() {
    let old = parse(CURRENT);
    let order = "/components/schemas/NewOrder";
    let place = "/paths/~1api~1orders/post";
    type Change = fn(&mut Value);
    let cases: [(&str, &str, Change); 12] = [
        ("/paths/~1api~1orders", "removed", |item| {
            item.as_object_mut().unwrap().remove("post");
        }),
        (place, "operationId", |operation| operation["operationId"] = "other".into()),
        (place, "no response 200", |operation| {
            operation["responses"].as_object_mut().unwrap().remove("200");
        }),
        (place, "no parameter", |operation| operation["parameters"] = Value::Null),
        (&format!("{order}/required"), "became required", |r| {
            r.as_array_mut().unwrap().push("price".into());
        }),
        (&format!("{order}/properties"), "removed", |p| {
            p.as_object_mut().unwrap().remove("stop_price");
        }),
        (&format!("{order}/properties/symbol"), "another type", |s| s["type"] = "integer".into()),
        (&format!("{order}/properties/symbol"), "a smaller", |s| s["maxLength"] = 3.into()),
        (&format!("{order}/properties/time_in_force"), "the word", |s| {
            s["enum"].as_array_mut().unwrap().pop();
        }),
        ("/components/schemas/Order/allOf/1/required", "may be missing", |r| {
            r.as_array_mut().unwrap().clear();
        }),
        ("/components/schemas/Trade/properties", "removed", |p| {
            p.as_object_mut().unwrap().remove("price");
        }),
        ("/components/schemas/Trade/properties/id", "another type", |s| {
            s["type"] = "string".into();
        }),
    ];
    for (pointer, expected, change) in cases {
        let mut new = old.clone();
        change(new.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")));
        let changes = Comparison::new(&old, &new).run();
        assert!(changes.iter().any(|(_, text)| text.contains(expected)), "{expected}: {changes:?}");
    }
    assert_eq!(Comparison::new(&old, &old).run(), []);
}

#[test]
fn what_does_not_break_clients_is_accepted() {
    let old = parse(CURRENT);
    let mut new = old.clone();
    new["components"]["schemas"]["NewOrder"]["properties"]["more"] =
        serde_json::json!({ "type": "string" });
    new["components"]["schemas"]["Trade"]["properties"]["more"] =
        serde_json::json!({ "type": "string" });
    new["components"]["schemas"]["NewOrder"]["properties"]["self_trade_prevention"]["enum"]
        .as_array_mut()
        .unwrap()
        .push("none".into());
    new["paths"]["/api/more"] = new["paths"]["/api/time"].clone();
    new["paths"]["/api/orders"]["post"]["responses"]["402"] = serde_json::json!({});
    assert_eq!(Comparison::new(&old, &new).run(), []);
}

#[test]
fn only_the_newest_version_of_the_changelog_names_changes() {
    let change = vec![("POST /api/orders".to_owned(), "removed".to_owned())];
    let named = "# Changelog\n\n## 0.2.0\n\n- **Breaking:** `POST /api/orders`: gone.\n";
    assert!(unnamed(change.clone(), named).is_empty());
    let old = "# Changelog\n\n## 0.3.0\n\n## 0.2.0\n\n- **Breaking:** `POST /api/orders`: gone.\n";
    assert_eq!(unnamed(change, old), ["POST /api/orders: removed"]);
}
