/** The words of the route table as types. Meanings: the table of words in docs/architecture.md. */

/** Name of a place where a gateway and services run: `onprem`, `cloud`, or any other. Never a union of two. */
export type Site = string
export type ServiceId = string
/** What is moved: a service (`orders`) or a route that was split off it. */
export type UnitId = string
/** Stable over catalog changes: made from the service, methods, host and pattern of the route, not from its position. */
export type RouteId = string
/** Number of a placement. It grows with every change of it and never falls. */
export type Epoch = number
/** Basis points, 0..10000: hundredths of a percent. */
export type Bp = number
/** 0..9999, the sticky hash of a request's key. */
export type Bucket = number
/** Salt of the bucket hash. */
export type Cohort = string
/** Number of a structure or placements document. It grows with every publication and never falls. */
export type TableNumber = number

/** What may be split during a move. Unknown state is `shared`, the careful reading. */
export type StateScope = 'none' | 'per-key' | 'shared' | 'external'
export type Effect = 'read' | 'write'
