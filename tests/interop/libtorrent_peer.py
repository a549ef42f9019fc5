"""A libtorrent session driven by lines on standard input; answers are lines on standard output.

    libtorrent_peer.py LISTEN [BOOTSTRAP]   without BOOTSTRAP: no DHT, it only serves

    seed FILE FOLDER       seed a torrent file          -> ok
    magnet LINK FOLDER     download by magnet link      -> ok
    progress               of the first torrent         -> progress 0.5
    announce KEY PORT      dht_announce                 -> ok
    peers KEY              dht_get_peers, some seconds  -> peers HOST:PORT ...
    put TEXT               an immutable item            -> item KEY
    get KEY                the item under a key         -> item TEXT
    table                  nodes it would save          -> table HOST:PORT ...
"""
import ipaddress
import sys
import time

import libtorrent as lt


def session(listen, bootstrap):
    return lt.session({
        "listen_interfaces": listen, "enable_dht": bootstrap != "", "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_incoming_utp": False,
        "enable_outgoing_utp": False, "dht_bootstrap_nodes": bootstrap,
        "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False, "dht_prefer_verified_node_ids": False,
        "dht_announce_interval": 30, "seeding_outgoing_connections": False,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.all_categories})


def quiet(handle):
    """No tracker, no peer exchange, no local discovery: the DHT is the only way."""
    handle.set_flags(lt.torrent_flags.disable_pex | lt.torrent_flags.disable_lsd)
    return handle


def alerts(ses, kind, seconds):
    """Alerts of a kind as they come, for some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield from (alert for alert in ses.pop_alerts() if isinstance(alert, kind))
        time.sleep(0.02)


def shown(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def peers(ses, key):
    """One lookup in each family; replies come one by one."""
    found = set()
    ses.dht_get_peers(lt.sha1_hash(bytes.fromhex(key)))
    for alert in alerts(ses, lt.dht_get_peers_reply_alert, 2):
        if str(alert.info_hash) == key:
            found |= {shown(host, port) for host, port in alert.peers()}
    return "peers " + " ".join(sorted(found))


def put(ses, text):
    key = ses.dht_put_immutable_item(text)
    for alert in alerts(ses, lt.dht_put_alert, 20):
        if str(alert.target) == str(key):
            return f"item {key}" if alert.num_success > 0 else "nobody took it"
    return "no end"


def get(ses, key):
    ses.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(key)))
    for alert in alerts(ses, lt.dht_immutable_item_alert, 20):
        if str(alert.target) == key:
            return "item " + alert.item["value"].decode()
    return "no end"


def table(ses):
    state = ses.save_state(lt.save_state_flags_t.save_dht_state).get(b"dht state", {})
    nodes = [shown(str(ipaddress.ip_address(packed[:-2])), int.from_bytes(packed[-2:], "big"))
             for packed in state.get(b"nodes", [])]
    return "table " + " ".join(sorted(nodes))


def answer(ses, handles, words):
    if words[0] == "seed":
        params = lt.add_torrent_params()
        params.ti, params.save_path = lt.torrent_info(words[1]), words[2]
        handles.append(quiet(ses.add_torrent(params)))
        return "ok"
    if words[0] == "magnet":
        params = lt.parse_magnet_uri(words[1])
        params.save_path = words[2]
        handles.append(quiet(ses.add_torrent(params)))
        return "ok"
    if words[0] == "progress":
        return f"progress {handles[0].status().progress:.3f}"
    if words[0] == "announce":
        ses.dht_announce(lt.sha1_hash(bytes.fromhex(words[1])), int(words[2]), 0)
        return "ok"
    if words[0] == "peers":
        return peers(ses, words[1])
    if words[0] == "put":
        return put(ses, words[1])
    if words[0] == "get":
        return get(ses, words[1])
    if words[0] == "table":
        return table(ses)
    return "unknown request"


def main():
    ses, handles = session(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""), []
    for line in sys.stdin:
        print(answer(ses, handles, line.split()), flush=True)


main()
