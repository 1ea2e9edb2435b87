//! A configuration as large as a big site's, made line by line: the same text in every run.

use std::fmt::Write as _;

/// How large.
///
/// One VRRP instance holds the virtual addresses `10.128.0.1`, `10.128.0.2`, …; each has up to 100
/// services, at the ports from 8000 on. All services have equally many servers of their own, at
/// addresses from `10.0.0.1` on, so that a file of any size has no address twice. Every fourth
/// service checks by `HTTP_GET`, the others by `TCP_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Large {
    /// Services; at most 25 500, which 255 virtual addresses hold.
    pub services: u32,
    /// Real servers of each.
    pub servers: u32,
    /// The instance's interface.
    pub interface: &'static str,
}

/// Services at one virtual address.
const SERVICES_OF_ADDRESS: u32 = 100;

impl Large {
    /// 2 000 services with 40 000 servers, on `eth0`.
    pub const SITE: Self = Self {
        services: 2_000,
        servers: 20,
        interface: "eth0",
    };

    /// The text of the file.
    pub fn text(self) -> String {
        let mut text = String::new();
        self.write(&mut text).map(|()| text).unwrap_or_default()
    }

    fn write(self, text: &mut String) -> std::fmt::Result {
        let Self {
            services,
            servers,
            interface,
        } = self;
        text.push_str("# Made by a program: the same in every run.\n");
        text.push_str("global_defs {\n    router_id large\n}\n\n");
        writeln!(
            text,
            "vrrp_instance VI_1 {{\n    state BACKUP\n    interface {interface}"
        )?;
        text.push_str("    virtual_router_id 51\n    priority 100\n    advert_int 1\n");
        text.push_str("    virtual_ipaddress {\n");
        for address in 0..services.div_ceil(SERVICES_OF_ADDRESS) {
            writeln!(text, "        10.128.0.{}/32", address + 1)?;
        }
        text.push_str("    }\n}\n");
        for service in 0..services {
            write_service(text, service, servers)?;
        }
        Ok(())
    }
}

fn write_service(text: &mut String, service: u32, servers: u32) -> std::fmt::Result {
    let address = service / SERVICES_OF_ADDRESS + 1;
    let port = 8000 + service % SERVICES_OF_ADDRESS;
    let algorithm = if service.is_multiple_of(2) {
        "rr"
    } else {
        "wrr"
    };
    write!(
        text,
        "
virtual_server 10.128.0.{address} {port} {{
    delay_loop 10
    lb_algo {algorithm}
    lb_kind DR
    protocol TCP
    persistence_timeout 300
"
    )?;
    for server in 0..servers {
        let [_, high, middle, low] = (service * servers + server + 1).to_be_bytes();
        let weight = server % 4 + 1;
        let check = if service.is_multiple_of(4) {
            HTTP_GET
        } else {
            TCP_CHECK
        };
        write!(
            text,
            "
    real_server 10.{high}.{middle}.{low} {port} {{
        weight {weight}
{check}    }}
"
        )?;
    }
    text.push_str("}\n");
    Ok(())
}

const TCP_CHECK: &str = "        TCP_CHECK {
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }
";

const HTTP_GET: &str = "        HTTP_GET {
            url {
                path /health
                status_code 200
            }
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_as_many_services_and_servers_as_asked_for_and_none_twice() {
        let text = Large::SITE.text();
        let mut services: Vec<&str> = lines(&text, "virtual_server ");
        let mut servers: Vec<&str> = lines(&text, "real_server ");
        assert_eq!((services.len(), servers.len()), (2_000, 40_000));
        for names in [&mut services, &mut servers] {
            names.sort_unstable();
            names.dedup();
        }
        assert_eq!((services.len(), servers.len()), (2_000, 40_000));
        assert_eq!(text, Large::SITE.text());
    }

    fn lines<'t>(text: &'t str, keyword: &str) -> Vec<&'t str> {
        let words = text.lines().map(str::trim);
        words.filter(|line| line.starts_with(keyword)).collect()
    }
}
