import { expect, it } from 'vitest'
import { systemTimers } from '../../../gateway/cache/timers.ts'

it('a wait ends once, and not at all when it was called off', async () => {
  const ended: string[] = []
  const callOff = systemTimers.after(1, () => ended.push('called off'))
  callOff()

  await new Promise<void>((resolve) => {
    systemTimers.after(5, () => {
      ended.push('ended')
      resolve()
    })
    // Ours do not keep a process alive: this one does, for the test.
    setTimeout(resolve, 5_000)
  })

  expect(ended).toEqual(['ended'])
})
