/**
 * The shapes of the REST API, once: Fastify checks requests by them, the OpenAPI document is made of them, and CLI and
 * console take their types from here.
 */
import { type Static, Type } from 'typebox'
import { CloudflareStatus } from './cloudflare-schema.ts'

const closed = { additionalProperties: false } as const

const Name = Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' })
const Unit = Type.String({ minLength: 1, maxLength: 200 })
const Bp = Type.Integer({ minimum: 0, maximum: 10_000, description: 'Basis points: hundredths of a percent.' })
const Count = Type.Integer({ minimum: 0 })
const Moment = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })
export const Reason = Type.String({ maxLength: 1_000, description: 'Why; kept in the audit.' })

export const Place = Type.Object({ file: Type.String(), line: Count, column: Count })
export const Fault = Type.Object({
  file: Type.String(),
  line: Count,
  column: Count,
  pointer: Type.String(),
  value: Type.String(),
  expected: Type.String(),
  fix: Type.Optional(Type.String()),
  also: Type.Optional(Place),
})

const Shadow = Type.Object(
  { to: Type.String(), sample: Bp, again: Bp, maxInFlight: Count, at: Type.Optional(Type.Literal('edge')) },
  { description: 'Copies of safe requests that the owner sends to another site; no client sees their answers.' },
)
const Failover = Type.Object(
  { to: Type.String(), safeOnly: Type.Literal(true) },
  { description: 'Where edges send a safe request once more when its site gives no answer.' },
)
export const Placement = Type.Object({
  unit: Unit,
  epoch: Count,
  owner: Type.String(),
  moving: Type.Optional(Type.Object({ to: Type.String(), reads: Bp, writes: Bp })),
  cohort: Type.String(),
  key: Type.Array(Type.String()),
  shadow: Type.Optional(Shadow),
  failover: Type.Optional(Failover),
})

export const ProblemAnswer = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  requestId: Type.String(),
  detail: Type.Optional(Type.String()),
  fix: Type.Optional(Type.String()),
  pointer: Type.Optional(Type.String()),
  faults: Type.Optional(Type.Array(Fault)),
  change: Type.Optional(Type.Unknown({ description: 'The change that another operator made in between.' })),
})

// Catalog

export const CatalogFile = Type.Object(
  { file: Type.String({ minLength: 1, maxLength: 500 }), text: Type.String() },
  closed,
)
export const ApplyBody = Type.Object(
  {
    files: Type.Array(CatalogFile, { maxItems: 10_100 }),
    reason: Type.Optional(Reason),
    mode: Type.Optional(
      Type.Union([Type.Literal('whole'), Type.Literal('merge')], {
        description: 'whole (default): these files are the catalog. merge: they are added, or replace their namesakes.',
      }),
    ),
    allowShrink: Type.Optional(
      Type.Boolean({ description: 'The loss of many routes at once is meant. Default false.' }),
    ),
  },
  closed,
)
export const ApplyQuery = Type.Object(
  { dryRun: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])) },
  closed,
)
const Names = Type.Array(Type.String())
const Changed = Type.Object({ added: Names, changed: Names, removed: Names })
const TableNumbers = Type.Object({ structure: Count, placements: Count })
export const ApplyAnswer = Type.Object({
  structure: Count,
  changed: Changed,
  warnings: Type.Array(Fault),
  table: TableNumbers,
  dryRun: Type.Boolean(),
})
export const DiffAnswer = Type.Object({
  changed: Changed,
  warnings: Type.Array(Fault),
  services: Type.Array(Type.Object({ service: Type.String(), lines: Type.Array(Type.String()) })),
})
export const CatalogAnswer = Type.Object({
  structure: Count,
  behind: Type.Boolean({ description: 'The structure in force came from the fleet: apply the catalog again.' }),
  files: Type.Array(CatalogFile),
})

export const ServiceSummary = Type.Object({
  service: Type.String(),
  team: Type.String(),
  tier: Type.Integer(),
  state: Type.String(),
  home: Type.String(),
  routes: Count,
  deployments: Type.Array(
    Type.Object({ site: Type.String(), url: Type.String(), capacity: Type.Optional(Type.Number()) }),
  ),
})
export const RouteSummary = Type.Object({
  id: Type.String(),
  service: Type.String(),
  unit: Type.String(),
  host: Type.Optional(Type.String()),
  pattern: Type.String(),
  methods: Type.Optional(Type.Array(Type.String())),
  policy: Type.Unknown(),
})
const Text = Type.String()
export const SiteSummary = Type.Object({ name: Text, provider: Text, country: Text, region: Text, origin: Text })

// Units

