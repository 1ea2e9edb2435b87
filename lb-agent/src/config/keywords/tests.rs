mod effect;
mod everywhere;
mod odd;
mod origin;

use std::collections::HashSet;

use super::section::{AnySection, Kind};
use super::*;

/// The names of keepalived's own tables, release 2.4.3.
const KEEPALIVED: &str = "
    HTTP_GET MISC_CHECK SMTP_CHECK SSL_GET TCP_CHECK accept advert_int alpha auth_pass auth_type
    authentication bind_port bindto connect_ip connect_port connect_timeout debug
    delay_before_retry delay_loop digest dont_track_primary enable_traps fall fwmark
    garp_master_delay global_defs group ha_suspend helo_name host hysteresis init_fail interface
    interval lb_algo lb_kind lvs_sync_daemon_interface mcast_src_ip misc_dynamic misc_path
    misc_timeout nb_get_retry nopreempt notification_email notification_email_from notify
    notify_backup notify_down notify_fault notify_master notify_stop notify_up omega ops path
    persistence_granularity persistence_timeout preempt preempt_delay priority protocol quorum
    quorum_down quorum_up real_server retry rise router_id script script_user smtp_alert
    smtp_connect_timeout smtp_server sorry_server state static_ipaddress static_routes status_code
    timeout track_interface track_script unicast_peer unicast_src_ip url use_vmac user
    virtual_ipaddress virtual_ipaddress_excluded virtual_router_id virtual_routes virtual_server
    virtual_server_group virtualhost vmac_xmit_base vrrp_garp_interval vrrp_gna_interval
    vrrp_instance vrrp_iptables vrrp_mcast_group4 vrrp_mcast_group6 vrrp_script
    vrrp_skip_check_adv_addr vrrp_strict vrrp_sync_group warmup weight BFD_CHECK DNS_CHECK
    FILE_CHECK PING_CHECK SSL UDP_CHECK bfd_instance ca certificate check_unicast_src checker
    checker_log_all_failures checker_no_swap checker_priority checker_rlimit_rttime
    checker_rt_priority default_interface delay disable_local_igmp dynamic_interfaces
    enable_script_security enable_sni fast_recovery file fork_delay full_command
    garp_lower_prio_delay garp_lower_prio_repeat garp_master_refresh garp_master_refresh_repeat
    garp_master_repeat hashed higher_prio_send_advert hoplimit http_protocol idle_tx
    inhibit_on_failure init_file instance json_version key log_all_failures lower_prio_no_advert
    lthreshold lvs_flush lvs_flush_on_stop lvs_method lvs_notify_fifo lvs_notify_fifo_script
    lvs_sched lvs_sync_daemon lvs_timeouts max_auto_priority max_hops max_reply_length mh-fallback
    mh-port min_auto_priority_delay min_reply_length min_rx min_tx multihop multiplier name
    native_ipv6 neighbor_ip neighbour_ip net_namespace net_namespace_ipvs nftables no_accept
    no_virtual_ipaddress notify_fifo notify_fifo_script param_match passive password payload
    process quorum_max regex regex_no_match regex_options reload_check_config require_reply
    sh-fallback sh-port skip_check_adv_addr smtp_alert_checker smtp_alert_vrrp
    sorry_server_inhibit sorry_server_lvs_method source_ip static_rules strict_mode
    terminate_delay track_bfd track_file track_process ttl type unicast_ttl uthreshold version
    virtual_rules vrrp vrrp_check_unicast_src vrrp_delay_after_boot vrrp_down_timer_adverts
    vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat vrrp_garp_master_delay
    vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_garp_master_repeat
    vrrp_higher_prio_send_advert vrrp_lower_prio_no_advert vrrp_min_garp vrrp_no_swap
    vrrp_notify_fifo vrrp_notify_fifo_script vrrp_priority vrrp_rlimit_rttime vrrp_rt_priority
    vrrp_startup_delay vrrp_track_file vrrp_track_process vrrp_version active_key anti_replay
    auth_hmac bfd_cpu_affinity bfd_no_swap bfd_priority bfd_process_name bfd_rlimit_rtime
    bfd_rlimit_rttime bfd_rt_priority bind_if checker_cpu_affinity checker_process_name
    checker_rlimit_rtime child_wait_time config_save_dir data_use_instance dbus_no_interface_name
    dbus_service_name down_timer_adverts enable_dbus enable_snmp_checker enable_snmp_keepalived
    enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_vrrp
    fifo_write_vrrp_states_on_reload flag-1 flag-2 flag-3 garp_extra_if garp_group garp_interval
    global_tracking gna_interval include_check interface_up_down_delays interfaces ip_family
    iproute_etc_dir iproute_usr_dir json_dump_file kernel_rx_buf_size linkbeat_interfaces
    linkbeat_use_polling log_unknown_vrids lvs_flush_onstop lvs_netlink_cmd_rcv_bufs
    lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force
    lvs_process_name mcast_dst_ip mode namespace_with_ipsets nftables_counters nftables_ifindex
    nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark nftables_priority
    no_checker_emails no_email_faults notify_deleted notify_master_rx_lower_pri
    notify_priority_changes old_unicast_checksum owner_ignore_adverts persistence_engine
    process_monitor_rcv_bufs process_monitor_rcv_bufs_force process_name process_names
    promote_secondaries random_seed regex_max_offset regex_min_offset regex_stack reload_file
    reload_repeat reload_time_file rs_init_notifies set_supplementary_groups shutdown_script
    shutdown_script_timeout smtp_helo_name sni_name snmp_name snmp_rs_stats_update_interval
    snmp_socket snmp_vs_stats_update_interval startup_script startup_script_timeout
    state_dump_file stats_dump_file sync_group_tracking_weight thread_timer_expired time_window
    timer_expired_backup tls_compliant tmp_config_directory track_group track_src_ip umask
    unicast_fault_no_peer use_ipvlan use_pid_dir use_symlink_paths use_vmac_addr v3_checksum_as_v2
    vmac_addr_prefix vmac_garp_intvl vmac_prefix vrf vrrp_cpu_affinity vrrp_garp_extra_if
    vrrp_ipsets vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force
    vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force vrrp_notify_priority_changes
    vrrp_owner_ignore_adverts vrrp_process_name vrrp_rlimit_rtime vrrp_rx_bufs_multiplier
    vrrp_rx_bufs_policy vrrp_vmac_garp_intvl
