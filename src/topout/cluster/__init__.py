"""Answers blocks of rows on workers elsewhere. The journal, the budget and every decision stay in the process that runs the engine.

    engine ──► ClusterExecutor ──► Crew ──► worker: task, scorer, program, gateway ──► model
                     │                          │                │
              driver's ledger                 Gate (one)    reply cache (shared)

A parcel of rows leaves with the money that was set aside for it, and comes back with rollouts and the bills of their calls; nobody else writes anything down.
Delivery is at least once: the parcel of a worker that died goes out again, and what had been bought comes from the cache. Only `ray_crew` knows Ray.
"""
