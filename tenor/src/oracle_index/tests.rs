//! Small files in, rows out; every kind of bad input by its name.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use oracle::{Index, Params, State};

use super::load::read;
use super::{IndexError, generate, index, run};

const HEADER: &str = "ts,gpu_class,provider,configs,min,avg";

/// The rows for these observations, written without their header line.
fn rows_of(observations: &str) -> String {
    let ticks = read(format!("{HEADER}\n{observations}").as_bytes(), Path::new("FILE"))
        .expect("observations");
    let mut out = Vec::new();
    index(&ticks, &mut out).expect("rows");
    let text = String::from_utf8(out).expect("text");
    text.lines().skip(1).fold(String::new(), |rows, line| rows + line + "\n")
}

#[track_caller]
fn check(observations: &str, expected: &Expect) {
    expected.assert_eq(&rows_of(observations));
}

/// Five providers of the class at one time.
fn five(ts: &str, class: &str) -> String {
    let mut rows = String::new();
    for (provider, min) in [("a", "1.8"), ("b", "2"), ("c", "2.10"), ("d", "2.3"), ("e", "2.9")] {
        writeln!(rows, "{ts},{class},{provider},1,{min},{min}").expect("a string");
    }
    rows
}

/// ORACLE-019: from its first tick a grade has a row in every tick; nobody quoting is a reason, not a gap.
#[test]
fn oracle_019_every_grade_has_a_row_in_every_tick_from_its_first() {
    let late = five("2026-01-01T00:30:00Z", "RTX_6000");
    let file = five("2026-01-01T00:00:00Z", "H100_80GB_SXM5")
        + &late
        + "2026-01-01T01:00:00.5Z,H100_80GB_SXM5,a,1,1.8,1.8\n";
    check(
        &file,
        &expect![[r#"
            2026-01-01T00:00:00Z,H100,2.126743,0.01,OK,5
            2026-01-01T00:30:00Z,H100,,1,WITHHELD(no observations),0
            2026-01-01T00:30:00Z,RTX_6000,2.126743,0.01,OK,5
            2026-01-01T01:00:00.5Z,H100,,1,WITHHELD(1 of 4 providers),1
            2026-01-01T01:00:00.5Z,RTX_6000,,1,WITHHELD(no observations),0
        "#]],
    );
}

/// ORACLE-019: classes that are a grade of ours take its name, others keep theirs.
#[test]
fn oracle_019_classes_take_the_name_of_their_grade() {
    let classes =
        ["H100_80GB_SXM5", "A100_80GB_SXM4", "H200_141GB", "B200_180GB", "A100_80GB_PCIe"];
    let row = |class| format!("2026-01-01T00:00:00Z,{class},a,1,2,2\n");
    let rows = rows_of(&classes.map(row).concat());
    let grades: Vec<&str> = rows.lines().filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(grades, ["A100", "A100_80GB_PCIe", "B200", "H100", "H200"]);
}

/// ORACLE-019: classes one after another or mixed in time are the same observations.
#[test]
fn the_order_of_the_classes_does_not_matter() {
    let at = |minute| format!("2026-01-01T00:{minute}:00Z");
    let (early, late) = (at("00"), at("30"));
    let grouped =
        [five(&early, "X"), five(&late, "X"), five(&early, "Y"), five(&late, "Y")].concat();
    let mixed = [five(&early, "X"), five(&early, "Y"), five(&late, "X"), five(&late, "Y")].concat();
    assert_eq!(rows_of(&grouped), rows_of(&mixed));
}

#[test]
fn columns_stand_in_any_order_and_others_are_ignored() {
    let file =
        "avg,min,note,configs,provider,gpu_class,ts\r\n2,2,hi,1,a,X,2026-01-01T00:00:00+00:00\r\n";
    let ticks = read(file.as_bytes(), Path::new("FILE")).unwrap();
    assert_eq!(ticks.len(), 1);
    assert_eq!(ticks[0].by_grade["X"][0].price().micros(), 2_000_000);
}

/// ORACLE-020: a price is what its text says, to the micro-dollar.
#[test]
fn a_price_is_read_exactly_and_rounded_once_below_a_micro_dollar() {
    for (min, micros) in [
        ("2.345678", 2_345_678),
        ("2.3456785", 2_345_678),
        ("2.3456775", 2_345_678),
        ("0.000001", 1),
    ] {
        let file = format!("{HEADER}\n2026-01-01T00:00:00Z,X,a,1,{min},3.9999999999999999\n");
        let ticks = read(file.as_bytes(), Path::new("FILE")).unwrap();
        assert_eq!(ticks[0].by_grade["X"][0].price().micros(), micros, "{min}");
    }
}

#[track_caller]
fn refused(file: &[u8]) -> String {
    let error = read(file, Path::new("FILE")).expect_err("bad input");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// ORACLE-020: bad input is named with its line and field.
#[test]
fn oracle_020_bad_fields_are_named_with_their_line_and_field() {
    let rows = [
        "2026-01-01T00:30:00Z,X,b,1,nan,2",
        "2026-01-01T00:30:00Z,X,b,1,-1,2",
        "2026-01-01T00:30:00Z,X,b,1,0.000,2",
        "2026-01-01T00:30:00Z,X,b,1,0.0000001,2",
        "2026-01-01T00:30:00Z,X,b,1,1e3,2",
        "2026-01-01T00:30:00Z,X,b,1,2.,2",
        "2026-01-01T00:30:00Z,X,b,1,1_0,2",
        "2026-01-01T00:30:00Z,X,b,1,2000000000,2",
        "2026-01-01T00:30:00Z,X,b,1,99999999999999999999999999999,2",
        "2026-01-01T00:30:00Z,X,b,1,2,",
        "2026-01-01T00:30:00Z,X,b,1,2,-3",
        "2026-01-01T00:30:00Z,X,b,0,2,2",
        "2026-01-01T00:30:00Z,X,b,1.5,2,2",
        "2026-01-01T00:30:00Z,X,b,4294967296,2,2",
        "2026-01-01T00:30:00Z,X,,1,2,2",
        "2026-01-01T00:30:00Z,,b,1,2,2",
        "2026-01-01T00:30:00Z,X Y,b,1,2,2",
        "2026-02-30T00:30:00Z,X,b,1,2,2",
        "2026-01-01 00:30:00,X,b,1,2,2",
        "2026-01-01T24:30:00Z,X,b,1,2,2",
        "1969-01-01T00:30:00Z,X,b,1,2,2",
        "2025-12-31T23:59:59Z,X,b,1,2,2",
        "2026-01-01T00:00:00Z,X,a,1,2,2",
        "2026-01-01T00:30:00Z,X,b,1,2",
        "2026-01-01T00:30:00Z,X,b,1,2,2,2",
    ];
    let refusal = |row: &str| {
        refused(format!("{HEADER}\n2026-01-01T00:00:00Z,X,a,1,2,2\n{row}\n").as_bytes())
    };
    let refusals: String = rows.iter().map(|row| format!("{}\n", refusal(row))).collect();
    expect![[r#"
        line 3, field min: "nan" is not a decimal number of at most 28 digits
        line 3, field min: -1 is not positive
        line 3, field min: 0.000 is not positive
        line 3, field min: price of 0 micro-dollars is not between 1 and 1000000000000000
        line 3, field min: "1e3" is not a decimal number of at most 28 digits
        line 3, field min: "2." is not a decimal number of at most 28 digits
        line 3, field min: "1_0" is not a decimal number of at most 28 digits
        line 3, field min: price of 2000000000000000 micro-dollars is not between 1 and 1000000000000000
        line 3, field min: "99999999999999999999999999999" is not a decimal number of at most 28 digits
        line 3, field avg: "" is not a decimal number of at most 28 digits
        line 3, field avg: -3 is not positive
        line 3, field configs: "0" is not a whole number from 1
        line 3, field configs: "1.5" is not a whole number from 1
        line 3, field configs: "4294967296" is not a whole number from 1
        line 3, field provider: provider name of 0 bytes is not 1 to 64 printable ASCII characters
        line 3, field gpu_class: "" is not a name
        line 3, field gpu_class: "X Y" is not a name
        line 3, field ts: "2026-02-30T00:30:00Z" is not a time like 2025-10-19T21:01:58Z
        line 3, field ts: "2026-01-01 00:30:00" is not a time like 2025-10-19T21:01:58Z
        line 3, field ts: "2026-01-01T24:30:00Z" is not a time like 2025-10-19T21:01:58Z
        line 3, field ts: "1969-01-01T00:30:00Z" is not a time like 2025-10-19T21:01:58Z
        line 3, field ts: 2025-12-31T23:59:59Z is before 2026-01-01T00:00:00Z, the row before it of grade X
        line 3, field provider: second row of a for grade X at 2026-01-01T00:00:00Z
        line 3: 5 fields, expected 6
        line 3: 7 fields, expected 6
    "#]].assert_eq(&refusals);
}

/// ORACLE-020: what is no text, or too much of it, is named too.
#[test]
fn oracle_020_bad_bytes_and_bad_headers_are_named() {
    let long = "b".repeat(65);
    let files: [&[u8]; 8] = [
        b"",
        b"ts,gpu_class,provider,configs,min\n",
        b"ts,ts,gpu_class,provider,configs,min,avg\n",
        b"ts,gpu_class,provider,configs,min,avg\n2026-01-01T00:00:00Z,X,\xff,1,2,2\n",
        b"\xff\xfe\x00\n",
        &format!("{HEADER}\n2026-01-01T00:00:00Z,X,{long},1,2,2\n").into_bytes(),
        &format!("{HEADER}\n2026-01-01T00:00:00Z,X,\"b,1,2,2\n").into_bytes(),
        &(0..33)
            .fold(HEADER.to_owned(), |all, grade| {
                all + &format!("\n2026-01-01T00:00:00Z,X{grade},a,1,2,2")
            })
            .into_bytes(),
    ];
    let refusals: String = files.iter().map(|file| format!("{}\n", refused(file))).collect();
    expect![[r#"
        FILE has no header
        line 1: 0 columns named avg, expected one
        line 1: 2 columns named ts, expected one
        line 2, field provider: not UTF-8
        line 1: 0 columns named ts, expected one
        line 2, field provider: 65 bytes, limit 64
        line 2: 3 fields, expected 6
        more than 32 grades
    "#]]
    .assert_eq(&refusals);
}

/// ORACLE-020: the output appears complete or not at all.
#[test]
fn oracle_020_a_refused_file_leaves_the_output_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("in.csv"), dir.path().join("out.csv"));
    fs::write(&out, "before").unwrap();
    let mut said = Vec::new();

    for bad in ["", HEADER, "ts,gpu_class,provider,configs,min,avg\nnow,X,a,1,2,2\n"] {
        fs::write(&file, bad).unwrap();
        assert!(run(&file, &out, true, &mut said).is_err(), "{bad:?}");
    }
    assert!(matches!(run(&out, &out, true, &mut said), Err(IndexError::SameFile { .. })));
    let nowhere = dir.path().join("no").join("out.csv");
    fs::write(&file, format!("{HEADER}\n{}", five("2026-01-01T00:00:00Z", "X"))).unwrap();
    assert!(matches!(run(&file, &nowhere, true, &mut said), Err(IndexError::Write { .. })));
    assert!(matches!(
        run(&dir.path().join("absent"), &out, true, &mut said),
        Err(IndexError::Read { .. })
    ));
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
    assert!(said.is_empty());

    run(&file, &out, true, &mut said).unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 2);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing partial is left: {names:?}");
}

/// ORACLE-020: an output that is a link stays one.
#[cfg(unix)]
#[test]
fn oracle_020_a_link_is_written_through() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("in.csv"), format!("{HEADER}\n{}", five("2026-01-01T00:00:00Z", "X"))).unwrap();
    fs::write(path("target.csv"), "a much longer line than any of the new ones\n".repeat(9))
        .unwrap();
    std::os::unix::fs::symlink(path("target.csv"), path("out.csv")).unwrap();
    run(&path("in.csv"), &path("out.csv"), true, &mut Vec::new()).unwrap();
    assert!(fs::symlink_metadata(path("out.csv")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(path("target.csv")).unwrap().lines().count(), 2);
}

#[test]
fn the_summary_is_one_line_of_json_or_a_few_of_text() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("in.csv"), dir.path().join("out.csv"));
    let dearer = five("2026-01-01T00:30:00Z", "X").replace(",2.10,2.10", ",2.2,2.2");
    let lone = "2026-01-01T00:00:00Z,Y,a,1,2,2\n";
    fs::write(&file, [HEADER, "\n", &five("2026-01-01T00:00:00Z", "X"), lone, &dearer].concat())
        .unwrap();
    let mut said = Vec::new();
    run(&file, &out, true, &mut said).unwrap();
    run(&file, &out, false, &mut said).unwrap();
    expect![[r#"
        {"observations":11,"ticks":2,"rows":4,"grades":{"X":{"states":{"OK":2},"last":2.148194,"max_step":0.010086,"moves_over_5_percent":0},"Y":{"states":{"WITHHELD":2},"last":null,"max_step":0,"moves_over_5_percent":0}}}
        11 observations in 2 ticks, 4 rows written
        X: last 2.148194, worst step 1.0086 %, OK 2
        Y: last none, worst step 0 %, WITHHELD 2
    "#]].assert_eq(&String::from_utf8(said).unwrap());
}

/// ORACLE-021: generated observations depend on the seed alone, and a longer run begins with the shorter one.
#[test]
fn oracle_021_generated_observations_depend_on_the_seed_alone() {
    let ticks = generate(7, 96);
    assert_eq!(ticks, generate(7, 96));
    assert_eq!(ticks[..10], generate(7, 10));
    assert_ne!(ticks[..10], generate(8, 10));
    let first = |grade: &str| ticks[0].by_grade[grade][0].price().micros();
    assert_eq!([first("A100"), first("H100")], [1_770_000, 2_400_000]);
}

/// ORACLE-021: on generated observations H100 has an index in every tick and B200, with three providers, in none.
#[test]
fn generated_markets_have_an_index_where_there_are_providers() {
    for seed in 0..20 {
        let (mut hundred, mut blackwell) =
            (Index::new(Params::default()), Index::new(Params::default()));
        for tick in generate(seed, 384) {
            let of = |grade: &str| tick.by_grade.get(grade).cloned().unwrap_or_default();
            let print = hundred.tick(tick.at, &of("H100"));
            assert!(print.value.is_some(), "seed {seed}: {print:?}");
            let print = blackwell.tick(tick.at, &of("B200"));
            assert!(matches!(print.state, State::Withheld(_)), "seed {seed}: {print:?}");
        }
    }
}
