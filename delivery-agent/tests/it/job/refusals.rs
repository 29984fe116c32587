//! Hostile specs and blobs: each refused, by field and limit, before anything runs.

use delivery_agent::job::demo::{DemoJob, DemoKind, demo_job};
use delivery_agent::job::spec::{NODES_MAX, SPEC_LEN_MAX};
use delivery_agent::job::{Digest, JobSpec, Leaves, Program, SpecError};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::graph::{GRAPH, every_op};

/// The job of every operation with one thing changed.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Program, SpecError> {
    let mut spec: Value = serde_json::from_str(GRAPH).unwrap();
    change(&mut spec);
    JobSpec::from_json(&spec.to_string())?.check()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value), expected: &Expect) {
    expected.assert_eq(&changed(change).unwrap_err().to_string());
}

fn node(spec: &mut Value, name: &str, op: Value) {
    let nodes = spec["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"name": name, "op": op}));
}

#[test]
fn job_001_the_job_that_the_others_are_made_from_is_accepted() {
    let program = changed(|_| ()).unwrap();
    assert_eq!((program.flop(), program.checkpoints()), (10_605, vec![2, 4, 5]));
}

#[test]
fn job_001_code_and_unknown_operations_and_fields_are_refused() {
    let unknown = json!({"pickle": {"a": "x"}});
    refused(
        |spec| node(spec, "p", unknown),
        &expect!["nodes[26]: operation `pickle` is not known"],
    );
    let error = changed(|spec| spec["shell"] = json!("rm")).unwrap_err();
    assert!(error.to_string().contains("unknown field `shell`"), "{error}");
    let op = json!({"sign": {"a": "x", "kernel": "code"}});
    let error = changed(|spec| node(spec, "p", op)).unwrap_err();
    assert!(error.to_string().contains("unknown field `kernel`"), "{error}");
    let op = json!({"scale": {"a": "x", "by": 0.5}});
    assert!(matches!(changed(|spec| node(spec, "p", op)), Err(SpecError::Json(_))));
    let long = " ".repeat(SPEC_LEN_MAX + 1);
    assert!(matches!(JobSpec::from_json(&long), Err(SpecError::TooLong { .. })));
    let deep = "[".repeat(100_000);
    assert!(matches!(JobSpec::from_json(&deep), Err(SpecError::Json(_))));
    refused(|spec| spec["version"] = json!(2), &expect!["version is 2, outside 1..=1"]);
}

#[test]
fn job_002_a_node_sees_only_what_stands_before_it() {
    refused(
        |spec| spec["nodes"][0]["op"] = json!({"sign": {"a": "out"}}),
        &expect!["nodes[0]: `out` is no tensor and no earlier node"],
    );
    refused(
        |spec| node(spec, "own", json!({"sign": {"a": "own"}})),
        &expect!["nodes[26]: `own` is no tensor and no earlier node"],
    );
    refused(
        |spec| node(spec, "x", json!({"sign": {"a": "out"}})),
        &expect!["nodes[26]: the name `x` is taken"],
    );
    refused(
        |spec| node(spec, "../../x", json!({"sign": {"a": "out"}})),
        &expect!["nodes[26]: `../../x` is not 1 to 64 of a-z 0-9 _ . -"],
    );
    refused(|spec| spec["output"] = json!("x"), &expect!["output is a tensor and no node"]);
    refused(
        |spec| spec["tensors"][0]["next"] = json!("w"),
        &expect!["tensors[0].next is a tensor and no node"],
    );
}

#[test]
fn job_003_no_shape_overflows_and_none_that_does_not_fit_is_computed() {
    let huge = |rows: u64, columns: u64| {
        move |spec: &mut Value| spec["tensors"][1]["shape"] = json!([rows, columns])
    };
    refused(huge(1 << 20, 1 << 20), &expect!["tensors[1] rows is 1048576, outside 1..=65536"]);
    refused(
        huge(1 << 16, 1 << 24),
        &expect!["tensors[1] columns is 16777216, outside 1..=1048576"],
    );
    refused(
        huge(1 << 16, 1 << 20),
        &expect!["tensors[1]: 65536 x 1048576 are 68719476736 elements, limit 1073741824"],
    );
    refused(huge(0, 4), &expect!["tensors[1] rows is 0, outside 1..=65536"]);
    assert!(matches!(changed(huge(u64::MAX, u64::MAX)), Err(SpecError::Json(_))));
    let mismatches = [
        json!({"matmul": {"a": "x", "b": "x"}}),
        json!({"add": {"a": "x", "b": "bias"}}),
        json!({"reshape": {"a": "x", "shape": [5, 4]}}),
        json!({"slice": {"a": "x", "rows": [1, u32::MAX], "columns": [0, 1]}}),
        json!({"concat": {"a": "x", "b": "w"}}),
        json!({"table": {"a": "x", "table": "w", "first": 0}}),
        json!({"gather": {"table": "w", "ids": "x"}}),
        json!({"one_hot": {"a": "x", "width": 4}}),
    ];
    for op in mismatches {
        let error = changed(|spec| node(spec, "p", op.clone())).unwrap_err();
        assert!(matches!(error, SpecError::ShapeMismatch { .. }), "{op}: {error}");
    }
    // The transposed would have more rows than a tensor may have.
    refused(
        |spec| {
            spec["tensors"][1]["shape"] = json!([1, 70_000]);
            node(spec, "p", json!({"transpose": {"a": "table"}}));
        },
        &expect!["nodes[26] rows is 70000, outside 1..=65536"],
    );
    refused(
        |spec| spec["tensors"][3]["rows_per_step"] = json!(4),
        &expect!["tensors[3]: division of 9x6 and 4 rows a step is not defined"],
    );
}

#[test]
fn job_004_numbers_have_their_limits() {
    let many = |count: usize| {
        move |spec: &mut Value| {
            for number in 0..count {
                node(spec, &format!("n{number}"), json!({"sign": {"a": "x"}}));
            }
        }
    };
    refused(many(NODES_MAX), &expect!["nodes is 538, outside 1..=512"]);
    refused(|spec| spec["nodes"] = json!([]), &expect!["nodes is 0, outside 1..=512"]);
    refused(|spec| spec["tensors"] = json!([]), &expect!["tensors is 0, outside 1..=4096"]);
    refused(|spec| spec["steps"] = json!(0), &expect!["steps is 0, outside 1..=65536"]);
    refused(|spec| spec["stride"] = json!(6), &expect!["stride is 6, outside 1..=5"]);
    refused(|spec| spec["steps"] = json!(1_000), &expect!["checkpoints is 500, outside 1..=256"]);
    let limit = |field: &'static str, value: u64| {
        move |spec: &mut Value| spec["limits"][field] = json!(value)
    };
    refused(
        limit("flop", u64::MAX),
        &expect!["limits.flop is 18446744073709551615, outside 1..=1000000000000000000"],
    );
    refused(
        limit("bytes", 1 << 40),
        &expect!["limits.bytes is 1099511627776, outside 1..=137438953472"],
    );
    refused(limit("seconds", 100_000), &expect!["limits.seconds is 100000, outside 1..=86400"]);
}

