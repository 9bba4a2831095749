import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { tellLines } from '../../../edge-worker/host/told-lines.ts'

it('tells what workerd says, but not as often as a client can make it speak', async () => {
  const told: { line?: string; untold?: number }[] = []
  const log = createLog({ program: 'test', destination: { write: (line) => told.push(JSON.parse(line)) } })
  const clock = new HeldClock()
  const stream = new PassThrough()
  tellLines(stream, log, clock)
  const say = async (text: string) => {
    stream.write(text)
    await turn()
  }

  await say('\nUncaught exception\n'.repeat(100))
  expect(told.map(({ line }) => line)).toEqual(Array(20).fill('Uncaught exception'))
  clock.advance(1_000)
  await say(`${'x'.repeat(9_000)}\n`)

  expect(told.slice(20)).toMatchObject([{ untold: 80 }, { line: 'x'.repeat(2_000) }])
})