export const UnitParams = Type.Object({ unit: Unit }, closed)
const Rate = Type.Number()
const SiteRates = Type.Object({ site: Text, reads: Rate, writes: Rate, forwarded: Rate, failed: Rate })
export const UnitSummary = Type.Object({
  unit: Type.String(),
  service: Type.Optional(Type.String({ description: 'Absent: the service left the catalog; the placement stays.' })),
  team: Type.Optional(Type.String()),
  placement: Placement,
  changed: Type.Object({
    how: Type.String(),
    actor: Type.String(),
    reason: Type.String(),
    at: Moment,
    placements: Count,
  }),
  returnsTo: Type.Optional(Type.Integer({ description: 'The epoch that a rollback brings back.' })),
  traffic: Type.Array(SiteRates, { description: 'Observed over the last seconds, requests a second by site.' }),
})
export const UnitAnswer = Type.Intersect([
  UnitSummary,
  Type.Object({
    history: Type.Array(
      Type.Object({
        placement: Placement,
        how: Type.String(),
        actor: Type.String(),
        reason: Type.String(),
        at: Moment,
        placements: Count,
      }),
    ),
  }),
])
// An audit entry without a why is the one that is missed at three in the morning.
const NeededReason = Type.String({
  minLength: 1,
  maxLength: 1_000,
  pattern: '\\S',
  description: 'Why; kept in the audit.',
})
export const FlipBody = Type.Object(
  { to: Name, reads: Type.Optional(Bp), writes: Type.Optional(Bp), reason: NeededReason },
  closed,
)
export const ShadowBody = Type.Object(
  {
    to: Name,
    sample: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Share of the clients whose safe requests are copied, in basis points; DELETE ends the copies.',
    }),
    maxInFlight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        description: 'Copies under way at once, a gateway process; what is beyond is dropped. Default 100.',
      }),
    ),
    at: Type.Optional(
      Type.Literal('edge', {
        description: 'Each edge copies, only to warm the other site; absent: the gateway of the owner, which compares.',
      }),
    ),
    reason: NeededReason,
  },
  closed,
)
export const FailoverBody = Type.Object({ to: Name, reason: NeededReason }, closed)
/** Of what is ended by DELETE. */
export const EndQuery = Type.Object({ reason: NeededReason }, closed)
export const RollbackBody = Type.Object({ reason: Type.Optional(Reason) }, closed)
export const ChangeAnswer = Type.Object({
  unit: Type.String(),
  epoch: Count,
  placement: Placement,
  table: Count,
  changed: Type.Boolean({ description: 'False: it was so already; nothing was published.' }),
  undo: Type.String(),
  ended: Type.Optional(
    Type.Object(
      { shadow: Type.Optional(Shadow), failover: Type.Optional(Failover) },
      { description: 'What this change brought to an end.' },
    ),
  ),
  gateways: Type.Array(Type.Object({ site: Type.String(), instance: Type.String(), ackMs: Count })),
  waiting: Type.Array(Type.Object({ site: Type.String(), instance: Type.String(), because: Type.String() })),
})

// Tables

export const TableParams = Type.Object({ n: Type.String({ pattern: '^\\d{1,15}$' }) }, closed)
export const ListQuery = Type.Object(
  {
    before: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
    limit: Type.Optional(Type.String({ pattern: '^\\d{1,3}$', description: 'At most 500; default 100.' })),
  },
  closed,
)
export const TableEntry = Type.Object({
  kind: Type.String(),
  number: Count,
  digest: Type.String(),
  parent: Type.String(),
  author: Type.String(),
  reason: Type.String(),
  at: Moment,
})
export const TableAnswer = Type.Intersect([TableEntry, Type.Object({ placements: Type.Array(Placement) })])
export const AdoptionQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.String({ pattern: '^\\d{1,2}s$', description: 'Wait until confirmed, at most so long (60s).' }),
    ),
  },
  closed,
)
export const AdoptionAnswer = Type.Object({
  placements: Count,
  confirmed: Type.Boolean(),
  confirmedAt: Type.Optional(Moment),
  gateways: Type.Array(
    Type.Object({
      site: Type.String(),
      instance: Type.String(),
      structure: Count,
      placements: Count,
      at: Type.Optional(Moment),
    }),
  ),
  colos: Type.Array(
    Type.Object({
      colo: Type.String(),
      lowest: Count,
      highest: Count,
      lastBelow: Type.Optional(Moment),
      requests: Count,
    }),
  ),
  stragglers: Type.Array(
    Type.Object({
      kind: Type.Union([Type.Literal('gateway'), Type.Literal('edge')]),
      name: Type.String(),
      placements: Count,
    }),
  ),
})

export const GatewayParams = Type.Object({ site: Name, instance: Name }, closed)
const CacheDebt = Type.Object({ deletes: Type.Number(), sets: Type.Number(), oldestAgeMs: Type.Number() })

// Status, explain, events

