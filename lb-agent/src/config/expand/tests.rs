use std::fmt::Write as _;
use std::path::Path;

use super::sequence::Sequence;
use super::*;
use crate::config::source::Memory;
use crate::config::{Code, Loaded, load_in};

fn environment() -> Environment {
    Environment {
        config_id: "lb1".to_owned(),
        variables: [("SITE".to_owned(), "north".to_owned())].into(),
        random: 7,
    }
}

fn of(text: &str) -> Loaded {
    let source = Memory::default().with("/etc/keepalived/main.conf", text);
    load_in(
        &source,
        Path::new("/etc/keepalived/main.conf"),
        &environment(),
    )
}

fn remarks(loaded: &Loaded) -> Vec<String> {
    let entries = crate::config::report(loaded).into_iter();
    entries
        .map(|entry| {
            let place = entry.place.unwrap();
            format!(
                "{}:{}+{} {}",
                place.line, place.column, place.length, entry.message
            )
        })
        .collect()
}

/// What `router_id` is after these lines.
#[track_caller]
fn router_id(lines: &str, expected: &str) {
    let loaded = of(&format!("global_defs {{\n{lines}\n}}\n"));
    let found = loaded.config.global_defs.router_id.as_deref();
    assert_eq!(found, Some(expected), "{lines}\n{:?}", remarks(&loaded));
    assert_eq!(remarks(&loaded), Vec::<String>::new(), "{lines}");
}

#[test]
fn a_condition_chooses_lines_by_the_id_of_this_host() {
    router_id("@lb1 router_id one\n@lb2 router_id two", "one");
    router_id("@^lb1 router_id one\n@^lb2 router_id two", "two");
    router_id("  @lb1   router_id one # lb1", "one");
    router_id("router_id one\n@lb2 nonsense", "one");
    router_id("@lb1 $NAME=one\n@lb2 $NAME=two\nrouter_id $NAME", "one");
    router_id("@lb1 @^lb2 router_id both", "both");
}

#[test]
fn variables_are_replaced_where_their_name_ends() {
    router_id("$NAME=one\nrouter_id $NAME", "one");
    router_id("$NAME=one\nrouter_id ${NAME}two", "onetwo");
    router_id("$NAME=one\nrouter_id x${NAME}.${NAME}", "xone.one");
    // keepalived ends a bare name at blanks, commas and `)` only.
    router_id("$NAME=one\nrouter_id $NAME.two", "$NAME.two");
    router_id("$NAME=one\nrouter_id \"a $NAME b\"", "a one b");
    router_id("router_id $OTHER", "$OTHER");
    router_id("router_id ${OTHER}", "${OTHER}");
    router_id("$NAME=one # not this\nrouter_id $NAME # $NAME", "one");
}

#[test]
fn a_value_is_replaced_late_and_in_depth() {
    router_id("$A=${B}x\n$B=1\nrouter_id $A", "1x");
    router_id("$A=${B}x\n$B=1\n$B=2\nrouter_id $A", "2x");
    router_id("$LINE=router_id one\n$LINE", "one");
}

#[test]
fn a_value_may_hold_lines_and_blocks() {
    let text = "$BLOCK=\\\nvrrp_instance A { \\\n interface ${IF} \\\n virtual_router_id 51 \\\n\
                virtual_ipaddress { 10.0.0.1 } \\\n}\n$IF=eth3\n$BLOCK\n";
    let loaded = of(text);
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    assert_eq!(loaded.config.vrrp_instances[0].interface, "eth3");
}

#[test]
fn some_variables_are_there_from_the_start() {
    router_id("router_id ${_INSTANCE}", "lb1");
    router_id("router_id ${_PWD}/x", "/etc/keepalived/x");
    router_id("router_id a${_HASH}b${_BANG}", "a#b!");
    router_id("router_id ${_ENV SITE}-1", "north-1");
    router_id("router_id ${_RANDOM 5 5}", "5");
    let loaded = of("global_defs {\nrouter_id ${_RANDOM 10 12}\n}");
    let number: u32 = loaded
        .config
        .global_defs
        .router_id
        .unwrap()
        .parse()
        .unwrap();
    assert!((10..=12).contains(&number));
}

