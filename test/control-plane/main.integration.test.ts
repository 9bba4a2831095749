import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startScript } from '../support/process-runner.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { catalogOf, serviceFile } from './support/catalog.ts'
import { FakeGateway } from './support/fake-gateway.ts'
import { prepareProgram, startProgram } from './support/program.ts'

describe('the program', () => {
  it('keeps every acknowledged change through SIGKILL, and is ready again within a second', async () => {
    await using folder = await temporaryFolder()
    const program = await prepareProgram(folder)
    let running = await startProgram(program)
    await running.client.apply({ files: [...catalogOf(serviceFile('orders'), serviceFile('users'))] })

    const acknowledged = new Map<string, number>()
    for (let round = 0; round < 3; round++) {
      // Flips are under way at the moment of the kill: those that were answered must be there afterwards.
      const flipping = (async () => {
        for (let at = 0; ; at++) {
          const unit = at % 2 === 0 ? 'orders' : 'users'
          const { epoch } = await running.client.flip(
            unit,
            { to: 'cloud', reads: 1 + at, reason: `round ${round}` },
            '*',
          )
          acknowledged.set(unit, epoch)
          if (at === 5) running.process.signal('SIGKILL')
        }
      })()
      await expect(flipping).rejects.toMatchObject({ code: 'unreachable' })
      await running.process.ended

      running = await startProgram(program)
      expect(running.readyMs).toBeLessThan(3_000)
      for (const [unit, epoch] of acknowledged) {
        expect((await running.client.unit(unit)).placement.epoch).toBeGreaterThanOrEqual(epoch)
      }
      expect(await running.client.verifyAudit()).toMatchObject({ valid: true })
    }
    expect(await running.process.stop()).toEqual({ code: 0, signal: null })
  })

  it('answers what is under way when it is told to stop, and ends at once then', async () => {
    await using folder = await temporaryFolder()
    const program = await prepareProgram(folder)
    const running = await startProgram(program)
    await running.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
    await using gateway = await FakeGateway.start({ keys: program.keys, acknowledges: false })
    await gateway.connect(running.url)

    // It waits two seconds for the gateway that says nothing.
    const flipping = running.client.flip('orders', { to: 'cloud', reason: 'x' }, 1)
    await eventually(() => gateway.offers.length === 2)
    running.process.signal('SIGTERM')

    expect((await flipping).waiting).toHaveLength(1)
    const started = performance.now()
    expect(await running.process.ended).toEqual({ code: 0, signal: null })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('refuses a second one in the same home', async () => {
    await using folder = await temporaryFolder()
    const program = await prepareProgram(folder)
    const first = await startProgram(program)

    const second = await startScript('control-plane/main.ts', ['--config', program.configFile])
    expect((await second.ended).code).toBe(1)
    expect(second.output()).toMatch(/Another control plane works in/)

    await first.process.stop()
  })

  it('tells all faults of its configuration at once', async () => {
    await using folder = await temporaryFolder()
    const program = await prepareProgram(folder)
    await writeFile(program.configFile, 'listen: { public: nowhere }\nhome: x\nport: 1\n')
    const failed = await startScript('control-plane/main.ts', ['--config', program.configFile])
    expect((await failed.ended).code).toBe(1)
    expect(failed.output()).toMatch(/"nowhere"/)
    expect(failed.output()).toMatch(/port/)
    expect(failed.output()).toMatch(/keys/)
  })
})
