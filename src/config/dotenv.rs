//! Reads `.env` by the rules of Laravel's phpdotenv, so that a Laravel application's file has the
//! same meaning here.
//!
//! - A line is `NAME=value`, `export NAME=value` or a comment. `NAME` alone sets nothing.
//! - `${NAME}` is replaced in unquoted and in double-quoted values: by the variable of the
//!   environment or of an earlier line. It remains as it is if there is no such variable. Any other
//!   `$` is an ordinary character.
//! - `#` begins a comment, also directly after an unquoted value.
//! - Single quotes: everything is literal. Double quotes: escapes (`\"`, `\\`, `\$`, `\n`, `\r`,
//!   `\t`, `\f`, `\v`), and the value may have several lines.
//!
//! No error contains a value: it names the line and, if it is valid, the name of the variable.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

/// Why a file cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct DotenvError {
    line: usize,
    /// `None`: the line does not begin with a valid name.
    variable: Option<String>,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Name,
    MissingQuote,
    UnknownEscape,
    TextAfterValue,
}

impl fmt::Display for DotenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(variable) = &self.variable {
            write!(f, ", {variable}")?;
        }
        f.write_str(match self.problem {
            Problem::Name => ": each line must be NAME=value",
            Problem::MissingQuote => ": the closing quote is missing",
            Problem::UnknownEscape => {
                ": unknown escape sequence in double quotes; write \\\\ for a backslash"
            }
            Problem::TextAfterValue => {
                ": there is text after the value; a value with spaces needs quotes"
            }
        })
    }
}

/// The variables of a file, in order. A name may occur several times; the last value counts.
pub fn parse(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut rest = text.as_str();
    let mut line = 1;
    while !rest.is_empty() {
        let (current, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = current.trim_matches(is_blank);
        let (name, has_value) = match trimmed.split_once('=') {
            _ if trimmed.is_empty() || trimmed.starts_with('#') => ("", false),
            Some((name, _)) => (parse_name(name, line)?, true),
            None => (parse_name(trimmed, line)?, false),
        };
        if !has_value {
            (rest, line) = (after, line + 1);
            continue;
        }
        let written = rest.split_once('=').map_or("", |(_, written)| written);
        let lookup = |name: &str| {
            let earlier = || variables.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v);
            environment.get(name).or_else(earlier).map(String::as_str)
        };
        let (value, len) = Value::new(written, &lookup).parse().map_err(|problem| {
            let variable = Some(name.to_owned());
            DotenvError { line, variable, problem }
        })?;
        line += 1 + written[..len].matches('\n').count();
        variables.push((name.to_owned(), value));
        rest = written.get(len + 1..).unwrap_or_default();
    }
    Ok(variables)
}

fn parse_name(text: &str, line: usize) -> Result<&str, DotenvError> {
    let text = text.trim_matches(is_blank);
    let text = match text.strip_prefix("export") {
        Some(name) if name.starts_with(is_blank) => name.trim_start_matches(is_blank),
        _ => text,
    };
    let unquoted = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let name = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(text);
    if !name.is_empty() && name.chars().all(is_name) {
        Ok(name)
    } else {
        // The text may be the second line of a secret.
        Err(DotenvError { line, variable: None, problem: Problem::Name })
    }
}

/// The value at the beginning of a text, up to the end of its line.
struct Value<'a, F> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    lookup: &'a F,
    value: String,
}

