// The hold model of bench_queue over ns-3's events and one of its schedulers.
//
//     ns3_queue hold|mixed n [scheduler]    default ns3::PriorityQueueScheduler
//
// The same draws in the same order as bench_queue, so that it prints the same check.
#include <ns3/core-module.h>

extern "C" {
#define _Noreturn [[noreturn]]
#include "tests/bench/queue/model.h"
}

#include <cstdio>
#include <cstdlib>
#include <cstring>

static struct model model;
static uint64_t holds, start;

static void on_event() {
    if (holds++ == model.pending) start = cpu_ns(); // warmed up
    popped(&model, ns3::Simulator::Now().GetNanoSeconds());
    ns3::Simulator::Schedule(ns3::NanoSeconds(next_ahead(&model)), &on_event);
    if (holds < HOLDS + model.pending) return;
    std::printf("ns=%.1f check=%016llx\n", double(cpu_ns() - start) / HOLDS,
                (unsigned long long)model.check);
    std::fflush(stdout);
    std::_Exit(0); // what is pending is not worth taking down
}

int main(int count, char **words) {
    if (count < 3) return 2;
    ns3::ObjectFactory factory;
    factory.SetTypeId(count > 3 ? words[3] : "ns3::PriorityQueueScheduler");
    ns3::Simulator::SetScheduler(factory);
    model.ahead = std::strcmp(words[1], "mixed") == 0 ? mixed : hold;
    model.pending = std::strtoull(words[2], nullptr, 10);
    for (size_t i = 0; i < model.pending; i++)
        ns3::Simulator::Schedule(ns3::NanoSeconds(next_ahead(&model)), &on_event);
    ns3::Simulator::Run();
    return 1; // it ran out of events
}