";

#[test]
fn every_keyword_of_keepalived_is_known_in_some_block() {
    let unknown: Vec<&str> = KEEPALIVED
        .split_whitespace()
        .filter(|name| homes(name).is_empty())
        .collect();
    assert_eq!(unknown, Vec::<&str>::new());
    assert_eq!(KEEPALIVED.split_whitespace().count(), 363);
}

fn blocks() -> impl Iterator<Item = &'static dyn AnySection> {
    let sections = SECTIONS.iter().copied();
    sections.filter(|section| section.kind() == Kind::Block)
}

fn names(section: &dyn AnySection) -> Vec<&'static str> {
    let rows = section.rows().into_iter();
    rows.flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()))
        .collect()
}

#[test]
fn no_keyword_is_known_that_keepalived_does_not_know_but_ours() {
    let theirs: HashSet<&str> = KEEPALIVED.split_whitespace().collect();
    let strange: Vec<&str> = blocks()
        .flat_map(names)
        .filter(|name| {
            !theirs.contains(name) && !name.starts_with("xdp_") && *name != "notify_split_brain"
        })
        .collect();
    assert_eq!(strange, Vec::<&str>::new());
}

#[test]
fn no_block_has_a_name_twice() {
    let mut sections = HashSet::new();
    for section in SECTIONS {
        assert!(sections.insert(section.name()), "{}", section.name());
        let mut seen = HashSet::new();
        for name in names(*section) {
            assert!(seen.insert(name), "{name} in {}", section.name());
        }
    }
}

#[test]
fn blocks_of_the_top_level_are_in_its_table_and_in_no_other() {
    let roots: Vec<&str> = ROOT.names().filter(|name| is_root_block(name)).collect();
    assert!(roots.len() > 10);
    for name in roots {
        assert_eq!(homes(name), [TOP_LEVEL], "{name}");
    }
}

#[test]
fn a_keyword_knows_its_blocks() {
    assert_eq!(homes("priority"), ["vrrp_instance"]);
    assert_eq!(homes("init_fail"), ["vrrp_script"]);
    assert_eq!(homes("weight").first(), Some(&"vrrp_script"));
    assert_eq!(homes("priorty"), Vec::<&str>::new());
}

#[test]
fn what_has_no_effect_says_what_follows() {
    let rare = ["home", "-nodad", "mngtmpaddr", "autojoin"];
    for section in SECTIONS {
        for row in section.rows() {
            if let Status::Accepted(text) | Status::Refused(text) = row.status {
                let said = !text.is_empty() || rare.contains(&row.name);
                assert!(said, "{} of {}", row.name, section.name());
            }
        }
    }
}

/// Every option of keepalived's addresses, routes and rules.
#[test]
fn every_option_of_addresses_routes_and_rules_is_known() {
    let options = [
        (
            "an address",
            "brd broadcast dev scope label peer home -nodad mngtmpaddr noprefixroute autojoin \
             no_track preferred_lft track_group use_vmac",
        ),
        (
            "a route",
            "src to via gw or dev oif scope table metric priority preference onlink protocol \
             nexthop track_group no_track inet inet6 type as from tos dsfield realms encap expires \
             mtu hoplimit advmss rtt rttvar rto_min reordering window cwnd initcwnd initrwnd \
             ssthresh quickack features congctl pref ttl-propagate fastopen_no_cookie add append \
             prepend vrf blackhole unreachable prohibit throw unicast local broadcast multicast \
             anycast",
        ),
        (
            "a rule",
            "from to table lookup preference order priority fwmark dev iif oif tos dsfield \
             uidrange ipproto sport dport tunnel-id l3mdev realms suppress_prefixlength \
             suppress_ifgroup goto nop type protocol no_track track_group inet inet6",
        ),
    ];
    for (section, names) in options {
        let found = SECTIONS
            .iter()
            .find(|known| known.name() == section)
            .unwrap();
        for name in names.split_whitespace() {
            assert!(found.knows(name), "{name} of {section}");
        }
    }
}

#[test]
fn editors_get_every_keyword_of_the_tables() {
    let listed: serde_json::Value = serde_json::from_str(&keywords_json()).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), SECTIONS.len());
    for (listed, section) in listed.iter().zip(SECTIONS) {
        assert_eq!(listed["section"], section.name());
        let rows = section.rows();
        let names = rows.iter().map(|row| row.name);
        let found = listed["keywords"].as_array().unwrap();
        assert!(names.eq(found.iter().map(|one| one["name"].as_str().unwrap())));
    }
}

#[test]
fn the_documentation_is_that_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == configuration_md(),
        "docs/configuration.md is out of date: `cargo xtask docs` writes it"
    );
}