impl<'a, F: Fn(&str) -> Option<&'a str>> Value<'a, F> {
    fn new(text: &'a str, lookup: &'a F) -> Self {
        Self { text, chars: text.char_indices().peekable(), lookup, value: String::new() }
    }

    /// The value, and the number of bytes up to the end of its line.
    fn parse(mut self) -> Result<(String, usize), Problem> {
        while self.chars.next_if(|(_, c)| is_blank(*c)).is_some() {}
        match self.chars.peek() {
            Some((_, '\'')) => self.single_quoted()?,
            Some((_, '"')) => self.double_quoted()?,
            _ => self.unquoted(),
        }
        while self.chars.next_if(|(_, c)| is_blank(*c)).is_some() {}
        match self.chars.peek() {
            Some((_, '#')) => while self.chars.next_if(|(_, c)| *c != '\n').is_some() {},
            None | Some((_, '\n')) => {}
            Some(_) => return Err(Problem::TextAfterValue),
        }
        let len = self.chars.peek().map_or(self.text.len(), |(position, _)| *position);
        Ok((self.value, len))
    }

    fn unquoted(&mut self) {
        let is_part = |c: char| c != '#' && c != '\n' && !is_blank(c);
        while let Some((position, c)) = self.chars.next_if(|(_, c)| is_part(*c)) {
            self.push(position, c);
        }
    }

    fn single_quoted(&mut self) -> Result<(), Problem> {
        self.chars.next();
        loop {
            match self.chars.next() {
                Some((_, '\'')) => return Ok(()),
                None | Some((_, '\n')) => return Err(Problem::MissingQuote),
                Some((_, c)) => self.value.push(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), Problem> {
        self.chars.next();
        loop {
            match self.chars.next().ok_or(Problem::MissingQuote)? {
                (_, '"') => return Ok(()),
                (_, '\\') => {
                    let (_, escaped) = self.chars.next().ok_or(Problem::MissingQuote)?;
                    self.value.push(match escaped {
                        '"' | '\\' | '$' => escaped,
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'f' => '\u{c}',
                        'v' => '\u{b}',
                        _ => return Err(Problem::UnknownEscape),
                    });
                }
                (position, c) => self.push(position, c),
            }
        }
    }

    /// Adds a character or, if it begins `${NAME}`, the value of that variable.
    fn push(&mut self, position: usize, c: char) {
        let name = self.text[position..].strip_prefix("${").and_then(|rest| rest.split_once('}'));
        match name.and_then(|(name, _)| Some((name, (self.lookup)(name)?))) {
            Some((name, value)) if name.chars().all(is_name) => {
                self.value.push_str(value);
                let end = position + "${".len() + name.len();
                while self.chars.next_if(|(next, _)| *next <= end).is_some() {}
            }
            _ => self.value.push(c),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// White space within a line.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{b}' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a file whose line 1 sets `A=one`, in an environment with `E=env`.
    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let environment = BTreeMap::from([("E".to_owned(), "env".to_owned())]);
        let variables = parse(&format!("A=one\n{text}"), &environment);
        let mut variables = variables.map_err(|error| error.to_string())?;
        assert_eq!(variables.remove(0), ("A".to_owned(), "one".to_owned()));
        Ok(variables)
    }

    #[test]
    fn values_are_read_as_phpdotenv_reads_them() {
        for (text, expected) in [
            ("X=ab$cd9", "ab$cd9"),
            ("X=app$ecret", "app$ecret"),
            ("X=$A", "$A"),
            ("X=$", "$"),
            ("X=a$$b", "a$$b"),
            ("X=${A}", "one"),
            ("X=x${A}y${E}z", "xoneyenvz"),
            ("X=${MISSING}", "${MISSING}"),
            ("X=${A", "${A"),
            ("X=${}", "${}"),
            ("X=$${A}", "$one"),
            ("X=\"${A} $A $\"", "one $A $"),
            ("X='${A} $A \\n # \"'", "${A} $A \\n # \""),
            ("X=\"a\\\"b\\\\c\\$\\n\\r\\t\\f\\v\"", "a\"b\\c$\n\r\t\u{c}\u{b}"),
            ("X=\"\\${A}\"", "${A}"),
            ("X=a\\nb", "a\\nb"),
            ("X=a'b\"c", "a'b\"c"),
            ("X=", ""),
            ("X=\"\"", ""),
            ("X=''", ""),
            ("X=  spaced \t ", "spaced"),
            ("  X = spaced", "spaced"),
            ("X=a#b", "a"),
            ("X=a # b", "a"),
            ("X=#b", ""),
            ("X=\"a#b\" # c", "a#b"),
            ("X='a' #", "a"),
            ("X=a=b==", "a=b=="),
            ("export X=a", "a"),
            ("export\tX=a", "a"),
            ("'X'=a", "a"),
            ("\"X\"=a", "a"),
            ("X=a\r", "a"),
            ("# Y=1\n\n  # Z\nX=a\n", "a"),
            ("X=\"a\nb\"", "a\nb"),
            ("X=\"a\r\nb\"\r\n", "a\nb"),
            ("X=ключ", "ключ"),
        ] {
            let expected = Ok(vec![("X".to_owned(), expected.to_owned())]);
            assert_eq!(read(text), expected, "{text:?}");
        }
        assert_eq!(read("NAME\nexport NAME\n"), Ok(Vec::new()));
        let names = |text| -> Result<Vec<String>, String> {
            read(text).map(|all| all.into_iter().map(|(name, _)| name).collect())
        };
        assert_eq!(names("B=1\nC=\"x\n\ny\"\nD=2"), Ok(["B", "C", "D"].map(str::to_owned).into()));
        let exported = ["exported", "export"].map(str::to_owned);
        assert_eq!(names("exported=1\nexport=2"), Ok(exported.into()));
        let bom = parse("\u{feff}B=1", &BTreeMap::new()).map(|all| all[0].0.clone());
        assert_eq!(bom.as_deref(), Ok("B"));
    }

    #[test]
    fn an_error_names_the_line_and_the_variable() {
        for (text, expected) in [
            ("=secret", "line 2: each line must be NAME=value"),
            ("X Y Z secret", "line 2: each line must be NAME=value"),
            ("B=1\n\nX Y=secret", "line 4: each line must be NAME=value"),
            ("X='secret", "line 2, X: the closing quote is missing"),
            ("X='secret\n'", "line 2, X: the closing quote is missing"),
            ("X=\"secret\nsecret", "line 2, X: the closing quote is missing"),
            ("B=\"1\n2\"\nX=\"secret", "line 4, X: the closing quote is missing"),
            (
                "X=\"secret\\d\"",
                "line 2, X: unknown escape sequence in double quotes; write \\\\ for a backslash",
            ),
            (
                "X=secret secret",
                "line 2, X: there is text after the value; a value with spaces needs quotes",
            ),
            (
                "X='a'secret",
                "line 2, X: there is text after the value; a value with spaces needs quotes",
            ),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "([A-Za-z_=$\\\\{}'\"# \t\r\n]|\\PC){0,60}") {
            let _ = parse(&text, &BTreeMap::new());
        }

        #[test]
        fn an_error_never_contains_a_value(
            value in "[$\\\\{}'\"#= \t]{0,4}s3ntinel[$\\\\{}'\"#= \t\n]{0,4}(s3ntinel)?",
        ) {
            if let Err(error) = parse(&format!("NAME={value}"), &BTreeMap::new()) {
                let shown = error.to_string();
                prop_assert!(!shown.contains("s3ntinel"), "{}", shown);
            }
        }

        #[test]
        fn a_quoted_value_is_read_back(value in "\\PC{0,40}") {
            let escaped: String = value
                .chars()
                .flat_map(|c| "\"\\$".contains(c).then_some('\\').into_iter().chain([c]))
                .collect();
            let variables = parse(&format!("NAME=\"{escaped}\""), &BTreeMap::new());
            prop_assert_eq!(variables, Ok(vec![("NAME".to_owned(), value)]));
        }
    }
}