#[test]
fn job_031_what_must_be_shown_or_left_fits_a_blob() {
    let wide = |next: bool| {
        move |spec: &mut Value| {
            spec["tensors"][1] = json!({"name": "table", "blob": "weights", "kind": "i8",
                "low": -8, "high": 8, "shape": [2_048, 8_192]});
            spec["nodes"] = json!([
                {"name": "turned", "op": {"transpose": {"a": "table"}}},
                {"name": "same", "op": {"scale": {"a": "table", "by": 1}}},
                {"name": "out", "op": {"slice": {"a": "same", "rows": [0, 1], "columns": [0, 1]}}},
            ]);
            for tensor in spec["tensors"].as_array_mut().unwrap() {
                tensor.as_object_mut().unwrap().remove("next");
            }
            if next {
                spec["tensors"][1]["next"] = json!("same");
            }
            let (most, limits) = (json!(1_u64 << 36), &mut spec["limits"]);
            *limits = json!({"parameters": most, "flop": most, "bytes": most, "seconds": 9});
        }
    };
    changed(wide(false)).unwrap();
    refused(wide(true), &expect!["elements that nodes[0] reads is 16777216, outside 1..=8388608"]);
    refused(
        |spec| {
            wide(false)(spec);
            spec["output"] = json!("same");
        },
        &expect!["elements of output is 16777216, outside 1..=8388608"],
    );
}

#[test]
fn job_005_what_the_graph_needs_is_declared() {
    let limit = |field: &'static str, value: u64| {
        move |spec: &mut Value| spec["limits"][field] = json!(value)
    };
    refused(
        limit("parameters", 100),
        &expect!["limits.parameters declares 100, the graph needs 280"],
    );
    refused(limit("flop", 1), &expect!["limits.flop declares 1, the graph needs 10605"]);
    refused(limit("bytes", 1), &expect!["limits.bytes declares 1, the graph needs 9908"]);
}

