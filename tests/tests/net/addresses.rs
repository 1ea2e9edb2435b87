//! `net::address`.

use std::net::IpAddr;

use anyhow::Result;
use lb_agent::net::address::{self, Added, Address, Removed};
use lb_agent::net::netlink::Connection;
use nix::errno::Errno;

use crate::cable::{cannot_run, index_of, loose_ends};

#[test]
fn an_address_comes_back_as_it_was_set_and_a_second_time_is_already_there() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let machine = loose_ends()?;
    machine.ip("link set left up")?;
    machine.enter(|| {
        let mut connection = Connection::open()?;
        let index = index_of(&mut connection, "left")?;
        let four = Address {
            index,
            address: "198.51.100.7/24".parse()?,
            label: Some("left:vip".into()),
            scope: 253,
            broadcast: Some("198.51.100.255".parse()?),
            ..Address::default()
        };
        let six = Address {
            index,
            address: "2001:db8::7/128".parse()?,
            ..Address::default()
        };
        for vip in [four, six] {
            assert_eq!(address::add(&mut connection, &vip)?, Added::New);
            assert_eq!(address::add(&mut connection, &vip)?, Added::AlreadyThere);
            let mut listed = address::list(&mut connection)?;
            // Nobody else has it on this wire, but the kernel takes its time to find out.
            for it in &mut listed {
                it.tentative = false;
            }
            assert!(listed.contains(&vip), "{listed:?}");
            assert_eq!(address::remove(&mut connection, &vip)?, Removed::Gone);
            assert_eq!(
                address::remove(&mut connection, &vip)?,
                Removed::WasNotThere
            );
            let same = |it: &Address| it.address == vip.address;
            assert!(!address::list(&mut connection)?.iter().any(same));
        }
        Ok(())
    })
}

#[test]
fn a_refused_address_is_told_with_what_was_asked_and_the_kernels_words() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    loose_ends()?.enter(|| {
        let mut connection = Connection::open()?;
        let mut wrong = Address {
            index: 9999,
            address: "198.51.100.7/24".parse()?,
            ..Address::default()
        };
        let error = address::add(&mut connection, &wrong).expect_err("no such interface");
        assert_eq!(error.errno(), Some(Errno::ENODEV));
        let text = error.to_string();
        let asked = "cannot add 198.51.100.7/24 to interface number 9999: No such device";
        assert!(text.starts_with(asked), "{text}");
        assert!(text.ends_with("; the interface is gone"), "{text}");
        assert_eq!(
            address::remove(&mut connection, &wrong)?,
            Removed::WasNotThere
        );
        wrong.index = 1;
        wrong.label = Some("a label that is far too long".into());
        let error = address::add(&mut connection, &wrong).expect_err("no such label");
        let words = "(Attribute failed policy validation)";
        assert!(error.to_string().contains(words), "{error}");
        Ok(())
    })
}

#[test]
fn a_list_longer_than_one_datagram_is_complete() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    loose_ends()?.enter(|| {
        let mut connection = Connection::open()?;
        let index = index_of(&mut connection, "left")?;
        let before = address::list(&mut connection)?.len();
        for host in 0..2000u32 {
            let octets = (0x0a00_0000 + host).to_be_bytes();
            let one = Address {
                index,
                address: IpAddr::from(octets).into(),
                ..Address::default()
            };
            assert_eq!(address::add(&mut connection, &one)?, Added::New);
        }
        assert_eq!(address::list(&mut connection)?.len(), before + 2000);
        Ok(())
    })
}
