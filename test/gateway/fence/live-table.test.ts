import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { ControlPlaneCalls } from '../../../gateway/fence/control-plane-calls.ts'
import { LiveTable } from '../../../gateway/fence/live-table.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { eventually, within } from '../../support/eventually.ts'
import { makeSealer, placement, placementSet, route, structure } from '../../support/tables.ts'

const sealer = await makeSealer()
const offer = JSON.stringify({
  structure: await sealer.structure(structure([route('/v1/**')])),
  placements: await sealer.placements(placementSet([placement('orders')])),
})
const event = `event: offer\ndata: ${offer}\n\n`

function open(line = new SlowLine()) {
  const clock = new HeldClock()
  const holder = new TableHolder({ trusted: () => sealer.trusted, clock, log: silentLog })
  const channel = new LiveTable({
    calls: line as unknown as ControlPlaneCalls,
    holder,
    site: 'onprem',
    instance: 'i1',
    internalUrl: () => 'http://127.0.0.1:1',
    startedAt: 0,
    version: '0',
    clock,
    random: systemRandom,
    background: new Background(silentLog),
    log: silentLog,
  })
  return { line, clock, holder, channel }
}

describe('the channel to the control plane', () => {
  it('lets a gateway start when it has the newest table, not before', async () => {
    const { line, holder, channel } = open()
    const started = channel.start().then(() => holder.current?.placements.number)

    await line.carry(': ping\n\n')
    expect(holder.current).toBeUndefined()
    await line.carry(event)

    expect(await started).toBe(1)
    await channel.stop()
  })

  it('keeps no gateway from starting when the control plane is away', async () => {
    const { line, channel } = open()
    line.away = true

    await within(500, 'the start', channel.start())
    await channel.stop()
  })

  it('takes a table that comes slowly while requests wait for it, and leaves a line that has fallen silent', async () => {
    const { line, clock, holder, channel } = open()
    const started = channel.start()

    for (let piece = 0; piece < 5; piece++) {
      await line.carry(event.slice((event.length * piece) / 5, (event.length * (piece + 1)) / 5))
      clock.advance(600)
      channel.refresh()
    }
    await started
    expect(holder.current?.placements.number).toBe(1)
    expect(line.opened).toBe(1)

    clock.advance(1_500)
    channel.refresh()
    await eventually(() => line.opened === 2)
    await channel.stop()
  })
})

/** What a gateway has of a control plane: streams that carry what the test sends, when it sends it. */
class SlowLine {
  opened = 0
  away = false
  #pass: ((chunk: Buffer) => void) | undefined

  /** Each call is answered, or none. */
  async send(): Promise<unknown> {
    if (this.away) throw new Error('connect ECONNREFUSED')
    return { writerId: 1 }
  }

  /** Resolves when it was read. */
  async carry(text: string): Promise<void> {
    const pass = await eventually(() => this.#pass)
    this.#pass = undefined
    pass(Buffer.from(text))
    await eventually(() => this.#pass)
  }

  async stream(_: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    this.opened++
    const next = () =>
      new Promise<Buffer>((resolve, reject) => {
        this.#pass = resolve
        signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true })
      })
    return (async function* () {
      for (;;) yield await next()
    })()
  }
}
