import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { record } from '../audit/chain.ts'
import type { Via } from '../audit/entry.ts'
import { problems } from '../errors.ts'
import type { Store } from '../records.ts'
import { Turns } from '../turns.ts'
import type { Reply, ScriptVersion, Share } from './cloudflare-client.ts'
import { Health } from './health.ts'
import { differsInPlacementsOnly, isOpen, type Publication, type ScriptContent, tagOf } from './publication.ts'
import { type ActParts, PublicationActs, wantedOf } from './publication-acts.ts'
import { overBudget } from './script-budgets.ts'
import { actOf, nextOf, serving, takenBack } from './script-version-channel.ts'

export interface ScriptPublisherParts extends ActParts {
  readonly script: string
  readonly store: Pick<Store, 'records' | 'write'>
  readonly random: Random
  readonly log: Log
  /** Told that there is something to do. */
  readonly ring: () => void
}

export interface PublicationAuthor {
  readonly actor: string
  readonly via: Via
  readonly reason: string
  readonly requestId: string
}

/** Placements alone wait, so that a day of flips is a few versions, and no bundle is much older than this. */
const debounceMs = 300_000
const watchEveryMs = 10_000
const kept = 200

const ourselves: PublicationAuthor = {
  actor: 'control-plane',
  via: 'program',
  reason: 'a newer table',
  requestId: '',
}

/**
 * Brings the newest table to the edge as a version of the script, one publication at a time. Each state is journaled before
 * it is acted on: whoever takes over after a crash does what is left of it.
 */
export class ScriptPublisher {
  readonly #parts: ScriptPublisherParts
  readonly #acts: PublicationActs
  readonly #health: Health
  readonly #writing = new Turns(50)
  #open: Publication | undefined
  #last: Publication | undefined
  #beginning = false
  #dueAt: number | undefined
  #notBefore = 0
  #waits = ''

  constructor(parts: ScriptPublisherParts) {
    this.#parts = parts
    this.#acts = new PublicationActs(parts)
    this.#health = new Health(parts.random, parts.log, 'script')
  }

  /** From the journal: what was under way goes on with the next `advance`. */
  async load(): Promise<void> {
    const [newest] = await this.#parts.store.records.publications.list(1)
    if (newest !== undefined) this.#take(newest)
    this.changed('placements')
  }

  /** A new table is there: a structure is published at once, placements within five minutes. */
  changed(what: 'structure' | 'placements'): void {
    this.#dueBy(this.#parts.clock.monotonic() + (what === 'structure' ? 0 : debounceMs))
  }

  /** The one under way, else the last one. */
  get newest(): Publication | undefined {
    return this.#open ?? this.#last
  }

  /** `because` also tells why it waits for a person, '' when all is well. */
  get health(): Pick<Health, 'state' | 'because'> {
    const { state, because } = this.#health
    const waits = this.#waits === '' ? '' : `${this.#waits}; newer tables wait for \`tidegate edge publish\``
    return { state, because: because || waits }
  }

  /** Does what is due now. Answers after how many ms to call again; undefined = when it rings. Never rejects. */
  async advance(): Promise<number | undefined> {
    if (this.#health.state === 'halted' || this.#beginning) return undefined
    const inMs = this.#notBefore - this.#parts.clock.monotonic()
    if (inMs > 0) return inMs
    try {
      return this.#open === undefined ? await this.#publishIfDue() : await this.#proceed(this.#open)
    } catch (cause) {
      return this.#wait(this.#health.failed(cause))
    }
  }

  /**
   * Publishes the newest table now; undefined: it is deployed already. After a halt it goes on with what was under way.
   * Throws why it cannot begin.
   */
  async publish(author: PublicationAuthor): Promise<Publication | undefined> {
    const halted = this.#health.state === 'halted'
    if (this.#beginning || (this.#open !== undefined && !halted)) {
      const { tag = 'a script that is being built', state = 'built' } = this.#open ?? {}
      throw problems['edge-publication-open']({ tag, state })
    }
    this.#resume()
    try {
      return this.#open ?? (await this.#begin(author))
    } finally {
      this.#parts.ring()
    }
  }

  /** Deploys what there was before the newest publication. Throws `edge-nothing-to-roll-back`. */
  async rollback(author: PublicationAuthor): Promise<Publication> {
    const back = await this.#writing.take(async () => {
      const { newest } = this
      if (newest === undefined || !(isOpen(newest) || newest.state === 'confirmed')) {
        throw problems['edge-nothing-to-roll-back']()
      }
      const next = takenBack(newest, `${author.actor}: ${author.reason}`, this.#parts.clock.now())
      await this.#journal(next, { action: 'edge.rollback', author, before: newest })
      return next
    })
    this.#resume()
    this.#parts.ring()
    return back
  }

