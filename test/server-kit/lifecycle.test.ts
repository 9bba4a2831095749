import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Lifecycle, type Part } from '#server-kit/lifecycle.ts'
import { createLog, silentLog } from '#server-kit/log.ts'
import { startScript } from '../support/process-runner.ts'

/** Parts that write down what they are told. */
function recording() {
  const told: string[] = []
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: async () => void told.push(`start ${name}`),
    drain: async () => void told.push(`drain ${name}`),
    stop: async () => void told.push(`stop ${name}`),
    ...more,
  })
  return { told, part }
}

const planted = async (): Promise<never> => {
  throw new Error('planted')
}
const endless = (): Promise<never> => new Promise(() => {})

describe('a lifecycle', () => {
  it('starts in order, drains all from the front, then stops in reverse', async () => {
    const { told, part } = recording()
    const lifecycle = new Lifecycle(silentLog).add(part('store')).add(part('listener'))

    const states = [lifecycle.state]
    await lifecycle.start()
    states.push(lifecycle.state)
    const stopping = lifecycle.stop('test')
    states.push(lifecycle.state)
    await Promise.all([stopping, lifecycle.stop('again')])
    states.push(lifecycle.state)

    expect(told).toEqual([
      'start store',
      'start listener',
      'drain listener',
      'drain store',
      'stop listener',
      'stop store',
    ])
    expect(states).toEqual(['starting', 'ready', 'draining', 'stopped'])
    expect(lifecycle.clean).toBe(true)
  })

  it('whose part fails to start stops what was begun, and throws that failure', async () => {
    const { told, part } = recording()
    const lifecycle = new Lifecycle(silentLog)
      .add(part('store'))
      .add(part('listener', { start: planted }))
      .add(part('never'))

    await expect(lifecycle.start()).rejects.toThrow('planted')

    expect(told).toEqual(['start store', 'drain listener', 'drain store', 'stop listener', 'stop store'])
    expect(lifecycle.state).toBe('stopped')
  })

  it.each(['drain', 'stop'] as const)('ends though a part fails to %s, and says so', async (verb) => {
    const lines: string[] = []
    const log = createLog({ program: 'test', destination: { write: (line) => lines.push(line) } })
    const { told, part } = recording()
    const lifecycle = new Lifecycle(log).add(part('store')).add(part('listener', { [verb]: planted }))

    await lifecycle.start()
    await lifecycle.stop('test')

    expect(told).toContain('stop store')
    expect(lifecycle.clean).toBe(false)
    expect(lines.join()).toContain('"part":"listener"')
  })

  it.each(['start', 'drain', 'stop'] as const)('does not wait without end for a part to %s', async (verb) => {
    const { told, part } = recording()
    const lifecycle = new Lifecycle(silentLog, { [`${verb}Ms`]: 20 })
      .add(part('store'))
      .add(part('slow', { [verb]: endless }))

    const started = await lifecycle.start().catch((problem) => problem)
    await lifecycle.stop('test')

    if (verb === 'start') expect(started).toMatchObject({ code: 'part-too-slow' })
    expect(told.at(-1)).toBe('stop store')
  })

  it('told to stop while it starts begins no further part', async () => {
    const { told, part } = recording()
    const hold = Promise.withResolvers<void>()
    const start = () => hold.promise.then(() => void told.push('started store'))
    const lifecycle = new Lifecycle(silentLog).add(part('store', { start })).add(part('never'))

    const starting = lifecycle.start()
    const stopping = lifecycle.stop('test')
    hold.resolve()

    await expect(starting).rejects.toThrow(expect.objectContaining({ code: 'stopped-while-starting' }))
    await stopping
    expect(told).toEqual(['started store', 'drain store', 'stop store'])
  })

  it('takes no part after its start and starts once', async () => {
    const { part } = recording()
    const lifecycle = new Lifecycle(silentLog)
    await lifecycle.start()

    expect(() => lifecycle.add(part('late'))).toThrow(expect.objectContaining({ code: 'part-out-of-turn' }))
    await expect(lifecycle.start()).rejects.toThrow(expect.objectContaining({ code: 'part-out-of-turn' }))
  })
})

const script = fileURLToPath(new URL('./fixtures/part.ts', import.meta.url))
const ready = /"text":"ready"/

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends in order with 0 on %s', async (signal) => {
    await using running = await startScript(script, [], { ready })

    const ending = await running.stop(signal)

    expect(ending).toEqual({ code: 0, signal: null })
    expect(running.output()).toContain('"text":"stopped"')
  })

  it('takes signals that come at once for one wish, as a Ctrl-C under npm does', async () => {
    await using running = await startScript(script, ['short-drain'], { ready })

    // Two different ones, since the system makes one of two equal ones that wait.
    running.signal('SIGINT')

    expect(await running.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  it('ends at once with 1 on a second signal', async () => {
    await using running = await startScript(script, ['slow-drain'], { ready })

    running.signal('SIGTERM')
    await running.waitFor(/draining/)
    const again = setInterval(() => running.signal('SIGTERM'), 50)
    const ending = await running.ended
    clearInterval(again)

    expect(ending).toEqual({ code: 1, signal: null })
  })

  it.each([
    ['fail-start', /the start failed/],
    ['stray', /nobody caught this/],
  ])('ends in order with 1 by itself: %s', async (manner, told) => {
    await using running = await startScript(script, [manner])

    expect(await running.ended).toEqual({ code: 1, signal: null })
    expect(running.output()).toMatch(told)
    expect(running.output()).toContain('"text":"stopped"')
  })

  it('ends with 1 when a part failed to stop', async () => {
    await using running = await startScript(script, ['fail-stop'], { ready })

    expect(await running.stop()).toEqual({ code: 1, signal: null })
  })
})
