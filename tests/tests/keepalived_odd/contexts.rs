//! Files that keepalived accepts, each with a place for one more line in one of its blocks.

/// A checker in a real server.
macro_rules! checker {
    ($block:literal) => {
        concat!(
            "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n",
            "real_server 10.0.0.2 80 {\n",
            $block,
            "\n}\n}\n"
        )
    };
}

/// Our name of the block, and the file; the line goes where `LINE` stands.
pub(crate) const CONTEXTS: &[(&str, &str)] = &[
    ("top level", "global_defs {\n}\nLINE\n"),
    ("global_defs", "global_defs {\nLINE\n}\n"),
    (
        "vrrp_script",
        "vrrp_script S {\nscript /bin/false\nLINE\n}\n",
    ),
    (
        "vrrp_track_process",
        "vrrp_track_process P {\nprocess haproxy\nLINE\n}\n",
    ),
    ("track_file", "track_file F {\nfile /tmp/f\nLINE\n}\n"),
    (
        "bfd_instance",
        "bfd_instance D {\nneighbor_ip 192.168.200.9\nLINE\n}\n",
    ),
    (
        "vrrp_instance",
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nLINE\n\
         virtual_ipaddress {\n192.168.200.7\n}\n}\n",
    ),
    (
        "authentication",
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nauthentication {\nLINE\n}\n\
         virtual_ipaddress {\n192.168.200.7\n}\n}\n",
    ),
    (
        "vrrp_sync_group",
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n\
         192.168.200.7\n}\n}\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 52\n\
         virtual_ipaddress {\n192.168.200.8\n}\n}\nvrrp_sync_group H {\ngroup {\nA\nB\n}\nLINE\n}\n",
    ),
    (
        "virtual_server",
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nLINE\n\
         real_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}\n",
    ),
    (
        "real_server",
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 10.0.0.2 80 {\nLINE\n}\n}\n",
    ),
    ("TCP_CHECK", checker!("TCP_CHECK {\nLINE\n}")),
    (
        "HTTP_GET",
        checker!("HTTP_GET {\nurl {\npath /\n}\nLINE\n}"),
    ),
    ("SSL_GET", checker!("SSL_GET {\nurl {\npath /\n}\nLINE\n}")),
    ("url", checker!("HTTP_GET {\nurl {\npath /\nLINE\n}\n}")),
    ("SMTP_CHECK", checker!("SMTP_CHECK {\nLINE\n}")),
    ("host", checker!("SMTP_CHECK {\nhost {\nLINE\n}\n}")),
    (
        "MISC_CHECK",
        checker!("MISC_CHECK {\nmisc_path /bin/false\nLINE\n}"),
    ),
    ("DNS_CHECK", checker!("DNS_CHECK {\nLINE\n}")),
    ("UDP_CHECK", checker!("UDP_CHECK {\nLINE\n}")),
    ("PING_CHECK", checker!("PING_CHECK {\nLINE\n}")),
    (
        "BFD_CHECK",
        concat!(
            "bfd_instance D {\nneighbor_ip 192.168.200.9\n}\n",
            checker!("BFD_CHECK {\nname D\nLINE\n}")
        ),
    ),
    (
        "FILE_CHECK",
        concat!(
            "track_file F {\nfile /tmp/f\n}\n",
            checker!("FILE_CHECK {\ntrack_file F\nLINE\n}")
        ),
    ),
];
