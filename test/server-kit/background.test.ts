import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { createLog, silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'

function recorded() {
  const lines: string[] = []
  return { lines, log: createLog({ program: 'test', destination: { write: (line) => lines.push(line) } }) }
}

describe('background work', () => {
  it('that fails is told and counted with its name, and hurts nobody', async () => {
    const { log, lines } = recorded()
    const metrics = createMetrics()
    const background = new Background(log, 10, metrics)

    background.run('shadow', Promise.reject(new Error('planted')))
    background.run('shadow', () => {
      throw new Error('planted before its first await')
    })
    await background.settle(1_000)

    expect(background.failed).toBe(2)
    expect(lines.join()).toContain('"work":"shadow"')
    expect(lines.join()).toContain('planted before')
    expect(await metrics.text()).toContain('tidegate_background_failures_total{name="shadow",outcome="failed"} 2')
  })

  it('is not begun above the limit', async () => {
    const background = new Background(silentLog, 2)
    const hold = Promise.withResolvers<void>()
    let begun = 0
    const work = () => {
      begun++
      return hold.promise
    }

    for (let i = 0; i < 5; i++) background.run('copy', work)

    expect([begun, background.running, background.refused]).toEqual([2, 2, 3])
    hold.resolve()
    await background.settle(1_000)
    expect(background.running).toBe(0)
  })

  it('that is under way already is still watched above the limit', async () => {
    const background = new Background(silentLog, 1)
    const hold = Promise.withResolvers<void>()

    background.run('first', hold.promise)
    background.run('second', Promise.reject(new Error('planted')))
    hold.resolve()
    await background.settle(1_000)

    expect([background.refused, background.failed]).toEqual([1, 1])
  })

  it('is waited for at the end, also what it starts itself', async () => {
    const background = new Background(silentLog)
    const done: string[] = []

    background.run('outer', async () => {
      await Promise.resolve()
      background.run('inner', async () => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        done.push('inner')
      })
      done.push('outer')
    })
    await background.settle(1_000)

    expect(done.toSorted()).toEqual(['inner', 'outer'])
  })

  it('that does not end is left behind at the deadline, by name', async () => {
    const { log, lines } = recorded()
    const background = new Background(log)
    background.run('endless', new Promise(() => {}))

    await background.settle(20)

    expect(lines.join()).toContain('endless')
  })
})