#[test]
fn job_006_no_integer_leaves_the_exact_range() {
    refused(
        |spec| {
            node(spec, "xx", json!({"mul": {"a": "square", "b": "square"}}));
        },
        &expect!["nodes[26]: a value could reach 268435456, limit 16777216"],
    );
    // Eleven bits are what every device multiplies exactly.
    refused(
        |spec| spec["tensors"][6]["high"] = json!(2_049),
        &expect!["nodes[2]: a value could reach 2049, limit 2048"],
    );
    // 80 products of 2,047 by 128 pass 2^24, and without a shift there is nothing to take apart.
    refused(
        |spec| spec["nodes"][2]["op"]["matmul"]["shift"] = json!(0),
        &expect!["nodes[2]: a value could reach 20961280, limit 16777216"],
    );
    refused(
        |spec| spec["tensors"][3]["kind"] = json!("i32"),
        &expect!["tensors[3]: a value could reach 2147483648, limit 16777216"],
    );
    refused(
        |spec| spec["nodes"][4]["op"]["table"]["first"] = json!(-7),
        &expect!["nodes[4]: values are -8..=7, table takes -7..=8"],
    );
    refused(
        |spec| spec["nodes"][23]["op"]["rescale"]["high"] = json!(6),
        &expect!["tensors[4].next: values are 0..=6, ids takes 0..=5"],
    );
    refused(
        |spec| spec["tensors"][4]["high"] = json!(6),
        &expect!["nodes[16]: values are 0..=6, gather takes 0..=5"],
    );
    refused(
        |spec| spec["tensors"][4]["low"] = json!(-1),
        &expect!["tensors[4]: values are -1..=5, its kind takes 0..=255"],
    );
}

#[test]
fn job_007_a_mode_takes_its_own_arithmetic() {
    refused(
        |spec| node(spec, "p", json!({"gelu": {"a": "x"}})),
        &expect!["nodes[26]: gelu is not for integers"],
    );
    refused(
        |spec| spec["mode"] = json!("tolerant"),
        &expect!["mode: tolerant is not for integers"],
    );
    refused(
        |spec| {
            spec["tensors"][1]["kind"] = json!("f32");
        },
        &expect!["mode: exact is not for floats"],
    );
    refused(|spec| spec["hidden"] = json!("out"), &expect!["hidden is for mode tolerant"]);
    let redundant = changed(|spec| spec["mode"] = json!("redundant"));
    redundant.unwrap();
}

#[test]
fn job_008_an_id_is_of_what_is_said_not_of_how() {
    let spec = JobSpec::from_json(GRAPH).unwrap();
    let mut pretty: Value = serde_json::from_str(GRAPH).unwrap();
    let other_way = serde_json::to_string_pretty(&pretty).unwrap();
    assert_eq!(JobSpec::from_json(&other_way).unwrap().id(), spec.id());
    assert_eq!(JobSpec::from_json(&spec.to_json()).unwrap(), spec);
    pretty["nonce"] = json!(8);
    assert_ne!(JobSpec::from_json(&pretty.to_string()).unwrap().id(), spec.id());
    let twice = GRAPH.replace("\"steps\":5", "\"steps\":5,\"steps\":5");
    assert!(matches!(JobSpec::from_json(&twice), Err(SpecError::Json(_))));
    expect!["c62bf5a637c2d97fcd9c9fb13c9f1a054bd54b6852de54e27e5110558897bb3f"]
        .assert_eq(&spec.id().to_string());
}

/// Puts other bytes in place of a blob, with the right hash.
fn with_weights(weights: Vec<u8>) -> Result<Leaves, String> {
    let DemoJob { mut spec, inputs, .. } = every_op(1);
    spec.weights = Digest::of(&weights);
    let program = spec.check().unwrap();
    Leaves::read(&program, weights, inputs).map_err(|error| error.to_string())
}

#[track_caller]
fn blob_refused(weights: Vec<u8>, expected: &Expect) {
    expected.assert_eq(&with_weights(weights).unwrap_err());
}

