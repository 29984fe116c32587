//! What is printed adds up: whoever reads only the output knows what is open of every order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::replay;

const KINDS: [&str; 12] = [
    r#""price":"100""#,
    r#""price":"101","tif":"GFA""#,
    r#""price":"99","tif":"GFN""#,
    r#""price":"100","tif":"FOK""#,
    r#""price":"101","tif":"IOC""#,
    r#""price":"100","tif":"GTD","expire_at":9"#,
    r#""price":"101","post_only":"slide""#,
    r#""price":"100","display":2"#,
    r#""price":"99","display":1,"stp_token":1"#,
    r#""type":"market""#,
    r#""type":"stop_limit","price":"102","trigger_price":"100""#,
    r#""type":"take_market","trigger_price":"100","trigger":"mark""#,
];

const MODES: [&str; 5] = ["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"];

/// How much an order of an id is for, so that the output alone says it.
const fn size_of(id: u64) -> u64 {
    id * 3 + 1
}

fn any_line() -> impl Strategy<Value = String> {
    let who = (select(&["buy", "sell"]), select(&["a", "b", "c"]), select(&MODES));
    let place = (1..10_u64, who, select(&KINDS)).prop_map(|(id, (side, account, stp), kind)| {
        let qty = size_of(id);
        format!(
            r#"{{"place":{{"id":{id},"account":"{account}","side":"{side}","qty":{qty},"stp":"{stp}",{kind}}}}}"#
        )
    });
    let amend =
        (1..10_u64, select(&["99", "100", "101"]), 0..20_u64).prop_map(|(id, price, qty)| {
            format!(r#"{{"amend":{{"id":{id},"price":"{price}","qty":{qty}}}}}"#)
        });
    let others = select(&[
        r#"{"auction":{"phase":"open"}}"#,
        r#"{"auction":{"phase":"open","until":6}}"#,
        r#"{"auction":{"phase":"uncross","reference":"100"}}"#,
        r#"{"price":{"source":"mark","price":"100"}}"#,
        r#"{"band":{"low":"99","high":"101"}}"#,
        r#"{"band":{}}"#,
    ]);
    prop_oneof![
        12 => place,
        4 => amend,
        1 => (1..10_u64).prop_map(|id| format!(r#"{{"cancel":{{"id":{id}}}}}"#)),
        2 => others.prop_map(str::to_owned),
    ]
}

/// What is open of every order, from the lines alone.
#[derive(Default)]
struct Reader {
    /// Size and what of it has traded.
    orders: BTreeMap<u64, (u64, u64)>,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), TestCaseError> {
        let line: Value = serde_json::from_str(line).unwrap();
        let (kind, body) = line.as_object().unwrap().iter().next().unwrap();
        let number = |field: &str| body[field].as_u64().unwrap();
        match kind.as_str() {
            "accepted" => {
                let id = number("id");
                prop_assert!(self.orders.insert(id, (size_of(id), 0)).is_none(), "{}", line);
            }
            "trade" => {
                for id in [number("maker"), number("taker")] {
                    let Some((size, filled)) = self.orders.get_mut(&id) else {
                        return Err(TestCaseError::fail(format!("nobody's trade: {line}")));
                    };
                    *filled += number("qty");
                    prop_assert!(*filled <= *size, "{}", line);
                    if filled == size {
                        self.orders.remove(&id);
                    }
                }
            }
            "amended" => {
                let Some((size, _)) = self.orders.get_mut(&number("id")) else {
                    return Err(TestCaseError::fail(format!("nobody's amend: {line}")));
                };
                *size = number("qty");
            }
            "cancelled" => {
                let order = self.orders.remove(&number("id"));
                let open = order.map(|(size, filled)| size - filled);
                prop_assert_eq!(open, Some(number("qty")), "{}", line);
            }
            "triggered" | "refreshed" => {
                prop_assert!(self.orders.contains_key(&number("id")), "{}", line);
            }
            _ => {}
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whoever_adds_the_lines_up_knows_what_is_open(
        terms in select(&[
            "{}",
            r#"{"allocation":"pro_rata","top":true}"#,
            r#"{"batch":3}"#,
            r#"{"reference":"100","breaker":{"width":"0.5","window":9,"length":2,"extensions":1}}"#,
        ]),
        lines in prop::collection::vec(any_line(), 0..80),
    ) {
        let mut input = format!("{{\"book\":{terms}}}\n");
        for (line, at) in lines.iter().zip(0..) {
            let at = at / 4;
            input.push_str(&format!("{line}\n{{\"clock\":{{\"at\":{at}}}}}\n"));
        }
        // In the end everything is cancelled: what is left has an id that can be named.
        for id in 1..10 {
            input.push_str(&format!("{{\"cancel\":{{\"id\":{id}}}}}\n"));
        }
        let text = replay(&input, true);
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.read(line)?;
        }
        prop_assert!(reader.orders.is_empty(), "{:?}", reader.orders);
        prop_assert!(text.ends_with("{\"book\":{\"bids\":[],\"asks\":[]}}\n"), "{}", text);
        let plain: Vec<&str> = text.lines().filter(|line| !is_detail(line)).collect();
        let said = replay(&input, false);
        prop_assert_eq!(said.lines().collect::<Vec<_>>(), plain);
    }
}

fn is_detail(line: &str) -> bool {
    ["{\"triggered", "{\"refreshed", "{\"auction_"].iter().any(|start| line.starts_with(start))
}