export const GatewaySummary = Type.Object({
  site: Type.String(),
  instance: Type.String(),
  internalUrl: Type.String(),
  version: Type.String(),
  state: Type.Enum(['joining', 'live', 'leaving', 'gone']),
  startedAt: Moment,
  heardAt: Moment,
  structure: Count,
  placements: Count,
  refusals: Type.Array(Type.Unknown()),
  debt: Type.Optional(CacheDebt),
})
export const EdgeSummary = Type.Object({
  name: Type.String(),
  url: Type.String(),
  reachable: Type.Boolean(),
  because: Type.Optional(Type.String()),
  status: Type.Optional(Type.Unknown()),
})
export const StatusAnswer = Type.Object({
  environment: Type.String(),
  version: Type.String(),
  startedAt: Moment,
  table: TableNumbers,
  catalogBehind: Type.Boolean(),
  recovery: Type.Object({ state: Type.String(), silent: Type.Array(Type.String()) }),
  services: Count,
  units: Count,
  moving: Count,
  sites: Type.Array(Type.String()),
  gateways: Type.Array(GatewaySummary),
  edges: Type.Array(EdgeSummary),
  adoption: Type.Optional(AdoptionAnswer),
  cloudflare: Type.Optional(CloudflareStatus),
})
export const ExplainBody = Type.Object(
  {
    method: Type.String({ minLength: 1, maxLength: 32 }),
    url: Type.String({
      minLength: 1,
      maxLength: 16_384,
      description: 'Absolute, or a path on the host that headers name.',
    }),
    headers: Type.Optional(Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 16_384 }))),
    country: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{2}$',
        description: 'Of the client, as an edge finds out; absent: it came without an edge.',
      }),
    ),
  },
  closed,
)
export const ExplainAnswer = Type.Object({
  site: Type.String(),
  because: Type.String(),
  route: Type.Optional(Type.String()),
  service: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
  effect: Type.String(),
  epoch: Count,
  bucket: Type.Optional(Count),
  refused: Type.Boolean(),
  key: Type.String(),
  table: TableNumbers,
  sentences: Type.Array(Type.String()),
})

export type Fault = Static<typeof Fault>
export type Placement = Static<typeof Placement>
export type ProblemAnswer = Static<typeof ProblemAnswer>
export type CatalogFile = Static<typeof CatalogFile>
export type ApplyBody = Static<typeof ApplyBody>
export type ApplyQuery = Static<typeof ApplyQuery>
export type ApplyAnswer = Static<typeof ApplyAnswer>
export type DiffAnswer = Static<typeof DiffAnswer>
export type CatalogAnswer = Static<typeof CatalogAnswer>
export type ServiceSummary = Static<typeof ServiceSummary>
export type RouteSummary = Static<typeof RouteSummary>
export type SiteSummary = Static<typeof SiteSummary>
export type UnitSummary = Static<typeof UnitSummary>
export type UnitAnswer = Static<typeof UnitAnswer>
export type UnitParams = Static<typeof UnitParams>
export type FlipBody = Static<typeof FlipBody>
export type ShadowBody = Static<typeof ShadowBody>
export type FailoverBody = Static<typeof FailoverBody>
export type EndQuery = Static<typeof EndQuery>
export type RollbackBody = Static<typeof RollbackBody>
export type ChangeAnswer = Static<typeof ChangeAnswer>
export type TableParams = Static<typeof TableParams>
export type ListQuery = Static<typeof ListQuery>
export type TableEntry = Static<typeof TableEntry>
export type TableAnswer = Static<typeof TableAnswer>
export type AdoptionQuery = Static<typeof AdoptionQuery>
export type AdoptionAnswer = Static<typeof AdoptionAnswer>
export type GatewayParams = Static<typeof GatewayParams>
export type GatewaySummary = Static<typeof GatewaySummary>
export type EdgeSummary = Static<typeof EdgeSummary>
export type StatusAnswer = Static<typeof StatusAnswer>
export type ExplainBody = Static<typeof ExplainBody>
export type ExplainAnswer = Static<typeof ExplainAnswer>

/** One event of `GET /api/v1/events`. Those with an `id` are resumable; counters are not. */
export type ConsoleEvent =
  | {
      readonly type: 'table'
      readonly structure: number
      readonly placements: number
      readonly author: string
      readonly reason: string
      readonly at: number
    }
  | {
      readonly type: 'unit'
      readonly placement: Placement
      readonly actor: string
      readonly reason: string
      readonly at: number
    }
  | { readonly type: 'catalog'; readonly structure: number; readonly changed: ApplyAnswer['changed'] }
  | { readonly type: 'gateway'; readonly gateway: GatewaySummary }
  | { readonly type: 'adoption'; readonly adoption: AdoptionAnswer }
  | {
      readonly type: 'traffic'
      readonly units: readonly { readonly unit: string; readonly traffic: UnitSummary['traffic'] }[]
    }
  | { readonly type: 'reset' }