fn blob(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn job_009_a_blob_of_another_hash_is_not_looked_at() {
    let DemoJob { spec, weights, inputs } = every_op(1);
    let program = spec.check().unwrap();
    let error = Leaves::read(&program, inputs.clone(), inputs).unwrap_err().to_string();
    assert!(error.starts_with("weights has hash "), "{error}");
    let mut torn = weights.clone();
    torn.pop();
    let error = Leaves::read(&program, weights, torn).unwrap_err().to_string();
    assert!(error.starts_with("inputs has hash "), "{error}");
}

#[test]
fn job_010_a_blob_is_within_our_limits_and_whole() {
    blob_refused(
        Vec::new(),
        &expect!["weights has a header of 18446744073709551615 bytes, limit 0"],
    );
    let mut long = u64::MAX.to_le_bytes().to_vec();
    long.resize(64, b' ');
    blob_refused(long, &expect!["weights has a header of 18446744073709551615 bytes, limit 56"]);
    let large = " ".repeat((1 << 20) + 1);
    blob_refused(blob(&large, 0), &expect!["weights has a header of 1048577 bytes, limit 1048576"]);
    let tensor = |name: &str, shape: &str, from: usize, to: usize| {
        format!(r#""{name}":{{"dtype":"I8","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let (w, table) = (tensor("w", "[6,4]", 0, 24), tensor("table", "[1,16]", 24, 40));
    let header = |tensors: &[&str]| format!("{{{}}}", tensors.join(","));
    let whole = tensor("wide", "[80,3]", 40, 280);
    with_weights(blob(&header(&[&w, &table, &whole]), 280)).unwrap();

    let broken = [
        // beyond the file, short of it, a gap, an overlap, a length that is not the shape's
        blob(&header(&[&w, &table, &whole]), 279),
        blob(&header(&[&w, &table, &whole]), 281),
        blob(&header(&[&w, &table, &tensor("wide", "[80,3]", 41, 281)]), 281),
        blob(&header(&[&w, &table, &tensor("wide", "[80,3]", 39, 279)]), 280),
        blob(&header(&[&w, &table, &tensor("wide", "[80,4]", 40, 280)]), 280),
        blob(&header(&[&w, &table, &tensor("wide", "[4294967296,4294967296]", 40, 280)]), 280),
        blob("not json", 0),
    ];
    for bytes in broken {
        let error = with_weights(bytes).unwrap_err();
        assert!(error.starts_with("weights is not safetensors: "), "{error}");
    }
    blob_refused(blob(&header(&[&w]), 24), &expect!["weights: tensor `table` is missing"]);
    blob_refused(
        blob(&header(&[&w, &tensor("code", "[1]", 24, 25)]), 25),
        &expect!["weights: tensor `code` is not declared"],
    );
    blob_refused(
        blob(&header(&[&tensor("w", "[4,6]", 0, 24)]), 24),
        &expect!["weights: tensor `w` has another shape than declared"],
    );
    blob_refused(
        blob(&header(&[&tensor("w", "[2,3,4]", 0, 24)]), 24),
        &expect!["weights: tensor `w` has not one or two dimensions"],
    );
    blob_refused(
        blob(&header(&[&w.replace("I8", "U8")]), 24),
        &expect!["weights: tensor `w` has another kind of numbers than declared"],
    );
    let many: Vec<String> =
        (0..4_097).map(|at| tensor(&at.to_string(), "[1]", at, at + 1)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    blob_refused(blob(&header(&many), 4_097), &expect!["weights has 4097 tensors, limit 4096"]);
}

#[test]
fn job_010_values_are_as_declared() {
    let DemoJob { mut spec, weights, inputs } = demo_job(DemoKind::Inference, 1, 1);
    spec.tensors.iter_mut().find(|tensor| tensor.name == "tokens").unwrap().high = Some(40);
    let nodes = &mut spec.nodes;
    nodes.retain(|node| node.name != "predicted");
    spec.tensors.iter_mut().for_each(|tensor| tensor.next = None);
    let program = spec.check().unwrap();
    let error = Leaves::read(&program, weights, inputs).unwrap_err().to_string();
    assert!(error.ends_with("declared 0..=40"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// JOB-010: damage gives an error or other tensors, never a panic.
    #[test]
    fn a_damaged_blob_is_refused_or_read(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut weights = every_op(1).weights;
        let at = at.index(weights.len());
        weights[at] = byte;
        drop(with_weights(weights.clone()));
        weights.truncate(cut.index(weights.len()));
        prop_assert!(with_weights(weights).is_err());
    }

    /// JOB-001: damage to a spec gives an error or another job, never a panic.
    #[test]
    fn a_damaged_spec_is_refused_or_read(at: prop::sample::Index, byte in 32..127_u8) {
        let mut text = GRAPH.to_owned().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(program) = JobSpec::from_json(&text).and_then(JobSpec::check) {
            prop_assert!(program.bytes() <= program.spec().limits.bytes);
        }
    }
}