fn addresses(line: &str) -> Vec<String> {
    let loaded = of(&format!(
        "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n{line}\n}}\n}}"
    ));
    assert_eq!(remarks(&loaded), Vec::<String>::new(), "{line}");
    let addresses = &loaded.config.vrrp_instances[0].virtual_ipaddress;
    addresses
        .iter()
        .map(|one| one.address.addr().to_string())
        .collect()
}

#[test]
fn a_sequence_repeats_its_line() {
    assert_eq!(
        addresses("~SEQ(N,1,3) 10.0.0.${N}"),
        ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    );
    assert_eq!(
        addresses("~SEQ(N, 1, 4, 9) 10.0.0.${N}"),
        ["10.0.0.1", "10.0.0.5", "10.0.0.9"]
    );
    assert_eq!(
        addresses("~SEQ(N, 3, 2) 10.0.0.${N}"),
        ["10.0.0.3", "10.0.0.2"]
    );
    assert_eq!(
        addresses("~SEQ(A,1,2) ~SEQ(B,3,4) 10.0.${A}.${B}"),
        ["10.0.1.3", "10.0.1.4", "10.0.2.3", "10.0.2.4"]
    );
    assert_eq!(
        addresses("~SEQ(A,1,2) ~SEQ(B,1,${A}) 10.0.${A}.${B}").len(),
        3
    );
    assert_eq!(addresses("$LAST=2\n~SEQ(N,1,$LAST) 10.0.0.${N}").len(), 2);
    assert_eq!(
        addresses("~LST(N,7,9) 10.0.0.${N}"),
        ["10.0.0.7", "10.0.0.9"]
    );
    assert_eq!(
        addresses("~LST({A,B},{1,2},{3,4}) 10.0.${A}.${B}"),
        ["10.0.1.2", "10.0.3.4"]
    );
    assert_eq!(addresses("~SEQ(N,2) 10.0.0.${N}"), ["10.0.0.1", "10.0.0.2"]);
}

#[test]
fn numbers_of_a_sequence_are_those_of_strtol() {
    let values = |head: &str| -> Vec<String> {
        let sequence = Sequence::parse(head).unwrap().unwrap();
        sequence.rounds().map(|round| round[0].1.clone()).collect()
    };
    // Taken from keepalived 2.2.7.
    assert_eq!(values("~SEQx(N,14,16)"), ["e", "f", "10"]);
    assert_eq!(values("~SEQx(N, 0x90, 0x10, 0xb0)"), ["90", "a0", "b0"]);
    assert_eq!(values("~SEQx(N, 0x12, -1, 0x10)"), ["12", "11", "10"]);
    assert_eq!(values("~SEQ(N,0x8,0xa)"), ["8", "9", "10"]);
    assert_eq!(values("~SEQ(N,010,012)"), ["8", "9", "10"]);
    assert_eq!(values("~SEQ(N,-2)"), ["-1", "-2"]);
    for head in [
        "~SEQ(N,08,9)",
        "~SEQ(N,0x,9)",
        "~SEQx(N,e,f)",
        "~SEQ(N,--1,9)",
    ] {
        assert!(Sequence::parse(head).is_err(), "{head}");
    }
}

#[test]
fn the_lines_of_a_value_are_read_like_those_of_a_file() {
    // A condition in a value, and one that a variable is.
    router_id(
        "$A=\\\n @lb1 router_id one \\\n @lb2 router_id two\n$A",
        "one",
    );
    router_id("$IF=@lb1\n$IF router_id one", "one");
    router_id("$IF=@^lb1\nrouter_id one\n$IF router_id two", "one");
    // A definition in a value counts for the lines behind it.
    router_id(
        "$LINE=\\\n router_id ${X}-${N}\\\n\n$ALL=\\\n $N=7\\\n $LINE\n$X=a\n$ALL",
        "a-7",
    );
    // A comment does not end the value of a variable.
    router_id("$A=\\\n router_id one # or two \\\n # or three\n$A", "one");
    // A sequence of blocks.
    let text = "$BLOCK=\\\nvrrp_instance V${A}${B} { \\\n interface eth0 \\\n virtual_router_id ${A}${B} \\\n\
                virtual_ipaddress { 10.0.${A}.${B} } \\\n}\n~SEQ(A,1,2) ~SEQ(B,3,4) $BLOCK\n";
    let loaded = of(text);
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    let names = loaded
        .config
        .vrrp_instances
        .iter()
        .map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["V13", "V14", "V23", "V24"]);
}