  #resume(): void {
    this.#health.resume()
    this.#notBefore = 0
  }

  #take(publication: Publication): void {
    this.#open = isOpen(publication) ? publication : undefined
    this.#last = isOpen(publication) ? this.#last : publication
  }

  #dueBy(at: number): void {
    this.#dueAt = Math.min(this.#dueAt ?? at, at)
    this.#parts.ring()
  }

  #wait(inMs: number | undefined): number | undefined {
    if (inMs !== undefined) this.#notBefore = this.#parts.clock.monotonic() + inMs
    return inMs
  }

  async #publishIfDue(): Promise<number | undefined> {
    const dueAt = this.#dueAt
    if (dueAt === undefined) return undefined
    const inMs = dueAt - this.#parts.clock.monotonic()
    if (inMs > 0) return inMs
    // What comes from now on is for a later version.
    this.#dueAt = undefined
    try {
      await this.#begin(ourselves)
      this.#health.worked()
      return 0
    } catch (cause) {
      this.#dueBy(dueAt)
      throw cause
    }
  }

  async #begin(author: PublicationAuthor): Promise<Publication | undefined> {
    this.#beginning = true
    try {
      const { feed, build, clock, random } = this.#parts
      const wanted = wantedOf(feed)
      if (wanted === undefined && author === ourselves) return undefined
      if (wanted === undefined) throw problems['no-table']()
      const built = await build(wanted.table)
      const because = overBudget(built)
      if (because !== undefined) throw problems['edge-script-too-large']({ because })
      const content: ScriptContent = { ...wanted.content, codeDigest: built.codeDigest }
      const tag = tagOf(content)
      const former = await this.#former()
      if (former.tag === tag) return undefined
      this.#waits = author === ourselves ? this.#waitsFor(content, former.id) : ''
      if (this.#waits !== '') return undefined
      const now = clock.now()
      const publication: Publication = {
        id: random.id(),
        tag,
        kind: differsInPlacementsOnly(former.message, content) ? 'placements' : 'structure',
        content,
        formerId: former.id,
        state: 'built',
        since: now,
        startedAt: now,
        actor: author.actor,
        reason: author.reason,
        gzipBytes: built.gzipBytes,
        startupMs: built.startupMs,
      }
      this.#acts.keep(tag, built)
      await this.#writing.take(async () => {
        // An operator has taken the last one back while this was built: that comes first.
        const other = this.#open
        if (other !== undefined) throw problems['edge-publication-open']({ tag: other.tag, state: other.state })
        await this.#journal(publication, { action: 'edge.publish', author })
      })
      return publication
    } finally {
      this.#beginning = false
    }
  }

  /**
   * Why nothing is published by itself: what a person deployed or took back stays, until a person publishes or, after a way
   * back, until code or structure have changed. '' = nothing is in the way.
   */
  #waitsFor({ codeDigest, structureDigest }: ScriptContent, deployed: string): string {
    const last = this.#last
    if (last === undefined) return ''
    const left = last.state === 'confirmed' ? last.versionId : last.formerId
    if (last.state === 'superseded' || left !== deployed) return `somebody else has deployed version ${deployed}`
    const { state, content } = last
    const same = content.codeDigest === codeDigest && content.structureDigest === structureDigest
    return same && (state === 'rolled-back' || state === 'refused')
      ? `this structure was ${state}: ${last.because}`
      : ''
  }

  /** What a rollback brings back: the version that has all of the traffic. */
  async #former(): Promise<ScriptVersion> {
    const { api, script } = this.#parts
    const [first, second] = serving(done(await api.deployment()))
    if (first === undefined) throw problems['edge-script-unknown']({ script })
    if (second !== undefined) throw problems['edge-deployment-foreign']({ shares: told([first, second]) })
    const versions = done(await api.versions())
    return versions.find(({ id }) => id === first.versionId) ?? { id: first.versionId }
  }

  async #proceed(open: Publication): Promise<number | undefined> {
    const act = actOf(open)
    if (act === undefined) return 0
    const outcome = await this.#acts.perform(open, act)
    // An operator has taken it back while we were at it.
    if (this.#open !== open) return 0
    if ('denied' in outcome) return this.#health.halt(outcome.denied)
    if ('later' in outcome) return this.#wait(this.#health.failed(outcome.later, outcome.afterMs))
    const next = nextOf(open, outcome, this.#parts.clock.now())
    if (next === open && outcome.kind === 'refused') return this.#wait(this.#health.failed(outcome.because))
    this.#health.worked()
    if (next === open) return this.#wait(watchEveryMs)
    await this.#writing.take(async () => {
      // Or while this waited for its turn.
      if (this.#open !== open) return
      const back = next.state === 'rolling-back'
      const author = { ...ourselves, reason: next.because ?? '' }
      await this.#journal(next, back ? { action: 'edge.rollback', author, before: open } : undefined)
      this.#tell(next)
    })
    return 0
  }

  /** With `told`, an audit entry in the same transaction. */
  async #journal(
    next: Publication,
    told?: { readonly action: string; readonly author: PublicationAuthor; readonly before?: Publication },
  ): Promise<void> {
    const { store, script, clock } = this.#parts
    await store.write(async ({ publications, audit }) => {
      await publications.save(next)
      await publications.forgetAllBut(kept)
      if (told === undefined) return
      const { action, author, before } = told
      await record(audit, {
        at: clock.now(),
        ...author,
        action,
        object: script,
        before: before === undefined ? { version: next.formerId } : summary(before),
        after: summary(next),
      })
    })
    this.#take(next)
  }

  #tell({ tag, state, because }: Publication): void {
    const { log } = this.#parts
    if (because === undefined) log.info({ tag, state }, 'the edge script goes on')
    else log.warn({ tag, state, because }, 'the edge script does not go on')
  }
}

function done<Result>(reply: Reply<Result>): Result {
  if (reply.kind === 'done') return reply.result
  const { because } = reply
  if (reply.kind === 'denied') throw problems['cloudflare-denied']({ because })
  const afterMs = reply.kind === 'later' ? reply.afterMs : undefined
  throw problems['cloudflare-unavailable']({ because, afterMs })
}

function summary({ tag, kind, state, content, versionId = '', formerId }: Publication) {
  const { structure, placements } = content
  return { tag, kind, state, structure, placements, version: versionId, former: formerId }
}

function told(shares: readonly Share[]): string {
  return shares.map(({ versionId, percentage }) => `${versionId} ${percentage} %`).join(', ')
}
