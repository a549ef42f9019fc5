/* Tables behind the delays' distributions. Their entries are defined here, and checked against libm
 * by tests/unit/sim/test_delay.c. */
#ifndef SIM_NET_TABLES_H
#define SIM_NET_TABLES_H

#include <stdint.h>

/* Upper quantiles of the normal distribution: entry i is z, in units of 2^-24, with
 *     P(Z > z) = 2^-(1 + octave) * (1 - step / 64), octave = i div 32, step = i mod 32
 * so every halving of the probability has 32 steps of its own and the tail is as exact as the
 * middle. The last is the probability 2^-33: beyond it the tail is cut, at 6.34 sigma. */
#define SIM_NORMAL_OCTAVES 32
#define SIM_NORMAL_STEPS 32
#define SIM_NORMAL_COUNT (SIM_NORMAL_OCTAVES * SIM_NORMAL_STEPS + 1)

extern const int32_t sim_net__normal[SIM_NORMAL_COUNT];

/* Entry i is 2^(i / 256) in units of 2^-30. */
#define SIM_EXP2_COUNT 257

extern const uint32_t sim_net__exp2[SIM_EXP2_COUNT];

/* Entry i is log2(1 + i / 256) in units of 2^-30. */
#define SIM_LOG2_COUNT 257

extern const uint32_t sim_net__log2[SIM_LOG2_COUNT];

#endif
