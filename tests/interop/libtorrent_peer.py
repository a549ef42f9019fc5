"""A libtorrent session driven by lines on standard input; answers are lines on standard output.

    seed FILE FOLDER       seed a torrent file          -> ok
    magnet LINK FOLDER     download by magnet link      -> ok
    progress               of the first torrent         -> progress 0.5
    announce KEY PORT      dht_announce                 -> ok
    peers KEY              dht_get_peers                -> peers HOST:PORT ...
    nodes                  nodes in its routing table   -> nodes N
"""
import sys
import time

import libtorrent as lt


def session(listen, bootstrap):
    return lt.session({
        "listen_interfaces": listen, "enable_dht": True, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "dht_bootstrap_nodes": bootstrap,
        "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False, "dht_prefer_verified_node_ids": False,
        "allow_multiple_connections_per_ip": True, "alert_mask": lt.alert.category_t.all_categories})


def quiet(handle):
    """No tracker, no peer exchange, no local discovery: the DHT is the only way."""
    handle.set_flags(lt.torrent_flags.disable_pex | lt.torrent_flags.disable_lsd)
    return handle


def wait_alert(ses, kind, matches, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for alert in ses.pop_alerts():
            if isinstance(alert, kind) and matches(alert):
                return alert
        time.sleep(0.05)
    return None


def peers(ses, key):
    found = set()
    sha = lt.sha1_hash(bytes.fromhex(key))
    end = time.monotonic() + 20
    while time.monotonic() < end and not found:
        ses.dht_get_peers(sha)
        alert = wait_alert(ses, lt.dht_get_peers_reply_alert,
                           lambda a: str(a.info_hash) == key, 3)
        if alert is not None:
            found |= {f"{host}:{port}" for host, port in alert.peers()}
    return "peers " + " ".join(sorted(found))


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
    if words[0] == "nodes":
        return f"nodes {ses.status().dht_nodes}"
    return "unknown request"


def main():
    ses, handles = session(sys.argv[1], sys.argv[2]), []
    for line in sys.stdin:
        print(answer(ses, handles, line.split()), flush=True)


main()