#[test]
fn a_word_of_a_macro_knows_the_place_that_used_it() {
    let text = "$SHORT=lb_algoo\nvirtual_server 10.0.0.1 80 {\n  $SHORT rr\n  protocl ${X} TCP\n\
                lb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.2 80 {\n}\n}\n";
    assert_eq!(
        remarks(&of(text)),
        [
            "3:3+6 unknown keyword `lb_algoo`: it is ignored",
            "4:3+7 unknown keyword `protocl`: it is ignored",
        ]
    );
    // A `}` that a macro has made belongs to the line that used it.
    let text = "$END=}\nglobal_defs {\n$END $END\n";
    assert_eq!(remarks(&of(text)), ["3:6+4 this `}` closes nothing"]);
}

#[test]
fn what_cannot_be_expanded_is_said_where_it_stands() {
    for (lines, expected) in [
        (
            "$A=$B\n$B=$A\nrouter_id $A",
            "4:11+2 `$A` stands for itself: it stays as it is",
        ),
        (
            "$A=\\\n router_id x \\\n $A\n$A",
            "5:1+2 `$A` stands for itself: it stays as it is",
        ),
        (
            "$A=@lb1 $A\n$A",
            "3:1+2 `$A` stands for itself: it stays as it is",
        ),
        (
            "$ROUTER=x\nrouter_id $ROUTRE",
            "3:11+7 there is no variable `$ROUTRE`: it stays as it is",
        ),
        (
            "~SEQ(N) router_id x",
            "2:1+7 a sequence has a name and one to three numbers: the line is left out",
        ),
        (
            "~SEQ(N,1,0,5) router_id x",
            "2:1+13 the step of this sequence is 0: the line is left out",
        ),
        (
            "~SEQ(N,a,5) router_id x",
            "2:1+11 `a` in this sequence is not a number: the line is left out",
        ),
        (
            "~LST({A,B},{1}) router_id x",
            "2:1+15 this list has 2 names, but `1` 1: the line is left out",
        ),
        (
            "router_id x${_ENV NONE}",
            "2:12+12 there is no environment variable `NONE`: nothing stands here",
        ),
    ] {
        let loaded = of(&format!("global_defs {{\n{lines}\n}}\n"));
        assert_eq!(
            remarks(&loaded).first().map(String::as_str),
            Some(expected),
            "{lines}"
        );
    }
}

#[test]
fn bombs_end_in_one_error() {
    let mut doubling = String::from("$V0=xxxxxxxxxxxxxxxx\n");
    for depth in 1..31 {
        writeln!(doubling, "$V{depth}=${{V{}}}${{V{}}}", depth - 1, depth - 1).unwrap();
    }
    doubling.push_str("$V30\n");
    let bombs = [
        doubling,
        "~SEQ(A,1,100000) ~SEQ(B,1,100000) router_id ${A}${B}\n".to_owned(),
        "~SEQ(A,1,9223372036854775807)\n".to_owned(),
        "$A=~SEQ(N,1,1000000) $B\n$B=~SEQ(M,1,1000000) x\n$A\n".to_owned(),
    ];
    for bomb in bombs {
        let loaded = of(&bomb);
        let limits = loaded
            .diagnostics
            .iter()
            .filter(|one| one.code == Code::TooLarge);
        assert_eq!(limits.count(), 1, "{bomb}");
        assert_eq!(loaded.exit_status(), 4);
    }
}
