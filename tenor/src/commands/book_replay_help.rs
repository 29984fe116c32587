//! What `tenor book replay --help` says about its formats. A test compares it with what the replay does.

/// The formats of `tenor book replay`, shown by its `--help`.
pub(crate) const BOOK_REPLAY_HELP: &str = r#"In, one JSON object a line. Prices are decimals, as strings or numbers; instants and spans are whole milliseconds.
  {"book":{"tick":"0.5","allocation":"fifo"}}        optional first line; tick 0.001 when absent. It may also have:
      allocation    fifo | pro_rata
      pro_rata_min  shares below it are nothing; 2 when absent      top  true: the order that made the best price comes first
      reference     the price before there is a trade; 0 when absent
      breaker       {"width":"2","window":60000,"length":5000,"random":1000,"extensions":1}: a trade more than width above the
                    lowest or below the highest of the window opens an auction of length and up to random; needs reference
      batch         always in an auction, which trades whenever so much time has passed
      band          as in the line {"band":..} below
      verbose       true: print events of every kind, as --all-events does
  {"place":{"id":1,"account":"a","side":"buy","type":"limit","price":"101.5","qty":2,
            "tif":"GTC","post_only":false,"stp":"cancel_newest"}}
      type  limit | market (no price)          tif  GTC | IOC | FOK | GTD (with expire_at) | GFA | GFN
      type  stop_limit | stop_market | take_limit | take_market (or stop | take_profit: limit iff there is a price), with
            trigger_price (a stop buy and a take sell wait for a rise to it, the others for a fall) and trigger last | mark | index
      stp   none | cancel_newest | cancel_oldest | cancel_both | decrement
      stp_token    a number or string (7 and "7" are one, 0 is none): only orders of the account with the same token are its own
      post_only    false | true or reject: refused if it would trade | slide: one tick off the other side; accepted says its price
      display      shows no more than so many lots and hides the rest
      ceiling      the worst limit that it and its amends may have, and the worst price of a market order
      expire_at    with GTD: the clock that ends it
      valid_until  refused (valid_until_passed) once the clock is past it
      reduce_only  true: immediate, and not larger than what the account's trades here add up to the other way; else refused
  {"amend":{"id":1,"price":"101","qty":1}}           qty is the new total size, fills included
      also trigger_price (of an order that waits) and valid_until
  {"cancel":{"id":1}}
  {"clock":{"at":1000}}                              time goes on: orders expire, auctions end; 0 at first, never back
  {"price":{"source":"mark","price":"101"}}          what mark and index triggers wait for; last comes from trades
  {"band":{"low":"95","high":"105"}}                 lowest limit of a sell, highest of a buy; null or absent: none
  {"auction":{"phase":"open"}}   {"auction":{"phase":"uncross","reference":"100"}}
      open may have kind (call | opening | volatility | restart) and until
  {"auction":{"phase":"indicative","reference":"100"}}   what an uncross would do now

Out, in order: accepted, rejected (with reason), trade, cancelled, amended; last the book with what each level shows:
  {"accepted":{"id":1}}
  {"rejected":{"id":1,"reason":"post_only_would_cross"}}
  {"rejected":{"id":1,"reason":"above_band","limit":"105"}}
  {"trade":{"maker":1,"taker":2,"price":"101.5","qty":2}}
  {"cancelled":{"id":1,"qty":2,"reason":"ioc"}}
  {"amended":{"id":1,"price":"101","qty":1}}
  {"indicative":{"price":"101","volume":15,"imbalance":-3,"rule":"unique"}}    null when nothing would trade
  {"book":{"bids":[["101.5",2]],"asks":[]}}
Only with verbose or --all-events:
  {"triggered":{"id":1}}   {"refreshed":{"id":1,"shown":2}}
  {"auction_opened":{"kind":"call","until":2000}}   {"auction_extended":{"until":2000}}
  {"auction_ended":{"price":"101","volume":15}}

An id may be used again once its order has ended. Absent, type is limit, tif GTC, stp none, trigger last. A decremented order is amended, too.
A field or word of an order that is not known is refused by name, never left out:
  {"rejected":{"id":1,"reason":"unsupported_field:colour"}}
A line that is no command ends the run: broken JSON, a wrong side, an id or account of the wrong type, an unknown field of any other line.

--stream: little endian; a header of 64 bytes: CDXSTRM1, u32 version 1, u32 books, u64 commands, u64 commands before the clock starts,
u32 lowest price, u32 highest price, u32 highest id (below 2^25), zeros; then 16 bytes a command: u8 op (0 add, 1 cancel, 2 modify, 3 IOC,
4 market), u8 side (0 buy), u16 book, u32 quantity, u32 id, u32 price. At most 2^25 commands. Out: figures for people, then one JSON object:
  {"commands":9,"trades":2,"volume":7,"notional":700,"rejected":1,"ns_per_command":40.5,"events_hash":"..","resting":3}
rejected counts cancels and modifies of orders that had ended. ns_per_command adds up, over slices of 1,000 commands, the least time of 3
to 7 passes (no new one after 3 seconds): decoding, matching, events and their count; the self-trade check is made (every order is an account
of its own and cancels the newest). All passes must give the same hash. An xz file has to be unpacked first."#;
