/** A publisher on the fake of Cloudflare's API in held time, whose process can end at any point and be started again. */
import type { SealedDocument } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import type { Held, PlacementSet } from '#routes/table.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { CloudflareClient } from '../../../control-plane/edge/cloudflare-client.ts'
import type { EdgeSums } from '../../../control-plane/edge/edge-evidence.ts'
import type { Publication } from '../../../control-plane/edge/publication.ts'
import type { BuiltScript } from '../../../control-plane/edge/script-builder.ts'
import { type PublicationAuthor, ScriptPublisher } from '../../../control-plane/edge/script-publisher.ts'
import type { SmokeResult } from '../../../control-plane/edge/smoke-test.ts'
import type { Records, Store } from '../../../control-plane/records.ts'
import { openStore } from '../../../control-plane/store/database.ts'
import { type ApiFault, CloudflareApiFake } from '../../support/cloudflare-api.ts'

export const operator: PublicationAuthor = { actor: 'eve', via: 'api', reason: 'by hand', requestId: 'r1' }

export function held<Value>(kind: SealedDocument['kind'], number: number): Held<Value> {
  const sealed: SealedDocument = { kind, keyId: 'k', signature: 's', body: `${kind} ${number}` }
  return { number, digest: `${number}-${kind}`.padEnd(43, '0'), value: {} as Value, sealed }
}

export function builtFor(table: unknown, code = 'code'): BuiltScript {
  return {
    mainModule: 'worker.js',
    modules: [
      { name: 'worker.js', content: `import table from './bundled-table.js'; // ${code}` },
      { name: 'bundled-table.js', content: JSON.stringify(table) },
    ],
    compatibilityDate: '2026-11-01',
    compatibilityFlags: ['enable_request_signal'],
    codeDigest: `${code}-digest`.padEnd(43, '0'),
    codeGzipBytes: 15_000,
    gzipBytes: 16_000,
    startupMs: 30,
  }
}

const fine: ApiFault = { kind: 'none' }
const good: EdgeSums = { requests: 10_000, failed: 10, marked: 0, skewed: 0 }
const bad: EdgeSums = { requests: 10_000, failed: 400, marked: 0, skewed: 0 }

export class PublishingBed implements AsyncDisposable {
  readonly clock = new HeldClock()
  readonly fake: CloudflareApiFake
  readonly store: Store
  readonly feed = { structure: held<Structure>('structure', 1), placements: held<PlacementSet>('placements', 1) }
  readonly log: Log
  /** Asked at each call of the API; `die` ends the process with it. */
  onCall: (call: string) => ApiFault | 'die' = () => fine
  /** Asked after each write of the journal. */
  onJournaled: () => 'go-on' | 'die' = () => 'go-on'
  smoke: SmokeResult = { passed: true, because: '' }
  since = good
  code = 'code'
  built = (table: unknown) => builtFor(table, this.code)
  publisher: ScriptPublisher
  #alive = { dead: false }

  private constructor(fake: CloudflareApiFake, store: Store, clock: HeldClock, log: Log) {
    this.fake = fake
    this.store = store
    this.clock = clock
    this.log = log
    fake.fault = (method, path) => {
      if (this.#alive.dead) return { kind: 'cut' }
      const fault = this.onCall(`${method} ${path}`)
      if (fault !== 'die') return fault
      this.#alive.dead = true
      return { kind: 'lost' }
    }
    this.publisher = this.#start()
  }

  static async start(options: { readonly log?: Log; readonly empty?: boolean } = {}): Promise<PublishingBed> {
    const clock = new HeldClock(Date.UTC(2026, 10, 22))
    const fake = await CloudflareApiFake.start({ clock, empty: options.empty === true })
    return new PublishingBed(fake, await openStore(undefined, clock.now()), clock, options.log ?? silentLog)
  }

  get dead(): boolean {
    return this.#alive.dead
  }

  /** What gateways see since the step began. */
  worse(): void {
    this.since = bad
  }

  newTable(kind: 'structure' | 'placements'): void {
    if (kind === 'structure') this.feed.structure = held('structure', this.feed.structure.number + 1)
    else this.feed.placements = held('placements', this.feed.placements.number + 1)
    this.publisher.changed(kind)
  }

  /** A new process with what the journal says. */
  async restart(): Promise<void> {
    this.#alive.dead = true
    this.publisher = this.#start()
    await this.publisher.load()
  }

  /** Calls what is due, and lets the time pass in between, until nothing is or the process has ended. */
  async run(untilMs = 40 * 3_600_000): Promise<void> {
    const end = this.clock.monotonic() + untilMs
    while (!this.dead) {
      const ms = await this.publisher.advance()
      if (this.dead || ms === undefined || this.clock.monotonic() + ms > end) return
      this.clock.advance(ms)
    }
  }

  async newest(): Promise<Publication | undefined> {
    return (await this.store.records.publications.list(1))[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    await this.fake[Symbol.asyncDispose]()
  }

  #start(): ScriptPublisher {
    const alive = { dead: false }
    this.#alive = alive
    const { fake, clock, store } = this
    const write = async <Result>(work: (records: Records) => Promise<Result>): Promise<Result> => {
      if (alive.dead) throw new Error('this process has ended')
      const result = await store.write(work)
      if (this.onJournaled() === 'go-on') return result
      alive.dead = true
      throw new Error('this process has ended')
    }
    return new ScriptPublisher({
      api: new CloudflareClient({
        api: fake.api,
        account: fake.account,
        script: fake.script,
        kvNamespace: fake.namespace,
        token: () => fake.token,
        stopped: new AbortController().signal,
      }),
      script: fake.script,
      build: async (table) => this.built(table),
      smoke: async () => this.smoke,
      evidence: { between: (_, until) => (until < clock.now() ? good : this.since) },
      store: { records: store.records, write },
      feed: this.feed,
      clock,
      random: seededRandom(7, clock),
      log: this.log,
      ring: () => undefined,
    })
  }
}
