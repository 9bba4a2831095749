import type { EdgeStatus, HeldNumbers } from '#routes/messages.ts'
import { sameContent } from '#routes/placement.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import type { Held } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { record } from '../audit/chain.ts'
import type { Records } from '../records.ts'
import {
  type Asked,
  type EdgeAddress,
  evidenceOf,
  type FleetAsker,
  type GatewayAddress,
  plausible,
} from './ask-fleet.ts'
import type { TableFeed } from './feed.ts'
import type { Members } from './members.ts'
import {
  type Author,
  keep,
  nextNumber,
  type ProposedPlacement,
  type Published,
  publishPlacements,
  publishStructure,
  type Sealer,
} from './publish.ts'
import type { Publisher } from './publisher.ts'
import { type FleetEvidence, type Own, planRecovery, type Recovery } from './recover.ts'

export interface FleetOptions {
  readonly asker: FleetAsker
  readonly trusted: TrustedKeys
  readonly gateways: readonly GatewayAddress[]
  readonly edges: readonly EdgeAddress[]
  readonly members: Members
  readonly feed: TableFeed
  readonly publisher: Publisher
  readonly clock: Clock
  readonly log: Log
}

export interface RecoveryState {
  readonly state: 'asking' | 'done'
  /** Who did not answer when asked at the start: what they hold is learnt when they come. */
  readonly silent: readonly string[]
}

const edgeStatusMs = 1_000

/** The fleet as a witness of how far numbers have gone, so that a restored backup does not fall behind it. */
export class Fleet {
  readonly #options: FleetOptions
  #recovery: RecoveryState = { state: 'asking', silent: [] }
  #edges: { readonly at: number; readonly asked: Promise<readonly Asked<EdgeStatus>[]> } | undefined

  constructor(options: FleetOptions) {
    this.#options = options
  }

  get recovery(): RecoveryState {
    return this.#recovery
  }

  /** Asks everybody, and goes on above what they hold. Changes wait for its end, at most about a second. */
  recoverAtStart(): Promise<void> {
    return this.#options.publisher.exclusive(async () => {
      const { asker, edges } = this.#options
      const [gateways, edgeAnswers] = await Promise.all([
        Promise.all(this.#gatewayAddresses().map((address) => asker.gateway(address, true))),
        Promise.all(edges.map((address) => asker.edge(address))),
      ])
      const silent = [...gateways, ...edgeAnswers].filter(({ ok }) => !ok).map(({ name }) => name)
      await this.#recover(await evidenceOf(answered(gateways), answered(edgeAnswers), this.#options.trusted))
      this.#recovery = { state: 'done', silent }
    })
  }

  /** Whether what a process holds is beyond us, or is another document under our number. Numbers that nobody gave out are not. */
  isBeyond(held: HeldNumbers): boolean {
    const { feed } = this.#options
    if (!plausible(held)) return false
    return differs(feed.structure, held.structure) || differs(feed.placements, held.placements)
  }

  /** A process came that holds more than we do: it is asked for its documents. */
  recoverFrom(address: GatewayAddress, held: HeldNumbers): Promise<void> {
    return this.#options.publisher.exclusive(async () => {
      // Whoever was first in the line may have recovered it all by now.
      if (!this.isBeyond(held)) return
      const answer = await this.#options.asker.gateway(address, true)
      const evidence = await evidenceOf(answered([answer]), [], this.#options.trusted)
      await this.#recover({ ...evidence, held: [...evidence.held, held] })
    })
  }

  /** Asked at most once a second, however many look. */
  edges(): Promise<readonly Asked<EdgeStatus>[]> {
    const { asker, edges, clock } = this.#options
    const now = clock.monotonic()
    if (this.#edges === undefined || now - this.#edges.at > edgeStatusMs) {
      this.#edges = { at: now, asked: Promise.all(edges.map((address) => asker.edge(address))) }
    }
    return this.#edges.asked
  }

  get edgeAddresses(): readonly EdgeAddress[] {
    return this.#options.edges
  }

  #gatewayAddresses(): readonly GatewayAddress[] {
    const { gateways, members } = this.#options
    const stored = members.all().filter(({ state }) => state !== 'gone')
    const all = [...gateways, ...stored.map(({ entry }) => ({ site: entry.site, url: entry.internalUrl }))]
    return [...new Map(all.map((address) => [`${address.site} ${address.url}`, address])).values()]
  }

  async #recover(evidence: FleetEvidence): Promise<void> {
    const { publisher, feed, clock, log } = this.#options
    const done = await publisher.commit(async (records, sealer) => {
      const own: Own = {
        structure: feed.structure,
        placements: feed.placements,
        floors: {
          structure: await records.tables.mark('structure-floor'),
          placements: await records.tables.mark('placements-floor'),
        },
      }
      const recovery = planRecovery(own, evidence)
      const author = { actor: 'control-plane', reason: 'the fleet held more than the store', at: clock.now() }
      return recovery === undefined ? { published: {} } : await commitRecovery(records, sealer, own, recovery, author)
    })
    const { structure, placements } = done.published
    if (placements === undefined) return
    log.warn({ structure: structure?.number, placements: placements.number }, 'recovered from what the fleet holds')
  }
}

