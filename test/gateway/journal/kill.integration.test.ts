import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Journal } from '../../../gateway/journal/journal.ts'
import { openJournals } from '../../../gateway/journal/open-journals.ts'
import { eventually } from '../../support/eventually.ts'
import { startScript } from '../../support/process-runner.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { shipAll } from './journal-bed.ts'

const script = new URL('./appending-process.ts', import.meta.url).pathname

const options = (folder: string) => ({
  folder,
  site: 'here',
  limits: { invalidationsBytes: 64 << 20, valuesBytes: 64 << 20, segmentBytes: 256 << 10 },
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  background: new Background(silentLog),
})

/** The keys that were noted as standing, and the first line. */
async function noted(path: string): Promise<{ slot: string; keys: string[] }> {
  const [slot = '', ...keys] = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  return { slot, keys }
}

async function replayedKeys(journal: Journal): Promise<Set<string>> {
  const keys = new Set<string>()
  for await (const { key } of journal.unapplied()) keys.add(key)
  return keys
}

describe('a process that is killed while it appends', () => {
  it('Store J1: leaves all that it said stands, time and again, to the next process in its slot', async () => {
    await using folder = await temporaryFolder()
    const stood = new Set<string>()
    for (let round = 0; round < 3; round++) {
      const notes = folder.file(`notes-${round}`)
      await using child = await startScript(script, [folder.file('j'), notes, String(round * 10_000_000)], {
        ready: /appending/,
      })
      await eventually(async () => (await noted(notes)).keys.length > 2_000, { deadlineMs: 20_000 })
      await child.stop('SIGKILL')

      const { slot, keys } = await noted(notes)
      for (const key of keys) if (key.startsWith('key-')) stood.add(key)
      const journals = await openJournals(options(folder.file('j')))
      const { own } = journals
      expect(slot).toBe(`slot ${own.place} ${own.id} false`)
      expect(own.lost).toBe(false)
      const again = await replayedKeys(own)
      expect([...stood].filter((key) => !again.has(key))).toEqual([])
      const shipped = new Set((await shipAll(own.reader('cloud'), false)).map(({ operation }) => operation.key))
      expect([...stood].filter((key) => !shipped.has(key))).toEqual([])
      await journals.close()
    }
  }, 90_000)

  it('is followed by a live process of the same home, which adopts what it left and ends it', async () => {
    await using folder = await temporaryFolder()
    const notes = folder.file('notes')
    await using child = await startScript(script, [folder.file('j'), notes], { ready: /appending/ })
    const journals = await openJournals(options(folder.file('j')))
    const adopted: Journal[] = []
    journals.onAdopted((journal) => adopted.push(journal))
    await eventually(async () => (await noted(notes)).keys.length > 100)
    const { slot } = await noted(notes)
    expect(slot).not.toContain(journals.own.place)
    expect(journals.adopted).toEqual([])

    await child.stop('SIGKILL')
    await eventually(() => adopted.length > 0, { deadlineMs: 10_000 })
    const [left] = adopted as [Journal]
    expect(slot).toBe(`slot ${left.place} ${left.id} false`)
    const again = await replayedKeys(left)
    expect((await noted(notes)).keys.filter((key) => !again.has(key))).toEqual([])
    await left.retire()
    expect(journals.adopted).toEqual([])
    await journals.close()
  }, 60_000)
})
