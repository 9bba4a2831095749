import type { TableOffer } from '#routes/messages.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import { HeldTable } from '../../edge-worker/held-table.ts'
import type { TableSource } from '../../edge-worker/table-sources.ts'

/** One isolate: its clock moves by hand, its source answers what and when the test says. */
export class HeldIsolate {
  nowMs = 1_000_000
  asked = 0
  readonly shares: boolean[] = []
  readonly kept: Promise<unknown>[] = []
  readonly pauses: { ms: number; pass: () => void }[] = []
  answer: TableSource['read'] = async () => ({})
  readonly table: HeldTable

  constructor(bundle: TableOffer, trusted: TrustedKeys, more: readonly TableSource[] | 'no source' = []) {
    const source: TableSource = {
      name: 'supervisor',
      read: (...asking) => {
        this.asked++
        this.shares.push(asking[2] !== undefined)
        return this.answer(...asking)
      },
    }
    this.table = new HeldTable(bundle, more === 'no source' ? [] : [source, ...more], trusted, {
      now: () => this.nowMs,
      pause: (ms) => new Promise((pass) => this.pauses.push({ ms, pass })),
    })
  }

  /** A request, and what its platform keeps running after the answer. */
  request(): Promise<EdgeTable | undefined> {
    return this.table.current((work) => this.kept.push(work))
  }

  noticed(placements: number): void {
    this.table.noticed({ structure: 1, placements }, (work) => this.kept.push(work))
  }

  async settled(): Promise<void> {
    await Promise.all(this.kept)
  }
}
