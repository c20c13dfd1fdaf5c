/// The report of `SyntheticRun.golden`, at two widths: a change here is a change that users see.
enum Golden {
    static let at80 = """
        fqbench  suite quick, 8 rounds, started 2026-11-21T07:30:00Z
        machine  AMD EPYC 7R13 Processor; 1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs
        kernel   6.18.0
        build    commit 4f1fe0b9ff50, with uncommitted changes, release
        seed     1
        clock    step 10.0 ns, one reading 20.0 ns
        floor    empty loop 0.410 ns, null scheme 1.23 ns, atomic add 5.02 ns, stamping
                 22.4 ns, round trip same-l3 289 ns, transfer same-l3 1.64 ns
        rounds   63 of 64 usable (98 %)

        ring · drain · throughput · same-l3 · 1 producer, 1 consumer
        scheme             M/s       ±  vs ctrl  preempted   cost  limit
        ────────────────────────────────────────────────────────────────────────────────
        spsc               121*  0.7 %    1.02×       20 %  1.10×   20 %  ██████████████
        spsc-c             118   0.5 %  control       20 %  2.02×   19 %  █████████████▊
        locked/pthread    9.11   0.7 %  0.0769×       30 %  1.90×  1.5 %  █
        locked/ticket     7.39   0.6 %  0.0624×       40 %  2.91×  1.2 %  ▉
        mpmc            failed       –        –          –      –      –
        median of clean bursts; * best; ± 95 % interval over rounds; cost: slow-down of
        a preempted burst; limit: share of what the path between the cores allows
        - mpmc failed a check: round 3: 2 requests lost
        - mpmc failed a check: round 3: order of group 17 broken

        ring · ping · round trip · same-l3 · 1 producer, 1 consumer
        scheme              p50       p99    p99.9       max  vs ctrl  tail blame
        ───────────────────────────────────────────────────────────────────────────
        spsc             301 ns*   843 ns   970 ns▲   989 ns   0.990×  preempt 62 %
        spsc-c           304 ns   1.13 µs  1.30 µs   1.32 µs  control  machine 69 %
        locked/pthread  3.41 µs   57.9 µs  66.5 µs▼  67.1 µs    11.2×  scheme 86 %
        * best p50; ▲ best p99.9; ▼ worst p99.9; tail blame: the main cause of samples
        above p99

        Notes
        - No cross-numa placement here.

        """

    static let at140 = """
        fqbench  suite quick, 8 rounds, started 2026-11-21T07:30:00Z
        machine  AMD EPYC 7R13 Processor; 1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs
        kernel   6.18.0
        build    commit 4f1fe0b9ff50, with uncommitted changes, release
        seed     1
        clock    step 10.0 ns, one reading 20.0 ns
        floor    empty loop 0.410 ns, null scheme 1.23 ns, atomic add 5.02 ns, stamping 22.4 ns, round trip same-l3 289 ns, transfer same-l3 1.64 ns
        rounds   63 of 64 usable (98 %)

        ring · drain · throughput · same-l3 · 1 producer, 1 consumer
        scheme             M/s       ±  vs ctrl  preempted   cost  limit                                     95 % range  fails/op  B/op  rounds
        ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        spsc               121*  0.7 %    1.02×       20 %  1.10×   20 %  ██████████████████████████████      1.02–1.04  0.000421     0     8/8
        spsc-c             118   0.5 %  control       20 %  2.02×   19 %  █████████████████████████████▍              –  0.000470     0     7/8
        locked/pthread    9.11   0.7 %  0.0769×       30 %  1.90×  1.5 %  ██▎                             0.0765–0.0776   0.00639     0     8/8
        locked/ticket     7.39   0.6 %  0.0624×       40 %  2.91×  1.2 %  █▉                              0.0622–0.0626   0.00917     0     8/8
        mpmc            failed       –        –          –      –      –                                              –         –     –     8/8
        median of clean bursts; * best; ± 95 % interval over rounds; cost: slow-down of a preempted burst; limit: share of what the path between the
        cores allows
        - mpmc failed a check: round 3: 2 requests lost
        - mpmc failed a check: round 3: order of group 17 broken

        ring · ping · round trip · same-l3 · 1 producer, 1 consumer
        scheme              p50       p99    p99.9       max  vs ctrl  tail blame               ±p50   ±p99  p99 vs      p90  limit  samples  rounds
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        spsc             301 ns*   843 ns   970 ns▲   989 ns   0.990×  preempt 62 %  ▊           0 %  1.7 %  0.742×   325 ns   96 %   16.0 k     8/8
        spsc-c           304 ns   1.13 µs  1.30 µs   1.32 µs  control  machine 69 %  ▊         0.3 %  2.1 %       –   329 ns   95 %   16.0 k     8/8
        locked/pthread  3.41 µs   57.9 µs  66.5 µs▼  67.1 µs    11.2×  scheme 86 %   ████████  0.2 %  1.9 %   51.5×  3.68 µs  8.5 %   16.0 k     8/8
        * best p50; ▲ best p99.9; ▼ worst p99.9; tail blame: the main cause of samples above p99

        Notes
        - No cross-numa placement here.

        """
}