async function commitRecovery(
  { tables, audit }: Records,
  sealer: Sealer,
  own: Own,
  recovery: Recovery,
  author: Author,
): Promise<{ published: Published }> {
  await tables.setMark('structure-floor', recovery.floors.structure)
  await tables.setMark('placements-floor', recovery.floors.placements)
  const structure = await recoveredStructure(tables, sealer, own, recovery, author)
  const proposed: ProposedPlacement[] = recovery.placements.map((placement) => {
    const our = own.placements?.value.placements.find(({ unit }) => unit === placement.unit)
    // Our own steady content is what the recovered move came from, as far as we know.
    const leads = our !== undefined && our.moving === undefined && !sameContent(our, placement)
    return { after: our?.epoch ?? 0, placement, ...(leads ? { returnsTo: our.epoch } : {}), how: 'recovered' }
  })
  if (!recovery.publish) return { published: structure === undefined ? {} : { structure } }
  const placements = await publishPlacements(tables, sealer, author, proposed)
  await record(audit, {
    at: author.at,
    actor: author.actor,
    via: 'start',
    action: 'table.recovered',
    object: 'table',
    before: { structure: own.structure?.number ?? 0, placements: own.placements?.number ?? 0 },
    after: {
      structure: structure?.number ?? own.structure?.number ?? 0,
      placements: proposed.map(({ placement }) => placement),
    },
    reason: author.reason,
    requestId: '',
    tableNumber: placements.number,
  })
  return { published: { ...(structure === undefined ? {} : { structure }), placements } }
}

async function recoveredStructure(
  tables: Records['tables'],
  sealer: Sealer,
  own: Own,
  { structure }: Recovery,
  author: Author,
): Promise<Held<Structure> | undefined> {
  if (structure === undefined) return undefined
  if (structure.kind === 'renumber') {
    if (own.structure === undefined) return undefined
    return publishStructure(tables, sealer, author, {
      ...own.structure.value,
      number: await nextNumber(tables, 'structure'),
    })
  }
  const { value, sealed } = structure.document
  // The catalog's texts are older than what was compiled of them: an operator has to apply the newer ones again.
  await tables.setMark('catalog-behind', 1)
  await tables.setMark('sites-since', value.number)
  return keep(tables, value, own.structure?.digest ?? '', author, sealed)
}

function differs(
  ours: { number: number; digest: string } | undefined,
  theirs: { number: number; digest: string },
): boolean {
  if (theirs.number !== (ours?.number ?? 0)) return theirs.number > (ours?.number ?? 0)
  return theirs.number > 0 && theirs.digest !== ours?.digest
}

function answered<Status>(answers: readonly Asked<Status>[]): readonly Status[] {
  return answers.flatMap((answer) => (answer.ok ? [answer.status] : []))
}
