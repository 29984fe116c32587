//! The API reference says what the code does.

use std::path::PathBuf;

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md")
}

/// `docs/api.md` with each generated table between its two marks.
fn in_step(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, table) in [
        ("methods", api::reference::methods()),
        ("errors", api::reference::errors()),
        ("limits", api::reference::limits()),
    ] {
        let (begin, end) =
            (format!("<!-- {name}: made from the code -->\n"), format!("<!-- /{name} -->"));
        let (head, rest) = text.split_once(&begin).expect("the table's first mark");
        let (_, tail) = rest.split_once(&end).expect("the table's last mark");
        text = format!("{head}{begin}{table}{end}{tail}");
    }
    text
}

/// API-003: with `UPDATE_EXPECT=1` the page is rewritten.
#[test]
fn api_003_the_tables_of_the_reference_are_made_from_the_code() {
    let text = std::fs::read_to_string(page()).unwrap();
    let expected = in_step(&text);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(page(), expected).unwrap();
    } else {
        assert!(text == expected, "docs/api.md is out of step: run with UPDATE_EXPECT=1");
    }
}
