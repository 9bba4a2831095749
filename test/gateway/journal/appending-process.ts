/**
 * A process that appends to the journal of a folder until it is killed, and writes down what was said to stand:
 *     node appending-process.ts FOLDER NOTES FIRST
 */
import { openSync, writeSync } from 'node:fs'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openJournals } from '../../../gateway/journal/open-journals.ts'
import { del, set } from './journal-bed.ts'

const [folder = '', notes = '', first = '0'] = process.argv.slice(2)
const journals = await openJournals({
  folder,
  site: 'here',
  limits: { invalidationsBytes: 64 << 20, valuesBytes: 64 << 20, segmentBytes: 256 << 10 },
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  background: new Background(silentLog),
})
const { own } = journals
const out = openSync(notes, 'a')
writeSync(out, `slot ${own.place} ${own.id} ${own.lost}\n`)
own.reader('cloud')
for await (const operation of own.unapplied()) void operation

let next = Number(first)
const worker = async (): Promise<void> => {
  for (;;) {
    const key = `key-${next++}`
    const isDelete = next % 2 === 0
    const { durable } = own.append(isDelete ? del(key) : set(key, Buffer.alloc((next * 37) % 5_000, 1)))
    if (await durable) writeSync(out, `${key}\n`)
  }
}
process.stdout.write('appending\n')
await Promise.all(Array.from({ length: 32 }, worker))
