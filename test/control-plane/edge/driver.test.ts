import { expect, it } from 'vitest'
import { Driver } from '../../../control-plane/edge/driver.ts'
import { eventually } from '../../support/eventually.ts'

it('calls again at once while there is more to do, and then when it rings', async () => {
  let calls = 0
  const driver = new Driver(async () => (++calls < 3 ? 0 : undefined))
  const run = driver.run()
  await eventually(() => calls === 3)

  driver.ring()

  await eventually(() => calls === 4)
  driver.end()
  await run
})

it('does not miss a ring that comes during a call', async () => {
  let calls = 0
  const driver: Driver = new Driver(async () => {
    if (++calls === 1) driver.ring()
    return undefined
  })
  const run = driver.run()

  await eventually(() => calls === 2)
  driver.end()
  await run
})

it('calls one at a time, and no more after its end', async () => {
  let [calls, under] = [0, 0]
  const release = Promise.withResolvers<void>()
  const driver = new Driver(async () => {
    calls++
    under++
    expect(under).toBe(1)
    await release.promise
    under--
    return 0
  })
  const run = driver.run()
  driver.ring()
  driver.end()
  release.resolve()
  await run

  expect(calls).toBe(1)
})
