// Messages between ns-3 nodes that do nothing: whoever gets one of 16 bytes sends one to a random
// neighbour. Each node has a link to the next and to a random other, of a delay drawn from 5 to
// 95 ms, since every channel costs a node a device: bench_message's may send to anybody.
//
//     ns3_message simple|udp nodes messages seconds
//
// simple: SimpleNetDevice, no internet stack. udp: point-to-point links, IPv4 and UDP.
#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>

extern "C" {
#define _Noreturn [[noreturn]]
#include "tests/bench/peers/message_run.h"
}

#include <cstring>
#include <vector>

using namespace ns3;

struct Host {
    std::vector<Ptr<NetDevice>> devices; // simple
    std::vector<Address> neighbours;
    Ptr<Socket> socket; // udp
};

static std::vector<Host> nodes;
static struct run run;

static void send(uint32_t from) {
    Host &node = nodes[from];
    size_t which = run_draw(&run) % node.neighbours.size();
    Ptr<Packet> packet = Create<Packet>(16);
    if (node.socket) {
        node.socket->SendTo(packet, 0, node.neighbours[which]);
    } else {
        node.devices[which]->Send(packet, node.neighbours[which], 0x0800);
    }
}

static void on_message(uint32_t to) {
    run_message(&run);
    send(to);
}

static Time delay() { return NanoSeconds(5000000 + run_draw(&run) % 90000000); }

static Ptr<SimpleNetDevice> simple_device(const NodeContainer &all, uint32_t at,
                                          Ptr<SimpleChannel> channel) {
    Ptr<SimpleNetDevice> device = CreateObject<SimpleNetDevice>();
    device->SetAddress(Mac48Address::Allocate());
    all.Get(at)->AddDevice(device);
    device->SetChannel(channel);
    device->SetReceiveCallback(NetDevice::ReceiveCallback(
        [at](Ptr<NetDevice>, Ptr<const Packet>, uint16_t, const Address &) {
            on_message(at);
            return true;
        }));
    return device;
}

static void link_simple(const NodeContainer &all, uint32_t a, uint32_t b) {
    Ptr<SimpleChannel> channel = CreateObject<SimpleChannel>();
    channel->SetAttribute("Delay", TimeValue(delay()));
    Ptr<SimpleNetDevice> one = simple_device(all, a, channel);
    Ptr<SimpleNetDevice> other = simple_device(all, b, channel);
    nodes[a].devices.push_back(one);
    nodes[a].neighbours.push_back(other->GetAddress());
    nodes[b].devices.push_back(other);
    nodes[b].neighbours.push_back(one->GetAddress());
}

static const uint16_t port = 1000;

static void interface(Ptr<NetDevice> device, Ipv4Address address) {
    Ptr<Ipv4> ip = device->GetNode()->GetObject<Ipv4>();
    uint32_t index = ip->AddInterface(device);
    ip->AddAddress(index, Ipv4InterfaceAddress(address, Ipv4Mask("255.255.255.252")));
    ip->SetUp(index);
}

static void link_udp(const NodeContainer &all, uint32_t a, uint32_t b) {
    static uint32_t network = 0x0a000000;
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue("1Gbps"));
    link.SetChannelAttribute("Delay", TimeValue(delay()));
    NetDeviceContainer devices = link.Install(all.Get(a), all.Get(b));
    Ipv4Address one(network + 1), other(network + 2);
    network += 4;
    interface(devices.Get(0), one);
    interface(devices.Get(1), other);
    nodes[a].neighbours.push_back(InetSocketAddress(other, port));
    nodes[b].neighbours.push_back(InetSocketAddress(one, port));
}

static void install_udp(const NodeContainer &all) {
    InternetStackHelper stack;
    Ipv4StaticRoutingHelper routing;
    stack.SetRoutingHelper(routing);
    stack.SetIpv6StackInstall(false);
    stack.Install(all);
}

static void open_udp(const NodeContainer &all, uint32_t at) {
    Ptr<Socket> socket = Socket::CreateSocket(all.Get(at), UdpSocketFactory::GetTypeId());
    socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), port));
    socket->SetRecvCallback(Callback<void, Ptr<Socket>>([at](Ptr<Socket> from) {
        while (from->Recv()) on_message(at);
    }));
    nodes[at].socket = socket;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    bool udp = std::strcmp(words[1], "udp") == 0;
    run_init(&run, words + 2);
    nodes.resize(run.nodes);
    ObjectFactory factory;
    factory.SetTypeId("ns3::PriorityQueueScheduler");
    Simulator::SetScheduler(factory);
    NodeContainer all;
    all.Create(run.nodes);
    if (udp) install_udp(all);
    for (uint32_t i = 0; i < run.nodes; i++) {
        uint32_t other = (i + 2 + run_draw(&run) % (run.nodes - 3)) % run.nodes;
        (udp ? link_udp : link_simple)(all, i, (i + 1) % run.nodes);
        (udp ? link_udp : link_simple)(all, i, other);
    }
    for (uint32_t i = 0; udp && i < run.nodes; i++) open_udp(all, i);
    run_built(&run);
    for (uint32_t i = 0; i < run.nodes; i++)
        Simulator::ScheduleWithContext(i, NanoSeconds(run_draw(&run) % 90000000), &send, i);
    Simulator::Run();
    return 1; // it ran out of messages
}
